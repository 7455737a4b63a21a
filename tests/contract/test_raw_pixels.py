"""RawPixelsStore, on Pixels that a client makes and writes."""

from contextlib import closing
from uuid import uuid4

import numpy as np
import pytest
import zarr
from omero.rtypes import rstring

import omero
from tests.contract.facts import fact, refused

PLANE = bytes(range(24))  # 6 x 4, uint8


@pytest.fixture
def pixels(user):
    """Pixels of 6 x 4 x 2 that nobody has touched yet; their id."""
    return _made(user)


def _made(user):
    service = user.sf.getPixelsService()
    kind = user.sf.getTypesService().getEnumeration("PixelsType", "uint8")
    image = service.createImage(6, 4, 2, 1, [0], kind, f"contract-{uuid4().hex[:8]}", None).val
    [[found]] = user.sf.getQueryService().projection(f"select p.id from Pixels p where p.image.id = {image}", None)
    return found.val


def opened(client, number):
    store = client.sf.createRawPixelsStore()
    store.setPixelsId(number, False)
    return closing(store)


@fact("real_server.md 9")
def test_reading_before_writing(user, pixels):
    """Pixels that nobody has written are zeros for a RawPixelsStore, not an import in progress."""
    with opened(user, pixels) as store:
        assert store.getPlane(0, 0, 0) == bytes(24)


@fact("omero_api_calls.md")
def test_written_planes(user, pixels):
    """A plane that was written is read back, and save stores the SHA-1 of all planes."""
    with opened(user, pixels) as store:
        store.setPlane(PLANE, 1, 0, 0)
        assert store.getPlane(1, 0, 0) == PLANE
        assert len(store.save().sha1.val) == 40


@fact("real_server.md 9")
def test_writing_twice(user, pixels):
    """Only who opens Pixels before the first access writes them; later stores do not: Write-method not permitted."""
    with opened(user, pixels) as store:
        store.setPlane(PLANE, 0, 0, 0)
        store.save()
    with opened(user, pixels) as store:
        with refused(omero.ApiUsageException, "Write-method not permitted"):
            store.setPlane(PLANE, 0, 0, 0)
        assert store.getPlane(0, 0, 0) == PLANE


@fact("real_server.md 9")
@pytest.mark.parametrize("tile", [(1, 0, 5, 1), (0, 1, 3, 1)])
def test_tiles_with_an_offset(user, pixels, tile):
    """A tile that is no whole rows is not written: InternalException."""
    x, y, w, h = tile
    with opened(user, pixels) as store, pytest.raises(omero.InternalException):
        store.setTile(bytes(w * h), 0, 0, 0, x, y, w, h)


@fact("omero-romio 5.8: RomioPixelBuffer")
def test_tile_of_whole_rows(user, pixels):
    """A tile of whole rows is written."""
    with opened(user, pixels) as store:
        store.setTile(bytes([7] * 12), 0, 0, 0, 0, 1, 6, 2)
        assert store.getPlane(0, 0, 0) == bytes(6) + bytes([7] * 12) + bytes(6)


@fact("omero-romio 5.8: RomioPixelBuffer")
@pytest.mark.parametrize(("size", "word"), [(5, "Underflow"), (30, "Overflow")])
def test_plane_of_another_size(user, pixels, size, word):
    """A plane with too few or too many bytes is not written: ResourceError."""
    with opened(user, pixels) as store, refused(omero.ResourceError, f"Buffer{word}Exception"):
        store.setPlane(bytes(size), 0, 0, 0)


@fact("omero-romio 5.8: RomioPixelBuffer")
def test_region(user, pixels):
    """A region is bytes at a place in the file."""
    with opened(user, pixels) as store:
        store.setRegion(6, 3, bytes([1] * 6))
        assert store.getPlane(0, 0, 0) == bytes(3) + bytes([1] * 6) + bytes(15)


@fact("omero-romio 5.8: RomioPixelBuffer")
def test_tile_outside(user, pixels):
    """A tile that reaches out of the image is an ApiUsageException."""
    with opened(user, pixels) as store, refused(omero.ApiUsageException, "X '9' greater than sizeX '6'"):
        store.getTile(0, 0, 0, 4, 0, 6, 1)


@fact("omero_api_calls.md")
def test_plane_that_is_not_there(user, pixels):
    """A plane outside of the image is an ApiUsageException."""
    with opened(user, pixels) as store, pytest.raises(omero.ApiUsageException):
        store.getPlane(2, 0, 0)


@fact("omero_replacement.md, part 3")
def test_unset(user):
    """A store that was given no Pixels says so: ApiUsageException."""
    with closing(user.sf.createRawPixelsStore()) as store, refused(omero.ApiUsageException, "properly initialized"):
        store.getPlane(0, 0, 0)


@fact("omero_import_speed.md")
def test_drawing_before_writing(user, pixels):
    """Pixels that nobody has written are not drawn: LockTimeout, Import in progress."""
    with closing(user.sf.createRenderingEngine()) as engine:
        engine.lookupPixels(pixels)
        with refused(omero.LockTimeout, "Import in progress"):
            engine.resetDefaultSettings(True)


@fact("omero_replacement.md, part 3")
def test_settings_of_what_cannot_be_opened(user, pixels):
    """Images that cannot be opened are left out where settings are made for several: resetDefaultsInSet gives none."""
    assert user.sf.getRenderingSettingsService().resetDefaultsInSet("Pixels", [pixels]) == []


@fact("real_server.md 15")
def test_channel_that_is_not_there(user, pixels):
    """Minimum and maximum of a channel that is not there: InternalException."""
    with pytest.raises(omero.InternalException):
        user.sf.getPixelsService().setChannelGlobalMinMax(pixels, 1, 0.0, 1.0)


@fact("omero_replacement.md, part 3")
def test_bound_to_nothing(user, pixels):
    """An image that is bound to a Zarr that cannot be opened shows its own pixels, without an error."""
    _bind(user, pixels, "/nowhere/contract.zarr/0")
    with opened(user, pixels) as store:
        assert store.getPlane(0, 0, 0) == bytes(24)


@fact("seen with omero-zarr-pixel-buffer 0.6.2-SNAPSHOT")
def test_binding_that_a_store_has_met(user, pixels, tmp_path):
    """A store keeps the binding of an image as it first met it, also after it was opened on another one."""
    other = _made(user)
    old, new = (_zarr(tmp_path / name, value) for name, value in (("old.zarr", 1), ("new.zarr", 2)))
    _bind(user, pixels, old)
    with opened(user, pixels) as store:
        if store.getPlane(0, 0, 0) != bytes([1] * 24):
            pytest.skip("this server does not read Zarr, or does not see this machine's files")
        _bind(user, pixels, new)
        store.setPixelsId(other, False)
        store.setPixelsId(pixels, False)
        assert store.getPlane(0, 0, 0) == bytes([1] * 24)
    with opened(user, pixels) as store:
        assert store.getPlane(0, 0, 0) == bytes([2] * 24)


@fact("omero-romio 5.8, omero-zarr-pixel-buffer 0.6.2-SNAPSHOT")
def test_timepoint(user, pixels):
    """getTimepoint gives all planes of a timepoint, those of a channel together."""
    with opened(user, pixels) as store:
        store.setPlane(PLANE, 1, 0, 0)
        assert store.getTimepoint(0) == bytes(24) + PLANE


def _bind(user, number, lsid):
    query, update = user.sf.getQueryService(), user.sf.getUpdateService()
    image = query.findByQuery(f"select i from Image i join i.pixels p where p.id = {number}", None)
    info = omero.model.ExternalInfoI()
    info.entityType, info.entityId = rstring("com.glencoesoftware.ngff:multiscales"), omero.rtypes.rlong(3)
    info.lsid = rstring(lsid)
    image.details.externalInfo = info
    update.saveObject(image)


def _zarr(root, value):
    """A multiscales group of 6 x 4 x 2 pixels of one value, Zarr v2; its path."""
    multiscale = {"version": "0.4", "axes": [{"name": name} for name in "zyx"], "datasets": [{"path": "0"}]}
    group = zarr.open_group(root, mode="w", zarr_format=2, attributes={"multiscales": [multiscale]})
    group.create_array("0", data=np.full((2, 4, 6), value, "u1"), compressors=None)
    return str(root)

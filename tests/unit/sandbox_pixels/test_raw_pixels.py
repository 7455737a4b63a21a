"""RawPixelsStore over rows of a real database: which file it opens for whom, and every operation."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import numpy as np
import omero.all
import pytest
import tifffile
from omero.rtypes import rdouble, rint, rlong, rstring

import omero
from omero_sandbox import model
from omero_sandbox.context import ALL_GROUPS, Caller
from omero_sandbox.database import Database, postgres, template
from omero_sandbox.pixels import open_buffer
from omero_sandbox.services.base import Call
from omero_sandbox.services.raw_pixels import RawPixelsStore

from .conftest import Writer

PIXELS = np.arange(2 * 3 * 4 * 5, dtype="<u2").reshape(2, 3, 4, 5)  # c, z, y, x
OWNER, MEMBER, LEADER, STRANGER = 101, 102, 103, 104
PRIVATE, READ_ONLY = 201, 202


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("pixels_database")
    port = postgres.free_port()
    template.install(folder / "postgres")
    postgres.start(folder / "postgres", port, folder / "log")
    made = Database(postgres.dsn(port))
    with made.write(caller(0, 0, admin=True)) as tx:
        for user in (OWNER, MEMBER, LEADER, STRANGER):
            tx.cursor.execute(
                "INSERT INTO experimenter (id, permissions, firstname, lastname, ldap, omename, version)"
                " VALUES (%s, -52, 'A', 'B', false, %s, 0)",
                (user, f"user{user}"),
            )
        for group, permissions in ((PRIVATE, -120), (READ_ONLY, -56)):
            tx.cursor.execute(
                "INSERT INTO experimentergroup (id, permissions, name, ldap, version) VALUES (%s, %s, %s, false, 0)",
                (group, permissions, f"group{group}"),
            )
    yield made
    made.close()
    postgres.stop(folder / "postgres")


def caller(user: int, group: int, admin: bool = False, leads: bool = False, member: bool = True) -> Caller:
    """Someone at work in a group."""
    groups = frozenset({group, 0} if admin else {group} if member else {})
    leader_of = frozenset({group}) if leads else frozenset()
    return Caller(0, "0", user, f"user{user}", group, f"group{group}", admin, groups, leader_of)


Import = Callable[..., int]


@pytest.fixture
def state(database: Database, tmp_path: Path) -> Any:
    root = tmp_path / "ManagedRepository"
    root.mkdir()
    return SimpleNamespace(
        database=database,
        managed=SimpleNamespace(root=root, uuid=str(uuid4())),
        settings=SimpleNamespace(reader_v3=False, s3={}),
    )


@pytest.fixture
def imported(state: Any) -> Import:
    """Import a file of PIXELS as it were: `imported(path, group=…, lsid=…)` gives the id of the Pixels."""

    def run(
        path: str = "a/b/x.ome.tif",
        group: int = READ_ONLY,
        lsid: Path | None = None,
        entry: bool = True,
        **more: Any,
    ) -> int:
        file = state.managed.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(".tif"):
            tifffile.imwrite(file, PIXELS, ome=True, metadata={"axes": "CZYX"})
        elif path.endswith(".xml"):
            file.write_text("<OME/>")
        with state.database.write(caller(OWNER, group)) as tx:
            (saved,) = model.save(tx, [image(lsid, **more)])
            pixels_id = saved.getPrimaryPixels().id.val
            folder, _, name = path.rpartition("/")
            tx.cursor.execute(
                "UPDATE pixels SET path = %s, name = %s, repo = %s WHERE id = %s",
                (folder, name, state.managed.uuid, pixels_id),
            )
            add_file(tx, group, folder, name, state.managed.uuid)
            if entry:
                add_entry(tx, group, name, state.managed.uuid)
        return pixels_id

    return run


def image(lsid: Path | None, file_format: str = "OMETiff", entity_id: int = 3, channels: int = 0) -> omero.model.ImageI:
    """An image of the size of PIXELS."""
    pixels = omero.model.PixelsI()
    for axis, size in zip("XYZCT", (5, 4, 3, 2, 1), strict=True):
        setattr(pixels, f"size{axis}", rint(size))
    pixels.sha1 = rstring("?")
    pixels.pixelsType, pixels.dimensionOrder = omero.model.PixelsTypeI(), omero.model.DimensionOrderI()
    pixels.pixelsType.value, pixels.dimensionOrder.value = rstring("uint16"), rstring("XYZCT")
    for _ in range(channels):
        channel = omero.model.ChannelI()
        channel.logicalChannel, channel.statsInfo = omero.model.LogicalChannelI(), omero.model.StatsInfoI()
        channel.statsInfo.globalMin, channel.statsInfo.globalMax = rdouble(0), rdouble(10)
        pixels.addChannel(channel)
    made = omero.model.ImageI()
    made.name, made.series = rstring("x"), rint(0)
    made.format = omero.model.FormatI()
    made.format.value = rstring(file_format)
    made.addPixels(pixels)
    if lsid is not None:
        info = omero.model.ExternalInfoI()
        info.entityType, info.entityId = rstring("com.glencoesoftware.ngff:multiscales"), rlong(entity_id)
        info.lsid = rstring(str(lsid))
        made.details.externalInfo = info
    return made


COMMON = "permissions, version, owner_id, group_id, creation_id, update_id"


def common(tx: Any, group: int) -> str:
    """Values for COMMON."""
    return f"-120, 0, {OWNER}, {group}, {tx.event_id}, {tx.event_id}"


def add_file(tx: Any, group: int, folder: str, name: str, uuid: str) -> None:
    """The row of a file in the repository."""
    tx.cursor.execute(
        f"INSERT INTO originalfile (id, path, name, repo, {COMMON}) VALUES (%s, %s, %s, %s, {common(tx, group)})",
        (*tx.next_ids("originalfile", 1), f"{folder}/", name, uuid),
    )


def add_entry(tx: Any, group: int, name: str, uuid: str) -> None:
    """A new fileset of the repository's one file."""
    (fileset_id,), (entry_id,) = tx.next_ids("fileset", 1), tx.next_ids("filesetentry", 1)
    tx.cursor.execute(
        f"INSERT INTO fileset (id, templateprefix, {COMMON}) VALUES (%s, 'a/', {common(tx, group)})",
        (fileset_id,),
    )
    tx.cursor.execute(
        f"INSERT INTO filesetentry (id, clientpath, fileset, originalfile, fileset_index, {COMMON})"
        f" SELECT %s, name, %s, id, 0, {common(tx, group)} FROM originalfile WHERE repo = %s AND name = %s",
        (entry_id, fileset_id, uuid, name),
    )


class Client:
    """Calls a store as one user."""

    def __init__(self, state: Any, who: Caller) -> None:
        self._store, self._call = RawPixelsStore(state, SimpleNamespace()), Call(who, None)  # type: ignore[arg-type]

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return lambda *arguments: getattr(self._store, operation)(self._call, *arguments)


@pytest.fixture
def owner(state: Any) -> Client:
    return Client(state, caller(OWNER, READ_ONLY))


def test_every_operation(owner: Client, imported: Import, state: Any) -> None:
    pixels_id = imported()
    owner.prepare([pixels_id])
    owner.setPixelsId(pixels_id, True)
    big = PIXELS.astype(">u2")
    assert owner.getPixelsId() == pixels_id
    assert owner.getPixelsPath() == str(state.managed.root / "a/b/x.ome.tif")
    assert owner.getPlane(2, 1, 0) == big[1, 2].tobytes()
    assert owner.getTile(2, 1, 0, 1, 2, 3, 2) == big[1, 2, 2:4, 1:4].tobytes()
    assert owner.getRow(3, 2, 1, 0) == big[1, 2, 3].tobytes()
    assert owner.getCol(4, 2, 1, 0) == big[1, 2, :, 4].tobytes()
    assert owner.getStack(1, 0) == big[1].tobytes()
    assert owner.getTimepoint(0) == big.tobytes()
    assert owner.getHypercube([0, 0, 1, 0, 0], [5, 4, 1, 2, 1], [1, 2, 1, 1, 1]) == big[:, 1, ::2].tobytes()
    assert owner.calculateMessageDigest() == hashlib.sha1(PIXELS.tobytes()).digest()
    sizes = owner.getRowSize(), owner.getPlaneSize(), owner.getStackSize(), owner.getTimepointSize()
    assert sizes == (10, 40, 120, 240)
    assert owner.getTotalSize() == 240
    offsets = owner.getRowOffset(3, 2, 1, 0), owner.getPlaneOffset(2, 1, 0), owner.getStackOffset(1, 0)
    assert offsets == (230, 200, 120)
    assert owner.getTimepointOffset(0) == 0
    assert (owner.getByteWidth(), owner.isSigned(), owner.isFloat()) == (2, False, False)
    assert (owner.getResolutionLevels(), owner.getResolutionLevel()) == (1, 0)
    owner.setResolutionLevel(0)
    (level,) = owner.getResolutionDescriptions()
    assert (level.sizeX, level.sizeY) == (5, 4)
    assert owner.getTileSize() == [5, 4]
    assert owner.requiresPixelsPyramid() is False
    assert owner.save() is None


def test_histogram_and_extremes_of_a_plane(owner: Client, imported: Import) -> None:
    owner.setPixelsId(imported(channels=2), True)
    low, high = int(PIXELS[1, 2].min()), int(PIXELS[1, 2].max())
    plane = omero.romio.PlaneDef(omero.romio.XY, 0, 0, 2, 0, None, -1)
    assert owner.getHistogram([1], 19, False, plane) == {1: [1] * 18 + [2]}
    assert sum(owner.getHistogram([0], 0, True, None)[0]) == 11  # stored: 0 to 10
    plane.region = omero.romio.RegionDef(1, 2, 3, 0)
    assert owner.getHistogram([0, 1, 7], 1, False, plane) == {0: [6], 1: [6]}
    assert owner.findMinMax([1]) == {1: [float(PIXELS[1, 1].min()), float(PIXELS[1, 1].max())]}
    assert high - low == 19


def test_before_setPixelsId_and_after_its_failure(owner: Client, imported: Import) -> None:
    with pytest.raises(omero.ApiUsageException, match="not been properly initialized"):
        owner.getPlane(0, 0, 0)
    owner.setPixelsId(imported(), True)
    with pytest.raises(omero.ValidationException) as caught:
        owner.setPixelsId(10**9, True)
    assert caught.value.message == f"Cannot read pixels id={10**9}"
    with pytest.raises(omero.ApiUsageException):
        owner.getPixelsId()


@pytest.mark.parametrize(
    ("group", "who", "allowed"),
    [
        (READ_ONLY, caller(OWNER, READ_ONLY), True),
        (READ_ONLY, caller(MEMBER, READ_ONLY), True),
        (PRIVATE, caller(OWNER, PRIVATE), True),
        (PRIVATE, caller(MEMBER, PRIVATE), False),
        (PRIVATE, caller(LEADER, PRIVATE, leads=True), True),
        (PRIVATE, replace(caller(0, PRIVATE, admin=True), group_id=ALL_GROUPS), True),
        (READ_ONLY, caller(OWNER, PRIVATE), False),
        (READ_ONLY, replace(caller(OWNER, READ_ONLY), group_id=ALL_GROUPS), True),
        (READ_ONLY, replace(caller(STRANGER, READ_ONLY, member=False), group_id=ALL_GROUPS), False),
    ],
)
def test_who_may_read(state: Any, imported: Import, group: int, who: Caller, allowed: bool) -> None:
    pixels_id = imported(group=group)
    store = Client(state, who)
    if allowed:
        store.setPixelsId(pixels_id, True)
        assert len(store.getPlane(0, 0, 0)) == 40
    else:
        with pytest.raises(omero.ValidationException, match="Cannot read pixels"):
            store.setPixelsId(pixels_id, True)


def test_a_file_must_be_an_entry_of_a_readable_fileset(owner: Client, state: Any, imported: Import) -> None:
    pixels_id = imported(entry=False)
    with pytest.raises(omero.ResourceError, match=r"Error instantiating pixel buffer: .*x\.ome\.tif"):
        owner.setPixelsId(pixels_id, True)
    with state.database.write(caller(OWNER, PRIVATE)) as tx:
        add_entry(tx, PRIVATE, "x.ome.tif", state.managed.uuid)
    with pytest.raises(omero.ResourceError):
        owner.setPixelsId(pixels_id, True)
    with state.database.write(caller(OWNER, READ_ONLY)) as tx:
        add_entry(tx, READ_ONLY, "x.ome.tif", state.managed.uuid)
    owner.setPixelsId(pixels_id, True)
    assert len(owner.getPlane(0, 0, 0)) == 40


def test_external_info_comes_first_and_an_open_store_stays_as_it_is(
    owner: Client, state: Any, imported: Import, multiscale: Writer
) -> None:
    lsid = multiscale(np.full((1, 2, 3, 4, 5), 7, "u2"))
    pixels_id = imported(lsid=lsid)
    owner.setPixelsId(pixels_id, True)
    assert owner.getPlane(0, 0, 0) == b"\0\7" * 20
    with state.database.write(caller(OWNER, READ_ONLY)) as tx:
        tx.cursor.execute(
            "UPDATE image i SET external_id = NULL FROM pixels p WHERE p.image = i.id AND p.id = %s",
            (pixels_id,),
        )
    owner.setPixelsId(pixels_id, True)
    assert owner.getPlane(0, 0, 0) == b"\0\7" * 20
    again = Client(state, caller(OWNER, READ_ONLY))
    again.setPixelsId(pixels_id, True)
    assert again.getPlane(0, 0, 0) == PIXELS[0, 0].astype(">u2").tobytes()


def test_an_external_info_of_another_kind_is_no_binding(owner: Client, imported: Import, multiscale: Writer) -> None:
    owner.setPixelsId(imported(lsid=multiscale(np.ones((1, 2, 3, 4, 5), "u2")), entity_id=2), True)
    assert owner.getPixelsPath().endswith("x.ome.tif")


def test_an_ome_xml_is_in_import_until_it_is_bound(
    owner: Client, state: Any, imported: Import, multiscale: Writer, tmp_path: Path
) -> None:
    unbound = imported("a/b/1.ome.xml", file_format="OMEXML")
    with pytest.raises(omero.LockTimeout, match=r"Import in progress\."):
        owner.setPixelsId(unbound, True)
    assert open_buffer(state, unbound, caller(OWNER, READ_ONLY), importing=True).get_plane(0, 0, 0) == bytes(40)
    wrong = imported("a/c/2.ome.xml", file_format="OMEXML", lsid=tmp_path / "none")
    owner.setPixelsId(wrong, True)
    assert owner.getPlane(0, 0, 0) == bytes(40)
    bound = imported("a/d/3.ome.xml", file_format="OMEXML", lsid=multiscale(np.ones((1, 2, 3, 4, 5), "u2")))
    owner.setPixelsId(bound, True)
    assert owner.getPlane(0, 0, 0) == b"\0\1" * 20
    assert owner.getPlane(3, 0, 0) == b""


def test_closing_lets_the_file_go(owner: Client, imported: Import) -> None:
    owner.setPixelsId(imported(), True)
    owner._store.released()
    with pytest.raises(omero.ApiUsageException):
        owner.getPlane(0, 0, 0)

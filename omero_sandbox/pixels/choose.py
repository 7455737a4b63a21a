"""Which reader opens a Pixels, by the rules of a server with omero-zarr-pixel-buffer and OMEZarrReader.

The readers of Zarr are imported when they are needed: their libraries would double the time that the server starts in.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from omero_sandbox.context import Caller
from omero_sandbox.pixels.buffer import PixelBuffer, import_in_progress, instantiation_error
from omero_sandbox.pixels.file_buffer import FileBuffer, Reader
from omero_sandbox.pixels.ome_tiff import OmeTiffReader
from omero_sandbox.pixels.ome_xml import OmeXmlReader
from omero_sandbox.pixels.romio import RomioBuffer
from omero_sandbox.pixels.source import Source, find_source, unreadable_files

if TYPE_CHECKING:
    from omero_sandbox.state import State

log = logging.getLogger(__name__)


Bindings = dict[int, tuple[str | None, str | None]]


def open_buffer(
    state: "State",
    pixels_id: int,
    caller: Caller,
    *,
    importing: bool = False,
    write: bool = False,
    bindings: Bindings | None = None,
) -> PixelBuffer:
    """Open a Pixels: with `write` as RawPixelsStore.setPixelsId does, with `importing` as an import does.

    `bindings` is what a store keeps: the ExternalInfo and format of each image as it has first met it.

    Raises omero.ValidationException (no such Pixels, or not for this caller), omero.LockTimeout,
    omero.ResourceError, see `open_source`.
    """
    repository, uuid = state.managed.root, state.managed.uuid

    def unreadable(files: Sequence[Path]) -> list[Path]:
        with state.database.read() as cursor:
            return unreadable_files(cursor, caller, repository, uuid, files)

    with state.database.read() as cursor:
        source = find_source(cursor, caller, pixels_id, repository, uuid)
    if bindings is not None:
        lsid, image_format = bindings.setdefault(pixels_id, (source.lsid, source.image_format))
        source = replace(source, lsid=lsid, image_format=image_format)
    if importing:
        return open_import(source)
    v3, s3 = state.settings.reader_v3, state.settings.s3
    if source.path is None:
        return _open_bound(source, v3, s3) or RomioBuffer(state.settings.romio / str(pixels_id), source.sizes, write)
    return open_source(source, v3, unreadable, s3)


def open_source(
    source: Source,
    reader_v3: bool,
    unreadable: Callable[[Sequence[Path]], list[Path]],
    s3: Mapping[str, str] | None = None,
) -> PixelBuffer:
    """Open what the database names.

    The Zarr of the ExternalInfo first; whatever is wrong with it is only logged, and pixels.path/name is
    read. Without an ExternalInfo an image whose format is OMEXML is held to be still in import:
    omero.LockTimeout. `unreadable` gives those of a reader's files that the caller may not read; any, or a
    file that cannot be opened: omero.ResourceError.
    """
    return _open_bound(source, reader_v3, s3 or {}) or _open_file(source, unreadable)


def _open_bound(source: Source, reader_v3: bool, s3: Mapping[str, str]) -> PixelBuffer | None:
    if source.lsid is None:
        if source.image_format == "OMEXML":
            raise import_in_progress()
        return None
    try:
        from omero_sandbox.pixels.multiscale_buffer import MultiscaleBuffer

        return MultiscaleBuffer(source.lsid, (source.sizes.x, source.sizes.y), reader_v3, s3)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        log.warning("Pixels:%d: reading local data, not %s: %s", source.pixels_id, source.lsid, reason)
        return None


def _open_file(source: Source, unreadable: Callable[[Sequence[Path]], list[Path]]) -> FileBuffer:
    buffer, reader = _open_path(source, importing=False)
    hidden = unreadable(reader.used_files)
    if hidden:
        log.error("Pixels:%d: file %s does not have a unique readable fileset", source.pixels_id, hidden[0])
        raise instantiation_error(source.path)
    return buffer


def open_import(source: Source) -> PixelBuffer:
    """Open pixels.path/name as an import does: no plugin, no ZarrReader, no entries of a fileset asked for.

    (Whether an OME-XML below a .zarr directory may be imported at all is the importer's to say.)
    """
    return _open_path(source, importing=True)[0]


def _open_path(source: Source, importing: bool) -> tuple[FileBuffer, Reader]:
    if source.path is None:
        raise instantiation_error(f"Pixels:{source.pixels_id} (no path in the ManagedRepository)")
    try:
        reader = _reader(source.path, source, importing)
        return FileBuffer(source.path, reader), reader
    except Exception as error:
        log.error("Pixels:%d: cannot read %s: %s: %s", source.pixels_id, source.path, type(error).__name__, error)
        raise instantiation_error(source.path) from error


def _reader(path: Path, source: Source, importing: bool) -> Reader:
    """The reader for a file by its name, as Bio-Formats chooses among those that the sandbox has."""
    name = path.name.lower()
    if ".zarr" in str(path).lower() and not importing:
        from omero_sandbox.pixels.zarr_reader import ZarrReader

        return ZarrReader(path, source.series)
    if name.endswith((".tif", ".tiff")):
        return OmeTiffReader(path, source.series)
    # a companion's planes are in TIFFs beside it
    if name.endswith((".ome.xml", ".ome")) and not name.endswith(".companion.ome"):
        return OmeXmlReader(path, source.series, source.sizes)
    raise ValueError(f"{path}: no reader for this file")

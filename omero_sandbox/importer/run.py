"""An import after its upload, in the five steps of a real server (facts/omero_import_rows.md)."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import omero
from omero_sandbox import hql
from omero_sandbox.commands import CommandError, Handle
from omero_sandbox.context import Caller
from omero_sandbox.importer import metadata, pixel_data, thumbnails
from omero_sandbox.importer.metadata import Imported, Opened
from omero_sandbox.pixels.ome_xml import BrokenPlane
from omero_sandbox.repository import files
from omero_sandbox.repository.uploads import Upload
from omero_sandbox.state import State

STEPS = 5
log = logging.getLogger(__name__)


def import_fileset(state: State, caller: Caller, upload: Upload, settings: Any, handle: Handle) -> Any:
    """Do one import and return its omero.grid.ImportResponse.

    Whatever fails while the metadata is read (`error-on-init`) or stored (`import-request-failure`) leaves the fileset
    with its files and jobs, and no image; what fails later leaves the images too (`import-file-exception` for a plane
    that cannot be decoded).
    """
    with _log(state, caller, upload) as note:
        note(f"importing Fileset:{upload.fileset_id} from {upload.prefix}")
        handle.step(0)
        with _failing("error-on-init", upload):
            opened = metadata.open_first(state, upload)
        with _failing("import-request-failure", upload), state.database.write(caller, "Import") as tx:
            imported = metadata.store(tx, state, upload, opened, settings)
        note(f"{len(imported.images)} images, {len(imported.plates)} plates", sized=True)
        with _failing("import-request-failure", upload):
            _pixels(state, caller, opened, imported, settings, handle, note)
        handle.step(3)
        handle.step(4)
        return _response(state, caller, imported)


@contextmanager
def _failing(name: str, upload: Upload) -> Iterator[None]:
    """Whatever is raised becomes the ERR `name`, but for a broken plane."""
    try:
        yield
    except BrokenPlane as error:
        raise CommandError("import-file-exception", str(error), stacktrace=repr(error)) from error
    except Exception as error:
        log.exception("Fileset:%d: the import failed", upload.fileset_id)
        message = getattr(error, "message", None) or str(error)
        raise CommandError(name, message, stacktrace=repr(error)) from error


def _pixels(
    state: State, caller: Caller, opened: Opened, imported: Imported, settings: Any, handle: Handle, note: Any
) -> None:
    """The second and third step."""
    handle.step(1)
    drawing = bool(settings.doThumbnails and settings.doThumbnails.val)
    drawn = pixel_data.store(state, caller, opened, imported.images, drawing)
    note("pixel data read", sized=True)
    handle.step(2)
    if drawing:
        thumbnails.store(state, caller, drawn, with_settings=opened.format != "OMEXML")
    note("thumbnails made", sized=True)


def _response(state: State, caller: Caller, imported: Imported) -> Any:
    ids = [image.getPrimaryPixels().id.val for image in imported.images]
    params = omero.sys.ParametersI().addIds(ids)
    query = "select p from Pixels p join fetch p.image join fetch p.pixelsType where p.id in (:ids)"
    with state.database.read() as cursor:
        by_id = {pixels.id.val: pixels for pixels in hql.find(cursor, caller, query, params)}
    pixels = [by_id[number] for number in ids]
    objects = imported.plates or [p.image for p in pixels]
    return omero.grid.ImportResponse(pixels=pixels, objects=list(objects))


@contextmanager
def _log(state: State, caller: Caller, upload: Upload) -> Iterator[Any]:
    """Write the import's log file; its row gets the size after the steps, and when the import ends, however it ends."""

    def store_size() -> None:
        with state.database.write(caller) as tx:
            tx.cursor.execute("UPDATE originalfile SET size = %s WHERE id = %s", (path.stat().st_size, upload.log_id))
            tx.log("UPDATE", "ome.model.core.OriginalFile", [upload.log_id])

    path = state.managed.root.joinpath(*upload.log_parts)
    try:
        with path.open("a", encoding="utf-8") as file:

            def note(text: str, sized: bool = False) -> None:
                file.write(f"{files.now():%Y-%m-%d %H:%M:%S,%f} {text}\n")
                if sized:
                    file.flush()
                    store_size()

            try:
                yield note
            except Exception as error:
                note(f"failed: {error}")
                raise
    finally:
        store_size()

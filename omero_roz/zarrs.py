"""Zarrs as the user names them: reading, finding and annotating layouts. Nothing of it needs OMERO."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omero_roz.errors import Refused, UsageError
from omero_roz.layout.annotation import Annotation
from omero_roz.layout.finding import find_layouts
from omero_roz.layout.mapping import parse_mapping
from omero_roz.layout.model import SeriesMapping, ZarrLayout
from omero_roz.layout.reading import read_layout
from omero_roz.layout.store import Store
from omero_roz.ports.zarr.stores import Access, open_store
from omero_roz.shown import said


@dataclass(frozen=True, slots=True)
class Zarr:
    """A layout and the store that it was read from."""

    store: Store
    layout: ZarrLayout


@dataclass(frozen=True, slots=True)
class Source:
    """A Zarr that pixels come from; `named` is how the user named it, `mapping` which series each image gets."""

    store: Store
    layout: ZarrLayout
    named: str
    mapping: SeriesMapping | None = None


def read(uri: str, access: Access, mapping: str | None = None) -> Zarr:
    """Read the layout at a path or address, its series mapped as the file `mapping` says where one is given.

    Raises Refused or UsageError where it cannot be read at all.
    """
    given = read_mapping(mapping)
    store = open_store(uri, access)
    return Zarr(store, read_layout(store, given))


def read_source(uri: str, access: Access, mapping: str | None = None) -> Source:
    """Read the Zarr at a path or address; the file `mapping` names the series of each image of the fileset.

    That is not the order of the Zarr's own OME-XML, so it takes part in reading only where the Zarr has none.
    Raises Refused or UsageError where it cannot be read at all.
    """
    given = read_mapping(mapping)
    zarr = read(uri, access)
    if given is not None and zarr.layout.errors:
        zarr = read(uri, access, mapping)
    return Source(zarr.store, zarr.layout, uri, given)


def find(store: Store) -> Iterator[Store]:
    """The layouts at or below a store's root; the store itself where none is found or it cannot list."""
    if store.children("") is None:
        yield store
        return
    nothing = True
    for found in find_layouts(store):
        nothing = False
        yield found
    if nothing:
        yield store


def annotate(zarr: Zarr, planned: Annotation) -> None:
    """Write the block metadataSources as planned and read the layout again; Refused where it then differs."""
    for path, content, instead_of in planned.files:
        zarr.store.put(path, content, instead_of)
    again = read_layout(zarr.store)
    if again.errors or [one.mapping.paths for one in again.sources] != [
        one.mapping.paths for one in zarr.layout.sources
    ]:
        raise Refused("it was written, but is read differently now", zarr.layout.uri, "omero roz inspect tells how")


def read_mapping(file: str | None) -> SeriesMapping | None:
    """The series mapping in a local file, None without a file; UsageError for what is none."""
    if file is None:
        return None
    try:
        return parse_mapping(Path(file).read_text("utf-8-sig"), file)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read ({said(error)})", f"--mapping {file}", "give a text file") from None

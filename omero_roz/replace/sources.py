"""Zarrs that pixels come from, read as a replacement needs them."""

from omero_roz import zarrs
from omero_roz.ports.zarr_stores import Access
from omero_roz.replace.steps import Source


def read_source(uri: str, access: Access, mapping: str | None = None) -> Source:
    """Read the Zarr at a path or address; the file `mapping` names the series of each image of the fileset.

    That is not the order of the Zarr's own OME-XML, so it takes part in reading only where the Zarr has none.
    Raises Refused or UsageError where it cannot be read at all.
    """
    given = zarrs.read_mapping(mapping)
    read = zarrs.read(uri, access)
    if given is not None and read.layout.errors:
        read = zarrs.read(uri, access, mapping)
    return Source(read.store, read.layout, uri, given)

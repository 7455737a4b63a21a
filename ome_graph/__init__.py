"""OME metadata (ome-types) as a graph of OMERO's model objects; knows neither sessions nor Zarr."""

from .build import Graph, graph
from .enums import ENUMERATIONS, EnumTable
from .errors import InvalidOmeXml
from .xml import metadata_only, read_ome

__all__ = ["ENUMERATIONS", "EnumTable", "Graph", "InvalidOmeXml", "graph", "metadata_only", "read_ome"]

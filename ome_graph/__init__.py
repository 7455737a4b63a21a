"""OME metadata (ome-types) as a graph of OMERO's model objects; knows neither sessions nor Zarr."""

from .enums import ENUMERATIONS, EnumTable
from .errors import InvalidOmeXml
from .build import Graph, graph
from .xml import read_ome

__all__ = ["ENUMERATIONS", "EnumTable", "Graph", "InvalidOmeXml", "graph", "read_ome"]

"""How the server reads pixels: which reader opens a Pixels, and what each of them gives."""

from omero_sandbox.pixels.buffer import PixelBuffer, Sizes
from omero_sandbox.pixels.choose import Bindings, open_buffer, open_import, open_source
from omero_sandbox.pixels.source import Source
from omero_sandbox.pixels.statistics import Statistics, statistics

__all__ = [
    "Bindings",
    "PixelBuffer",
    "Sizes",
    "Source",
    "Statistics",
    "open_buffer",
    "open_import",
    "open_source",
    "statistics",
]

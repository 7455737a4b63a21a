"""An OME-XML without pixels (MetadataOnly, or BinData): all its planes are zeros."""

from pathlib import Path

import numpy as np

from omero_sandbox.pixels.buffer import Sizes
from omero_sandbox.pixels.file_buffer import Box, Level, Reader


class OmeXmlReader(Reader):
    """A file that must exist; the sizes are the database's, which were the file's when it was imported.

    What a BinData holds is not decoded: converters write it empty or zero beside the Zarr.
    """

    def __init__(self, path: Path, sizes: Sizes) -> None:
        if not path.is_file():
            raise FileNotFoundError(path)
        # FormatReader.getOptimalTileHeight: as many rows as fit into a MiB
        rows = min(max(1, 2**20 // (sizes.x * sizes.dtype.itemsize)), sizes.y)
        self.levels = (Level(sizes, (sizes.x, rows)),)
        self.used_files = (path,)
        self._zeros = np.broadcast_to(np.zeros((), sizes.dtype), (sizes.y, sizes.x))

    def read(self, level: int, z: int, c: int, t: int, box: Box) -> np.ndarray:
        """Zeros."""
        return self._zeros[box]

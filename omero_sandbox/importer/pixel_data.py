"""The second step of an import: every pixel is read once, for pixels.sha1, each channel's extremes, and a thumbnail."""

from collections.abc import Sequence

from omero.model import ImageI, PixelsI
from omero.rtypes import rdouble
from psycopg2.extras import execute_values

from omero_sandbox.context import Caller
from omero_sandbox.importer.metadata import Opened
from omero_sandbox.importer.thumbnails import Drawn, draw
from omero_sandbox.pixels import PixelBuffer, Sizes, Source, open_import, statistics
from omero_sandbox.pixels.buffer import DTYPES
from omero_sandbox.state import State


def store(state: State, caller: Caller, opened: Opened, images: Sequence[ImageI], drawing: bool) -> list[Drawn]:
    """Compute and store the statistics of freshly imported images, all in one transaction.

    With `drawing`, what the third step saves is made on the way, since each image is open only once.
    """
    digests, extremes, drawn = [], [], []
    for series, image in enumerate(images):
        pixels = image.getPrimaryPixels()
        buffer = _open(state, opened, series, pixels)
        found = statistics(buffer)
        digests.append((pixels.id.val, found.sha1))
        for channel, (low, high) in zip(pixels.copyChannels(), found.channels, strict=True):
            extremes.append((channel.statsInfo.id.val, low, high))
            channel.statsInfo.globalMin, channel.statsInfo.globalMax = rdouble(low), rdouble(high)
        if drawing:
            drawn.append(draw(pixels, buffer))
    with state.database.write(caller) as tx:
        execute_values(
            tx.cursor,
            "UPDATE pixels p SET sha1 = v.sha1 FROM (VALUES %s) v (id, sha1) WHERE p.id = v.id",
            digests,
        )
        execute_values(
            tx.cursor,
            "UPDATE statsinfo s SET globalmin = v.low, globalmax = v.high"
            " FROM (VALUES %s) v (id, low, high) WHERE s.id = v.id",
            extremes,
            template="(%s, %s::float8, %s::float8)",
        )
        tx.log("UPDATE", "ome.model.core.Pixels", [number for number, _ in digests])
        tx.log("UPDATE", "ome.model.stats.StatsInfo", [number for number, _, _ in extremes])
    return drawn


def _open(state: State, opened: Opened, series: int, pixels: PixelsI) -> PixelBuffer:
    x, y, z, c, t = (getattr(pixels, f"size{axis}").val for axis in "XYZCT")
    place = state.managed.root / opened.row.path / opened.row.name
    dtype = DTYPES[opened.ome.images[series].pixels.type.value]
    return open_import(Source(pixels.id.val, place, series, Sizes(x, y, z, c, t, dtype), opened.format, None))

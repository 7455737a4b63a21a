"""The second step of an import: every pixel is read once, for pixels.sha1 and each channel's minimum and maximum."""

from collections.abc import Sequence

from omero.model import ImageI
from omero.rtypes import rdouble
from psycopg2.extras import execute_values

from omero_sandbox.context import Caller
from omero_sandbox.pixels import open_buffer, statistics
from omero_sandbox.state import State


def store(state: State, caller: Caller, images: Sequence[ImageI]) -> None:
    """Compute and store the statistics of freshly imported images, all in one transaction."""
    digests, extremes = [], []
    for image in images:
        pixels = image.getPrimaryPixels()
        found = statistics(open_buffer(state, pixels.id.val, caller, importing=True))
        digests.append((pixels.id.val, found.sha1))
        for channel, (low, high) in zip(pixels.copyChannels(), found.channels, strict=True):
            extremes.append((channel.statsInfo.id.val, low, high))
            channel.statsInfo.globalMin, channel.statsInfo.globalMax = rdouble(low), rdouble(high)
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

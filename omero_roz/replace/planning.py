"""Planning a replacement: a fileset's images matched with a layout's series, and how the server will read them."""

from collections.abc import Sequence
from datetime import datetime

from omero_roz.binding import external_info
from omero_roz.binding.lsid import ServerView, server_root
from omero_roz.errors import Refused
from omero_roz.fileset import Fileset
from omero_roz.layout.model import ZarrLayout
from omero_roz.matching import Pair
from omero_roz.plan import FilesetFile, ReplacePlan, Swap


def plan_replacement(
    fileset: Fileset, layout: ZarrLayout, pairs: Sequence[Pair], view: ServerView, now: datetime
) -> ReplacePlan:
    """The plan for a fileset whose images were matched with a layout's series.

    Raises Refused where the fileset has no images or the reader could not open the layout.
    """
    if not fileset.images:
        raise Refused("it has no images", f"Fileset:{fileset.id}", "was it replaced before? see omero roz status")
    bindings = external_info.bind(server_root(layout.uri, view), [pair.series for pair in pairs])
    swaps = tuple(
        Swap(pair.image, number, pair.series.path, binding)
        for number, (pair, binding) in enumerate(zip(pairs, bindings, strict=True))
    )
    # The owner may make directories below this one only, and where it is called differently the source shows how.
    top = fileset.template_prefix.partition("/")[0] or f"{fileset.owner.user_name}_{fileset.owner.user_id}"
    file = FilesetFile.below(top, now)
    return ReplacePlan(layout.uri, external_info.NAME, fileset.id, fileset.owner, file, swaps)

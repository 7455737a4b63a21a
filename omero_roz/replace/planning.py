"""Planning a replacement: a fileset's images matched with a layout's series, and how the server will read them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from omero_roz.binding import external_info, zarr_reader
from omero_roz.errors import UsageError
from omero_roz.fileset import Fileset, PixelsFile
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.places import KNOWN, SHADOWS, Place
from omero_roz.plan import FilesetFile
from omero_roz.replace.plan import ReplacePlan, Swap

BINDINGS = (external_info.NAME, zarr_reader.NAME)


def plan_replacement(
    fileset: Fileset,
    store: Store,
    pairs: Sequence[Pair],
    root: str,
    binding: str,
    pixels: Mapping[int, PixelsFile],
    on_disk: bool,
    top: str,
    now: datetime,
) -> ReplacePlan:
    """The plan for a fileset whose images were matched with the series of a layout, which the server sees at `root`.

    `pixels` says which file the server opens for each image (`zarr-reader` only); `on_disk`: files are written past
    the API, into the owner's own directory `top`. Raises Refused where the reader could not open the layout.
    """
    series = [pair.series for pair in pairs]
    if binding == zarr_reader.NAME:
        zarr_reader.shadows(store, root, series)  # raises with all that forbids it
        swaps = [Swap(pair.image, 0, pair.series.path, None, pixels[pair.image.id]) for pair in pairs]
    elif binding == external_info.NAME:
        infos = external_info.bind(root, series)
        swaps = [
            Swap(pair.image, number, pair.series.path, info)
            for number, (pair, info) in enumerate(zip(pairs, infos, strict=True))
        ]
    else:
        raise UsageError("there is no such binding", f"--binding {binding}", f"choose {' or '.join(BINDINGS)}")
    place = Place.new(top, SHADOWS if on_disk else KNOWN, f"Fileset-{fileset.id}", now)
    file = FilesetFile(str(place), "METADATA.ome.xml")
    return ReplacePlan(store.uri, root, binding, fileset.id, fileset.owner, file, tuple(swaps))

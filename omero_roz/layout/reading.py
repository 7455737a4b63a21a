"""Reading a layout: metadata only, a handful of concurrent fetches however many images there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from omero_roz.errors import LayoutError
from omero_roz.layout.compare import compare, compare_plates, compare_sources
from omero_roz.layout.documents import Documents
from omero_roz.layout.image import Multiscale, parse_multiscale, parse_series
from omero_roz.layout.json_values import as_dict, as_str
from omero_roz.layout.mapping import derived_mapping, groups_below_root, images_below_root, stated_mapping
from omero_roz.layout.model import (
    MetadataSource,
    Plate,
    Series,
    SeriesMapping,
    ZarrFormat,
    ZarrLayout,
)
from omero_roz.layout.plate import read_plate
from omero_roz.layout.root import Root, read_root
from omero_roz.layout.sources import Unmapped, read_sources
from omero_roz.layout.store import Absent, Store


def read_layout(store: Store, mapping: SeriesMapping | None = None) -> ZarrLayout:
    """What the Zarr at a store's root holds; `mapping` (a user's file) wins over what the layout states.

    What is wrong is in `problems`, all of it. Raises Unreachable, and LayoutError where there is no image.
    """
    documents = Documents(store)
    root = read_root(documents)
    unmapped = read_sources(documents, root)
    stated = _stated(documents, root, unmapped, mapping)
    plates = _plates(documents, root, stated)
    mappings = _mappings(documents, root, plates, unmapped, stated)
    sources = tuple(
        MetadataSource(source.kind, source.path, source.content, each, source.summary)
        for source, each in zip(unmapped, mappings, strict=False)
    )
    described = [each for each, source in zip(mappings, unmapped, strict=False) if source.summary] or mappings[:1]
    main = SeriesMapping(_imported(documents, root, plates, described), described[0].rule)
    paths = [*main.paths, *(path for each in _different(mappings) for path in each)]
    paths += [path for plate in plates for path in plate.field_paths]
    series = read_series(documents, dict.fromkeys(paths), root.zarr_format)
    by_path = {one.path: one for one in series}
    for source in sources:
        compare(documents, source, by_path)
    compare_sources(documents, sources, main)
    compare_plates(documents, sources, plates, main)
    if not series:
        raise _without_image(documents)
    version, ordered = _version(root, plates, series), _in_order(plates, main)
    return ZarrLayout(store.uri, root.zarr_format, version, series, ordered, sources, main, tuple(documents.problems))


def _stated(
    documents: Documents, root: Root, sources: Sequence[Unmapped], given: SeriesMapping | None
) -> list[SeriesMapping | None]:
    """Mappings that the user or the layout states, one for each source; just one without sources."""
    series = None
    if "series" in root.ome:
        series = stated_mapping(documents, "OME", root.ome["series"], "OME series")
    if not sources:
        return [given or series]
    mappings: list[SeriesMapping | None] = []
    for source in sources:
        if given and source.summary:
            mappings.append(given)
            given = None  # a mapping file is for the first OME-XML
        elif source.declared is not None:
            mappings.append(stated_mapping(documents, source.path, source.declared, "metadataSources"))
        else:
            mappings.append(series)
    return mappings


def _mappings(
    documents: Documents,
    root: Root,
    plates: Sequence[Plate],
    sources: Sequence[Unmapped],
    stated: Sequence[SeriesMapping | None],
) -> list[SeriesMapping]:
    """The mapping of each source, or that of the NGFF metadata; a plate is of the first source that may have it."""
    mappings: list[SeriesMapping] = []
    free = list(plates)
    for each, summary in zip(stated, [source.summary for source in sources] or [None], strict=True):
        mapping = each or derived_mapping(documents, root, free or plates, summary)
        if mapping is None:
            raise _without_image(documents)
        mappings.append(mapping)
        paths = set(mapping.paths) if free else set()
        free = [plate for plate in free if paths.isdisjoint(plate.field_paths)]
    return mappings


def _different(mappings: Sequence[SeriesMapping]) -> Iterable[tuple[str, ...]]:
    """The paths of the mappings, those that many sources share once."""
    return {id(mapping.paths): mapping.paths for mapping in mappings}.values()


def _imported(
    documents: Documents, root: Root, plates: Sequence[Plate], mappings: Sequence[SeriesMapping]
) -> tuple[str, ...]:
    """The series that are images of the layout: what its sources name, then what has NGFF metadata only.

    The latter are plates that no source names, and beside `metadataSources` all images right below the root.
    """
    paths = dict.fromkeys(path for each in _different(mappings) for path in each)
    if mappings[0].rule == "mapping file":
        return tuple(paths)
    for plate in plates:
        if paths.keys().isdisjoint(plate.field_paths):
            paths |= dict.fromkeys(plate.field_paths)
    if "metadataSources" in root.attributes:
        paths |= dict.fromkeys(images_below_root(documents, root))
    return tuple(paths)


def _without_image(documents: Documents) -> LayoutError:
    errors = [problem for problem in documents.problems if problem.severity == "error"]
    if errors:
        return LayoutError.of(errors)
    below = ", ".join(groups_below_root(documents)[:5])
    fix = f"name the layout itself; below are {below}" if below else "name a group with multiscales or a plate"
    return LayoutError("the Zarr holds no image", documents.store.uri, fix)


def _plates(documents: Documents, root: Root, stated: Sequence[SeriesMapping | None]) -> tuple[Plate, ...]:
    """The plate of the root, those above mapped paths (PLATE/ROW/COLUMN/FIELD), and, where not all is stated, those
    right below the root."""
    paths = [path for each in stated if each for path in each.paths]
    above = ["/".join(path.split("/")[:-3]) for path in paths if path.count("/") >= 3]
    is_plate = "plate" in root.attributes
    if "metadataSources" in root.attributes or (None in stated and not is_plate and not root.is_image):
        above += groups_below_root(documents)
    groups = documents.groups(dict.fromkeys(above), root.zarr_format)
    found = {path: group for path, group in groups.items() if isinstance(group, dict) and "plate" in group}
    if is_plate:
        found = {"": root.attributes} | found
    return tuple(read_plate(documents, path, group, root.zarr_format) for path, group in found.items())


def _in_order(plates: Sequence[Plate], mapping: SeriesMapping) -> tuple[Plate, ...]:
    """The plates in the order of their first images."""
    places = {path: place for place, path in enumerate(mapping.paths)}
    firsts = {
        plate.path: min((places.get(path, len(places)) for path in plate.field_paths), default=len(places))
        for plate in plates
    }
    return tuple(sorted(plates, key=lambda plate: firsts[plate.path]))


def read_series(documents: Documents, paths: Iterable[str], zarr_format: ZarrFormat) -> tuple[Series, ...]:
    """The series of image groups in their order, in two fetches; what is broken is a problem and left out."""
    multiscales: list[Multiscale] = []
    for path, group in documents.groups(paths, zarr_format).items():
        if isinstance(group, Absent):
            documents.problem(path, f"group {group.why}", group.fix)
        elif group is not None:
            multiscale = parse_multiscale(documents, path, group)
            multiscales += [multiscale] if multiscale else []
    arrays = documents.arrays((array for each in multiscales for array in each.array_paths), zarr_format)
    series = (parse_series(documents, each, zarr_format, arrays) for each in multiscales)
    return tuple(each for each in series if each is not None)


def _version(root: Root, plates: Sequence[Plate], series: Sequence[Series]) -> str | None:
    stated = [as_str(as_dict(root.attributes).get("version")), *(plate.version for plate in plates)]
    stated += [one.ngff_version for one in series[:1]]
    return next((version for version in stated if version), None)

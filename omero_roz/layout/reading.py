"""Reading a layout: metadata only, a handful of concurrent fetches however many images there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from omero_roz.errors import LayoutError
from omero_roz.layout.compare import compare
from omero_roz.layout.documents import Documents
from omero_roz.layout.image import Multiscale, parse_multiscale, parse_series
from omero_roz.layout.json_values import as_dict, as_str
from omero_roz.layout.mapping import derived_mapping, stated_mapping
from omero_roz.layout.model import (
    MetadataSource,
    OmeSummary,
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
    plates = _plates(documents, root, [path for each in stated if each for path in each.paths])
    summaries = [source.summary for source in unmapped] or [None]
    mappings = [
        each or _derived(documents, root, plates, summary) for each, summary in zip(stated, summaries, strict=True)
    ]
    paths = [path for each in mappings for path in each.paths]
    paths += [path for plate in plates for path in plate.field_paths]
    series = read_series(documents, dict.fromkeys(paths), root.zarr_format)
    sources = tuple(
        MetadataSource(source.kind, source.path, source.content, each, source.summary)
        for source, each in zip(unmapped, mappings, strict=False)
    )
    by_path = {one.path: one for one in series}
    for source in sources:
        compare(documents, source, by_path)
    if not series:
        raise _without_image(documents)
    main = next((source.mapping for source in sources if source.summary), mappings[0])
    version = _version(root, plates, series)
    return ZarrLayout(store.uri, root.zarr_format, version, series, plates, sources, main, tuple(documents.problems))


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


def _derived(documents: Documents, root: Root, plates: Sequence[Plate], summary: OmeSummary | None) -> SeriesMapping:
    derived = derived_mapping(documents, root, plates, summary)
    if derived is None:
        raise _without_image(documents)
    return derived


def _without_image(documents: Documents) -> LayoutError:
    errors = [problem for problem in documents.problems if problem.severity == "error"]
    if errors:
        return LayoutError.of(errors)
    return LayoutError("the Zarr holds no image", documents.store.uri, "name a group with multiscales or a plate")


def _plates(documents: Documents, root: Root, paths: Iterable[str]) -> tuple[Plate, ...]:
    """The plate of the root, else those above the mapped paths (PLATE/ROW/COLUMN/FIELD)."""
    if "plate" in root.attributes:
        return (read_plate(documents, "", root.attributes, root.zarr_format),)
    above = dict.fromkeys("/".join(path.split("/")[:-3]) for path in paths if path.count("/") >= 3)
    groups = documents.groups(above, root.zarr_format)
    return tuple(
        read_plate(documents, path, group, root.zarr_format)
        for path, group in groups.items()
        if isinstance(group, dict) and "plate" in group
    )


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

"""Which series belongs to which image of a metadata source, by position, in design.md's order of decision."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from omero_roz.errors import UsageError
from omero_roz.layout.documents import Documents
from omero_roz.layout.model import OmePlate, OmeSummary, Plate, Rule, SeriesMapping
from omero_roz.layout.paths import unsafe
from omero_roz.layout.root import Root
from omero_roz.layout.store import Absent
from omero_roz.shown import said

_PROBES = 16  # groups asked for at a time where the store cannot list


def parse_mapping(text: str, where: str) -> SeriesMapping:
    """A mapping file: JSON (a list of paths, or an object with `seriesMapping`), or one path a line.

    Raises UsageError for anything else, for unsafe paths and for a path that is named twice.
    """
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        if text.lstrip()[:1] in ("[", "{"):
            raise UsageError(f"broken JSON ({said(error)})", where, "mend the mapping file") from None
        value = [line.strip() for line in text.splitlines() if line.strip()]
    if isinstance(value, dict):
        value = value.get("seriesMapping")
    if not isinstance(value, list) or not value:
        raise UsageError("not a series mapping", where, "give a JSON list of paths, or one path a line")
    reasons = list(_refusals(value))
    if reasons:
        raise UsageError(reasons[0], where, "mend the mapping file")
    return SeriesMapping(tuple(value), "mapping file")


def _refusals(paths: Sequence[Any]) -> Iterable[str]:
    """Why a list of paths is no mapping."""
    seen: set[str] = set()
    for path in paths:
        if not isinstance(path, str):
            yield f"{path!r} is not a path"
        elif reason := unsafe(path):
            yield f"the path {path!r} is refused: {reason}"
        elif path in seen:
            yield f"the path {path!r} is named twice"
        else:
            seen.add(path)


def stated_mapping(documents: Documents, where: str, value: Any, rule: Rule) -> SeriesMapping:
    """A mapping that the layout states; what is wrong with it is a problem and left out."""
    paths = value if isinstance(value, list) else []
    if not isinstance(value, list):
        documents.problem(where, "the series mapping is not a list of paths", "give --mapping FILE")
    for reason in _refusals(paths):
        documents.problem(where, reason, "give --mapping FILE")
    safe = dict.fromkeys(path for path in paths if isinstance(path, str) and not unsafe(path))
    return SeriesMapping(tuple(safe), rule)


def derived_mapping(
    documents: Documents, root: Root, plates: Sequence[Plate], summary: OmeSummary | None
) -> SeriesMapping | None:
    """The mapping where none is stated: by plates, groups 0, 1, 2 ..., or the root; None without images."""
    if plates:
        return _by_plates(documents, root, plates, summary)
    groups = plain_groups(documents, root, ())
    if groups:
        if summary is None:
            _warn_of_unseen(documents, groups)
        numbered = "".join(groups).isdigit()  # at once: each of thousands of sources asks
        if summary is not None and len(groups) > 1 and not numbered:
            documents.problem(
                "",
                f"nothing states the order of the groups {', '.join(groups[:4])} ...",
                "give --mapping FILE",
            )
        return SeriesMapping(groups, "groups")
    return SeriesMapping(("",), "root") if root.is_image else None


def plain_groups(documents: Documents, root: Root, taken: Iterable[str]) -> tuple[str, ...]:
    """Images right below the root: groups 0, 1, 2 ..., or where there are none all others.

    The others are sorted with numbers in their names by value: img_2 comes before img_10. Looked for once.
    """
    key = frozenset(taken)
    if key not in documents.groups_by_taken:
        documents.groups_by_taken[key] = _plain_groups(documents, root, key)
    return documents.groups_by_taken[key]


def _plain_groups(documents: Documents, root: Root, taken: frozenset[str]) -> tuple[str, ...]:
    names = documents.store.children("")
    if names is None:
        return _probed(documents, root)
    free = [name for name in names if name not in taken and name != "OME"]
    numbered = _images(documents, root, sorted((name for name in free if _is_index(name)), key=int))
    if numbered or root.is_image:
        for expected, name in enumerate(numbered):
            if expected != int(name):
                documents.problem(str(expected), f"the group is missing, but there is {name}", "give --mapping FILE")
                break
        return numbered
    return _images(documents, root, sorted(free, key=_natural))


def groups_below_root(documents: Documents) -> tuple[str, ...]:
    """Names of the directories right below the root but OME, none where the store cannot list."""
    return tuple(name for name in documents.store.children("") or () if name != "OME")


def images_below_root(documents: Documents, root: Root) -> tuple[str, ...]:
    """The images right below the root by the numbers in their names, or the root where it is one itself."""
    if root.is_image:
        return ("",)
    return _images(documents, root, sorted(groups_below_root(documents), key=_natural))


def _is_index(name: str) -> bool:
    return name.isascii() and name.isdigit() and str(int(name)) == name


def _images(documents: Documents, root: Root, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that are images; one that must not be read counts, so that reading it says why."""
    groups = documents.groups(names, root.zarr_format)
    return tuple(
        name
        for name, group in groups.items()
        if group is None or (group.there if isinstance(group, Absent) else "multiscales" in group)
    )


def _probed(documents: Documents, root: Root) -> tuple[str, ...]:
    """Groups 0, 1, 2 ... up to the first that is not there."""
    found: list[str] = []
    while True:
        wanted = [str(number) for number in range(len(found), len(found) + max(_PROBES, len(found)))]
        images = set(_images(documents, root, wanted))
        for name in wanted:
            if name not in images:
                return tuple(found)
            found.append(name)


def _warn_of_unseen(documents: Documents, groups: Sequence[str]) -> None:
    """Where the store cannot list and nothing says how many images there are, some may not be seen."""
    if documents.store.children("") is None:
        what = f"this store cannot be listed: images were looked for as 0, 1, 2 ..., and there is no {len(groups)}"
        documents.warning("", f"{what}; others would not be seen", "name them with --mapping FILE, or give an OME-XML")


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key with numbers by value: img_2 before img_10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(int(part), "") if part[0] in "0123456789" else (-1, part) for part in parts]


def _by_plates(documents: Documents, root: Root, plates: Sequence[Plate], summary: OmeSummary | None) -> SeriesMapping:
    fields = tuple(path for plate in plates for path in plate.field_paths)
    stated = [plate for plate in summary.plates if plate.wells] if summary else []
    if summary is not None and len(summary.images) == len(fields) and not stated:
        return SeriesMapping(fields, "plate")
    taken = {name for plate in plates for name in (plate.path or "/".join(plate.rows)).split("/")}
    if summary is None:
        plain = plain_groups(documents, root, taken)
        if plain:
            _warn_of_unseen(documents, plain)
        return SeriesMapping((*fields, *plain), "plate")
    placed = _placed(documents, plates, summary)
    in_wells = {image for plate in stated for well in plate.wells for image in well.images}
    others = [image for image in summary.images if image.id not in in_wells]
    plain = plain_groups(documents, root, taken) if others else ()
    placed |= {image.id: path for image, path in zip(others, plain, strict=False)}
    return SeriesMapping(tuple(placed[image.id] for image in summary.images if image.id in placed), "plate")


def _placed(documents: Documents, plates: Sequence[Plate], summary: OmeSummary) -> dict[str, str]:
    """Path by ID of each image in a well: same row and column, same position in the well."""
    placed: dict[str, str] = {}
    for ome_plate, plate in _same_plates(documents, plates, [plate for plate in summary.plates if plate.wells]):
        wells = {(well.row, well.column): well for well in plate.wells}
        for ome_well in ome_plate.wells:
            well = wells.get((ome_well.row, ome_well.column))
            fields = well.fields if well else ()
            if len(fields) != len(ome_well.images):
                where = well.path if well else plate.path
                documents.problem(
                    where,
                    f"the well in row {ome_well.row}, column {ome_well.column} has {len(fields)} "
                    f"fields, but {len(ome_well.images)} in the OME-XML",
                    "give --mapping FILE",
                )
            placed |= {image: field.path for image, field in zip(ome_well.images, fields, strict=False)}
    return placed


def _same_plates(
    documents: Documents, plates: Sequence[Plate], stated: Sequence[OmePlate]
) -> Iterator[tuple[OmePlate, Plate]]:
    """Each plate of the OME-XML with that of the Zarr: by the wells they have, then by name, never by order alone."""
    left, names = list(plates), [ome_plate.name for ome_plate in stated]
    for ome_plate in stated:
        alike = [plate for plate in left if _filled(plate) == _filled_by_xml(ome_plate)] or list(left)
        if len(alike) > 1 and ome_plate.name and names.count(ome_plate.name) == 1:
            alike = [plate for plate in alike if ome_plate.name in (plate.name, plate.path)] or alike
        if len(alike) > 1:
            which = ", ".join(plate.path or "/" for plate in alike[:4])
            what = f"nothing states which of {which} is the plate {ome_plate.name!r} of the OME-XML"
            documents.problem("", what, "give --mapping FILE")
        if alike:
            left.remove(alike[0])
            yield ome_plate, alike[0]


def _filled(plate: Plate) -> dict[tuple[int, int], int]:
    return {(well.row, well.column): len(well.fields) for well in plate.wells}


def _filled_by_xml(plate: OmePlate) -> dict[tuple[int, int], int]:
    return {(well.row, well.column): len(well.images) for well in plate.wells}

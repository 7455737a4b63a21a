"""The series of a Zarr as OMEZarrReader 0.6.0 counts them, which is an order of its own.

    x.zarr/
      .zattrs       the root's own multiscales come first, then those of the groups A/1/0/0       plate: in
      the OME-XML's order if every field's path is as expected, else the groups sorted img_10/0      other
      groups: sorted, numbers by value and before names, names as strings (img_1, img_10, img_2)

A series is a run of arrays, one a resolution level. Arrays of no multiscales come before all others.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from omero_sandbox.pixels.zarr_store import UnreadableZarrError

_INTEGER = re.compile(r"-?\d+|-?$")


@dataclass
class _Found:
    """The multiscales met so far: level counts by first array, axes by array, arrays series by series."""

    counts: dict[str, int] = field(default_factory=dict)
    axes: dict[str, list[str]] = field(default_factory=dict)
    series: list[list[str]] = field(default_factory=list)

    def add(self, group: str, attributes: dict[str, Any]) -> None:
        for multiscale in attributes.get("multiscales") or ():
            prefix = f"{group}/" if group else ""
            paths = [prefix + dataset["path"] for dataset in multiscale["datasets"]]
            self.series.append(paths)
            self.counts[paths[0]] = len(paths)
            self.axes.update(dict.fromkeys(paths, _axes(multiscale)))


@dataclass(frozen=True)
class Series:
    """One series: its arrays' paths, the largest first, and the five axes' names (without any: tczyx)."""

    arrays: tuple[str, ...]
    axes: tuple[str, ...]


def all_series(root: Path, labels: bool = False) -> list[Series]:
    """Every series below a Zarr's root directory; `labels`: those of labels too.

    Raises UnreadableZarrError, or whatever a document of another form leads to, where the Java reader fails
    too.
    """
    real = root.resolve()
    plate_order = list(_plate_order(root / "OME" / "METADATA.ome.xml"))
    attributes = group_attributes(real)
    found = _Found()
    found.add("", attributes)
    plate = attributes.get("plate")
    groups = [g for g in _plate_groups(plate) if (real / g).is_dir()] if plate else []
    groups = groups or _below(real, ".zgroup")
    for group in _ordered(groups, plate_order):
        found.add(group, group_attributes(real / group))
    series = _runs(real, found, labels)
    if plate:
        _check_wells(real, plate, {array for one in series for array in one.arrays})
    return series


def group_attributes(group: Path) -> dict[str, Any]:
    """The group's .zattrs, empty when it has none. Raises UnreadableZarrError without .zgroup."""
    if not (group / ".zgroup").is_file():
        raise UnreadableZarrError(f"{group}: '.zgroup' expected but is not readable or missing in store.")
    attributes = group / ".zattrs"
    return json.loads(attributes.read_text("utf-8")) if attributes.is_file() else {}


def _plate_order(metadata: Path) -> Iterator[str]:
    """Where the fields of the OME-XML's plates are expected to be, in the order of its Images."""
    if not metadata.is_file():
        return
    root = ElementTree.parse(metadata).getroot()
    paths = {}
    for well in root.iterfind("{*}Plate/{*}Well"):
        row, column = _row_letters(int(well.get("Row", ""))), int(well.get("Column", "")) + 1
        for index, reference in enumerate(well.iterfind("{*}WellSample/{*}ImageRef")):
            paths[reference.get("ID")] = f"{row}/{column}/{index}"
    for image in root.iterfind("{*}Image"):
        if image.get("ID") in paths:
            yield paths[image.get("ID")]


def _row_letters(row: int) -> str:
    """A to Z, then BA (the reader's own mistake for AA: with more rows the XML's order is never found)."""
    letters = "A" if row == 0 else ""
    while row > 0:
        letters = chr(ord("A") + row % 26) + letters
        row //= 26
    return letters


def _plate_groups(plate: dict[str, Any]) -> Iterator[str]:
    """Every group that a plate's rows, columns and field_count allow for."""
    fields = plate["field_count"]
    for acquisition in plate.get("acquisitions") or ():
        _require(acquisition.get("id"), int, "acquisition id")
    for row in plate["rows"]:
        yield _require(row["name"], str, "row name")
        for column in plate["columns"]:
            well = f"{row['name']}/{_require(column['name'], str, 'column name')}"
            yield well
            yield from (f"{well}/{number}" for number in range(fields))


def _require(value: Any, kind: type, what: str) -> Any:
    if not isinstance(value, kind):
        raise UnreadableZarrError(f"{what} {value!r} is no {kind.__name__}")
    return value


def _below(root: Path, name: str) -> list[str]:
    """Paths of the directories that hold a file, sorted as strings; links to directories are not followed."""
    return sorted(
        Path(folder).relative_to(root).as_posix()
        for folder, _, files in os.walk(root)
        if name in files and Path(folder) != root
    )


def _ordered(groups: list[str], plate_order: list[str]) -> list[str]:
    if plate_order and set(plate_order) <= set(groups):
        return plate_order + [group for group in groups if group not in set(plate_order)]
    return sorted(groups, key=_sort_key)


def _sort_key(group: str) -> tuple[int, list[tuple[bool, int, str]]]:
    parts = group.split("/")
    return len(parts), [(False, int(p), "") if _INTEGER.fullmatch(p) else (True, 0, p) for p in parts]


def _runs(root: Path, found: _Found, labels: bool) -> list[Series]:
    """All arrays in order, cut where a new multiscales begins."""
    listed = [array for series in found.series for array in series]
    arrays = [array for array in _below(root, ".zarray") if array not in set(listed)]
    arrays += [array for array in listed if labels or "labels" not in array.lower()]
    series = []
    while arrays:
        count = found.counts.get(arrays[0], 1)
        series.append(Series(tuple(arrays[:count]), tuple(found.axes.get(arrays[0]) or "tczyx")))
        arrays = arrays[count:]
    return series


def _axes(multiscale: dict[str, Any]) -> list[str]:
    """Names in the array's order, the missing ones put before them; empty where there are none."""
    axes = [axis if isinstance(axis, str) else axis["name"] for axis in multiscale.get("axes") or ()]
    names = [axis.lower() for axis in axes]
    if names:
        for name in "xyctz":
            if name not in names:
                names.insert(0, name)
    return names


def _check_wells(root: Path, plate: dict[str, Any], arrays: Iterable[str]) -> None:
    """Every image of every listed well must be there, or the reader fails on the plate's metadata."""
    for well in plate["wells"]:
        path = well["path"]
        images = group_attributes(root / path).get("well", {}).get("images", ())
        for index in range(len(images)):
            if f"{path}/{index}/0" not in arrays:
                raise UnreadableZarrError(f"{root / path}: image {index} is not there")

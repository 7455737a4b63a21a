"""The matrix of what is tried: every kind of layout, by every binding, in every store, through every operation.

`tests/support/matrix.csv` and `docs/matrix.md` are written from here (`python -m tools.matrix`), every cell is a
test of `tests/integration/test_matrix.py`. A cell that cannot be has what omero-roz says of it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Literal

import tifffile

from tests.support.random_layouts import Drawn, Picture, Wells, pixels, write, xml

OPERATIONS = ("import", "replace", "verify", "rollback")
KINDS = ("bioformats2raw", "NGFF alone")
VERSIONS = ("0.2", "0.3", "0.4", "0.5")
READERS = ("released", "v3")
BINDINGS = ("external-info", "zarr-reader")
STORES = ("local", "S3")
OBJECTS = ("image", "multi-image", "plate", "sparse plate", "several acquisitions")

_ONE = Picture("", (1, 2, 1, 24, 32), "cyx", "uint16", 2, 0.5, "µm", (("DAPI", 461.0), ("GFP", 509.0)), "blosc")
_STACK = replace(_ONE, shape=(2, 1, 3, 20, 24), axes="tzyx", pixel_type="uint8", channels=(("GFP", None),))
_FIELD = replace(_ONE, shape=(1, 1, 1, 24, 24), axes="yx", channels=(("DAPI", 461.0),))
_PLATES = {
    "plate": Wells("full", 2, 2, tuple((row, column, 1) for row in range(2) for column in range(2))),
    "sparse plate": Wells("sparse", 3, 3, ((0, 2, 1), (2, 0, 2))),
    "several acquisitions": Wells("runs", 1, 2, ((0, 0, 2), (0, 1, 2)), 2),
}


@dataclass(frozen=True)
class Row:
    """A row of the matrix; `reader` is what the server's reader opens, `slow` rows run in make test-all only."""

    kind: str
    version: str
    reader: str
    binding: str
    store: str
    object: str

    @property
    def name(self) -> str:
        """The row as the tests are called."""
        return " ".join((self.kind, self.version, self.reader, self.binding, self.store, self.object)).replace(" ", "_")

    @property
    def slow(self) -> bool:
        """Whether another row of its like runs in make test."""
        return self not in FAST

    def refused(self, operation: str) -> str | None:
        """What omero-roz says of a cell that cannot be; None for one that can."""
        why = self._why()
        if why is None or operation in ("import", "replace"):
            return why
        return {"verify": "it is not bound to a Zarr", "rollback": "omero-roz has no record on it"}[operation]

    def _why(self) -> str | None:
        if self.binding == "zarr-reader" and self.store == "S3":
            return "OMEZarrReader reads local files only"
        if self.binding == "zarr-reader" and self.version == "0.5":
            return "OMEZarrReader reads Zarr v2 only"
        if self.version == "0.3" and self.binding == "external-info":  # axes by name alone, which it does not know
            return "the server probably cannot open the path it was given"
        if self.version == "0.5" and self.reader == "released":
            return "its reader probably opens Zarr v2 only"
        return None


def rows() -> Iterator[Row]:
    """Every row; a reader of Zarr v3 matters to Zarr v3 alone, which is NGFF 0.5."""
    for kind, version, reader, binding, store, thing in product(KINDS, VERSIONS, READERS, BINDINGS, STORES, OBJECTS):
        if reader == ("v3" if version == "0.5" else "released") or (version == "0.5" and binding == "external-info"):
            yield Row(kind, version, reader, binding, store, thing)


_EXTERNAL, _SHADOWS = BINDINGS
FAST = {
    *(Row("bioformats2raw", "0.4", "released", _EXTERNAL, "local", thing) for thing in OBJECTS[1:4:2]),
    *(Row("bioformats2raw", "0.4", "released", _SHADOWS, "local", thing) for thing in OBJECTS[::2]),
    *(Row("bioformats2raw", "0.5", "v3", _EXTERNAL, "local", thing) for thing in OBJECTS[::2]),
    Row("bioformats2raw", "0.2", "released", _EXTERNAL, "local", "plate"),
    Row("bioformats2raw", "0.3", "released", _SHADOWS, "local", "multi-image"),
    Row("bioformats2raw", "0.3", "released", _EXTERNAL, "local", "image"),
    Row("bioformats2raw", "0.4", "released", _EXTERNAL, "S3", "sparse plate"),
    Row("bioformats2raw", "0.4", "released", _SHADOWS, "S3", "image"),
    Row("bioformats2raw", "0.5", "released", _EXTERNAL, "local", "image"),
    Row("bioformats2raw", "0.5", "v3", _SHADOWS, "local", "image"),
    Row("NGFF alone", "0.4", "released", _EXTERNAL, "local", "image"),
    Row("NGFF alone", "0.4", "released", _SHADOWS, "local", "several acquisitions"),
    Row("NGFF alone", "0.5", "v3", _EXTERNAL, "local", "multi-image"),
}


def drawn(row: Row) -> Drawn:
    """The layout of a row, with the axes that its version of NGFF has."""
    zarr_format: Literal[2, 3] = 3 if row.version == "0.5" else 2
    if row.object in _PLATES:
        wells = _PLATES[row.object]
        count = sum(fields for _, _, fields in wells.fields)
        pictures = tuple(replace(_FIELD, name=f"field {number}") for number in range(count))
        made = Drawn(zarr_format, pictures, (), wells)
    elif row.object == "image":
        made = Drawn(zarr_format, (replace(_ONE, name="one"),), (0,))
    else:
        some = (replace(_ONE, name="one"), replace(_STACK, name="stack"), replace(_ONE, name="three"))
        made = Drawn(zarr_format, some, (0, 1, 2))
    if row.version == "0.2":  # which has these five axes always
        return replace(made, pictures=tuple(replace(picture, axes="tczyx") for picture in made.pictures))
    return made


def write_zarr(row: Row, root: Path) -> None:
    """Write the layout of a row."""
    write(drawn(row), root)
    if row.version in ("0.2", "0.3"):
        for file in root.rglob(".zattrs"):
            file.write_text(json.dumps(_older(json.loads(file.read_text("utf-8")), row.version)), "utf-8")
    if row.kind == "NGFF alone":
        shutil.rmtree(root / "OME")
        _unmark(root)
        if row.object == "image":  # an image by itself is its own root
            shutil.move(root / "0", root.with_name("alone"))
            shutil.rmtree(root)
            shutil.move(root.with_name("alone"), root)


def _older(attributes: dict, version: str) -> dict:
    for one in attributes.get("multiscales", ()):
        one["version"] = version
        for dataset in one["datasets"]:
            del dataset["coordinateTransformations"]
        if version == "0.2":
            del one["axes"]
        else:
            one["axes"] = [axis["name"] for axis in one["axes"]]
    for name in ("plate", "well"):
        if name in attributes:
            attributes[name]["version"] = version
    return attributes


def _unmark(root: Path) -> None:
    """Take away what only bioformats2raw writes."""
    file = root / "zarr.json" if (root / "zarr.json").exists() else root / ".zattrs"
    document = json.loads(file.read_text("utf-8"))
    attributes = document["attributes"]["ome"] if "attributes" in document else document
    attributes.pop("bioformats2raw.layout")
    file.write_text(json.dumps(document), "utf-8")


def write_tiff(row: Row, path: Path) -> None:
    """Write the original of a row: an OME-TIFF with the same pixels and metadata."""
    layout, page, planes = drawn(row), 0, []
    text = xml(layout)
    for number, picture in enumerate(layout.pictures):
        data = pixels(picture, number)
        planes += list(data.reshape(-1, *data.shape[-2:]))
        count = data.shape[0] * data.shape[1] * data.shape[2]
        text = text.replace("<MetadataOnly/>", f'<TiffData IFD="{page}" PlaneCount="{count}"/>', 1)
        page += count
    text = text.replace('DimensionOrder="XYZCT"', 'DimensionOrder="XYZCT" BigEndian="false"')
    with tifffile.TiffWriter(path) as tiff:
        for number, plane in enumerate(planes):
            description = text.encode() if number == 0 else None
            tiff.write(plane, description=description, metadata=None, contiguous=False, photometric="minisblack")

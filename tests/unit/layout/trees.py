"""Layouts made in memory, file by file, so that each test can break one thing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from omero_roz.layout.store import NOT_FOUND, Absent, Part, part

AXES = [{"name": name} for name in "tczyx"]
SPACE_AXES = [{"name": "y", "unit": "micrometer", "type": "space"}, {"name": "x", "type": "space"}]
OME_NS = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


@dataclass
class Tree:
    """A store in memory: contents by path (a dict becomes JSON); `listable` as a bucket is and https is not."""

    files: dict[str, Any]
    listable: bool = True
    uri: str = "memory:/layout.zarr"
    follow: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)

    def get_many(self, files: Sequence[str | Part]) -> list[bytes | Absent]:
        paths = [part(file).path for file in files]
        self.asked += paths
        return [self._get(path) for path in paths]

    def _get(self, path: str) -> bytes | Absent:
        content = self.files.get(path, NOT_FOUND)
        if isinstance(content, (bytes, Absent)):
            return content
        return json.dumps(content).encode()

    def put(self, path: str, content: bytes, instead_of: bytes | None) -> None:
        self.files[path] = content

    def children(self, path: str) -> tuple[str, ...] | None:
        if not self.listable:
            return None
        prefix = f"{path}/" if path else ""
        below = [name[len(prefix) :] for name in self.files if name.startswith(prefix)]
        return tuple(sorted({name.split("/")[0] for name in below if "/" in name}))

    def below(self, path: str) -> Tree:
        files = {name[len(path) + 1 :]: c for name, c in self.files.items() if name.startswith(f"{path}/")}
        return Tree(files, self.listable, f"{self.uri}/{path}")

    def files(self, path: str) -> Iterator[str] | None:
        raise NotImplementedError("these trees have no pixels")

    def real(self, path: str) -> str:
        return f"{self.uri}/{path}"


def image(path: str, shape: Sequence[int] = (1, 1, 1, 4, 6), dtype: str = "<u2", **changes: Any) -> dict[str, Any]:
    """The files of a v2 image with one level; `changes` go into the multiscale."""
    prefix = f"{path}/" if path else ""
    scale = {"type": "scale", "scale": [1.0] * len(shape)}
    datasets = [{"path": "0", "coordinateTransformations": [scale]}]
    multiscale = {"version": "0.4", "axes": AXES, "datasets": datasets, "name": "wrong"} | changes
    return {
        f"{prefix}.zgroup": {"zarr_format": 2},
        f"{prefix}.zattrs": {"multiscales": [multiscale]},
        f"{prefix}0/.zarray": array(shape, dtype),
    }


def array(shape: Sequence[int] = (1, 1, 1, 4, 6), dtype: Any = "<u2", **changes: Any) -> dict[str, Any]:
    """A `.zarray`."""
    document = {
        "zarr_format": 2, "shape": list(shape), "chunks": list(shape), "dtype": dtype, "fill_value": 0,
        "order": "C", "filters": None, "compressor": {"id": "blosc"}, "dimension_separator": "/",
    }  # fmt: skip
    return document | changes


def image_v3(path: str, shape: Sequence[int] = (1, 1, 1, 4, 6), data_type: Any = "uint16") -> dict[str, Any]:
    """The files of a v3 image with one level, not sharded, big-endian."""
    multiscale = {"axes": AXES, "datasets": [{"path": "0"}]}
    codecs = [{"name": "bytes", "configuration": {"endian": "big"}}, {"name": "zstd"}]
    document = {
        "zarr_format": 3, "node_type": "array", "shape": list(shape), "data_type": data_type, "codecs": codecs,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(shape)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    }  # fmt: skip
    return {
        f"{path}/zarr.json": group_v3({"multiscales": [multiscale], "version": "0.5"}),
        f"{path}/0/zarr.json": document,
    }


def group_v3(ome: dict[str, Any]) -> dict[str, Any]:
    return {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}


def root(**attributes: Any) -> dict[str, Any]:
    return {".zgroup": {"zarr_format": 2}, ".zattrs": {"bioformats2raw.layout": 3} | attributes}


def series(*paths: Any) -> dict[str, Any]:
    return {"OME/.zgroup": {"zarr_format": 2}, "OME/.zattrs": {"series": list(paths)}}


def ome_image(number: int = 0, name: str = "one", size: str = "6 4 1 1 1", pixel_type: str = "uint16") -> str:
    sizes = " ".join(f'Size{axis}="{n}"' for axis, n in zip("XYZCT", size.split(), strict=True))
    pixels = f'<Pixels ID="Pixels:{number}" DimensionOrder="XYZCT" {sizes} Type="{pixel_type}"/>'
    return f'<Image ID="Image:{number}" Name="{name}">{pixels}</Image>'


def ome_plate(*wells: tuple[int, int, Sequence[int]]) -> str:
    """A Plate whose wells (row, column, numbers of images) have samples with indices that mislead."""
    text = '<Plate ID="Plate:0" Name="P">'
    for row, column, images in wells:
        samples = "".join(
            f'<WellSample ID="WellSample:{i}" Index="{99 - i}"><ImageRef ID="Image:{i}"/></WellSample>' for i in images
        )
        text += f'<Well ID="Well:{row}:{column}" Row="{row}" Column="{column}">{samples}</Well>'
    return text + "</Plate>"


def xml(*elements: str) -> dict[str, bytes]:
    return {"OME/METADATA.ome.xml": f'<?xml version="1.0"?><OME xmlns="{OME_NS}">{"".join(elements)}</OME>'.encode()}


def plate(path: str, names_of: Mapping[str, Sequence[str]], /, **changes: Any) -> dict[str, Any]:
    """The files of a v2 plate: wells such as "B/2" with the names of their images."""
    prefix = f"{path}/" if path else ""
    rows, columns = list("ABCDEFGH"), [str(number) for number in range(1, 13)]
    listed = [{"path": well, "rowIndex": rows.index(well[0]), "columnIndex": int(well[2:]) - 1} for well in names_of]
    block = {
        "name": "P", "rows": [{"name": n} for n in rows], "columns": [{"name": n} for n in columns], "wells": listed,
    } | changes  # fmt: skip
    files: dict[str, Any] = {f"{prefix}.zattrs": {"plate": block}}
    for well, images in names_of.items():
        files[f"{prefix}{well}/.zattrs"] = {"well": {"images": [{"path": name} for name in images]}}
        for name in images:
            files |= image(f"{prefix}{well}/{name}")
    return files

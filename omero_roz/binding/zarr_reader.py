"""Binding `zarr-reader`: Bio-Formats with OMEZarrReader reads a shadow of each series in the ManagedRepository.

    3.zarr.bfoptions            without it every chunk would have to be an entry of the fileset
    3.zarr/.zgroup  .zattrs     copies, and the only files that are registered
    3.zarr/0/.zarray            a copy
    3.zarr/0/0, 3.zarr/0/1 …    links to the Zarr's own directories or files of chunks

The directories are real and the links are unknown to OMERO, so nothing that it deletes leads to the Zarr. One image a
shadow: no dependence on the reader's own order of series, on plates, or on other images (facts: omero_replacement).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

from omero_roz.errors import Problem, Refused
from omero_roz.fileset import PixelsFile
from omero_roz.layout.model import Level, Series
from omero_roz.layout.store import Absent, Store
from omero_roz.ports.repository.disk import Tree

NAME = "zarr-reader"
# omezarr.quick_read is left out: it takes sizes and types from the first series for all.
OPTIONS = b"omezarr.list_pixels=false\n"
REGISTERED = (".zgroup", ".zattrs")
# JZarr 0.4.2, which OMEZarrReader 0.6.0 reads with.
COMPRESSORS = (None, "zlib", "blosc")
BLOSC = ("zstd", "blosclz", "lz4", "lz4hc", "zlib")
MOST_LINKS = 1_000_000  # of an array; a slide of 100,000 x 100,000 pixels in one file a chunk of 1,024 has 10,000
CONVERT = "convert with bioformats2raw --ngff-version 0.4 --compression blosc"


def shadows(store: Store, root: str, series: Sequence[Series]) -> tuple[Tree, ...]:
    """The shadow of each series, `<n>.zarr` with n from 0; `root` is the Zarr's directory as the server sees it.

    Raises Refused with all that the reader could not open.
    """
    if not root.startswith("/"):
        raise Refused("OMEZarrReader reads local files only", root, "use --binding external-info")
    paths = [path for one in series for path in _metadata_paths(one)]
    documents = dict(zip(paths, store.get_many(paths), strict=True))
    problems = [problem for one in series for problem in _problems(one, documents)]
    if problems:
        raise Refused.of(problems)
    return tuple(_shadow(f"{number}.zarr", root, one, documents) for number, one in enumerate(series))


def pixels_file(directory: str, number: int, repo: str) -> PixelsFile:
    """What pixels.path, name and repo say of a shadow in a directory of the ManagedRepository."""
    return PixelsFile(f"{directory.rstrip('/')}/{number}.zarr", ".zattrs", repo)


def _metadata_paths(series: Series) -> Iterator[str]:
    for name in REGISTERED:
        yield _join(series.path, name)
    for level in series.levels:
        yield _join(level.path, ".zarray")


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _problems(series: Series, documents: dict[str, bytes | Absent]) -> Iterator[Problem]:
    where = series.path or "/"
    if series.zarr_format != 2:
        yield Problem(where, "it is Zarr v3, and OMEZarrReader reads Zarr v2 only", CONVERT)
        return
    if series.axes[-2:] != ("y", "x"):
        what = f"its axes are {', '.join(series.axes)}, and OMEZarrReader wants y and x to be the last two"
        yield Problem(where, what, CONVERT)
    for path in _metadata_paths(series):
        if isinstance(absent := documents[path], Absent):
            yield Problem(path, f"{absent.why}, and OMEZarrReader needs it", absent.fix)
    for level in series.levels:
        if not _below(series, level):
            yield Problem(where, f"array {level.path} is not below its group", CONVERT)
        content = documents[_join(level.path, ".zarray")]
        if isinstance(content, bytes):
            yield from _array_problems(level, json.loads(content))
        if (count := _links(level)) > MOST_LINKS:
            yield Problem(level.path, f"its shadow would need {count:,} links", CONVERT)


def _below(series: Series, level: Level) -> bool:
    return f"{level.path}/".startswith(_join(series.path, "")) and ".." not in level.path.split("/")


def _array_problems(level: Level, document: dict[str, Any]) -> Iterator[Problem]:
    compressor = document.get("compressor") or {}
    if compressor.get("id") not in COMPRESSORS:
        yield Problem(level.path, f"compressor {compressor.get('id')}, and JZarr has only zlib and blosc", CONVERT)
    if compressor.get("id") == "blosc" and compressor.get("cname") not in BLOSC:
        yield Problem(level.path, f"blosc with {compressor.get('cname')}, which JZarr does not read", CONVERT)
    if document.get("filters"):
        yield Problem(level.path, "it has filters, which JZarr does not read", CONVERT)
    if document.get("order") != "C":
        yield Problem(level.path, f"its order is {document.get('order')}, and JZarr reads C only", CONVERT)
    if level.dtype.lstrip("<>|=")[:1] not in ("i", "u", "f"):
        yield Problem(level.path, f"type {level.dtype}, and JZarr reads integers and floats only", CONVERT)


def _shadow(name: str, root: str, series: Series, documents: dict[str, bytes | Absent]) -> Tree:
    def content(path: str) -> bytes:
        found = documents[path]
        assert isinstance(found, bytes)  # what is not there was refused before
        return found

    files = {own: content(_join(series.path, own)) for own in REGISTERED}
    links: dict[str, str] = {}
    for level in series.levels:
        inside = level.path[len(_join(series.path, "")) :]
        files[f"{inside}/.zarray"] = content(_join(level.path, ".zarray"))
        links |= {f"{inside}/{key}": f"{root}/{level.path}/{key}" for key in _chunk_keys(level)}
    return Tree(name, files, links, REGISTERED, OPTIONS)


def _chunk_keys(level: Level) -> Iterator[str]:
    """The names in an array's directory that hold chunks, written or not: a dangling link is no chunk."""
    counts = _counts(level)
    if level.separator == "/":
        return map(str, range(counts[0]))
    return (level.separator.join(map(str, key)) for key in product(*map(range, counts)))


def _links(level: Level) -> int:
    counts = _counts(level)
    return counts[0] if level.separator == "/" else prod(counts)


def _counts(level: Level) -> list[int]:
    return [-(-size // chunk) for size, chunk in zip(level.shape, level.chunks, strict=True)]

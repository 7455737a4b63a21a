"""Binding `external-info`: an ExternalInfo per image tells omero-zarr-pixel-buffer where its multiscales group is.

Nothing of it is on the server's disk, so nothing that OMERO deletes leads to the Zarr. The rules checked here are
that reader's (facts: layouts, omero_replacement Part 3): it opens what `lsid` names, reads arrays that are called
0, 1, 2 …, and falls back to other pixels without an error where it cannot.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from omero_roz.errors import Problem, Refused
from omero_roz.fileset import ExternalInfo
from omero_roz.layout.model import Series

NAME = "external-info"
ENTITY_TYPE = "com.glencoesoftware.ngff:multiscales"
ENTITY_ID = 3
LSID_LENGTH = 255
_NO_URI = re.compile(r"""[\s?#%"<>\\^`{|}\[\]]""")  # what java.net.URI refuses in a path, or takes for something else


def bind(root: str, series: Sequence[Series]) -> tuple[ExternalInfo, ...]:
    """The ExternalInfo of each series under a root that the server sees.

    Raises Refused with all that this reader could not open.
    """
    problems = [problem for one in series for problem in _problems(root, one)]
    if problems:
        raise Refused.of(problems)
    return tuple(ExternalInfo(ENTITY_TYPE, ENTITY_ID, _lsid(root, one), None) for one in series)


def _lsid(root: str, series: Series) -> str:
    # Only a bucket's address has a query; in a path a question mark is one like any other.
    address, question, query = root.partition("?") if root.startswith("s3://") else (root, "", "")
    return f"{address.rstrip('/')}/{series.path}".rstrip("/") + question + query


def _problems(root: str, series: Series) -> list[Problem]:
    found = []
    lsid = _lsid(root, series)
    if len(lsid) > LSID_LENGTH:
        what = f"its address for the server has {len(lsid)} characters, OMERO keeps {LSID_LENGTH}"
        found.append(Problem(series.path or "/", what, "move the Zarr to a shorter path"))
    if root.startswith("s3://") and (wrong := _NO_URI.search(lsid.removesuffix("?anonymous=true"))):
        what = f"its key has {wrong[0]!r}, and the pixel buffer takes an address apart as a URI, without any escapes"
        found.append(Problem(series.path or "/", what, "give the Zarr a key without it"))
    if series.axes.index("x") < series.axes.index("y"):
        what = f"its axes are {', '.join(series.axes)}, and the pixel buffer shows planes as stored, so transposed"
        found.append(Problem(series.path or "/", what, "convert again with y before x"))
    for number, level in enumerate(series.levels):
        if PurePosixPath(level.path) != PurePosixPath(series.path, str(number)):
            what = f"array {level.path} is not called {number}, and the pixel buffer reads only such arrays"
            found.append(Problem(series.path or "/", what, "convert with bioformats2raw's default scale format"))
    return found

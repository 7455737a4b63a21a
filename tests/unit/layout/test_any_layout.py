"""Whatever the metadata are, reading ends in a layout or in a RozError that can be printed."""

import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omero_roz.errors import RozError
from omero_roz.layout.finding import find_layouts
from omero_roz.layout.reading import read_layout
from omero_roz.layout.report import to_json
from tests.unit.layout.trees import Tree, group_v3, image, image_v3, ome_image, ome_plate, plate, root, series, xml

SOURCES = {"metadataSources": [{"@type": "ome-xml", "file": {"path": "/OME/METADATA.ome.xml"}, "seriesMapping": ["0"]}]}
GOOD = [
    root() | series("0", "1") | image("0") | image("1") | xml(ome_image(0), ome_image(1)),
    root(**SOURCES) | image("0") | xml(ome_image(0)),
    plate("", {"A/1": ["0", "1"], "C/2": ["0"]}) | image("0")
    | xml(ome_plate((0, 0, [0, 1]), (2, 1, [2])), *(ome_image(number) for number in range(4))),
    {"zarr.json": group_v3({"bioformats2raw.layout": 3})} | image_v3("0") | image_v3("1"),
    image("") | xml(ome_image()),
]  # fmt: skip

SPECIAL: Any = st.sampled_from(
    [
        "",
        "0",
        "..",
        "/0",
        "%2e",
        "A/1",
        "1e999",
        "NaN",
        "\ud800",
        "\x1b[2J",
        -1,
        0,
        2**63,
        1e308,
        True,
        None,
        [],
        {},
        [[]],
    ]
)
NUMBERS = st.integers() | st.floats()
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5) | SPECIAL,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a JSON document something can be put in the place of what is there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(found for key, each in inner for found in places(each, (*place, key)))]


def replaced(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    value[place[0]] = replaced(value[place[0]], place[1:], new)
    return value


@st.composite
def broken_trees(draw: st.DrawFn) -> Tree:
    """A good layout in which up to three things were replaced by anything, or taken away, or are not JSON."""
    files = copy.deepcopy(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(files)))
        if isinstance(files[name], bytes):
            files[name] = draw(st.binary(max_size=40))
        elif draw(st.integers(0, 9)) == 0:
            del files[name]
        else:
            place = draw(st.sampled_from(places(files[name])))
            files[name] = replaced(files[name], place, copy.deepcopy(draw(JSON)))
    return Tree(files, draw(st.booleans()))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_trees())
def test_only_roz_errors_come_out(tree: Tree) -> None:
    try:
        layout = read_layout(tree)
        problems = list(layout.problems)
        report = json.dumps(to_json(layout), allow_nan=False)
        assert json.loads(report)["uri"] == tree.uri
        layout.mapped_series()
    except RozError as error:
        problems = list(error.problems)
        assert str(error).isprintable()
    for problem in problems:
        assert str(problem).isprintable()
        assert problem.what
        assert problem.where
    for name in tree.asked:
        assert not name.startswith("/")
        assert not {"..", "."} & set(name.split("/"))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_trees())
def test_finding_ends_as_well(tree: Tree) -> None:
    try:
        found = list(find_layouts(tree))
    except RozError:
        assert not tree.listable
    else:
        assert len({store.uri for store in found}) == len(found)


def test_the_good_ones_are_good() -> None:
    for files in GOOD:
        assert read_layout(Tree(files)).problems == ()

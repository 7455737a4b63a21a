"""The block metadataSources: what is written can be read, fits its schema and changes nothing else; kinds plug in."""

import json
import os
import shutil
from importlib.metadata import EntryPoint
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from omero_roz import zarrs
from omero_roz.errors import LayoutError, Refused
from omero_roz.layout import kinds
from omero_roz.layout.annotation import annotation
from omero_roz.layout.mapping import parse_mapping
from omero_roz.layout.reading import read_layout
from omero_roz.layout.union import ome_xml_of
from omero_roz.ports.zarr.stores import open_store
from tests.unit.layout.trees import Tree, image, image_v3, ome_image, root, series, xml

SCHEMA = json.loads((package_files("omero_roz.layout") / "metadata_sources.schema.json").read_text())
V2 = root(**{"bioformats2raw.layout": 3, "mine": [1.5, None]}) | series("1", "0") | image("0") | image("1")
V2 |= xml(ome_image(0), ome_image(1))


def annotated(tree: Tree, mapping: str | None = None) -> tuple[Any, Tree]:
    """The annotation of a layout, and the layout with it."""
    layout = read_layout(tree, parse_mapping(mapping, "m") if mapping else None)
    planned = annotation(tree, layout)
    zarrs.annotate(zarrs.Zarr(tree, layout), planned)
    return planned, tree


def test_the_block_states_the_mapping_that_was_read_and_keeps_the_rest() -> None:
    before = json.loads(json.dumps(V2[".zattrs"]))
    planned, tree = annotated(Tree(dict(V2)))
    after = json.loads(tree.files[".zattrs"])
    assert after.pop("metadataSources") == list(planned.block) == [
        {"@type": "ome-xml", "file": {"path": "/OME/METADATA.ome.xml"}, "seriesMapping": ["1", "0"]}
    ]  # fmt: skip
    assert after == before
    again = read_layout(tree)
    assert (again.mapping.paths, again.mapping.rule) == (("1", "0"), "metadataSources")
    assert again.problems == ()


def test_once_is_enough() -> None:
    _, tree = annotated(Tree(dict(V2)))
    assert annotation(tree, read_layout(tree)).files == ()


def test_a_mapping_file_wins_over_the_block_and_is_written() -> None:
    _, tree = annotated(Tree(dict(V2)))
    planned, tree = annotated(tree, '["0", "1"]')
    assert planned.block[0]["seriesMapping"] == ["0", "1"]
    assert read_layout(tree).mapping.paths == ("0", "1")


def test_what_others_wrote_into_the_block_stays() -> None:
    stated = {"@type": "ome-xml", "file": {"path": "OME/METADATA.ome.xml", "size": 3}, "by": "me"}
    unknown = {"@type": "x", "file": {"path": "x.json"}, "more": True}
    tree = Tree(V2 | root(metadataSources=[stated, unknown]) | {"x.json": b"{}"})
    planned, _ = annotated(tree)
    first = {"file": {"path": "/OME/METADATA.ome.xml", "size": 3}, "seriesMapping": ["1", "0"]}
    assert planned.block == (stated | first, unknown)


def test_consolidated_metadata_says_the_same() -> None:
    consolidated = {"zarr_consolidated_format": 1, "metadata": {".zattrs": V2[".zattrs"], "0/.zattrs": {"a": 1}}}
    _, tree = annotated(Tree(V2 | {".zmetadata": consolidated}))
    written = json.loads(tree.files[".zmetadata"])["metadata"]
    assert written == {".zattrs": json.loads(tree.files[".zattrs"]), "0/.zattrs": {"a": 1}}


def test_zarr_v3_has_it_among_its_ome_attributes() -> None:
    document = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5"}, "mine": 1}}
    tree = Tree({"zarr.json": document} | image_v3("0") | xml(ome_image(0)))
    planned, tree = annotated(tree)
    written = json.loads(tree.files["zarr.json"])
    assert written["attributes"] == {"ome": {"version": "0.5", "metadataSources": list(planned.block)}, "mine": 1}
    assert read_layout(tree).mapping.rule == "metadataSources"


@pytest.mark.parametrize(
    "name", ["v4_m3", "v4_m3_noroot", "v4_plate23", "v4_single", "v5_m3", "o03_plate23", "v4_m3_fmt"]
)
def test_real_layouts_are_annotated_on_disk(shared: Path, tmp_path: Path, name: str) -> None:
    source = shared / "layouts" / f"{name}.zarr"
    copy = tmp_path / "copy.zarr"
    shutil.copytree(source, copy, copy_function=shutil.copyfile)
    for folder in (copy, *copy.rglob("*")):
        folder.chmod(0o755)  # the source may be read-only
    store = open_store(str(copy))
    layout = read_layout(store)
    planned = annotation(store, layout)
    zarrs.annotate(zarrs.Zarr(store, layout), planned)
    Draft202012Validator(SCHEMA).validate({"metadataSources": list(planned.block)})
    again = read_layout(store)
    assert (again.mapping.paths, again.mapping.rule) == (layout.mapping.paths, "metadataSources")
    assert [path.name for path in copy.iterdir() if path.name not in os.listdir(source)] == [
        path for path, *_ in planned.files if path not in os.listdir(source)
    ]


def test_a_layout_that_is_wrong_or_has_no_source_is_not_annotated() -> None:
    tree = Tree(root() | image("0"))
    with pytest.raises(Refused, match="no metadata source"):
        annotation(tree, read_layout(tree))
    tree = Tree(V2 | series("0"))
    with pytest.raises(LayoutError):
        annotation(tree, read_layout(tree))


def test_writing_on_disk_is_whole_and_never_through_a_link(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    file = tmp_path / ".zattrs"
    file.write_bytes(b"old")
    file.chmod(0o640)
    store.put(".zattrs", b"new", b"old")
    assert file.read_bytes() == b"new" and file.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == [".zattrs"]
    for stale in (b"old", None):
        with pytest.raises(Refused, match="changed since it was read"):
            store.put(".zattrs", b"newer", stale)
    (tmp_path / "zarr.json").symlink_to(file)
    with pytest.raises(Refused, match="symbolic link"):
        store.put("zarr.json", b"other", None)
    assert file.read_bytes() == b"new"


@pytest.mark.parametrize("path", ["/0", "../0", "a/../b", "a//b", "a\\b", "a/"])
def test_the_schema_refuses_what_reading_refuses(path: str) -> None:
    block = {"metadataSources": [{"@type": "ome-xml", "file": {"path": "x"}, "seriesMapping": [path]}]}
    assert not Draft202012Validator(SCHEMA).is_valid(block)


# The small example of a plug-in: microscopes that write their metadata as a line of JSON an image.
def lines_to_ome_xml(content: bytes, where: str) -> bytes:
    images = [json.loads(line) for line in content.splitlines()]
    return xml(*(ome_image(n, one["called"]) for n, one in enumerate(images))).popitem()[1]


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `entry_points` finds where a package declares the kind `lines`."""
    point = EntryPoint("lines", f"{__name__}:lines_to_ome_xml", kinds.GROUP)
    monkeypatch.setattr(
        kinds, "entry_points", lambda group, name: [point] if (group, name) == (point.group, point.name) else []
    )


def layout_with_lines(content: bytes) -> Tree:
    source = {"@type": "lines", "file": {"path": "/scope.txt"}, "seriesMapping": ["1", "0"]}
    return Tree(root(metadataSources=[source]) | image("0") | image("1") | {"scope.txt": content})


def test_another_kind_plugs_in(plugged: None) -> None:
    layout = read_layout(layout_with_lines(b'{"called": "first"}\n{"called": "second"}'))
    assert layout.problems == ()
    [source] = layout.sources
    assert source.kind == "lines" and source.summary
    assert [one.name for one in source.summary.images] == ["first", "second"]
    assert layout.mapping.paths == ("1", "0")
    assert ome_xml_of(layout) == source.content


def test_a_plug_in_that_fails_is_named(plugged: None) -> None:
    [problem] = read_layout(layout_with_lines(b"?")).errors
    assert problem.where == "scope.txt" and "'lines'" in problem.what


def test_a_kind_that_nobody_knows_is_told_and_not_used() -> None:
    layout = read_layout(layout_with_lines(b"?"))
    assert [p.severity for p in layout.problems] == ["warning"]
    assert layout.names == {}

"""Which rule decides the series mapping, and by what."""

from pathlib import Path
from typing import Any

import pytest

from omero_roz.errors import UsageError
from omero_roz.layout.mapping import parse_mapping
from omero_roz.layout.reading import read_layout
from omero_roz.zarrs import read_mapping
from tests.unit.layout.trees import (
    Tree,
    group_v3,
    image,
    image_v3,
    ome_image,
    ome_plate,
    plate,
    root,
    series,
    xml,
)  # fmt: skip

TWO = xml(ome_image(7, "first"), ome_image(3, "second"))


def mapped(files: dict, **options: Any) -> tuple[str, list[str]]:
    layout = read_layout(Tree(files, **options))
    assert layout.errors == ()
    assert [one.path for one in layout.mapped_series()] == list(layout.mapping.paths)
    return layout.mapping.rule, list(layout.mapping.paths)


def test_a_mapping_file_wins_over_all_else() -> None:
    source = {"@type": "ome-xml", "file": {"path": "/OME/METADATA.ome.xml"}, "seriesMapping": ["0", "1"]}
    files = root(metadataSources=[source]) | series("0", "1") | image("0") | image("1") | TWO
    layout = read_layout(Tree(files), parse_mapping('["1", "0"]', "map.json"))
    assert (layout.mapping.rule, layout.mapping.paths) == ("mapping file", ("1", "0"))
    assert [one.path for one in layout.mapped_series()] == ["1", "0"]


def test_metadata_sources_win_over_series() -> None:
    source = {"@type": "ome-xml", "file": {"path": "/OME/METADATA.ome.xml"}, "seriesMapping": ["b/c", "0"]}
    files = root(metadataSources=[source]) | series("0", "b/c") | image("0") | image("b/c") | TWO
    assert mapped(files) == ("metadataSources", ["b/c", "0"])


def test_several_metadata_sources() -> None:
    one = {"@type": "ome-xml", "file": {"path": "one.xml"}, "seriesMapping": ["0"]}
    two = {"@type": "ome-xml", "file": {"path": "two.xml"}, "seriesMapping": ["1"]}
    other = {"@type": "4dn", "file": {"path": "x.json"}, "seriesMapping": ["0"]}
    files = root(metadataSources=[other, one, two]) | image("0") | image("1") | {"x.json": b"{}"}
    files |= {"one.xml": xml(ome_image(0, "a")).popitem()[1], "two.xml": xml(ome_image(0, "b")).popitem()[1]}
    layout = read_layout(Tree(files))
    assert [(p.where, p.severity) for p in layout.problems] == [("x.json", "warning")]
    assert [(s.kind, s.mapping.paths) for s in layout.sources] == [
        ("4dn", ("0",)), ("ome-xml", ("0",)), ("ome-xml", ("1",)),
    ]  # fmt: skip
    assert layout.mapping.paths == ("0", "1")
    assert layout.names == {"0": "a", "1": "b"}


def test_series_is_by_position_never_by_the_number_in_the_id() -> None:
    assert mapped(root() | series("1", "0") | image("0") | image("1") | TWO) == ("OME series", ["1", "0"])


def test_series_may_be_the_root_itself() -> None:
    assert mapped(image("") | series("") | xml(ome_image())) == ("OME series", [""])


def test_the_plate_by_row_column_and_position_in_the_well() -> None:
    wells = {"B/2": ["4", "2"], "A/10": ["0"], "A/9": ["x"]}
    images = xml(ome_plate((1, 1, [5, 6]), (0, 9, [9]), (0, 8, [1])), *(ome_image(number) for number in (9, 5, 6, 1)))
    assert mapped(plate("", wells) | images) == ("plate", ["A/10/0", "B/2/4", "B/2/2", "A/9/x"])
    assert mapped(plate("", wells)) == ("plate", ["A/9/x", "A/10/0", "B/2/4", "B/2/2"])


def test_an_xml_without_plate_goes_by_row_and_column() -> None:
    images = xml(*(ome_image(number) for number in range(2)))
    files = plate("", {"B/1": ["0"], "A/2": ["0"]})
    assert mapped(files | images) == ("plate", ["A/2/0", "B/1/0"])
    [warning] = read_layout(Tree(files | images)).problems
    assert warning.severity == "warning" and "row by row: nothing states it" in warning.what
    named = files | image("A/2/0", name="first") | image("B/1/0", name="second") | TWO
    assert read_layout(Tree(named)).problems == ()


@pytest.mark.parametrize("listable", [True, False])
def test_plain_images_beside_a_plate(listable: bool) -> None:
    files = plate("", {"A/1": ["0"], "B/1": ["0"]}) | image("0") | image("1")
    images = xml(ome_plate((0, 0, [1]), (1, 0, [2])), *(ome_image(number) for number in range(4)))
    assert mapped(files | images, listable=listable) == ("plate", ["0", "A/1/0", "B/1/0", "1"])
    assert mapped(files, listable=listable) == ("plate", ["A/1/0", "B/1/0", "0", "1"])


def test_a_plate_below_the_root() -> None:
    files = root() | series("P/A/1/0", "Q/A/1/0", "0")
    files |= plate("P", {"A/1": ["0"]}) | plate("Q", {"A/1": ["0"]}, name="other") | image("0")
    layout = read_layout(Tree(files))
    assert layout.problems == ()
    assert [(each.path, each.name, each.field_paths) for each in layout.plates] == [
        ("P", "P", ("P/A/1/0",)), ("Q", "other", ("Q/A/1/0",)),
    ]  # fmt: skip


def test_rows_past_z_and_fields_not_from_0() -> None:
    block = {"name": "P", "rows": [{"name": "Z"}, {"name": "AA"}], "columns": [{"name": "01"}],
             "wells": [{"path": "AA/01"}, {"path": "Z/01"}]}  # fmt: skip
    files = {".zattrs": {"plate": block}}
    for well in ("AA/01", "Z/01"):
        files |= {f"{well}/.zattrs": {"well": {"images": [{"path": "3"}, {"path": "1"}]}}}
        files |= image(f"{well}/3") | image(f"{well}/1")
    assert mapped(files) == ("plate", ["Z/01/3", "Z/01/1", "AA/01/3", "AA/01/1"])


@pytest.mark.parametrize("listable", [True, False])
def test_groups_in_the_order_of_numbers(listable: bool) -> None:
    files: dict = {}
    for number in range(40):
        files |= image(str(number))
    assert mapped(files, listable=listable) == ("groups", [str(number) for number in range(40)])


def test_images_that_cannot_be_seen_are_told() -> None:
    files = image("0") | image("1") | image("3")
    [warning] = read_layout(Tree(files, listable=False)).problems
    assert warning.severity == "warning" and "there is no 2; others would not be seen" in warning.what
    assert read_layout(Tree(files | series("0", "1", "3"), listable=False)).problems == ()
    assert read_layout(Tree(image("0") | image("1") | TWO, listable=False)).problems == ()


def test_the_same_names_in_another_order_are_told() -> None:
    files = root() | image("0", name="second") | image("1", name="first") | TWO
    for given in ({}, series("0", "1")):
        [warning] = read_layout(Tree(files | given)).problems
        assert warning.severity == "warning" and "Image 0 ('first') the series 0, which the Zarr calls" in warning.what
    assert read_layout(Tree(files | series("1", "0"))).problems == ()
    same = xml(ome_image(0, "same"), ome_image(1, "same"))
    assert read_layout(Tree(root() | image("0", name="same") | image("1", name="same") | same)).problems == ()


def test_groups_with_names_are_sorted_by_their_numbers() -> None:
    assert mapped(image("img_10") | image("img_2") | root()) == ("groups", ["img_2", "img_10"])


def test_the_root_when_it_is_one_image() -> None:
    assert mapped(image("")) == ("root", [""])
    assert mapped(image("", (4, 6), axes=["y", "x"]) | xml(ome_image())) == ("root", [""])


def test_no_root_metadata_at_all() -> None:
    assert mapped(series("0") | image("0") | xml(ome_image())) == ("OME series", ["0"])
    assert mapped(image("0")) == ("groups", ["0"])
    assert mapped(image_v3("0")) == ("groups", ["0"])


def test_metadata_of_both_formats_reads_the_one_with_ngff_attributes() -> None:
    both = {"zarr.json": {"zarr_format": 3, "node_type": "group", "attributes": {}}}
    assert read_layout(Tree(root() | image("0") | both)).zarr_format == 2
    v3 = {"zarr.json": group_v3({"bioformats2raw.layout": 3, "version": "0.5"})} | image_v3("0")
    assert read_layout(Tree(root() | image("0") | v3)).zarr_format == 3


@pytest.mark.parametrize("text", ['["a", "b/c"]', '{"seriesMapping": ["a", "b/c"]}', "a\nb/c\n", "\n a \n\n b/c"])
def test_forms_of_a_mapping_file(text: str) -> None:
    assert parse_mapping(text, "file").paths == ("a", "b/c")


@pytest.mark.parametrize("text", ["", "[]", "{}", "[1]", '["../a"]', '["a", "a"]', "a\n/b", '{"seriesMapping": 3}'])
def test_mapping_files_that_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"map\.txt"):
        parse_mapping(text, "map.txt")


def test_broken_json_is_not_taken_for_a_path() -> None:
    with pytest.raises(UsageError, match="broken JSON"):
        parse_mapping('["0", "1"', "map.txt")


def test_a_mapping_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "map.txt").write_text("b\na\n", "utf-8-sig")
    mapping = read_mapping(str(tmp_path / "map.txt"))
    assert mapping and mapping.paths == ("b", "a")


def test_plates_beside_images_are_found_where_nothing_is_stated() -> None:
    files = root() | plate("P", {"A/1": ["0"]}) | plate("Q", {"B/2": ["0"]}) | image("0")
    assert mapped(files) == ("plate", ["P/A/1/0", "Q/B/2/0", "0"])
    assert [each.path for each in read_layout(Tree(files)).plates] == ["P", "Q"]


def sources(*named: tuple[str, list[str] | None]) -> dict[str, Any]:
    items = [{"@type": "ome-xml", "file": {"path": path}} | ({"seriesMapping": m} if m else {}) for path, m in named]
    return root(metadataSources=items)


def two_plates(first: str, second: str) -> dict[str, Any]:
    """Plates plate_2 and plate_10 of the same wells, and an OME-XML whose plates have these names."""
    files = root() | plate("plate_10", {"A/1": ["0"]}, name="day 10") | plate("plate_2", {"A/1": ["0"]}, name="day 2")
    named = [ome_plate((0, 0, [n])).replace('Name="P"', f'Name="{name}"') for n, name in enumerate((first, second))]
    return files | xml(*named, ome_image(0), ome_image(1))


@pytest.mark.parametrize("names", [("day 2", "day 10"), ("plate_2", "plate_10"), ("day 2", "")])
def test_two_plates_of_the_same_wells_go_by_name_not_by_order(names: tuple[str, str]) -> None:
    assert mapped(two_plates(*names)) == ("plate", ["plate_2/A/1/0", "plate_10/A/1/0"])


@pytest.mark.parametrize("names", [("", ""), ("other", "day 2"), ("day 2", "day 2")])
def test_two_plates_that_nothing_tells_apart_are_refused(names: tuple[str, str]) -> None:
    (problem,) = read_layout(Tree(two_plates(*names))).errors
    assert problem.what.startswith("nothing states which of plate_10, plate_2 is the plate")
    assert problem.fix == "give --mapping FILE"


def test_two_plates_of_other_wells_go_by_their_wells() -> None:
    files = root() | plate("a", {"B/2": ["0"]}) | plate("b", {"A/1": ["0"]})
    images = xml(ome_plate((0, 0, [0])), ome_plate((1, 1, [1])), ome_image(0), ome_image(1))
    assert mapped(files | images) == ("plate", ["b/A/1/0", "a/B/2/0"])


def test_each_source_has_its_own_plate() -> None:
    files = sources(("p.xml", None), ("q.xml", None)) | plate("P", {"A/1": ["0"]}) | plate("Q", {"B/2": ["0"]})
    files |= {"p.xml": xml(ome_plate((0, 0, [0])), ome_image(0))["OME/METADATA.ome.xml"]}
    files |= {"q.xml": xml(ome_plate((1, 1, [0])), ome_image(0))["OME/METADATA.ome.xml"]}
    assert mapped(files) == ("plate", ["P/A/1/0", "Q/B/2/0"])


def test_what_no_source_names_is_an_image_all_the_same() -> None:
    files = sources(("one.xml", ["1"])) | image("0") | image("1") | plate("P", {"A/1": ["0"]})
    files |= {"one.xml": xml(ome_image(0))["OME/METADATA.ome.xml"]}
    assert mapped(files) == ("metadataSources", ["1", "P/A/1/0", "0"])

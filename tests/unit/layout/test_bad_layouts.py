"""Bad input: every problem with its path, and nothing but RozError ever comes out."""

import sys
import time
from typing import Any

import pytest

from omero_roz.errors import LayoutError, Unreachable
from omero_roz.layout.model import ZarrLayout
from omero_roz.layout.paths import unsafe
from omero_roz.layout.reading import read_layout
from omero_roz.layout.store import DENIED, LEADS_OUT
from tests.unit.layout.trees import (
    OME_NS,
    Tree,
    array,
    image,
    image_v3,
    ome_image,
    ome_plate,
    plate,
    root,
    series,
    xml,
)  # fmt: skip


def errors(files: dict[str, Any]) -> list[str]:
    """All errors of a layout, whether it can be looked at or not."""
    try:
        found: ZarrLayout | LayoutError = read_layout(Tree(files))
    except LayoutError as error:
        found = error
    return [str(problem) for problem in found.problems if problem.severity == "error"]


def one_error(files: dict[str, Any]) -> str:
    found = errors(files)
    assert len(found) == 1, found
    return found[0]


def test_nothing_there() -> None:
    with pytest.raises(LayoutError, match="no Zarr in this directory"):
        read_layout(Tree({}))
    with pytest.raises(Unreachable, match="nothing at this address"):
        read_layout(Tree({}, uri="https://example.org/x.zarr"))


def test_no_access() -> None:
    with pytest.raises(Unreachable, match="403"):
        read_layout(Tree({".zattrs": DENIED, "0/.zattrs": DENIED}))


def test_not_a_zarr_names_what_is_below() -> None:
    with pytest.raises(LayoutError, match=r"not a Zarr: .* below are inner\.zarr"):
        read_layout(Tree({f"inner.zarr/{name}": content for name, content in image("").items()}))


def test_an_array_is_no_image() -> None:
    with pytest.raises(LayoutError, match="array, not an image"):
        read_layout(Tree({".zarray": array(), ".zattrs": {}}))
    with pytest.raises(LayoutError, match="array, not an image"):
        read_layout(Tree({"zarr.json": image_v3("0")["0/0/zarr.json"]}))


def test_a_zarr_without_an_image() -> None:
    with pytest.raises(LayoutError, match="holds no image"):
        read_layout(Tree(root()))


def test_a_bucket_that_cannot_be_listed_says_403_of_what_is_not_there() -> None:
    files = root() | image("0") | dict.fromkeys(("zarr.json", "OME/.zattrs", "OME/METADATA.ome.xml"), DENIED)
    assert errors(files) == []


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[]", b"null", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"])
def test_broken_json_is_named(content: bytes) -> None:
    found = errors(root() | image("0") | series("0", "1") | image("1") | {"1/.zattrs": content})
    assert [text.partition(":")[0] for text in found] == ["1/.zattrs"]
    assert "JSON" in found[0]


def test_broken_json_in_an_array_or_the_root() -> None:
    assert "0/0/.zarray: broken JSON" in one_error(root() | image("0") | {"0/0/.zarray": b"nope"})
    assert ".zattrs: broken JSON" in one_error(root() | image("0") | {".zattrs": b"nope"})


BOMB = b"""<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0" Name="&b;"/></OME>"""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<OME", "broken XML"),
        (b"", "broken XML"),
        (b"\x00\x01", "broken XML"),
        (b'<?xml version="1.0" encoding="nonsense"?><OME/>', "broken XML"),
        (b"<html/>", "not an OME-XML"),
        (BOMB, "document type"),
        (BOMB.decode().encode("utf-16"), "document type"),
        (b'<!DOCTYPE OME SYSTEM "file:///etc/passwd"><OME/>', "document type"),
    ],
)
def test_broken_and_unsafe_xml(content: bytes, words: str) -> None:
    text = one_error(root() | image("0") | {"OME/METADATA.ome.xml": content})
    assert text.startswith("OME/METADATA.ome.xml: ")
    assert words in text


@pytest.mark.parametrize("paths", [["0"], ["0", "1", "2"]])
def test_series_longer_or_shorter_than_the_images(paths: list[str]) -> None:
    files = root() | series(*paths) | image("0") | image("1") | image("2")
    text = one_error(files | xml(ome_image(0), ome_image(1)))
    assert f"it has 2 Images, but the mapping (OME series) names {len(paths)} series" in text


def test_series_naming_a_missing_group() -> None:
    assert one_error(root() | series("0", "7") | image("0")).startswith("7: group not found")


UNSAFE = [
    "../0", "0/../1", "..", ".", "./0", "/0", "//0", "a//0", "a/", "a\\0", "..\\0", "%2e%2e/0", "%2E%2E%2F0",
    "%252e%252e/0", "a%2fb", "a%5c0", "a\n0", "a\x000", "\ud800", 3, None, ["0"],
]  # fmt: skip


@pytest.mark.parametrize("path", UNSAFE)
def test_paths_never_leave_the_root(path: Any) -> None:
    tree = Tree(root() | series("0", path) | image("0") | image("a/0"))
    layout = read_layout(tree)
    assert len(layout.errors) == 1
    assert str(layout.errors[0]).isprintable()
    assert not [name for name in tree.asked if ".." in name or "\\" in name or "%" in name or name.startswith("/")]


@pytest.mark.parametrize("path", [path for path in UNSAFE if isinstance(path, str)])
def test_nor_do_those_of_datasets_wells_images_and_sources(path: str) -> None:
    source = {"@type": "ome-xml", "file": {"path": f"/{path}"}}
    well = {"A/1/.zattrs": {"well": {"images": [{"path": "0"}, {"path": path}]}}}
    assert "refused" in one_error(image("0", datasets=[{"path": path}]))
    assert "refused" in one_error(plate("", {"A/1": ["0"]}) | well)
    assert "refused" in one_error(plate("", {"A/1": ["0"]}, wells=[{"path": path}, {"path": "A/1"}]))
    assert "refused" in one_error(root(metadataSources=[source]) | image("0"))


def test_a_metadata_source_elsewhere_is_not_read() -> None:
    for path in ("https://example.org/x.xml", "s3://bucket/x.xml", "file:///etc/passwd"):
        assert "it is a URI" in one_error(root(metadataSources=[{"file": {"path": path}}]) | image("0"))


def test_links_that_lead_out_are_named() -> None:
    text = one_error(root() | image("0") | {"OME/METADATA.ome.xml": LEADS_OUT})
    assert text.startswith("OME/METADATA.ome.xml: a symbolic link leads out of the layout")
    assert "1: group a symbolic link" in one_error(root() | image("0") | image("1") | {"1/.zattrs": LEADS_OUT})


def test_the_same_series_twice() -> None:
    assert "named twice" in one_error(root() | series("0", "0") | image("0"))


def test_two_wells_with_one_path_or_place() -> None:
    wells = [{"path": "A/1", "rowIndex": 0, "columnIndex": column} for column in (0, 1)]
    assert "two wells of the plate have this path" in one_error(plate("", {"A/1": ["0"]}, wells=wells))
    wells = [{"path": f"A/{column}", "rowIndex": 0, "columnIndex": 0} for column in (1, 2)]
    found = errors(plate("", {"A/1": ["0"], "A/2": ["0"]}, wells=wells))
    assert found == ["A/2: two wells are in row 0, column 0; list each well once"]


def test_a_plate_of_absurd_extent() -> None:
    names = [{"name": str(number)} for number in range(1001)]
    assert "no plate has 8 rows and 1001 columns" in one_error(plate("", {"A/1": ["0"]}, columns=names))


def test_a_well_beside_the_plate_is_a_warning() -> None:
    layout = read_layout(Tree(plate("", {"B/1": ["0"]}, rows=[{"name": "A"}])))
    assert layout.errors == ()
    assert [str(problem) for problem in layout.problems] == [
        "B/1: row 1, column 0 is not on the plate's 1 x 12; list all rows and columns"
    ]


def test_two_fields_with_one_path() -> None:
    assert "two images of the well have this path" in one_error(plate("", {"A/1": ["0", "0"]}))


def test_a_well_or_field_that_is_listed_but_not_there() -> None:
    files = plate("", {"A/1": ["0"], "A/2": ["0"]})
    del files["A/2/.zattrs"]
    assert one_error(files).startswith("A/2: the plate lists this well, but its group is not found")
    files = plate("", {"A/1": ["0", "1"]})
    del files["A/1/1/.zattrs"]
    assert one_error(files).startswith("A/1/1: group not found")


def test_a_well_with_another_number_of_fields_than_in_the_xml() -> None:
    images = xml(ome_plate((0, 0, [0, 1, 2])), *(ome_image(number) for number in range(3)))
    found = errors(plate("", {"A/1": ["0", "1"]}) | images)
    assert found[0].startswith("A/1: the well in row 0, column 0 has 2 fields, but 3 in the OME-XML")


def test_a_missing_number_among_the_groups() -> None:
    assert one_error(root() | image("0") | image("2")).startswith("1: the group is missing, but there is 2")


def test_named_groups_and_several_images_have_no_order() -> None:
    text = one_error(root() | image("a") | image("b") | xml(ome_image(0), ome_image(1)))
    assert "nothing states the order" in text


def test_all_differences_to_the_xml_at_once() -> None:
    files = root() | series("0", "1", "2") | image("0") | image("1", (1, 2, 1, 4, 6)) | image("2", dtype="<f4")
    found = errors(files | xml(ome_image(0, size="6 5 1 1 1"), ome_image(1, pixel_type="int8"), ome_image(2, "\x41")))
    assert found == [
        "0: its size is 6 x 4 x 1z x 1c x 1t, but 6 x 5 x 1z x 1c x 1t in Image 0 ('one') of OME/METADATA.ome.xml; "
        "give --mapping FILE, or convert again",
        "1: its size is 6 x 4 x 1z x 2c x 1t, but 6 x 4 x 1z x 1c x 1t in Image 1 ('one') of OME/METADATA.ome.xml; "
        "give --mapping FILE, or convert again",
        "1: its pixel type is uint16, but int8 in Image 1 ('one') of OME/METADATA.ome.xml; "
        "give --mapping FILE, or convert again",
        "2: its pixel type is float, but uint16 in Image 2 ('A') of OME/METADATA.ome.xml; "
        "give --mapping FILE, or convert again",
    ]


def test_other_physical_sizes_are_a_warning() -> None:
    scale = [{"type": "scale", "scale": [0.5, 250.0]}]
    axes = [{"name": "y", "unit": "micrometer"}, {"name": "x", "unit": "nanometer"}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    text = ome_image().replace("<Pixels ", '<Pixels PhysicalSizeX="0.25" PhysicalSizeY="0.6" PhysicalSizeYUnit="µm" ')
    layout = read_layout(Tree(image("0", (4, 6), axes=axes, datasets=datasets) | xml(text)))
    assert layout.errors == ()
    assert [str(problem) for problem in layout.problems] == [
        "0: the size of a pixel in y is 0.5 micrometer, but 0.6 µm in Image 0 ('one') of OME/METADATA.ome.xml; "
        "the XML's is used"
    ]


def test_an_image_without_pixels_in_the_xml() -> None:
    files = {"OME/METADATA.ome.xml": f'<OME xmlns="{OME_NS}"><Image ID="Image:0"/></OME>'.encode()}
    assert "has no sizes" in errors(root() | image("0") | files)[0]


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        ("<i8", "int64"), (">u8", "uint64"), ("|b1", "bool"), ("<c8", "complex64"), ("<c16", "complex128"),
        ("<f2", "float16"), ("|S3", "'|S3'"), ("<U2", "'<U2'"), ("|O", "'|O'"), ("<M8[ns]", "'<M8[ns]'"),
    ],
)  # fmt: skip
def test_types_that_omero_cannot_show_by_name(dtype: str, name: str) -> None:
    assert f"OMERO cannot show pixels of type {name};" in one_error(image("0", dtype=dtype))


@pytest.mark.parametrize("data_type", ["int64", "uint64", "bool", "complex64", "float16", "string", "r16"])
def test_types_of_v3_that_omero_cannot_show(data_type: str) -> None:
    told = one_error(image_v3("0", data_type=data_type)).replace("'", "")
    assert f"OMERO cannot show pixels of type {data_type};" in told


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"datasets": []}, "no datasets"),
        ({"datasets": [{"path": 3}]}, "no datasets"),
        ({"axes": [{"name": name} for name in "abcyx"]}, "no place for the axes (a, b, c, y, x)"),
        ({"axes": ["t", "c", "z", "z", "x"]}, "no place for the axes"),
        ({"axes": ["t", "c", "z", "x"]}, "no place for the axes"),
        ({"axes": 3}, "no place for the axes"),
        ({"axes": ["z", "y", "x"]}, "do not fit the shape"),
    ],
)
def test_broken_multiscales(changes: dict[str, Any], words: str) -> None:
    assert words in one_error(image("0", **changes))


@pytest.mark.parametrize(
    "changes",
    [{"shape": [1, 2]}, {"shape": None}, {"shape": [1, 1, 1, -4, 6]}, {"shape": [1, 1, 1, 4, True]},
     {"chunks": "x"}, {"dtype": [["a", "<u2"]]}],
)  # fmt: skip
def test_broken_arrays(changes: dict[str, Any]) -> None:
    assert one_error(image("0") | {"0/0/.zarray": array() | changes}).startswith("0/0: the array")


def test_empty_images_missing_arrays_and_levels_of_other_types() -> None:
    assert "the image is empty" in one_error(image("0", (1, 1, 1, 0, 6)))
    files = image("0")
    del files["0/0/.zarray"]
    assert one_error(files).startswith("0/0: array not found")
    files = image("0", datasets=[{"path": "0"}, {"path": "1"}]) | {"0/1/.zarray": array(dtype="|u1")}
    assert "levels differ in their pixel type" in one_error(files)


def test_filters_in_v2_are_a_warning() -> None:
    for filters, told in (([{"id": "delta", "dtype": "<u2"}], 1), ([], 0), (None, 0)):
        layout = read_layout(Tree(image("0") | {"0/0/.zarray": array(filters=filters)}))
        assert [one.severity for one in layout.problems if "filters in Zarr v2" in one.what] == ["warning"] * told


def test_zstd_in_v2_is_a_warning_and_in_v3_is_not() -> None:
    layout = read_layout(Tree(image("0") | {"0/0/.zarray": array(compressor={"id": "zstd", "level": 1})}))
    assert layout.errors == ()
    assert ["zstd in Zarr v2" in problem.what for problem in layout.problems] == [True]
    assert read_layout(Tree(image_v3("0"))).problems == ()


def test_everything_wrong_is_told_at_once() -> None:
    files = root() | series("0", "1", "2", "../x") | image("0", dtype="<i8") | {"1/.zattrs": b"{"} | image("2")
    with pytest.raises(LayoutError) as caught:
        read_layout(Tree(files)).mapped_series()
    assert [problem.where for problem in caught.value.problems] == ["OME", "1/.zattrs", "0"]
    assert str(caught.value).endswith("(and 2 more)")


def test_an_image_in_another_well_than_the_xml_says() -> None:
    files = plate("", {"A/1": ["0"], "B/1": ["0"]}) | series("B/1/0", "A/1/0")
    files |= xml(ome_plate((0, 0, [0]), (1, 0, [1])), ome_image(0), ome_image(1))
    first, second = errors(files)
    assert first.startswith("B/1/0: it is in row 1, column 0, but its Image in row 0, column 0 in OME/METADATA.ome.xml")
    assert second.startswith("A/1/0: it is in row 0")


def test_fields_that_the_xml_has_left_out() -> None:
    files = plate("", {"A/1": ["0"], "A/2": ["0", "1"]}) | xml(ome_plate((0, 0, [0])), ome_image(0))
    assert errors(files) == [
        "A/2/0: this field and 1 more of the plate is no Image of the OME-XML; give --mapping FILE, or convert again"
    ]


def test_what_lies_below_an_empty_group_is_named() -> None:
    assert errors({".zgroup": {"zarr_format": 2}} | {f"inner/{p}": c for p, c in image("0").items()}) == [
        "memory:/layout.zarr: the Zarr holds no image; name the layout itself; below are inner"
    ]


def test_two_images_of_one_id_are_told() -> None:
    text = one_error(root() | series("0", "1") | image("0") | image("1") | xml(ome_image(0), ome_image(0)))
    assert text.startswith("OME/METADATA.ome.xml: 2 of its Images have the ID 'Image:0'")


def test_a_path_of_layers_and_layers_of_encoding() -> None:
    started = time.process_time()
    for path in ("%25" * (1 << 20), "%" + "25" * 2000, "a/" * (1 << 20)):
        assert unsafe(path) or len(path) < 5000
    assert time.process_time() - started < 5


@pytest.mark.parametrize("count", [400])
def test_the_work_grows_with_the_number_of_sources_and_series(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of Python that are run, which no other work on the machine changes: twice the images, not four times."""

    def lines(number: int, declared: bool) -> int:
        files: dict[str, Any] = {}
        sources = []
        for place in range(number):
            files |= image(str(place))
            files[f"OME/{place}.xml"] = xml(ome_image(place))["OME/METADATA.ome.xml"]
            mapping = {"seriesMapping": [str(place)]} if declared else {}
            sources.append({"@type": "ome-xml", "file": {"path": f"/OME/{place}.xml"}} | mapping)
        tree, run = Tree(root(metadataSources=sources) | files), 0

        def trace(frame: Any, event: str, argument: Any) -> Any:
            nonlocal run
            run += 1
            return trace

        sys.settrace(trace)
        try:
            read_layout(tree)
        finally:
            sys.settrace(None)
        return run

    for declared in (True, False):
        assert lines(2 * count, declared) < 2.5 * lines(count, declared)

"""Client paths become paths below the template as measured on a real server (facts/omero_import_rows.md)."""

import datetime

import pytest

import omero
from omero_sandbox.repository import paths

TEMPLATE = "%user%_%userId%//%year%-%month%/%day%/%time%"


@pytest.mark.parametrize(
    ("client", "below"),
    [
        (["/a.tif"], ["a.tif"]),
        (["/x/a.tif"], ["x/a.tif"]),
        (["/w/x/y/z/a.tif"], ["x/y/z/a.tif"]),
        (["rel/b/c/d/e/a.tif"], ["c/d/e/a.tif"]),
        (["file:///d/e/f/g/h.xml"], ["e/f/g/h.xml"]),
        (["/p/q/r/one/a.tif", "/p/q/r/two/b.tif"], ["q/r/one/a.tif", "q/r/two/b.tif"]),
        (
            ["/p/q/a.zarr/OME/METADATA.ome.xml", "/p/q/a.zarr/0/0/0/0/0/0/0"],
            ["q/a.zarr/OME/METADATA.ome.xml", "q/a.zarr/0/0/0/0/0/0/0"],
        ),
        (["C:\\Users\\me\\a.tif"], ["C;!Users!me!a.tif"]),
        (["/x/what?.tif"], ["x/what%.tif"]),
        (["/x/../y/a.tif"], ["y/a.tif"]),
        (["/x y/ä.tif"], ["x y/ä.tif"]),
        (["/a/b/c/d/x.tif", "/f/y.tif"], ["a/b/c/d/x.tif", "f/y.tif"]),
    ],
)
def test_below_template(client, below):
    assert ["/".join(p) for p in paths.below_template(client)] == below


def test_no_files_are_refused():
    with pytest.raises(omero.ApiUsageException, match="No paths provided"):
        paths.below_template([])


def test_template_is_filled_in():
    now = datetime.datetime(2026, 11, 23, 8, 5, 42, 391_700)
    made = paths.expand(TEMPLATE, "curator", 2, now)
    assert made.root == ("curator_2",)
    assert made.own == ("2026-11", "23", "08-05-42.391")


@pytest.mark.parametrize("path", ["../x", "a/../../x"])
def test_nothing_leads_out_of_the_repository(path):
    with pytest.raises(omero.ValidationException, match="Path may not make references above root"):
        paths.inside(path)


def test_directories_end_with_a_slash():
    assert paths.directory(()) == "/"
    assert paths.directory(("a", "b")) == "a/b/"

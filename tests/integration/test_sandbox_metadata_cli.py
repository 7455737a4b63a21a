"""`omero metadata` (of the package omero-metadata; skipped where it is not installed)."""

import importlib.util
from pathlib import Path

import pytest

import omero
from demo.acquisition import write_ome_tiff
from tests.importing import import_file
from tests.servers import Omero

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("omero_metadata", "pandas"))), reason="omero-metadata is not installed"
)


@pytest.fixture
def image(omero_cli: Omero, tmp_path: Path) -> str:
    write_ome_tiff(tmp_path / "a.ome.tif")
    response = import_file(omero_cli.client, tmp_path / "a.ome.tif", "x/a.ome.tif")
    return f"Image:{response.pixels[0].image.id.val}"


def test_summary_and_annotations(omero_cli: Omero, image: str) -> None:
    annotation = omero_cli(
        "obj", "new", "MapAnnotation", "ns=openmicroscopy.org/omero/client/mapAnnotation"
    ).out.strip()
    omero_cli("obj", "map-set", annotation, "mapValue", "species", "mouse")
    omero_cli("obj", "new", "ImageAnnotationLink", f"parent={image}", f"child={annotation}")
    for command, expected in (("summary", image), ("mapanns", "MapAnnotation:"), ("allanns", "MapAnnotation:")):
        result = omero_cli("metadata", command, image)
        assert result.code == 0, result
        assert expected in result.out


def test_pixel_size(omero_cli: Omero, image: str) -> None:
    result = omero_cli("metadata", "pixelsize", image, "--x", "0.5", "--y", "0.25", "--z", "2")
    assert result.code == 0, result
    pixels = omero_cli.client.sf.getQueryService().findByQuery(
        f"select p from Pixels p where p.image.id = {image.partition(':')[2]}", None
    )
    sizes = [getattr(pixels, f"physicalSize{axis}") for axis in "XYZ"]
    assert [size.getValue() for size in sizes] == [0.5, 0.25, 2.0]
    assert {str(size.getUnit()) for size in sizes} == {"MICROMETER"}


def test_tables_are_refused_by_name(omero_cli: Omero) -> None:
    with pytest.raises(omero.ApiUsageException, match="newTable is not in this sandbox"):
        omero_cli("metadata", "testtables")

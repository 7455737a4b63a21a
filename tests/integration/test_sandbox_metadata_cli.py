"""`omero metadata` (of the package omero-metadata; skipped where it is not installed)."""

import importlib.util
from pathlib import Path

import pytest

import omero
from demo.acquisition import write_ome_tiff
from tests.support.importing import import_file
from tests.support.servers import Omero

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("omero_metadata", "pandas"))), reason="omero-metadata is not installed"
)


@pytest.fixture
def tables(omero_cli: Omero) -> None:
    """A Tables server."""
    if not omero_cli.client.sf.sharedResources().areTablesEnabled():
        pytest.skip("no Tables server runs there")


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


@pytest.mark.usefixtures("tables")
def test_tables(omero_cli: Omero) -> None:
    result = omero_cli("metadata", "testtables")
    assert result.code == 0, result


@pytest.mark.usefixtures("tables")
def test_populate_and_summary(omero_cli: Omero, image: str, tmp_path: Path) -> None:
    dataset = omero_cli("obj", "new", "Dataset", "name=measured").out.strip()
    omero_cli("obj", "new", "DatasetImageLink", f"parent={dataset}", f"child={image}")
    name = omero_cli("obj", "get", image, "name").out.strip()
    (tmp_path / "t.csv").write_text(f"Image Name,Area,Kind\n{name},1.5,x\n")
    result = omero_cli("metadata", "populate", "--file", str(tmp_path / "t.csv"), dataset)
    assert result.code == 0, result
    query = "select f.id from DatasetAnnotationLink l join l.child a join a.file f where l.parent.id = :id"
    number = omero.sys.ParametersI().addId(int(dataset.partition(":")[2]))
    [[file]] = omero_cli.client.sf.getQueryService().projection(query, number)
    table = omero_cli.client.sf.sharedResources().openTable(omero.model.OriginalFileI(file.val, False))
    columns = table.read(list(range(len(table.getHeaders()))), 0, 0).columns
    values = {column.name: column.values for column in columns}
    assert values["Image"] == [int(image.partition(":")[2])]
    assert (values["Area"], values["Kind"]) == ([1.5], ["x"])
    table.close()

"""ezomero's functions as its documentation has them, all but ezimport (skipped where ezomero is not installed)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas
import pytest
from omero.gateway import BlitzGateway
from omero.model import PlateAcquisitionI, PlateI, WellI, WellSampleI
from omero.rtypes import rint, rstring

from demo.acquisition import write_ome_tiff
from demo.omero_client import Account
from tests.support.importing import import_file
from tests.support.servers import Server

ez = pytest.importorskip("ezomero")
rois = pytest.importorskip("ezomero.rois")

PIXELS = np.arange(2 * 3 * 4 * 5 * 1, dtype=np.uint8).reshape(5, 4, 3, 2, 1)  # ezomero's order: x, y, z, c, t


@dataclass(frozen=True)
class Made:
    """Ids of what the functions under test made."""

    project: int
    dataset: int
    screen: int
    image: int


@pytest.fixture(scope="module")
def conn(server: Server, curator: Account) -> Iterator[BlitzGateway]:
    conn = ez.connect(
        curator.name, curator.password, "", host=server.host, port=server.port, secure=True, config_path=None
    )
    yield conn
    conn.close()


@pytest.fixture(scope="module")
def made(conn: BlitzGateway) -> Made:
    project = ez.post_project(conn, "ez project", "of ezomero")
    dataset = ez.post_dataset(conn, "ez dataset", project_id=project, description="d")
    screen = ez.post_screen(conn, "ez screen")
    image = ez.post_image(conn, PIXELS, "ez image", description="i", dataset_id=dataset, dim_order="xyzct")
    return Made(project, dataset, screen, image)


@pytest.fixture(scope="module")
def imported(conn: BlitzGateway, made: Made, tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    path = tmp_path_factory.mktemp("ez") / "shots.ome.tif"
    write_ome_tiff(path)
    return [p.image.id.val for p in import_file(conn.c, path, "data/shots.ome.tif").pixels]


@pytest.fixture(scope="module")
def plate(conn: BlitzGateway, made: Made) -> dict[str, int]:
    plate, run, well, field = PlateI(), PlateAcquisitionI(), WellI(), WellSampleI()
    plate.name, run.name = rstring("plate"), rstring("run")
    well.row, well.column = rint(0), rint(1)
    image = ez.post_image(conn, PIXELS, "in a well", dim_order="xyzct")
    field.image, field.plateAcquisition = conn.getObject("Image", image)._obj, run
    field.image.unload()
    well.addWellSample(field)
    plate.addWell(well)
    plate.addPlateAcquisition(run)
    saved = conn.getUpdateService().saveAndReturnObject(plate)
    return {
        "plate": saved.id.val, "well": saved.copyWells()[0].id.val, "image": image,
        "run": saved.copyPlateAcquisitions()[0].id.val,
    }  # fmt: skip


def test_images(conn: BlitzGateway, made: Made) -> None:
    image, pixels = ez.get_image(conn, made.image, dim_order="xyzct")
    assert (image.getName(), image.getDescription()) == ("ez image", "i")
    assert (pixels == PIXELS).all()
    _, part = ez.get_image(
        conn, made.image, start_coords=(1, 1, 0, 0, 0), axis_lengths=(2, 2, 3, 2, 1), dim_order="xyzct"
    )
    assert (part == PIXELS[1:3, 1:3]).all()
    assert ez.get_image(conn, made.image, no_pixels=True)[1] is None
    assert ez.get_pyramid_levels(conn, made.image) == [(5, 4)]
    posted = ez.post_image(
        conn, PIXELS[:, :, :, :1], "like", dim_order="xyzct", source_image_id=made.image, channel_list=[0]
    )
    assert ez.get_image(conn, posted, no_pixels=True)[0].getSizeC() == 1


def test_ids(conn: BlitzGateway, made: Made, imported: list[int]) -> None:
    assert made.image in ez.get_image_ids(conn, dataset=made.dataset)
    assert ez.get_image_ids(conn, project=made.project) == [made.image]
    assert set(imported) <= set(ez.get_image_ids(conn))
    assert made.project in ez.get_project_ids(conn)
    assert ez.get_dataset_ids(conn, project=made.project) == [made.dataset]
    assert made.screen in ez.get_screen_ids(conn)
    group = conn.getGroupFromContext()
    assert ez.get_group_id(conn, group.getName()) == group.getId()
    assert ez.get_user_id(conn, conn.getUser().getName()) == conn.getUserId()


def test_plates(conn: BlitzGateway, made: Made, plate: dict[str, int]) -> None:
    ez.link_plates_to_screen(conn, [plate["plate"]], made.screen)
    assert ez.get_plate_ids(conn, screen=made.screen) == [plate["plate"]]
    assert ez.get_well_ids(conn, plate=plate["plate"]) == [plate["well"]]
    assert ez.get_well_ids(conn, screen=made.screen) == [plate["well"]]
    assert ez.get_well_id(conn, plate["plate"], row=0, column=1) == plate["well"]
    assert ez.get_plate_acquisition_ids(conn, plate=plate["plate"]) == [plate["run"]]
    for kind in ("plate", "well"):
        assert ez.get_image_ids(conn, **{kind: plate[kind]}) == [plate["image"]]
    assert ez.get_image_ids(conn, plate_acquisition=plate["run"]) == [plate["image"]]


def test_imported(conn: BlitzGateway, imported: list[int]) -> None:
    assert ez.get_original_filepaths(conn, imported[0])[0].endswith("/shots.ome.tif")
    assert ez.get_original_filepaths(conn, imported[0], fpath="client") == ["/data/shots.ome.tif"]
    assert [ez.get_series_index(conn, number) for number in imported] == list(range(len(imported)))
    assert sorted(ez.filter_by_filename(conn, imported, "shots.ome.tif")) == sorted(imported)


def test_map_annotations(conn: BlitzGateway, made: Made, capsys: pytest.CaptureFixture) -> None:
    number = ez.post_map_annotation(conn, "Image", made.image, {"species": "human", "n": 3}, ns="ez.test")
    assert ez.get_map_annotation(conn, number)["species"] in ("human", ["human"])
    assert ez.get_map_annotation_ids(conn, "Image", made.image, ns="ez.test") == [number]
    ez.put_map_annotation(conn, number, {"species": "mouse"}, ns="ez.test")
    assert ez.get_map_annotation(conn, number)["species"] in ("mouse", ["mouse"])
    assert ez.filter_by_kv(conn, [made.image], "species", "mouse") == [made.image]
    assert ez.get_image_ids(conn, annotation=number) == [made.image]
    ez.print_map_annotation(conn, number)
    assert "mouse" in capsys.readouterr().out


def test_other_annotations(conn: BlitzGateway, made: Made, tmp_path: Path) -> None:
    comment = ez.post_comment_annotation(conn, "Dataset", made.dataset, "a comment", "ez.test")
    assert ez.get_comment_annotation(conn, comment) == "a comment"
    assert ez.get_comment_annotation_ids(conn, "Dataset", made.dataset) == [comment]
    (tmp_path / "f.txt").write_text("attached")
    file = ez.post_file_annotation(conn, str(tmp_path / "f.txt"), "ez.test", "Dataset", made.dataset)
    assert ez.get_file_annotation_ids(conn, "Dataset", made.dataset) == [file]
    (tmp_path / "out").mkdir()
    assert Path(ez.get_file_annotation(conn, file, str(tmp_path / "out"))).read_text() == "attached"
    assert ez.get_dataset_ids(conn, annotation=comment) == [made.dataset]


def test_tags(conn: BlitzGateway, made: Made) -> None:
    from omero.gateway import TagAnnotationWrapper

    tag = TagAnnotationWrapper(conn)
    tag.setValue("ez tag")
    conn.getObject("Image", made.image).linkAnnotation(tag)
    [number] = ez.get_tag_ids(conn, "Image", made.image)
    assert ez.get_tag(conn, number) == "ez tag"
    assert ez.filter_by_tag_value(conn, [made.image], "ez tag") == [made.image]


def test_rois(conn: BlitzGateway, made: Made) -> None:
    shapes = [
        rois.Rectangle(1, 2, 3, 4, z=0, c=0, t=0, label="r"),
        rois.Ellipse(1, 2, 3, 4),
        rois.Point(1, 2),
        rois.Line(0, 0, 4, 4),
        rois.Polygon([(0, 0), (1, 1), (2, 0)]),
        rois.Polyline([(0, 0), (1, 1), (2, 0)]),
        rois.Label(1, 1, "text", 10),
    ]
    roi = ez.post_roi(conn, made.image, shapes, name="seven", description="shapes")
    assert ez.get_roi_ids(conn, made.image) == [roi]
    found = [ez.get_shape(conn, number) for number in ez.get_shape_ids(conn, roi)]
    assert sorted(type(s).__name__ for s in found) == sorted(type(s).__name__ for s in shapes)


def test_links_and_descriptions(conn: BlitzGateway, made: Made, capsys: pytest.CaptureFixture) -> None:
    other = ez.post_dataset(conn, "another")
    ez.link_images_to_dataset(conn, [made.image], other)
    ez.link_datasets_to_project(conn, [other], made.project)
    assert sorted(ez.get_dataset_ids(conn, project=made.project)) == sorted([made.dataset, other])
    ez.put_description(conn, "Dataset", other, "described")
    assert conn.getObject("Dataset", other).getDescription() == "described"
    ez.print_projects(conn)
    ez.print_datasets(conn)
    ez.print_groups(conn)
    assert "ez project" in capsys.readouterr().out
    assert ez.set_group(conn, conn.getEventContext().groupId) is True


def test_nothing_is_found(conn: BlitzGateway) -> None:
    assert list(ez.get_image_ids(conn, dataset=10**9)) == []
    assert ez.get_image(conn, 10**9)[0] is None


@pytest.mark.parametrize("as_frame", [False, True])
def test_tables(conn: BlitzGateway, made: Made, as_frame: bool) -> None:
    if not conn.c.sf.sharedResources().areTablesEnabled():
        pytest.skip("no Tables server runs there")
    rows = [["cell", "area", "kind"], [1, 1.5, "x"], [2, 2.5, "longer"]]
    table = pandas.DataFrame(rows[1:], columns=rows[0]) if as_frame else rows
    number = ez.post_table(conn, table, object_type="Dataset", object_id=made.dataset, title="t", headers=True)
    assert number in ez.get_file_annotation_ids(conn, "Dataset", made.dataset)
    found = ez.get_table(conn, number)
    assert [list(found.columns), *found.values.tolist()] == rows

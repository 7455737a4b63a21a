"""A curator gives images in OMERO the metadata that they lack, and can take it back."""

import json
import re
from pathlib import Path

import pytest
from lxml import etree
from omero.model import (
    CommentAnnotationI,
    ImageAnnotationLinkI,
    ImageI,
    LengthI,
    ObjectiveAnnotationLinkI,
    ObjectiveI,
    TagAnnotationI,
)
from omero.rtypes import rstring

from omero_roz.ports.omero import unfill
from omero_roz.ports.omero.session import OmeroSession
from tests.integration.test_completeness import completeness, lost
from tests.integration.test_import import imported
from tests.support.accounts import new_account
from tests.support.importing import import_file
from tests.support.kills import LONG, moments, ran
from tests.support.rows import all_rows
from tests.support.servers import Omero, Server
from tests.support.whole_model import IMPORTABLE

BARE = {
    "Pixels": ("ID", "DimensionOrder", "Type", "SizeX", "SizeY", "SizeZ", "SizeC", "SizeT"),
    "Image": ("ID",), "Channel": ("ID", "Color"), "Plate": ("ID", "Name"),
}  # fmt: skip
KEPT = ("OME", "Image", "Pixels", "Channel", "MetadataOnly", "Plate", "Well", "WellSample", "ImageRef")


def stripped(xml: str) -> str:
    """An OME-XML with its images, their sizes and the places on its plates, and nothing else."""
    root = etree.fromstring(xml.encode())
    for element in list(root.iter("{*}*")):
        name = etree.QName(element).localname
        if name not in KEPT:
            if element.getparent() is not None:
                element.getparent().remove(element)
            continue
        kept = BARE.get(name, ("ID", "Row", "Column", "Index"))
        for attribute in list(element.attrib):
            if attribute not in kept:
                del element.attrib[attribute]
    return etree.tostring(root).decode()


def in_omero(omero_cli: Omero, xml: str, folder: Path, name: str = "bare.ome.xml") -> tuple[int, list[int]]:
    """The fileset and the images of an OME-XML that the server itself imports."""
    (folder / name).write_text(xml, "utf-8")
    response = import_file(omero_cli.client, folder / name, name)
    ids = ",".join(str(one.id.val) for one in response.pixels)
    hql = f"select i.fileset.id, i.id from Image i join i.pixels p where p.id in ({ids}) order by i.series"
    rows = omero_cli.client.sf.getQueryService().projection(hql, None)
    return rows[0][0].val, [row[1].val for row in rows]


# Of these the bare OME-XML says nothing otherwise. Of the others a server has chosen colours of channels by itself,
# which are there and stay, as does a file's name that it has given to a plate without one.
WHOLLY = ("v4_t_names", "v4_plate23", "v4_r_lif", "v4_roi")


@pytest.mark.parametrize(
    "name",
    ["whole", "v4_plate23", "v4_r_lif",
     *(pytest.param(name, marks=pytest.mark.slow) for name in ("v4_plateacq3", "v4_t_names", "v4_roi"))],
)  # fmt: skip
def test_an_image_without_metadata_gets_all_and_can_lose_it_again(
    omero_cli: Omero, server: Server, shared: Path, tmp_path: Path, name: str
) -> None:
    source = tmp_path / "rich.ome.xml"
    if name == "whole":
        source.write_text(IMPORTABLE, "utf-8")
    else:
        source.write_bytes((shared / "layouts" / f"{name}.zarr" / "OME" / "METADATA.ome.xml").read_bytes())
    fileset, _ = in_omero(omero_cli, stripped(source.read_text("utf-8")), tmp_path)
    before = all_rows(server, omero_cli.client)
    code, found = completeness(omero_cli, source, f"Fileset:{fileset}")
    there = {field["path"] for field in lost(found) if field["state"] == "different"}
    assert code == 1
    filled = omero_cli("roz", "completeness", f"Fileset:{fileset}", str(source), "--fill", "--yes", "--json")
    assert filled.code == 0, filled.err
    assert json.loads(filled.out)["filled"] is True
    code, found = completeness(omero_cli, source, f"Fileset:{fileset}")
    assert {field["path"] for field in lost(found)} == there
    assert all(re.search(r"/color$|^Plate[^/]*/name$", path) for path in there)
    assert not (there and name in WHOLLY)
    assert (found["score"]["percent"] == 100) == (code == 0) == (name in WHOLLY)
    undone = omero_cli("roz", "completeness", f"Fileset:{fileset}", "--undo", "--yes")
    assert undone.code == 0, undone.err
    after = all_rows(server, omero_cli.client)
    assert before.changed_in(after) == {}
    assert before.new_in(after) .keys() <= {"namespace"}  # which a server keeps for itself


@pytest.fixture
def bare(omero_cli: Omero, acquisition: Path, tmp_path: Path) -> tuple[int, list[int], Path]:
    """A fileset of four images without metadata, its images, and the OME-XML that has it."""
    rich = acquisition / "v2.zarr" / "OME" / "METADATA.ome.xml"
    fileset, images = in_omero(omero_cli, stripped(rich.read_text("utf-8")), tmp_path)
    return fileset, images, rich


def fill(omero_cli: Omero, a: str, b: object, *more: str):
    return omero_cli("roz", "completeness", a, str(b), "--fill", *(more or ("--yes",)))


def test_it_is_shown_first_and_nobody_is_filled_unasked(omero_cli: Omero, server: Server, bare: tuple) -> None:
    fileset, _, rich = bare
    before = all_rows(server, omero_cli.client)
    shown = fill(omero_cli, f"Fileset:{fileset}", rich, "--dry-run")
    assert shown.code == 0
    assert "Image[0]/Pixels/physicalSizeX" in shown.out and "dry run" in shown.err
    asked = fill(omero_cli, f"Fileset:{fileset}", rich, "--json")
    assert asked.code == 2
    assert "--yes" in asked.err
    found = json.loads(fill(omero_cli, f"Fileset:{fileset}", rich, "--dry-run", "--json").out)
    assert found["filled"] is False
    assert {"Objective", "Exposure times", "Wavelengths"} <= {field["group"] for field in found["fields"]}
    after = all_rows(server, omero_cli.client)
    assert before.changed_in(after) == {} and before.new_in(after) == {}


@pytest.mark.parametrize("side", ["image", "ome-tiff", "zarr"])
def test_one_image_is_filled_from_any_side(omero_cli: Omero, bare: tuple, acquisition: Path, side: str) -> None:
    _, images, _ = bare
    if side == "image":
        done = imported(omero_cli, acquisition / "v2.zarr")
        b: object = f"Image:{done['images'][1]}"
    else:
        b = acquisition / ("acquisition.ome.tif" if side == "ome-tiff" else "v3.zarr")
    filled = fill(omero_cli, f"Image:{images[1]}", b)
    assert filled.code == 0, filled.err
    _, found = completeness(omero_cli, b, f"Image:{images[1]}")
    assert not [f["path"] for f in lost(found) if f["group"] not in ("Statistics", "Rendering settings")]
    told = omero_cli("roz", "status", f"Image:{images[1]}")
    assert told.code == 0 and f"filled from {b} by" in told.out, told.err
    again = fill(omero_cli, f"Image:{images[1]}", b)
    assert again.code == 0
    assert "lacks nothing" in again.err


def test_what_is_there_stays(omero_cli: Omero, bare: tuple) -> None:
    _, images, rich = bare
    query, update = (omero_cli.client.sf.getQueryService(), omero_cli.client.sf.getUpdateService())
    image = query.findByQuery(f"select i from Image i where i.id = {images[0]}", None)
    image.description, image.name = rstring("mine"), rstring("renamed")
    update.saveObject(image)
    assert fill(omero_cli, f"Image:{images[0]}", rich).code == 0
    image = query.findByQuery(f"select i from Image i where i.id = {images[0]}", None)
    assert (image.description.val, image.name.val) == ("mine", "renamed")
    assert image.objectiveSettings is not None


def test_an_undo_is_refused_where_it_was_changed_since(omero_cli: Omero, server: Server, bare: tuple) -> None:
    _, images, rich = bare
    named = f"Image:{images[0]}"
    assert fill(omero_cli, named, rich).code == 0
    query, update = (omero_cli.client.sf.getQueryService(), omero_cli.client.sf.getUpdateService())
    hql = f"select o from Image i join i.objectiveSettings s join s.objective o where i.id = {images[0]}"
    objective = query.findByQuery(hql, None)
    objective.model = rstring("changed by hand")
    update.saveObject(objective)
    pixels = query.findByQuery(f"select p from Pixels p where p.image.id = {images[0]}", None)
    pixels.physicalSizeX = LengthI(9, "MICROMETER")
    update.saveObject(pixels)
    before = all_rows(server, omero_cli.client)
    undone = omero_cli("roz", "completeness", named, "--undo", "--yes")
    assert undone.code == 1
    assert f"Objective:{objective.id.val}" in undone.err and "physicalSizeX" in undone.err
    assert before.changed_in(all_rows(server, omero_cli.client)) == {}


def test_an_undo_is_refused_where_others_would_lose_something(omero_cli: Omero, server: Server, bare: tuple) -> None:
    _, images, rich = bare
    named = f"Image:{images[0]}"
    assert fill(omero_cli, named, rich).code == 0
    hql = f"select o from Image i join i.objectiveSettings s join s.objective o where i.id = {images[0]}"
    objective = omero_cli.client.sf.getQueryService().findByQuery(hql, None)
    comment = CommentAnnotationI()
    comment.textValue = rstring("the good one")
    link = ObjectiveAnnotationLinkI()
    link.parent, link.child = ObjectiveI(objective.id.val, False), comment
    omero_cli.client.sf.getUpdateService().saveObject(link)
    before = all_rows(server, omero_cli.client)
    undone = omero_cli("roz", "completeness", named, "--undo", "--yes")
    assert undone.code == 1
    assert "ObjectiveAnnotationLink" in undone.err
    after = all_rows(server, omero_cli.client)
    assert before.changed_in(after) == {} and before.new_in(after) == {}


def test_a_change_between_plan_and_fill_is_seen(omero_cli: Omero, bare: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    _, images, rich = bare
    update = omero_cli.client.sf.getUpdateService()
    image = omero_cli.client.sf.getQueryService().findByQuery(f"select i from Image i where i.id = {images[0]}", None)
    image.description = rstring("by somebody else")
    save_batch = OmeroSession.save_batch

    def late(session: OmeroSession, *args: object) -> None:
        update.saveObject(image)  # after omero-roz has looked again
        save_batch(session, *args)

    monkeypatch.setattr(OmeroSession, "save_batch", late)
    filled = fill(omero_cli, f"Image:{images[0]}", rich)
    assert filled.code == 1
    assert "meanwhile" in filled.err
    monkeypatch.undo()
    found = omero_cli.client.sf.getQueryService().findByQuery(f"select i from Image i where i.id = {images[0]}", None)
    assert found.description.val == "by somebody else" and found.objectiveSettings is None


def test_one_image_of_a_plate_does_not_change_others(omero_cli: Omero, shared: Path, tmp_path: Path) -> None:
    rich = shared / "layouts" / "v4_plate23.zarr" / "OME" / "METADATA.ome.xml"
    _, images = in_omero(omero_cli, stripped(rich.read_text("utf-8")), tmp_path)
    refused = fill(omero_cli, f"Image:{images[1]}", rich)
    assert refused.code == 1
    assert f"Image:{images[0]}" in refused.err and "Plate" in refused.err


def test_tags_are_linked_and_only_unlinked(omero_cli: Omero, server: Server, bare: tuple, acquisition: Path) -> None:
    _, images, _ = bare
    query, update = (omero_cli.client.sf.getQueryService(), omero_cli.client.sf.getUpdateService())
    source = imported(omero_cli, acquisition / "v2.zarr")["images"][0]
    tag, link = TagAnnotationI(), ImageAnnotationLinkI()
    tag.textValue = rstring("keep")
    link.parent, link.child = ImageI(source, False), tag
    tag = update.saveAndReturnObject(link).child
    named, before = f"Image:{images[0]}", all_rows(server, omero_cli.client)
    assert fill(omero_cli, named, f"Image:{source}").code == 0
    hql = f"select l.parent.id from ImageAnnotationLink l where l.child.id = {tag.id.val} order by l.parent.id"
    assert [row[0].val for row in query.projection(hql, None)] == sorted((source, images[0]))
    assert omero_cli("roz", "completeness", named, "--undo", "--yes").code == 0
    after = all_rows(server, omero_cli.client)
    assert before.changed_in(after) == {} and before.new_in(after).keys() <= {"namespace"}


def test_a_plate_is_filled_and_emptied(omero_cli: Omero, server: Server, shared: Path, tmp_path: Path) -> None:
    rich = shared / "layouts" / "v4_plateacq3.zarr" / "OME" / "METADATA.ome.xml"
    _, images = in_omero(omero_cli, stripped(rich.read_text("utf-8")), tmp_path)
    hql = f"select distinct w.plate.id from WellSample s join s.well w where s.image.id = {images[0]}"
    [[plate]] = omero_cli.client.sf.getQueryService().projection(hql, None)
    named, before = f"Plate:{plate.val}", all_rows(server, omero_cli.client)
    assert fill(omero_cli, named, rich).code == 0
    _, found = completeness(omero_cli, rich, named)
    assert {field["path"].rpartition("/")[2] for field in lost(found)} <= {"color"}
    groups = {group["group"]: group["percent"] for group in found["groups"]}
    assert groups["Plate and wells"] == 100
    assert omero_cli("roz", "completeness", named, "--undo", "--yes").code == 0
    after = all_rows(server, omero_cli.client)
    assert before.changed_in(after) == {} and before.new_in(after).keys() <= {"namespace"}
    nothing = omero_cli("roz", "completeness", named, "--undo", "--yes")
    assert nothing.code == 1 and "nothing was filled" in nothing.err


@pytest.mark.parametrize("where", ["delete", "delete_rows"])
def test_an_undo_that_was_stopped_half_way_goes_on(
    omero_cli: Omero, server: Server, bare: tuple, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    fileset, _, rich = bare
    named, before = f"Fileset:{fileset}", all_rows(server, omero_cli.client)
    assert fill(omero_cli, named, rich).code == 0

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(unfill, where, stopped)
    assert omero_cli("roz", "completeness", named, "--undo", "--yes").code == 1
    monkeypatch.undo()
    assert before.new_in(all_rows(server, omero_cli.client)) != {}
    assert omero_cli("roz", "completeness", named, "--undo", "--yes").code == 0
    after = all_rows(server, omero_cli.client)
    assert before.changed_in(after) == {} and before.new_in(after).keys() <= {"namespace"}


def test_an_administrator_fills_as_the_owner_and_others_may_not(
    omero_cli: Omero, server: Server, bare: tuple, capsys: pytest.CaptureFixture
) -> None:
    _, images, rich = bare
    named = f"Image:{images[2]}"
    with server.client() as root:
        stranger = new_account(root)
        assert fill(Omero(root, capsys), named, rich).code == 0
    with server.client(stranger.name, stranger.password) as client:
        assert fill(Omero(client, capsys), named, rich).code == 1
    hql = f"select p.details.owner.id, i.details.owner.id from Image i join i.instrument p where i.id = {images[2]}"
    owners = omero_cli.client.sf.getQueryService().projection(hql, None)
    assert owners and all(one.val == other.val for one, other in owners)
    assert omero_cli("roz", "completeness", named, "--undo", "--yes").code == 0


def test_another_image_is_not_taken_for_it(omero_cli: Omero, bare: tuple, tmp_path: Path) -> None:
    fileset, _, rich = bare
    text = rich.read_text("utf-8")
    other = tmp_path / "other.ome.xml"
    other.write_text(text.replace('SizeX="128"', 'SizeX="127"', 1), "utf-8")
    refused = fill(omero_cli, f"Fileset:{fileset}", other)
    assert refused.code == 1
    assert "sizeX" in refused.err
    assert fill(omero_cli, f"Fileset:{fileset}", whole(tmp_path)).code == 1


def whole(folder: Path) -> Path:
    (folder / "whole.ome.xml").write_text(IMPORTABLE, "utf-8")
    return folder / "whole.ome.xml"


@pytest.mark.parametrize(
    "call",
    [("Image:1",), ("Image:1", "x.ome.xml", "--undo"), ("x.ome.xml", "y.ome.xml", "--fill"),
     ("x.ome.xml", "y.ome.xml", "--yes"), ("Image:1", "x", "--fill", "--undo")],
)  # fmt: skip
def test_calls_that_make_no_sense(omero_cli: Omero, call: tuple[str, ...]) -> None:
    assert omero_cli("roz", "completeness", *call).code == 2


@pytest.mark.parametrize("count", [3, pytest.param(30, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_killed_at_random_moments(
    omero_cli: Omero, server: Server, acquisition: Path, tmp_path: Path, count: int
) -> None:
    """The same command again finishes it, and its undo gives every row what it had: the record is whole."""
    rich = acquisition / "v2.zarr" / "OME" / "METADATA.ome.xml"

    def bare() -> int:
        return in_omero(omero_cli, stripped(rich.read_text("utf-8")), tmp_path)[0]

    def command(fileset: int) -> list[str]:
        return ["roz", "completeness", f"Fileset:{fileset}", str(rich), "--fill", "--yes"]

    took = ran(omero_cli.client, LONG, *command(bare()))
    assert took is not None
    for moment in moments(took, count):
        fileset = bare()
        before = all_rows(server, omero_cli.client)
        ran(omero_cli.client, moment, *command(fileset))
        again = omero_cli(*command(fileset))
        assert again.code == 0, again.err
        _, found = completeness(omero_cli, rich, f"Fileset:{fileset}")
        assert all(field["path"].endswith("/color") for field in lost(found))
        undone = omero_cli("roz", "completeness", f"Fileset:{fileset}", "--undo", "--yes")
        assert undone.code == 0, undone.err
        after = all_rows(server, omero_cli.client)
        assert before.changed_in(after) == {}
        assert before.new_in(after).keys() <= {"namespace"}

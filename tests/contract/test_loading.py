"""What objects a query brings: what it did not fetch."""

from typing import Any
from uuid import uuid4

import omero.clients
import pytest
from omero.model import NamedValue
from omero.rtypes import rint, rstring, rtime

import omero
from tests.contract.facts import fact, refused
from tests.contract.making import World, annotation, detector, imaged, laser, link, named, new

SOURCE = "real_server.md P3"


@pytest.fixture(scope="module")
def world(user: omero.clients.BaseClient) -> World:
    return World(user)


def one(world: World, hql: str, number: int) -> Any:
    [found] = world.query.findAllByQuery(hql.format(number), None)
    return found


@pytest.fixture(scope="module")
def noted(world: World) -> int:
    """A link to an annotation."""
    return world.save(link("ProjectAnnotationLink", named("Project"), annotation("CommentAnnotation"))).id.val


@pytest.fixture(scope="module")
def lit(world: World) -> int:
    """Settings of a laser."""
    light = world.save(laser(world.save(new("Instrument"))))
    return world.save(new("LightSettings", lightSource=light)).id.val


@fact(SOURCE)
def test_unfetched_reference_is_unloaded(world: World) -> None:
    """What is referred to and not fetched comes unloaded, with its id."""
    eye = world.save(detector(world.save(new("Instrument"))))
    settings = world.save(new("DetectorSettings", detector=eye))
    found = one(world, "select s from DetectorSettings s where s.id = {}", settings.id.val)
    assert (found.isLoaded(), found.detector.isLoaded(), found.detector.id.val) == (True, False, eye.id.val)


@fact(SOURCE)
@pytest.mark.parametrize("fetch", ["", "join fetch s.lightSource"], ids=["unfetched", "fetched"])
def test_light_settings(world: World, lit: int, fetch: str) -> None:
    """LightSettings whose lightSource was not fetched come unloaded."""
    found = one(world, f"select s from LightSettings s {fetch} where s.id = {{}}", lit)
    assert (found.isLoaded(), found.id.val) == (bool(fetch), lit)


@fact(SOURCE)
@pytest.mark.parametrize("fetch", ["", "join fetch l.child"], ids=["unfetched", "fetched"])
def test_annotation_link(world: World, noted: int, fetch: str) -> None:
    """A link whose annotation was not fetched comes unloaded."""
    found = one(world, f"select l from ProjectAnnotationLink l {fetch} where l.id = {{}}", noted)
    assert (found.isLoaded(), found.id.val) == (bool(fetch), noted)


@fact(SOURCE)
def test_annotation_link_by_id(world: World, noted: int) -> None:
    """IQuery.get of an annotation link gives it unloaded."""
    found = world.query.get("ProjectAnnotationLink", noted)
    assert (found.isLoaded(), found.id.val) == (False, noted)


@fact(SOURCE)
def test_pumped_laser(world: World) -> None:
    """A laser whose pump was not fetched comes unloaded; one without a pump does not."""
    instrument = world.save(new("Instrument"))
    pump = world.save(laser(instrument))
    pumped = world.save(laser(instrument, pump=pump))
    found = {
        number: one(world, "select l from Laser l where l.id = {}", number) for number in (pump.id.val, pumped.id.val)
    }
    assert {number: laser.isLoaded() for number, laser in found.items()} == {pump.id.val: True, pumped.id.val: False}
    assert one(world, "select l from Laser l join fetch l.pump where l.id = {}", pumped.id.val).pump.isLoaded()


@fact(SOURCE)
def test_settings_fetched_with_a_channel(world: World, lit: int) -> None:
    """What is fetched with another object is unloaded too where its own reference was not fetched."""
    image = imaged()
    channel = image.getPrimaryPixels().getChannel(0).logicalChannel
    channel.lightSourceSettings = new_reference("LightSettings", lit)
    number = world.save(image).id.val
    hql = """select c from LogicalChannel c join fetch c.lightSourceSettings {}
        where c in (select h.logicalChannel from Channel h where h.pixels.image.id = {{}})"""
    bare = one(world, hql.format(""), number)
    assert (bare.isLoaded(), bare.lightSourceSettings.isLoaded()) == (True, False)
    full = one(world, hql.format("s join fetch s.lightSource"), number)
    assert full.lightSourceSettings.isLoaded()


def new_reference(kind: str, number: int) -> Any:
    return getattr(omero.model, f"{kind}I")(number, False)


@fact(SOURCE)
def test_job_link(world: World) -> None:
    """A fileset's link to a job comes unloaded where the job was not fetched, and loaded where it was."""
    fileset = new("Fileset", templatePrefix=rstring("contract/"))
    job = new("UploadJob", username=rstring("c"), groupname=rstring("c"), type=rstring("c"), message=rstring(""))
    job.submitted, job.scheduledFor = rtime(0), rtime(0)
    job.status = new("JobStatus", value=rstring("Submitted"))
    fileset.addFilesetJobLink(new("FilesetJobLink", child=job))
    number = world.save(fileset).id.val
    hql = "select l from FilesetJobLink l {} where l.parent.id = {{}}"
    assert not one(world, hql.format(""), number).isLoaded()
    assert one(world, hql.format("join fetch l.child"), number).isLoaded()


@pytest.fixture(scope="module")
def field(world: World) -> Any:
    """A field of a well, loaded."""
    well, plate = new("Well", row=rint(0), column=rint(0)), named("Plate")
    plate.addWell(well)
    well.addWellSample(new("WellSample", image=named("Image")))
    return world.update.saveAndReturnObject(plate).copyWells()[0].copyWellSamples()[0]


@fact("measured")
def test_fields_come_with_their_image(world: World, field: Any) -> None:
    """An image comes with its fields of wells, loaded, though nobody fetched them; one of no plate with none."""
    image = one(world, "select i from Image i where i.id = {}", field.image.id.val)
    assert [(s.id.val, s.isLoaded()) for s in image.copyWellSamples()] == [(field.id.val, True)]
    plain = one(world, "select i from Image i where i.id = {}", world.save(named("Image")).id.val)
    assert plain.sizeOfWellSamples() == 0 and not plain.isPixelsLoaded()


@fact("measured")
def test_entries_come_with_their_file(world: World) -> None:
    """A file comes with the entries of filesets that name it, loaded, though nobody fetched them."""
    file = world.save(new("OriginalFile", name=rstring("a"), path=rstring("/")))
    fileset = new("Fileset", templatePrefix=rstring("contract/"))
    fileset.addFilesetEntry(new("FilesetEntry", originalFile=file, clientPath=rstring("a")))
    world.save(fileset)
    found = one(world, "select f from OriginalFile f where f.id = {}", file.id.val)
    assert [entry.isLoaded() for entry in found.copyFilesetEntries()] == [True]


@fact("measured")
def test_null_in_a_projection(world: World) -> None:
    """A projection of one column has an empty row for a null; of several columns it has the nulls."""
    number = world.save(named("Image")).id.val
    hql = f"select {{}} from Image i where i.id = {number}"
    assert world.query.projection(hql.format("i.description"), None) == [[]]
    [[description, found]] = world.query.projection(hql.format("i.description, i.id"), None)
    assert (description, found.val) == (None, number)


@fact("measured")
def test_map_of_an_annotation_that_was_not_asked_for(world: World) -> None:
    """A map annotation that a query of Annotation found has its map, and keeps it when it is saved."""
    made = annotation("MapAnnotation")
    made.mapValue = [NamedValue("a", "1"), NamedValue("b", "2")]
    number = world.save(made).id.val
    found = one(world, "select a from Annotation a where a.id in ({})", number)
    found.description = rstring("seen")
    world.update.saveArray([found])
    again = one(world, "select a from MapAnnotation a where a.id = {}", number)
    assert again.description.val == "seen"
    assert [(pair.name, pair.value) for pair in again.mapValue] == [("a", "1"), ("b", "2")]


@fact("omero_replacement.md b")
def test_row_that_was_changed_since_it_was_read(world: World) -> None:
    """A row that was changed since it was read is not saved, and nothing that was to be saved along with it."""
    number = world.save(annotation("CommentAnnotation")).id.val
    first, second = (one(world, "select a from CommentAnnotation a where a.id = {}", number) for _ in range(2))
    first.description, second.description = rstring("first"), rstring("second")
    world.update.saveArray([first])
    project = new("Project", name=rstring(f"contract-{uuid4()}"))
    with refused(omero.OptimisticLockException, "update event"):
        world.update.saveArray([second, project])
    assert one(world, "select a from CommentAnnotation a where a.id = {}", number).description.val == "first"
    assert world.query.findAllByString("Project", "name", project.name.val, True, None) == []

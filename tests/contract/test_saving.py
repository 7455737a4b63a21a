"""IUpdate: several objects in one call."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import omero.clients
import omero.model as model
import pytest
from omero.rtypes import rint, rstring

import omero
from tests.contract.facts import fact, refused
from tests.contract.making import World, detector, imaged, kind_of, link, named, new
from tests.contract.people import People

SOURCE = "real_server.md P4"
GONE = "object no longer exists in database"
LARGEST_SHARED = 127  # Java keeps one object for each smaller number


@pytest.fixture(scope="module")
def world(user: omero.clients.BaseClient) -> World:
    return World(user)


@pytest.fixture(params=["saveArray", "saveAndReturnArray", "saveCollection"])
def save(world: World, request: pytest.FixtureRequest) -> Any:
    return getattr(world.update, request.param)


def large(world: World, name: str, **values: Any) -> Any:
    """A loaded row with an id above those for which Java keeps one object."""
    while True:
        made = world.update.saveAndReturnObject(named(name, **values))
        if made.id.val > LARGEST_SHARED:
            return made


@pytest.fixture
def pair(world: World) -> Iterator[tuple[Any, Any]]:
    """A dataset, and a link that is not saved yet and refers to it."""
    dataset = large(world, "Dataset")
    dataset.description = rstring("changed")
    yield dataset, link("DatasetImageLink", dataset.proxy(), named("Image"))


@fact(SOURCE)
def test_row_after_what_refers_to_it(save: Any, pair: tuple[Any, Any]) -> None:
    """A row that an earlier element refers to is refused: 'object no longer exists in database' (id above 127)."""
    dataset, new_link = pair
    with pytest.raises(omero.ValidationException) as refused:
        save([new_link, dataset])
    assert refused.value.message == GONE


@fact(SOURCE)
def test_row_before_what_refers_to_it(world: World, save: Any, pair: tuple[Any, Any]) -> None:
    """A row before what refers to it is saved with it."""
    dataset, new_link = pair
    save([dataset, new_link])
    [[said]] = world.rows("select d.description from Dataset d where d.id = :id", id=dataset.id.val)
    assert said == "changed"


@fact(SOURCE)
def test_row_twice(save: Any, pair: tuple[Any, Any]) -> None:
    """One row as two elements is refused so too."""
    dataset, _ = pair
    again = omero.model.DatasetI(dataset.id, False)
    with pytest.raises(omero.ValidationException) as refused:
        save([dataset, again])
    assert refused.value.message == GONE


@fact(SOURCE)
def test_row_that_only_the_stored_one_refers_to(world: World, save: Any) -> None:
    """A row that an earlier element refers to in the database, but is not sent with, is saved."""
    instrument = new("Instrument")
    while True:
        made = world.update.saveAndReturnObject(instrument)
        if made.id.val > LARGEST_SHARED:
            break
    image = world.update.saveAndReturnObject(named("Image", instrument=made.proxy()))
    image.instrument = None
    save([image, made])


@fact(SOURCE)
def test_list_of_what_comes_later(world: World, save: Any) -> None:
    """A row whose stored elements come after it is saved: what refers to it was not brought by it."""
    made = world.update.saveAndReturnObject(new("Instrument"))
    eye = world.update.saveAndReturnObject(detector(made.proxy()))
    save([made, eye])


@fact("seen with omero-server 5.7.5")
def test_what_is_sent_back(world: World) -> None:
    """saveAndReturnArray sends back what was saved with all that hung on it: an image has its pixels and their id."""
    fileset = new("Fileset", templatePrefix=rstring("contract/"))
    _, *images = world.update.saveAndReturnArray([fileset, imaged(fileset=fileset), imaged(fileset=fileset)])
    for image in images:
        stored = world.rows("select p.id from Pixels p where p.image.id = :id", id=image.id.val)
        assert [[pixels.id.val] for pixels in image.copyPixels()] == stored


@fact("measured")
@pytest.mark.parametrize("which", ["what it refers to", "what is in its list"])
def test_what_an_element_leads_to(world: World, save: Any, which: str) -> None:
    """What an element leads to and is loaded is saved with it, and needs no naming."""
    image = world.update.saveAndReturnObject(imaged())
    pixels = image.getPrimaryPixels()
    root, changed = (pixels, image) if which == "what it refers to" else (image, pixels)
    if root is pixels:
        image.description = rstring("changed")
    else:
        pixels.sha1 = rstring("changed")
    save([root])
    field = "i.description" if changed is image else "p.sha1"
    assert world.rows(f"select {field} from Pixels p join p.image i where i.id = :id", id=image.id.val) == [["changed"]]


@pytest.fixture
def field(world: World) -> tuple[Any, Any]:
    """A field of a well and its image, to be changed: neither leads to what is loaded."""
    while True:
        plate, well = named("Plate"), new("Well", row=rint(0), column=rint(0))
        plate.addWell(well)
        well.addWellSample(new("WellSample", image=named("Image")))
        sample = world.update.saveAndReturnObject(plate).copyWells()[0].copyWellSamples()[0]
        if min(sample.id.val, sample.image.id.val) > LARGEST_SHARED:
            break
    found = world.query.get("WellSample", sample.id.val)
    image = world.query.get("Image", sample.image.id.val)
    image.unloadWellSamples()
    found.posX, image.description = model.LengthI(1, "MICROMETER"), rstring("changed")
    found.image = image.proxy()
    return found, image


@fact("measured")
@pytest.mark.parametrize("first", ["field", "image"])
def test_field_and_image(save: Any, field: tuple[Any, Any], first: str) -> None:
    """A field of a well and its image are refused as two elements in either order, as each brings the other."""
    with pytest.raises(omero.ValidationException) as refused:
        save(list(field) if first == "field" else list(reversed(field)))
    assert refused.value.message == GONE


@fact("measured")
def test_field_that_leads_to_its_image(world: World, save: Any, field: tuple[Any, Any]) -> None:
    """A field that refers to its loaded image is saved with it, before what else refers to the image."""
    sample, image = field
    sample.image = image
    save([sample, link("DatasetImageLink", named("Dataset"), image.proxy())])
    hql = "select s.posX.value, i.description from WellSample s join s.image i where s.id = :id"
    assert world.rows(hql, id=sample.id.val) == [[1, "changed"]]


@fact("measured")
def test_field_after_what_refers_to_its_image(save: Any, field: tuple[Any, Any]) -> None:
    """A field after what refers to its image is refused, though nothing that was sent refers to the field."""
    sample, image = field
    with pytest.raises(omero.ValidationException) as refused:
        save([link("DatasetImageLink", named("Dataset"), image.proxy()), sample])
    assert refused.value.message == GONE


@fact("measured")
def test_two_saves_of_one_session_at_once(world: World) -> None:
    """A session saves on two threads at a time, each its own transaction; what both refer to stays as it is."""
    dataset = world.save(named("Dataset"))
    with ThreadPoolExecutor(2) as threads:
        made = [[link("DatasetImageLink", dataset, named("Image")) for _ in range(20)] for _ in range(4)]
        assert list(threads.map(world.update.saveArray, made)) == [None] * 4
    linked = world.rows(
        "select l.details.creationEvent.id, count(l.id) from DatasetImageLink l where l.parent.id = :id"
        " group by l.details.creationEvent.id", id=dataset.id.val,
    )  # fmt: skip
    assert [count for _, count in linked] == [20] * 4


@pytest.fixture(scope="module")
def colleague(people: People) -> tuple[World, World]:
    """Two users of a read-annotate group."""
    group = people.group("rwra--")
    return World(people.client(group)), World(people.client(group))


@fact("asked of a real server, 28 November 2026")
@pytest.mark.parametrize("kind", ["Dataset", "Image"])
def test_rows_of_others(colleague: tuple[World, World], kind: str) -> None:
    """A row of another's that refers to none is refused as such: 'Updating … not allowed'."""
    owner, other = colleague
    number = owner.save(named(kind)).id.val
    found = other.query.get(kind, number)
    found.description = rstring("changed")
    with refused(omero.SecurityViolation, f"{kind}:Id_{number} not allowed."):
        other.update.saveObject(found)


def made_with(owner: World, kind: str) -> tuple[Any, Any]:
    """A row of a class, and the row that it refers to."""
    if kind == "Well":
        well = owner.update.saveAndReturnObject(new("Well", row=rint(0), column=rint(0), plate=named("Plate")))
        return well, well.plate
    if kind == "Image":
        instrument = owner.save(new("Instrument"))
        return owner.save(named("Image", instrument=instrument)), instrument
    image = owner.update.saveAndReturnObject(imaged())
    return image.getPrimaryPixels(), image


@fact("asked of a real server, 28 November 2026")
@pytest.mark.parametrize(("kind", "field"), [("Pixels", "methodology"), ("Well", "status"), ("Image", "name")])
def test_rows_of_others_that_refer_to_rows(colleague: tuple[World, World], kind: str, field: str) -> None:
    """One that refers to another's is refused as a link to that one: 'Cannot link to object: …'."""
    owner, other = colleague
    made, linked = made_with(owner, kind)
    found = other.query.get(kind, made.id.val)
    setattr(found, field, rstring("changed"))
    with pytest.raises(omero.SecurityViolation) as caught:
        other.update.saveObject(found)
    said = caught.value.message
    assert said.startswith("Group is rwra--. Cannot link to object: ome.model.")
    assert said.endswith(f"{kind_of(linked)}:Id_{linked.id.val}")

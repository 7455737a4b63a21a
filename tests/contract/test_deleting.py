"""Delete2: what may be named as its target, what goes along, what is refused."""

from typing import Any

import omero.clients
import pytest
from omero.rtypes import rint, rlong, rstring

import omero
from tests.contract.facts import fact
from tests.contract.making import (
    ANNOTATIONS,
    World,
    annotation,
    detector,
    enumeration,
    gone,
    imaged,
    kind_of,
    laser,
    link,
    named,
    new,
    objective,
    said,
)
from tests.contract.people import People, ask, delete

PUBLISHED = "omero-blitz 5.8.5, delete rules"
TARGETS = """AffineTransform Annotation Channel Dataset DatasetImageLink DetectorSettings Experiment ExternalInfo
    Fileset FilesetJobLink FilterSetEmissionFilterLink FilterSetExcitationFilterLink Folder FolderImageLink
    FolderRoiLink GroupExperimenterMap IAnnotationLink Image ImagingEnvironment Instrument Job JobOriginalFileLink
    LightPathEmissionFilterLink LightPathExcitationFilterLink LightSettings Link LogicalChannel
    MicrobeamManipulation Microscope Namespace ObjectiveSettings OriginalFile PixelsOriginalFileMap Plate
    PlateAcquisition Project ProjectDatasetLink ProjectionDef Reagent RenderingDef Roi Screen ScreenPlateLink Shape
    ShareMember StageLabel StatsInfo Thumbnail TransmittanceRange Well WellReagentLink WellSample"""


@pytest.fixture(scope="module")
def world(user: omero.clients.BaseClient) -> World:
    return World(user)


def take(world: World, *objects: Any) -> Any:
    targets: dict[str, list[int]] = {}
    for one in objects:
        targets.setdefault(kind_of(one), []).append(one.id.val)
    return delete(world.client, targets)


@fact("real_server.md P2")
@pytest.mark.parametrize(
    "kind", ["Objective", "Detector", "Laser", "Dichroic", "Filter", "OTF", "LightPath", "Pixels", "PlaneInfo",
             "FilesetEntry", "QuantumDef", "ChannelBinding", "Experimenter", "Session", "Event"],
)  # fmt: skip
def test_what_is_no_target(user: omero.clients.BaseClient, kind: str) -> None:
    """Delete2 takes legal targets only: else ERR bad-target, 'cannot target X'."""
    response = delete(user, {kind: [1]})
    assert (type(response), response.name) == (omero.cmd.ERR, "bad-target")
    assert response.parameters["message"] == f"cannot target {kind}"


@fact(PUBLISHED)
def test_legal_targets_are_told(user: omero.clients.BaseClient) -> None:
    """LegalGraphTargets tells which classes Delete2 takes; subclasses of these are legal too."""
    response = ask(user, omero.cmd.LegalGraphTargets(omero.cmd.Delete2()))
    assert sorted(name.rpartition(".")[2] for name in response.targets) == TARGETS.split()
    assert "ome.model.core.Image" in response.targets


@fact("real_server.md P5")
def test_graph_failure_has_its_text_in_message(user: omero.clients.BaseClient) -> None:
    """A graph that cannot go is omero.cmd.GraphException graph-fail, its text in .message, '' in the parameters."""
    response = delete(user, {"Image": [2**40]})
    assert isinstance(response, omero.cmd.GraphException)
    assert response.message == f"cannot read ome.model.core.Image[{2**40}]"
    assert (response.name, response.parameters["message"]) == ("graph-fail", "")


@fact(PUBLISHED)
def test_what_is_not_there_of_an_abstract_class(user: omero.clients.BaseClient) -> None:
    """A target of an abstract class that is not there: 'cannot read all the specified objects of class …'."""
    text = "cannot read all the specified objects of class ome.model.annotations.Annotation"
    assert said(delete(user, {"Annotation": [2**40]})) == text


@fact("real_server.md lie 6")
@pytest.mark.parametrize("kind", sorted(ANNOTATIONS))
def test_annotation_goes_with_its_last_link(world: World, kind: str) -> None:
    """Deleting an annotation's last link deletes the annotation, but not a tag and not a file annotation."""
    *projects, note = world.save(named("Project"), named("Project"), annotation(kind))
    first, second = world.save(*(link("ProjectAnnotationLink", one, note) for one in projects))
    assert gone(take(world, first)) == {"ProjectAnnotationLink": 1}
    stays = kind in ("FileAnnotation", "TagAnnotation")
    assert gone(take(world, second)) == {"ProjectAnnotationLink": 1} | ({} if stays else {kind: 1})
    assert world.there(note) == [stays]


@fact(PUBLISHED)
@pytest.mark.parametrize("kind", sorted(ANNOTATIONS))
def test_annotation_goes_with_its_last_object(world: World, kind: str) -> None:
    """Deleting an object deletes its annotations of the same owner, tags and files too, that nothing else has."""
    project, note = world.save(named("Project"), annotation(kind))
    kept, shared = world.save(named("Project"), annotation(kind))
    world.save(link("ProjectAnnotationLink", project, note), link("ProjectAnnotationLink", project, shared))
    world.save(link("ProjectAnnotationLink", kept, shared))
    assert gone(take(world, project)) == {"Project": 1, "ProjectAnnotationLink": 2, kind: 1}
    assert world.there(note, shared) == [False, True]


@fact(PUBLISHED)
def test_others_tags_stay(people: People) -> None:
    """Others' tags and files stay when the object goes; their links to it and their comments go unasked."""
    group = people.group("rwra--")
    mine, theirs = (World(people.client(group)) for _ in range(2))
    project = mine.save(named("Project"))
    notes = theirs.save(*map(annotation, ("TagAnnotation", "FileAnnotation", "CommentAnnotation")))
    theirs.save(*(link("ProjectAnnotationLink", project, note) for note in notes))
    assert gone(take(mine, project)) == {"Project": 1, "ProjectAnnotationLink": 3, "CommentAnnotation": 1}
    assert theirs.there(*notes) == [True, True, False]


def equipped(world: World) -> tuple[Any, ...]:
    """An instrument with a part of each kind, and an image with settings of them."""
    microscope = new("Microscope", type=enumeration("MicroscopeType", "Other"))
    instrument = world.save(new("Instrument", microscope=microscope))
    light, eye, lens = world.save(laser(instrument), detector(instrument), objective(instrument))
    image = imaged(instrument=instrument, objectiveSettings=new("ObjectiveSettings", objective=lens))
    channel = image.getPrimaryPixels().getChannel(0).logicalChannel
    channel.lightSourceSettings = new("LightSettings", lightSource=light)
    channel.detectorSettings = new("DetectorSettings", detector=eye)
    return instrument, light, eye, lens, world.save(image)


PARTS = {"Instrument": 1, "Microscope": 1, "Laser": 1, "Detector": 1, "Objective": 1}
SETTINGS = {"ObjectiveSettings": 1, "LightSettings": 1, "DetectorSettings": 1}
PICTURE = {"Image": 1, "Pixels": 1, "Channel": 1, "LogicalChannel": 1}


@fact("real_server.md P2")
def test_instrument_takes_its_parts_along(world: World) -> None:
    """An instrument takes its parts and their settings along; images and channels forget them and stay."""
    instrument, *_, image = equipped(world)
    assert gone(take(world, instrument)) == PARTS | SETTINGS
    assert world.there(image) == [True]
    assert world.ids("Image", "o.instrument is null and o.id = :id", id=image.id.val) == [image.id.val]


@fact(PUBLISHED)
def test_instrument_goes_with_its_last_image(world: World) -> None:
    """The last image of an instrument takes it, its parts and their settings along."""
    *_, image = equipped(world)
    assert gone(take(world, image)) == PARTS | SETTINGS | PICTURE


@fact("measured")
def test_shared_parts_go_with_the_first_image(world: World) -> None:
    """While another image has the instrument it stays, but a part goes with the first image that had settings of it,
    and the settings that the other image had of it go too."""
    instrument, _, _, lens, image = equipped(world)
    kept = world.save(named("Image", instrument=instrument, objectiveSettings=new("ObjectiveSettings", objective=lens)))
    parts = {"Laser": 1, "Detector": 1, "Objective": 1}
    assert gone(take(world, image)) == PICTURE | parts | SETTINGS | {"ObjectiveSettings": 2}
    assert world.there(kept, instrument) == [True, True]
    assert world.ids("Image", "o.objectiveSettings is null and o.id = :id", id=kept.id.val) == [kept.id.val]


@fact(PUBLISHED)
def test_content_goes_with_its_last_container(world: World) -> None:
    """Deleting a project deletes datasets and images that are nowhere else; what another has stays."""
    project, elsewhere, dataset, shared = world.save(*map(named, ("Project", "Project", "Dataset", "Dataset")))
    image = world.save(named("Image"))
    world.save(
        link("ProjectDatasetLink", project, dataset), link("ProjectDatasetLink", project, shared),
        link("ProjectDatasetLink", elsewhere, shared), link("DatasetImageLink", dataset, image),
    )  # fmt: skip
    expected = {"Project": 1, "Dataset": 1, "Image": 1, "ProjectDatasetLink": 2, "DatasetImageLink": 1}
    assert gone(take(world, project)) == expected
    assert world.there(shared) == [True]


@fact(PUBLISHED)
def test_link_alone_unlinks(world: World) -> None:
    """Deleting the last link of a dataset or image leaves both ends."""
    dataset, image = world.save(named("Dataset"), named("Image"))
    one = world.save(link("DatasetImageLink", dataset, image))
    assert gone(take(world, one)) == {"DatasetImageLink": 1}
    assert world.there(dataset, image) == [True, True]


def plated(world: World, **sample: Any) -> tuple[Any, Any]:
    """A plate with an image in a well."""
    well = new("Well", row=rint(0), column=rint(0), plate=named("Plate"))
    image = named("Image")
    well.addWellSample(new("WellSample", image=image, **sample))
    saved = world.update.saveAndReturnObject(well)
    return saved.plate.proxy(), saved.getWellSample(0).image.proxy()


@fact(PUBLISHED)
def test_image_of_a_well_stays(world: World) -> None:
    """An image of a well cannot go without it: 'may not delete Image[1] while WellSample[2] remains'."""
    plate, image = plated(world)
    [[sample]] = world.rows("select s.id from WellSample s where s.image.id = :id", id=image.id.val)
    text = f"may not delete Image[{image.id.val}] while WellSample[{sample}] remains"
    assert said(take(world, image)) == text
    assert gone(take(world, plate)) == {"Plate": 1, "Well": 1, "WellSample": 1, "Image": 1}


@fact(PUBLISHED)
def test_run_takes_its_fields(world: World) -> None:
    """A plate acquisition takes its fields and their images along; the plate and its wells stay."""
    plate, image = plated(world)
    run = world.save(new("PlateAcquisition", plate=plate))
    [sample] = world.query.findAllByQuery(
        f"select s from WellSample s join fetch s.well where s.image.id = {image.id.val}", None
    )
    sample.plateAcquisition = run
    world.update.saveObject(sample)
    assert gone(take(world, run)) == {"PlateAcquisition": 1, "WellSample": 1, "Image": 1}
    assert world.there(plate) == [True]


@fact("omero_import_rows.md, Deleting")
def test_images_of_a_fileset_go_together(world: World) -> None:
    """Of a fileset's images none goes without the others, and all take it along."""
    fileset = world.save(new("Fileset", templatePrefix=rstring("contract/")))
    first, second = world.save(*(named("Image", fileset=fileset) for _ in range(2)))
    text = f"within Fileset[{fileset.id.val}] may not delete Image[{first.id.val}] while Image[{second.id.val}] remains"
    assert said(take(world, first)) == text
    assert gone(take(world, first, second)) == {"Image": 2, "Fileset": 1}


@fact(PUBLISHED)
def test_roi_in_a_folder_stays(world: World) -> None:
    """A region in a folder stays when its image goes, and forgets it; others go with the image."""
    image, folder = world.save(named("Image"), named("Folder"))
    kept, lost = world.save(*(new("Roi", image=image) for _ in range(2)))
    world.save(link("FolderRoiLink", folder, kept))
    assert gone(take(world, image)) == {"Image": 1, "Roi": 1}
    assert world.there(kept, lost) == [True, False]
    assert world.ids("Roi", "o.image is null and o.id = :id", id=kept.id.val) == [kept.id.val]


@fact(PUBLISHED)
def test_file_of_an_entry_stays(world: World) -> None:
    """A file of a fileset's cannot go: 'may not delete OriginalFile[1] while FilesetEntry[2] remains'."""
    file = world.save(named("OriginalFile", path=rstring("contract/")))
    fileset = new("Fileset", templatePrefix=rstring("contract/"))
    fileset.addFilesetEntry(new("FilesetEntry", originalFile=file, clientPath=rstring("contract")))
    made = world.update.saveAndReturnObject(fileset)
    entry = made.getFilesetEntry(0).id.val
    assert said(take(world, file)) == f"may not delete OriginalFile[{file.id.val}] while FilesetEntry[{entry}] remains"
    assert gone(take(world, made)) == {"Fileset": 1, "FilesetEntry": 1, "OriginalFile": 1}


@fact(PUBLISHED)
def test_file_annotation_goes_with_its_file(world: World) -> None:
    """A file takes the annotations with it along, and their links."""
    file = world.save(named("OriginalFile", path=rstring("contract/")))
    project, note = world.save(named("Project"), new("FileAnnotation", file=file))
    world.save(link("ProjectAnnotationLink", project, note))
    assert gone(take(world, file)) == {"OriginalFile": 1, "FileAnnotation": 1, "ProjectAnnotationLink": 1}


@fact(PUBLISHED)
def test_what_must_refer_cannot_forget(world: World) -> None:
    """What cannot be without a deleted row, and does not go along, stops all: 'cannot null CLASS.PROPERTY'."""
    screen = world.save(named("Screen"))
    reagent, plate = world.save(named("Reagent", screen=screen), named("Plate"))
    well = world.save(new("Well", plate=plate, row=rint(0), column=rint(0)))
    world.save(link("WellReagentLink", well, reagent))
    assert said(take(world, screen)) == "cannot null ome.model.screen.Reagent.screen"
    assert world.there(screen) == [True]


@fact(PUBLISHED)
def test_dry_run_tells_and_leaves(world: World) -> None:
    """A dry run tells what would go, and leaves it."""
    project = world.save(named("Project"))
    request = omero.cmd.Delete2(targetObjects={"Project": [project.id.val]}, dryRun=True)
    assert gone(ask(world.client, request)) == {"Project": 1}
    assert world.there(project) == [True]


def option(**values: Any) -> Any:
    return omero.cmd.graphs.ChildOption(**values)


@fact(PUBLISHED)
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([option(excludeType=["Image"])], {"Dataset": 1, "DatasetImageLink": 2}),
        ([option(includeType=["Image"])], {"Dataset": 1, "DatasetImageLink": 3, "Image": 2}),
        ([], {"Dataset": 1, "DatasetImageLink": 2, "Image": 1}),
    ],
    ids=["exclude", "include", "none"],
)
def test_child_options(world: World, options: list[Any], expected: dict[str, int]) -> None:
    """childOptions keep what nothing else has, or take what something else has."""
    first, second = world.save(named("Dataset"), named("Dataset"))
    own, shared = world.save(named("Image"), named("Image"))
    world.save(*(link("DatasetImageLink", d, i) for d, i in ((first, own), (first, shared), (second, shared))))
    targets = {"Dataset": [first.id.val]}
    assert gone(ask(world.client, omero.cmd.Delete2(targetObjects=targets, childOptions=options))) == expected



@fact("measured")
def test_external_info_of_an_image(world: World) -> None:
    """The row of an image's ExternalInfo goes with the image, without asking."""
    image = imaged()
    image.details.externalInfo = new(
        "ExternalInfo", entityType=rstring("contract"), entityId=rlong(1), lsid=rstring("/nowhere")
    )
    saved = world.save(image)
    [[info]] = world.rows("select i.details.externalInfo.id from Image i where i.id = :id", id=saved.id.val)
    assert gone(take(world, saved))["ExternalInfo"] == 1
    assert world.rows("select e.id from ExternalInfo e where e.id = :id", id=info) == []


@fact("measured")
def test_external_info_that_another_took_the_place_of(world: World) -> None:
    """The row of an ExternalInfo that an image had before stays when the image gets another, and when it is deleted."""
    image = imaged()
    image.details.externalInfo = new("ExternalInfo", entityType=rstring("contract"), entityId=rlong(1))
    saved = world.update.saveAndReturnObject(image)
    [[info]] = world.rows("select i.details.externalInfo.id from Image i where i.id = :id", id=saved.id.val)
    saved.details.externalInfo = new("ExternalInfo", entityType=rstring("contract"), entityId=rlong(2))
    world.update.saveObject(saved)
    assert gone(take(world, saved))["ExternalInfo"] == 1
    assert world.rows("select e.id from ExternalInfo e where e.id = :id", id=info) == [[info]]


@fact("measured")
def test_log_of_a_deletion(world: World) -> None:
    """The log of events says which fileset was deleted, by whom and when, and an ordinary user reads it."""
    fileset = world.save(new("Fileset", templatePrefix=rstring("contract/")))
    logged = """select e.experimenter.id, e.time from EventLog l join l.event e where l.entityId = :id
        and l.entityType = 'ome.model.fs.Fileset' and l.action = 'DELETE'"""
    assert world.rows(logged, id=fileset.id.val) == []
    assert gone(take(world, fileset)) == {"Fileset": 1}
    [[user, when]] = world.rows(logged, id=fileset.id.val)
    assert (user, when > 0) == (world.id, True)

"""Chgrp2: what moves to another group, what is cut, what is refused."""

from typing import Any

import omero.clients
import pytest
from omero.rtypes import rint, rstring

import omero
from tests.contract.facts import fact
from tests.contract.making import World, annotation, imaged, kind_of, link, named, new, said
from tests.contract.people import People, ask

PUBLISHED = "omero-blitz 5.8.5, chgrp rules"
TARGETS = """Annotation Dataset Experiment Fileset Folder Image Instrument Job Link OriginalFile Plate Project
    RenderingDef Roi Screen Thumbnail"""


class Two:
    """A user in two groups, who works in the first."""

    def __init__(self, people: People, second: str = "rwra--") -> None:
        self.groups = people.group("rwra--"), people.group(second)
        self.world = World(people.client(*self.groups))

    def move(self, *objects: Any, **values: Any) -> Any:
        """Ask to move objects to the second group; its response."""
        targets: dict[str, list[int]] = {}
        for one in objects:
            targets.setdefault(kind_of(one), []).append(one.id.val)
        return ask(self.world.client, omero.cmd.Chgrp2(targetObjects=targets, groupId=self.groups[1], **values))

    def group_of(self, thing: Any) -> int:
        """Where a row is."""
        hql = f"select o.details.group.id from {kind_of(thing)} o where o.id = :id"
        return int(self.world.rows(hql, id=thing.id.val)[0][0])


@pytest.fixture(scope="module")
def two(people: People) -> Two:
    return Two(people)


@pytest.fixture(scope="module")
def private(people: People) -> Two:
    return Two(people, "rw----")


def moved(response: Any) -> tuple[set[str], set[str]]:
    """Classes of what moved, and of what was deleted."""
    assert isinstance(response, omero.cmd.Chgrp2Response), said(response)
    return tuple({n.rpartition(".")[2] for n in ids} for ids in (response.includedObjects, response.deletedObjects))


@fact(PUBLISHED)
def test_legal_targets_are_told(user: omero.clients.BaseClient) -> None:
    """LegalGraphTargets tells which classes Chgrp2 takes."""
    response = ask(user, omero.cmd.LegalGraphTargets(omero.cmd.Chgrp2()))
    assert sorted(name.rpartition(".")[2] for name in response.targets) == TARGETS.split()


@fact("real_server.md lie 2")
@pytest.mark.parametrize("kind", ["Well", "Channel", "DatasetImageLink", "Shape", "Objective", "Pixels"])
def test_what_is_no_target(two: Two, kind: str) -> None:
    """Chgrp2 takes legal targets only: else ERR bad-target, 'cannot target X'."""
    request = omero.cmd.Chgrp2(targetObjects={kind: [1]}, groupId=two.groups[1])
    response = ask(two.world.client, request)
    assert (response.name, response.parameters["message"]) == ("bad-target", f"cannot target {kind}")


@fact(PUBLISHED)
def test_group_of_others(user: omero.clients.BaseClient, two: Two) -> None:
    """Into a group of others: ERR not-in-group."""
    image = World(user).save(named("Image"))
    request = omero.cmd.Chgrp2(targetObjects={"Image": [image.id.val]}, groupId=two.groups[1])
    response = ask(user, request)
    message = "not a member of the chgrp destination group"
    assert (response.name, response.parameters["message"]) == ("not-in-group", message)


@fact(PUBLISHED)
def test_image_moves_whole(two: Two) -> None:
    """An image moves with its pixels, channels, regions and its own annotations; links to what stays are deleted."""
    dataset, image, note = two.world.save(named("Dataset"), imaged(), annotation("CommentAnnotation"))
    roi = new("Roi", image=image)
    roi.addShape(new("Rectangle"))
    two.world.save(roi, link("DatasetImageLink", dataset, image), link("ImageAnnotationLink", image, note))
    moving, cut = moved(two.move(image))
    expected = "Image Pixels Channel LogicalChannel Roi Rectangle CommentAnnotation ImageAnnotationLink"
    assert moving == set(expected.split())
    assert cut == {"DatasetImageLink"}
    assert [two.group_of(one) for one in (dataset, image, note)] == [*two.groups, two.groups[1]]


@fact(PUBLISHED)
def test_roi_in_a_folder_stays(two: Two) -> None:
    """A region in a folder stays there when its image moves, and forgets it."""
    folder, image = two.world.save(named("Folder"), named("Image"))
    roi = two.world.save(new("Roi", image=image))
    two.world.save(link("FolderRoiLink", folder, roi))
    assert moved(two.move(image)) == ({"Image"}, set())
    assert two.group_of(roi) == two.groups[0]
    assert two.world.ids("Roi", "o.image is null and o.id = :id", id=roi.id.val) == [roi.id.val]


@fact(PUBLISHED)
@pytest.mark.parametrize("kind", ["TagAnnotation", "CommentAnnotation", "MapAnnotation"])
def test_shared_annotation_stays(two: Two, kind: str) -> None:
    """An annotation that something else has stays; the link to it is deleted."""
    project, kept, note = two.world.save(named("Project"), named("Project"), annotation(kind))
    two.world.save(*(link("ProjectAnnotationLink", one, note) for one in (project, kept)))
    assert moved(two.move(project)) == ({"Project"}, {"ProjectAnnotationLink"})
    assert moved(two.move(kept)) == ({"Project", kind, "ProjectAnnotationLink"}, set())


@fact(PUBLISHED)
def test_content_moves_with_its_last_container(two: Two) -> None:
    """A project moves with its datasets that no other project has."""
    project, elsewhere, dataset, shared = two.world.save(*map(named, ("Project", "Project", "Dataset", "Dataset")))
    two.world.save(
        link("ProjectDatasetLink", project, dataset), link("ProjectDatasetLink", project, shared),
        link("ProjectDatasetLink", elsewhere, shared),
    )  # fmt: skip
    assert moved(two.move(project)) == ({"Project", "Dataset", "ProjectDatasetLink"}, {"ProjectDatasetLink"})
    assert [two.group_of(one) for one in (dataset, shared)] == [two.groups[1], two.groups[0]]


@fact(PUBLISHED)
def test_images_with_one_instrument_move_together(two: Two) -> None:
    """Images that share an instrument move together or not at all."""
    instrument = two.world.save(new("Instrument"))
    first, second = two.world.save(*(named("Image", instrument=instrument) for _ in range(2)))
    text = f"may not move Image[{first.id.val}] while Image[{second.id.val}] remains as they share "
    assert said(two.move(first)) == f"{text}Instrument[{instrument.id.val}]"
    assert moved(two.move(first, second)) == ({"Image", "Instrument"}, set())


@fact(PUBLISHED)
def test_images_of_a_fileset_move_together(two: Two) -> None:
    """So do images of a fileset."""
    fileset = two.world.save(new("Fileset", templatePrefix=rstring("contract/")))
    first, second = two.world.save(*(named("Image", fileset=fileset) for _ in range(2)))
    text = f"within Fileset[{fileset.id.val}] may not move Image[{first.id.val}] while Image[{second.id.val}] remains"
    assert said(two.move(first)) == text
    assert moved(two.move(first, second)) == ({"Image", "Fileset"}, set())


@fact(PUBLISHED)
def test_image_of_a_well(two: Two) -> None:
    """An image of a well does not move without its plate."""
    well = new("Well", row=rint(0), column=rint(0), plate=named("Plate"))
    well.addWellSample(new("WellSample", image=named("Image")))
    saved = two.world.update.saveAndReturnObject(well)
    sample = saved.getWellSample(0)
    text = f"may not move Image[{sample.image.id.val}] while WellSample[{sample.id.val}] remains"
    assert said(two.move(sample.image)) == text
    assert moved(two.move(saved.plate)) == ({"Plate", "Well", "WellSample", "Image"}, set())


@fact(PUBLISHED)
def test_others_data_do_not_move(people: People, two: Two) -> None:
    """What belongs to others does not move: 'does not own …'."""
    other = World(people.client(*two.groups))
    image = other.save(named("Image"))
    assert said(two.move(image)) == f"does not own ome.model.core.Image[{image.id.val}]"


@fact(PUBLISHED)
def test_comment_of_others(people: People, private: Two) -> None:
    """Into a private group others' comments on what moves do not move: they are deleted."""
    project = private.world.save(named("Project"))
    other = World(people.client(private.groups[0]))
    note = other.save(annotation("CommentAnnotation"))
    other.save(link("ProjectAnnotationLink", project, note))
    assert moved(private.move(project)) == ({"Project"}, {"CommentAnnotation", "ProjectAnnotationLink"})


@fact(PUBLISHED)
def test_dry_run_tells_and_leaves(two: Two) -> None:
    """A dry run tells what would move, and leaves it."""
    project = two.world.save(named("Project"))
    assert moved(two.move(project, dryRun=True)) == ({"Project"}, set())
    assert two.group_of(project) == two.groups[0]

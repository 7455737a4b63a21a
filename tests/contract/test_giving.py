"""Chown2: what goes along to another owner, what stays with who wrote it, what is refused."""

from typing import Any

import omero.clients
import pytest
from omero.rtypes import rstring

import omero
from tests.contract.facts import fact
from tests.contract.making import World, annotation, imaged, kind_of, link, named, new, said
from tests.contract.people import People, ask

ASKED = "asked of a real server, 28 November 2026"
PUBLISHED = "omero-blitz 5.8.5, chown rules"
TARGETS = """Annotation Dataset DatasetImageLink Experiment Fileset Folder FolderImageLink FolderRoiLink IAnnotationLink
    Image Instrument Job JobOriginalFileLink Link OriginalFile Plate Project ProjectDatasetLink Reagent RenderingDef Roi
    Screen ScreenPlateLink Thumbnail WellReagentLink"""


class Pair:
    """Two users in one group, the first of whom has what an administrator gives to the second."""

    def __init__(self, people: People, root: omero.clients.BaseClient, permissions: str = "rwra--") -> None:
        self.root, self.group = root, people.group(permissions)
        self.before, self.after = (people.user(self.group) for _ in range(2))
        self.world, self.other = World(people.login(self.before)), World(people.login(self.after))

    def give(self, *objects: Any, **values: Any) -> Any:
        """Ask to give objects to the second; the response."""
        targets: dict[str, list[int]] = {}
        for one in objects:
            targets.setdefault(kind_of(one), []).append(one.id.val)
        return ask(self.root, omero.cmd.Chown2(targetObjects=targets, userId=self.after.id, **values))

    def gave(self, *objects: Any) -> tuple[set[str], set[str]]:
        """Classes of what the second got with them, and of what was deleted."""
        response = self.give(*objects)
        assert isinstance(response, omero.cmd.Chown2Response), said(response)
        return tuple({n.rpartition(".")[2] for n in i} for i in (response.includedObjects, response.deletedObjects))

    def given(self, *objects: Any) -> list[bool]:
        """Whether rows are the second's now."""
        return [self.of(one, "details.owner.id") == self.after.id for one in objects]

    def of(self, thing: Any, what: str) -> int:
        """What a row has there."""
        hql = f"select o.{what} from {kind_of(thing)} o where o.id = :id"
        return int(World(self.root).rows(hql, id=thing.id.val)[0][0])

    def noted(self, kind: str = "CommentAnnotation") -> tuple[Any, Any, Any]:
        """A fileset with an annotation: fileset, annotation, link."""
        fileset, note = self.world.save(new("Fileset", templatePrefix=rstring("contract/")), annotation(kind))
        return fileset, note, self.world.save(link("FilesetAnnotationLink", fileset, note))


@pytest.fixture(scope="module")
def pair(people: People, root: omero.clients.BaseClient) -> Pair:
    return Pair(people, root)


@fact(PUBLISHED)
def test_legal_targets_are_told(user: omero.clients.BaseClient) -> None:
    """LegalGraphTargets tells which classes Chown2 takes."""
    response = ask(user, omero.cmd.LegalGraphTargets(omero.cmd.Chown2()))
    assert sorted(name.rpartition(".")[2] for name in response.targets) == TARGETS.split()


@fact(PUBLISHED)
@pytest.mark.parametrize("kind", ["Well", "Channel", "Shape", "Pixels"])
def test_what_is_no_target(pair: Pair, kind: str) -> None:
    """Chown2 takes legal targets only: else ERR bad-target, 'cannot target X'."""
    response = ask(pair.root, omero.cmd.Chown2(targetObjects={kind: [1]}, userId=pair.after.id))
    assert (response.name, response.parameters["message"]) == ("bad-target", f"cannot target {kind}")


@fact(ASKED)
def test_who_rules_no_group_gives_nothing(pair: Pair) -> None:
    """Who is neither an administrator nor a group's owner gives nothing, not even their own: ERR steps-cancel."""
    image = pair.world.save(named("Image"))
    request = omero.cmd.Chown2(targetObjects={"Image": [image.id.val]}, userId=pair.after.id)
    response = ask(pair.world.client, request)
    message = "ome.services.graphs.GraphException(message=not an owner of any group)"
    assert (response.name, response.parameters["message"]) == ("steps-cancel", message)
    assert pair.given(image) == [False]


@fact(ASKED)
def test_who_rules_the_group(people: People, root: omero.clients.BaseClient) -> None:
    """A group's owner gives what is in it to its members, but not what others' containers hold along with these."""
    two = Pair(people, root)
    ruler, stranger = people.user(two.group), people.user()
    group, owner = omero.model.ExperimenterGroupI(two.group, False), omero.model.ExperimenterI(ruler.id, False)
    root.sf.getAdminService().addGroupOwners(group, [owner])
    client = people.login(ruler)
    dataset, image = two.world.save(named("Dataset"), named("Image"))
    two.world.save(link("DatasetImageLink", dataset, image))
    request = omero.cmd.Chown2(targetObjects={"Dataset": [dataset.id.val]}, userId=stranger.id)
    where = f"cannot process ome.model.containers.Dataset[{dataset.id.val}]"
    assert said(ask(client, request)) == f"{where}: user {stranger.id} is not a member of group {two.group}"
    request.userId = two.after.id
    assert isinstance(ask(client, request), omero.cmd.Chown2Response)
    assert two.given(dataset, image) == [True, False]


@fact(PUBLISHED)
def test_a_fileset_goes_whole(pair: Pair) -> None:
    """A fileset goes with its images, their pixels and channels; rendering settings stay whose they are."""
    fileset = pair.world.save(new("Fileset", templatePrefix=rstring("contract/")))
    image = pair.world.save(imaged(fileset=fileset))
    assert pair.gave(fileset) == ({"Fileset", "Image", "Pixels", "Channel", "LogicalChannel"}, set())
    assert pair.given(fileset, image) == [True, True]


@fact(ASKED)
@pytest.mark.parametrize("kind", ["CommentAnnotation", "MapAnnotation", "TagAnnotation", "FileAnnotation"])
@pytest.mark.parametrize("permissions", ["rwra--", "rwrw--"])
def test_annotations_stay_whose_they_are(
    people: People, root: omero.clients.BaseClient, permissions: str, kind: str
) -> None:
    """Where members may annotate, annotations and their links stay with who wrote them when their object is given."""
    two = Pair(people, root, permissions)
    fileset, note, its_link = two.noted(kind)
    assert two.gave(fileset) == ({"Fileset"}, set())
    assert two.given(fileset, note, its_link) == [True, False, False]


@fact(PUBLISHED)
@pytest.mark.parametrize("kind", ["CommentAnnotation", "MapAnnotation", "TagAnnotation"])
@pytest.mark.parametrize("permissions", ["rwr---", "rw----"])
def test_annotations_go_along_where_none_annotate(
    people: People, root: omero.clients.BaseClient, permissions: str, kind: str
) -> None:
    """In private and read-only groups an object's annotations by its owner, and their links, go along."""
    two = Pair(people, root, permissions)
    fileset, note, its_link = two.noted(kind)
    assert two.gave(fileset) == ({"Fileset", kind, "FilesetAnnotationLink"}, set())
    assert two.given(fileset, note, its_link) == [True, True, True]


@fact(PUBLISHED)
def test_an_annotation_of_more_than_one_object(people: People, root: omero.clients.BaseClient) -> None:
    """There one that something else has stays; in a private group the link that is left is deleted."""
    for permissions, left in (("rwr---", True), ("rw----", False)):
        two = Pair(people, root, permissions)
        fileset, note, its_link = two.noted()
        kept = two.world.save(named("Project"))
        two.world.save(link("ProjectAnnotationLink", kept, note))
        assert two.gave(fileset) == ({"Fileset"}, set() if left else {"FilesetAnnotationLink"})
        assert (two.given(note), two.world.there(its_link)) == ([False], [left])


@fact(ASKED)
def test_annotations_that_are_named_too_go_along(pair: Pair) -> None:
    """An annotation that is named beside its object goes, and the link between them: also where one went before."""
    fileset, note, its_link = pair.noted()
    assert pair.gave(fileset, note) == ({"Fileset", "CommentAnnotation", "FilesetAnnotationLink"}, set())
    fileset, note, its_link = pair.noted()
    assert pair.gave(fileset) == ({"Fileset"}, set())
    pair.gave(fileset, note)
    assert pair.given(fileset, note, its_link) == [True, True, True]


@fact(PUBLISHED)
def test_links_of_a_third(people: People, pair: Pair) -> None:
    """A link that a third made stays theirs."""
    third = World(people.client(pair.group))
    fileset, note, _ = pair.noted()
    theirs = third.save(link("FilesetAnnotationLink", fileset, note))
    pair.gave(fileset, note)
    assert pair.given(theirs) == [False]


@fact(ASKED)
def test_a_link_twice(pair: Pair) -> None:
    """Where the new owner has such a link already, nothing goes: 'could not execute update query'."""
    fileset, note, its_link = pair.noted()
    pair.other.save(link("FilesetAnnotationLink", fileset, note))
    assert said(pair.give(fileset, note)) == "could not execute update query"
    assert pair.given(fileset, its_link) == [False, False]


@fact(ASKED)
def test_who_wrote_a_row_last_stays_known(pair: Pair) -> None:
    """What is given keeps its events: those of who made it and of who wrote it last."""
    fileset, _, _ = pair.noted()
    events = [pair.of(fileset, f"details.{name}Event.id") for name in ("creation", "update")]
    pair.gave(fileset)
    assert [pair.of(fileset, f"details.{name}Event.id") for name in ("creation", "update")] == events


@fact(PUBLISHED)
def test_content_of_the_same_owner_goes_along(pair: Pair) -> None:
    """A dataset goes with its images of the same owner that are in no other, and the links to them."""
    one, two = pair.world.save(named("Dataset"), named("Dataset"))
    image, shared = pair.world.save(named("Image"), named("Image"))
    pair.world.save(*(link("DatasetImageLink", d, i) for d, i in ((one, image), (one, shared), (two, shared))))
    assert pair.gave(one) == ({"Dataset", "Image", "DatasetImageLink"}, {"DatasetImageLink"})
    assert pair.given(one, image, shared, two) == [True, True, False, False]


@fact(PUBLISHED)
def test_images_of_a_fileset_go_together(pair: Pair) -> None:
    """Images of a fileset go together or not at all."""
    fileset = pair.world.save(new("Fileset", templatePrefix=rstring("contract/")))
    first, second = pair.world.save(*(named("Image", fileset=fileset) for _ in range(2)))
    text = f"within Fileset[{fileset.id.val}] may not give Image[{first.id.val}] while Image[{second.id.val}] remains"
    assert said(pair.give(first)) == text
    assert pair.gave(first, second) == ({"Image", "Fileset"}, set())


@fact(PUBLISHED)
def test_all_of_a_user(people: People, root: omero.clients.BaseClient) -> None:
    """All that a user has goes, annotations and links too, where the user is named."""
    two = Pair(people, root)
    fileset, note, its_link = two.noted()
    request = omero.cmd.Chown2(targetUsers=[two.before.id], userId=two.after.id)
    response = ask(root, request)
    assert isinstance(response, omero.cmd.Chown2Response), said(response)
    assert two.given(fileset, note, its_link) == [True, True, True]


@fact(PUBLISHED)
def test_dry_run_tells_and_leaves(pair: Pair) -> None:
    """A dry run tells what would go, and leaves it."""
    project = pair.world.save(named("Project"))
    response = pair.give(project, dryRun=True)
    assert {name.rpartition(".")[2]: ids for name, ids in response.includedObjects.items()} == {
        "Project": [project.id.val]
    }
    assert pair.given(project) == [False]

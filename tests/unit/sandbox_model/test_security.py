"""Who may see, change and link what: user x kind of group x operation."""

from typing import Any

import pytest
from omero.model import (
    CommentAnnotationI,
    DatasetI,
    DatasetImageLinkI,
    ExperimenterGroupI,
    ExperimenterI,
    ImageAnnotationLinkI,
    ImageI,
    RoiI,
)
from omero.rtypes import rstring

import omero
from omero_sandbox.hql import find, project
from omero_sandbox.model.checks import Checks
from omero_sandbox.model.mapping import entity
from omero_sandbox.model.remove import remove
from omero_sandbox.model.security import access
from tests.unit.sandbox_model.acquisitions import bare_image, dataset, fileset
from tests.unit.sandbox_model.world import GROUPS, PERMISSIONS, USERS, World, caller

EVERYWHERE = set(PERMISSIONS)
SHARED = EVERYWHERE - {"private"}
ALLOWED = {
    # operation -> user -> groups in which the user may do it to another one's image ("owner": to the own one)
    "see": {
        "owner": EVERYWHERE, "root": EVERYWHERE, "leader": EVERYWHERE, "member": SHARED, "stranger": set(),
        "reader": EVERYWHERE, "writer": EVERYWHERE, "deleter": EVERYWHERE,
    },
    "change": {
        "owner": EVERYWHERE, "root": EVERYWHERE, "leader": EVERYWHERE, "member": {"read-write"}, "stranger": set(),
        "reader": set(), "writer": EVERYWHERE, "deleter": set(),
    },
    "annotate": {
        "owner": EVERYWHERE, "root": SHARED, "leader": SHARED, "member": {"read-annotate", "read-write"},
        "stranger": set(), "reader": set(), "writer": SHARED, "deleter": set(),
    },
    "link": {
        "owner": EVERYWHERE, "root": SHARED, "leader": SHARED, "member": {"read-write"},
        "stranger": set(), "reader": set(), "writer": SHARED, "deleter": set(),
    },
}  # fmt: skip
ALLOWED["load"] = ALLOWED["see"]
ALLOWED["delete"] = ALLOWED["change"] | {"writer": set(), "deleter": EVERYWHERE}
ALLOWED["draw"] = ALLOWED["annotate"]
CASES = [(o, u, g) for o, users in ALLOWED.items() for u in users for g in PERMISSIONS]


@pytest.fixture(scope="module")
def images(world: World) -> dict[str, int]:
    """An image of the owner in each group."""
    return {g: world.save(bare_image(), by=caller("owner", g)).id.val for g in PERMISSIONS}


def see(world: World, who: Any, image: int) -> None:
    with world.database.read() as cursor:
        if not find(cursor, who, f"select i from Image i where i.id = {image}"):
            raise omero.SecurityViolation(message="not seen")


def load(world: World, who: Any, image: int) -> None:
    world.load("Image", image, by=who)


def change(world: World, who: Any, image: int) -> None:
    found = world.load("Image", image, by=caller("root", who.group_name))
    found.description = rstring(f"by {who.user_name} of {who.group_name}")
    world.save(found, by=who, trusted=False)


def annotate(world: World, who: Any, image: int) -> None:
    link = ImageAnnotationLinkI()
    link.parent, link.child = ImageI(image, False), CommentAnnotationI()
    world.save(link, by=who, trusted=False)


def draw(world: World, who: Any, image: int) -> None:
    roi = RoiI()
    roi.image = ImageI(image, False)
    world.save(roi, by=who, trusted=False)


def link(world: World, who: Any, image: int) -> None:
    made = DatasetImageLinkI()
    made.parent, made.child = dataset(), ImageI(image, False)
    world.save(made, by=who, trusted=False)


def delete(world: World, who: Any, image: int) -> None:
    with world.database.write(who) as tx:
        tx.cursor.execute("SAVEPOINT before")
        remove(tx, Checks(tx.cursor, access(tx.cursor, who), trusted=False), entity("Image"), [image])
        tx.cursor.execute("ROLLBACK TO SAVEPOINT before")


OPERATIONS = {
    "see": see, "load": load, "change": change, "annotate": annotate, "draw": draw, "link": link, "delete": delete
}  # fmt: skip


@pytest.mark.parametrize(("operation", "user", "group"), CASES)
def test_table(world: World, images: dict[str, int], operation: str, user: str, group: str) -> None:
    def attempt() -> None:
        target = images[group]
        if operation == "delete":
            target = world.save(bare_image(), by=caller("owner", group)).id.val
        OPERATIONS[operation](world, caller(user, group), target)

    if group in ALLOWED[operation][user]:
        attempt()
    else:
        with pytest.raises(omero.SecurityViolation):
            attempt()


@pytest.mark.parametrize(("user", "sees"), [(u, ALLOWED["see"][u]) for u in ("owner", "root", "leader", "member")])
def test_all_groups(world: World, images: dict[str, int], user: str, sees: set[str]) -> None:
    with world.database.read() as cursor:
        found = find(cursor, caller(user, "all"), "select i from Image i")
    assert {g for g, i in images.items() if i in {f.id.val for f in found}} == sees


def test_one_group_does_not_show_another(world: World, images: dict[str, int]) -> None:
    with world.database.read() as cursor:
        found = {i.id.val for i in find(cursor, caller("root", "system"), "select i from Image i")}
    assert found.isdisjoint(images.values())


def test_messages(world: World, images: dict[str, int]) -> None:
    file = world.save(bare_image(), by=caller("owner", "read-annotate")).id.val
    said = {}
    for operation, user, group in [
        ("link", "member", "read-annotate"),
        ("change", "member", "read-only"),
        ("load", "member", "private"),
    ]:
        target = file if group == "read-annotate" else images[group]
        with pytest.raises(omero.SecurityViolation) as refused:
            OPERATIONS[operation](world, caller(user, group), target)
        said[operation] = refused.value.message
    assert said == {
        "link": f"Group is rwra--. Cannot link to object: ome.model.core.Image:Id_{file}",
        "change": f"Updating ome.model.core.Image:Id_{images['read-only']} not allowed.",
        "load": f"Cannot read ome.model.core.Image:Id_{images['private']}",
    }


def test_groups_are_not_mixed(world: World, images: dict[str, int]) -> None:
    other = world.save(dataset(), by=caller("owner", "read-write")).id.val
    made = DatasetImageLinkI()
    made.parent, made.child = DatasetI(other, False), ImageI(images["read-annotate"], False)
    with pytest.raises(omero.SecurityViolation):
        world.save(made, by=caller("owner", "read-write"), trusted=False)


def test_nobody_changes_a_row_of_another_group(world: World, images: dict[str, int]) -> None:
    with pytest.raises(omero.SecurityViolation):
        found = world.load("Image", images["read-write"], by=caller("owner", "read-write"))
        found.name = rstring("changed")
        world.save(found, by=caller("owner", "read-annotate"), trusted=False)


@pytest.mark.parametrize(
    ("user", "group", "may"),
    [
        ("owner", "private", {"annotate", "delete", "edit", "link", "chgrp"}),
        ("member", "read-only", set()),
        ("member", "read-annotate", {"annotate"}),
        ("member", "read-write", {"annotate", "delete", "edit", "link"}),
        ("leader", "read-only", {"annotate", "delete", "edit", "link", "chown"}),
        ("leader", "private", {"delete", "edit", "chown"}),
        ("root", "read-only", {"annotate", "delete", "edit", "link", "chgrp", "chown"}),
    ],
)
def test_an_object_tells_what_may_be_done(
    world: World, images: dict[str, int], user: str, group: str, may: set[str]
) -> None:
    permissions = world.load("Image", images[group], by=caller(user, group)).details.permissions
    asked = ("annotate", "delete", "edit", "link", "chgrp", "chown")
    assert {a for a in asked if getattr(permissions, f"can{a.capitalize()}")()} == may
    assert permissions.perm1 == PERMISSIONS[group]


def test_the_users_group_is_everybodys_to_read(world: World) -> None:
    made = world.save(bare_image(), by=caller("root", "user"))
    assert world.load("Image", made.id, by=caller("stranger", "user")).id.val == made.id.val
    assert GROUPS["user"] == 1


class TestGiving:
    """details.owner and details.group that a client sends."""

    def test_only_administrators_make_rows_of_others(self, world: World) -> None:
        made = bare_image()
        made.details.owner = ExperimenterI(USERS["member"], False)
        with pytest.raises(omero.SecurityViolation):
            world.save(made, by=caller("owner"), trusted=False)
        world.save(made, by=caller("root", "read-annotate"), trusted=False)
        assert world.value("SELECT owner_id FROM image WHERE id = %s", made.id.val) == USERS["member"]

    def test_nobody_makes_rows_in_another_group(self, world: World) -> None:
        made = bare_image()
        made.details.group = ExperimenterGroupI(GROUPS["private"], False)
        for user in ("owner", "root"):
            with pytest.raises(omero.SecurityViolation):
                world.save(made, by=caller(user, "read-annotate"), trusted=False)

    def test_only_administrators_change_the_owner(self, world: World) -> None:
        made = world.save(bare_image())
        for user, allowed in (("owner", False), ("root", True)):
            found = world.load("Image", made.id)
            found.details.owner = ExperimenterI(USERS["member"], False)
            if allowed:
                world.save(found, by=caller(user), trusted=False)
            else:
                with pytest.raises(omero.SecurityViolation):
                    world.save(found, by=caller(user), trusted=False)
        assert world.value("SELECT owner_id FROM image WHERE id = %s", made.id.val) == USERS["member"]


def test_an_object_linked_to_what_is_not_ones_own_cannot_be_changed(world: World) -> None:
    """A fileset of root around a user's image (facts/omero_replacement.md, e): the link is looked at in each update."""
    made = bare_image()
    made.fileset = fileset()
    world.save(made.fileset, by=caller("root", "read-annotate"))
    world.save(made, by=caller("owner", "read-annotate"))
    found = world.load("Image", made.id)
    found.name = rstring("changed")
    with pytest.raises(omero.SecurityViolation) as refused:
        world.save(found, trusted=False)
    assert "Cannot link to object: ome.model.fs.Fileset" in refused.value.message


class TestSessions:
    """The uuid of a session is as good as a password."""

    @pytest.mark.parametrize(
        "query",
        [
            "select s.uuid from Session s where s.id = 0",
            "select e.session.uuid from Event e where e.session.id = 0",
            "select s.uuid from Event e join e.session s where s.id = 0",
            "select (select s.uuid from Session s where s.id = 0) from Node n where exists (select s from Session s)",
        ],
    )
    def test_are_not_shown_to_others(self, world: World, query: str) -> None:
        with world.database.read() as cursor:
            assert project(cursor, caller("owner", "all"), query) == []
            assert project(cursor, caller("root", "all"), query) != []

    def test_are_not_loaded_by_others(self, world: World) -> None:
        assert world.load("Session", 0, by=caller("root", "system")).id.val == 0
        with pytest.raises(omero.SecurityViolation):
            world.load("Session", 0)

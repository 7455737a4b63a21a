"""IUpdate's behaviour on a real server, as facts/omero_replacement.md (b, c) and omero_api_calls.md tell it."""

from typing import Any

import pytest
from omero.model import (
    DatasetI,
    DatasetImageLinkI,
    DimensionOrderI,
    ExternalInfoI,
    FilesetI,
    ImageI,
    MapAnnotationI,
    NamedValue,
    OriginalFileI,
    PixelsTypeI,
    PointI,
    RoiI,
)  # fmt: skip
from omero.rtypes import rdouble, rint, rstring, rtime

import omero
from omero_sandbox.model import save
from tests.unit.sandbox_model.acquisitions import bare_image, dataset, external_info, fileset, image, original_file
from tests.unit.sandbox_model.world import World, caller


def count(world: World, table: str) -> int:
    return int(world.value(f"SELECT count(*) FROM {table}"))


def test_a_graph_gets_ids_and_details(world: World) -> None:
    made = image()
    world.save(made)
    pixels = made.getPrimaryPixels()
    row = world.sql(
        "SELECT image, image_index, permissions, owner_id, group_id, version FROM pixels WHERE id = %s", pixels.id.val
    )
    assert row == [(made.id.val, 0, -40, 10, 12, None)]
    assert world.sql("SELECT pixels_index FROM channel WHERE pixels = %s ORDER BY id", pixels.id.val) == [(0,), (1,)]
    assert made.details.owner.id.val == 10
    assert made.details.updateEvent.id.val == made.details.creationEvent.id.val
    assert pixels.details.permissions.canEdit()


def test_the_event_log_tells_what_was_done(world: World) -> None:
    made = image(channels=1)
    world.save(made)
    logged = world.sql(
        "SELECT action, entitytype, count(*) FROM eventlog WHERE event = %s GROUP BY 1, 2 ORDER BY 2",
        made.details.updateEvent.id.val,
    )
    assert logged == [
        ("INSERT", "ome.model.core.Channel", 1),
        ("INSERT", "ome.model.core.Image", 1),
        ("INSERT", "ome.model.core.LogicalChannel", 1),
        ("INSERT", "ome.model.core.Pixels", 1),
        ("INSERT", "ome.model.stats.StatsInfo", 1),
    ]


def test_an_object_that_several_refer_to_is_saved_once(world: World) -> None:
    shared = fileset(original_file())
    images = [bare_image(str(n)) for n in range(3)]
    for made in images:
        made.fileset = shared
    before = count(world, "fileset")
    world.save(*images)
    assert count(world, "fileset") == before + 1
    assert world.sql("SELECT DISTINCT fileset FROM image WHERE id = ANY(%s)", [i.id.val for i in images]) == [
        (shared.id.val,)
    ]


def test_links_may_point_at_each_other(world: World) -> None:
    link = DatasetImageLinkI()
    link.parent, link.child = dataset(), bare_image()
    link.parent.addDatasetImageLinkToBoth(link, False)
    link.child.addDatasetImageLinkToBoth(link, False)
    world.save(link)
    assert world.sql("SELECT parent, child FROM datasetimagelink WHERE id = %s", link.id.val) == [
        (link.parent.id.val, link.child.id.val)
    ]


def test_the_statements_do_not_grow_with_the_images(world: World) -> None:
    def statements(n: int) -> int:
        with world.database.write(caller()) as tx:
            counted = Counted(tx.cursor)
            tx.cursor = counted
            save(tx, [image(str(k)) for k in range(n)])
            tx.cursor = counted.cursor
        return counted.statements

    assert statements(40) == statements(2)


class Counted:
    """A cursor that counts its statements."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor
        self.statements = 0

    def execute(self, *arguments: Any) -> None:
        self.statements += 1
        self.cursor.execute(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cursor, name)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda i: i.setName(None),
            "not-null property references a null or transient value: ome.model.core.Image.name",
        ),
        (lambda i: i.setFileset(FilesetI(987654, False)), "[ome.model.fs.Fileset#987654]"),
        (lambda i: i.details.setExternalInfo(ExternalInfoI()), "ExternalInfo.entityId"),
        (lambda i: i.setFileset(FilesetI(None, False)), "no id"),
    ],
)
def test_one_bad_element_and_nothing_is_stored(world: World, spoil: Any, says: str) -> None:
    before = count(world, "image"), count(world, "fileset"), count(world, "event")
    bad = bare_image()
    spoil(bad)
    with pytest.raises(omero.ValidationException) as refused:
        world.save(fileset(), bare_image(), bad)
    assert says in refused.value.message
    assert (count(world, "image"), count(world, "fileset"), count(world, "event")) == before


def test_an_image_without_series_is_the_first(world: World) -> None:
    made = world.save(bare_image())
    assert world.value("SELECT series FROM image WHERE id = %s", made.id.val) == 0


def test_only_what_differs_is_written(world: World) -> None:
    made = world.save(bare_image())
    before = world.value("SELECT update_id FROM image WHERE id = %s", made.id.val)
    world.save(world.load("Image", made.id))
    assert world.value("SELECT update_id FROM image WHERE id = %s", made.id.val) == before
    changed = world.load("Image", made.id)
    changed.description = rstring("new")
    changed.acquisitionDate = rtime(1000)
    world.save(changed)
    assert world.sql("SELECT description, acquisitiondate::text, name FROM image WHERE id = %s", made.id.val) == [
        ("new", "1970-01-01 00:00:01", "image")
    ]
    event = world.value("SELECT update_id FROM image WHERE id = %s", made.id.val)
    assert event > before
    assert world.sql("SELECT action, entitytype FROM eventlog WHERE event = %s", event) == [
        ("UPDATE", "ome.model.core.Image")
    ]


def test_a_stale_object_is_refused(world: World) -> None:
    made = world.save(bare_image())
    first, second = world.load("Image", made.id), world.load("Image", made.id)
    first.name = rstring("first")
    world.save(first)
    second.name = rstring("second")
    with pytest.raises(omero.OptimisticLockException) as refused:
        world.save(second)
    assert "change the update event for ome.model.core.Image:Id_" in refused.value.message
    first.name = rstring("again")
    world.save(first)  # the object that was saved here knows its new update event
    assert world.load("Image", made.id).name.val == "again"


def test_an_object_without_update_event_is_taken(world: World) -> None:
    made = world.save(bare_image())
    changed = world.load("Image", made.id)
    changed.details.updateEvent = None
    changed.name = rstring("changed")
    world.save(changed)
    assert world.load("Image", made.id).name.val == "changed"


def test_a_deleted_object_cannot_be_saved(world: World) -> None:
    made = world.save(bare_image())
    gone = world.load("Image", made.id)
    gone._id._val = 999999
    with pytest.raises(omero.ValidationException) as refused:
        world.save(gone)
    assert refused.value.message == "object no longer exists in database"


class TestExternalInfo:
    def test_is_kept_changed_and_cleared(self, world: World) -> None:
        made = bare_image()
        made.details.externalInfo = external_info("/a.zarr/0")
        world.save(made)
        first = world.value("SELECT external_id FROM image WHERE id = %s", made.id.val)

        kept = world.load("Image", made.id)
        assert not kept.details.externalInfo.isLoaded()
        kept.name = rstring("kept")
        world.save(kept)
        assert world.value("SELECT external_id FROM image WHERE id = %s", made.id.val) == first

        changed = world.load("Image", made.id)
        changed.details.externalInfo = external_info("/b.zarr/0")
        world.save(changed)
        second = world.value("SELECT external_id FROM image WHERE id = %s", made.id.val)
        assert second != first
        assert world.value("SELECT lsid FROM externalinfo WHERE id = %s", first) == "/a.zarr/0"

        cleared = world.load("Image", made.id)
        cleared.details.externalInfo = None
        world.save(cleared)
        assert world.value("SELECT external_id FROM image WHERE id = %s", made.id.val) is None

    def test_is_immutable(self, world: World) -> None:
        info = world.save(external_info("/a.zarr/0"))
        info.lsid = rstring("/other")
        world.save(info)
        assert world.value("SELECT lsid FROM externalinfo WHERE id = %s", info.id.val) == "/a.zarr/0"


class TestSwap:
    """The swap of filesets in one save."""

    def test_is_one_event(self, world: World) -> None:
        old = fileset(original_file("old"))
        images = [bare_image(str(n)) for n in range(3)]
        for made in images:
            made.fileset = old
        world.save(*images)
        file = world.save(original_file("new"))

        new = fileset(OriginalFileI(file.id.val, False))
        swapped = [world.load("Image", i.id) for i in images]
        for n, made in enumerate(swapped):
            made.fileset = new
            made.series = rint(n)
            made.details.externalInfo = external_info(f"/z/{n}")
        world.save(new, *swapped)
        event = new.details.updateEvent.id.val
        assert world.sql(
            "SELECT action, entitytype, count(*) FROM eventlog WHERE event = %s GROUP BY 1, 2 ORDER BY 1, 2", event
        ) == [
            ("INSERT", "ome.model.fs.Fileset", 1),
            ("INSERT", "ome.model.fs.FilesetEntry", 1),
            ("INSERT", "ome.model.meta.ExternalInfo", 3),
            ("UPDATE", "ome.model.core.Image", 3),
        ]
        assert world.value("SELECT count(*) FROM image WHERE fileset = %s", old.id.val) == 0
        assert world.value("SELECT count(*) FROM filesetentry WHERE fileset = %s", old.id.val) == 1

    def test_with_a_file_of_the_old_fileset_fails(self, world: World) -> None:
        file = world.save(original_file())
        old = fileset(OriginalFileI(file.id.val, False))
        made = bare_image()
        made.fileset = old
        world.save(made)
        before = count(world, "fileset")
        swapped = world.load("Image", made.id)
        swapped.fileset = fileset(OriginalFileI(file.id.val, False))
        with pytest.raises(omero.ValidationException) as refused:
            world.save(swapped.fileset, swapped)
        assert refused.value.message == "object no longer exists in database"
        assert count(world, "fileset") == before

        new = world.save(fileset(OriginalFileI(file.id.val, False)))  # the way out: the fileset first
        swapped = world.load("Image", made.id)
        swapped.fileset = FilesetI(new.id.val, False)
        world.save(swapped)
        assert world.value("SELECT fileset FROM image WHERE id = %s", made.id.val) == new.id.val


@pytest.mark.parametrize(
    ("group", "user", "called_in", "refused"),
    [
        ("read-write", "owner", "read-write", None),
        ("read-only", "member", "read-only", (omero.SecurityViolation, "Group is rwr---. Cannot link to object: ")),
        ("read-annotate", "member", "read-annotate", (omero.SecurityViolation, "Group is rwra--. Cannot link to ")),
        ("read-write", "member", "read-write", None),
        ("read-only", "root", "system", (omero.SecurityViolation, "Cannot read ome.model.core.OriginalFile")),
        ("read-only", "root", "all", (omero.ApiUsageException, "No valid permissions available! DUMMY")),
        ("read-only", "root", "read-only", None),
    ],
)
def test_who_may_swap(world: World, group: str, user: str, called_in: str, refused: Any) -> None:
    """The table of facts/omero_replacement.md, c."""
    owner = caller("owner", group)
    made = bare_image()
    made.fileset = fileset(original_file("old"))
    world.save(made, by=owner)
    file = world.save(original_file("new"), by=owner)
    swapped = world.load("Image", made.id, by=owner)
    new = swapped.fileset = fileset(OriginalFileI(file.id.val, False))
    swapped.details.externalInfo = external_info()
    who = caller(user, called_in)
    if refused:
        with pytest.raises(refused[0]) as error:
            world.save(new, swapped, by=who, trusted=False)
        assert error.value.message.startswith(refused[1])
        return
    world.save(new, swapped, by=who, trusted=False)
    owners = world.sql(
        "SELECT i.owner_id, f.owner_id, e.owner_id, f.group_id FROM image i JOIN fileset f ON f.id = i.fileset "
        "JOIN externalinfo e ON e.id = i.external_id WHERE i.id = %s",
        made.id.val,
    )
    assert owners == [(owner.user_id, who.user_id, who.user_id, who.group_id)]


class TestOrderedLists:
    def _roi(self, world: World, n: int) -> RoiI:
        roi = RoiI()
        for k in range(n):
            shape = PointI()
            shape.x = rdouble(k)
            roi.addShape(shape)
        world.save(roi)
        return roi

    def _stored(self, world: World, roi: RoiI) -> list[tuple]:
        return list(world.sql("SELECT id, roi_index FROM shape WHERE roi = %s ORDER BY roi_index", roi.id.val))

    def test_are_put_in_the_order_sent(self, world: World) -> None:
        roi = self._roi(world, 4)
        a, b, c, d = roi.copyShapes()
        added = PointI()
        added.roi = roi
        roi._shapesSeq = [d, added, a, c]
        world.save(roi)
        assert self._stored(world, roi) == [(s.id.val, n) for n, s in enumerate((d, added, a, c))]
        assert world.value("SELECT count(*) FROM shape WHERE id = %s", b.id.val) == 0

    def test_stay_as_they_are_when_not_loaded(self, world: World) -> None:
        roi = self._roi(world, 2)
        before = self._stored(world, roi)
        loaded = world.load("Roi", roi.id)
        loaded.name = rstring("named")
        world.save(loaded)
        assert self._stored(world, roi) == before

    def test_an_element_without_its_list_is_refused(self, world: World) -> None:
        roi = self._roi(world, 1)
        alone = PointI()
        alone.roi = RoiI(roi.id.val, False)
        with pytest.raises(omero.ValidationException):
            world.save(alone)

    def test_a_removed_entry_of_a_fileset_is_deleted(self, world: World) -> None:
        made = world.save(fileset(original_file("a"), original_file("b")))
        made.removeFilesetEntry(made.copyUsedFiles()[0])
        world.save(made)
        assert world.sql("SELECT clientpath, fileset_index FROM filesetentry WHERE fileset = %s", made.id.val) == [
            ("client/1", 0)
        ]


def test_children_left_out_of_an_unordered_set_stay(world: World) -> None:
    parent = dataset()
    parent.linkImage(bare_image())
    world.save(parent)
    parent._imageLinksSeq = []
    world.save(parent)
    assert world.value("SELECT count(*) FROM datasetimagelink WHERE parent = %s", parent.id.val) == 1


def test_maps_are_written_anew_and_counted(world: World) -> None:
    made = MapAnnotationI()
    made.mapValue = [NamedValue("a", "1"), NamedValue("b", "2")]
    world.save(made)
    loaded = world.load("MapAnnotation", made.id)
    loaded.mapValue = [NamedValue("b", "2"), NamedValue("a", "1"), NamedValue("a", "3")]
    world.save(loaded)
    assert world.value("SELECT version FROM annotation WHERE id = %s", made.id.val) == 1
    assert [(v.name, v.value) for v in world.load("Annotation", made.id).mapValue] == [
        ("b", "2"),
        ("a", "1"),
        ("a", "3"),
    ]


class TestClientsAndServers:
    """What the server may save and a client may not."""

    def test_clients_refer_to_enumerations_by_value_but_make_none(self, world: World) -> None:
        made = image()
        world.save(made, trusted=False)
        assert made.getPrimaryPixels().pixelsType.id.val > 0
        unknown = PixelsTypeI()
        unknown.value = rstring("int128")
        with pytest.raises(omero.SecurityViolation) as refused:
            world.save(unknown, trusted=False)
        assert "System-type" in refused.value.message

    def test_clients_refer_to_enumerations_by_id(self, world: World) -> None:
        made = image()
        pixels = made.getPrimaryPixels()
        pixels.pixelsType, pixels.dimensionOrder = PixelsTypeI(5, False), DimensionOrderI(1, False)
        world.save(made, trusted=False)
        assert world.sql("SELECT pixelstype, dimensionorder FROM pixels WHERE id = %s", pixels.id.val) == [(5, 1)]

    def test_an_unknown_value_is_refused(self, world: World) -> None:
        made = image()
        made.getPrimaryPixels().pixelsType.value = rstring("int128")
        with pytest.raises(omero.ValidationException):
            world.save(made)

    def test_the_repository_of_a_file_is_the_servers_to_set(self, world: World) -> None:
        made = original_file()
        made.repo = rstring("0" * 36)
        with pytest.raises(omero.SecurityViolation) as refused:
            world.save(made, trusted=False)
        assert refused.value.message.startswith("cannot set repo property of ome.model.core.OriginalFile:Id_")
        assert refused.value.message.endswith(" via ORM")

    def test_all_groups_is_no_group_to_save_in(self, world: World) -> None:
        with pytest.raises(omero.ApiUsageException) as refused:
            world.save(bare_image(), by=caller("root", "all"), trusted=False)
        assert refused.value.message.startswith("No valid permissions available! DUMMY permissions")


def test_references_are_enough_to_link(world: World) -> None:
    parent, child = world.save(dataset()), world.save(bare_image())
    link = DatasetImageLinkI()
    link.parent, link.child = DatasetI(parent.id.val, False), ImageI(child.id.val, False)
    world.save(link, trusted=False)
    assert link.details.creationEvent.id.val == world.value("SELECT max(id) FROM event")


def test_a_second_copy_of_a_row_does_not_count(world: World) -> None:
    made = world.save(bare_image())
    first, second = world.load("Image", made.id), world.load("Image", made.id)
    first.name = rstring("first")
    world.save(first, second)
    assert world.load("Image", made.id).name.val == "first"

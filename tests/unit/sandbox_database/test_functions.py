"""What the functions and triggers of the database do, as schema.json describes them."""

import re
from typing import Any

import pytest

from .conftest import Sql

REPO = "11111111-2222-3333-4444-555555555555"
NEW_FILE = (
    "INSERT INTO originalfile "
    "(id, permissions, owner_id, group_id, creation_id, update_id, name, path, repo) "
    "VALUES (1, 0, 0, 0, 0, 0, %s, %s, %s)"
)
IMAGE = "ome.model.core.Image"


@pytest.fixture
def in_session(sql: Sql) -> int:
    """The event of a server transaction."""
    return int(_prepared(sql))


def _prepared(sql: Sql) -> int:
    event = sql.new("event", experimenter=0, experimentergroup=0, session=0, type=4, time="now")
    sql("SELECT _prepare_session(%s, 0, 0)", event)
    return event


def _queue(sql: Sql) -> list[tuple[Any, ...]]:
    return sql("SELECT event_id, entity_type, entity_id FROM _reindexing_required ORDER BY entity_type, entity_id")


def _emptied(sql: Sql) -> None:
    sql("DELETE FROM _reindexing_required")


def _live_node(sql: Sql, uuid: str) -> None:
    sql.new("node", uuid=uuid, conn="here", up="now")


def _file(sql: Sql, name: str, path: str = "a/", repo: str | None = REPO, mimetype: str | None = None) -> int:
    return sql.new("originalfile", name=name, path=path, repo=repo, mimetype=mimetype)


def _pixels(sql: Sql) -> int:
    image = sql.new("image", name="i", series=0)
    sizes = dict.fromkeys(("sizex", "sizey", "sizez", "sizec", "sizet"), 1)
    return sql.new("pixels", image=image, image_index=0, sha1="", dimensionorder=1, pixelstype=5, **sizes)


class TestIdentifiers:
    def test_block_is_contiguous_and_ends_at_the_value(self, sql: Sql) -> None:
        first = sql.one("SELECT ome_nextval('seq_image', 10)")
        assert sql.one("SELECT ome_nextval('seq_image', 5)") == first + 5
        assert sql.one("SELECT ome_nextval('seq_image')") == first + 6

    def test_lock_is_not_kept(self, sql: Sql) -> None:
        sql("SELECT ome_nextval('seq_image', 10)")
        assert sql("SELECT * FROM pg_locks WHERE locktype = 'advisory'") == []

    def test_lock_is_of_the_sequence(self, sql: Sql) -> None:
        source = sql.one("SELECT prosrc FROM pg_proc WHERE proname = 'ome_nextval' AND pronargs = 2")
        assert "pg_advisory_lock(1," in source  # the server's own locks: (1, id in _lock_ids)

    def test_unknown_sequence(self, sql: Sql) -> None:
        assert "seq_none" in sql.refused("SELECT ome_nextval('seq_none', 2)")

    def test_uuid(self, sql: Sql) -> None:
        made = {sql.one("SELECT uuid()") for _ in range(20)}
        assert len(made) == 20
        assert all(
            re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", u) for u in made
        )

    @pytest.mark.parametrize(
        ("bits", "text"),
        [(-120, "rw----"), (-56, "rwr---"), (-40, "rwr---"), (-8, "rwrw--"), (-52, "rwr-r-")],
    )
    def test_permissions_as_text(self, sql: Sql, bits: int, text: str) -> None:
        assert sql.one("SELECT ome_perms(%s)", bits) == text


class TestEvents:
    def test_no_event_outside_a_session(self, sql: Sql) -> None:
        assert sql.one("SELECT _current_event()") == 0

    def test_prepared_event_is_current(self, sql: Sql, in_session: int) -> None:
        assert sql.one("SELECT _current_event()") == in_session
        assert sql.one("SELECT _current_or_new_event()") == in_session

    def test_second_preparation_replaces_the_first(self, sql: Sql, in_session: int) -> None:
        assert sql.one("SELECT _current_event()") != _prepared(sql) == sql.one("SELECT _current_event()")

    def test_each_call_outside_a_session_makes_an_event(self, sql: Sql) -> None:
        first, second = (sql.one("SELECT _current_or_new_event()") for _ in range(2))
        assert first != second
        columns = "status, experimenter, experimentergroup, session, type"
        assert sql(f"SELECT {columns} FROM event WHERE id = %s", second) == [("TRIGGERED", 0, 0, 0, 0)]

    def test_prepared_event_ends_with_the_transaction(self, sql: Sql) -> None:
        connection = sql.cursor.connection
        sql("SELECT _prepare_session(0, 0, 0), _prepare_session(0, 0, 0)")
        connection.commit()
        assert sql("SELECT * FROM _current_session") == []
        assert sql.one("SELECT _current_event()") == 0


class TestFiles:
    def test_live_node_wants_its_uuid(self, sql: Sql) -> None:
        _live_node(sql, "secret-1")
        assert "without secret key" in sql.refused(NEW_FILE, "n", "p/", REPO)
        file = _file(sql, "secret-1n.tif")
        assert sql.one("SELECT name FROM originalfile WHERE id = %s", file) == "n.tif"

    def test_every_live_node_counts(self, sql: Sql) -> None:
        for number in range(3):
            _live_node(sql, f"secret-{number}")
        assert sql.one("SELECT name FROM originalfile WHERE id = %s", _file(sql, "secret-2n")) == "n"

    def test_node_that_is_down_is_no_key(self, sql: Sql) -> None:
        _live_node(sql, "secret-1")
        sql.new("node", uuid="stale", conn="here", up="now", down="now")
        assert sql.one("SELECT name FROM originalfile WHERE id = %s", _file(sql, "stalen", repo=None)) == "stalen"
        assert "without secret key" in sql.refused(NEW_FILE, "stalen", "p/", REPO)

    def test_without_live_node_all_is_taken_as_it_is(self, sql: Sql) -> None:
        uuid = sql.one("SELECT uuid FROM node WHERE id = 0")
        assert sql.one("SELECT name FROM originalfile WHERE id = %s", _file(sql, f"{uuid}n")) == f"{uuid}n"

    def test_without_repo_nothing_is_refused_and_the_key_is_stripped(self, sql: Sql) -> None:
        _live_node(sql, "secret-1")
        assert sql.one("SELECT name FROM originalfile WHERE id = %s", _file(sql, "n", repo=None)) == "n"
        assert sql.one("SELECT name FROM originalfile WHERE id = %s", _file(sql, "secret-1n", repo=None)) == "n"

    def test_repo_is_changed_with_the_key_only(self, sql: Sql) -> None:
        file = _file(sql, "n")
        _live_node(sql, "secret-1")
        sql("UPDATE originalfile SET size = 1 WHERE id = %s", file)
        assert "without secret key" in sql.refused("UPDATE originalfile SET repo = 'other' WHERE id = %s", file)
        sql("UPDATE originalfile SET repo = 'other', name = 'secret-1m' WHERE id = %s", file)
        assert sql("SELECT repo, name FROM originalfile WHERE id = %s", file) == [("other", "m")]
        sql("UPDATE originalfile SET repo = NULL WHERE id = %s", file)
        assert "without secret key" in sql.refused("UPDATE originalfile SET repo = 'other' WHERE id = %s", file)

    def test_directory_with_contents_stays(self, sql: Sql) -> None:
        directory = _file(sql, "b", "a/", mimetype="Directory")
        other = _file(sql, "b", "a/", repo="another repository", mimetype="Directory")
        inside = _file(sql, "n", "a/b/")
        assert "a/b" in sql.refused("DELETE FROM originalfile WHERE id = %s", directory)
        sql("DELETE FROM originalfile WHERE id = %s", other)
        sql("DELETE FROM originalfile WHERE id = %s", inside)
        sql("DELETE FROM originalfile WHERE id = %s", directory)

    def test_deleted_files_of_a_repository_are_logged(self, sql: Sql, in_session: int) -> None:
        file, loose = _file(sql, "n"), _file(sql, "m", repo=None)
        sql("DELETE FROM originalfile WHERE id IN (%s, %s)", file, loose)
        assert sql("SELECT * FROM _fs_deletelog") == [(in_session, file, 0, 0, "a/", "n", REPO)]

    @pytest.mark.parametrize("mimetype", ["Directory", "Repository"])
    def test_mimetype_of_directories_is_kept(self, sql: Sql, mimetype: str) -> None:
        file, plain = _file(sql, "n", mimetype=mimetype), _file(sql, "m", mimetype="text/plain")
        assert mimetype in sql.refused("UPDATE originalfile SET mimetype = 'text/plain' WHERE id = %s", file)
        assert mimetype in sql.refused("UPDATE originalfile SET mimetype = NULL WHERE id = %s", file)
        sql("UPDATE originalfile SET mimetype = mimetype, size = 1 WHERE id = %s", file)
        sql("UPDATE originalfile SET mimetype = 'image/tiff' WHERE id = %s", plain)

    def test_path_is_unique_in_a_repository(self, sql: Sql) -> None:
        _file(sql, "n", "a/b/")
        _file(sql, "n", "a/b/", repo="another repository")
        assert "originalfile_repo_path_index" in sql.refused(NEW_FILE, "n", "/a//b/", REPO)


class TestIndexes:
    def test_pair_that_is_taken_moves_away(self, sql: Sql) -> None:
        pixels = _pixels(sql)
        channels = []
        for index in range(2):
            logical = sql.new("logicalchannel")
            channels.append(sql.new("channel", pixels=pixels, pixels_index=index, logicalchannel=logical))
        first, second = channels
        sql("UPDATE channel SET pixels_index = 1 WHERE id = %s", first)
        assert sql.one("SELECT pixels_index FROM channel WHERE id = %s", second) == -2
        sql("UPDATE channel SET pixels_index = 0 WHERE id = %s", second)
        assert sql("SELECT id FROM channel WHERE pixels = %s ORDER BY pixels_index", pixels) == [
            (second,),
            (first,),
        ]

    def test_other_parents_are_left_alone(self, sql: Sql) -> None:
        one, other = _pixels(sql), _pixels(sql)
        logical = sql.new("logicalchannel")
        mine = sql.new("channel", pixels=one, pixels_index=0, logicalchannel=logical)
        sql.new("channel", pixels=other, pixels_index=1, logicalchannel=logical)
        sql("UPDATE channel SET pixels_index = 1 WHERE id = %s", mine)
        assert sql("SELECT pixels_index FROM channel WHERE pixels = %s", other) == [(1,)]

    def test_image_series_is_zero_when_not_given(self, sql: Sql) -> None:
        image = sql.new("image", name="i", series=None)
        assert sql.one("SELECT series FROM image WHERE id = %s", image) == 0
        sql("UPDATE image SET series = 3 WHERE id = %s", image)
        sql("UPDATE image SET series = NULL WHERE id = %s", image)
        assert sql.one("SELECT series FROM image WHERE id = %s", image) == 0


class TestMaps:
    def test_pairs_go_with_the_annotation(self, sql: Sql) -> None:
        gone, kept = (sql.new("annotation", discriminator="/map/") for _ in range(2))
        for annotation in (gone, kept):
            sql("INSERT INTO annotation_mapvalue VALUES (%s, 'k', 'v', 0)", annotation)
        sql("DELETE FROM annotation WHERE id = %s", gone)
        assert sql("SELECT annotation_id FROM annotation_mapvalue") == [(kept,)]

    def test_pairs_go_with_a_job_known_by_another_key(self, sql: Sql) -> None:
        job = sql.new(
            "job",
            groupname="g",
            username="u",
            message="",
            type="User",
            scheduledfor="now",
            submitted="now",
            status=1,
        )
        sql("INSERT INTO uploadjob VALUES (%s)", job)
        sql(
            "INSERT INTO uploadjob_versioninfo (uploadjob_id, name, value, index) VALUES (%s, 'k', 'v', 0)",
            job,
        )
        sql("DELETE FROM uploadjob WHERE job_id = %s", job)
        assert sql("SELECT * FROM uploadjob_versioninfo") == []


class TestReindexing:
    def test_link_queues_its_parent_once(self, sql: Sql, in_session: int) -> None:
        image = sql.new("image", name="i", series=0)
        first, second = (sql.new("annotation", discriminator="/basic/tag/") for _ in range(2))
        sql.new("imageannotationlink", parent=image, child=first)
        sql.new("imageannotationlink", parent=image, child=second)
        assert _queue(sql) == [(in_session, IMAGE, image)]

    def test_moved_and_deleted_link(self, sql: Sql, in_session: int) -> None:
        image, other = (sql.new("image", name="i", series=0) for _ in range(2))
        link = sql.new("imageannotationlink", parent=image, child=sql.new("annotation", discriminator="/basic/tag/"))
        _emptied(sql)
        sql("UPDATE imageannotationlink SET parent = %s WHERE id = %s", other, link)
        assert _queue(sql) == [(in_session, IMAGE, image), (in_session, IMAGE, other)]
        _emptied(sql)
        sql("DELETE FROM imageannotationlink WHERE id = %s", link)
        assert _queue(sql) == [(in_session, IMAGE, other)]

    def test_outside_a_session_each_row_makes_an_event(self, sql: Sql) -> None:
        tag = sql.new("annotation", discriminator="/basic/tag/")
        for _ in range(2):
            sql.new("imageannotationlink", parent=sql.new("image", name="i", series=0), child=tag)
        assert len({event for event, _, _ in _queue(sql)}) == 2

    def test_changed_annotation_queues_all_that_it_is_linked_to(self, sql: Sql, in_session: int) -> None:
        tag = sql.new("annotation", discriminator="/basic/tag/")
        image, dataset = sql.new("image", name="i", series=0), sql.new("dataset", name="d")
        sql.new("imageannotationlink", parent=image, child=tag)
        sql.new("datasetannotationlink", parent=dataset, child=tag)
        _emptied(sql)
        sql("UPDATE annotation SET textvalue = 'new' WHERE id = %s", tag)
        assert _queue(sql) == [
            (in_session, "ome.model.containers.Dataset", dataset),
            (in_session, IMAGE, image),
        ]

    def test_roi_queues_its_image(self, sql: Sql, in_session: int) -> None:
        image, other = (sql.new("image", name="i", series=0) for _ in range(2))
        sql.new("roi")
        assert _queue(sql) == []
        roi = sql.new("roi", image=image)
        assert _queue(sql) == [(in_session, IMAGE, image)]
        _emptied(sql)
        sql("UPDATE roi SET name = 'r' WHERE id = %s", roi)
        assert _queue(sql) == []
        sql("UPDATE roi SET image = %s WHERE id = %s", other, roi)
        assert _queue(sql) == [(in_session, IMAGE, image), (in_session, IMAGE, other)]
        _emptied(sql)
        sql("DELETE FROM roi WHERE id = %s", roi)
        assert _queue(sql) == [(in_session, IMAGE, other)]

    def test_folder_queues_the_images_of_its_rois(self, sql: Sql, in_session: int) -> None:
        image, folder = sql.new("image", name="i", series=0), sql.new("folder", name="f")
        roi, loose = sql.new("roi", image=image), sql.new("roi")
        for statement in (
            "INSERT INTO folderroilink "
            "(id, permissions, child, parent, creation_id, update_id, group_id, owner_id) "
            f"VALUES (1, 0, {roi}, {folder}, 0, 0, 0, 0), (2, 0, {loose}, {folder}, 0, 0, 0, 0)",
            f"UPDATE folder SET name = 'g' WHERE id = {folder}",
            "UPDATE folderroilink SET version = 1",
            "DELETE FROM folderroilink",
        ):
            _emptied(sql)
            sql(statement)
            assert _queue(sql) == [(in_session, IMAGE, image)], statement

    def test_queue_is_drained_into_the_event_log(self, sql: Sql, in_session: int) -> None:
        sql(
            "INSERT INTO _reindexing_required SELECT %s, %s, n FROM generate_series(1, 3) AS n",
            in_session,
            IMAGE,
        )
        sql("SELECT updated_entities_note_reindex()")
        assert _queue(sql) == []
        logged = sql("SELECT action, entitytype, entityid, event FROM eventlog ORDER BY entityid")
        assert logged == [("REINDEX", IMAGE, n, in_session) for n in (1, 2, 3)]
        sql("SELECT updated_entities_note_reindex()")
        assert sql.one("SELECT count(*) FROM eventlog") == 3
        assert sql.one("SELECT ome_nextval('seq_eventlog')") > sql.one("SELECT max(id) FROM eventlog")

    def test_at_most_100000_rows_a_time(self, sql: Sql, in_session: int) -> None:
        sql(
            "INSERT INTO _reindexing_required SELECT %s, %s, n FROM generate_series(1, 100010) AS n",
            in_session,
            IMAGE,
        )
        sql("SELECT updated_entities_note_reindex()")
        assert len(_queue(sql)) == 10


class TestNamespaces:
    def test_namespace_of_an_annotation_is_noted(self, sql: Sql) -> None:
        tag = sql.new("annotation", discriminator="/basic/tag/", ns="one")
        sql.new("annotation", discriminator="/basic/tag/", ns="one")
        sql.new("annotation", discriminator="/basic/tag/")
        sql("UPDATE annotation SET ns = 'two' WHERE id = %s", tag)
        assert sql("SELECT name FROM namespace ORDER BY name") == [("one",), ("two",)]

    def test_namespace_in_use_stays_as_it_is(self, sql: Sql) -> None:
        tag = sql.new("annotation", discriminator="/basic/tag/", ns="used")
        assert "used" in sql.refused("DELETE FROM namespace WHERE name = 'used'")
        assert "used" in sql.refused("UPDATE namespace SET name = 'other' WHERE name = 'used'")
        sql("UPDATE namespace SET displayname = 'shown' WHERE name = 'used'")
        sql("DELETE FROM annotation WHERE id = %s", tag)
        sql("UPDATE namespace SET name = 'other' WHERE name = 'used'")
        sql("DELETE FROM namespace WHERE name = 'other'")


class TestFoldersAndUpgrades:
    def test_folder_is_not_among_its_parents(self, sql: Sql) -> None:
        top = sql.new("folder", name="top")
        middle = sql.new("folder", name="middle", parentfolder=top)
        leaf = sql.new("folder", name="leaf", parentfolder=middle)
        for parent in (top, middle, leaf):
            assert str(top) in sql.refused("UPDATE folder SET parentfolder = %s WHERE id = %s", parent, top)
        sql("UPDATE folder SET parentfolder = %s WHERE id = %s", top, leaf)

    def test_upgrade_is_done_once(self, sql: Sql) -> None:
        upgrade = (
            "INSERT INTO dbpatch (currentversion, currentpatch, previousversion, previouspatch) "
            "VALUES ('OMERO5.5', 0, 'OMERO5.4', 0) RETURNING permissions, message"
        )
        assert sql(upgrade) == [(-52, "Updating")]
        assert "cannot be repeated" in sql.refused(upgrade)
        sql("UPDATE dbpatch SET message = 'Database updated.', finished = now()")


class TestUsers:
    @pytest.mark.parametrize("name", ["root", "guest"])
    def test_system_users_keep_their_names(self, sql: Sql, name: str) -> None:
        assert name in sql.refused("UPDATE experimenter SET omename = 'other' WHERE omename = %s", name)
        sql("UPDATE experimenter SET lastname = 'other' WHERE omename = %s", name)

    @pytest.mark.parametrize("name", ["system", "user", "guest"])
    def test_system_groups_keep_their_names(self, sql: Sql, name: str) -> None:
        assert name in sql.refused("UPDATE experimentergroup SET name = 'other' WHERE name = %s", name)
        sql("UPDATE experimentergroup SET description = 'other' WHERE name = %s", name)

    def test_others_may_be_renamed(self, sql: Sql) -> None:
        user = sql.new("experimenter", omename="ann", firstname="A", lastname="N", ldap=False)
        sql("UPDATE experimenter SET omename = 'bee' WHERE id = %s", user)

    @pytest.mark.parametrize("group", [0, 1])
    def test_root_stays_in_its_groups(self, sql: Sql, group: int) -> None:
        where = f"WHERE child = 0 AND parent = {group}"
        other = sql.new("experimentergroup", name="other", ldap=False)
        assert "root" in sql.refused(f"DELETE FROM groupexperimentermap {where}")
        assert "root" in sql.refused(f"UPDATE groupexperimentermap SET parent = {other} {where}")
        sql(f"UPDATE groupexperimentermap SET owner = false {where}")

    def test_root_is_not_restricted(self, sql: Sql) -> None:
        restrict = "INSERT INTO experimenter_config VALUES ({}, 'AdminPrivilege:Sudo', 'false', 0)"
        user = sql.new("experimenter", omename="ann", firstname="A", lastname="N", ldap=False)
        assert "root" in sql.refused(restrict.format(0))
        sql(restrict.format(user))


class TestAdminPrivileges:
    """The checks wait for the end of the transaction."""

    @pytest.fixture
    def user(self, sql: Sql) -> int:
        return sql.new("experimenter", omename="ann", firstname="A", lastname="N", ldap=False)

    @pytest.fixture
    def restricted(self, sql: Sql, user: int) -> int:
        """An administrator who may do everything but Sudo."""
        self._grant(sql, "value <> 'Sudo'")
        sql("INSERT INTO experimenter_config VALUES (%s, 'AdminPrivilege:Sudo', 'false', 0)", user)
        sql.new("groupexperimentermap", child=user, parent=0, child_index=0, owner=False)
        sql("SET CONSTRAINTS ALL IMMEDIATE")
        return user

    @staticmethod
    def _grant(sql: Sql, which: str) -> None:
        held = f"SELECT txid_current(), value FROM adminprivilege WHERE {which}"
        sql(f"INSERT INTO _current_admin_privileges {held}")

    def test_administrator_gets_what_the_maker_has(self, sql: Sql, user: int) -> None:
        self._grant(sql, "true")
        sql.new("groupexperimentermap", child=user, parent=0, child_index=0, owner=False)
        sql("SET CONSTRAINTS ALL IMMEDIATE")

    def test_administrator_gets_nothing_more(self, sql: Sql, user: int) -> None:
        self._grant(sql, "value <> 'Sudo'")
        sql.new("groupexperimentermap", child=user, parent=0, child_index=0, owner=False)
        assert "lacks: Sudo" in sql.refused("SET CONSTRAINTS ALL IMMEDIATE")

    def test_other_groups_give_no_privileges(self, sql: Sql, user: int) -> None:
        link = sql.new("groupexperimentermap", child=user, parent=1, child_index=0, owner=False)
        sql("SET CONSTRAINTS ALL IMMEDIATE")
        assert "Sudo" in sql.refused("UPDATE groupexperimentermap SET parent = 0 WHERE id = %s", link)

    def test_restriction_is_lifted_by_those_who_have_the_privilege(self, sql: Sql, restricted: int) -> None:
        lift = (
            "DELETE FROM experimenter_config",
            "UPDATE experimenter_config SET value = 'true'",
            "UPDATE experimenter_config SET name = 'other'",
        )
        for statement in lift:
            assert "lacks: Sudo" in sql.refused(statement)
        self._grant(sql, "value = 'Sudo'")
        for statement in lift:
            sql("SAVEPOINT s")
            sql(statement)
            sql("ROLLBACK TO SAVEPOINT s")

    def test_restriction_goes_with_the_user(self, sql: Sql, restricted: int) -> None:
        sql("SET CONSTRAINTS ALL DEFERRED")
        sql("DELETE FROM groupexperimentermap WHERE child = %s", restricted)
        sql("DELETE FROM experimenter WHERE id = %s", restricted)
        sql("SET CONSTRAINTS ALL IMMEDIATE")


def test_views_count_links_by_owner(sql: Sql) -> None:
    image = sql.new("image", name="i", series=0)
    for owner in (0, 0, 1):
        tag = sql.new("annotation", discriminator="/basic/tag/")
        sql.new("imageannotationlink", parent=image, child=tag, owner_id=owner)
    dataset = sql.new("dataset", name="d")
    sql.new("datasetimagelink", parent=dataset, child=image)
    assert sorted(sql("SELECT * FROM count_image_annotationlinks_by_owner")) == [(image, 0, 2), (image, 1, 1)]
    assert sql("SELECT * FROM count_image_datasetlinks_by_owner") == [(image, 0, 1)]
    assert sql("SELECT * FROM count_dataset_imagelinks_by_owner") == [(dataset, 0, 1)]

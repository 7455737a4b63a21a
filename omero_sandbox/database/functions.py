"""SQL of the database's functions: functions.sql, and families of like functions from one template each."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from string import Template
from typing import Any

# So that Hibernate can permute the indexes of an ordered list one row at a time under unique(parent, index).
INDEX_MOVE = Template("""
CREATE FUNCTION ${table}_${parent}_index_move() RETURNS trigger LANGUAGE plpgsql AS $$$$
BEGIN
    UPDATE ${table} SET ${parent}_index = -1 - ${parent}_index
    WHERE ${parent} = NEW.${parent} AND ${parent}_index = NEW.${parent}_index AND id <> NEW.id;
    RETURN NEW;
END $$$$;""")

MAP_ENTRY_DELETE = Template("""
CREATE FUNCTION ${map}_map_entry_delete_trigger_function() RETURNS trigger LANGUAGE plpgsql AS $$$$
BEGIN
    DELETE FROM ${map} WHERE ${key} = OLD.${owner_key};
    RETURN OLD;
END $$$$;""")

# `queue` gives (entity type, id) of what the search index holds about the changed row.
REINDEX = Template("""
CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$$$
DECLARE
    this_event bigint;
BEGIN
    IF ${guard} THEN
        this_event := _current_or_new_event();
        INSERT INTO _reindexing_required (event_id, entity_type, entity_id)
        SELECT DISTINCT this_event, q.entity_type, q.entity_id
        FROM (${queue}) AS q (entity_type, entity_id)
        WHERE NOT EXISTS (
            SELECT FROM _reindexing_required AS r WHERE r.event_id = this_event
            AND r.entity_type = q.entity_type AND r.entity_id = q.entity_id);
    END IF;
    RETURN ${row};
END $$$$;""")

# Refuses that an administrator comes by a privilege which the one who acts has not; the server notes what
# the acting user has in _current_admin_privileges, under the transaction's number.
PRIVILEGE_CHECK = Template("""
CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$$$
DECLARE
    lacking text;
BEGIN
    IF ${guard} THEN
        SELECT string_agg(p.value, ', ' ORDER BY p.value) INTO lacking
        FROM adminprivilege AS p, _roles
        WHERE ${privilege}
        AND EXISTS (
            SELECT FROM groupexperimentermap WHERE child = ${user} AND parent = system_group_id)
        AND NOT EXISTS (
            SELECT FROM experimenter_config AS c WHERE c.experimenter_id = ${user}
            AND c.name = 'AdminPrivilege:' || p.value AND lower(c.value) <> 'true')
        AND NOT EXISTS (
            SELECT FROM _current_admin_privileges AS mine
            WHERE mine.transaction = txid_current() AND mine.privilege = p.value);
        IF lacking IS NOT NULL THEN
            RAISE EXCEPTION 'cannot give Experimenter:% admin privileges that the current user lacks: %',
                ${user}, lacking;
        END IF;
    END IF;
    RETURN NULL;
END $$$$;""")

_ROI_IMAGES = "SELECT 'ome.model.core.Image', image FROM roi WHERE image IS NOT NULL AND id IN"
_RESTRICTED = "starts_with(OLD.name, 'AdminPrivilege:') AND lower(OLD.value) <> 'true'"
_NAMED = "OLD.name = 'AdminPrivilege:' || p.value"

REINDEX_FUNCTIONS = [
    ("annotation_link_insert_trigger", "true", "SELECT TG_ARGV[0], NEW.parent", "NEW"),
    (
        "annotation_link_update_trigger",
        "true",
        "VALUES (TG_ARGV[0], OLD.parent), (TG_ARGV[0], NEW.parent)",
        "NEW",
    ),
    ("annotation_link_delete_trigger", "true", "SELECT TG_ARGV[0], OLD.parent", "OLD"),
    ("folder_roi_link_insert_trigger", "true", f"{_ROI_IMAGES} (NEW.child)", "NEW"),
    ("folder_roi_link_update_trigger", "true", f"{_ROI_IMAGES} (OLD.child, NEW.child)", "NEW"),
    ("folder_roi_link_delete_trigger", "true", f"{_ROI_IMAGES} (OLD.child)", "OLD"),
    (
        "folder_update_trigger",
        "true",
        f"{_ROI_IMAGES} (SELECT child FROM folderroilink WHERE parent = NEW.id)",
        "NEW",
    ),
    ("roi_insert_trigger", "NEW.image IS NOT NULL", "SELECT 'ome.model.core.Image', NEW.image", "NEW"),
    (
        "roi_update_trigger",
        "NEW.image IS DISTINCT FROM OLD.image",
        "SELECT 'ome.model.core.Image', i FROM unnest(ARRAY[OLD.image, NEW.image]) AS i WHERE i IS NOT NULL",
        "NEW",
    ),
    ("roi_delete_trigger", "OLD.image IS NOT NULL", "SELECT 'ome.model.core.Image', OLD.image", "OLD"),
]

PRIVILEGE_FUNCTIONS = [
    ("group_link_insert_check", "true", "NEW.child", "NEW.parent = system_group_id"),
    (
        "group_link_update_check",
        "(NEW.child, NEW.parent) <> (OLD.child, OLD.parent)",
        "NEW.child",
        "NEW.parent = system_group_id",
    ),
    ("user_config_delete_check", _RESTRICTED, "OLD.experimenter_id", _NAMED),
    ("user_config_update_check", _RESTRICTED, "OLD.experimenter_id", _NAMED),
]


def functions(schema: Mapping[str, Any]) -> Iterator[str]:
    """Statements that create every function of `schema` (schema.json's form); tables may come later."""
    yield (files(__package__) / "functions.sql").read_text(encoding="utf-8")
    for name, guard, queue, row in REINDEX_FUNCTIONS:
        yield REINDEX.substitute(name=name, guard=guard, queue=queue, row=row)
    yield REINDEX.substitute(
        name="annotation_update_event_trigger",
        guard="true",
        queue=_linked_parents(schema["tables"]),
        row="NEW",
    )
    for name, guard, user, privilege in PRIVILEGE_FUNCTIONS:
        yield PRIVILEGE_CHECK.substitute(name=name, guard=guard, user=user, privilege=privilege)
    for table, shape in schema["tables"].items():
        for trigger in shape["triggers"]:
            if trigger["function"].endswith("_index_move"):
                parent = trigger["function"].removeprefix(f"{table}_").removesuffix("_index_move")
                yield INDEX_MOVE.substitute(table=table, parent=parent)
            elif trigger["function"].endswith("_map_entry_delete_trigger_function"):
                yield _map_entry_delete(schema["tables"], trigger["function"])


def _map_entry_delete(tables: Mapping[str, Any], function: str) -> str:
    map_table = function.removesuffix("_map_entry_delete_trigger_function")
    [owner] = tables[map_table]["foreign_keys"]
    return MAP_ENTRY_DELETE.substitute(map=map_table, key=owner["columns"][0], owner_key=owner["ref_columns"][0])


def _linked_parents(tables: Mapping[str, Any]) -> str:
    """A query for all that the annotation NEW is linked to, as (entity type, id)."""
    entities = {
        table: trigger["args"][0]
        for table, shape in tables.items()
        for trigger in shape["triggers"]
        if trigger["function"] == "annotation_link_insert_trigger"
    }
    return " UNION ALL ".join(f"SELECT '{e}', parent FROM {t} WHERE child = NEW.id" for t, e in entities.items())

"""A graph with everything in it, saved: by the server's own import, and by a client wave after wave through IUpdate."""

import json
from typing import Any
from xml.etree.ElementTree import canonicalize

import psycopg2
from omero.model import FilesetI
from omero.rtypes import rlong, rstring

from ome_graph import ENUMERATIONS, EnumTable, graph, read_ome
from tests.support.dump import dump_fileset
from tests.support.graph_as_record import KnownEnums, Record
from tests.support.importing import import_file
from tests.support.whole_model import IMPORTABLE, WHOLE

# What does not stem from the XML, or what the database keeps in another way.
ELSEWHERE = {"format", "name", "path", "repo", "sha1", "renderingdefs", "thumbnails"}


def without(value, inside=""):
    if isinstance(value, list):
        return [without(item, inside) for item in value]
    if not isinstance(value, dict):
        return value
    skip = ELSEWHERE if inside in ("images", "pixels") else {"path", "repo"} if inside == "file" else set()
    return {key: without(item, key) for key, item in value.items() if key not in skip}


def expected(xml):
    enums = KnownEnums()
    record = Record(graph(read_ome(xml), ["whole"], enums), enums).whole()
    text = json.dumps(record)
    for value, known in (("EMCCD", "EM-CCD"), ("FP TimeLapse", "Other")):  # what the server has for it
        text = text.replace(f'"{value}"', f'"{known}"')
    return without(json.loads(text))


def stored(server, fileset):
    connection = psycopg2.connect(server.dsn)
    try:
        record = json.loads(json.dumps(dump_fileset(connection, fileset)))
    finally:
        connection.close()
    return without({key: record[key] for key in ("images", "instruments", "plates")})


# What a server's own import leaves out (facts: an OME-XML's attached files, a plate's default field), names itself (a
# plate without a name), or tells apart otherwise (channels with an empty light path are alike).
IMPORTED_OTHERWISE = {
    "plates": {"name", "defaultsample"}, "annotations": {"file"}, "channels": {"logicalchannel_first_used_by"},
}  # fmt: skip


def as_imported(value: Any, inside: str = "") -> Any:
    """A record less what a server's import does its own way: prefixes in XML, single precision, order of shapes."""
    if isinstance(value, list):
        found = [as_imported(item, inside) for item in value]
        return sorted(found, key=json.dumps) if inside == "shapes" else found
    if isinstance(value, dict):
        left_out = IMPORTED_OTHERWISE.get(inside, set())
        return {key: as_imported(item, key) for key, item in sorted(value.items()) if key not in left_out}
    if isinstance(value, float):
        return float(f"{value:.6g}")
    return canonicalize(value, rewrite_prefixes=True) if inside == "textvalue" and value.startswith("<") else value


def test_imported_by_the_server(server, curator, tmp_path):
    file = tmp_path / "whole.ome.xml"
    file.write_text(IMPORTABLE)
    with server.client(curator.name, curator.password) as client:
        response = import_file(client, file, "whole/whole.ome.xml")
        fileset = response.pixels[0].image.fileset.id.val
    assert as_imported(stored(server, fileset)) == as_imported(expected(IMPORTABLE))


def test_saved_by_a_client(server, curator):
    with server.client(curator.name, curator.password) as client:
        session = client.getSession()
        update, query = session.getUpdateService(), session.getQueryService()
        ids = {}
        for name in ENUMERATIONS:
            for row in query.projection(f"select e.value, e.id from {name} e", None):
                ids[name, row[0].val] = row[1].val
        made = graph(read_ome(WHOLE), ["whole"], EnumTable(ids))
        fileset = FilesetI()
        fileset.templatePrefix = rstring("whole/")
        fileset = update.saveAndReturnObject(fileset)
        for image in made.images:
            image.fileset = FilesetI(fileset.id.val, False)
        for batch in (*made.shared, made.images, made.wells):
            for thing, number in zip(batch, update.saveAndReturnIds(list(batch)), strict=True):
                thing.setId(rlong(number))
                thing.unload()
    assert stored(server, fileset.id.val) == expected(WHOLE)

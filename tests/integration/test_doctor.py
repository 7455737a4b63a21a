"""A newcomer asks what the server can, before anything is touched."""

import json
from pathlib import Path

import pytest

from omero_roz.doctor import examination
from tests.support.servers import Omero, Server


def looked(omero_cli: Omero, *args: str) -> dict[str, dict]:
    """What the doctor says of each thing, and its exit code."""
    result = omero_cli("roz", "doctor", *args, "--json")
    return {one["what"]: one for one in json.loads(result.out)} | {"exit": {"code": result.code}}


def with_database(server: Server) -> list[str]:
    """The options that name the server's database and repository."""
    if server.dsn is None or server.repository is None:
        pytest.skip("needs the server's database and ManagedRepository (--db, --managed-repository)")
    return ["--db", server.dsn, "--managed-repository", server.repository]


def left_behind(omero_cli: Omero) -> list:
    """Rows of the user's that a doctor may have made."""
    query, found = omero_cli.client.sf.getQueryService(), []
    user = omero_cli.client.sf.getAdminService().getEventContext().userId
    for hql in (
        "select i.id from Image i where i.details.owner.id = {}",
        "select f.id from Fileset f where f.details.owner.id = {}",
        "select o.id from OriginalFile o where o.details.owner.id = {} and o.path like '%doctor%'",
        "select o.id from OriginalFile o where o.details.owner.id = {} and o.name like 'doctor%'",
    ):
        found += query.projection(hql.format(user), None)
    return found


def test_a_server_with_a_reader_of_zarr_v2_is_good_for_the_main_job(omero_cli: Omero) -> None:
    found = looked(omero_cli)
    assert found["exit"]["code"] == 0
    assert found["reader external-info, Zarr v2"]["state"] == "good"
    assert found["ManagedRepository"]["state"] == "good"
    assert found["database"]["state"] == "note"  # nobody gave one
    assert omero_cli.client.sf.getConfigService().getVersion() in found["server"]["said"]
    assert "ms a call" in found["network"]["said"]


def test_zarr_v3_is_told_by_what_the_server_shows(omero_cli: Omero, server: Server) -> None:
    v3 = looked(omero_cli)["reader external-info, Zarr v3"]
    assert v3["state"] == ("good" if server.reader_v3 else "note")
    assert server.reader_v3 or "docs/deploy.md" in v3["fix"]


def test_with_the_database_the_shadows_reader_is_looked_at_too(omero_cli: Omero, server: Server) -> None:
    found = looked(omero_cli, *with_database(server))
    assert found["exit"]["code"] == 0
    for what in ("database", "repository's directory", "reader zarr-reader"):
        assert found[what]["state"] == "good", found[what]


def test_nothing_is_left(omero_cli: Omero, server: Server) -> None:
    before = left_behind(omero_cli)
    options = with_database(server)
    looked(omero_cli, *options)
    assert left_behind(omero_cli) == before
    assert not list(Path(options[-1]).rglob("*doctor*"))


def test_a_zarr_is_looked_at_as_the_server_sees_it(omero_cli: Omero, acquisition: Path) -> None:
    zarr = acquisition / "v2.zarr"
    found = looked(omero_cli, str(zarr))
    assert found[f"Zarr {zarr}"]["state"] == "good"
    wrong = looked(omero_cli, str(zarr), "--server-path", f"{acquisition}=/not/there")
    assert wrong["exit"]["code"] == 1
    assert wrong[f"Zarr {zarr}"]["state"] == "bad"
    assert "--server-path" in wrong[f"Zarr {zarr}"]["fix"]


def test_another_directory_is_not_the_repository(omero_cli: Omero, server: Server, tmp_path: Path) -> None:
    found = looked(omero_cli, *with_database(server)[:2], "--managed-repository", str(tmp_path))
    assert found["exit"]["code"] == 1
    assert found["repository's directory"]["state"] == "bad"
    assert found["reader external-info, Zarr v2"]["state"] == "good"  # the rest is looked at all the same


def test_a_server_that_reads_no_zarr_is_told_before_anything_is_done(
    omero_cli: Omero, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "repository_root", lambda session: "/not/there")  # as good as no reader
    found = looked(omero_cli)
    assert found["exit"]["code"] == 1
    assert found["reader external-info, Zarr v2"]["state"] == "bad"


def test_people_get_a_line_each(omero_cli: Omero) -> None:
    result = omero_cli("roz", "doctor")
    assert result.code == 0
    lines = result.out.splitlines()
    assert all(line.startswith(("ok ", "note ", "BAD ")) for line in lines)
    assert any("sudo: only what belongs to" in line for line in lines)

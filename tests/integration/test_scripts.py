"""The scripts of omero-roz, installed by an administrator and run by curators as OMERO.web runs them."""

import csv
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any

import omero.clients
import psutil
import psycopg2
import pytest
from omero.gateway import BlitzGateway
from omero.rtypes import rlist, rlong, robject, rstring, wrap

from demo.acquisition import write_layout
from demo.omero_client import Account, import_file, shown
from omero_roz.cli import scripts as cli_scripts
from omero_roz.errors import Refused
from omero_roz.ports.omero.official_scripts import OfficialScripts
from tests.support.accounts import new_account
from tests.support.claims import Claims
from tests.support.policies import PolicyFile, policy_file, policy_there
from tests.support.s3 import S3Server
from tests.support.scripting import job_of, ran, text_of, until
from tests.support.servers import Omero, Server, sandbox_server, server_under_test

NAMES = ("Import_OME_Zarr.py", "Metadata_Completeness.py", "Replace_Filesets.py", "Verify_OME_Zarr.py")
POLICY = """
[[allow]]
alias = "lab"
uri = "{lab}"

[replace]
users = [{users}]
administrators = true
{server}"""


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[PolicyFile]:
    """What the administrator allows on the processor's host."""
    if request.config.getoption("--omero"):
        yield from policy_there(request.config.getoption("--omerodir"))
        return
    with policy_file(tmp_path_factory.mktemp("policy")) as made:
        yield made


@pytest.fixture(scope="module")
def server(policy: PolicyFile, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server whose processor knows the policy."""
    if request.config.getoption("--omero"):
        yield from server_under_test(request.config)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMERODIR", str(policy.omerodir))
        starting = contextmanager(sandbox_server)(False)
        made = starting.__enter__()
    try:
        yield made
    finally:
        starting.__exit__(None, None, None)


@pytest.fixture(scope="module")
def scripts(server: Server) -> Iterator[dict[str, int]]:
    """The ids of the installed scripts."""
    with server.client() as root:
        service = root.sf.getScriptService()
        made = {name: service.uploadOfficialScript(f"/roz/{name}", cli_scripts.text_here(name)) for name in NAMES}
    yield made
    if server.shared:
        with server.client() as root:
            for script in made.values():
                root.sf.getScriptService().deleteScript(script, root.getContext(-1))  # its runs are all groups'


@pytest.fixture(scope="module")
def lab(acquisition: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is allowed; the other layouts are not."""
    folder = tmp_path_factory.mktemp("lab")
    write_layout(folder / "x.zarr", zarr_format=2)
    return folder


@pytest.fixture
def allowed(policy: PolicyFile, lab: Path, curator: Account) -> None:
    """The usual policy."""
    policy.write(POLICY.format(lab=lab, users=f'"{curator.name}"', server=""))


@pytest.fixture
def client(server: Server, curator: Account) -> Iterator[omero.clients.BaseClient]:
    with server.client(curator.name, curator.password) as made:
        yield made


def start(client: omero.clients.BaseClient, script: int, **given: Any) -> Any:
    inputs = {key: wrap(value) for key, value in given.items() if key != "IDs"}
    if "IDs" in given:
        inputs["IDs"] = rlist([rlong(number) for number in given["IDs"]])
    return client.sf.getScriptService().runScript(script, inputs, None)


def run(client: omero.clients.BaseClient, script: int, **given: Any) -> tuple[int, str, dict[str, Any]]:
    """Exit code, message and all results of a script; whatever it writes to stderr is a fault of ours."""
    code, results = ran(start(client, script, **given))
    assert text_of(client, results, "stderr") == ""
    return code, results["Message"].val, results


def report(client: omero.clients.BaseClient, results: dict[str, Any]) -> str:
    """The text of the file that a script left."""
    note = results["File_Annotation"].val
    return text_of(client, {"file": robject(note.file)}, "file")


def dataset(client: omero.clients.BaseClient, name: str = "of a script") -> int:
    made = omero.model.DatasetI()
    made.name = rstring(name)
    return client.sf.getUpdateService().saveAndReturnObject(made).id.val


def counted(client: omero.clients.BaseClient) -> dict[str, int]:
    query = client.sf.getQueryService()
    kinds = ("Image", "Fileset", "Pixels", "ExternalInfo", "Instrument", "DatasetImageLink")
    return {k: query.projection(f"select count(o) from {k} o", None, {"omero.group": "-1"})[0][0].val for k in kinds}


def test_installing_is_idempotent_keeps_ids_and_is_for_administrators(
    server: Server, omero_cli: Omero, capsys: pytest.CaptureFixture
) -> None:
    with server.client() as root:
        as_root, service = Omero(root, capsys), root.sf.getScriptService()
        assert as_root("roz", "scripts", "remove").code == 0
        listed = json.loads(omero_cli("roz", "scripts", "list", "--json").out)
        assert [(one["name"], one["state"]) for one in listed] == [(name, "missing") for name in NAMES]
        refused = omero_cli("roz", "scripts", "install")
        assert refused.code == 1
        assert "only an administrator" in refused.err
        first = json.loads(as_root("roz", "scripts", "install", "--json").out)
        assert {one["state"] for one in first} == {"installed"}
        assert {s.path.val + s.name.val for s in service.getScripts() if s.path.val == "/roz/"} == {
            f"/roz/{name}" for name in NAMES
        }
        again = json.loads(as_root("roz", "scripts", "install", "--json").out)
        assert [one | {"state": "installed"} for one in again] == first
        assert {one["state"] for one in again} == {"current"}
        file = root.sf.getQueryService().get("OriginalFile", first[0]["id"])
        text = service.getScriptText(first[0]["id"])
        service.editScript(file, text.replace('version="0.1.0"', 'version="0.0.9"'))
        [old, *_] = json.loads(omero_cli("roz", "scripts", "list", "--json").out)
        assert (old["id"], old["installed"], old["state"]) == (first[0]["id"], "0.0.9", "other")
        assert "0.0.9" in omero_cli("roz", "scripts", "list").out
        [updated, *others] = json.loads(as_root("roz", "scripts", "install", "--json").out)
        assert (updated["id"], updated["installed"], updated["state"]) == (first[0]["id"], "0.1.0", "updated")
        assert {one["state"] for one in others} == {"current"}
        assert service.getScriptText(first[0]["id"]) == text
        has_run(omero_cli.client, first[0]["id"])
        assert as_root("roz", "scripts", "remove").code == 0
        assert not [s for s in service.getScripts() if s.path.val == "/roz/"]


def has_run(client: omero.clients.BaseClient, script: int) -> None:
    """Have a job of a user's, in another group than an administrator's session, name a script."""
    job = omero.model.ScriptJobI()
    job.linkOriginalFile(omero.model.OriginalFileI(script, False))
    client.sf.createJobHandle().submit(job)


def test_a_script_that_omero_keeps_does_not_hold_up_the_others(
    server: Server, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = OfficialScripts.remove

    def kept(self: OfficialScripts, file: Any) -> None:
        if file.name.val == NAMES[0]:
            raise Refused("OMERO refused (a foreign key)", f"deleting the script {NAMES[0]}")
        remove(self, file)

    with server.client() as root:
        as_root = Omero(root, capsys)
        assert as_root("roz", "scripts", "install").code == 0
        monkeypatch.setattr(OfficialScripts, "remove", kept)
        removed = as_root("roz", "scripts", "remove")
        assert removed.code == 1 and NAMES[0] in removed.err
        monkeypatch.undo()
        listed = json.loads(as_root("roz", "scripts", "list", "--json").out)
        assert [one["name"] for one in listed if one["state"] != "missing"] == [NAMES[0]]
        assert as_root("roz", "scripts", "remove").code == 0


def test_the_forms(client: omero.clients.BaseClient, scripts: dict[str, int]) -> None:
    for name, number in scripts.items():
        params = client.sf.getScriptService().getParams(number)
        assert (params.name, params.version) == (name, "0.1.0")
        assert params.authors and params.institutions and params.contact and params.description
        assert all(one.description and one.grouping for one in params.inputs.values())
        assert {"Data_Type", "IDs"} <= set(params.inputs)
    assert client.sf.getScriptService().getParams(scripts["Replace_Filesets.py"]).inputs["Dry_Run"].prototype.val


def test_import_with_the_command_line(
    omero_cli: Omero, scripts: dict[str, int], lab: Path, allowed: None, client: omero.clients.BaseClient
) -> None:
    number = dataset(client)
    launched = omero_cli(
        "script", "launch", str(scripts["Import_OME_Zarr.py"]), "Data_Type=Dataset", f"IDs={number}", "Zarrs=lab:x.zarr"
    )
    assert "4 images imported as Fileset:" in launched.out, launched
    gateway = BlitzGateway(client_obj=client)
    images = [image.getId() for image in gateway.getObject("Dataset", number).listChildren()]
    assert len(images) == 4
    again = omero_cli(
        "script", "launch", str(scripts["Import_OME_Zarr.py"]), "Data_Type=Dataset", f"IDs={number}", "Zarrs=lab:x.zarr"
    )
    assert "skipped, imported before" in again.out


def test_an_import_shows_its_image_and_the_dry_run_changes_nothing(
    client: omero.clients.BaseClient, scripts: dict[str, int], lab: Path, allowed: None
) -> None:
    number, before = dataset(client), counted(client)
    given = {"Data_Type": "Dataset", "IDs": [number], "Zarrs": ["lab:x.zarr"], "Import_Again": True}
    code, message, results = run(client, scripts["Import_OME_Zarr.py"], Dry_Run=True, **given)
    assert (code, counted(client)) == (0, before)
    assert "dry run, nothing was changed" in message
    code, message, results = run(client, scripts["Import_OME_Zarr.py"], Name="from the web", **given)
    assert code == 0, message
    assert results["Image"].val.name.val.startswith("from the web")


def test_one_that_is_refused_does_not_keep_the_others_and_its_reason_is_shown(
    client: omero.clients.BaseClient, scripts: dict[str, int], lab: Path, allowed: None
) -> None:
    zarrs = ["lab:absent.zarr", "lab:x.zarr"]
    given = {"Data_Type": "Dataset", "IDs": [dataset(client)], "Import_Again": True}
    process = start(client, scripts["Import_OME_Zarr.py"], Zarrs=zarrs, **given)
    job = process.getJob().id.val
    code, results = ran(process)
    message = results["Message"].val
    assert code == 1
    assert f"{lab}/absent.zarr: no such directory" in message
    assert "lab:x.zarr: 4 images imported" in message
    assert until(lambda: job_of(client, job)[0] == "Error")


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("{acquisition}/v2.zarr", "may not be read on this server"),
        ("lab:../v2.zarr", "may not be read on this server"),
        ("other:x.zarr", "there is no alias 'other'"),
        ("http://169.254.169.254/latest/meta-data", "may not be reached from this server"),
        ("http://127.0.0.1:{port}/x.zarr", "may not be reached from this server"),
        ("s3://somebody/x.zarr", "may not be reached from this server"),
        ("https://u:SECRET@example.org/x.zarr", "credentials or a signature"),
    ],
)
def test_what_the_policy_does_not_name_is_refused(
    client: omero.clients.BaseClient, server: Server, scripts: dict[str, int], acquisition: Path, allowed: None,
    named: str, reason: str,
) -> None:  # fmt: skip
    uri, before = named.format(acquisition=acquisition, port=server.port), counted(client)
    code, message, _ = run(client, scripts["Import_OME_Zarr.py"], Data_Type="Dataset", Zarrs=[uri])
    assert (code, counted(client)) == (1, before)
    assert reason in message
    assert "SECRET" not in message


@pytest.mark.parametrize("script", NAMES)
def test_without_a_policy_nothing_is_done(
    client: omero.clients.BaseClient, scripts: dict[str, int], policy: PolicyFile, lab: Path, script: str
) -> None:
    policy.remove()
    wanted: dict[str, Any] = {"Data_Type": "Image", "IDs": [1], "Zarr": f"{lab}/x.zarr"}
    if script == "Import_OME_Zarr.py":
        wanted = {"Data_Type": "Dataset", "Zarrs": [f"{lab}/x.zarr"]}
    code, message, _ = run(client, scripts[script], **wanted)
    assert code == 1
    assert "has allowed nothing: no policy" in message


def test_a_policy_that_the_server_could_write_allows_nothing(
    client: omero.clients.BaseClient, scripts: dict[str, int], policy: PolicyFile, lab: Path, allowed: None
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to make the file unsafe and safe again")
    policy.path.chmod(0o666)
    try:
        code, message, _ = run(client, scripts["Import_OME_Zarr.py"], Data_Type="Dataset", Zarrs=["lab:x.zarr"])
    finally:
        policy.path.chmod(0o644)
    assert code == 1
    assert "the policy is not safe" in message


def test_nobody_imports_into_what_is_anothers(
    server: Server, client: omero.clients.BaseClient, scripts: dict[str, int], allowed: None
) -> None:
    with server.client() as root:
        stranger = new_account(root)
    with server.client(*astuple(stranger)) as other:
        number = dataset(other, "a stranger's")
    before = counted(client)
    given = {"Data_Type": "Dataset", "IDs": [number], "Zarrs": ["lab:x.zarr"]}
    code, message, _ = run(client, scripts["Import_OME_Zarr.py"], **given)
    assert (code, counted(client)) == (1, before)
    assert "may not see it" in message


def test_replace_is_a_dry_run_first_then_real_and_can_be_rolled_back(
    client: omero.clients.BaseClient, omero_cli: Omero, scripts: dict[str, int], acquisition: Path, allowed: None
) -> None:
    fileset, images = import_file(client, acquisition / "acquisition.ome.tif")
    before, planes = counted(client), shown(client, images)
    given = {"Data_Type": "Image", "IDs": images[:1], "Zarr": "lab:x.zarr"}
    code, message, results = run(client, scripts["Replace_Filesets.py"], **given)
    assert (code, counted(client)) == (0, before), message
    assert "dry run, nothing was changed: 1 planned" in message
    code, message, results = run(client, scripts["Replace_Filesets.py"], Dry_Run=False, **given)
    assert code == 0, message
    assert f"Fileset:{fileset} is now Fileset:" in message
    [row] = csv.DictReader(io.StringIO(report(client, results)))
    assert (row["fileset"], row["state"]) == (f"Fileset:{fileset}", "replaced")
    assert shown(client, images) == planes
    run_name = message.partition("--all-from ")[2].split()[0]
    assert omero_cli("roz", "rollback", "--all-from", run_name).code == 0
    gateway = BlitzGateway(client_obj=client)
    assert {gateway.getObject("Image", image).getFileset().getId() for image in images} == {fileset}


def test_many_are_replaced_by_a_table_of_an_administrators(
    server: Server, client: omero.clients.BaseClient, scripts: dict[str, int], acquisition: Path, allowed: None,
    tmp_path: Path,
) -> None:  # fmt: skip
    filesets = [import_file(client, acquisition / "acquisition.ome.tif")[0] for _ in range(2)]
    lines = [f"{filesets[0]},lab:x.zarr", f"{filesets[1]},{acquisition}/v2.zarr"]
    (tmp_path / "table.csv").write_text("\n".join(["fileset,zarr", *lines]))
    with server.client() as root:
        note = omero.model.FileAnnotationI()
        note.file = root.upload(str(tmp_path / "table.csv"), type="text/csv").proxy()
        table = root.sf.getUpdateService().saveAndReturnObject(note).id.val
        given = {"Data_Type": "Image", "File_Annotation": str(table), "Dry_Run": False}
        code, message, results = run(root, scripts["Replace_Filesets.py"], **given)
        assert code == 1
        assert "1 replaced, 1 refused" in message or "1 refused, 1 replaced" in message, message
        assert "may not be read on this server" in message
        rows = {row["fileset"]: row["state"] for row in csv.DictReader(io.StringIO(report(root, results)))}
    assert rows == {f"Fileset:{filesets[0]}": "replaced", f"Fileset:{filesets[1]}": "refused"}


def test_who_is_not_named_may_not_replace(
    server: Server, scripts: dict[str, int], acquisition: Path, allowed: None
) -> None:
    with server.client() as root:
        stranger = new_account(root)
    with server.client(*astuple(stranger)) as other:
        _, images = import_file(other, acquisition / "acquisition.ome.tif")
        given = {"Data_Type": "Image", "IDs": images[:1], "Zarr": "lab:x.zarr", "Dry_Run": False}
        code, message, _ = run(other, scripts["Replace_Filesets.py"], **given)
    assert code == 1
    assert "you may not replace filesets by a script" in message


def test_a_zarr_that_is_another_is_refused_with_the_reason(
    client: omero.clients.BaseClient, scripts: dict[str, int], acquisition: Path, allowed: None, lab: Path
) -> None:
    write_layout(lab / "few.zarr", zarr_format=2)
    (lab / "few.zarr" / "OME" / "METADATA.ome.xml").unlink()
    group = json.loads((lab / "few.zarr" / "OME" / ".zattrs").read_text())
    (lab / "few.zarr" / "OME" / ".zattrs").write_text(json.dumps(group | {"series": ["0", "2"]}))
    _, images = import_file(client, acquisition / "acquisition.ome.tif")
    before = counted(client)
    given = {"Data_Type": "Image", "IDs": images[:1], "Zarr": "lab:few.zarr", "Dry_Run": False}
    code, message, _ = run(client, scripts["Replace_Filesets.py"], **given)
    assert (code, counted(client)) == (1, before)
    assert "1 refused" in message
    assert f"sizes of Image:{images[1]}" in message


def test_the_database_and_the_repository_are_the_policys(
    server: Server, client: omero.clients.BaseClient, curator: Account, scripts: dict[str, int], policy: PolicyFile,
    lab: Path,
) -> None:  # fmt: skip
    own = f'[server]\ndatabase = "{server.dsn}"\nmanaged_repository = "{server.repository}"\n'
    given = {"Data_Type": "Dataset", "Zarrs": ["lab:x.zarr"], "Import_Again": True, "Binding": "zarr-reader"}
    policy.write(POLICY.format(lab=lab, users="", server=own))
    code, message, _ = run(client, scripts["Import_OME_Zarr.py"], **given)
    assert (code, "you may not replace" in message) == (1, True)  # it writes past OMERO's rights
    policy.write(POLICY.format(lab=lab, users=f'"{curator.name}"', server=own))
    code, message, _ = run(client, scripts["Import_OME_Zarr.py"], **given)
    assert code == 0, message
    assert "4 images imported" in message


@pytest.mark.parametrize("form", ["out of the repository", "a stranger's file"])
def test_a_forged_record_gets_nothing_of_the_servers_database(
    server: Server, client: omero.clients.BaseClient, curator: Account, scripts: dict[str, int], policy: PolicyFile,
    lab: Path, acquisition: Path, form: str,
) -> None:  # fmt: skip
    """A curator rewrites their own record, spoils their own Zarr, and has the script bring the source back."""
    if server.dsn is None or server.repository is None:
        pytest.skip("needs the server's database and ManagedRepository (--db, --managed-repository)")
    own = f'[server]\ndatabase = "{server.dsn}"\nmanaged_repository = "{server.repository}"\n'
    policy.write(POLICY.format(lab=lab, users=f'"{curator.name}"', server=own))
    write_layout(zarr := lab / f"{form.split()[0]}.zarr", zarr_format=2)
    with server.client() as root:
        stranger = new_account(root, "rw----")
    with server.client(*astuple(stranger)) as other:
        _, theirs = import_file(other, acquisition / "acquisition.ome.tif")
    _, images = import_file(client, acquisition / "acquisition.ome.tif")
    given = {"Data_Type": "Image", "IDs": images[:1], "Zarr": str(zarr), "Binding": "zarr-reader", "Dry_Run": False}
    code, message, _ = run(client, scripts["Replace_Filesets.py"], **given)
    assert code == 0, message
    claims = Claims(client)
    [[new]] = claims.rows(f"select i.fileset.id from Image i where i.id = {images[0]}")
    [[annotation, text]] = claims.read(new)
    [path, name, repo] = opened(server, theirs)[0]
    file = {"path": path, "name": name, "repo": repo} if "stranger" in form else {
        "path": "../../../../etc", "name": "passwd", "repo": repo
    }  # fmt: skip
    said = json.loads(text)
    said |= {"state": "unproven", "images": [one | {"pixels_before": file} for one in said["images"]]}
    claims.rewrite(annotation, said)
    for chunk in (zarr / "0" / "0").rglob("*"):
        if chunk.is_file() and not chunk.name.startswith("."):
            chunk.write_bytes(b"")
    before = opened(server, images)
    code, message, _ = run(client, scripts["Replace_Filesets.py"], **given)
    assert code == 1
    assert opened(server, images) == before


def opened(server: Server, images: list[int]) -> list[tuple[Any, ...]]:
    """The file that the server opens for each image."""
    with psycopg2.connect(server.dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT path, name, repo FROM pixels WHERE image = ANY(%s) ORDER BY image", (images,))
        return cursor.fetchall()


def test_verify_leaves_a_certificate(
    client: omero.clients.BaseClient, scripts: dict[str, int], lab: Path, allowed: None
) -> None:
    number = dataset(client)
    given = {"Data_Type": "Dataset", "IDs": [number]}
    more = {"Zarrs": ["lab:x.zarr"], "Import_Again": True}
    assert run(client, scripts["Import_OME_Zarr.py"], **given, **more)[0] == 0
    code, message, results = run(client, scripts["Verify_OME_Zarr.py"], **given)
    assert code == 0, message
    assert message.startswith("4 images: 4 right, 0 wrong")
    assert json.loads(report(client, results))["ok"] is True
    notes = list(BlitzGateway(client_obj=client).getObject("Dataset", number).listAnnotations())
    assert [note.getFileName() for note in notes] == ["certificate.json"]


def test_verify_does_not_read_what_somebody_bound_his_image_to(
    client: omero.clients.BaseClient, scripts: dict[str, int], acquisition: Path, allowed: None
) -> None:
    _, images = import_file(client, acquisition / "acquisition.ome.tif")
    messages = []
    for place in (f"{acquisition}/v2.zarr/0", f"{acquisition}/absent.zarr/0"):
        info = omero.model.ExternalInfoI()
        info.entityType, info.entityId = rstring("com.glencoesoftware.ngff:multiscales"), rlong(3)
        info.lsid = rstring(place)
        image = client.sf.getQueryService().get("Image", images[len(messages)])
        image.details.externalInfo = info
        client.sf.getUpdateService().saveObject(image)
        given = {"Data_Type": "Image", "IDs": [image.id.val]}
        code, message, _ = run(client, scripts["Verify_OME_Zarr.py"], **given)
        assert code == 1
        messages.append(message.replace(str(image.id.val), "N").replace("absent", "v2"))
    assert "access denied" in messages[0]
    assert messages[0] == messages[1]  # whether it is there cannot be told


def test_completeness_leaves_a_page(
    client: omero.clients.BaseClient, scripts: dict[str, int], lab: Path, allowed: None
) -> None:
    given = {"Data_Type": "Dataset", "IDs": [dataset(client)], "Zarrs": ["lab:x.zarr"], "Import_Again": True}
    imported = run(client, scripts["Import_OME_Zarr.py"], **given)[2]["Image"].val.id.val
    code, message, results = run(client, scripts["Metadata_Completeness.py"], Data_Type="Image", IDs=[imported])
    assert code == 0, message
    assert f"Image:{imported}: nothing is lost" in message
    assert report(client, results).startswith("<!DOCTYPE html>")
    stolen = {"Data_Type": "Image", "IDs": [imported], "Zarr": "/etc/passwd"}
    code, message, _ = run(client, scripts["Metadata_Completeness.py"], **stolen)
    assert (code, "may not be read on this server" in message) == (1, True)


LONG: dict[str, Any] = {"Data_Type": "Dataset", "Import_Again": True, "Zarrs": ["lab:x.zarr"] * 20}


def importing(client: omero.clients.BaseClient, script: int) -> tuple[Any, int]:
    """A long import that has begun to save images: its process and job."""
    process = start(client, script, **LONG)
    job = process.getJob().id.val
    until(lambda: job_of(client, job)[1].startswith(("saving", "comparing", "making")))
    return process, job


def test_a_cancelled_import_leaves_nothing_half_done(
    client: omero.clients.BaseClient, scripts: dict[str, int], allowed: None
) -> None:
    before = counted(client)
    process, job = importing(client, scripts["Import_OME_Zarr.py"])
    process.cancel()
    code, results = ran(process)
    message = results["Message"].val
    assert (code, message.partition(";")[0]) == (1, "cancelled")
    assert until(lambda: job_of(client, job)[0] == "Cancelled")
    done = message.count("4 images imported")
    assert done < 20
    now = counted(client)
    assert (now["Image"], now["Fileset"]) == (before["Image"] + 4 * done, before["Fileset"] + done)


def test_a_killed_import_is_gone_on_with(
    server: Server, client: omero.clients.BaseClient, scripts: dict[str, int], allowed: None
) -> None:
    importing(client, scripts["Import_OME_Zarr.py"])
    assert server.repository is not None
    folder = Path(server.repository).parent
    ours = [p for p in psutil.process_iter(["cmdline", "cwd"]) if (p.info["cmdline"] or [])[1:] == ["./script"]]
    for process in ours:
        if Path(process.info["cwd"]).is_relative_to(folder):
            process.kill()
    code, message, _ = run(client, scripts["Import_OME_Zarr.py"], **LONG | {"Zarrs": ["lab:x.zarr"]})
    assert code == 0, message
    hql = "select count(i), f.id from Image i join i.fileset f group by f.id"
    rows = client.sf.getQueryService().projection(hql, None, {"omero.group": "-1"})
    assert {row[0].val for row in rows} == {4}


def test_it_goes_on_when_the_browser_is_closed(
    server: Server, curator: Account, client: omero.clients.BaseClient, scripts: dict[str, int], allowed: None
) -> None:
    before = counted(client)["Image"]
    given = LONG | {"Zarrs": ["lab:x.zarr"] * 3}
    with server.client(curator.name, curator.password) as browser:
        job = start(browser, scripts["Import_OME_Zarr.py"], **given).getJob().id.val
        until(lambda: job_of(client, job)[1].startswith(("saving", "comparing")))
    hql = "select max(j.id) from ScriptJob j where j.description like 'omero-roz%'"
    inner = client.sf.getQueryService().projection(hql, None)[0][0].val
    assert inner > job
    assert until(lambda: job_of(client, inner)[0] == "Finished")
    assert "4 images imported" in job_of(client, inner)[1]
    assert counted(client)["Image"] == before + 12


def test_a_bucket_is_reached_as_the_policy_says(
    client: omero.clients.BaseClient, curator: Account, scripts: dict[str, int], policy: PolicyFile, lab: Path,
    s3_server: S3Server,
) -> None:  # fmt: skip
    s3_server.make_bucket("scripts", public=True)
    s3_server.upload(lab / "x.zarr", "scripts/open/x.zarr")
    s3_server.upload(lab / "x.zarr", "scripts/closed/x.zarr")
    bucket = '[[allow]]\nalias = "s3"\nuri = "s3://scripts/open"\nanonymous = true\n'
    bucket += f'endpoint = "{s3_server.endpoint}"\n'
    usual = POLICY.format(lab=lab, users="", server="")
    policy.write(f'private = ["127.0.0.1/32"]\n{bucket}{usual}')
    given = {"Data_Type": "Dataset", "Zarrs": ["lab:x.zarr"], "Import_Again": True}
    image = run(client, scripts["Import_OME_Zarr.py"], **given)[2]["Image"].val.id.val
    compared = {"Data_Type": "Image", "IDs": [image]}
    code, message, _ = run(client, scripts["Metadata_Completeness.py"], Zarr="s3:x.zarr", **compared)
    assert (code, "nothing is lost" in message) == (0, True), message
    code, message, _ = run(client, scripts["Metadata_Completeness.py"], Zarr="s3://scripts/closed/x.zarr", **compared)
    assert (code, "may not be reached from this server" in message) == (1, True)
    policy.write(bucket + usual)
    code, message, _ = run(client, scripts["Metadata_Completeness.py"], Zarr="s3:x.zarr", **compared)
    assert (code, "127.0.0.1 is in a private network" in message) == (1, True), message

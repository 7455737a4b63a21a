"""OMERO.scripts by unmodified clients: uploaded, described, run, by whom and with what."""

import hashlib
import json
import os
from dataclasses import astuple
from pathlib import Path
from uuid import uuid4

import pytest
from omero.gateway import BlitzGateway
from omero.model import DatasetI, ExperimenterI, OriginalFileI
from omero.processor import usermode_processor
from omero.rtypes import rbool, rdouble, rfloat, rint, rlist, rlong, rmap, robject, rset, rstring, unwrap

import omero
from tests.support.accounts import new_account
from tests.support.scripting import HEAD, job_of, official, ran, run, text_of
from tests.support.servers import Omero

EVERY_TYPE = HEAD + """
import json
client = scripts.client(
    "Every_Type.py", "Says what it was given.",
    scripts.String("Data_Type", optional=False, grouping="1", values=["Image", "Dataset"], default="Dataset",
                   description="What the ids are."),
    scripts.List("IDs", optional=False, grouping="2").ofType(omero.rtypes.rlong(0)),
    scripts.Bool("Dry_Run", grouping="3", default=True),
    scripts.Long("Long", grouping="3.1", min=1, max=9),
    scripts.Int("Int"), scripts.Float("Float"), scripts.Double("Double", min=0.5),
    scripts.Set("Set"), scripts.Map("Map"), scripts.Object("Object"),
    scripts.String("Out").out(),
    version="1.2", authors=["A. Uthor"], institutions=["Inst"], contact="a@b.c", namespaces=["roz/test"],
)
given = {key: unwrap(client.getInput(key)) for key in client.getInputKeys()}
client.setOutput("Out", rstring(json.dumps(given, default=str)))
client.closeSession()
"""
WHO = HEAD + """
from omero.gateway import BlitzGateway
client = scripts.client("Who.py", "Says who runs it, and leaves a file.")
context = client.sf.getAdminService().getEventContext()
print(context.sessionUuid, context.userName, context.groupName, context.eventType)
print("a warning", file=sys.stderr)
dataset = omero.model.DatasetI()
dataset.name = rstring("made by a script")
dataset = client.sf.getUpdateService().saveAndReturnObject(dataset)
open("report.csv", "w").write("well,images\\nA1,4\\n")
conn = BlitzGateway(client_obj=client)
note = conn.createFileAnnfromLocalFile("report.csv", mimetype="text/csv", ns="roz/report")
conn.getObject("Dataset", dataset.id.val).linkAnnotation(note)
client.setOutput("Message", rstring("made a dataset"))
client.setOutput("Dataset", robject(dataset))
client.setOutput("Report", robject(note._obj))
client.closeSession()
"""
FAILS = HEAD + """
client = scripts.client("Fails.py", "Fails.")
raise RuntimeError("no such plate")
"""


@pytest.fixture(scope="module")
def root(server):
    with server.client() as client:
        yield client


@pytest.fixture
def client(server, curator):
    with server.client(curator.name, curator.password) as client:
        yield client


@pytest.fixture
def root_cli(root, capsys):
    return Omero(root, capsys)


@pytest.fixture
def sandbox_folder(server, request):
    if request.config.getoption("--omero"):
        pytest.skip("only the sandbox's files and settings are the test's to change")
    return Path(server.repository).parent


def test_command_line(root_cli, omero_cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path(f"roz-test-{uuid4().hex[:8]}")
    folder.mkdir()
    (folder / "Types.py").write_text(EVERY_TYPE)
    path = f"/{folder}/Types.py"
    uploaded = root_cli("script", "upload", "--official", f"{folder}/Types.py")
    script = uploaded.out.strip().removeprefix("OriginalFile:")
    assert root_cli("script", "upload", "--official", f"{folder}/Types.py").code == 502  # use replace

    assert any(line.split("|")[0].strip() == script and path in line
               for line in omero_cli("script", "list").out.splitlines())
    params = omero_cli("script", "params", path).out
    for line in ("name:  Every_Type.py", "version:  1.2", "authors:  A. Uthor", "namespaces:  roz/test",
                 "  Long - (no description)", "    Min: 1", "    Values: Image, Dataset"):
        assert line in params
    assert omero_cli("script", "cat", script).out.strip() == EVERY_TYPE.strip()
    launched = omero_cli("script", "launch", script, "Data_Type=Image", "IDs=1,2", "Long=4").out
    assert '"IDs": [1, 2]' in launched
    assert "Callback received: FINISHED" in launched

    (folder / "Types.py").write_text(EVERY_TYPE.replace("Says what", "Repeats what"))
    assert omero_cli("script", "replace", script, f"{folder}/Types.py").code == 200  # not the curator's
    assert root_cli("script", "replace", script, f"{folder}/Types.py").code == 0
    assert "Repeats what" in omero_cli("script", "params", script).out
    assert "No permission to delete script" in omero_cli("script", "delete", script).err
    assert root_cli("script", "disable", script).code == 0
    assert path not in omero_cli("script", "list").out
    assert root_cli("script", "enable", script).code == 0
    assert path in omero_cli("script", "list").out
    assert root_cli("script", "delete", script).code == 0
    assert path not in omero_cli("script", "list").out


def test_only_administrators_upload_official_scripts(omero_cli, tmp_path):
    (tmp_path / "Types.py").write_text(EVERY_TYPE)
    assert omero_cli("script", "upload", "--official", str(tmp_path / "Types.py")).code == 503


def test_a_script_as_its_texts_and_objects(root, client):
    with official(root, EVERY_TYPE) as script:
        service = client.sf.getScriptService()
        assert service.getScriptText(script) == EVERY_TYPE
        ((text, file),) = service.getScriptWithDetails(script).items()
        path = f"{file.val.path.val}{file.val.name.val}"
        assert (text, service.getScriptID(path)) == (EVERY_TYPE, script)
        assert script in [s.id.val for s in service.getScriptsByMimetype("text/x-python")]
        assert service.getScriptsByMimetype("text/x-matlab") == []
        assert service.canRunScript(script)
        assert (file.val.details.owner.id.val, file.val.details.group.id.val) == (0, 1)
        assert file.val.hash.val == hashlib.sha1(text.encode()).hexdigest()
    assert service.getScriptID(path) == -1
    assert service.getParams(script) is None
    assert service.getScriptText(script) == ""


def test_another_users_private_script_is_hidden(server, root, client):
    with server.client(*astuple(new_account(root, "rw----"))) as other:
        script = other.sf.getScriptService().uploadScript("/mine/Secret.py", EVERY_TYPE)
        assert other.sf.getScriptService().getScriptText(script) == EVERY_TYPE
        service = client.sf.getScriptService()
        assert service.getScriptText(script) == ""
        assert service.getUserScripts([]) == []
        with pytest.raises(omero.ServerError):
            service.runScript(script, {}, None)
        with pytest.raises(omero.ServerError):
            service.deleteScript(script)
        with pytest.raises(omero.ServerError):
            service.editScript(OriginalFileI(script, False), "")
        number = other.sf.createJobHandle().submit(omero.model.ScriptJobI())
        with pytest.raises(omero.ServerError):
            job_of(client, number)


def test_parameters_come_as_the_script_described_them(root, client):
    with official(root, EVERY_TYPE) as script:
        params = BlitzGateway(client_obj=client).getScriptService().getParams(script)
    kind = params.inputs["Data_Type"]
    assert (params.name, params.description, params.contact) == ("Every_Type.py", "Says what it was given.", "a@b.c")
    assert (kind.optional, kind.grouping, kind.description) == (False, "1", "What the ids are.")
    assert (unwrap(kind.values), kind.useDefault, kind.prototype.val) == (["Image", "Dataset"], True, "Dataset")
    assert (params.inputs["Long"].min.val, params.inputs["Long"].max.val) == (1, 9)
    assert type(params.inputs["IDs"].prototype.val[0]) is type(rlong(0))
    assert list(params.outputs) == ["Out"]


def test_every_type_of_parameter_arrives(root, client):
    given = {
        "Data_Type": rstring("Image"), "IDs": rlist([rlong(5), rlong(6)]), "Long": rlong(9), "Int": rint(2),
        "Float": rfloat(0.5), "Double": rdouble(1.5), "Set": rset([rstring("a")]), "Map": rmap({"k": rstring("v")}),
        "Object": robject(DatasetI(7, False)),
    }  # fmt: skip
    with official(root, EVERY_TYPE) as script:
        code, results = ran(run(client, script, **given))
    said = json.loads(results["Out"].val)
    assert code == 0
    assert said.pop("Object")
    assert said == {
        "Data_Type": "Image", "IDs": [5, 6], "Long": 9, "Int": 2, "Float": 0.5, "Double": 1.5, "Set": ["a"],
        "Map": {"k": "v"}, "Dry_Run": True,
    }  # fmt: skip


def test_inputs_that_the_parameters_do_not_allow_are_refused_together(root, client):
    with official(root, EVERY_TYPE) as script:
        with pytest.raises(omero.ValidationException) as refused:
            run(client, script, Data_Type=rstring("Plate"), Long=rlong(10), Dry_Run=rstring("no"))
        for part in ("Plate not in", "10 is above max 9", 'MISSING INPUT for "IDs"', 'WRONG TYPE for "Dry_Run"'):
            assert part in refused.value.message
        rows = client.sf.getQueryService().projection(
            "select j.status.value, j.message from ScriptJob j join j.originalFileLinks l where l.child.id = "
            f"{script}", None)
    assert [unwrap(row)[0] for row in rows] == ["Error"]
    assert "Invalid parameters" in unwrap(rows[0])[1]


def test_script_runs_as_the_user_in_a_session_of_its_own(root, client):
    context = client.sf.getAdminService().getEventContext()
    with official(root, WHO) as script:
        process = run(client, script)
        code, results = ran(process)
    assert code == 0, text_of(client, results, "stderr")
    uuid, *who = text_of(client, results, "stdout").split()
    assert uuid != context.sessionUuid
    assert who == [context.userName, context.groupName, "Processing"]
    assert text_of(client, results, "stderr").strip() == "a warning"
    assert results["Message"].val == "made a dataset"
    dataset = client.sf.getQueryService().get("Dataset", results["Dataset"].val.id.val)
    assert dataset.details.owner.id.val == context.userId
    report = results["Report"].val
    assert report.file.mimetype.val == "text/csv"  # OMERO.web reads it without asking
    assert text_of(client, {"report": robject(report.file)}, "report") == "well,images\nA1,4\n"
    assert job_of(client, process.getJob().id.val)[0] == "Finished"
    with pytest.raises(omero.ApiUsageException):  # they can be had once
        process.getResults(0)


def test_failing_script_leaves_its_traceback(root, client):
    with official(root, FAILS) as script:
        process = run(client, script)
        code, results = ran(process)
    assert code != 0
    assert "RuntimeError: no such plate" in text_of(client, results, "stderr")
    assert job_of(client, process.getJob().id.val)[0] == "Error"


def test_script_that_does_not_say_its_parameters_is_refused(root):
    service = root.sf.getScriptService()
    path = f"/roz-test-{uuid4().hex[:8]}/Broken.py"
    with pytest.raises(omero.ValidationException) as refused:
        service.uploadOfficialScript(path, "import no_such_module\n")
    assert "No module named 'no_such_module'" in refused.value.message
    assert service.getScriptID(path) == -1
    with pytest.raises(omero.ValidationException):
        service.uploadOfficialScript(path, "import nothing_either\n")  # what is no script may be overwritten


def test_users_script_needs_the_users_processor(server, client, omero_cli, tmp_path):
    (tmp_path / "Mine.py").write_text(EVERY_TYPE)
    uploaded = omero_cli("script", "upload", str(tmp_path / "Mine.py"))
    script = int(uploaded.out.strip().removeprefix("OriginalFile:"))
    assert "Mine.py" in omero_cli("script", "list", "user").out
    assert "Mine.py" not in omero_cli("script", "list").out
    service = client.sf.getScriptService()
    assert not service.canRunScript(script)
    inputs = {"Data_Type": rstring("Image"), "IDs": rlist([rlong(1)]), "Dry_Run": rbool(False)}
    with pytest.raises(omero.NoProcessorAvailable) as refused:
        service.runScript(script, inputs, None)
    assert refused.value.message.startswith("No processor available")

    me = client.sf.getAdminService().getEventContext().userId
    processor = usermode_processor(client, accepts_list=[ExperimenterI(me, False)], cfg=_config(server, tmp_path))
    processor.ctx.session = client.sf
    try:
        code, results = ran(service.runScript(script, inputs, None))
        assert (code, json.loads(results["Out"].val)["Dry_Run"]) == (0, False)
    finally:
        client.sf.sharedResources().removeProcessor(omero.grid.ProcessorPrx.uncheckedCast(processor.prx))
        processor.resources.cleanup()
    service.deleteScript(script)


def _config(server, folder):
    path = folder / "ice.config"
    path.write_text(f"omero.host={server.host}\nomero.port={server.port}\n")
    return os.fspath(path)


def test_gateway_in_all_groups_as_omero_web_calls_it(server, curator, root):
    with official(root, WHO) as script, server.client(curator.name, curator.password) as client:
        conn = BlitzGateway(client_obj=client)
        conn.SERVICE_OPTS.setOmeroGroup("-1")
        service = conn.getScriptService()
        assert script in [s.id.val for s in service.getScripts()]
        assert service.getParams(script).name == "Who.py"
        conn.SERVICE_OPTS.setOmeroGroup(conn.getEventContext().groupId)  # a script runs in one
        _, results = ran(service.runScript(script, {}, None, conn.SERVICE_OPTS))
        dataset = conn.getObject("Dataset", results["Dataset"].val.id.val)
        (report,) = dataset.listAnnotations(ns="roz/report")
        assert b"".join(report.getFileInChunks()) == b"well,images\nA1,4\n"


def test_scripts_put_on_the_disk_are_found(client, sandbox_folder):
    folder = sandbox_folder / "lib" / "scripts" / f"roz-test-{uuid4().hex[:8]}"
    folder.mkdir()
    (folder / "By_Hand.py").write_text(EVERY_TYPE)
    service = client.sf.getScriptService()

    def listed():
        return {f"{s.path.val}{s.name.val}": s.id.val for s in service.getScripts()}

    path = f"/{folder.name}/By_Hand.py"
    first = listed()[path]
    assert service.getParams(first).version == "1.2"
    (folder / "By_Hand.py").write_text(EVERY_TYPE.replace("1.2", "1.3"))
    assert service.getParams(listed()[path]).version == "1.3"
    assert listed()[path] != first  # as a real server does it: a changed file is another script
    (folder / "By_Hand.py").unlink()
    assert path not in listed()

"""Scripts that run: followed, cancelled, killed, left alone, many at once."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from omero.callbacks import ProcessCallbackI
from omero.grid import ScriptProcessPrx
from omero.model import OriginalFileI, ScriptJobI
from omero.rtypes import rmap, rstring

import omero
from omero_sandbox import sandbox
from omero_sandbox.database import postgres
from tests.support.scripting import (
    RELAYS,
    STUBBORN,
    WAITS,
    alive,
    job_of,
    numbers,
    official,
    ran,
    run,
    running,
    said,
    until,
)
from tests.support.servers import Server


@pytest.fixture(scope="module")
def server(server_apart: Server) -> Server:
    """One of its own, whose settings and processes are changed here."""
    return server_apart


@pytest.fixture(scope="module")
def root(server):
    with server.client() as client:
        yield client


@pytest.fixture
def client(server, curator):
    with server.client(curator.name, curator.password) as client:
        yield client


@pytest.fixture(scope="module")
def waits(root):
    with official(root, WAITS) as script:
        yield script


@pytest.fixture
def sandbox_folder(server, request):
    if request.config.getoption("--omero"):
        pytest.skip("only the sandbox's files and settings are the test's to change")
    return Path(server.repository).parent


def test_progress_is_seen_while_it_runs(root, client, waits, tmp_path):
    process = run(client, waits, File=rstring(str(tmp_path / "go")))
    status, _ = running(client, process)
    assert status == "Running"
    assert process.poll() is None
    with pytest.raises(omero.ApiUsageException):
        process.getResults(0)
    assert process.setMessage("said by the client").startswith("process")
    assert job_of(root, process.getJob().id.val)[1] == "said by the client"
    (tmp_path / "go").touch()
    assert process.wait() == 0
    assert process.getResults(5)["Message"].val == "seen"
    process.close(False)


def test_cancelled_script_can_tidy_up(client, waits):
    process = run(client, waits)
    _, message = running(client, process)
    callback = ProcessCallbackI(client, process, poll=False)
    process.cancel()
    assert callback.block(10_000) == "CANCELLED"
    callback.close()
    code, results = ran(process)
    assert code == 0
    assert results["Message"].val == "cancelled half-way"
    assert job_of(client, process.getJob().id.val) == ("Cancelled", "tidied up")
    assert not psutil.pid_exists(numbers(message)[0])


def test_killed_script_takes_its_children_along(root, client):
    with official(root, STUBBORN) as script:
        process = run(client, script)
        _, message = running(client, process)
        process.cancel()
        assert process.poll() is None
        process.kill()
        code, _ = ran(process)
    assert code == -signal.SIGKILL
    until(lambda: not any(alive(number) for number in numbers(message)))
    assert job_of(client, process.getJob().id.val)[0] == "Cancelled"


def test_callback_tells_of_the_end(client, waits, tmp_path):
    process = run(client, waits, File=rstring(str(tmp_path / "go")))
    callback = ProcessCallbackI(client, process, poll=False)
    (tmp_path / "go").touch()
    assert until(lambda: callback.block(100)) == "FINISHED"
    callback.close()


@contextmanager
def joined(server, uuid):
    """As OMERO.web has a client for each request: another one of the same session."""
    other = omero.client(server.host, server.port)
    other.joinSession(uuid).detachOnDestroy()
    try:
        yield other
    finally:
        other.closeSession()


def test_script_goes_on_when_the_client_leaves_its_session(server, client, waits, tmp_path):
    uuid = client.getSessionId()
    with joined(server, uuid) as first:
        name = str(run(first, waits, File=rstring(str(tmp_path / "go"))))
    assert name.startswith("ProcessCallback/")  # OMERO.web asks for it
    (tmp_path / "go").touch()
    with joined(server, uuid) as second:
        process = ScriptProcessPrx.checkedCast(second.ic.stringToProxy(name))
        code, results = ran(process)
    assert (code, results["Message"].val) == (0, "seen")


def test_detached_script_outlives_the_session(server, curator, client, waits, tmp_path):
    with server.client(curator.name, curator.password) as other:
        process = run(other, waits, File=rstring(str(tmp_path / "go")))
        running(other, process)
        number = process.getJob().id.val
        process.close(True)
    assert job_of(client, number)[0] == "Running"
    (tmp_path / "go").touch()
    until(lambda: job_of(client, number)[0] == "Finished", 90)  # a real processor looks once a minute


def test_script_that_was_not_detached_ends_with_the_session(server, curator, waits):
    with server.client(curator.name, curator.password) as other:
        _, message = running(other, run(other, waits))
    until(lambda: not alive(numbers(message)[0]))


def test_script_can_hand_over_to_one_that_outlives_the_session(server, curator, root, client, tmp_path):
    go = tmp_path / "go"
    with official(root, RELAYS) as script:
        with server.client(curator.name, curator.password) as other:
            outer = run(other, script, File=rstring(str(go)))
            number = numbers(until(lambda: said(other, outer.getJob().id.val, "job")))[0]
            until(lambda: said(other, number, "process"))
        time.sleep(3)
        assert job_of(client, number)[0] == "Running"
        go.touch()
        until(lambda: job_of(client, number)[0] == "Finished", 90)

        go.unlink()
        outer = run(client, script, File=rstring(str(go)))
        number = numbers(until(lambda: said(client, outer.getJob().id.val, "job")))[0]
        until(lambda: said(client, number, "process"))
        outer.cancel()
        ran(outer)
        until(lambda: job_of(client, number)[0] == "Cancelled", 90)


def test_processor_acquired_by_hand(client, waits, tmp_path):
    job = ScriptJobI()
    job.linkOriginalFile(OriginalFileI(waits, False))
    acquired = client.sf.sharedResources().acquireProcessor(job, 10)
    assert "File" in acquired.params().inputs
    (tmp_path / "go").touch()
    process = acquired.execute(rmap({"File": rstring(str(tmp_path / "go"))}))
    with pytest.raises(omero.ApiUsageException):
        acquired.execute(None)
    assert process.wait() == 0
    assert acquired.getResults(process).val["Message"].val == "seen"
    acquired.stop()


def test_many_scripts_at_once(client, waits, tmp_path):
    go = tmp_path / "go"
    processes = [run(client, waits, File=rstring(str(go))) for _ in range(8)]
    for process in processes:
        running(client, process)
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(process.wait) for process in processes]
        go.touch()
        assert [future.result() for future in waiting] == [0] * 8
    assert {process.getResults(0)["Message"].val for process in processes} == {"seen"}


def test_processor_that_died_is_replaced(client, waits, tmp_path, sandbox_folder):
    (tmp_path / "go").touch()
    ran(run(client, waits, File=rstring(str(tmp_path / "go"))))
    own = [p for p in psutil.process_iter(["cmdline"]) if str(sandbox_folder) in (p.info["cmdline"] or [])
           and "omero_sandbox.scripts.processor" in p.info["cmdline"]]
    for process in own:
        process.kill()
    assert own
    assert ran(run(client, waits, File=rstring(str(tmp_path / "go"))))[0] == 0


def test_script_is_ended_when_its_time_is_over(root, client, waits, sandbox_folder):
    config = root.sf.getConfigService()
    config.setConfigValue("omero.scripts.timeout", "8000")  # it must have begun
    try:
        process = run(client, waits)
        _, message = running(client, process)
    finally:
        config.setConfigValue("omero.scripts.timeout", "")
    until(lambda: not alive(numbers(message)[0]))


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_server_that_ends_leaves_no_script_behind(how, tmp_path):
    access = sandbox.start(tmp_path / "data", postgres.free_port())
    try:
        client = omero.client(access.host, access.ssl_port)
        client.createSession("root", access.root_password)
        service = client.sf.getScriptService()
        script = service.uploadOfficialScript("/roz/Stubborn.py", STUBBORN)
        _, message = running(client, service.runScript(script, {}, None))
        if how == "killed":
            os.kill(int((tmp_path / "data" / "server.pid").read_text()), signal.SIGKILL)
        else:
            sandbox.stop(tmp_path / "data")
        until(lambda: not any(alive(number) for number in numbers(message)), 15)
    finally:
        sandbox.stop(tmp_path / "data")

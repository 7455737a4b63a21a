"""OMERO.scripts for tests: uploaded as an administrator, run as anybody."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import omero.clients
import psutil
from omero.rtypes import unwrap

import omero

SECONDS = 60.0

HEAD = """
import os, signal, subprocess, sys, time
import omero
from omero import scripts
from omero.rtypes import rstring, robject, unwrap, wrap
"""
WAITS = (
    HEAD
    + """
client = scripts.client("Waits.py", "Says that it runs, then waits to be ended.", scripts.String("File"))
job = client.sf.createJobHandle()
job.attach(int(client.getProperty("omero.job")))

def ended(*_):
    job.setMessage("tidied up")
    client.setOutput("Message", rstring("cancelled half-way"))
    sys.exit(0)

signal.signal(signal.SIGTERM, ended)
job.setMessage(f"process {os.getpid()}")
while not os.path.exists(client.getInput("File").val if client.getInput("File") else ""):
    time.sleep(0.05)
client.setOutput("Message", rstring("seen"))
"""
)
STUBBORN = (
    HEAD
    + """
client = scripts.client("Stubborn.py", "Takes no hint.")
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "300"])
job = client.sf.createJobHandle()
job.attach(int(client.getProperty("omero.job")))
job.setMessage(f"processes {os.getpid()} {child.pid}")
time.sleep(300)
"""
)

# Starts itself again, detached, and waits for that one. Cancelled, it has its session still, and cancels that one too.
RELAYS = (
    HEAD
    + """
client = scripts.client("Relays.py", "Goes on without who started it.", scripts.String("File"),
                        scripts.Bool("Inner", default=False))
job = client.sf.createJobHandle()
job.attach(int(client.getProperty("omero.job")))
given = {name: client.getInput(name) for name in client.getInputKeys()}

def cancelled(*_):
    time.sleep(1)
    client.sf.getAdminService().getEventContext()
    inner.cancel()

if given["Inner"].val:
    job.setMessage(f"process {os.getpid()}")
    while not os.path.exists(given["File"].val):
        time.sleep(0.05)
    client.setOutput("Message", rstring("done inside"))
else:
    script = client.sf.getQueryService().projection(
        "select l.child.id from JobOriginalFileLink l where l.parent.id = " + client.getProperty("omero.job"), None)
    wanted = omero.model.ScriptJobI()
    wanted.linkOriginalFile(omero.model.OriginalFileI(script[0][0].val, False))
    processor = client.sf.sharedResources().acquireProcessor(wanted, 10)
    processor.setDetach(True)
    inner = processor.execute(omero.rtypes.rmap({**given, "Inner": omero.rtypes.rbool(True)}))
    number = processor.getJob().id.val
    signal.signal(signal.SIGTERM, cancelled)
    job.setMessage(f"job {number}")
    while inner.poll() is None:
        time.sleep(0.2)
    for name, value in processor.getResults(inner).val.items():
        client.setOutput(name, value)
    client.closeSession()
"""
)


@contextmanager
def official(root: omero.clients.BaseClient, text: str) -> Iterator[int]:
    """The id of a script that the server runs for everybody, until the block ends."""
    service = root.sf.getScriptService()
    script = service.uploadOfficialScript(f"/roz-test-{uuid4().hex[:8]}/Script.py", text)
    try:
        yield script
    finally:
        service.deleteScript(script, root.getContext(-1))


def ran(process: Any) -> tuple[int, dict[str, Any]]:
    """Exit code and results of a script, once it has ended."""
    code = until(process.poll)
    results = process.getResults(0)
    return unwrap(code), results


def until(look: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """What `look` gives as soon as it gives something.

    Raises TimeoutError.
    """
    deadline = time.monotonic() + seconds
    while (found := look()) in (None, False, ""):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing came in {seconds:.0f} s")
        time.sleep(0.05)
    return found


def job_of(client: omero.clients.BaseClient, number: int) -> tuple[str, str]:
    """Status and message of a job, as anybody sees them who may read it."""
    handle = client.sf.createJobHandle()
    try:
        return handle.attach(number).value.val, handle.jobMessage()
    finally:
        handle.close()


def text_of(client: omero.clients.BaseClient, results: dict[str, Any], name: str) -> str:
    """A script's stdout or stderr, "" when there is none."""
    if name not in results:
        return ""
    store = client.sf.createRawFileStore()
    try:
        store.setFileId(results[name].val.id.val)
        return store.read(0, store.size()).decode()
    finally:
        store.close()


def run(client: omero.clients.BaseClient, script: int, **inputs: Any) -> Any:
    """Start a script."""
    return client.sf.getScriptService().runScript(script, inputs, None)


def running(client: omero.clients.BaseClient, process: Any) -> tuple[str, str]:
    """Status and message of a script's job, once it has said that it runs."""
    number = process.getJob().id.val
    until(lambda: said(client, number, "process"))
    return job_of(client, number)


def said(client: omero.clients.BaseClient, job: int, word: str) -> str:
    """A job's message once it begins with a word, before that ""."""
    message = job_of(client, job)[1]
    return message if message.startswith(word) else ""


def numbers(message: str) -> list[int]:
    """The numbers that a message of a test's script has after its first word."""
    return [int(word) for word in message.split()[1:]]


def alive(number: int) -> bool:
    """Whether a process runs."""
    return psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE

"""IScript: official scripts, who deletes them, where they run."""

from contextlib import contextmanager
from uuid import uuid4

import pytest
from omero.model import OriginalFileI, ScriptJobI

import omero
from tests.contract.facts import fact, refused

TEXT = """import omero.scripts as scripts

client = scripts.client("contract", "a script of a test")
client.closeSession()
"""


@contextmanager
def uploaded(root, path):
    """An official script's id; it is gone at the end."""
    service = root.sf.getScriptService()
    number = service.uploadOfficialScript(path, TEXT)
    try:
        yield number
    finally:
        if root.sf.getQueryService().find("OriginalFile", number, root.getContext(-1)):
            service.deleteScript(number, root.getContext(-1))


@pytest.fixture
def script(root):
    """An official script's id."""
    with uploaded(root, f"/contract/{uuid4().hex[:8]}.py") as number:
        yield number


def submit(client, script):
    """A job of the client's that names a script: what running it leaves behind."""
    job = ScriptJobI()
    job.linkOriginalFile(OriginalFileI(script, False))
    handle = client.sf.createJobHandle()
    handle.submit(job)
    handle.close()


@fact("real_server.md 7, P11")
def test_deleting_what_others_have_run(root, user, script):
    """A script that ran in another group is not deleted from one group (ValidationException), but from all of them."""
    service = root.sf.getScriptService()
    submit(user, script)
    with pytest.raises(omero.ValidationException):
        service.deleteScript(script)
    service.deleteScript(script, root.getContext(-1))
    assert root.sf.getQueryService().find("OriginalFile", script, root.getContext(-1)) is None


@fact("real_server.md 7")
def test_deleting_without_permission(user, script):
    """An official script is not deleted by an ordinary user: No permission to delete script with id N."""
    with refused(omero.SecurityViolation, f"No permission to delete script with id {script}"):
        user.sf.getScriptService().deleteScript(script)


@fact("real_server.md 7")
def test_path_above_the_root(root):
    """A script's path that leads above the root counts from the root."""
    name = f"contract_{uuid4().hex[:8]}.py"
    with uploaded(root, f"/../../{name}") as number:
        assert root.sf.getScriptService().getScriptID(f"/{name}") == number


@fact("real_server.md 7")
def test_running_in_all_groups(user, script):
    """A script is not run in all groups at once: ApiUsageException."""
    with pytest.raises(omero.ApiUsageException):
        user.sf.getScriptService().runScript(script, {}, None, user.getContext(-1))

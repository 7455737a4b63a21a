"""A user binds his image to a host of his own and asks a colleague to verify it: the colleague's credentials stay."""

import json
from pathlib import Path

import pytest
from omero.rtypes import rlong, rstring

import omero
from demo.omero_client import new_account
from omero_roz.binding.external_info import ENTITY_TYPE
from omero_roz.ports.zarr import remote
from tests.integration.test_import import imported
from tests.support.members import new_member
from tests.support.recorder import Recorder, recording
from tests.support.servers import Omero, Server


@pytest.fixture
def attacker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    monkeypatch.setattr(remote, "ATTEMPTS", 1)
    (tmp_path / "config").write_text("[default]\nregion = us-east-1\n")
    environment = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_ACCESS_KEY_ID": "AKIACOLLEAGUE",
        "AWS_SECRET_ACCESS_KEY": "of-the-colleague", "AWS_SESSION_TOKEN": "session-of-the-colleague",
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with recording(tmp_path, monkeypatch) as made:
        yield made


@pytest.mark.parametrize("verb", ["verify", "verify --json", "completeness"])
def test_the_credentials_of_who_looks_go_to_nobody_that_only_the_image_names(
    server: Server, acquisition: Path, attacker: Recorder, capsys: pytest.CaptureFixture, verb: str
) -> None:
    with server.client() as root:
        owner = new_account(root, "rwr---")
        colleague = new_member(root, owner.name)
    with server.client(owner.name, owner.password) as client:
        images = imported(Omero(client, capsys), acquisition / "v2.zarr")["images"]
        query, update = client.sf.getQueryService(), client.sf.getUpdateService()
        for number, address in zip(images, ("bucket/x.zarr/0", "s3.amazonaws.com/b/x", "b/%2e%2e/x"), strict=False):
            image, info = query.find("Image", number), omero.model.ExternalInfoI()
            info.entityType, info.entityId = rstring(ENTITY_TYPE), rlong(3)
            info.lsid = rstring(f"s3://{attacker.host}/{address}")
            image.details.externalInfo = info
            update.saveObject(image)
    name, *more = verb.split()
    with server.client(colleague.name, colleague.password) as client:
        omero_cli = Omero(client, capsys)
        if name == "completeness":
            done = omero_cli("roz", name, f"Image:{images[0]}", str(acquisition / "v2.zarr"))
        else:
            done = omero_cli("roz", name, *(f"Image:{number}" for number in images), *more)
            assert done.code == 1
            assert attacker.requests
            assert f"{attacker.host} was asked without credentials" in done.out
        if more:
            found = json.loads(done.out)["images"]
            assert found[0]["link"] == "denied"
            assert found[3]["link"] == "ok"
    assert attacker.signed() == []

"""A user binds his image to a host of his own and asks a colleague to verify it: the colleague's credentials stay."""

import json
import shutil
from pathlib import Path

import pytest
from omero.rtypes import rlong, rstring

import omero
from demo.omero_client import new_account
from omero_roz.binding.external_info import ENTITY_TYPE
from omero_roz.ports.zarr import remote
from omero_roz.verify import prove
from tests.integration.test_import import imported
from tests.support.members import new_member
from tests.support.quarrel import Person, Quarrel
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


def unproven(person: Person, fileset: int, **more: object) -> None:
    """Make the record of a replacement what it is where nobody has compared anything yet, and more than that."""
    [[annotation, text]] = person.claims.read(fileset)
    person.claims.rewrite(annotation, json.loads(text) | {"state": "unproven", "check": None} | more)


def test_a_zarr_is_verified_whoever_says_to_have_it(quarrel: Quarrel, acquisition: Path, tmp_path: Path) -> None:
    """A stranger writes that a fileset of theirs holds it, and no record that can be read."""
    curator, zarr = quarrel.curator.imports(), shutil.copytree(acquisition / "v2.zarr", tmp_path / "a.zarr")
    curator.replaced(zarr, "external-info")
    forged = quarrel.stranger.claims.fileset(f"{quarrel.stranger.top}/x/")
    quarrel.stranger.claims.note(forged, "no record")
    quarrel.stranger.claims.summary(forged, [("Zarr", str(zarr))])
    found = quarrel.root("roz", "verify", str(zarr), "--json")
    assert found.code == 0, found.err
    assert sorted(one["image"] for one in json.loads(found.out)["images"]) == curator.images


@pytest.mark.parametrize("form", ["without images", "of other images", "bound to nothing"])
def test_a_record_that_cannot_be_proven_keeps_no_other_from_it(
    quarrel: Quarrel, acquisition: Path, form: str
) -> None:
    curator, theirs = quarrel.curator.imports(), quarrel.stranger.imports()
    zarr = acquisition / "v2.zarr"
    last, first = curator.replaced(zarr, "external-info"), theirs.replaced(zarr, "external-info")
    images = quarrel.stranger.claims.record(first)["images"]
    forged = {
        "without images": [],
        "of other images": [one | {"id": one["id"] + 10**9} for one in images],
        "bound to nothing": [one | {"binding": one["binding"] | {"lsid": "/no.zarr", "row": None}} for one in images],
    }[form]
    unproven(quarrel.stranger, first, images=forged)
    unproven(quarrel.curator, last)
    said = quarrel.root("roz", "verify", f"Fileset:{first}", f"Fileset:{last}", "--record")
    assert f"written on Fileset:{last}; it is proven now" in said.err, said.err
    assert said.code == (form == "bound to nothing") and "a fault of" not in said.err
    assert quarrel.stranger.claims.record(first)["state"] == "unproven"
    assert quarrel.curator.claims.record(last)["state"] == "proven"


def test_a_rollback_meanwhile_is_not_written_over(
    quarrel: Quarrel, acquisition: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the record and its proof: what was rolled back is never proven."""
    curator = quarrel.curator.imports()
    new = curator.replaced(acquisition / "v2.zarr", "external-info")
    unproven(quarrel.curator, new)
    look = prove._look

    def rolled_back(*args: object) -> None:
        look(*args)
        assert curator.rolled_back(new) == curator.fileset

    monkeypatch.setattr(prove, "_look", rolled_back)
    said = quarrel.root("roz", "verify", f"Fileset:{new}", "--record")
    assert said.code == 1 and "the record was changed meanwhile" in said.err, said.err
    assert quarrel.curator.claims.record(new)["state"] == "rolled-back"


def test_what_only_the_verifier_may_see_is_not_written_for_the_owner(
    quarrel: Quarrel, acquisition: Path, tmp_path: Path
) -> None:
    """An owner binds images to a directory of the administrator's, and reads the certificate on the fileset."""
    theirs = quarrel.stranger.imports()
    new, private = theirs.replaced(acquisition / "v2.zarr", "external-info"), tmp_path / "private"
    shutil.copytree(acquisition / "v2.zarr", private / "x.zarr")
    for image, at in zip(theirs.images, ("x.zarr/1", "x.zarr", "none", ""), strict=True):
        bind(quarrel.stranger, image, str(private / at))
    said = quarrel.root("roz", "verify", f"Fileset:{new}", "--record", "--json")
    assert said.code == 1 and str(private) in said.out
    [[_, text]] = quarrel.stranger.claims.read(new, "omero-roz/certificate")
    found = json.loads(text)["images"]
    assert str(private) not in text and len({json.dumps(one["problems"]) for one in found}) == 1
    told = [{name: value for name, value in one.items() if name not in ("image", "name")} for one in found]
    assert told == [told[0]] * 4


def test_a_report_shows_no_secret_of_a_record(quarrel: Quarrel, acquisition: Path, tmp_path: Path) -> None:
    theirs, report = quarrel.stranger.imports(), tmp_path / "report.csv"
    new = theirs.replaced(acquisition / "v2.zarr", "external-info")
    unproven(quarrel.stranger, new, uri="s3://KEYKEY:SECRETSECRET@host/bucket/x")
    assert quarrel.root("roz", "verify", f"Fileset:{new}", "--report", str(report)).code == 0
    assert "s3://…@host/bucket/x" in report.read_text() and "SECRET" not in report.read_text()


def bind(person: Person, image: int, lsid: str) -> None:
    """Say by the API that an image of one's own is read from a place."""
    service = person.claims.client.sf
    found = service.getQueryService().get("Image", image)
    info = omero.model.ExternalInfoI()
    info.entityType, info.entityId, info.lsid = rstring(ENTITY_TYPE), rlong(3), rstring(lsid)
    found.details.externalInfo = info
    service.getUpdateService().saveObject(found)

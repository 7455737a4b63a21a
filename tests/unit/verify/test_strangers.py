"""Whoever binds an image names a host: the credentials of who verifies it go there only if he named it himself."""

from pathlib import Path

import pytest

from omero_roz.address import Address
from omero_roz.binding.external_info import ENTITY_TYPE
from omero_roz.fileset import ExternalInfo, OmeroImage
from omero_roz.layout.model import Sizes
from omero_roz.ports.zarr import remote
from omero_roz.ports.zarr.aws import configured_endpoint, is_amazons
from omero_roz.ports.zarr.stores import Access, open_store
from omero_roz.verify.location import Broken, client_address, location_of, reach
from tests.support.recorder import Recorder, recording

SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAVERIFIER", "AWS_SECRET_ACCESS_KEY": "of-who-verifies", "AWS_SESSION_TOKEN": "his-session",
    "AWS_DEFAULT_REGION": "us-east-1",
}  # fmt: skip


@pytest.fixture
def verifier(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """One with credentials; the file is his AWS configuration, which names no server yet."""
    monkeypatch.setattr(remote, "ATTEMPTS", 1)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "config"
    file.write_text("[default]\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    return file


@pytest.fixture
def attacker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verifier: Path) -> object:
    with recording(tmp_path, monkeypatch) as made:
        yield made


def bound(lsid: str) -> OmeroImage:
    info = ExternalInfo(ENTITY_TYPE, 3, lsid, None)
    return OmeroImage(1, "x", 0, 1, Sizes(1, 1, 1, 1, 1), "uint8", 1, info)


def looked_at(lsid: str, access: Access) -> Broken:
    with pytest.raises(Broken) as caught:
        found = location_of(bound(lsid), None, (), access)
        assert found is not None
        reach(found)
    return caught.value


@pytest.mark.parametrize("profile", [None, "lab"])
@pytest.mark.parametrize("answer", [403, 404])
def test_a_host_that_only_the_image_names_is_asked_without_credentials(
    attacker: Recorder, verifier: Path, profile: str | None, answer: int
) -> None:
    attacker.answer = answer
    verifier.write_text("[default]\n[profile lab]\nendpoint_url = https://s3.lab.example.org\n")
    told = looked_at(f"s3://{attacker.host}/bucket/x.zarr/0", Access(None, profile))
    assert attacker.requests
    assert attacker.signed() == []
    assert told.link == ("denied" if answer == 403 else "gone")
    assert f"{attacker.host} was asked without credentials" in str(told)
    assert f"--endpoint https://{attacker.host}" in str(told)


def test_a_host_that_the_user_names_gets_them(
    attacker: Recorder, verifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the recorder is known to see them."""
    lsid, named = f"s3://{attacker.host}/bucket/x.zarr/0", f"https://{attacker.host}"
    ways = [("--endpoint", Access(Address(named)))]
    monkeypatch.setenv("AWS_ENDPOINT_URL", named)
    ways.append(("the environment", Access()))
    for way, access in ways:
        attacker.requests.clear()
        assert "without credentials" not in str(looked_at(lsid, access)), way
        assert attacker.signed(), way
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    verifier.write_text(f"[default]\n[profile lab]\nservices = mine\n[services mine]\ns3 =\n  endpoint_url = {named}\n")
    monkeypatch.setenv("AWS_PROFILE", "lab")
    attacker.requests.clear()
    looked_at(lsid, Access())
    assert attacker.signed()
    attacker.requests.clear()
    looked_at(f"{lsid}?anonymous=true", Access())
    assert attacker.requests and attacker.signed() == []


@pytest.mark.parametrize(
    "lsid",
    [
        "s3://s3.amazonaws.com@{host}/bucket/x.zarr/0", "s3://{host}#.s3.amazonaws.com/bucket/x/0",
        "s3://{host}\\.s3.amazonaws.com/bucket/x/0", "s3://{host}%2f.s3.amazonaws.com/bucket/x/0",
        "S3://{host}/bucket/x/0", "https://{host}/bucket/x/0", "https://u:p@{host}/bucket/x/0", "s3://{host}/../x",
        "s3://{host}/s3.amazonaws.com/x", "s3://{host}?anonymous=false/bucket", "s3:/{host}/bucket/x",
    ],
)  # fmt: skip
def test_no_spelling_of_it_gets_them(attacker: Recorder, lsid: str) -> None:
    looked_at(lsid.format(host=attacker.host), Access())
    assert attacker.signed() == []


def test_only_s3_itself_is_amazons(verifier: Path) -> None:
    """Whoever rents a machine has a host below amazonaws.com."""
    for host in ("s3.amazonaws.com", "s3.eu-west-1.amazonaws.com", "s3-us-west-2.amazonaws.com"):
        assert not client_address(f"s3://{host}/b/x", (), Access())[1].anonymous
    for host in (
        "ec2-1-2-3-4.compute-1.amazonaws.com", "x.execute-api.eu-west-1.amazonaws.com", "evil.s3.amazonaws.com",
        "s3.amazonaws.com.evil.org", "s3.evil.amazonaws.com", "s3.amazonaws.com:8443", "s3.amazonaws.com.",
    ):  # fmt: skip
        assert not is_amazons(host)
        assert client_address(f"s3://{host}/b/x", (), Access())[1].anonymous
    verifier.write_text("[default]\nendpoint_url = https://s3.lab.example.org\n")
    assert client_address("s3://s3.amazonaws.com/b/x", (), Access())[1].anonymous  # they are the lab's, not Amazon's


def test_the_configuration_is_an_address_too(verifier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert configured_endpoint(None) is None
    verifier.write_text("[default]\nendpoint_url = https://u:geheim@s3.lab.example.org\n")
    monkeypatch.setenv("AWS_PROFILE", "default")
    wrong = {"": "", "AWS_ENDPOINT_URL": "https:/u:geheim@h", "AWS_ENDPOINT_URL_S3": "u:geheim@h"}
    for variable, value in wrong.items():
        if variable:
            monkeypatch.setenv(variable, value)
        for call in (lambda: configured_endpoint(None), lambda: open_store("s3://bucket/x.zarr")):
            with pytest.raises(Exception, match="refused") as caught:
                call()
            assert "geheim" not in f"{caught.value!r} {caught.value}"
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert configured_endpoint(None) is None

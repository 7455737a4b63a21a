"""The administrator's file: where it is, who may write it, what it says."""

from pathlib import Path

import pytest

from omero_roz.binding.lsid import ServerPath
from omero_roz.errors import Refused, UsageError
from omero_roz.fileset import Who
from omero_roz.scripts import policy
from omero_roz.scripts.policy import PolicyError, policy_file, read_policy
from tests.support.secrets import BARE, FORMS, shows, with_secret

GOOD = """
private = ["10.1.0.0/16"]

[[allow]]
alias = "lab"
uri = "{lab}"
server = "/OMERO/lab"

[[allow]]
uri = "{lab}/more/"

[[allow]]
alias = "idr"
uri = "s3://IDR/zarr/"
endpoint = "https://s3.example.org"
anonymous = true

[replace]
users = ["curator"]
groups = ["IDR"]

[server]
database = "omero"
managed_repository = "/OMERO/ManagedRepository"
"""


def who(name: str, admin: bool = False) -> Who:
    return Who(5, name, 3, admin, 1)


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any file counts as out of reach: these tests are about what it says."""
    monkeypatch.setattr(policy, "read_unwritable", Path.read_bytes)


def read(folder: Path, text: str) -> policy.Policy:
    file = folder / "scripts.toml"
    file.write_text(text.format(lab=folder) if "{lab}" in text else text)
    return read_policy(file)


def test_without_a_file_nothing_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="has allowed nothing"):
        read_policy(tmp_path / "scripts.toml")


def test_what_it_says(tmp_path: Path, trusted: None) -> None:
    found = read(tmp_path, GOOD)
    assert [place.uri for place in found.guard.places] == [str(tmp_path), f"{tmp_path}/more", "s3://IDR/zarr"]
    assert found.resolve("lab:plates/x.zarr") == f"{tmp_path}/plates/x.zarr"
    assert found.resolve(" idr:x.zarr/ ") == "s3://IDR/zarr/x.zarr"
    assert found.resolve("s3://IDR/zarr/x.zarr") == "s3://IDR/zarr/x.zarr"
    assert found.resolve("/data/a:b.zarr") == "/data/a:b.zarr"
    # What is not named differently is named the same, or an import from there would be refused.
    assert found.server_paths == (
        ServerPath(str(tmp_path), "/OMERO/lab"), ServerPath(f"{tmp_path}/more", f"{tmp_path}/more"),
    )  # fmt: skip
    assert (found.database, found.repository) == ("omero", "/OMERO/ManagedRepository")
    with pytest.raises(Refused, match="known are: lab:, idr:"):
        found.resolve("nobody:x.zarr")


def test_who_may_replace(tmp_path: Path, trusted: None) -> None:
    found = read(tmp_path, GOOD)
    found.check_replace(who("curator"), ())
    found.check_replace(who("somebody"), {"IDR", "user"})
    for one, groups in ((who("somebody"), {"user"}), (who("root", admin=True), {"system"})):
        with pytest.raises(Refused, match="may not replace"):
            found.check_replace(one, groups)
    read(tmp_path, "[replace]\nadministrators = true").check_replace(who("root", admin=True), ())
    with pytest.raises(Refused, match="may not replace"):
        read(tmp_path, "").check_replace(who("root", admin=True), ())


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("alow = 1", "unknown: alow"),
        ("[[allow]]\nuri = 'data'", "neither an absolute path"),
        ("[[allow]]\nalias = 'x'", "neither an absolute path"),
        ("[[allow]]\nuri = 's3://b'", "either profile or anonymous"),
        ("[[allow]]\nuri = 's3://b'\nanonymous = true\nprofile = 'p'", "either profile or anonymous"),
        ("[[allow]]\nuri = 's3://b'\nprofile = 'p'\nsecret_key = 'x'", "unknown: secret_key"),
        ("[[allow]]\nuri = '/data'\nprofile = 'p'", "for s3:// only"),
        ("[[allow]]\nuri = '/data'\nalias = 'a/b'", "other characters"),
        ("[[allow]]\nuri = '/a'\nalias = 'x'\n[[allow]]\nuri = '/b'\nalias = 'x'", "is there twice"),
        ("[[allow]]\nuri = 'https:///x'", "no host or bucket"),
        ("[allow]\nuri = '/data'", "has to have the form"),
        ("private = ['10.1.0.0/8']", "has host bits set"),
        ("[replace]\nusers = 'curator'", "not a list of names"),
        ("[replace]\nadministrators = 'yes'", "not true or false"),
        ("[server]\ndatabase = 5", "not text"),
        ("[[allow", "cannot be read"),
    ],
)
def test_what_is_wrong_allows_nothing(tmp_path: Path, trusted: None, text: str, what: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read(tmp_path, text)
    assert what in "\n".join(map(str, caught.value.problems))


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path, trusted: None) -> None:
    with pytest.raises(PolicyError) as caught:
        read(tmp_path, "one = 1\ntwo = 2\nprivate = 3")
    assert len(caught.value.problems) == 3


def test_the_processors_environment_says_which_server_it_is_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMERODIR", raising=False)
    assert policy_file() == Path("/etc/omero-roz/scripts.toml")
    monkeypatch.setenv("OMERODIR", str(tmp_path))
    assert policy_file() == Path("/etc/omero-roz/scripts.toml")
    own = tmp_path / "etc" / "omero-roz" / "scripts.toml"
    own.parent.mkdir(parents=True)
    own.touch()
    assert policy_file() == own


@pytest.mark.parametrize("form", [*FORMS, *BARE[:2]])
@pytest.mark.parametrize(
    "place",
    ["[[allow]]\nuri = '{}'", "[[allow]]\nuri = '/data'\nserver = '{}'", "[server]\ndatabase = '{}'",
     "[[allow]]\nuri = 's3://b'\nanonymous = true\nendpoint = '{}'"],
)  # fmt: skip
def test_a_secret_in_an_address_is_refused_and_not_shown(tmp_path: Path, trusted: None, form: str, place: str) -> None:
    text = with_secret(form, "geheim12/geheim34")
    (tmp_path / "scripts.toml").write_text(place.format(text))
    with pytest.raises(PolicyError) as caught:
        read_policy(tmp_path / "scripts.toml")
    assert not shows(f"{caught.value} {caught.value.problems}", "geheim12/geheim34")


@pytest.mark.parametrize("form", [*FORMS, *BARE[:2]])
def test_what_a_user_types_with_a_secret_is_not_repeated(tmp_path: Path, trusted: None, form: str) -> None:
    with pytest.raises((Refused, UsageError)) as caught:
        read(tmp_path, GOOD).resolve(with_secret(form, "geheim12/geheim34"))
    assert not shows(f"{caught.value} {caught.value.problems}", "geheim12/geheim34")

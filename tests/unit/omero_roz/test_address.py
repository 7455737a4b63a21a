"""Addresses have no secrets: none can be made with one, and none of a text's is shown."""

import copy
import json
import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_roz.address import Address, refuse_secrets
from omero_roz.binding.lsid import parse_server_path
from omero_roz.cli.telling import Screen
from omero_roz.errors import Problem, UsageError
from omero_roz.ports.database import parse_address
from omero_roz.shown import as_json, clean, hides_secret, one_line, said, without_secrets
from tests.support.secrets import BARE, FORMS, KEY, secrets, shows, with_secret


def refused(call: object, *args: object) -> str:
    with pytest.raises(UsageError) as caught:
        call(*args)  # type: ignore[operator]
    return f"{caught.value} {caught.value!r} {caught.value.problems} {caught.value.__cause__} {caught.value.args}"


@given(st.sampled_from((*FORMS, *BARE)), secrets)
def test_no_address_is_made_of_one_with_a_secret(form: str, secret: str) -> None:
    text = with_secret(form, secret)
    assert not shows(refused(Address, text, "URI"), secret)
    assert not shows(refused(Address.of_endpoint, text), secret)
    assert not shows(refused(parse_server_path, f"/data={text}"), secret)
    assert not shows(refused(parse_server_path, f"{text}=/data"), secret)


@given(st.sampled_from(FORMS), secrets)
def test_it_is_found_in_any_text_and_left_out(form: str, secret: str) -> None:
    text = with_secret(form, secret)
    assert not shows(refused(refuse_secrets, f"my {text} is", "--name"), secret)
    for told in (text, f"cannot connect to '{text}' now", f'<Error>{text}</Error> "{text}"', f"a\n{text}\nb"):
        assert not shows(without_secrets(told), secret)
        assert not shows(one_line(told), secret)
        assert not shows(str(Problem(told, told, told)), secret)
        assert not shows(said(ValueError(told)), secret)
        assert not shows(as_json(clean({"a": [told], told: (told,)})), secret)
        assert not hides_secret(without_secrets(told))


@given(st.sampled_from((*FORMS, *BARE[:2])), secrets)
def test_an_error_of_another_library_shows_none_that_went_past_us(form: str, secret: str) -> None:
    text = with_secret(form, secret)
    for error in (ValueError(f'could not translate "{text}"'), KeyError(text), OSError(5, text), Exception(text, 3)):
        assert not shows(said(error), secret)


@given(secrets)
def test_a_database_address(secret: str) -> None:
    for form in (
        "KEY:SECRET@host", "postgresql:/KEY:SECRET@host", "postgresql://KEY:SECRET@host/omero", "host=KEY:SECRET@host",
        "host=h password='SECRET'", "dbname=postgresql://KEY:SECRET@h/omero", "postgresql://h/omero?password=SECRET",
        "postgres//KEY:SECRET@host", "password=SECRET host=h",
    ):  # fmt: skip
        assert not shows(refused(parse_address, with_secret(form, secret)), secret)


@pytest.mark.parametrize("variable", ["PGHOST", "PGSERVICE", "PGDATABASE"])
def test_libpqs_environment_is_looked_at_as_well(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "u:geheim@host")
    told = refused(parse_address, "omero")
    assert variable in told and "geheim" not in told


@given(st.text(max_size=60))
def test_texts_without_an_address_are_left_as_they_are(text: str) -> None:
    if "@" not in text and "=" not in text:
        assert without_secrets(text) == text
    assert without_secrets(without_secrets(text)) == without_secrets(text)


@pytest.mark.parametrize(
    "text",
    ["/data/x.zarr", "x.zarr", "./u:p@x.zarr", "../x", "/data/2024-01-01T10:30@lab/x.zarr", "s3://bucket/me@lab/x.zarr",
     "s3://my_bucket.x/k", "s3://bucket/k?anonymous=true", "https://host:8443/a%20b/x.zarr", "https://[::1]:9/x",
     "https://host/images/10:30@lab.zarr", "file:///data/x.zarr", "plate@20x.zarr", "Zelle 5 µm.zarr"],
)  # fmt: skip
def test_what_is_none_is_an_address(text: str) -> None:
    address = Address(text, "URI")
    assert address == text
    for same in (copy.deepcopy(address), pickle.loads(pickle.dumps(address)), Address(address)):
        assert (same, type(same)) == (address, Address)
    assert json.loads(json.dumps([address])) == [text]


@pytest.mark.parametrize(
    "text",
    ["see a=b, c@d", "Stage s3:10um@5x", "me@lab.org", "key = value", "10:30@lab", "Dataset:@name:X", "5 @ 3", "?a=b",
     "https://host/x?id=5", "r=5 s3://b/k", "tokens=3"],
)  # fmt: skip
def test_names_are_not_taken_for_secrets(text: str) -> None:
    assert without_secrets(text) == text
    refuse_secrets(text, "--name")


@pytest.mark.parametrize(
    "text",
    ["https://a..b/x", "https://host:99999/x", "https://host:x/y", "https:///x", "s3:///x", "s3://", "gs://b/x",
     "zip://x::file:///y", "https://h%40x/y", "/x\0y", "https://" + "a" * 64 + ".org/x", "https://h/x?q", "s3://b\x01/x"],
)  # fmt: skip
def test_what_is_no_address_is_told(text: str) -> None:
    told = refused(Address, text, "URI")
    assert "URI: " in told
    assert text == "s3://" or text not in told


@pytest.mark.parametrize("piece", ["//:", "?token", "password ", "s3:/", "&a=", "@", ":@/", "secret_", "//a:b@"])
def test_all_of_it_takes_linear_time(piece: str) -> None:
    def seconds(count: int) -> float:
        began = time.process_time()
        without_secrets(piece * count + " @=")
        without_secrets(piece * count + "=@")
        return time.process_time() - began

    assert seconds(400_000) < 40 * max(seconds(40_000), 0.01)  # of what is quadratic a hundred


class Context:
    def __init__(self) -> None:
        self.printed: list[str] = []

    def out(self, text: str) -> None:
        self.printed.append(text)

    err = input = out

    def die(self, code: int, text: str) -> None:
        self.printed.append(text)


@given(st.sampled_from(FORMS), secrets)
def test_the_screen_is_the_last_door(form: str, secret: str) -> None:
    context, text = Context(), with_secret(form, secret)
    screen = Screen(context)
    screen.out(text)
    screen.err(f"while {text}")
    screen.input(f"remove {text}")
    screen.die(1, f"it failed ({text})")
    screen.json({"zarr": text, text: [{"why": f"no {text}"}]})
    assert len(context.printed) == 5
    assert not any(shows(one, secret) for one in context.printed)
    assert KEY not in "".join(context.printed) or "Signature" in text or "token" in text.lower()

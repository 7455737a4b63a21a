"""Secrets in any option, cell, file or variable: refused, and in nothing that is printed, written or stored."""

import json
import secrets as chance
import shutil
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

import pytest
from omero.rtypes import rlong, rstring, unwrap

import omero
from demo.omero_client import Account, import_file
from omero_roz.binding.external_info import ENTITY_TYPE
from omero_roz.cli_plugin import WITH_OMERO, WITHOUT_OMERO
from tests.integration.test_import import imported
from tests.support.many import Many
from tests.support.secrets import BARE, FORMS, shows, with_secret
from tests.support.servers import Omero, Result, Server

# SECRET stands for an address with one, ZARR and FILESET for what is there; each is a call that would else be right.
CALLS = (
    "inspect SECRET", "inspect SECRET --json", "inspect ZARR --mapping SECRET", "inspect s3://b/x --endpoint SECRET",
    "annotate SECRET --yes", "annotate SECRET --json --dry-run", "annotate ZARR --yes --endpoint SECRET",
    "import SECRET", "import SECRET --json", "import ZARR SECRET --dry-run", "import ZARR --server-path /d=SECRET",
    "import ZARR --server-path SECRET=/d", "import ZARR --server-path /d=SECRET --json", "import --from SECRET",
    "import ZARR --managed-repository SECRET", "import s3://b/x --endpoint SECRET --json",
    "replace-fileset FILESET SECRET", "replace-fileset FILESET SECRET --json", "replace-fileset SECRET ZARR",
    "replace-fileset FILESET ZARR --db SECRET", "replace-fileset FILESET ZARR --server-path /d=SECRET",
    "replace-fileset --from TABLE --prefix SECRET", "replace-fileset --from TABLE --report SECRET",
    "replace-fileset --from TABLE --dask SECRET", "replace-fileset --from SECRET",
    "replace-fileset FILESET s3://b/x --endpoint SECRET",
    "rollback SECRET", "rollback FILESET --db SECRET", "rollback --all-from r --db SECRET",
    "status SECRET", "status SECRET --json", "cleanup SECRET", "cleanup FILESET --db SECRET",
    "cleanup FILESET --managed-repository SECRET", "cleanup FILESET --endpoint SECRET --dry-run",
    "completeness SECRET FILESET", "completeness FILESET SECRET", "completeness FILESET SECRET --json",
    "completeness FILESET ZARR --html SECRET", "completeness FILESET SECRET --fill --yes",
    "completeness SECRET --undo --yes", "completeness FILESET SECRET --undo",
    "verify SECRET", "verify SECRET --json", "verify FILESET --certificate SECRET", "verify FILESET --dask SECRET",
    "verify FILESET --server-path /d=SECRET", "verify --from SECRET", "verify FILESET --endpoint SECRET",
    "doctor SECRET", "doctor --db SECRET", "doctor ZARR --endpoint SECRET --json",
    "doctor --managed-repository SECRET", "doctor ZARR --server-path /d=SECRET", "doctor ZARR --mapping SECRET",
    "annotate ZARR --mapping SECRET --yes", "import ZARR --mapping SECRET", "import ZARR --db SECRET",
    "replace-fileset FILESET ZARR --mapping SECRET", "replace-fileset FILESET ZARR --managed-repository SECRET",
    "cleanup --from SECRET --yes", "completeness FILESET s3://b/x --endpoint SECRET",
    "sweep --db SECRET", "sweep --managed-repository SECRET", "rollback --from SECRET", "completeness --from SECRET",
    *(f"{verb} --report SECRET" for verb in (
        "import ZARR", "rollback FILESET", "cleanup FILESET --dry-run", "completeness FILESET ZARR", "verify FILESET",
    )),
    *(f"{verb} --follow-links SECRET" for verb in (
        "inspect ZARR", "annotate ZARR", "doctor ZARR", "import ZARR", "replace-fileset FILESET ZARR",
        "cleanup FILESET --dry-run", "completeness FILESET ZARR", "verify FILESET",
    )),
    # What argparse would repeat
    "inspect ZARR SECRET", "inspect ZARR --bogus SECRET", "verify FILESET --jobs SECRET",
    "verify FILESET --check SECRET", "import ZARR --stats SECRET", "scripts SECRET",
    "replace-fileset --from TABLE --batch SECRET",
)  # fmt: skip
# Where people may write what they like, what is plainly an address is refused.
FREE = (
    "import ZARR --name SECRET", "import ZARR --target Dataset:name:SECRET", "import ZARR --profile SECRET",
    "import ZARR --binding SECRET", "replace-fileset --from TABLE --run SECRET", "rollback --all-from SECRET",
    "replace-fileset FILESET ZARR --binding SECRET", "cleanup --all-from SECRET", "sweep --of SECRET",
    *(f"{verb} --profile SECRET" for verb in (
        "inspect ZARR", "annotate ZARR", "doctor ZARR", "replace-fileset FILESET ZARR", "cleanup FILESET --dry-run",
        "completeness FILESET ZARR", "verify FILESET",
    )),
)  # fmt: skip


@pytest.fixture(scope="module")
def secret() -> str:
    return f"{chance.token_hex(8)}/{chance.token_hex(8)}+{chance.token_hex(4)}"


@pytest.fixture(scope="module")
def places(
    server: Server, curator: Account, acquisition: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("places")
    zarr = shutil.copytree(acquisition / "v2.zarr", folder / "v2.zarr")
    with server.client(curator.name, curator.password) as client:
        fileset, _ = import_file(client, acquisition / "acquisition.ome.tif")
    (folder / "table.csv").write_text(f"fileset,zarr\n{fileset},{zarr}\n")
    return {"ZARR": str(zarr), "FILESET": f"Fileset:{fileset}", "TABLE": str(folder / "table.csv")}


def some(forms: Sequence[str], call: str) -> Sequence[str]:
    """A few of the forms, others for each call, so that each form meets many calls; test_address.py has them all."""
    start = 2 * (*CALLS, *FREE).index(call)
    return [forms[(start + step) % len(forms)] for step in range(2)]


def stored(omero_cli: Omero) -> str:
    """All that users can write into OMERO, as one text."""
    queries = omero_cli.client.sf.getQueryService()
    asked = (
        "select i.name, i.description from Image i", "select d.name, d.description from Dataset d",
        "select a.name, a.ns from Annotation a", "select a.textValue from CommentAnnotation a",
        "select v.name, v.value from MapAnnotation a join a.mapValue v", "select e.lsid from ExternalInfo e",
        "select f.templatePrefix from Fileset f", "select e.clientPath from FilesetEntry e",
        "select o.path, o.name from OriginalFile o",
    )  # fmt: skip
    rows = [queries.projection(hql, None, {"omero.group": "-1"}) for hql in asked]
    return json.dumps([[unwrap(row) for row in some] for some in rows], default=str, ensure_ascii=False)


def written(folder: Path) -> str:
    """The names and contents of small files below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size < 1 << 20]
    return "\n".join(f"{path} {path.read_bytes()!r}" for path in files)


def check(result: Result, secret: str, where: str) -> None:
    assert not shows(result.out + result.err, secret), where
    assert result.code in (1, 2), where
    assert "Traceback" not in result.err and "fault of omero-roz" not in result.err, where
    assert len(result.err) > 20, where


@pytest.mark.parametrize("verb", [*WITHOUT_OMERO, *WITH_OMERO])
def test_no_option_that_takes_a_text_is_left_out(verb: str) -> None:
    parser = ArgumentParser()
    (WITHOUT_OMERO | WITH_OMERO)[verb].add_options(parser)
    texts = [one for one in parser._actions if one.nargs != 0 and one.type is None and one.choices is None]
    tried = {word for call in (*CALLS, *FREE) if call.split()[0] == verb for word in call.split()}
    assert [one.option_strings for one in texts if one.option_strings and tried.isdisjoint(one.option_strings)] == []


@pytest.mark.parametrize("call", CALLS)
def test_an_option_that_has_a_secret(
    omero_cli: Omero, places: dict[str, str], secret: str, call: str
) -> None:
    for form in some((*FORMS, *BARE[:2]), call):
        args = [places.get(word) or word.replace("SECRET", with_secret(form, secret)) for word in call.split()]
        result = omero_cli("roz", *args)
        check(result, secret, form)
        if "--json" in args and result.code == 2 and result.out:
            json.loads(result.out)
    assert not shows(stored(omero_cli), secret)
    assert not shows(written(Path(places["TABLE"]).parent), secret)


@pytest.mark.parametrize("call", FREE)
def test_a_free_text_that_has_one(omero_cli: Omero, places: dict[str, str], secret: str, call: str) -> None:
    for form in some(FORMS, call):
        args = [places.get(word) or word.replace("SECRET", with_secret(form, secret)) for word in call.split()]
        check(omero_cli("roz", *args), secret, form)
    assert not shows(stored(omero_cli), secret)


@pytest.fixture
def many(omero_cli: Omero, server: Server, tmp_path: Path) -> Many:
    return Many(omero_cli, server, tmp_path, 2)


@pytest.mark.parametrize("form", [*FORMS[::6], BARE[0]])
def test_a_cell_of_a_bulk_table_refuses_its_line_alone(many: Many, secret: str, form: str) -> None:
    text = with_secret(form, secret)
    plate = text if form in FORMS else many.filesets[0]  # a plate may be called KEY:SECRET@bucket
    table = many.table([(many.filesets[0], text), (plate, text), (many.filesets[1], many.zarrs[1])])
    for name in ("report.csv", "report.json"):
        report = str(many.folder / name)
        result = many.omero("roz", "replace-fileset", "--from", str(table), "--report", report, "--json")
        check(result, secret, form)
        states = [one["state"] for one in json.loads(result.out)["filesets"]]
        assert states == ["refused", "refused", "replaced" if name == "report.csv" else "already"]
        assert not shows((many.folder / name).read_text(), secret)
    shown = many.omero("roz", "replace-fileset", "--from", str(table))
    check(shown, secret, form)
    status = many.omero("roz", "status", f"Fileset:{many.filesets[1]}", "--json")
    assert not shows(status.out + stored(many.omero), secret)


@pytest.mark.parametrize("column", ["uri", "target", "name"])
def test_a_cell_of_an_imports_table_fails_its_line_alone(
    omero_cli: Omero, acquisition: Path, tmp_path: Path, secret: str, column: str
) -> None:
    lines = ["uri,target,name"]
    for form in FORMS:
        text = f"Dataset:name:{with_secret(form, secret)}" if column == "target" else with_secret(form, secret)
        cells = {"uri": str(acquisition / "v2.zarr"), "target": "", "name": "x"} | {column: text}
        lines.append(",".join(f'"{cells[name]}"' for name in ("uri", "target", "name")))
    (tmp_path / "table.csv").write_text("\n".join(lines))
    for more in ([], ["--json"], ["--dry-run"]):
        result = omero_cli("roz", "import", "--from", str(tmp_path / "table.csv"), *more)
        check(result, secret, column)
        assert f"{len(FORMS)} failed" in result.err
    assert not shows(stored(omero_cli), secret)


def test_other_cells(omero_cli: Omero, places: dict[str, str], tmp_path: Path, secret: str) -> None:
    table = tmp_path / "cells.csv"
    for form in (*FORMS[::5], BARE[0]):
        text = with_secret(form, secret)
        for content in (f'object\n"{text}"\n', f'"{text}"\nx\n', f'fileset,zarr\n"{text}"\n', f'uri,"{text}"\na,b\n'):
            table.write_text(content)
            for verb in ("verify", "import", "replace-fileset"):
                check(omero_cli("roz", verb, "--from", str(table)), secret, f"{verb} {content}")


def test_variables_and_files_of_the_configuration(
    omero_cli: Omero, places: dict[str, str], tmp_path: Path, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for form in (*FORMS[::5], BARE[0]):
        text = with_secret(form, secret)
        for variable in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
            with monkeypatch.context() as patched:
                patched.setenv(variable, text)
                check(omero_cli("roz", "inspect", "s3://bucket/x.zarr"), secret, form)
        with monkeypatch.context() as patched:
            (tmp_path / "config").write_text(f"[default]\nendpoint_url = {text}\n")
            patched.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
            check(omero_cli("roz", "inspect", "s3://bucket/x.zarr", "--json"), secret, form)
        for variable in ("PGHOST", "PGSERVICE", "PGDATABASE"):
            with monkeypatch.context() as patched:
                patched.setenv(variable, text)
                check(omero_cli("roz", "replace-fileset", places["FILESET"], places["ZARR"], "--db", "x"), secret, form)
        (tmp_path / "services").write_text(f"[omero]\nhost={text}\n")
        with monkeypatch.context() as patched:
            patched.setenv("PGSERVICEFILE", str(tmp_path / "services"))
            check(omero_cli("roz", "replace-fileset", places["FILESET"], places["ZARR"], "--db", "omero"), secret, form)


def test_a_zarr_and_a_mapping_that_name_one(
    omero_cli: Omero, places: dict[str, str], tmp_path: Path, secret: str
) -> None:
    attributes = Path(places["ZARR"]) / ".zattrs"
    before = json.loads(attributes.read_text())
    for form in FORMS[::4]:
        text = with_secret(form, secret)
        (tmp_path / "mapping.json").write_text(json.dumps([text, text]))
        result = omero_cli("roz", "inspect", places["ZARR"], "--mapping", str(tmp_path / "mapping.json"))
        check(result, secret, form)
        source = {"@type": "ome-xml", "file": {"path": text}, "seriesMapping": [text]}
        attributes.write_text(json.dumps(before | {"metadataSources": [source]}))
        for more in ([], ["--json"]):
            check(omero_cli("roz", "inspect", places["ZARR"], *more), secret, form)
        attributes.write_text(json.dumps(before))
        assert imported(omero_cli, Path(places["ZARR"]), "--again")


def test_what_others_have_bound_is_shown_without_theirs(
    omero_cli: Omero, acquisition: Path, secret: str, tmp_path: Path
) -> None:
    images = imported(omero_cli, acquisition / "v2.zarr", "--again")["images"]
    update, query = omero_cli.client.sf.getUpdateService(), omero_cli.client.sf.getQueryService()
    for number, form in zip(images, FORMS, strict=False):
        image = query.find("Image", number, None)
        info = omero.model.ExternalInfoI()
        info.entityType, info.entityId, info.lsid = rstring(ENTITY_TYPE), rlong(3), rstring(with_secret(form, secret))
        image.details.externalInfo = info
        update.saveObject(image)
    named = [f"Image:{number}" for number in images]
    for more in ([], ["--json"]):
        result = omero_cli("roz", "verify", *named, "--certificate", str(tmp_path / f"c{len(more)}.json"), *more)
        check(result, secret, "verify")
    assert not shows(written(tmp_path), secret)

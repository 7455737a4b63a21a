"""Broken, huge and hostile records: no traceback, and no more than the line of the fileset that has them is refused."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from demo.omero_client import import_file
from omero_roz.settling import MOST_NOTES
from tests.support.claims import FILL, image, record
from tests.support.many import Many
from tests.support.odd_records import put, texts, whole
from tests.support.quarrel import Person, Quarrel

BROKEN = {
    "no record": "not a record",
    "deep": "[" * 100_000 + "]" * 100_000,
    "wrong types": json.dumps(put(whole(), ("images", 0, "id"), "one")),
    "a number of 5,000 digits": '{"format": ' + "9" * 5_000 + "}",
    "half a character": json.dumps(whole() | {"uri": "\ud800"}),
    "no character": json.dumps(whole() | {"uri": "\u0000"}),
    "a later format": json.dumps(whole() | {"format": 99, "version": "99"}),
    "an image twice": json.dumps(whole() | {"images": [image(5), image(5)]}),
    "its own source": None,
}


def small(person: Person, folder: Path, count: int) -> tuple[list[int], list[Path]]:
    """Filesets of one small image each, and their Zarrs."""
    folder.mkdir()
    many = Many(person.omero, person.server, folder, count)
    return many.filesets, many.zarrs


@pytest.mark.parametrize("form", BROKEN)
def test_a_broken_record_refuses_its_own_line_only(quarrel: Quarrel, tmp_path: Path, form: str) -> None:
    theirs, zarrs = small(quarrel.curator, tmp_path / "curator", 2)
    [mine], [zarr] = small(quarrel.member, tmp_path / "member", 1)
    text = BROKEN[form] or json.dumps(record(mine))
    quarrel.member.claims.note(mine, text)
    for fileset in (mine, *theirs):  # and so that it is found as what replaced each of them
        quarrel.member.claims.note(mine, text, f"Fileset:{fileset}")
    table = tmp_path / "table.csv"
    rows = zip([theirs[0], mine, theirs[1]], [zarrs[0], zarr, zarrs[1]], strict=True)
    table.write_text("fileset,zarr\n" + "".join(f"{fileset},{one}\n" for fileset, one in rows))
    said = quarrel.root("roz", "replace-fileset", "--from", str(table), *quarrel.db, "--json")
    assert said.code == 1 and "Traceback" not in said.err, said.err
    done = json.loads(said.out)["filesets"]
    assert [one["state"] for one in done] == ["replaced", "refused", "replaced"], done
    assert f"Fileset:{mine}" in done[1]["reason"]
    for verb in (["status", "--json"], ["rollback"], ["cleanup", *quarrel.means, "--yes"]):
        alone = quarrel.root("roz", verb[0], f"Fileset:{mine}", *verb[1:])
        assert "Traceback" not in alone.err and alone.code in (0, 1), alone.err
    assert quarrel.root("roz", "verify", f"Fileset:{mine}", f"Fileset:{done[0]['new']}").code == 1


def test_a_huge_record_is_not_even_fetched(quarrel: Quarrel, tmp_path: Path) -> None:
    """More than a record ever has: refused by its length, whatever else is asked for along with it."""
    [theirs], [zarr] = small(quarrel.curator, tmp_path / "curator", 1)
    [mine], [other] = small(quarrel.member, tmp_path / "member", 1)
    quarrel.member.claims.note(mine, json.dumps(record(1, uri="x" * (80 << 20))), f"Fileset:{theirs}")
    table = tmp_path / "table.csv"
    table.write_text(f"fileset,zarr\n{theirs},{zarr}\n{mine},{other}\n")
    said = quarrel.root("roz", "replace-fileset", "--from", str(table), "--json")
    done = json.loads(said.out)["filesets"]
    assert [one["state"] for one in done] == ["replaced", "refused"], said.err
    assert "too large" in done[1]["reason"]


@pytest.mark.parametrize("where", ["on their own fileset", "on the fileset itself"])
def test_a_thousand_records_of_others_about_a_fileset(quarrel: Quarrel, acquisition: Path, where: str) -> None:
    """They are left out before they are read: as the owner's, they would be too many and too large to be."""
    curator, claims = quarrel.curator.imports(), quarrel.member.claims
    on = curator.fileset if where == "on the fileset itself" else claims.fileset("x/")
    forged = record(curator.fileset, [image(number) for number in range(20)])
    claims.notes(on, forged, f"Fileset:{curator.fileset}", MOST_NOTES + 1)
    new = curator.replaced(acquisition / "v2.zarr", "external-info")
    assert quarrel.cleanup(curator.fileset).code == 0
    assert curator.filesets() == {new}


def test_a_thousand_records_of_ones_own_are_not_read(quarrel: Quarrel) -> None:
    """What shows that those above were left out."""
    curator = quarrel.curator.imports()
    quarrel.curator.claims.notes(curator.fileset, record(1), None, MOST_NOTES + 1)
    said = quarrel.root("roz", "status", f"Fileset:{curator.fileset}")
    assert said.code == 1 and f"its {MOST_NOTES + 1} records are too large" in said.err


SOURCE, IMAGE, AT_ONCE = 987_654_321, 123_456_789, 20


def odd(value: dict, count: int) -> list[str]:
    """So many odd texts that a database can keep, each another, the same in every run."""
    found: dict[str, None] = {}

    @settings(max_examples=2 * count + 100, database=None, derandomize=True, phases=[Phase.generate], deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(texts(value))
    def collect(text: str) -> None:
        if "\x00" not in text:
            found[text] = None

    collect()
    assert len(found) >= count
    return list(found)[:count]


@pytest.mark.parametrize("count", [20, pytest.param(2000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_odd_records_end_no_command_in_a_traceback(quarrel: Quarrel, tmp_path: Path, count: int) -> None:
    """By each verb, among others of their kind: each line of a table is told, and nothing is changed."""
    (tmp_path / "curator").mkdir()
    many, claims = Many(quarrel.curator.omero, quarrel.server, tmp_path / "curator", AT_ONCE), quarrel.curator.claims
    own, run = list(zip(many.filesets, many.images, strict=True)), f"run {many.filesets[0]}"
    named, root = [f"Fileset:{fileset}" for fileset in many.filesets], quarrel.root.in_a_shell()
    notes = [(claims.note(fileset, "{}"), claims.note(fileset, "{}", ns=FILL)) for fileset in many.filesets]
    for fileset in many.filesets:
        claims.summary(fileset, [("What", "replace"), ("Run", run)])
    fill = {
        "format": 1, "object": f"Fileset:{SOURCE}", "from": "x.ome.xml", "user": "u", "when": "w", "version": "0.1",
        "fields": 1, "made": {"Objective": 1}, "put": [["Image", IMAGE, "name", "a", "b"]],
    }  # fmt: skip
    verbs = (
        ["status", *named], ["status", *named, "--json"], ["rollback", "--all-from", run, *quarrel.db],
        ["cleanup", *named, *quarrel.means, "--yes", "--dry-run"],
        ["replace-fileset", "--from", str(many.table()), "--dry-run", "--json", *quarrel.db],
        *(["completeness", one, "--undo", "--dry-run"] for one in named),
    )  # fmt: skip
    pairs = list(zip(odd(whole(SOURCE, IMAGE) | {"run": run}, count), odd(fill, count), strict=True))
    for start in range(0, count, AT_ONCE):
        written: dict[int, str] = {}
        for pair, both, (fileset, number) in zip(pairs[start : start + AT_ONCE], notes, own, strict=True):
            of_its_own = (text.replace(str(SOURCE), str(fileset)).replace(str(IMAGE), str(number)) for text in pair)
            written |= zip(both, of_its_own, strict=True)
        claims.rewrite_all(written)
        for verb in verbs:
            said = root("roz", *verb)
            assert said.code in (0, 1) and "Traceback" not in said.err, (start, verb, said.err)
            if verb[0] == "replace-fileset":
                assert [f"Fileset:{one['fileset']}" for one in json.loads(said.out)["filesets"]] == named
    assert many.holders() == many.filesets


def test_an_image_named_like_a_victims_plate_refuses_the_line_by_name_only(quarrel: Quarrel, tmp_path: Path) -> None:
    theirs, zarrs = small(quarrel.curator, tmp_path / "curator", 2)
    [[name]] = quarrel.curator.claims.rows(f"select i.name from Image i where i.fileset.id = {theirs[0]}")
    mine, _ = import_file(quarrel.member.omero.client, tmp_path / "curator" / "0.ome.tif")
    table = tmp_path / "table.csv"
    table.write_text(f'fileset,zarr\n"{name}",{zarrs[0]}\n{theirs[1]},{zarrs[1]}\n')
    said = quarrel.root("roz", "replace-fileset", "--from", str(table), "--json")
    done = json.loads(said.out)["filesets"]
    assert [one["state"] for one in done] == ["refused", "replaced"]
    assert "filesets have an image or plate of this name" in done[0]["reason"]
    assert quarrel.member.claims.inside(mine) and quarrel.curator.claims.inside(theirs[0])

"""Texts of strangers on a terminal, in JSON, in tables and pages: shown as what they are, and run by nothing."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_roz.change import Note
from omero_roz.cli import page, problems, terminal
from omero_roz.cli.progress import progress
from omero_roz.cli.telling import Screen
from omero_roz.errors import Problem, RozError, UsageError
from omero_roz.metadata import Node
from omero_roz.ports.tables import rows, text_of
from omero_roz.shown import as_cell, as_json, from_cell, one_line
from omero_roz.verify.completeness import compare

# Sets a terminal's title, clears it, moves up; C1's CSI; right-to-left override; a line of its own; a tag; not UTF-8.
HOSTILE = ("\x1b]0;owned\x07", "\x1b[2J", "\x9b31m", "\u202egpj.exe", "x\r\nerror: all is well", "\U000e0041", "\udcff")
any_text = st.text(st.characters(), max_size=40)


def is_harmless(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


@given(any_text)
def test_json_is_harmless_and_says_the_same(text: str) -> None:
    for value in ({text: [text]}, text):
        for indent in (2, None):
            shown = as_json(value, indent)
            assert is_harmless(shown)
            assert json.loads(shown) == value


@given(any_text)
def test_a_line_is_one_line(text: str) -> None:
    assert one_line(text).isprintable()
    assert one_line(one_line(text)) == one_line(text)
    if text.isprintable():
        assert one_line(text) == text


@given(any_text)
def test_a_cell_is_not_run_and_is_read_back(text: str) -> None:
    cell = as_cell(text)
    assert cell[:1] not in tuple("=+-@\t\r\n") or not cell
    assert from_cell(cell) == text


def test_cells_that_spreadsheets_run() -> None:
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=cmd|" /C calc"!A0', "'=1"):
        assert as_cell(text) == f"'{text}"
    for text in ("", "a=1", "'quoted'", "/data/x.zarr", "Fileset:5", "'"):
        assert as_cell(text) == text
    assert from_cell("'=1'") == "=1'"


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_a_table_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, lines: list) -> None:
    file = tmp_path_factory.getbasetemp() / "table.csv"
    table = text_of(("fileset", "zarr"), [{"fileset": a, "zarr": b} for a, b in lines])
    file.write_bytes(table.encode())
    kept = [[a.strip(), b.strip()] for a, b in lines]
    got = [row for _, row in rows(str(file), "--from")][1:]
    assert got == [line for line in kept if any(line)]


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_the_terminal_is_given_is_text(text: str) -> None:
    out = io.StringIO()
    error = RozError.of([Problem(text, text, text)] * 3)
    for problem in problems.show_differences(error, out):
        out.write(f"{problem}\n")
    terminal.show_rows((text, "b"), [(text, text)], out)
    tree = Node("Image", {"name": text})
    terminal.show_completeness(compare(tree, Node("Image", {text: text}), (text, text)), out)
    with progress(out) as report:
        report(text, 0, 5)
    assert is_harmless(out.getvalue())
    assert one_line(text) in out.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("text", HOSTILE)
def test_a_bar_on_a_terminal_draws_no_more_than_without_a_stranger(text: str) -> None:
    out = Terminal()
    with progress(out) as report:
        report(f"reading {text} [bold]x[/]", 1, 5)
    assert text not in out.getvalue()


class Context:
    """What omero-py's command line has to print with."""

    def __init__(self) -> None:
        self.printed: list[str] = []

    def out(self, text: str) -> None:
        self.printed.append(text)

    err = out

    def input(self, text: str) -> str:
        self.printed.append(text)
        return "n"


@pytest.mark.parametrize("text", HOSTILE)
def test_all_that_a_verb_says_is_text(text: str) -> None:
    context = Context()
    screen = Screen(context)
    screen.out(text)
    screen.err(text)
    screen.input(text)
    screen.json({text: text})
    assert len(context.printed) == 4
    assert all(map(is_harmless, context.printed))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_page_shows_it_and_people_read_it_in_omero(text: str) -> None:
    tree = Node("Image", {"name": text, text: text})
    html = page.completeness(compare(tree, Node("Image"), (text, text)))
    assert is_harmless(html)
    [(_, value)] = Note("ns", "{}", "ns", [("Zarr", text)]).summary
    assert value == one_line(text)


def test_a_table_with_an_open_quote_or_no_text_is_refused(tmp_path: Path) -> None:
    for content in (b'fileset,zarr\n1,"x\n2,y\n', b"\xff\xfe", b"a" * 200_000):
        (tmp_path / "table.csv").write_bytes(content)
        with pytest.raises(UsageError, match="cannot be read"):
            list(rows(str(tmp_path / "table.csv"), "--from"))

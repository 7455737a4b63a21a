"""The tables of what becomes of rows speak of the model as it is."""

import pytest

from omero_sandbox.graphs import facts
from omero_sandbox.graphs.facts import APART, ASKED, FREE, GOES, HELD, MOVES, REFUSED
from omero_sandbox.graphs.targets import DELETE, GIVE, MOVE
from omero_sandbox.model.mapping import entities

TABLES = ("deleting", "moving", "giving", "using")


@pytest.mark.parametrize("table", TABLES)
def test_every_line_can_be_read(table: str) -> None:
    for fact in facts.facts(table):
        assert fact.row.classes
        assert fact.becomes in {ASKED, HELD, FREE, GOES, MOVES, APART, REFUSED}
        assert bool(fact.refusal) == (fact.becomes == REFUSED)
        assert all(way.end.classes for way in fact.ways)


@pytest.mark.parametrize("table", TABLES)
def test_every_line_begins_with_rows_that_are_known(table: str) -> None:
    for fact in facts.facts(table):
        assert fact.row.concerned or any(way.end.concerned for way in fact.ways)


def test_a_line_about_what_the_model_has_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError):
        facts._fact("Image:idle asked <Dataset.images :goes", {})
    with pytest.raises(KeyError):
        facts._fact("Picture:idle asked .fileset :goes", {})


@pytest.mark.parametrize("name", sorted({*DELETE, *GIVE, *MOVE} - {"Link", "IAnnotationLink"}))
def test_targets_are_classes_of_the_model(name: str) -> None:
    assert name in entities()


def test_what_may_be_asked_for_can_go_or_stay() -> None:
    asked = {c for f in facts.facts("deleting") if f.becomes == ASKED for c in f.row.classes}
    free = {c for f in facts.facts("deleting") if f.becomes == GOES and FREE in f.row.states for c in f.row.classes}
    assert asked <= free

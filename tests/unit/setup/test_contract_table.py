"""The table of facts at the end of a run."""

from tests.contract.facts import Fact, table

KNOWN, GUESSED = Fact("It is so.", "facts 1", True), Fact("It may be so.", "sources", False)


def test_beside_other_tests_only_what_is_open_is_listed():
    lines = list(table({KNOWN: "passed", GUESSED: "passed"}, real=False, whole=False))
    assert [line.split("  ")[-1] for line in lines] == ["(sources)", "2 of 2 facts hold on the sandbox, 1 unmeasured"]


def test_a_fact_that_does_not_hold_is_always_listed():
    *rows, total = table({KNOWN: "failed", GUESSED: "passed"}, real=True, whole=False)
    assert [row.split()[:2] for row in rows] == [["failed", "now"]]
    assert total == "1 of 2 facts hold on this server, 0 unmeasured"

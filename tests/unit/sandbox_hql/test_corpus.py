"""The queries that stand in omero-py's own code (and OMERO.web's, where it is installed) parse and run."""

import itertools
import random
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import omero.clients
import pytest
from omero.rtypes import rbool, rlist, rlong, rstring, rtime

import omero
from omero_sandbox.hql import project
from omero_sandbox.hql.parse import parse
from tests.unit.sandbox_hql.extract import filled, queries
from tests.unit.sandbox_model.world import World, caller

VALUES = [rlong(1), rlist([rlong(1)]), rstring("x"), rlist([rstring("x")]), rtime(0), rbool(True)]
# No query, a misspelt one ("orderby"), and those whose unknown parts stand for something else in each place.
NOT_WHOLE = {"omero": 9, "omeroweb": 8}


@pytest.mark.parametrize("package", ["omero", "omeroweb"])
def test_all_parse_and_run(world: World, package: str) -> None:
    spec = find_spec(package)
    if spec is None:
        pytest.skip(f"{package} is not installed")
    folder = Path((spec.submodule_search_locations or [""])[0])
    found = [(file, *q) for file in sorted(folder.rglob("*.py")) for q in queries(file)]
    failed = [f"{file.relative_to(folder)}:{line}: {e}" for file, line, q in found if (e := _tried(world, q))]
    print(f"{package}: {len(found) - len(failed)} of {len(found)} queries parse and run")
    assert found
    assert len(failed) <= NOT_WHOLE[package], "\n".join(failed)


def _tried(world: World, query: str) -> str | None:
    """None if the query runs with some values of its parameters, else why not."""
    reasons = []
    for guess in filled(query):
        reason = _run(world, guess)
        if reason is None:
            return None
        reasons.append(reason)
    return reasons[0]


def _run(world: World, query: str) -> str | None:
    try:
        parse(query)
    except omero.QueryException as refused:
        return str(refused.message)
    names = sorted(set(re.findall(r":(\w+)", query)))
    tries: Any = itertools.product(VALUES, repeat=len(names))
    if len(names) > 4:
        draw = random.Random(0)
        tries = ([draw.choice(VALUES) for _ in names] for _ in range(5000))
    reason = None
    with world.database.read() as cursor:
        for values in tries:
            try:
                project(
                    cursor, caller(), query, omero.sys.Parameters(dict(zip(names, values, strict=True)), None, None)
                )
                return None
            except omero.QueryException as refused:
                reason = str(refused.message)
                if not re.search("operator|integer|bigint|type|array|ANY", reason):
                    break
    return reason

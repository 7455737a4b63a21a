"""Which tests `make test` leaves to `make test-all`: `python -m tools.long_tests RUN.xml`.

RUN.xml is what `pytest --junitxml` wrote of a whole run on a quiet machine. A case that takes longer than --seconds is
long; where all cases of a test are, the fastest stays in `make test` if it takes at most --telling seconds. Writes
tests/long_tests.txt, and prints how many there are and what stays.
"""

import argparse
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
LIST = ROOT / "tests" / "long_tests.txt"
HEAD = "# Left to make test-all, as measured: made by python -m tools.long_tests\n"


def main() -> int:
    """Write the list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--telling", type=float, default=3.0)
    args = parser.parse_args()
    took, long = measured(args.run), set[str]()
    for cases in by_test(took).values():
        fastest = min(cases, key=lambda one: took[one])
        stays = fastest if took[fastest] <= args.telling else None
        long |= {one for one in cases if took[one] > args.seconds and one != stays}
    LIST.write_text(HEAD + "".join(f"{one}\n" for one in sorted(long)), "utf-8")
    left = sum(took[one] for one in long)
    print(f"{len(long)} of {len(took)} tests are long: {left:.0f} of {sum(took.values()):.0f} s")
    return 0


def measured(run: Path) -> dict[str, float]:
    """The seconds of each test, by its id below tests/."""
    found = ElementTree.parse(run).iter("testcase")
    named = (one for one in found if one.get("classname"))
    return {_id(one.get("classname", ""), one.get("name", "")): float(one.get("time", 0)) for one in named}


def by_test(ids: dict[str, float]) -> dict[str, list[str]]:
    """The cases of each test."""
    found = defaultdict(list)
    for one in ids:
        found[one.partition("[")[0]].append(one)
    return found


def _id(classname: str, name: str) -> str:
    """tests.integration.test_x.TestY, test_z: integration/test_x.py::TestY::test_z"""
    names = classname.split(".")
    file = next((n for n in range(len(names), 0, -1) if (ROOT / Path(*names[:n]).with_suffix(".py")).is_file()), 1)
    return "::".join(("/".join(names[1:file]) + ".py", *names[file:], name))


if __name__ == "__main__":
    sys.exit(main())

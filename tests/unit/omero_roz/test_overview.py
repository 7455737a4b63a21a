"""`omero roz` without a verb, its help, and completion: what a newcomer sees first."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from omero_roz.cli import overview
from omero_roz.cli_plugin import WITH_OMERO, WITHOUT_OMERO

ROOT = Path(__file__).parents[3]
VERBS = WITHOUT_OMERO | WITH_OMERO
EXAMPLES = [example for verbs in overview.GROUPS.values() for examples in verbs.values() for example in examples]
COMMAND = "import sys, omero.cli; sys.exit(omero.cli.argv(['omero', *sys.argv[1:]]))"


def omero(*arguments: str, columns: int = 80) -> subprocess.CompletedProcess[str]:
    """As a list of arguments, because the command itself refuses root."""
    line = [sys.executable, "-W", "ignore", "-c", COMMAND, *arguments]
    return subprocess.run(line, capture_output=True, text=True, env={**os.environ, "COLUMNS": str(columns)})


def test_roz_alone_shows_every_verb_with_an_example_in_the_terminals_width() -> None:
    done = omero("roz", columns=60)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert Counter(re.findall(r"^  ([\w-]+)  ", done.stdout, re.M)) == Counter(list(VERBS))
    assert Counter(re.findall(r"\$ omero roz ([\w-]+)", done.stdout)) == Counter(list(VERBS))
    assert [line for line in lines if len(line) > 60 and "$" not in line] == []
    assert omero("roz", "-h", columns=60).stdout == done.stdout


def test_a_verbs_help_is_wrapped_whole_and_has_examples() -> None:
    done = omero("roz", "verify", "-h", columns=60)
    assert [line for line in done.stdout.splitlines() if len(line) > 60 and not re.match(r"    OMERO|  \$", line)] == []
    assert "or the path or address of a Zarr for all images that are bound to it" in " ".join(done.stdout.split())
    assert f"Examples:\n  $ omero roz {overview.GROUPS['Know and prove']['verify'][0]}\n" in done.stdout


def test_version_is_that_of_the_install() -> None:
    done = omero("roz", "--version")
    assert re.fullmatch(r"omero-roz \d+\.\d+\S*\n", done.stdout), done.stderr


def test_an_unknown_shell_is_a_wrong_call() -> None:
    done = omero("roz", "--completion", "fish")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == "--completion fish: no completion is made for it; say bash or zsh"


def test_every_example_is_a_right_call() -> None:
    """As far as the options go: a parser ends a wrong one."""
    code = (
        "import json, sys, omero.cli\nfrom omero_roz.cli_plugin import RozControl\n"
        "cli = omero.cli.CLI(); cli.register('roz', RozControl, '')\n"
        "for line in json.load(sys.stdin): cli.parser.parse_args(line)"
    )
    lines = [["roz", *shlex.split(example)] for example in EXAMPLES]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], input=json.dumps(lines), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_plugin_brings_little_to_every_omero_command() -> None:
    """OMERO registers all plugins at each command: ours imports its own few files and the standard library."""
    code = (
        "import json, sys, omero.cli\ncli, before = omero.cli.CLI(), set(sys.modules)\n"
        "from omero_roz.cli_plugin import RozControl; cli.register('roz', RozControl, '')\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    modules = json.loads(done.stdout)
    own = [name for name in modules if name.partition(".")[0] == "omero_roz"]
    others = {name.partition(".")[0] for name in modules} - {"omero_roz"} - sys.stdlib_module_names
    assert others == set()
    assert len(own) <= len(VERBS) + 13, own
    assert len(modules) <= 50, modules


def test_completion_is_made_of_todays_options() -> None:
    """Else: python -m tools.completion."""
    pytest.importorskip("shtab")
    from tools import completion

    made = {shell: completion.text(shell) for shell in completion.SHELLS}
    assert {shell: overview.completion(shell) for shell in completion.SHELLS} == made


@pytest.mark.parametrize(
    ("words", "proposed"),
    [
        (["roz", "re"], {"replace-fileset"}),
        (["roz", "cleanup", "--man"], {"--managed-repository"}),
        (["roz", "import", "--stats", ""], {"auto", "read", "none"}),
    ],
)
def test_bash_completes(words: list[str], proposed: set[str]) -> None:
    line = " ".join(shlex.quote(word) for word in ("omero", *words))
    told = f"{overview.completion('bash')}\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}; _shtab_omero\n"
    done = subprocess.run(["bash"], input=f'{told}printf "%s\\n" "${{COMPREPLY[@]}}"', capture_output=True, text=True)
    assert set(done.stdout.split()) == proposed, done.stderr

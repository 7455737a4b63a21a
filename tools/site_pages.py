"""The pages of the site that no file of docs/ holds: mkdocs asks for them while it builds (mkdocs.yml).

README.md, CHANGELOG.md and CONTRIBUTING.md stand above docs/, so their links are turned; the reference is made of the
verbs' own parsers, and so cannot say what they do not take.
"""

import argparse
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from omero_roz.cli.overview import GROUPS
from tools.completion import verbs

ROOT = Path(__file__).parents[1]
ABOVE = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
LINK = re.compile(r"(\]\()([^)\s#:]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to what docs/ holds."""
    pages = {page: from_docs((ROOT / name).read_text()) for name, page in ABOVE.items()}
    for page, text in (pages | {"reference.md": reference(verbs())}).items():
        files.append(File.generated(config, page, content=text))
    return files


def from_docs(text: str) -> str:
    """Markdown of the root's folder as it has to be in docs/."""
    return LINK.sub(lambda link: f"{link[1]}{_target(link[2])}{link[3] or ''})", text)


def _target(path: str) -> str:
    return ABOVE.get(path) or path.removeprefix("docs/")


def reference(parsers: Mapping[str, argparse.ArgumentParser]) -> str:
    """All verbs and what they take, in the overview's order."""
    return "\n".join(_reference(parsers)) + "\n"


def _reference(parsers: Mapping[str, argparse.ArgumentParser]) -> Iterator[str]:
    yield "# All verbs and options\n"
    yield "Made from the command's own parsers when this site was built; `omero roz VERB -h` says the same.\n"
    for purpose, examples in GROUPS.items():
        yield f"## {purpose}\n"
        for verb in examples:
            yield from _verb(verb, parsers[verb], examples[verb])


def _verb(verb: str, parser: argparse.ArgumentParser, examples: tuple[str, ...]) -> Iterator[str]:
    yield f"### {verb}\n"
    yield f"{_text(parser.description or '')}.\n"
    yield from (f"    $ omero roz {example}" for example in examples)
    yield "\n| | |\n|---|---|"
    for action in parser._actions:
        if action.help != argparse.SUPPRESS:
            yield f"| {_names(parser, action)} | {_help(parser, action)} |"
    yield ""


def _names(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """An option's names and values as its help shows them."""
    return f"`{parser._get_formatter()._format_action_invocation(action)}`"


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """An option's help with its values filled in; of verbs of a verb a line each."""
    if isinstance(action, argparse._SubParsersAction):
        return "<br>".join(f"`{one.dest}`: {_text(one.help or '')}" for one in action._choices_actions)
    return _text(parser._get_formatter()._expand_help(action)) if action.help else ""


def _text(help_: str) -> str:
    """Words that are no Markdown and no HTML, in one cell of a table."""
    return re.sub(r"([\\`*_<>|\[\]])", r"\\\1", " ".join(help_.split()))

"""How texts of strangers are shown: names in a Zarr, in OMERO or in a table come to terminals, logs and spreadsheets.

Control characters (C0 and C1), those that turn the direction of writing, and all else that cannot be printed are
shown as what they are. A cell that a spreadsheet would run is kept from it, and is read back as it was.
"""

import json
import re
from typing import Any

_NOT_ASCII = re.compile(r"[^\x20-\x7e\n]")
_RUN = frozenset("=+-@\t\r\n＝＋－＠")


def one_line(text: str) -> str:
    """The text with all that is unprintable escaped, as \\x9b or \\u202e."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def as_json(value: Any, indent: int | None = 2, **options: Any) -> str:
    """JSON with all that is unprintable escaped: it is read the same, and harmless on a terminal."""
    return _NOT_ASCII.sub(_escaped, json.dumps(value, ensure_ascii=False, indent=indent, **options))


def as_cell(text: str) -> str:
    """A text as the cell of a table that a spreadsheet may open: with ' in front where it would be run."""
    return f"'{text}" if _runs(text) else text


def from_cell(cell: str) -> str:
    """The text that `as_cell` was given; a cell that somebody else has written is mostly as it is."""
    return cell[1:] if cell.startswith("'") and _runs(cell) else cell


def _runs(text: str) -> bool:
    """Whether what follows any ' is run, so that each of them is read back."""
    return text.lstrip("'")[:1] in _RUN


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    return json.dumps(character)[1:-1]  # \uXXXX, or two of them

"""How texts of strangers are shown: names in a Zarr, in OMERO, in a table or in an error come to terminals and logs.

Control characters (C0 and C1), those that turn the direction of writing, and all else that cannot be printed are
shown as what they are. A cell that a spreadsheet would run is kept from it, and is read back as it was. Passwords and
signatures in addresses are left out, wherever the text comes from.
"""

import json
import re
from typing import Any

_NOT_ASCII = re.compile(r"[^\x20-\x7e\n]")
_RUN = frozenset("#=+-@\t\r\n＝＋－＠")
MOST = 200  # characters of what an error of somebody else's says
_BLANKS = re.compile(r"([\s\"'<>]+)")  # where an address ends
_SCHEME = re.compile(
    r"(?i)(?<![\w./-])(?:s3|https?|ftps?|sftp|gs|gcs|az|abfss?|postgres(?:ql)?|tcp|tls|wss?)(?=[:/\\])"
)
_SECRET = re.compile(r"(?i)token|sig|secret|pass|pwd|cred|key|auth|session")
_QUERY = re.compile(r"([?&;])")
_DSN = re.compile(r"(?i)(\b(?:\w*password|passwd|pwd|\w*secret(?:_?access)?(?:_?key)?)\s*=\s*)(?:'[^']*'|[^\s']\S*)")


def without_secrets(text: str) -> str:
    """The text with … for what names and passwords an address in it has, or a signature, also where it is misspelt."""
    if "=" in text:
        text = _DSN.sub(r"\1…", text)
    if "@" not in text and "=" not in text:
        return text
    return "".join(map(_word_without_secrets, _BLANKS.split(text)))


def is_secret(name: str) -> bool:
    """Whether a parameter of this name is a secret, as well as can be guessed."""
    return _SECRET.search(name.replace("-", "").replace("_", "")) is not None


def _word_without_secrets(word: str) -> str:
    """The same of what has no blank in it. All of it takes linear time, for a name may have megabytes."""
    end = word.rfind("@")
    if end > 0 and (start := _user_info(word, end)) is not None:
        word = f"{word[:start]}…{word[end:]}"
    if "=" not in word:
        return word
    parts = _QUERY.split(word)
    for place in range(2, len(parts), 2):
        name, equals, value = parts[place].partition("=")
        if value and is_secret(name):
            parts[place] = f"{name}{equals}…"
    return "".join(parts)


def _user_info(word: str, end: int) -> int | None:
    """Where a name and a password before an @ begin. A password may have slashes, as Amazon's have."""
    found = [start for start in (_behind_slashes(word, end), _behind_slip(word, end)) if start is not None]
    return min(found, default=None)


def _behind_slashes(word: str, end: int) -> int | None:
    """//user:password@host, //token@host"""
    start = word.find("//") + 2
    if not 2 <= start <= end:
        return None
    name, slash, _ = word[start:end].lstrip("/").partition("/")
    return start if ":" in name or not slash else None


def _behind_slip(word: str, end: int) -> int | None:
    """With a slip of the hand: s3:/KEY:SECRET@bucket, s3//KEY:SECRET@bucket, s3:KEY:SECRET@bucket"""
    if (scheme := _SCHEME.search(word, 0, end)) is None:
        return None
    rest = word[scheme.end() : end]
    slip = (rest.startswith((":/", ":\\")) or ":" in rest[1:]) and not rest.startswith("://")
    return scheme.end() + len(rest) - len(rest.lstrip(":/\\")) if slip else None


def hides_secret(text: str) -> bool:
    """Whether an address with a secret is in a text, as well as can be seen."""
    return without_secrets(text) != text


def one_line(text: str) -> str:
    """The text without secrets, with all that is unprintable escaped, as \\x9b or \\u202e."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in without_secrets(text))


def said(error: BaseException) -> str:
    """What an error of another library says: its kind and the beginning of its first line, in one line.

    Nothing else of such an error may be shown: what it has of addresses and answers is not ours to choose.
    """
    of_system = isinstance(error, OSError) and error.errno and error.strerror
    lines = str(of_system or error).strip().splitlines() or [""]
    told = without_secrets(lines[0][: 2 * MOST])
    # What they repeat may be a slip of the hand that went past us: u:p@h in a file of libpq's.
    words = (f"…{word[word.rfind('@') :]}" if ":" in word[: word.rfind("@")] else word for word in _BLANKS.split(told))
    kind = "" if of_system else f"{type(error).__name__}: "
    return one_line(f"{kind}{''.join(words)[:MOST]}".removesuffix(": "))


def as_json(value: Any, indent: int | None = 2, **options: Any) -> str:
    """JSON with all that is unprintable escaped: it is read the same, and harmless on a terminal."""
    return _NOT_ASCII.sub(_escaped, json.dumps(value, ensure_ascii=False, indent=indent, **options))


def clean(value: Any) -> Any:
    """A value of JSON whose texts have no secrets."""
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, dict):
        return {clean(key): clean(one) for key, one in value.items()}
    return [clean(one) for one in value] if isinstance(value, list | tuple) else value


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things, in the singular where it is one; `many` is what is not `one` with an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def as_cell(text: str) -> str:
    """A text as the cell of a table that a spreadsheet may open: with ' in front where it would be run."""
    return f"'{text}" if _runs(text) else text


def from_cell(cell: str) -> str:
    """The text that `as_cell` was given; a cell that somebody else has written is mostly as it is."""
    return cell[1:] if cell.startswith("'") and _runs(cell) else cell


def _runs(text: str) -> bool:
    """Whether what follows any ' is run, so that each of them is read back; a line that begins with # is a comment."""
    return text.lstrip("'")[:1] in _RUN


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    return json.dumps(character)[1:-1]  # \uXXXX, or two of them

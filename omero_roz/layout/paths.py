"""Paths that a Zarr names: they never leave its root."""

from __future__ import annotations

from urllib.parse import unquote

MOST_PATH = 4096  # characters; a disk's may have as many bytes, a bucket's keys 1,024


def unsafe(path: str) -> str | None:
    """Why a path from a file must not be followed, None when it may; "" (the root itself) may.

    Refused are absolute paths, backslashes, empty segments, ".", "..", control characters, and the same
    behind one or more layers of percent encoding, which a web server may undo.
    """
    if len(path) > MOST_PATH:
        return "it is longer than any path"
    decoded = path
    while True:
        reason = _unsafe_literally(decoded)
        if reason:
            return reason
        further = unquote(decoded)
        if further == decoded:
            return None
        if further.count("/") != decoded.count("/"):
            return "it hides a '/' behind percent encoding"
        decoded = further


def _unsafe_literally(path: str) -> str | None:
    if not path:
        return None
    if path.startswith("/"):
        return "it is absolute"
    if "\\" in path:
        return "it has a backslash"
    if not path.isprintable():
        return "it has control characters"
    segments = path.split("/")
    if "" in segments:
        return "it has an empty segment"
    if "." in segments or ".." in segments:
        return "it has a '.' or '..' segment"
    return None


def join(*parts: str) -> str:
    """The parts that are not empty, joined by "/"."""
    return "/".join(part for part in parts if part)

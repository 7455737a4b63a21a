"""Records as nobody wrote them: texts that are none, values of other types, far too deep or large, odd characters."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.support.claims import image, record

ODD_TEXT = ["", "\x00", "\ud800", "\u202e\u009b31m", "x" * 5_000, "9" * 5_000, "Fileset:1", "'; DROP TABLE image; --"]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.sampled_from(ODD_TEXT), st.text(max_size=9)
)
NAMES = st.text(max_size=5)
JSON = st.recursive(
    SCALARS, lambda one: st.lists(one, max_size=3) | st.dictionaries(NAMES, one, max_size=3), max_leaves=9
)


def put(value: Any, path: tuple, new: Any) -> Any:
    """A copy of nested values with another one at a path."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(copy[path[0]], path[1:], new)
    return copy


def paths(value: Any, path: tuple = ()) -> list[tuple]:
    """The paths of all values in nested ones."""
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += paths(inner, (*path, key))
    return found


def whole(source: int = 1, number: int = 2) -> dict[str, Any]:
    """A record that has everything."""
    info = {"entity_type": "com.glencoesoftware.ngff:multiscales", "entity_id": 3, "lsid": "/x.zarr/0", "uuid": None}
    file = {"path": "a/b", "name": "c", "repo": "d"}
    one = image(number, binding=info | {"row": 7}, binding_before=info, pixels_before=file, pixels=file)
    check = {"before": {"check": "sample", "seed": 1, "images": 1, "planes": 2, "sha1": "0" * 40}}
    return record(source, [one], check=check, shared=[["Plate", 3]], run="a run", format=2)


def texts(value: dict[str, Any]) -> st.SearchStrategy[str]:
    """Texts that are nearly, or not at all, what a record or another JSON text is."""
    changed = st.builds(lambda path, new: put(value, path, new), st.sampled_from(paths(value)), JSON)
    cut = st.integers(0, len(json.dumps(value))).map(lambda n: json.dumps(value)[:n])
    deep = st.sampled_from(["[" * 5_000, '{"a":' * 3_000, "[" * 100_000 + "]" * 100_000])
    return st.one_of(changed.map(json.dumps), changed.map(json.dumps), JSON.map(json.dumps), st.text(), cut, deep)

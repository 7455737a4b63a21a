"""Pages for a browser: one file that needs nothing else, readable on a phone and on paper."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version

from omero_roz.shown import one_line
from omero_roz.verify.completeness import Completeness, Field, Score

MOST_DIFFERENCES = 1000
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #1a7f37; --bad: #b3261e; --more: #3567b0 }
* { box-sizing: border-box }
body { font: 16px/1.45 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 60rem }
body { overflow-wrap: anywhere }
h1 { font-size: 1.35rem; margin: 0 0 .5rem } h2 { font-size: 1.1rem; margin: 1.6rem 0 .4rem }
dl { display: grid; grid-template-columns: auto 1fr; gap: .1rem .8rem; margin: 0 }
dt { font-weight: 600 } dd { margin: 0 }
.verdict { font-size: 1.15rem; font-weight: 600; margin: 1rem 0 }
.good { color: var(--good) } .bad { color: var(--bad) } .more { color: var(--more) }
details { border-top: 1px solid var(--line); padding: .45rem 0 }
summary { cursor: pointer; display: flex; flex-wrap: wrap; gap: 0 .8rem; align-items: baseline; min-height: 1.8rem }
summary b { flex: 1 1 10rem } summary span { white-space: nowrap }
meter { width: 5rem }
ul { list-style: none; margin: .3rem 0; padding: 0 } li { border-top: 1px dotted var(--line); padding: .3rem 0 }
code { font-size: .85rem } small { opacity: .8 }
@media (prefers-color-scheme: dark) { :root { --good: #57c878; --bad: #ff8a80; --more: #8ab4f8 } }
"""
_STATES = {"equal": "good", "different": "bad", "only in A": "bad", "only in B": "more", "not yet in B": "more"}


def completeness(result: Completeness) -> str:
    """The page of a comparison of metadata: the verdict, what is lost, and each group with its fields."""
    whole = result.whole
    lost = result.lost
    css = "good" if result.complete else "bad"
    verdict = "Nothing is lost: all of A is in B" if result.complete else f"{len(lost)} of {whole.of_a} fields are lost"
    parts = [
        "<h1>Metadata completeness</h1>",
        f"<dl><dt>A</dt><dd>{_text(result.a)}</dd><dt>B</dt><dd>{_text(result.b)}</dd></dl>",
        f'<p class="verdict {css}">{verdict} ({_percent(whole)})</p>',
        f"<p>{_counts(whole)}</p>",
        *_lost(lost),
        "<h2>Groups</h2>",
        *_groups(result),
        f"<p><small>omero-roz {escape(version('omero-roz'))}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC</small></p>",
    ]
    return _document("Metadata completeness", "\n".join(parts))


def _document(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _lost(lost: Sequence[Field]) -> Iterator[str]:
    if not lost:
        return
    yield "<h2>Lost or changed</h2><ul>"
    for field in lost[:MOST_DIFFERENCES]:
        a, b = _text(str(field.a)), "nothing" if field.b is None else _text(str(field.b))
        yield f'<li><code>{_text(field.path)}</code><br>A: {a} · <span class="bad">B: {b}</span></li>'
    yield "</ul>"
    if len(lost) > MOST_DIFFERENCES:
        yield f"<p>and {len(lost) - MOST_DIFFERENCES} more (all of them: --json)</p>"


def _groups(result: Completeness) -> Iterator[str]:
    """Each group folded: its score, and its fields taken together over images, channels and planes."""
    fields: defaultdict[str, defaultdict[str, list[Field]]] = defaultdict(lambda: defaultdict(list))
    for field in result.fields:
        fields[field.group][field.pattern].append(field)
    for score in result.scores():
        yield f"<details><summary><b>{_text(score.group)}</b>{_meter(score)}<span>{_counts(score)}</span></summary>"
        yield "<ul>"
        for pattern, found in fields[score.group].items():
            yield f"<li><code>{_text(pattern)}</code><br>{_states(found)}: {_examples(found)}</li>"
        yield "</ul></details>"


def _meter(score: Score) -> str:
    if score.percent is None:
        return "<span>nothing in A</span>"
    return f'<meter min="0" max="100" value="{score.percent}"></meter><span>{_percent(score)}</span>'


def _percent(score: Score) -> str:
    return "nothing in A" if score.percent is None else f"{score.percent:g} %"


def _counts(score: Score) -> str:
    counts = {
        "equal": score.equal, "different": score.different, "only in A": score.only_a, "only in B": score.only_b,
        "not yet in B": score.not_yet,
    }  # fmt: skip
    return ", ".join(f'<span class="{_STATES[state]}">{n} {state}</span>' for state, n in counts.items() if n)


def _states(fields: Sequence[Field]) -> str:
    counts = Counter(field.state for field in fields)
    return ", ".join(f'<span class="{_STATES[state]}">{n} {state}</span>' for state, n in counts.items())


def _examples(fields: Sequence[Field]) -> str:
    values = dict.fromkeys(str(field.a if field.a is not None else field.b)[:200] for field in fields)
    return _text("; ".join(list(values)[:5])) + (" …" if len(values) > 5 else "")


def _text(text: str) -> str:
    """A text of a stranger's as HTML."""
    return escape(one_line(text))

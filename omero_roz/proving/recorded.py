"""What a record says of a comparison.

`Record.check` is {"before": {...}, "after": {...}}, each with what was looked at, the seed that repeats it, how many
images and planes of how many, and one SHA-1 of all that OMERO showed; "unproven" says why it proves nothing.
"""

from dataclasses import replace
from typing import Any

from omero_roz.proving.evidence import Evidence
from omero_roz.proving.pixels import Checked
from omero_roz.proving.sampling import Choice, Sample
from omero_roz.record import Record


def as_recorded(choice: Choice, seen: Checked) -> dict[str, Any]:
    """What was seen of a choice, for `Record.check`."""
    if isinstance(choice, Sample):
        return {"check": "sample", "seed": choice.seed} | seen.told()
    return {"check": "all"} | seen.told()


def proven(record: Record, choice: Choice, seen: Checked, evidence: Evidence) -> Record:
    """The record of images of which nothing differs after a change: proven, or unproven with its reason."""
    after = as_recorded(choice, seen) | ({"unproven": evidence.missing} if evidence.missing else {})
    state = "unproven" if evidence.missing else "proven"
    return replace(record, state=state, check=(record.check or {}) | {"after": after})


def told(record: Record) -> str:
    """The proof of a record for people, on one line."""
    parts = []
    for moment, check in (record.check or {}).items():
        of = f" of {check['of_planes']}" if "of_planes" in check else ""  # older records do not say
        why = f", unproven: {check['unproven']}" if "unproven" in check else ""
        parts.append(f"{moment}: {check['planes']}{of} planes ({check['check']}){why}")
    return ", ".join(parts)

"""The verbs, for the command line and for scripts alike: what the user named in, what was done out."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from omero_roz.binding.lsid import ServerView, parse_server_path
from omero_roz.errors import Refused
from omero_roz.import_ import planning as import_planning
from omero_roz.import_ import steps as import_steps
from omero_roz.matching import Pair, match_fileset
from omero_roz.plan import ImportPlan, ReplacePlan
from omero_roz.ports.filesets import Filesets
from omero_roz.ports.new_images import find_target
from omero_roz.ports.omero_session import OmeroSession
from omero_roz.record import NS_RECORD, Record, from_json
from omero_roz.replace import planning as replace_planning
from omero_roz.replace import steps as replace_steps
from omero_roz.verify.pixels import Progress
from omero_roz.zarrs import Zarr


@dataclass(frozen=True, slots=True)
class Replacement:
    """A plan with the pairs that it was made from."""

    plan: ReplacePlan
    pairs: tuple[Pair, ...]


def plan_import(
    session: OmeroSession, zarr: Zarr, target: tuple[str, int] | None, server_paths: Sequence[str]
) -> ImportPlan:
    """Plan an import into a target (kind and id); `server_paths` are LOCAL=SERVER."""
    view = _view(zarr, server_paths)
    found = find_target(session, *target) if target else None
    return import_planning.plan_import(zarr.layout, session.who, found, view, datetime.now(UTC))


def run_import(
    session: OmeroSession, plan: ImportPlan, zarr: Zarr, probe: bool, progress: Progress
) -> import_steps.Imported:
    """Import as planned."""
    record = _record(session, "import", "open", plan.uri, plan.binding, None)
    return import_steps.run_import(session, plan, zarr.layout, zarr.store, record, probe, progress)


def plan_replacement(session: OmeroSession, zarr: Zarr, fileset_id: int, server_paths: Sequence[str]) -> Replacement:
    """Plan the replacement of a fileset."""
    view = _view(zarr, server_paths)
    fileset = Filesets(session).get(fileset_id)
    if fileset.owner.user_id != session.who.user_id:
        where, what = (
            f"Fileset:{fileset_id}",
            f"it belongs to {fileset.owner.user_name}, and a new Fileset would be yours",
        )
        raise Refused(what, where, f"log in as {fileset.owner.user_name}")
    pairs = match_fileset(fileset, zarr.layout)
    return Replacement(replace_planning.plan_replacement(fileset, zarr.layout, pairs, view, datetime.now(UTC)), pairs)


def run_replacement(
    session: OmeroSession, replacement: Replacement, zarr: Zarr, probe: bool, progress: Progress
) -> replace_steps.Replaced:
    """Replace as planned."""
    plan = replacement.plan
    record = _record(session, "replace", "unproven", plan.uri, plan.binding, plan.source)
    return replace_steps.run_replacement(
        session, plan, replacement.pairs, zarr.store, zarr.layout, record, probe, progress
    )


def roll_back(session: OmeroSession, fileset_id: int) -> int:
    """Bring back the source of a replaced fileset; the source's id."""
    filesets = Filesets(session)
    fileset = filesets.get(fileset_id)
    written = replace_steps.latest(filesets, fileset_id)
    undone = written.record
    record = _record(session, "rollback", "done", undone.uri, undone.binding, fileset_id)
    return replace_steps.roll_back(session, written, fileset.owner, record)


def records(session: OmeroSession, fileset_id: int) -> list[Record]:
    """What omero-roz did to a fileset, oldest first."""
    filesets = Filesets(session)
    filesets.get(fileset_id)
    return [from_json(text, f"Fileset:{fileset_id}") for _, text in filesets.notes(fileset_id, NS_RECORD)]


def as_json(value: object) -> str:
    """A value, or a list of values, as JSON text."""
    if isinstance(value, list):
        return json.dumps([asdict(one) for one in value], ensure_ascii=False, indent=2)
    plain = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    return json.dumps(plain, ensure_ascii=False, indent=2)


def _view(zarr: Zarr, server_paths: Sequence[str]) -> ServerView:
    return ServerView(tuple(parse_server_path(text) for text in server_paths), zarr.store.bucket)


def _record(session: OmeroSession, kind: str, state: str, uri: str, binding: str, source: int | None) -> Record:
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return Record(kind, state, uri, binding, session.who.user_name, when, version("omero-roz"), source)

"""Importing what is at one URI: reading it, looking for earlier imports of it, planning, doing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from ome_graph import InvalidOmeXml, read_ome
from omero_roz.applying.means import Means
from omero_roz.binding import external_info
from omero_roz.binding.lsid import ServerView, parse_server_path, server_root
from omero_roz.errors import LayoutError, Refused
from omero_roz.import_.earlier import Earlier, Others, earlier_imports_of
from omero_roz.import_.placing import fitting, missing
from omero_roz.import_.planning import has_plates, plain_images, plan_import, stem
from omero_roz.import_.reader import reader
from omero_roz.import_.saving import Source
from omero_roz.import_.steps import Imported, Options, run_import
from omero_roz.layout.model import ZarrLayout
from omero_roz.layout.store import Store
from omero_roz.layout.union import ome_xml_of
from omero_roz.plan import ImportPlan
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.omero.targets import find_target, parse_target
from omero_roz.proving.pixels import Progress
from omero_roz.record import Record


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user wants imported: where it is, where it goes, its name, how it is read; `again` imports what was
    imported before."""

    uri: str
    targets: tuple[str, ...] = ()
    name: str | None = None
    again: bool = False
    binding: str = external_info.NAME


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was imported before: the Zarr, its fileset, who did it and when.

    `missing` are the links that put it into the targets given, `group_id` is where they are to be saved.
    """

    uri: str
    fileset: int
    user: str
    when: str
    missing: tuple[Any, ...] = ()
    group_id: int = -1


@dataclass(frozen=True, slots=True)
class Prepared:
    """An import that is planned and can be run."""

    plan: ImportPlan
    source: Source
    earlier: Earlier | None
    others: Others


def prepare(
    means: Means, layout: ZarrLayout, store: Store, wanted: Wanted, server_paths: Sequence[str]
) -> Prepared | Skipped:
    """Plan an import, or tell that it was done before; `server_paths` are LOCAL=SERVER.

    Raises LayoutError, Refused or UsageError with all that forbids it.
    """
    session = means.session
    view = ServerView(tuple(parse_server_path(text) for text in server_paths), store.bucket)
    names = [parse_target(text) for text in wanted.targets]
    series = layout.mapped_series()  # raises with all that is wrong before OMERO is asked
    read_by = reader(means, wanted.uri, store, wanted.binding, server_root(layout.uri, view), series)
    source = _source(layout, store)
    given = [find_target(session, name) for name in names]
    targets = fitting(given, layout.uri, has_plates(source.ome), bool(plain_images(source.ome)))
    group = targets[0].group_id if targets else session.who.group_id
    earlier = _looked_up(session, layout.uri, group, wanted.again)
    done = [one for one in earlier if not one.is_open]
    if done and not wanted.again:
        last = next((one for one in reversed(done) if one.is_of(session)), done[-1])
        links = missing(session, last.settled.fileset, targets, stem(layout))
        if links and not last.is_of(session):  # that the images are the Zarr's is what its record claims
            what = f"{last.user} imported it before, as Fileset:{last.fileset}, and that is not in the target"
            raise Refused(what, layout.uri, "put it there in OMERO once you have looked at it, or say --again")
        return Skipped(layout.uri, last.fileset, last.user, last.record.when, tuple(links), group)
    unfinished = _to_go_on_with(session, earlier, wanted)
    now = datetime.now(UTC)
    plan = plan_import(layout, source.ome, session.who, targets, wanted.name, read_by, unfinished, now)
    others = Others(session, layout.uri, group, frozenset(one.fileset for one in earlier), wanted.again)
    return Prepared(plan, source, unfinished, others)


def run(means: Means, prepared: Prepared, options: Options, progress: Progress) -> Imported:
    """Import as planned."""
    plan, when = prepared.plan, datetime.now(UTC).isoformat(timespec="seconds")
    user = means.session.who.user_name
    record = Record("import", "open", plan.uri, plan.binding, user, when, version("omero-roz"), None)
    return run_import(means, plan, prepared.source, record, prepared.earlier, prepared.others, options, progress)


def link(session: OmeroSession, skipped: Skipped) -> None:
    """Put what was imported before into the targets that it is not in yet, in one transaction."""
    what = f"putting what is in Fileset:{skipped.fileset} into its targets"
    session.save_batch(skipped.missing, what, skipped.group_id)


def _looked_up(session: OmeroSession, uri: str, group: int, again: bool) -> list[Earlier]:
    try:
        return earlier_imports_of(session, uri, group)
    except Refused:
        if not again:  # who wants it again does not mind what was
            raise
        return []


def _to_go_on_with(session: OmeroSession, earlier: Sequence[Earlier], wanted: Wanted) -> Earlier | None:
    """One's own unfinished import; Refused for one that is under way now, but who says --again is never refused."""
    found = None
    for one in earlier:
        if not one.is_open:
            continue
        if one.beat is not None and not wanted.again:
            what = f"{one.user} is importing it now (since {one.record.when}, alive {one.beat:.0f} s ago)"
            raise Refused(what, f"Fileset:{one.fileset}", "let it finish; if its process is gone, repeat in a minute")
        if one.beat is not None or not one.is_of(session):
            continue
        if one.record.binding == wanted.binding:
            found = found or one
        elif not wanted.again:
            what = f"its import was begun with --binding {one.record.binding}"
            raise Refused(what, f"Fileset:{one.fileset}", "repeat it as it was begun, or delete it")
    return found


def _source(layout: ZarrLayout, store: Store) -> Source:
    xml = ome_xml_of(layout)
    try:
        return Source(layout, store, xml, read_ome(xml))
    except InvalidOmeXml as error:
        raise LayoutError(str(error), layout.uri, "mend the OME-XML or convert again") from error

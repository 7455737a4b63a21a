"""What Import_OME_Zarr.py does: the same as `omero roz import`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omero_roz import zarrs
from omero_roz.applying.means import Means, database_of
from omero_roz.applying.sweeping import sweep_along
from omero_roz.binding import zarr_reader
from omero_roz.errors import RozError, UsageError
from omero_roz.import_.one import Skipped, Wanted, link, prepare
from omero_roz.import_.one import run as run_prepared
from omero_roz.import_.steps import Imported, Options
from omero_roz.ports.omero.script_job import ScriptJob
from omero_roz.scripts.policy import Policy
from omero_roz.scripts.running import Told
from omero_roz.shown import counted

MOST_STEPS = 20


def import_ome_zarr(job: ScriptJob, policy: Policy, told: Told) -> None:
    """Import each Zarr that is named; one that fails does not keep the others from being imported."""
    given = job.given
    named = [text.strip() for text in given.get("Zarrs") or [] if text.strip()]
    if not named:
        raise UsageError("no Zarr is named", fix="type ALIAS:PATH or an address that the administrator allows")
    targets = tuple(f"{given['Data_Type']}:{number}" for number in given.get("IDs") or [])
    wanted = [Wanted(uri, targets, given.get("Name"), given["Import_Again"], given["Binding"]) for uri in named]
    shown: set[str] = set()
    with _means(job, policy, given["Binding"]) as means:
        for one in wanted:
            try:
                done = _one(job, policy, means, one, told)
            except RozError as error:
                told.fail(error)
                continue
            if done is not None:
                _show(job, done, shown)
        if not given["Dry_Run"]:
            sweep_along(means, job.session.who.as_owner)


@contextmanager
def _means(job: ScriptJob, policy: Policy, binding: str) -> Iterator[Means]:
    """The database and the repository where the binding needs them: for those who may replace."""
    if binding != zarr_reader.NAME:
        yield Means(job.session)
        return
    policy.check_replace(job.session.who, job.groups())
    with database_of(job.session, policy.database) as database:
        yield Means(job.session, database, Path(policy.repository) if policy.repository else None)


def _one(job: ScriptJob, policy: Policy, means: Means, named: Wanted, told: Told) -> Imported | None:
    given, uri = job.given, policy.resolve(named.uri)
    wanted = Wanted(uri, named.targets, named.name, named.again, named.binding)
    zarr = zarrs.read(uri, policy.access)
    prepared = prepare(means, zarr.layout, zarr.store, wanted, policy.server_path_texts)
    if isinstance(prepared, Skipped):
        what = "skipped"
        if prepared.missing and given["Dry_Run"]:
            what = "dry run, it would be put into its target"
        elif prepared.missing:
            link(means.session, prepared)
            what = "put into its target"
        by = f"by {prepared.user} at {prepared.when}"
        told.add(f"{named.uri}: {what}, imported before as Fileset:{prepared.fileset} ({by})")
        return None
    if given["Dry_Run"]:
        told.add(f"{named.uri}: dry run, nothing was changed")
        told.lines += list(prepared.plan.steps())[:MOST_STEPS]
        return None
    done = run_prepared(means, prepared, Options(statistics=given["Statistics"]), job.progress)
    counts = counted(len(done.images), "image") + (f", {counted(len(done.plates), 'plate')}" if done.plates else "")
    told.add(f"{named.uri}: {counts} imported as Fileset:{done.fileset}, {done.compared}, all equal")
    if done.unproven:
        told.add(f"Fileset:{done.fileset}: unproven: {done.unproven}")
    told.lines += [f"warning: {problem}" for problem in done.problems]
    if done.stopped:
        raise KeyboardInterrupt
    return done


def _show(job: ScriptJob, done: Imported, shown: set[str]) -> None:
    """Let the web link to the first plate and the first image that was made."""
    for kind, ids in (("Plate", done.plates), ("Image", done.plain)):
        if ids and kind not in shown:
            shown.add(kind)
            job.show(kind, ids[0])

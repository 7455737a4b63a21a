"""What Verify_OME_Zarr.py and Metadata_Completeness.py do: the same as `omero roz verify` and `completeness`."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from omero_roz.cli import page
from omero_roz.errors import Refused, RozError, UsageError
from omero_roz.ports.omero import containers
from omero_roz.ports.omero.script_job import ScriptJob
from omero_roz.replace.status import status
from omero_roz.scripts.policy import Policy
from omero_roz.scripts.running import Told, selected
from omero_roz.shown import as_json, clean
from omero_roz.verify import certificate, image, run
from omero_roz.verify.completeness import compare
from omero_roz.verify.image import How
from omero_roz.verify.sides import both, read_side

JOBS = 4
NAMESPACE = "omero-roz/completeness"


def verify_ome_zarr(job: ScriptJob, policy: Policy, told: Told) -> None:
    """Check the images of what is selected against their Zarrs; the certificate is the report."""
    given, chosen = job.given, selected(job)
    how = How(given["Check"], policy.server_paths, policy.access)
    session = job.session
    found = certificate.Certificate(session.server, session.who.user_name, certificate.now(), given["Check"])
    images = run.images_of(session, [f"{kind}:{number}" for kind, number in chosen], how)
    try:
        with ThreadPoolExecutor(JOBS) as pool:
            work = run.Work(pool, JOBS, partial(image.check_image, session), None, job.progress)
            run.verify(session, images, how, found, work)
    finally:
        failed = found.failed()
        sums = certificate.counts(found.images.values())
        counted = f"{sums['images']} images: {sums['ok']} right, {sums['failed']} wrong"
        told.add(f"{counted}; {sums['planes']} planes compared, {sums['absent']} of {sums['chunks']} chunks absent")
        told.failures += bool(failed)
        told.lines += [f"Image:{one.image}: {'; '.join(one.problems)}" for one in failed]
        text = as_json(clean(found.to_json()), 1)
        job.report("certificate.json", text, "application/json", certificate.NS_CERTIFICATE, chosen)


def metadata_completeness(job: ScriptJob, policy: Policy, told: Told) -> None:
    """Tell of each object that is selected whether all metadata of its Zarr is in OMERO; a page for each."""
    for kind, number in selected(job):
        try:
            _compare(job, policy, told, kind, number)
        except RozError as error:
            told.fail(error)


def _compare(job: ScriptJob, policy: Policy, told: Told, kind: str, number: int) -> None:
    where = f"{kind}:{number}"
    named = (job.given.get("Zarr") or "").strip()
    zarr = policy.resolve(named) if named else _zarr_of(job, kind, number)
    job.progress(f"comparing {where}", 0, 1)
    sides = [read_side(text, policy.access, lambda: job.session) for text in (zarr, where)]
    result = compare(*both(*sides), (zarr, where))
    lost = result.whole.different + result.whole.only_a
    percent = "nothing in the Zarr" if result.whole.percent is None else f"{result.whole.percent:g} %"
    verdict = "nothing is lost" if result.complete else f"{lost} of {result.whole.of_a} fields are lost or changed"
    told.add(f"{where}: {verdict} ({percent} of {zarr})")
    told.failures += not result.complete
    differing = result.lost
    told.lines += [f"  {field.path}: {field.a} in the Zarr, {field.b} in OMERO" for field in differing]
    name = f"completeness-{kind}-{number}.html"
    job.report(name, page.completeness(result), "text/html", NAMESPACE, [(kind, number)])


def _zarr_of(job: ScriptJob, kind: str, number: int) -> str:
    """The Zarr that the last record in force of an object names."""
    containers.images_of(job.session, kind, number)  # raises where the user sees none
    found = status(job.session, kind, number)
    if found.unread:
        raise Refused.of(found.unread)
    known = [one.record for one in found.stated if one.record.in_force]
    if not known:
        raise UsageError("no record says which Zarr it has", f"{kind}:{number}", "type the Zarr")
    return known[-1].uri

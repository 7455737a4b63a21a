"""`make demo`: the main job from end to end, on a sandbox OMERO of its own and a synthetic acquisition."""

import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import omero.clients
from omero.gateway import BlitzGateway

from demo.acquisition import write_layout, write_ome_tiff
from demo.omero_client import command_line, import_file, new_account, shown
from demo.plate import write_plate_layout, write_plate_tiff
from omero_sandbox.sandbox import Access, OmeroSandbox

NEXT = """
What to try next:
  .venv/bin/omero-sandbox start          an OMERO of your own on this machine, until `omero-sandbox stop`
  .venv/bin/omero roz inspect PATH       on a Zarr of yours, no OMERO needed
  .venv/bin/omero roz import PATH        with --dry-run first, if you like
  docs/deploy.md                         what a real server needs to read OME-Zarr
"""


READERS = {
    "external-info": "omero-zarr-pixel-buffer reads the Zarr where it is",
    "zarr-reader": "Bio-Formats reads it through links in the ManagedRepository",
}


def main() -> None:
    """Run the demonstration; ends with exit code 1 where anything is not as it should be."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="omero-roz-demo-") as folder, sandbox_client() as (client, sandbox):
        demonstrate(Path(folder), client, sandbox.dsn, str(sandbox.managed_repository))
    say(f"done in {time.monotonic() - began:.0f} s")
    print(NEXT)


def demonstrate(folder: Path, client: omero.clients.BaseClient, database: str, repository: str) -> None:
    tiff, zarr = folder / "acquisition.ome.tif", folder / "acquisition.zarr"
    say("a synthetic acquisition of four images, written as OME-TIFF and as OME-Zarr")
    write_ome_tiff(tiff)
    write_layout(zarr)

    say("the OME-TIFF is imported, as it was years ago")
    source, images = import_file(client, tiff)
    print(f"Fileset:{source} with Image:{','.join(map(str, images))}")

    say("what its Zarr holds")
    run(client, "inspect", str(zarr))

    say("the fileset is replaced by the Zarr: same images, other pixels' home")
    before = shown(client, images)
    run(client, "replace-fileset", f"Fileset:{source}", str(zarr))
    compare("after the replacement", before, shown(client, images))
    print(f"Image:{images[0]} is read from {binding(client, images[0])}")
    new = BlitzGateway(client_obj=client).getObject("Image", images[0]).getFileset().getId()
    run(client, "status", f"Fileset:{new}")

    say("and rolled back")
    run(client, "rollback", f"Fileset:{new}")
    compare("after the rollback", before, shown(client, images))

    replace_plate(folder, client, database, repository)

    say("the same Zarr is imported as new images, with all that its OME-XML says")
    dataset = client.sf.getUpdateService().saveAndReturnObject(_dataset("omero-roz demo")).id.val
    run(client, "import", str(zarr), "--target", f"Dataset:{dataset}")
    show_metadata(client, dataset)

    say("and so is the plate, into a new screen")
    run(client, "import", str(folder / "plate.zarr"), "--target", "Screen:name:omero-roz demo")


def replace_plate(folder: Path, client: omero.clients.BaseClient, database: str, repository: str) -> None:
    """A plate through the database, with either binding: replaced, compared, rolled back, compared."""
    tiff, zarr = folder / "plate.ome.tif", folder / "plate.zarr"
    say("a plate of 2 x 3 wells with two fields each, through the database, with either binding")
    write_plate_tiff(tiff)
    write_plate_layout(zarr)
    source, images = import_file(client, tiff)
    before = shown(client, images)
    for name in ("external-info", "zarr-reader"):
        print(f"-- {name}: {READERS[name]}")
        options = ["--db", database, "--managed-repository", repository, "--binding", name, "--check", "all"]
        run(client, "replace-fileset", f"Fileset:{source}", str(zarr), *options)
        compare("after the replacement", before, shown(client, images))
        new = BlitzGateway(client_obj=client).getObject("Image", images[0]).getFileset().getId()
        run(client, "rollback", f"Fileset:{new}", "--db", database)
        compare("after the rollback", before, shown(client, images))


def binding(client: omero.clients.BaseClient, image: int) -> str:
    """Where the server reads an image's pixels, as its ExternalInfo says."""
    hql = f"select e.lsid from Image i join i.details.externalInfo e where i.id = {image}"
    [[lsid]] = client.sf.getQueryService().projection(hql, None)
    return lsid.val


def show_metadata(client: omero.clients.BaseClient, dataset: int) -> None:
    """What a curator looks for in the first image's metadata."""
    images = sorted(
        BlitzGateway(client_obj=client).getObject("Dataset", dataset).listChildren(), key=lambda i: i.getId()
    )
    image = images[0]
    objective = image.getObjectiveSettings().getObjective()
    magnification = f"{objective.getNominalMagnification():g}x, NA {objective.getLensNA()}"
    print(f"{image.getName()}: {objective.getModel()}, {magnification}")
    for index, channel in enumerate(image.getChannels(noRE=True)):
        detector = channel.getLogicalChannel().getDetectorSettings()
        [plane, *_] = image.getPrimaryPixels().copyPlaneInfo(theC=index)
        waves = f"excitation {channel.getExcitationWave()} nm, emission {channel.getEmissionWave()} nm"
        print(
            f"  {channel.getName()}: {waves}, "
            f"exposure {plane.getExposureTime():g} s, "
            f"detector {detector.getDetector().getModel()} (gain {detector.getGain():g})"
        )


def _dataset(name: str) -> omero.model.DatasetI:
    dataset = omero.model.DatasetI()
    dataset.name = omero.rtypes.rstring(name)
    return dataset


@contextmanager
def sandbox_client() -> Iterator[tuple[omero.clients.BaseClient, Access]]:
    """A curator logged in to a sandbox that is gone afterwards."""
    say("a sandbox OMERO starts (real Ice, real PostgreSQL, no Docker)")
    with OmeroSandbox() as sandbox:
        root = omero.client(sandbox.host, sandbox.ssl_port)
        root.createSession("root", sandbox.root_password)
        account = new_account(root)
        root.closeSession()
        client = omero.client(sandbox.host, sandbox.ssl_port)
        client.createSession(account.name, account.password)
        try:
            yield client, sandbox
        finally:
            client.closeSession()


def run(client: omero.clients.BaseClient, *args: str) -> None:
    """Run `omero roz ARGS` and show the command and what it prints."""
    print("$ omero roz " + shlex.join(args), flush=True)
    command_line(client).invoke(["roz", *args], strict=True)


def compare(when: str, before: dict, after: dict) -> None:
    """Say whether all planes are the same as before, and stop where not."""
    different = [plane for plane in before if after.get(plane) != before[plane]]
    if different:
        sys.exit(f"{when}: {len(different)} of {len(before)} planes differ")
    print(f"{when}: {len(before)} planes read through OMERO, all hashes as before")


def say(what: str) -> None:
    print(f"\n== {what}", flush=True)


if __name__ == "__main__":
    main()

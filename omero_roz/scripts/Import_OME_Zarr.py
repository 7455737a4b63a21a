#!/usr/bin/env python
"""Import OME-Zarrs as new images and plates, from OMERO.web.

Its parameters only: what is done is omero-roz's, which has to be installed in the Python of the processor.
"""

from omero.rtypes import rlong, rstring

from omero import scripts

BINDINGS = ["external-info", "zarr-reader"]


def run_script() -> None:
    """Ask for the parameters and do it."""
    client = scripts.client(
        "Import_OME_Zarr.py",
        """Import OME-Zarrs with their metadata as new images and plates. The pixels stay where they are.
What may be named here, and by which alias, your administrator says.""",
        scripts.String(
            "Data_Type", optional=False, grouping="1", default="Dataset",
            values=[rstring(kind) for kind in ("Dataset", "Project", "Screen")],
            description="What the new images or plates go into.",
        ),
        scripts.List(
            "IDs", optional=True, grouping="1.1", description="Their ids, taken from what is selected.",
        ).ofType(rlong(0)),
        scripts.List(
            "Zarrs", optional=False, grouping="2",
            description="The Zarrs: ALIAS:PATH, or addresses that the administrator of this server allows.",
        ).ofType(rstring("")),
        scripts.String("Name", grouping="2.1", description="Name of the image or plate, if not the Zarr's own."),
        scripts.Bool("Dry_Run", grouping="3", default=False, description="Only tell what would be done."),
        scripts.Bool(
            "Import_Again", grouping="4", default=False,
            description="Import also what was imported before from the same Zarr.",
        ),
        scripts.String(
            "Statistics", grouping="5", default="auto", values=[rstring(one) for one in ("auto", "read", "none")],
            description="Minima and maxima of channels: the converter's (auto), read from every pixel, or none.",
        ),
        scripts.String(
            "Binding", grouping="6", default="external-info", values=[rstring(binding) for binding in BINDINGS],
            description="How the server reads the Zarr: ask your administrator which reader it has.",
        ),
        version="0.1.0",
        authors=["The omero-roz developers"],
        institutions=["The omero-roz project"],
        contact="https://forum.image.sc/tag/omero",
    )
    from omero_roz.ports.omero.script_job import ScriptJob

    job = ScriptJob(client)
    job.hand_over()

    from omero_roz.scripts.importing import import_ome_zarr
    from omero_roz.scripts.running import run

    run(job, import_ome_zarr)


if __name__ == "__main__":
    run_script()

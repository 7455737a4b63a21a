#!/usr/bin/env python
"""Check images against their OME-Zarrs, from OMERO.web.

Its parameters only: what is done is omero-roz's, which has to be installed in the Python of the processor.
"""

from omero.rtypes import rlong, rstring

from omero import scripts


def run_script() -> None:
    """Ask for the parameters and do it."""
    client = scripts.client(
        "Verify_OME_Zarr.py",
        """Check images against their OME-Zarrs: bound, there, read, drawn, the same pixels.
What may be named here, and by which alias, your administrator says.""",
        scripts.String(
            "Data_Type", optional=False, grouping="1", default="Image",
            values=[rstring(kind) for kind in ("Image", "Dataset", "Project", "Plate", "Screen")],
            description="What is checked, with all images in it.",
        ),
        scripts.List(
            "IDs", optional=False, grouping="1.1", description="Their ids, taken from what is selected.",
        ).ofType(rlong(0)),
        scripts.String(
            "Check", grouping="2", default="sample", values=[rstring(check) for check in ("sample", "all")],
            description="Which planes are compared.",
        ),
        version="0.1.0",
        authors=["The omero-roz developers"],
        institutions=["The omero-roz project"],
        contact="https://forum.image.sc/tag/omero",
    )
    from omero_roz.ports.omero.script_job import ScriptJob

    job = ScriptJob(client)
    job.hand_over()

    from omero_roz.scripts.quality import verify_ome_zarr
    from omero_roz.scripts.running import run

    run(job, verify_ome_zarr)


if __name__ == "__main__":
    run_script()

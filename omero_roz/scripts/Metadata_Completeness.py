#!/usr/bin/env python
"""Compare the metadata in OMERO with that of the OME-Zarr, from OMERO.web.

Its parameters only: what is done is omero-roz's, which has to be installed in the Python of the processor.
"""

from omero.rtypes import rlong, rstring

from omero import scripts


def run_script() -> None:
    """Ask for the parameters and do it."""
    client = scripts.client(
        "Metadata_Completeness.py",
        """Is all metadata of the OME-Zarr in OMERO? Every field is compared; the result is a page.
What may be named here, and by which alias, your administrator says.""",
        scripts.String(
            "Data_Type", optional=False, grouping="1", default="Image",
            values=[rstring(kind) for kind in ("Image", "Plate")],
            description="What is compared.",
        ),
        scripts.List(
            "IDs", optional=False, grouping="1.1", description="Their ids, taken from what is selected.",
        ).ofType(rlong(0)),
        scripts.String(
            "Zarr", grouping="2",
            description="The Zarr: ALIAS:PATH or an allowed address; else the one that the images came from.",
        ),
        version="0.1.0",
        authors=["The omero-roz developers"],
        institutions=["The omero-roz project"],
        contact="https://forum.image.sc/tag/omero",
    )
    from omero_roz.ports.omero.script_job import ScriptJob

    job = ScriptJob(client)
    job.hand_over()

    from omero_roz.scripts.quality import metadata_completeness
    from omero_roz.scripts.running import run

    run(job, metadata_completeness)


if __name__ == "__main__":
    run_script()

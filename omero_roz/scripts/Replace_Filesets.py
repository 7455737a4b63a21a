#!/usr/bin/env python
"""Give the images of filesets their pixels from OME-Zarrs, from OMERO.web.

Its parameters only: what is done is omero-roz's, which has to be installed in the Python of the processor.
"""

from omero.rtypes import rlong, rstring

from omero import scripts

BINDINGS = ["external-info", "zarr-reader"]


def run_script() -> None:
    """Ask for the parameters and do it."""
    client = scripts.client(
        "Replace_Filesets.py",
        """Give the images of filesets their pixels from OME-Zarrs. Ids, names, annotations and links stay.
The result says how to undo it.
What may be named here, and by which alias, your administrator says.""",
        scripts.Bool(
            "Dry_Run", grouping="0", default=True,
            description="Only tell what would be done. Look at it, then run again without.",
        ),
        scripts.String(
            "Data_Type", optional=False, grouping="1", default="Image",
            values=[rstring(kind) for kind in ("Image", "Dataset", "Project", "Plate", "Screen")],
            description="What is selected: images of one fileset.",
        ),
        scripts.List(
            "IDs", optional=True, grouping="1.1", description="Their ids, taken from what is selected.",
        ).ofType(rlong(0)),
        scripts.String(
            "Zarr", grouping="2", description="The Zarr: ALIAS:PATH, or an address that the administrator allows.",
        ),
        scripts.String(
            "File_Annotation", grouping="3",
            description="For many: a table (CSV) with the columns fileset and zarr, or the id of its file.",
        ),
        scripts.String(
            "Check", grouping="4", default="sample", values=[rstring(check) for check in ("none", "sample", "all")],
            description="Planes that are compared with the Zarr's before the change.",
        ),
        scripts.String(
            "Binding", grouping="5", default="external-info", values=[rstring(binding) for binding in BINDINGS],
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

    from omero_roz.scripts.replacing import replace_filesets
    from omero_roz.scripts.running import run

    run(job, replace_filesets)


if __name__ == "__main__":
    run_script()

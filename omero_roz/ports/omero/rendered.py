"""Images as the server draws them."""

import omero
from omero_roz.errors import Refused
from omero_roz.fileset import OmeroImage
from omero_roz.ports.omero.session import OmeroSession, omero_errors

LARGEST = 2048  # pixels that are drawn each way: more than this needs a region
_SHA1 = "select p.sha1 from Pixels p where p.id = :id"


def drawn(session: OmeroSession, image: OmeroImage, group_id: int) -> bool:
    """Let the server draw an image's default plane, or a corner of a large one; raises Refused where it cannot.

    False where there are no rendering settings for it: an OME-XML's import makes none, OMERO's clients make them when
    the image is first opened (facts: real_server 25).
    """
    where, context = f"drawing Image:{image.id}", session.group_context(group_id)
    with omero_errors(where):
        engine = session.factory.createRenderingEngine(context)
        try:
            engine.lookupPixels(image.pixels_id, context)
            if not engine.lookupRenderingDef(image.pixels_id, context):
                return False
            engine.load(context)
            jpeg = engine.renderCompressed(_plane(engine, image, context), context)
        finally:
            engine.close(context)
    if not jpeg.startswith(b"\xff\xd8"):
        raise Refused(f"OMERO gave {len(jpeg)} bytes that are no JPEG", where, "see the server's log")
    return True


def _plane(engine, image: OmeroImage, context: dict[str, str]):
    plane = omero.romio.PlaneDef(omero.romio.XY, 0, 0, engine.getDefaultZ(context), engine.getDefaultT(context))
    if max(image.sizes.x, image.sizes.y) > LARGEST:
        plane.region = omero.romio.RegionDef(0, 0, min(image.sizes.x, LARGEST), min(image.sizes.y, LARGEST))
    return plane


def stored_sha1(session: OmeroSession, image: OmeroImage) -> str | None:
    """The SHA-1 of all pixels that OMERO has from the import, None where it never made one."""
    [[found]] = session.rows(_SHA1, f"reading Image:{image.id}", id=image.pixels_id)
    return found if found and len(found) == 40 else None

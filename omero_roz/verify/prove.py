"""`verify --record`: what an unproven record says becomes proven where all of its images were found right.

That the planes are equal does not say that the server reads the Zarr: one that cannot goes on with the old file. So
scratch images are looked at as after a replacement (`proving/served.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from omero_roz.binding import external_info
from omero_roz.errors import Refused
from omero_roz.fileset import OmeroImage
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.planes import plane_readers
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.proving.evidence import Evidence, seek
from omero_roz.proving.sampling import representatives
from omero_roz.proving.served import Bound, not_served, stands
from omero_roz.record import Record
from omero_roz.settled import Settled, unchanged
from omero_roz.verify.image import How, ImageCheck, located


@dataclass(frozen=True, slots=True)
class _Telling:
    """An image with its series, in a store that begins at the series, and the parts of it that tell."""

    pair: Pair
    store: Store
    evidence: Evidence


def prove(session: OmeroSession, settled: Settled, found: Sequence[ImageCheck], how: How) -> bool:
    """Make a fileset's unproven record proven, if that can be shown, in its owner's session; whether it was done.

    `found` are the checks of its images, all right. Raises Refused where the server does not read one from the Zarr,
    and where the record was changed meanwhile, as by a rollback.
    """
    written, images = settled.last, settled.fileset.images
    if written is None or written.record.state != "unproven":
        return False
    if not {one.id for one in images} == {o.image for o in found} == {one.id for one in written.record.images}:
        return False
    telling = _telling(images, written.record, how)
    seen = {one.pair.image.pixel_type for one in telling if one.evidence.parts}
    if seen != {image.pixel_type for image in images}:
        return False
    if written.record.binding == external_info.NAME:
        _look(session, settled, written.record, [one for one in telling if one.evidence.parts])
    after = {"check": how.check, "images": len(found), "of_images": len(found), "planes": sum(o.planes for o in found)}
    record = replace(written.record, state="proven", check=(written.record.check or {}) | {"after": after})
    group, still = settled.fileset.owner.group_id, unchanged([written])
    Filesets(session).rewrite(written.annotation, record.to_json(), group, still=still)
    return True


def _telling(images: Sequence[OmeroImage], record: Record, how: How) -> list[_Telling]:
    """The representatives of the images, with what tells of each."""
    series_of = {image.id: located(image, record, how) for image in images}
    chosen = representatives([Pair(image, series_of[image.id][1]) for image in images])
    return [
        _Telling(pair, store, seek(store, [pair])) for pair in chosen for store in [series_of[pair.image.id][0]]
    ]


def _look(session: OmeroSession, settled: Settled, record: Record, telling: Sequence[_Telling]) -> None:
    bindings = {image.id: image.binding for image in record.images}
    group = settled.fileset.owner.group_id
    bound = [Bound([one.pair], one.evidence, bindings) for one in telling]
    with ExitStack() as stack:
        readers = stack.enter_context(plane_readers(session, group))
        stood = stack.enter_context(stands(session, bound, group))
        problems = [
            problem for one, some in zip(telling, stood, strict=True)
            for problem in not_served(readers, one.store, some)
        ]  # fmt: skip
    if problems:
        raise Refused.of(problems)

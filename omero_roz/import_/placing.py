"""Where imported things go: of the targets given those that fit, and those that an earlier import is not in yet."""

from collections.abc import Sequence

from omero_roz.errors import Refused
from omero_roz.fileset import Fileset
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.omero.targets import Target, children_in, links


def fitting(targets: Sequence[Target], uri: str, plates: bool, plain: bool) -> tuple[Target, ...]:
    """The targets that something can go into: plates into Screens, images that are on no plate into the others.

    Raises Refused where targets are given and none of them fits.
    """
    fit = tuple(target for target in targets if (plates if target.kind == "Screen" else plain))
    if targets and not fit:
        if plain:
            raise Refused("it holds no plate that could go into a Screen", uri, "give a Dataset")
        raise Refused(f"it holds plates only, which cannot go into a {targets[0].kind}", uri, "give a Screen")
    return fit


def missing(session: OmeroSession, fileset: Fileset, targets: Sequence[Target], new_dataset: str) -> list:
    """The links that an imported fileset's images and plates lack to be in all of the targets."""
    plates = sorted({image.place.plate for image in fileset.images if image.place is not None})
    plain = [image.id for image in fileset.images if image.place is None]
    found: list = []
    for target in targets:
        there = children_in(session, target, plates if target.kind == "Screen" else plain)
        left = {"Plate": [p for p in plates if p not in there], "Image": [i for i in plain if i not in there]}
        if left["Plate" if target.kind == "Screen" else "Image"]:
            found += links([target], left, new_dataset)
    return found

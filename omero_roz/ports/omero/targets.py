"""Containers that new images and plates go into, named as `omero import --target` names them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import omero.model as model
from omero.rtypes import rstring

from omero_roz.errors import Refused, UsageError
from omero_roz.fileset import is_id
from omero_roz.ports.omero.session import OmeroSession

KINDS = ("Dataset", "Project", "Screen")
_INSIDE = {
    "Dataset": "DatasetImageLink l join l.parent t where l.child.id in (:ids)",
    "Project": "ProjectDatasetLink p join p.parent t join p.child d join d.imageLinks l where l.child.id in (:ids)",
    "Screen": "ScreenPlateLink l join l.parent t where l.child.id in (:ids)",
}
_FORM = re.compile(r"(?P<kind>\w+):(?:(?:id:)?(?P<id>\d+)|(?P<choice>[-+%@]?)name:(?P<name>.+))$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TargetName:
    """What the user named: a kind with an id, or with a name and which of that name.

    `choice`: "+" the most recent of the name (the default), "-" the oldest, "%" the only one, and where there is none
    a new one; "@" always a new one.
    """

    kind: str
    id: int | None = None
    name: str = ""
    choice: str = "+"


@dataclass(frozen=True, slots=True)
class Target:
    """A container that new images or plates go into; `id` is None for one that is to be made."""

    kind: str
    id: int | None
    name: str
    group_id: int


def parse_target(text: str) -> TargetName:
    """Read Dataset:5, Screen:id:5, Dataset:name:NAME, Screen:@name:NAME …; raises UsageError."""
    form = _FORM.match(text)
    if form is None or form["kind"] not in KINDS:
        forms = "Dataset:ID, Screen:ID, Project:ID, or Dataset:name:NAME"
        raise UsageError(f"not of the form {forms}", f"--target {text}")
    if form["id"]:
        if not is_id(form["id"]):
            raise UsageError("OMERO has no such large ids", f"--target {text[:60]}", "check the id")
        return TargetName(form["kind"], int(form["id"]))
    if not form["name"].strip():
        raise UsageError("the name is empty", f"--target {text}", f"name the {form['kind']}, or give its id")
    return TargetName(form["kind"], None, form["name"], form["choice"] or "+")


def find_target(session: OmeroSession, wanted: TargetName) -> Target:
    """The container that is meant; Refused where the user does not see it or may not link to it."""
    if wanted.id is not None:
        where = f"{wanted.kind}:{wanted.id}"
        hql = f"select c from {wanted.kind} c where c.id = :id"  # the kind is one of KINDS
        found = session.objects(hql, f"reading {where}", id=wanted.id)
        if not found:
            raise Refused("it does not exist or you may not see it", where, "check --target and the user")
        return _usable(found[0], wanted.kind)
    return _by_name(session, wanted)


def _by_name(session: OmeroSession, wanted: TargetName) -> Target:
    who, where = session.who, f"{wanted.kind}:name:{wanted.name}"
    hql = f"select c from {wanted.kind} c where c.name = :name and c.details.owner.id = :owner order by c.id"
    found = session.objects(hql, f"looking for {where}", who.group_id, name=wanted.name, owner=who.user_id)
    if wanted.choice == "%" and len(found) > 1:
        raise Refused(f"{len(found)} of yours have this name in your group, not one", where, "give the id")
    if not found or wanted.choice == "@":
        return Target(wanted.kind, None, wanted.name, who.group_id)
    return _usable(found[0 if wanted.choice == "-" else -1], wanted.kind)


def _usable(container, kind: str) -> Target:
    where = f"{kind}:{container.id.val}"
    if not container.details.permissions.canLink():
        raise Refused("you may not put anything into it", where, "choose a target of your own, or log in as its owner")
    return Target(kind, container.id.val, container.name.val, container.details.group.id.val)


def children_in(session: OmeroSession, target: Target, ids: Sequence[int]) -> set[int]:
    """Those of the images, or of a Screen's plates, that are in a target; one to be made may be there by its name."""
    if not ids:
        return set()
    hql = f"select distinct l.child.id from {_INSIDE[target.kind]} and "  # the kind is one of KINDS
    asking, group = f"looking what is in {target.kind} {target.name}", target.group_id
    if target.id is not None:
        rows = session.rows(f"{hql}t.id = :id", asking, group, ids=list(ids), id=target.id)
    else:
        hql += "t.name = :name and t.details.owner.id = :owner"
        rows = session.rows(hql, asking, group, ids=list(ids), name=target.name, owner=session.who.user_id)
    return {child for [child] in rows}


def links(targets: Sequence[Target], children: Mapping[str, Sequence[int]], new_dataset: str) -> list:
    """The links that put children ("Image" and "Plate" with ids) into the targets, with containers to be made.

    Images of a Project go into a new Dataset in it, called `new_dataset`.
    """
    found: list = []
    for target in targets:
        container = _container(target)
        if target.kind == "Screen":
            found += [_link(model.ScreenPlateLinkI(), container, model.PlateI(p, False)) for p in children["Plate"]]
            continue
        if target.kind == "Project":
            dataset = _container(Target("Dataset", None, new_dataset, target.group_id))
            found.append(_link(model.ProjectDatasetLinkI(), container, dataset))
            container = dataset
        found += [_link(model.DatasetImageLinkI(), container, model.ImageI(i, False)) for i in children["Image"]]
    return found


def _container(target: Target):
    made = getattr(model, target.kind + "I")
    if target.id is not None:
        return made(target.id, False)
    new = made()
    new.name = rstring(target.name)
    return new


def _link(link, parent, child):
    link.parent, link.child = parent, child
    return link

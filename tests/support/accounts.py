"""The users that a run made, and what of theirs it takes away from a server that is not its own."""

import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import omero.callbacks
import omero.clients
import omero.cmd
from omero.rtypes import rlist, rstring
from omero.sys import ParametersI

import demo.omero_client
import omero
from demo.omero_client import Account

# In this order: an image goes with its fileset, a file with what holds it.
OWNED = ("Fileset", "Image", "Plate", "Screen", "Dataset", "Project", "Annotation", "Roi", "OriginalFile")
MADE: list[tuple[str, str]] = []  # users, and the groups that they write in


def new_account(root: omero.clients.BaseClient, permissions: str = "rwr---") -> Account:
    """An ordinary user in a new group, remembered."""
    account = demo.omero_client.new_account(root, permissions)
    MADE.append((account.name, account.name))
    return account


def leave(root: omero.clients.BaseClient, repository: str | None) -> None:
    """Delete what is in the groups of all accounts made so far, and their directories in the ManagedRepository.

    Users and groups stay, as sessions and events name them.
    """
    admin = root.sf.getAdminService()
    made = sorted(set(MADE))
    MADE.clear()
    empty(root, {admin.lookupGroup(group).id.val for _, group in made})
    leave_directories(root, [f"{user}_{admin.lookupExperimenter(user).id.val}" for user, _ in made], repository)


def empty(root: omero.clients.BaseClient, groups: Collection[int]) -> None:
    """Delete what is in groups, as an administrator; twice, for what another still held at first."""
    query = root.sf.getQueryService()
    asked = ParametersI().addIds(groups or [-1])
    for kind in OWNED * 2:
        apart = " and o.repo is null" if kind == "OriginalFile" else ""
        hql = f"select o.details.group.id, o.id from {kind} o where o.details.group.id in (:ids){apart}"
        found: dict[int, list[int]] = {}
        for group, number in query.projection(hql, asked, root.getContext(-1)):
            found.setdefault(group.val, []).append(number.val)
        for group, ids in found.items():
            _ended(root, root.sf.submit(omero.cmd.Delete2(targetObjects={kind: ids}), root.getContext(group)))


def leave_directories(root: omero.clients.BaseClient, names: Collection[str], repository: str | None) -> None:
    """Delete directories at the repository's root: what rows know by OMERO, the rest where this machine sees it."""
    hql = "select o.name from OriginalFile o where o.repo is not null and o.path = '/' and o.name in (:names)"
    asked = ParametersI().add("names", rlist([rstring(name) for name in names or [""]]))
    if found := [row[0].val for row in root.sf.getQueryService().projection(hql, asked, root.getContext(-1))]:
        with suppress(omero.ServerError):
            _ended(root, root.getManagedRepository().deletePaths(found, True, True, root.getContext(-1)))
    for name in names if repository else ():
        shutil.rmtree(Path(repository, name), ignore_errors=True)


def _ended(root: omero.clients.BaseClient, handle: object) -> None:
    callback = omero.callbacks.CmdCallbackI(root, handle)
    try:
        callback.loop(600, 500)
    finally:
        callback.close(True)

"""The users that a run made, and what of theirs it takes away from a server that is not its own."""

import shutil
from contextlib import suppress
from pathlib import Path

import omero.callbacks
import omero.clients
import omero.cmd

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
    while MADE:
        user, group = MADE.pop()
        empty(root, admin.lookupGroup(group).id.val)
        leave_directory(root, f"{user}_{admin.lookupExperimenter(user).id.val}", repository)


def empty(root: omero.clients.BaseClient, group: int) -> None:
    """Delete what is in a group, as an administrator; twice, for what another still held at first."""
    query, context = root.sf.getQueryService(), root.getContext(group)
    for kind in OWNED * 2:
        apart = " and o.repo is null" if kind == "OriginalFile" else ""
        hql = f"select o.id from {kind} o where o.details.group.id = {group}{apart}"
        if found := [row[0].val for row in query.projection(hql, None, context)]:
            _ended(root, root.sf.submit(omero.cmd.Delete2(targetObjects={kind: found}), context))


def leave_directory(root: omero.clients.BaseClient, directory: str, repository: str | None) -> None:
    """Delete a user's directory with its rows; what no row knows goes where this machine sees it."""
    with suppress(omero.ServerError):  # nothing was imported
        _ended(root, root.getManagedRepository().deletePaths([directory], True, True, root.getContext(-1)))
    if repository:
        shutil.rmtree(Path(repository, directory), ignore_errors=True)


def _ended(root: omero.clients.BaseClient, handle: object) -> None:
    callback = omero.callbacks.CmdCallbackI(root, handle)
    try:
        callback.loop(600, 500)
    finally:
        callback.close(True)

"""Who may do what, through real clients: users x groups x operations, and administrators with one privilege each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import omero.clients
import pytest
from omero.model import (
    AdminPrivilegeI,
    CommentAnnotationI,
    DatasetI,
    DatasetImageLinkI,
    ExperimenterGroupI,
    ExperimenterI,
    ImageAnnotationLinkI,
    ImageI,
    OriginalFileI,
    PermissionsI,
)
from omero.rtypes import rbool, rlong, rstring

import omero
from demo.acquisition import write_ome_tiff
from tests.support.importing import import_file
from tests.support.servers import Server

KINDS = {"private": "rw----", "read-only": "rwr---", "read-annotate": "rwra--", "read-write": "rwrw--"}
SOME = {"read-only", "read-annotate", "read-write"}
ALLOWED = {
    "see": {"owner": set(KINDS), "leader": set(KINDS), "root": set(KINDS), "member": SOME, "stranger": set()},
    "rename": {
        "owner": set(KINDS), "leader": set(KINDS), "root": set(KINDS), "member": {"read-write"}, "stranger": set()
    },
    "annotate": {
        "owner": set(KINDS), "leader": SOME, "root": SOME, "member": {"read-annotate", "read-write"}, "stranger": set()
    },
    "link": {"owner": set(KINDS), "leader": SOME, "root": SOME, "member": {"read-write"}, "stranger": set()},
    "delete": {
        "owner": set(KINDS), "leader": set(KINDS), "root": set(KINDS), "member": {"read-write"}, "stranger": set()
    },
}  # fmt: skip


def experimenter() -> ExperimenterI:
    made = ExperimenterI()
    made.omeName, made.firstName, made.lastName = rstring(f"u-{uuid4().hex[:8]}"), rstring("A"), rstring("B")
    made.ldap = rbool(False)
    return made


def new_group(admin: Any, kind: str, permissions: str) -> int:
    made = ExperimenterGroupI()
    made.name, made.ldap = rstring(f"{kind}-{uuid4().hex[:8]}"), rbool(False)
    made.details.permissions = PermissionsI(permissions)
    return int(admin.createGroup(made))


@dataclass
class World:
    """Groups of each kind with the same users; sessions are opened once."""

    server: Server
    root: omero.clients.BaseClient
    groups: dict[str, int]
    names: dict[str, str]
    clients: dict[str, omero.clients.BaseClient]

    def context(self, kind: str) -> dict[str, str]:
        return {"omero.group": str(self.groups[kind])}

    def image(self, kind: str) -> int:
        made = ImageI()
        made.name = rstring("the owner's")
        update = self.clients["owner"].sf.getUpdateService()
        return int(update.saveAndReturnObject(made, self.context(kind)).id.val)

    @contextmanager
    def administrator(self, *privileges: str) -> Iterator[omero.clients.BaseClient]:
        """A client of a new administrator who has these privileges only."""
        user = experimenter()
        named = []
        for value in privileges:
            named.append(AdminPrivilegeI())
            named[-1].value = rstring(value)
        admin = self.root.sf.getAdminService()
        admin.createRestrictedSystemUserWithPassword(user, named, rstring("pw"))
        with self.server.client(user.omeName.val, "pw") as client:
            yield client


@pytest.fixture(scope="module")
def world(server: Server) -> Iterator[World]:
    with server.client() as root:
        admin = root.sf.getAdminService()
        groups, names = {kind: new_group(admin, kind, permissions) for kind, permissions in KINDS.items()}, {}
        everywhere = [ExperimenterGroupI(number, False) for number in groups.values()]
        users, elsewhere = ExperimenterGroupI(1, False), ExperimenterGroupI(new_group(admin, "else", "rw----"), False)
        for role in ("owner", "member", "leader", "stranger"):
            user = experimenter()
            home, *others = [elsewhere, users] if role == "stranger" else [*everywhere, users]
            number = admin.createExperimenterWithPassword(user, rstring("pw"), home, others)
            names[role] = user.omeName.val
            for group in everywhere if role == "leader" else ():
                admin.addGroupOwners(group, [ExperimenterI(number, False)])
        clients = {"root": root}
        for role, name in names.items():
            clients[role] = omero.client(server.host, server.port)
            clients[role].createSession(name, "pw")
        yield World(server, root, groups, names, clients)
        for role in names:
            clients[role].closeSession()


def see(client: Any, image: int, context: dict[str, str]) -> None:
    if client.sf.getQueryService().find("Image", image, context) is None:
        raise omero.SecurityViolation(message="not seen")


def rename(client: Any, image: int, context: dict[str, str]) -> None:
    found = client.sf.getQueryService().get("Image", image, context)
    found.name = rstring(str(uuid4()))
    client.sf.getUpdateService().saveObject(found, context)


def annotate(client: Any, image: int, context: dict[str, str]) -> None:
    link = ImageAnnotationLinkI()
    link.parent, link.child = ImageI(image, False), CommentAnnotationI()
    client.sf.getUpdateService().saveObject(link, context)


def link(client: Any, image: int, context: dict[str, str]) -> None:
    made = DatasetImageLinkI()
    made.parent, made.child = DatasetI(), ImageI(image, False)
    made.parent.name = rstring("one's own")
    client.sf.getUpdateService().saveObject(made, context)


def delete(client: Any, image: int, context: dict[str, str]) -> None:
    try:
        client.submit(omero.cmd.Delete2(targetObjects={"Image": [image]}))
    except omero.CmdError as error:
        raise omero.SecurityViolation(message=error.err.parameters["message"]) from error


OPERATIONS: dict[str, Callable[[Any, int, dict[str, str]], None]] = {
    "see": see, "rename": rename, "annotate": annotate, "link": link, "delete": delete
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", ["owner", "member", "leader", "stranger", "root"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_table(world: World, operation: str, role: str, kind: str) -> None:
    image = world.image(kind)
    if kind in ALLOWED[operation][role]:
        OPERATIONS[operation](world.clients[role], image, world.context(kind))
    else:
        with pytest.raises(omero.SecurityViolation):
            OPERATIONS[operation](world.clients[role], image, world.context(kind))


def test_sudo_has_the_rights_of_the_other(world: World) -> None:
    principal = omero.sys.Principal(world.names["member"], None, "User")
    session = world.root.sf.getSessionService().createSessionWithTimeouts(principal, 0, 60_000)
    sudo = omero.client(world.server.host, world.server.port)
    sudo.joinSession(session.uuid.val)
    with pytest.raises(omero.SecurityViolation):
        rename(sudo, world.image("read-only"), world.context("read-only"))
    see(sudo, world.image("read-only"), world.context("read-only"))
    sudo.closeSession()


def test_all_groups_to_read_but_not_to_write(world: World) -> None:
    image = world.image("read-write")
    everywhere = {"omero.group": "-1"}
    see(world.clients["member"], image, everywhere)
    with pytest.raises(omero.ApiUsageException):
        rename(world.clients["member"], image, everywhere)


# Administrators with one privilege: what each lets do to the data of others. Everybody of them may read all.
def _new_group(client: Any, world: World) -> None:
    new_group(client.sf.getAdminService(), "g", "rw----")


def _new_user(client: Any, world: World) -> None:
    home, users = (ExperimenterGroupI(number, False) for number in (world.groups["private"], 1))
    client.sf.getAdminService().createExperimenter(experimenter(), home, [users])


def _membership(client: Any, world: World) -> None:
    admin = client.sf.getAdminService()
    stranger, group = admin.lookupExperimenter(world.names["stranger"]), ExperimenterGroupI(2, False)
    admin.addGroups(stranger, [group])
    admin.removeGroups(stranger, [group])


def _sudo(client: Any, world: World) -> None:
    principal = omero.sys.Principal(world.names["member"], None, "User")
    client.sf.getSessionService().createSessionWithTimeouts(principal, 0, 1_000)


def _read_session(client: Any, world: World) -> None:
    seen = "select s.uuid from Session s where s.owner.omeName = :name and s.closed is null"
    params = omero.sys.ParametersI().addString("name", world.names["owner"])
    if not client.sf.getQueryService().projection(seen, params):
        raise omero.SecurityViolation(message="not seen")


def _rename(client: Any, world: World) -> None:
    rename(client, world.image("read-write"), world.context("read-write"))


def _annotate(client: Any, world: World) -> None:
    annotate(client, world.image("read-only"), world.context("read-only"))


def _delete(client: Any, world: World) -> None:
    delete(client, world.image("read-only"), world.context("read-only"))


def _chgrp(client: Any, world: World) -> None:
    image, group = world.image("read-only"), world.groups["read-write"]
    try:
        client.submit(omero.cmd.Chgrp2(targetObjects={"Image": [image]}, groupId=group))
    except omero.CmdError as error:
        raise omero.SecurityViolation(message=error.err.parameters["message"]) from error


def _chown(client: Any, world: World) -> None:
    context = world.context("read-only")
    found = client.sf.getQueryService().get("Image", world.image("read-only"), context)
    member = client.sf.getAdminService().lookupExperimenter(world.names["member"])
    found.details.owner = ExperimenterI(member.id.val, False)
    client.sf.getUpdateService().saveObject(found, context)


def _file(world: World) -> OriginalFileI:
    made = OriginalFileI()
    made.name, made.path, made.size = rstring("f"), rstring("/"), rlong(0)
    return world.clients["owner"].sf.getUpdateService().saveAndReturnObject(made, world.context("read-only"))


def _write_file(client: Any, world: World) -> None:
    number, context = _file(world).id.val, world.context("read-only")
    found = client.sf.getQueryService().get("OriginalFile", number, context)
    found.mimetype = rstring("text/plain")
    client.sf.getUpdateService().saveObject(found, context)


def _delete_file(client: Any, world: World) -> None:
    try:
        client.submit(omero.cmd.Delete2(targetObjects={"OriginalFile": [_file(world).id.val]}))
    except omero.CmdError as error:
        raise omero.SecurityViolation(message=error.err.parameters["message"]) from error


PRIVILEGES = {
    "ModifyGroup": _new_group, "ModifyUser": _new_user, "ModifyGroupMembership": _membership, "Sudo": _sudo,
    "ReadSession": _read_session, "Chgrp": _chgrp, "WriteFile": _write_file, "DeleteFile": _delete_file,
    "DeleteOwned": _delete,
}  # fmt: skip


@pytest.mark.parametrize("privilege", PRIVILEGES)
def test_administrators_need_the_privilege(world: World, privilege: str) -> None:
    with world.administrator(privilege) as client:
        assert client.sf.getAdminService().getEventContext().adminPrivileges == [privilege]
        assert [p.value.val for p in client.sf.getAdminService().getCurrentAdminPrivileges()] == [privilege]
        PRIVILEGES[privilege](client, world)
    with world.administrator() as client:
        with pytest.raises(omero.SecurityViolation):
            PRIVILEGES[privilege](client, world)
        see(client, world.image("private"), world.context("private"))


def test_files_of_an_import_go_with_it(world: World, tmp_path: Path) -> None:
    write_ome_tiff(tmp_path / "a.ome.tif")
    owner = world.clients["owner"]
    owner.sf.setSecurityContext(ExperimenterGroupI(world.groups["read-only"], False))
    images = [p.image.id.val for p in import_file(owner, tmp_path / "a.ome.tif", "x/a.ome.tif").pixels]
    request = omero.cmd.Delete2(targetObjects={"Image": images})
    with world.administrator("DeleteFile", "DeleteManagedRepo") as client:
        with pytest.raises(omero.CmdError) as refused:
            client.submit(request)
        assert "not permitted to delete ome.model" in refused.value.err.message
    with world.administrator("DeleteOwned") as client:
        client.submit(request)
    assert owner.sf.getQueryService().find("Image", images[0]) is None


@pytest.mark.parametrize("operation", [_rename, _annotate])
def test_writing_what_others_own(world: World, operation: Callable[[Any, World], None]) -> None:
    with world.administrator("WriteOwned") as client:
        operation(client, world)
    with (
        world.administrator("DeleteOwned", "WriteFile", "WriteManagedRepo") as client,
        pytest.raises(omero.SecurityViolation),
    ):
        operation(client, world)


def test_changing_the_owner_needs_two(world: World) -> None:
    with world.administrator("Chown", "WriteOwned") as client:
        _chown(client, world)
    with world.administrator("WriteOwned") as client, pytest.raises(omero.SecurityViolation):
        _chown(client, world)


def test_privileges_are_set_and_not_multiplied(world: World) -> None:
    admin = world.root.sf.getAdminService()
    with world.administrator("ModifyUser", "Sudo") as client:
        own = client.sf.getAdminService()
        user = admin.getExperimenter(own.getEventContext().userId)
        made = experimenter()
        chgrp = AdminPrivilegeI()
        chgrp.value = rstring("Chgrp")
        with pytest.raises(omero.SecurityViolation):
            own.createRestrictedSystemUser(made, [chgrp])
        admin.setAdminPrivileges(user, [chgrp])
        assert [p.value.val for p in admin.getAdminPrivileges(user)] == ["Chgrp"]
    with world.server.client(user.omeName.val, "pw") as client, pytest.raises(omero.SecurityViolation):
        _sudo(client, world)
    with pytest.raises(omero.ServerError):
        admin.setAdminPrivileges(ExperimenterI(0, False), [])
    assert len(admin.getAdminPrivileges(ExperimenterI(0, False))) == 15

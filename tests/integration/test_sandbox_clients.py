"""Unmodified clients with the sandbox: login, sessions, groups, BlitzGateway, commands."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import Glacier2
import Ice
import pytest
from omero.gateway import BlitzGateway
from omero.model import ExperimenterGroupI, ExperimenterI, PermissionsI
from omero.rtypes import rbool, rlong, rstring

import omero
from tests.support.accounts import new_account


def connect(server, account):
    client = omero.client(server.host, server.port)
    client.createSession(account.name, account.password)
    return client


@pytest.fixture
def root(server):
    with server.client() as client:
        yield client


@pytest.fixture
def client(server, curator):
    with server.client(curator.name, curator.password) as client:
        yield client


def test_wrong_password_is_refused(server):
    client = omero.client(server.host, server.port)
    with pytest.raises(Glacier2.PermissionDeniedException):
        client.createSession(server.user, "wrong")
    client.closeSession()


def test_session_lives_on_while_a_client_is_joined(server, curator):
    first = connect(server, curator)
    uuid = first.getSessionId()
    second = omero.client(server.host, server.port)
    second.joinSession(uuid)
    first.closeSession()
    assert second.sf.getAdminService().getEventContext().sessionUuid == uuid
    second.closeSession()
    third = omero.client(server.host, server.port)
    with pytest.raises(Glacier2.PermissionDeniedException):
        third.joinSession(uuid)
    third.closeSession()


def test_detached_session_can_be_joined_again_and_killed(server, curator):
    first = connect(server, curator)
    uuid = first.getSessionId()
    first.sf.detachOnDestroy()
    first.closeSession()
    second = omero.client(server.host, server.port)
    second.joinSession(uuid)
    assert second.killSession() >= 1
    third = omero.client(server.host, server.port)
    with pytest.raises(Glacier2.PermissionDeniedException):
        third.joinSession(uuid)
    third.closeSession()


def test_closed_session_refuses_calls(server, curator):
    first, second = connect(server, curator), omero.client(server.host, server.port)
    second.joinSession(first.getSessionId())
    second.killSession()
    with pytest.raises((omero.RemovedSessionException, Ice.ObjectNotExistException)):
        first.sf.getAdminService().getEventContext()
    first.closeSession()


def test_idle_session_ends(server, root, curator):
    principal = omero.sys.Principal(curator.name, None, "User")
    session = root.sf.getSessionService().createSessionWithTimeouts(principal, 0, 1)
    time.sleep(3)
    with pytest.raises(omero.SessionTimeoutException, match="exceeded timeToIdle"):
        root.sf.getSessionService().getSession(session.uuid.val)


@pytest.mark.parametrize("secure", [True, False])
def test_gateway(server, curator, secure):
    conn = BlitzGateway(curator.name, curator.password, host=server.host, port=server.port, secure=secure)
    assert conn.connect()
    try:
        assert conn.getUser().getName() == curator.name
        assert conn.isSecure() is secure
        assert [g.getId() for g in conn.getGroupsMemberOf()] == [conn.getEventContext().groupId]
    finally:
        conn.close()


def test_administrator_works_as_another_user(server, curator):
    conn = BlitzGateway(server.user, server.password, host=server.host, port=server.port)
    assert conn.connect()
    other = conn.suConn(curator.name)
    assert other.getUser().getName() == curator.name
    assert not other.isAdmin()
    assert other.getEventContext().sudoerId.val == 0
    other.close()
    conn.close()


def test_others_may_not_work_as_another_user(client, server):
    principal = omero.sys.Principal(server.user, None, "User")
    with pytest.raises(omero.SecurityViolation):
        client.sf.getSessionService().createSessionWithTimeouts(principal, 0, 60_000)


def test_group_is_switched(server, root):
    admin = root.sf.getAdminService()
    groups = []
    for _ in range(2):
        group = ExperimenterGroupI()
        group.name, group.ldap = rstring(f"group-{uuid4()}"), rbool(False)
        group.details.permissions = PermissionsI("rwra--")
        groups.append(ExperimenterGroupI(admin.createGroup(group), False))
    account = new_account(root)
    user = admin.lookupExperimenter(account.name)
    admin.addGroups(user, groups)
    client = connect(server, account)
    try:
        first = client.sf.getAdminService().getEventContext().groupId
        assert client.sf.setSecurityContext(groups[0]).id.val == first
        context = client.sf.getAdminService().getEventContext()
        assert context.groupId == groups[0].id.val
        assert str(context.groupPermissions) == "rwra--"
        with pytest.raises(omero.SecurityViolation):
            client.sf.setSecurityContext(ExperimenterGroupI(0, False))
    finally:
        client.closeSession()


def test_users_and_groups_are_administered(server, root):
    admin = root.sf.getAdminService()
    name = f"user-{uuid4()}"
    user = ExperimenterI()
    user.omeName = user.firstName = user.lastName = rstring(name)
    user.ldap = rbool(False)
    group = ExperimenterGroupI()
    group.name = rstring(name)
    group.ldap = rbool(False)
    group_id = admin.createGroup(group)
    default, users = ExperimenterGroupI(group_id, False), ExperimenterGroupI(1, False)
    user_id = admin.createExperimenterWithPassword(user, rstring("first"), default, [users])
    assert [g.id.val for g in admin.containedGroups(user_id)] == [1, group_id]
    assert str(admin.getGroup(group_id).details.permissions) == "rw----"
    assert [u.id.val for u in admin.containedExperimenters(group_id)] == [user_id]
    admin.addGroupOwners(default, [ExperimenterI(user_id, False)])
    assert group_id in admin.getLeaderOfGroupIds(ExperimenterI(user_id, False))
    admin.changeUserPassword(name, rstring("second"))
    with pytest.raises(Glacier2.PermissionDeniedException):
        other = omero.client(server.host, server.port)
        other.createSession(name, "first")
    other.closeSession()
    again = omero.client(server.host, server.port)
    again.createSession(name, "second")
    with pytest.raises(omero.SecurityViolation):
        again.sf.getAdminService().createGroup(group)
    again.closeSession()
    with pytest.raises(omero.ValidationException, match=r"User name exists|could not insert"):
        admin.createExperimenterWithPassword(user, rstring("x"), default, [])


@pytest.mark.sandbox("it lacks operations")
def test_missing_operation_names_itself_at_once(client):
    with pytest.raises(omero.ApiUsageException, match=r"omero\.api\.IAdmin\.uploadMyUserPhoto"):
        client.sf.getAdminService().uploadMyUserPhoto("a", "image/png", b"")
    with pytest.raises(omero.ApiUsageException, match=r"omero\.api\.ILdap\.searchAll"):
        client.sf.getLdapService().searchAll()
    with pytest.raises(omero.ApiUsageException, match=r"omero\.api\.Search\.hasNext"):
        client.sf.createSearchService().hasNext()
    with pytest.raises(omero.CmdError) as error:
        client.submit(omero.cmd.SendEmailRequest())
    assert "SendEmailRequest" in error.value.err.parameters["message"]


def test_heartbeats(client):
    assert not client.sf.keepAlive(None)
    admin = client.sf.getAdminService()
    assert client.sf.keepAllAlive([admin]) == 0
    store = client.sf.createRawFileStore()
    assert client.sf.keepAlive(store)
    store.close()
    assert not client.sf.keepAlive(store)


def test_session_timeout_is_changed_by_command(client):
    request = omero.cmd.UpdateSessionTimeoutRequest(session=client.getSessionId(), timeToIdle=rlong(123_000))
    client.submit(request).close(True)
    session = client.sf.getSessionService().getSession(client.getSessionId())
    assert session.timeToIdle.val == 123_000


def test_configuration(client, root):
    assert client.sf.getConfigService().getVersion().startswith("5.6.")
    assert len(client.sf.getConfigService().getDatabaseUuid()) == 36
    with pytest.raises(omero.SecurityViolation, match="Cannot read configuration"):
        client.sf.getConfigService().getConfigValue("omero.fs.repo.path")
    assert "%user%" in root.sf.getConfigService().getConfigValue("omero.fs.repo.path")
    assert client.sf.getConfigService().getClientConfigDefaults()


def test_enumerations(client):
    types = client.sf.getTypesService()
    assert "OMEXML" in {f.value.val for f in types.allEnumerations("Format")}
    assert types.getEnumeration("omero.model.PixelsType", "uint16").value.val == "uint16"
    with pytest.raises(omero.ApiUsageException):
        types.getEnumeration("PixelsType", "nope")


def test_several_sessions_at_once(server, curator):
    """No more than a server's database takes as it comes, ten connections; fifty are test_sandbox_robust.py's."""

    def work(_):
        client = connect(server, curator)
        try:
            admin = client.sf.getAdminService()
            return {admin.getEventContext().sessionUuid for _ in range(20)}
        finally:
            client.closeSession()

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(work, range(16)))
    assert all(len(uuids) == 1 for uuids in seen)
    assert len(set().union(*seen)) == 16


def test_command_line_logs_in_and_out(server, curator, tmp_path, monkeypatch, capsys):
    from omero.cli import argv

    monkeypatch.setenv("OMERO_USERDIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    login = ["omero", "login", f"{curator.name}@{server.host}:{server.port}", "-w", curator.password]
    assert argv(login) == 0
    assert argv(["omero", "sessions", "list"]) == 0
    assert curator.name in capsys.readouterr().out
    assert argv(["omero", "logout"]) == 0

"""Sessions: who may log in, how they end, what they know of memberships."""

import time

import Ice
import omero.clients
import pytest
from omero.model import ExperimenterGroupI, ExperimenterI
from omero.rtypes import rbool, rstring

import omero
from tests.contract.facts import fact, refused


def principal(person, group=""):
    return omero.sys.Principal(name=person.name, group=group, eventType="User")


def join(server, uuid):
    client = omero.client(server.host, server.port)
    client.joinSession(uuid)
    return client


@pytest.fixture
def sudo(root, people):
    """A session of a user's, opened by an administrator."""
    return root.sf.getSessionService().createSessionWithTimeouts(principal(people.user()), 0, 600_000)


@fact("omero_api_calls.md")
def test_wrong_password(server, people):
    """A wrong password is a Glacier2.PermissionDeniedException."""
    client = omero.client(server.host, server.port)
    with pytest.raises(omero.clients.Glacier2.PermissionDeniedException):
        client.createSession(people.user().name, "wrong")


@fact("real_server.md 12")
def test_user_without_a_group(server, root, people):
    """Who is only in the group of all users cannot log in: Can't find default group."""
    admin = root.sf.getAdminService()
    user, group = ExperimenterI(), people.group()
    user.omeName, user.firstName, user.lastName = (rstring(f"contract-alone-{group}"), rstring("Con"), rstring("Tract"))
    user.ldap = rbool(False)
    everyone = ExperimenterGroupI(admin.getSecurityRoles().userGroupId, False)
    number = admin.createExperimenterWithPassword(user, rstring("secret"), everyone, [everyone])
    client = omero.client(server.host, server.port)
    try:
        with pytest.raises(omero.WrappedCreateSessionException) as caught:
            client.createSession(user.omeName.val, "secret")
        assert "Can't find default group" in caught.value.reason
    finally:  # nobody is left without a group
        home = ExperimenterGroupI(group, False)
        admin.addGroups(ExperimenterI(number, False), [home])
        admin.setDefaultGroup(ExperimenterI(number, False), home)


@fact("real_server.md 13")
def test_sessions_of_others(user, sudo):
    """Anybody may ask for a session by its uuid, which is as good as a password."""
    assert user.sf.getSessionService().getSession(sudo.uuid.val).uuid.val == sudo.uuid.val


@fact("real_server.md 13")
def test_joined_again(server, sudo):
    """A session opened by ISession can still be joined when the last client that joined it has left."""
    for _ in range(2):
        client = join(server, sudo.uuid.val)
        assert client.sf.getAdminService().getEventContext().sessionUuid == sudo.uuid.val
        client.closeSession()


@fact("omero_api_calls.md")
def test_last_client_leaves(server, people):
    """A session opened by a login ends with its last client: who joins it then is refused or cut off."""
    client = people.client()
    uuid = client.getSessionId()
    joined = join(server, uuid)
    client.closeSession()
    assert joined.sf.getAdminService().getEventContext().sessionUuid == uuid
    joined.closeSession()
    with pytest.raises((omero.clients.Glacier2.PermissionDeniedException, Ice.ObjectNotExistException)):
        join(server, uuid)


@fact("omero-server 5.7: SessionManagerImpl")
def test_references(server, root, sudo):
    """ISession counts who opened and who joined a session; closeSession counts down, then says -2, then -1."""
    service = root.sf.getSessionService()
    client = join(server, sudo.uuid.val)
    assert service.getReferenceCount(sudo.uuid.val) == 2
    assert [service.closeSession(sudo) for _ in range(3)] == [1, -2, -1]
    with pytest.raises((omero.SessionException, Ice.ObjectNotExistException)):
        client.sf.getAdminService().getEventContext()
    client.__del__()


@fact("real_server.md 13")
def test_expired_session(root, people):
    """A session that was idle for too long is asked for in vain: SessionTimeoutException."""
    made = root.sf.getSessionService().createSessionWithTimeouts(principal(people.user()), 0, 500)
    time.sleep(1.5)
    with refused(omero.SessionTimeoutException, "exceeded timeToIdle"):
        root.sf.getSessionService().getSession(made.uuid.val)


@fact("omero-server 5.7: SessionCache")
def test_calls_of_an_expired_session(server, root, people):
    """A call of a session that was idle for too long is a SessionTimeoutException, joining it says no group."""
    made = root.sf.getSessionService().createSessionWithTimeouts(principal(people.user()), 0, 700)
    client = join(server, made.uuid.val)
    query = client.sf.getQueryService()
    time.sleep(2)
    with refused(omero.SessionTimeoutException, "exceeded timeToIdle"):
        query.find("Experimenter", 0)
    with refused(omero.WrappedCreateSessionException, "Can't find default group for"):
        join(server, made.uuid.val)
    client.__del__()


@fact("omero-server 5.7: SessionCache")
def test_unknown_session(user):
    """A session that is not there is a RemovedSessionException: No context for UUID."""
    with refused(omero.RemovedSessionException, "No context for"):
        user.sf.getSessionService().getSession("00000000-0000-0000-0000-000000000000")


@fact("real_server.md 14")
def test_keep_alive(user):
    """keepAlive of no service is False, of one that is there True."""
    assert user.sf.keepAlive(None) is False
    assert user.sf.keepAlive(user.sf.getQueryService()) is True


@fact("omero-server 5.7: SessionManagerImpl")
def test_sudo_of_others(user, root, people):
    """Who is no administrator, nor owns the group, opens no session of another user's: Group sudo is not permitted."""
    with refused(omero.SecurityViolation, "Group sudo is not permitted for group"):
        user.sf.getSessionService().createSessionWithTimeouts(principal(people.user()), 0, 600_000)


@fact("omero-server 5.7: SessionBean")
def test_sudo_of_nobody(root):
    """A session of an unknown user is not opened: AuthenticationException."""
    nobody = omero.sys.Principal(name="contract-nobody", group="", eventType="User")
    with refused(omero.AuthenticationException, "Error creating session."):
        root.sf.getSessionService().createSessionWithTimeouts(nobody, 0, 600_000)


@fact("omero-server 5.7: AdminImpl")
def test_event_context_is_the_sessions(people):
    """IAdmin.getEventContext tells of the session's own group, whatever the call's context says."""
    first, second = people.group(), people.group()
    client = people.client(first, second)
    admin = client.sf.getAdminService()
    assert [admin.getEventContext(client.getContext(g)).groupId for g in (first, second, -1)] == [first] * 3


@fact("omero-server 5.7: BasicSecuritySystem")
def test_login_into_a_group_of_others(server, people):
    """Who logs in into a group of others is refused: User N is not a member of group M and cannot login."""
    person, group = people.user(), people.group()
    name = people.name_of(group)
    client = omero.client({"omero.host": server.host, "omero.port": str(server.port), "omero.group": name})
    with refused(omero.SecurityViolation, f"User {person.id} is not a member of group {group} and cannot login"):
        client.createSession(person.name, person.password)
        client.sf.getAdminService().getEventContext()
    client.__del__()


@fact("omero-server 5.7: SessionManagerImpl")
def test_login_into_an_unknown_group(server, people):
    """Who logs in into a group that is not there is refused: No such group."""
    person = people.user()
    client = omero.client({"omero.host": server.host, "omero.port": str(server.port), "omero.group": "contract-none"})
    with refused(omero.WrappedCreateSessionException, "No such group: contract-none"):
        client.createSession(person.name, person.password)


@fact("omero_replacement.md c")
def test_sudo(server, root, sudo):
    """What an administrator opens for a user works as that user, and says by whom."""
    client = join(server, sudo.uuid.val)
    context = client.sf.getAdminService().getEventContext()
    assert (context.userId, context.isAdmin, context.sudoerId.val) == (sudo.owner.id.val, False, 0)
    client.closeSession()


@pytest.fixture
def newcomer(root, people):
    """A client, and a group that its user came into after the login."""
    person, group = people.user(), people.group()
    client = people.login(person)
    client.sf.getQueryService()
    root.sf.getAdminService().addGroups(ExperimenterI(person.id, False), [ExperimenterGroupI(group, False)])
    return client, group, person


@fact("real_server.md 10")
def test_new_membership(people, newcomer):
    """A new membership does not count in a session that is open, but in a new one."""
    client, group, person = newcomer
    projects = "select p.id from Project p"
    with pytest.raises(omero.SecurityViolation):
        client.sf.getQueryService().projection(projects, None, client.getContext(group))
    again = people.login(person)
    assert again.sf.getQueryService().projection(projects, None, again.getContext(group)) == []


@fact("omero-server 5.7: AdminImpl")
def test_event_context_brings_memberships(newcomer):
    """IAdmin.getEventContext brings an open session up to date with memberships."""
    client, group, _ = newcomer
    assert group in client.sf.getAdminService().getEventContext().memberOfGroups
    assert client.sf.getQueryService().projection("select p.id from Project p", None, client.getContext(group)) == []

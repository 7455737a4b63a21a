"""IAdmin: groups, users, what administrators may."""

from uuid import uuid4

import Ice
import pytest
from omero.model import AdminPrivilegeI, ExperimenterGroupI, ExperimenterI
from omero.rtypes import rbool, rstring

import omero
from tests.contract.facts import fact, refused


@fact("real_server.md 11")
def test_group_without_ldap(root):
    """A group is not made without `ldap`: ValidationException."""
    group = ExperimenterGroupI()
    group.name = rstring(f"contract-{uuid4().hex[:8]}")
    with refused(omero.ValidationException, "ldap"):
        root.sf.getAdminService().createGroup(group)


@fact("real_server.md 11")
def test_contained_groups(root, people):
    """The groups of a user are listed with that of all users, which is the first."""
    person = people.user()
    assert [g.id.val for g in root.sf.getAdminService().containedGroups(person.id)] == [1, person.group]


@fact("omero-server 5.7: AdminImpl")
def test_default_group(root, people):
    """The default group is the one that the user was made with, whatever the number."""
    second, first = people.group(), people.group()
    assert root.sf.getAdminService().getDefaultGroup(people.user(first, second).id).id.val == first


@fact("omero-server 5.7: AdminImpl")
def test_last_group(root, people):
    """Nobody is taken out of the last group but that of all users: ValidationException."""
    person = people.user()
    with refused(omero.ValidationException, "cannot be a member of only the 'user' group"):
        root.sf.getAdminService().removeGroups(
            ExperimenterI(person.id, False), [ExperimenterGroupI(person.group, False)]
        )


@fact("real_server.md 23")
def test_forgotten_password(user):
    """A forgotten password is reported in vain for who is not known, or has no address: AuthenticationException."""
    admin = user.sf.getAdminService()
    name = admin.getEventContext().userName
    with pytest.raises((omero.AuthenticationException, Ice.UnknownUserException)) as caught:  # it is not declared
        admin.reportForgottenPassword(name, "nobody@example.org")
    assert "AuthenticationException" in str(caught.value)


@fact("omero_api_calls.md")
def test_settings_are_not_for_users(user):
    """An ordinary user may not read the server's settings."""
    with refused(omero.SecurityViolation, "Cannot read configuration"):
        user.sf.getConfigService().getConfigValue("omero.fs.repo.path")


@pytest.fixture
def restricted(root, people):
    """An administrator who may write what others own, and a client of theirs."""
    admin = root.sf.getAdminService()
    name, password = f"contract-{uuid4().hex[:8]}", uuid4().hex
    user = ExperimenterI()
    user.omeName, user.firstName, user.lastName = rstring(name), rstring("Con"), rstring("Tract")
    user.ldap = rbool(False)
    number = admin.createRestrictedSystemUserWithPassword(user, [_privilege("WriteOwned")], rstring(password))
    person = people.known(name, password, number)
    yield person, people.login(person)
    admin.setAdminPrivileges(ExperimenterI(number, False), [])


def _privilege(value):
    made = AdminPrivilegeI()
    made.value = rstring(value)
    return made


@fact("real_server.md 16")
def test_privileges_are_remembered(root, people, restricted):
    """A privilege that is taken away still counts for a while in an open session, and no more in a new one."""
    person, client = restricted
    owner = people.client()
    project = omero.model.ProjectI()
    project.name = rstring("contract")
    project = owner.sf.getUpdateService().saveAndReturnObject(project)
    group = project.details.group.id.val

    def rename(as_client, name):
        context = as_client.getContext(group)
        found = as_client.sf.getQueryService().get("Project", project.id.val, context)
        found.name = rstring(name)
        as_client.sf.getUpdateService().saveObject(found, context)

    rename(client, "before")
    root.sf.getAdminService().setAdminPrivileges(ExperimenterI(person.id, False), [])
    rename(client, "still")
    with refused(omero.SecurityViolation, ""):
        rename(people.login(person), "after")

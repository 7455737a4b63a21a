"""More users of a group."""

from uuid import uuid4

import omero.clients
from omero.model import ExperimenterGroupI, ExperimenterI
from omero.rtypes import rbool, rstring

from demo.omero_client import Account
from tests.support.accounts import MADE


def new_member(root: omero.clients.BaseClient, group: str) -> Account:
    """Make an ordinary user in a group that is there, as an administrator."""
    name, password = f"member-{uuid4().hex[:8]}", uuid4().hex
    admin = root.sf.getAdminService()
    user = ExperimenterI()
    user.omeName, user.firstName, user.lastName = rstring(name), rstring("Mem"), rstring("Ber")
    user.ldap = rbool(False)
    everyone = ExperimenterGroupI(admin.getSecurityRoles().userGroupId, False)
    home = ExperimenterGroupI(admin.lookupGroup(group).id.val, False)
    admin.createExperimenterWithPassword(user, rstring(password), home, [everyone, home])
    MADE.append((name, group))
    return Account(name, password)

"""How many objects a user has: on a server where others work beside, everybody's would change meanwhile."""

import omero.clients

from tests.support.servers import Omero


def counted(omero_cli: Omero, *kinds: str) -> dict[str, int]:
    """The user's objects of these kinds, in whatever group."""
    client: omero.clients.BaseClient = omero_cli.client
    query, owner = client.sf.getQueryService(), client.sf.getAdminService().getEventContext().userId
    hql, everywhere = "select count(o.id) from {} o where o.details.owner.id = {}", {"omero.group": "-1"}
    return {kind: query.projection(hql.format(kind, owner), None, everywhere)[0][0].val for kind in kinds}

"""The ManagedRepository and the call's context."""

from tests.contract.facts import fact


@fact("ice.md")
def test_an_implicit_context_has_both_uuids(user):
    """The client's own context has the session's and the client's uuid."""
    context = user.getImplicitContext().getContext()
    assert {"omero.session.uuid", "omero.client.uuid"} <= set(context)

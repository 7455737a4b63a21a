"""Which database is a server's: what a session is told of it, and what is in it."""

import psycopg2
import pytest

from tests.contract.facts import fact

UUID = "SELECT value FROM configuration WHERE name = 'omero.db.uuid'"


@pytest.fixture
def row_of(server):
    """A row that the database has for a statement."""
    if server.dsn is None:
        pytest.skip("needs the server's database (--db)")

    def row(sql, *values):
        is_service = "=" not in server.dsn and "://" not in server.dsn
        connection = psycopg2.connect(service=server.dsn) if is_service else psycopg2.connect(server.dsn)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchone()
        finally:
            connection.close()

    return row


@fact("seen on 5.7.5")
def test_uuid_of_the_database(user, row_of):
    """IConfig.getDatabaseUuid tells an ordinary user what the table configuration has as omero.db.uuid."""
    assert row_of(UUID) == (user.sf.getConfigService().getDatabaseUuid(),)


@fact("seen on 5.7.5")
def test_row_of_the_session(user, row_of):
    """The table session has a session's uuid by the id that its event context tells, from its first call on."""
    context = user.sf.getAdminService().getEventContext()
    assert context.sessionUuid == user.getSessionId()
    found = row_of("SELECT uuid, owner, closed FROM session WHERE id = %s", context.sessionId)
    assert found == (user.getSessionId(), context.userId, None)

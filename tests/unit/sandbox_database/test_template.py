"""The kept files of a new database, of which other checkouts may want other versions."""

import os
import time
from pathlib import Path

import pytest

from omero_sandbox.database import template


def test_only_templates_that_nobody_used_for_a_week_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = template.cache_folder()
    for name, days in (("database-of-another-checkout", 1), ("database-of-long-ago", 8)):
        (kept / name / "base").mkdir(parents=True)
        os.utime(kept / name, (0, time.time() - days * 86_400))
    template.install(tmp_path / "data")
    names = {path.name for path in kept.glob("database-*") if path.is_dir()}
    assert "database-of-another-checkout" in names and "database-of-long-ago" not in names
    assert len(names) == 2 and (tmp_path / "data" / "PG_VERSION").is_file()

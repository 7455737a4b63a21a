"""The file of a certificate, which somebody else may have written, is read or refused, and nothing in between."""

import json
from pathlib import Path
from typing import Any

import pytest

from omero_roz.errors import UsageError
from omero_roz.verify import certificate
from omero_roz.verify.image import ImageCheck

WHO = ("server:4064", "curator", "sample")


def written(file: Path, **changed: Any) -> Path:
    found = certificate.Certificate(*WHO[:2], certificate.now(), "sample")
    found.add(ImageCheck(7, 3, "a", ok=True, planes=2))
    about = found.to_json()
    about["images"][0] |= changed
    file.write_text(json.dumps(about))
    return file


def test_it_is_read_back_and_says_what_is_not_of_today(tmp_path: Path) -> None:
    found = certificate.read(written(tmp_path / "c.json"), *WHO)
    assert found.holds(7, "sample") and found.fresh == set()


@pytest.mark.parametrize(
    "changed",
    [{"planes": "a"}, {"image": None}, {"ok": 1}, {"problems": [1]}, {"check": "none"}, {"fileset": True}, {"more": 1}],
)
def test_another_type_is_no_certificate(tmp_path: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="no certificate"):
        certificate.read(written(tmp_path / "c.json", **changed), *WHO)


def test_deep_json_is_no_certificate(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text("[" * 100_000)
    with pytest.raises(UsageError, match="no certificate"):
        certificate.read(file, *WHO)

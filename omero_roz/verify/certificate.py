"""What a verification found, as a file that it can be continued from; the form is docs/certificate.schema.json."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omero_roz.change import Note
from omero_roz.errors import UsageError
from omero_roz.ports import own_files
from omero_roz.shown import as_json, clean, said
from omero_roz.verify.image import Check, ImageCheck

CERTIFICATE_VERSION = 1  # goes up when a field is renamed, taken away or changes its meaning
NS_CERTIFICATE = "omero-roz/certificate"
NS_SUMMARY = "omero-roz/certificate-summary"


@dataclass(slots=True)
class Certificate:
    """The checks of images, by their ids; threads may add to it."""

    server: str
    user: str
    began: str
    check: Check
    ended: str | None = None
    images: dict[int, ImageCheck] = field(default_factory=dict)
    fresh: set[int] = field(default_factory=set)  # images that were looked at now; of others a file says so
    _lock: Any = field(default_factory=threading.Lock, repr=False)

    def add(self, result: ImageCheck) -> None:
        """Take the result of an image in."""
        with self._lock:
            self.images[result.image] = result
            self.fresh.add(result.image)

    def holds(self, image: int, check: Check) -> bool:
        """Whether an image was found right before, by the same check or a stricter one."""
        known = self.images.get(image)
        return known is not None and known.ok and (known.check == "all" or known.check == check)

    def failed(self) -> list[ImageCheck]:
        """The images of which anything is wrong."""
        return [one for one in self.images.values() if not one.ok]

    def to_json(self, images: Iterable[ImageCheck] | None = None) -> dict[str, Any]:
        """The certificate as JSON values, of all images or only of some."""
        with self._lock:
            chosen = sorted(self.images.values() if images is None else images, key=lambda one: one.image)
        return {
            "certificate_version": CERTIFICATE_VERSION,
            "omero_roz": version("omero-roz"),
            "server": self.server,
            "user": self.user,
            "began": self.began,
            "ended": self.ended,
            "ok": self.ended is not None and all(one.ok for one in chosen),
            "check": self.check,
            "counts": counts(chosen),
            "images": [one.to_json() for one in chosen],
        }

    def write(self, path: Path) -> None:
        """Write it in one go: who is killed meanwhile leaves the one before.

        Raises UsageError where it cannot be written.
        """
        own_files.write(path, as_json(clean(self.to_json()), 1) + "\n", "--certificate")

    def note(self, images: Iterable[ImageCheck]) -> Note:
        """What is kept on a fileset: the certificate of its images, and a summary for people."""
        found = self.to_json(images)
        lines = [
            ("Verified", "all right" if found["ok"] else "failed"),
            ("Check", self.check),
            ("Images", str(found["counts"]["images"])),
            ("Planes compared", str(found["counts"]["planes"])),
            ("Absent chunks", str(found["counts"]["absent"])),
            ("By", self.user),
            ("When", self.ended or self.began),
            ("omero-roz", found["omero_roz"]),
        ]
        return Note(NS_CERTIFICATE, as_json(clean(found), None), NS_SUMMARY, lines)


def counts(images: Iterable[ImageCheck]) -> dict[str, int]:
    """Sums over images."""
    every = list(images)
    return {
        "images": len(every),
        "ok": sum(one.ok for one in every),
        "failed": sum(not one.ok for one in every),
        "planes": sum(one.planes for one in every),
        "chunks": sum(one.chunks for one in every),
        "absent": sum(one.absent or 0 for one in every),
    }


def now() -> str:
    """The time, as certificates have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read(path: Path, server: str, user: str, check: Check) -> Certificate:
    """The certificate in a file to go on with, a new one where there is no such file.

    Raises UsageError where the file is something else, or of another server.
    """
    where = f"--certificate {path}"
    try:
        data = json.loads(path.read_text("utf-8"))
        if data["certificate_version"] > CERTIFICATE_VERSION:
            raise UsageError(f"it was written by omero-roz {data['omero_roz']}", where, "use that version or later")
        images = [ImageCheck.from_json(one) for one in data["images"]]
        found = Certificate(data["server"], user, data["began"], check, None, {one.image: one for one in images})
    except FileNotFoundError:
        return Certificate(server, user, now(), check)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"it is no certificate ({said(error)})", where, "name another file") from None
    if found.server != server:
        raise UsageError(f"it is of {found.server}, not of {server}", where, "name another file")
    return found

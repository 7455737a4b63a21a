"""What an ordinary user can write into OMERO by its API alone, as somebody would who means harm."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import omero.clients
import omero.model as model
from omero.rtypes import rstring, unwrap
from omero.sys import ParametersI

RECORD, SUMMARY, FILL = "omero-roz/record", "omero-roz/summary", "omero-roz/fill"


class Claims:
    """A user's own writing on filesets, in the group that the session is in."""

    def __init__(self, client: omero.clients.BaseClient) -> None:
        self.client = client
        self._context = client.sf.getAdminService().getEventContext()

    @property
    def top(self) -> str:
        """The user's own directory in the ManagedRepository."""
        return f"{self._context.userName}_{self._context.userId}"

    @property
    def user(self) -> int:
        """The user's id."""
        return self._context.userId

    def fileset(self, prefix: str) -> int:
        """An empty fileset with any template prefix."""
        made = model.FilesetI()
        made.templatePrefix = rstring(prefix)
        return self._save(made)

    def prefix(self, fileset: int, prefix: str) -> None:
        """Another template prefix of a fileset that is there."""
        found = self.client.sf.getQueryService().get("Fileset", fileset)
        found.templatePrefix = rstring(prefix)
        self._save(found)

    def rename(self, file: int, path: str, name: str) -> None:
        """Another path and name of a file's row."""
        found = self.client.sf.getQueryService().get("OriginalFile", file)
        found.path, found.name = rstring(path), rstring(name)
        self._save(found)

    def register(self, path: str, name: str | None = None) -> None:
        """Rows of a directory that OMERO does not know and of those above it; of a file in it with a fileset of it."""
        repository, steps = self.client.getManagedRepository(), path.split("/")
        for depth in range(2, len(steps) + 1):
            repository.register("/".join(steps[:depth]), rstring("Directory"))
        if name is not None:
            made, entry = model.FilesetI(), model.FilesetEntryI()
            made.templatePrefix, entry.clientPath = rstring(f"{path}/"), rstring(name)
            entry.originalFile = repository.register(f"{path}/{name}", rstring("text/plain")).proxy()
            made.addFilesetEntry(entry)
            self._save(made)

    def note(self, fileset: int, text: str | dict[str, Any], name: str | None = None, ns: str = RECORD) -> int:
        """A text on a fileset, such as a record; the annotation's id."""
        return self.link(fileset, self._save(_comment(text, name, ns)))

    def notes(self, fileset: int, text: str | dict[str, Any], name: str | None, count: int) -> None:
        """The same record so many times, each an annotation of its own, in one call."""
        made = [model.FilesetAnnotationLinkI() for _ in range(count)]
        for one in made:
            one.parent, one.child = model.FilesetI(fileset, False), _comment(text, name, RECORD)
        self.client.sf.getUpdateService().saveArray(made)

    def summary(self, fileset: int, values: Sequence[tuple[str, str]], ns: str = SUMMARY) -> int:
        """Names and values on a fileset, as records have them for people."""
        made = model.MapAnnotationI()
        made.ns, made.mapValue = rstring(ns), [model.NamedValue(*one) for one in values]
        return self.link(fileset, self._save(made), model.MapAnnotationI)

    def link(self, fileset: int, annotation: int, kind: Any = model.CommentAnnotationI) -> int:
        """Put an annotation that is there, whosever it is, on a fileset; the annotation's id."""
        made = model.FilesetAnnotationLinkI()
        made.parent, made.child = model.FilesetI(fileset, False), kind(annotation, False)
        self._save(made)
        return annotation

    def rewrite(self, annotation: int, text: str | dict[str, Any]) -> None:
        """Give a text that is there anew."""
        self.rewrite_all({annotation: text if isinstance(text, str) else json.dumps(text)})

    def rewrite_all(self, texts: Mapping[int, str]) -> None:
        """Give many anew, in one call."""
        wanted = ",".join(map(str, texts))
        hql = f"select a from CommentAnnotation a where a.id in ({wanted})"
        found = self.client.sf.getQueryService().findAllByQuery(hql, None)
        for one in found:
            one.textValue = rstring(texts[one.id.val])
        self.client.sf.getUpdateService().saveArray(found)

    def read(self, fileset: int, ns: str = RECORD) -> list[tuple[int, str]]:
        """Ids and texts of what is written on a fileset, oldest first."""
        return [tuple(row) for row in self.rows(
            "select a.id, a.textValue from FilesetAnnotationLink l, CommentAnnotation a where l.child.id = a.id"
            f" and l.parent.id = {fileset} and a.ns = '{ns}' order by a.id"
        )]  # fmt: skip

    def record(self, fileset: int) -> dict[str, Any]:
        """The newest record on a fileset."""
        return json.loads(self.read(fileset)[-1][1])

    def rows(self, hql: str) -> list[list[Any]]:
        """What a query finds in all groups."""
        found = self.client.sf.getQueryService().projection(hql, ParametersI(), {"omero.group": "-1"})
        return [[unwrap(value) for value in row] for row in found]

    def inside(self, fileset: int) -> list[int]:
        """The images in a fileset."""
        return [image for [image] in self.rows(f"select i.id from Image i where i.fileset.id = {fileset}")]

    def there(self, kind: str, number: int) -> bool:
        """Whether an object is there that the user sees."""
        return bool(self.rows(f"select o.id from {kind} o where o.id = {number}"))

    def _save(self, made: Any) -> int:
        return self.client.sf.getUpdateService().saveAndReturnObject(made).id.val


def _comment(text: str | dict[str, Any], name: str | None, ns: str) -> Any:
    made = model.CommentAnnotationI()
    made.ns, made.name = rstring(ns), name and rstring(name)
    made.textValue = rstring(text if isinstance(text, str) else json.dumps(text))
    return made


def image(number: int, **more: Any) -> dict[str, Any]:
    """An image as a record has it."""
    return {"id": number, "path": "", "series_before": 0, "series": 0, "binding_before": None, "binding": None} | more


def record(source: int | None, images: Sequence[dict[str, Any]] = (), **more: Any) -> dict[str, Any]:
    """A record, as it may be forged."""
    return {
        "kind": "replace", "state": "proven", "uri": "/nowhere.zarr", "binding": "external-info", "user": "root",
        "when": "2026-01-01T00:00:00+00:00", "version": "0.1.0", "source": source, "images": list(images),
        "check": None, "shared": [], "run": None, "format": 1,
    } | more  # fmt: skip

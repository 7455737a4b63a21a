"""The childOptions and typesToIgnore of a request."""

from collections.abc import Iterable, Sequence
from typing import Any

from omero_sandbox.commands import CommandError
from omero_sandbox.graphs.rows import Described
from omero_sandbox.model.mapping import entities, entity

# Annotations in these namespaces are told apart by an option only if it names them.
RESERVED = ("openmicroscopy.org/omero/import/companionFile", "openmicroscopy.org/omero/measurement")


class Options:
    """Classes whose rows stay although nothing else holds them, or go although something does; for annotations, of
    some namespaces only. And classes whose rows are left alone."""

    def __init__(self, options: Sequence[Any] | None = None, ignored: Iterable[str] | None = None) -> None:
        self._options = list(options or ())
        self._ignored = frozenset(name for i in ignored or () for name in entity(i).concrete)
        for option in self._options:
            if option.includeNs and option.excludeNs:
                raise CommandError("graph-fail", "child option may not both include and exclude namespace")

    def stays(self, row: Described, may: bool) -> bool | None:
        """True: must stay; False: must go; None: it goes if nothing else holds it. The first option that fits says.
        `may`: whether the caller may take the row."""
        known = {name.rpartition(".")[2] for name in (row.name, *entities()[row.name].parents)}
        for option in self._options:
            if "Annotation" in known and not _of_namespace(option, row.ns):
                continue
            if known & _simple(option.includeType):  # before excludeType: the command line sends a class in both
                if may:
                    return False
            elif known & _simple(option.excludeType):
                return True
        return None

    def ignores(self, name: str) -> bool:
        """Whether rows of a class are left alone."""
        return name in self._ignored


def _of_namespace(option: Any, ns: str | None) -> bool:
    if option.includeNs:
        return ns in option.includeNs
    return ns not in (option.excludeNs or RESERVED)


def _simple(names: Iterable[str] | None) -> set[str]:
    return {name.rpartition(".")[2] for name in names or ()}

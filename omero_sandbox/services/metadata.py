"""IMetadata: annotations by what they are on, and the log files of imports."""

from collections.abc import Sequence
from typing import Any

import omero
from omero_sandbox import hql
from omero_sandbox.model.mapping import entity
from omero_sandbox.services.base import Call, Service, service

_ACQUISITION = (
    "select c from LogicalChannel c left outer join fetch c.photometricInterpretation"
    " left outer join fetch c.illumination left outer join fetch c.contrastMethod left outer join fetch c.mode"
    " left outer join fetch c.detectorSettings ds left outer join fetch ds.binning"
    " left outer join fetch ds.detector d"
    " left outer join fetch d.type left outer join fetch c.lightSourceSettings ls"
    " left outer join fetch ls.lightSource l left outer join fetch l.type"
    " left outer join fetch c.filterSet fs left outer join fetch fs.dichroic"
    " left outer join fetch c.otf left outer join fetch c.lightPath p left outer join fetch p.dichroic"
    " left outer join fetch p.emissionFilterLink el left outer join fetch el.child"
    " left outer join fetch p.excitationFilterLink xl left outer join fetch xl.child"
    " where c.id in (:ids) order by c.id"
)
_INSTRUMENT = (
    "select i from Instrument i left outer join fetch i.microscope m left outer join fetch m.type"
    " left outer join fetch i.objective o left outer join fetch o.immersion left outer join fetch o.correction"
    " left outer join fetch i.detector d left outer join fetch d.type"
    " left outer join fetch i.filter f left outer join fetch f.type left outer join fetch f.transmittanceRange"
    " left outer join fetch i.filterSet left outer join fetch i.dichroic"
    " left outer join fetch i.lightSource l left outer join fetch l.type where i.id = :id"
)


@service
class MetadataService(Service):
    """Annotations come with what they link to: the file of a FileAnnotation."""

    interface = "omero.api.IMetadata"

    def loadAnnotations(
        self,
        call: Call,
        root: str,
        ids: Sequence[int],
        types: Sequence[str] | None,
        annotators: Sequence[int] | None,
        options: Any,
    ) -> dict[int, list[Any]]:
        """The annotations of objects, by the objects' ids; of some classes or some users only where these are given."""
        cls = entity(root).name
        query = (
            f"select l from {cls}AnnotationLink l join fetch l.child c left outer join fetch c.file"
            " where l.parent.id in (:ids)"
        )
        with self.state.database.read() as cursor:
            links = hql.find(cursor, call.caller, query, omero.sys.ParametersI().addIds(ids))
        wanted = {entity(name).name for name in types or ()}
        found: dict[int, list[Any]] = {number: [] for number in ids}
        for link in links:
            of_kind = not wanted or _class(link.child) in wanted
            if of_kind and (not annotators or link.details.owner.id.val in annotators):
                found[link.parent.id.val].append(link.child)
        return found

    def loadChannelAcquisitionData(self, call: Call, ids: Sequence[int]) -> list[Any]:
        """LogicalChannels with the settings of detectors, light sources and filters, and with what these refer to."""
        with self.state.database.read() as cursor:
            found = hql.find(cursor, call.caller, _ACQUISITION, omero.sys.ParametersI().addIds(ids))
        return list({channel.id.val: channel for channel in found}.values())

    def loadInstrument(self, call: Call, number: int) -> Any:
        """An Instrument with all that belongs to it; None when there is none."""
        with self.state.database.read() as cursor:
            found = hql.find(cursor, call.caller, _INSTRUMENT, omero.sys.ParametersI().addId(number))
        return found[0] if found else None

    def loadSpecifiedAnnotations(
        self, call: Call, kind: str, include: Sequence[str], exclude: Sequence[str], options: Any
    ) -> list[Any]:
        """Every annotation of a class whose namespace is among `include` (if given) and not among `exclude`."""
        cls = entity(kind).name
        file = " left outer join fetch a.file" if cls == "FileAnnotation" else ""
        with self.state.database.read() as cursor:
            found = hql.find(cursor, call.caller, f"select a from {cls} a{file}", options)
        return [a for a in found if (not include or _ns(a) in include) and _ns(a) not in (exclude or ())]

    def countSpecifiedAnnotations(
        self, call: Call, kind: str, include: Sequence[str], exclude: Sequence[str], options: Any
    ) -> Any:
        """How many loadSpecifiedAnnotations gives."""
        return omero.rtypes.rlong(len(self.loadSpecifiedAnnotations(call, kind, include, exclude, options)))

    def loadAnnotation(self, call: Call, ids: Sequence[int]) -> list[Any]:
        """Annotations by their ids."""
        query = "select a from Annotation a where a.id in (:ids)"
        with self.state.database.read() as cursor:
            return hql.find(cursor, call.caller, query, omero.sys.ParametersI().addIds(ids))

    def loadLogFiles(self, call: Call, root: str, ids: Sequence[int]) -> dict[int, list[Any]]:
        """The log files of the imports of filesets, by the filesets' ids.

        Raises omero.ApiUsageException for another class.
        """
        if entity(root).name != "Fileset":
            raise omero.ApiUsageException(message=f"Log files are of Filesets, not of {root}")
        query = (
            "select l.parent.id, f from FilesetJobLink l, JobOriginalFileLink m join m.child f"
            " where m.parent.id = l.child.id and l.parent.id in (:ids)"
        )
        found: dict[int, list[Any]] = {number: [] for number in ids}
        with self.state.database.read() as cursor:
            for fileset, file in hql.project(cursor, call.caller, query, omero.sys.ParametersI().addIds(ids)):
                found[fileset.val].append(file.val)
        return found


def _class(annotation: Any) -> str:
    return type(annotation).__name__.removesuffix("I")


def _ns(annotation: Any) -> str | None:
    return annotation.ns.val if annotation.ns is not None else None

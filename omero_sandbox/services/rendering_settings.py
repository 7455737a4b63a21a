"""IRenderingSettings: windows of channels set anew."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from omero.model import RenderingDefI

import omero
from omero_sandbox import hql, model, rendering
from omero_sandbox.context import Caller
from omero_sandbox.services.base import Call, Service, service
from omero_sandbox.state import State

PIXELS = (
    "select p from Pixels p join fetch p.image join fetch p.pixelsType join fetch p.channels c"
    " left outer join fetch c.statsInfo where p.id in (:ids)"
)
SETTINGS = (
    "select r from RenderingDef r join fetch r.quantization join fetch r.model join fetch r.waveRendering b"
    " join fetch b.family left outer join fetch b.spatialDomainEnhancement"
    " where r.pixels.id in (:ids) and r.details.owner.id = :owner order by r.id"
)
# From the ids of a class to the ids of pixels.
_PATHS = {
    "Pixels": "select p.id from Pixels p where p.id in (:ids)",
    "Image": "select p.id from Pixels p where p.image.id in (:ids)",
    "Dataset": "select p.id from Pixels p join p.image.datasetLinks l where l.parent.id in (:ids)",
    "Project": "select p.id from Pixels p join p.image.datasetLinks l join l.parent.projectLinks m"
    " where m.parent.id in (:ids)",
    "Plate": "select p.id from Pixels p join p.image.wellSamples s where s.well.plate.id in (:ids)",
}


@service
class RenderingSettingsService(Service):
    """The caller's rendering settings of images; each operation returns the ids of the images that it changed."""

    interface = "omero.api.IRenderingSettings"

    def resetDefaultsInSet(self, call: Call, kind: str, ids: Sequence[int]) -> list[int]:
        """From each channel's minimum to its maximum, or the type's full range where these are equal."""
        return self._reset(call, kind, ids, False)

    def resetMinMaxInSet(self, call: Call, kind: str, ids: Sequence[int]) -> list[int]:
        """From each channel's minimum to its maximum, whatever they are (0 to 0 too: facts/omero_replacement.md)."""
        return self._reset(call, kind, ids, True)

    def resetDefaultsInImage(self, call: Call, image_id: int) -> None:
        """resetDefaultsInSet for one image."""
        self._reset(call, "Image", [image_id], False)

    def resetDefaultsInDataset(self, call: Call, dataset_id: int) -> list[int]:
        """resetDefaultsInSet for the images of one dataset."""
        return self._reset(call, "Dataset", [dataset_id], False)

    def resetDefaultsForPixels(self, call: Call, pixels_id: int) -> None:
        """resetDefaultsInSet for one image, by its pixels."""
        self._reset(call, "Pixels", [pixels_id], False)

    def getRenderingSettings(self, call: Call, pixels_id: int) -> RenderingDefI | None:
        """The caller's settings, or None."""
        with self.state.database.read() as cursor:
            return settings_of(cursor, call.caller, [pixels_id]).get(pixels_id)

    def _reset(self, call: Call, kind: str, ids: Sequence[int], as_is: bool) -> list[int]:
        path = _PATHS.get(kind.rpartition(".")[2].removesuffix("I"))
        if path is None:
            raise omero.ApiUsageException(message=f"No rendering settings for {kind}")
        params = omero.sys.ParametersI().addIds(ids)
        with self.state.database.read() as cursor:
            found = [row[0].val for row in hql.project(cursor, call.caller, path, params)]
        return reset(self.state, call.caller, found, as_is) if found else []


def settings_of(cursor: Any, caller: Caller, pixels_ids: Sequence[int]) -> dict[int, RenderingDefI]:
    """The caller's settings by the id of the pixels, the oldest of each."""
    params = omero.sys.ParametersI().addIds(pixels_ids)
    params.addLong("owner", caller.user_id)
    found: dict[int, RenderingDefI] = {}
    for settings in hql.find(cursor, caller, SETTINGS, params):
        found.setdefault(settings.pixels.id.val, settings)
    return found


def reset(state: State, caller: Caller, pixels_ids: Sequence[int], as_is: bool) -> list[int]:
    """Set the windows of the caller's settings, which are made where there are none; ids of the images."""
    with state.database.read() as cursor:
        found = hql.find(cursor, caller, PIXELS, omero.sys.ParametersI().addIds(pixels_ids))
        every = {pixels.id.val: pixels for pixels in found}
        known = settings_of(cursor, caller, list(every))
    by_group: dict[int, list[RenderingDefI]] = {}
    for number, pixels in every.items():
        settings = known.get(number)
        if settings is None:
            settings = rendering.new_settings(pixels, rendering.dtype_of(pixels))
        rendering.set_windows(settings, pixels, rendering.dtype_of(pixels), as_is)
        by_group.setdefault(pixels.details.group.id.val, []).append(settings)
    for group, changed in by_group.items():
        with state.database.write(replace(caller, group_id=group)) as tx:
            model.save(tx, changed)
    return sorted(pixels.image.id.val for pixels in every.values())

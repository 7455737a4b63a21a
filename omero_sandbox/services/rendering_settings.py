"""IRenderingSettings: windows of channels set anew."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from omero.model import RenderingDefI

import omero
from omero_sandbox import hql, model, rendering
from omero_sandbox.context import Caller
from omero_sandbox.pixels import open_buffer
from omero_sandbox.services.base import Call, Service, service
from omero_sandbox.state import State

log = logging.getLogger(__name__)
PIXELS = (
    "select p from Pixels p join fetch p.image join fetch p.pixelsType join fetch p.channels c"
    " left outer join fetch c.statsInfo where p.id in (:ids)"
)
SETTINGS = (
    "select r from RenderingDef r join fetch r.quantization join fetch r.model join fetch r.waveRendering b"
    " join fetch b.family left outer join fetch b.spatialDomainEnhancement"
    " where r.pixels.id in (:ids) and r.details.owner.id = :owner order by r.id"
)
BY_ID = SETTINGS.partition(" where ")[0] + " where r.id = :id"
# From the ids of a class to the ids of pixels.
_PATHS = {
    "Pixels": "select p.id from Pixels p where p.id in (:ids)",
    "Image": "select p.id from Pixels p where p.image.id in (:ids)",
    "Dataset": "select p.id from Pixels p join p.image.datasetLinks l where l.parent.id in (:ids)",
    "Project": "select p.id from Pixels p join p.image.datasetLinks l join l.parent.projectLinks m"
    " where m.parent.id in (:ids)",
    "Plate": "select p.id from Pixels p join p.image.wellSamples s where s.well.plate.id in (:ids)",
    "PlateAcquisition": "select p.id from Pixels p join p.image.wellSamples s where s.plateAcquisition.id in (:ids)",
    "Screen": "select p.id from Pixels p join p.image.wellSamples s join s.well.plate.screenLinks l"
    " where l.parent.id in (:ids)",
}


@service
class RenderingSettingsService(Service):
    """The caller's rendering settings of images; each operation returns the ids of the images that it changed."""

    interface = "omero.api.IRenderingSettings"

    def resetDefaultsInSet(self, call: Call, kind: str, ids: Sequence[int]) -> list[int]:
        """All as new: from each channel's minimum to its maximum, or the type's full range where these are equal."""
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

    def createNewRenderingDef(self, call: Call, pixels: Any) -> RenderingDefI:
        """The default settings of pixels; nothing is saved."""
        found = self._pixels(call, [pixels.id.val])[pixels.id.val]
        return rendering.new_settings(found, rendering.dtype_of(found))

    def resetDefaults(self, call: Call, settings: RenderingDefI, pixels: Any) -> None:
        """Put settings back to the default ones, and save them."""
        changed = self.resetDefaultsNoSave(call, settings, pixels)
        group = self._pixels(call, [pixels.id.val])[pixels.id.val].details.group.id.val
        with self.state.database.write(replace(call.caller, group_id=group)) as tx:
            model.save(tx, [changed], trusted=False)

    def resetDefaultsNoSave(self, call: Call, settings: RenderingDefI, pixels: Any) -> RenderingDefI:
        """Put settings back to the default ones; nothing is saved."""
        rendering.reset(settings, self._pixels(call, [pixels.id.val])[pixels.id.val])
        return settings

    def resetDefaultsByOwnerInSet(self, call: Call, kind: str, ids: Sequence[int]) -> list[int]:
        """Give images the settings that their owners have for them."""
        pixels = self._pixels(call, self._below(call, kind, ids))
        known = {number: self._owners(call, found) for number, found in pixels.items()}
        chosen = {number: settings for number, settings in known.items() if settings is not None}
        return self._apply(call, {number: pixels[number] for number in chosen}, chosen)

    def sanityCheckPixels(self, call: Call, source: Any, target: Any) -> bool:
        """Whether settings of the one pixels fit the other: as many channels of the same type."""
        found = self._pixels(call, [source.id.val, target.id.val])
        return _alike(found[source.id.val], found[target.id.val])

    def applySettingsToSet(self, call: Call, source: int, kind: str, ids: Sequence[int]) -> dict[bool, list[int]]:
        """Give images the settings of another one, by its pixels: the caller's, else the owner's.

        Ids of the images that took them, by True, and of those that they do not fit, by False.
        Raises omero.ValidationException when there are no such settings.
        """
        pixels = self._pixels(call, [source, *self._below(call, kind, ids)])
        if source not in pixels:
            raise omero.ValidationException(message=f"No pixels with id={source}")
        settings = self.getRenderingSettings(call, source) or self._owners(call, pixels[source])
        if settings is None:
            raise omero.ValidationException(message=f"No rendering settings for pixels with id={source}")
        others = {number: found for number, found in pixels.items() if number != source}
        fitting = {number: found for number, found in others.items() if _alike(pixels[source], found)}
        done = self._apply(call, fitting, dict.fromkeys(fitting, settings))
        return {True: done, False: sorted(p.image.id.val for n, p in others.items() if n not in fitting)}

    def applySettingsToProject(self, call: Call, source: int, number: int) -> dict[bool, list[int]]:
        """applySettingsToSet for the images of one project."""
        return self.applySettingsToSet(call, source, "Project", [number])

    def applySettingsToDataset(self, call: Call, source: int, number: int) -> dict[bool, list[int]]:
        """applySettingsToSet for the images of one dataset."""
        return self.applySettingsToSet(call, source, "Dataset", [number])

    def applySettingsToImages(self, call: Call, source: int, ids: Sequence[int]) -> dict[bool, list[int]]:
        """applySettingsToSet for images."""
        return self.applySettingsToSet(call, source, "Image", ids)

    def applySettingsToImage(self, call: Call, source: int, number: int) -> bool:
        """The same for one image; whether it took them."""
        return bool(self.applySettingsToSet(call, source, "Image", [number])[True])

    def applySettingsToPixels(self, call: Call, source: int, number: int) -> bool:
        """The same for one image, by its pixels."""
        return bool(self.applySettingsToSet(call, source, "Pixels", [number])[True])

    def _apply(self, call: Call, pixels: dict[int, Any], sources: dict[int, RenderingDefI]) -> list[int]:
        """Give the caller's settings of pixels the values of others; ids of the images."""
        with self.state.database.read() as cursor:
            known = settings_of(cursor, call.caller, list(pixels))
        changed = []
        for number, found in pixels.items():
            settings = known.get(number) or rendering.new_settings(found, rendering.dtype_of(found))
            rendering.copy_values(sources[number], settings)
            changed.append((found, settings))
        _save(self.state, call.caller, changed)
        return sorted(found.image.id.val for found in pixels.values())

    def _owners(self, call: Call, pixels: Any) -> RenderingDefI | None:
        with self.state.database.read() as cursor:
            owner = pixels.details.owner.id.val
            return settings_of(cursor, call.caller, [pixels.id.val], owner).get(pixels.id.val)

    def _pixels(self, call: Call, ids: Sequence[int]) -> dict[int, Any]:
        with self.state.database.read() as cursor:
            found = hql.find(cursor, call.caller, PIXELS, omero.sys.ParametersI().addIds(ids))
        return {pixels.id.val: pixels for pixels in found}

    def _below(self, call: Call, kind: str, ids: Sequence[int]) -> list[int]:
        """Ids of the pixels of objects of a class."""
        path = _PATHS.get(kind.rpartition(".")[2].removesuffix("I"))
        if path is None:
            raise omero.ApiUsageException(message=f"No rendering settings for {kind}")
        params = omero.sys.ParametersI().addIds(ids)
        with self.state.database.read() as cursor:
            return [row[0].val for row in hql.project(cursor, call.caller, path, params)]

    def _reset(self, call: Call, kind: str, ids: Sequence[int], as_is: bool) -> list[int]:
        found = self._below(call, kind, ids)
        return reset(self.state, call.caller, found, as_is) if found else []


def _alike(one: Any, other: Any) -> bool:
    return bool(one.sizeC.val == other.sizeC.val and one.pixelsType.value.val == other.pixelsType.value.val)


def settings_of(
    cursor: Any, caller: Caller, pixels_ids: Sequence[int], owner: int | None = None
) -> dict[int, RenderingDefI]:
    """The caller's settings, or another user's, by the id of the pixels: the newest of each."""
    params = omero.sys.ParametersI().addIds(pixels_ids)
    params.addLong("owner", caller.user_id if owner is None else owner)
    found: dict[int, RenderingDefI] = {}
    for settings in hql.find(cursor, caller, SETTINGS, params):
        found[settings.pixels.id.val] = settings
    return found


def reset(state: State, caller: Caller, pixels_ids: Sequence[int], as_is: bool, strict: bool = False) -> list[int]:
    """Set the caller's settings back, made where there are none; with `as_is` the windows only. Ids of the images.

    All but the windows needs images that can be opened: others are left out, or with `strict` raise what opening them
    raises.
    """
    with state.database.read() as cursor:
        found = hql.find(cursor, caller, PIXELS, omero.sys.ParametersI().addIds(pixels_ids))
        every = {pixels.id.val: pixels for pixels in found}
        known = settings_of(cursor, caller, list(every))
    changed = []
    for number, pixels in every.items():
        settings = known.get(number)
        if not as_is and not _opens(state, caller, number, strict):
            continue
        if settings is None:
            settings = rendering.new_settings(pixels, rendering.dtype_of(pixels))
        elif not as_is:
            rendering.reset(settings, pixels)
        rendering.set_windows(settings, pixels, rendering.dtype_of(pixels), as_is)
        changed.append((pixels, settings))
    _save(state, caller, changed)
    return sorted(pixels.image.id.val for pixels, _ in changed)


def _opens(state: State, caller: Caller, pixels_id: int, strict: bool) -> bool:
    try:
        open_buffer(state, pixels_id, caller)
    except omero.ServerError as error:
        if strict:
            raise
        log.warning("not resetting the settings of Pixels:%d: %s", pixels_id, error.message)
        return False
    return True


def _save(state: State, caller: Caller, changed: Sequence[tuple[Any, RenderingDefI]]) -> None:
    """Save settings of pixels, in the group of each."""
    by_group: dict[int, list[RenderingDefI]] = {}
    for pixels, settings in changed:
        by_group.setdefault(pixels.details.group.id.val, []).append(settings)
    for group, several in by_group.items():
        with state.database.write(replace(caller, group_id=group)) as tx:
            model.save(tx, several)

"""ThumbnailStore: small pictures of images, drawn when they are asked for."""

from collections.abc import Callable, Sequence
from typing import Any

from omero.model import RenderingDefI

import omero
from omero_sandbox import drawing, hql, rendering
from omero_sandbox.context import Caller
from omero_sandbox.importer import thumbnails
from omero_sandbox.pixels import open_buffer
from omero_sandbox.scripts import official
from omero_sandbox.services.base import Call, StatefulService, service
from omero_sandbox.services.rendering_settings import BY_ID, PIXELS, reset, settings_of

SizeOf = Callable[[Any], tuple[int, int]]  # the size of a picture of pixels


@service
class ThumbnailStore(StatefulService):
    """JPEGs of one image at a time, or of a set; drawn with the caller's settings, else with new ones."""

    interface = "omero.api.ThumbnailStore"
    _pixels: Any = None
    _settings: RenderingDefI | None = None

    def setPixelsId(self, call: Call, pixels_id: int) -> bool:
        """Choose an image by its pixels; whether the caller has settings for it.

        Raises omero.ValidationException when there are no such pixels.
        """
        self._pixels, self._settings = self._find(call.caller, [pixels_id]).get(pixels_id, (None, None))
        if self._pixels is None:
            raise omero.ValidationException(message=f"No pixels with id={pixels_id}")
        return self._settings is not None

    def getRenderingDefId(self, call: Call) -> int:
        """The id of the settings in use.

        Raises omero.ApiUsageException when there are none.
        """
        if self._settings is None:
            raise omero.ApiUsageException(message="No rendering settings in use")
        return self._settings.id.val

    def setRenderingDefId(self, call: Call, settings_id: int) -> None:
        """Use other settings of the same pixels.

        Raises omero.ValidationException when there are no such settings.
        """
        params = omero.sys.ParametersI().addId(settings_id)
        with self.state.database.read() as cursor:
            found = hql.find(cursor, call.caller, BY_ID, params)
        if not found or found[0].pixels.id.val != self._chosen().id.val:
            raise omero.ValidationException(message=f"No rendering settings with id={settings_id} for these pixels")
        self._settings = found[0]

    def resetDefaults(self, call: Call) -> None:
        """Make settings, or put the default windows into those that there are."""
        pixels_id = self._chosen().id.val
        reset(self.state, call.caller, [pixels_id], False, strict=True)
        self.setPixelsId(call, pixels_id)

    def isInProgress(self, call: Call) -> bool:
        """Never: nothing is prepared in the background."""
        return False

    def thumbnailExists(self, call: Call, x: Any, y: Any) -> bool:
        """Whether one was stored for the chosen pixels, which an import does."""
        with self.state.database.read() as cursor:
            cursor.execute("SELECT 1 FROM thumbnail WHERE pixels = %s", (self._chosen().id.val,))
            return cursor.fetchone() is not None

    def getThumbnail(self, call: Call, x: Any, y: Any) -> bytes:
        """A picture of this size (96 by default)."""
        size = (x.val if x else rendering.THUMBNAIL, y.val if y else rendering.THUMBNAIL)
        return self._draw(call.caller, self._chosen(), self._settings, size)

    getThumbnailDirect = getThumbnail
    getThumbnailWithoutDefault = getThumbnail

    def getThumbnailForSectionDirect(self, call: Call, z: int, t: int, x: Any, y: Any) -> bytes:
        """A picture of this size of another plane than the settings' own."""
        size = (x.val if x else rendering.THUMBNAIL, y.val if y else rendering.THUMBNAIL)
        return self._draw(call.caller, self._chosen(), self._settings, size, (z, t))

    def getThumbnailForSectionByLongestSideDirect(self, call: Call, z: int, t: int, longest: Any) -> bytes:
        """A picture whose longer side is this of another plane than the settings' own."""
        return self._draw(call.caller, self._chosen(), self._settings, _size(self._chosen(), longest), (z, t))

    def getThumbnailByLongestSide(self, call: Call, longest: Any) -> bytes:
        """A picture whose longer side is this (96 by default)."""
        return self._draw(call.caller, self._chosen(), self._settings, _size(self._chosen(), longest))

    getThumbnailByLongestSideDirect = getThumbnailByLongestSide

    def getThumbnailSet(self, call: Call, x: Any, y: Any, pixels_ids: Sequence[int]) -> dict[int, bytes]:
        """Pictures of this size of several images by the ids of their pixels; see getThumbnailByLongestSideSet."""
        size = (x.val if x else rendering.THUMBNAIL, y.val if y else rendering.THUMBNAIL)
        return self._draw_set(call, pixels_ids, lambda pixels: size)

    def getThumbnailByLongestSideSet(self, call: Call, longest: Any, pixels_ids: Sequence[int]) -> dict[int, bytes]:
        """Pictures of several images by the ids of their pixels; an image that cannot be read is left out."""
        return self._draw_set(call, pixels_ids, lambda pixels: _size(pixels, longest))

    def createThumbnail(self, call: Call, x: Any, y: Any) -> None:
        """Draw and store a picture of the chosen pixels of this size, unless it is there."""
        size = (x.val if x else rendering.THUMBNAIL, y.val if y else rendering.THUMBNAIL)
        self._store(call, [self._chosen().id.val], lambda pixels: size)

    def createThumbnails(self, call: Call) -> None:
        """Draw and store the picture of the chosen pixels whose longer side is 96, unless it is there."""
        self.createThumbnailsByLongestSideSet(call, None, [self._chosen().id.val])

    def createThumbnailsByLongestSideSet(self, call: Call, longest: Any, pixels_ids: Sequence[int]) -> None:
        """Draw and store pictures of images that have settings and no such picture yet.

        Raises what reading an image's pixels raises; nothing is stored then.
        """
        self._store(call, pixels_ids, lambda pixels: _size(pixels, longest))

    def _store(self, call: Call, pixels_ids: Sequence[int], size_of: SizeOf) -> None:
        rows, drawn = [], []
        with self.state.database.read() as cursor:
            cursor.execute("SELECT pixels, sizex, sizey FROM thumbnail WHERE pixels = ANY(%s)", (list(pixels_ids),))
            stored = set(cursor.fetchall())
        for number, (pixels, settings) in self._find(call.caller, pixels_ids).items():
            size = size_of(pixels)
            if settings is not None and (number, *size) not in stored:
                rows.append(thumbnails.thumbnail(pixels, size))
                drawn.append(self._draw(call.caller, pixels, settings, size))
        thumbnails.keep(self.state, call.caller, [], rows, drawn)

    def _draw_set(self, call: Call, pixels_ids: Sequence[int], size_of: SizeOf) -> dict[int, bytes]:
        drawn = {}
        for number, (pixels, settings) in self._find(call.caller, pixels_ids).items():
            try:
                drawn[number] = self._draw(call.caller, pixels, settings, size_of(pixels))
            except omero.ServerError:
                continue
        return drawn

    def _draw(
        self,
        caller: Caller,
        pixels: Any,
        settings: Any,
        size: tuple[int, int],
        section: tuple[int, int] | None = None,
    ) -> bytes:
        buffer = open_buffer(self.state, pixels.id.val, caller)
        shown = settings or rendering.new_settings(pixels, buffer.sizes.dtype)
        return drawing.draw(buffer, shown, size, section, official.repository(self.state).root)

    def _find(self, caller: Caller, pixels_ids: Sequence[int]) -> dict[int, tuple[Any, RenderingDefI | None]]:
        with self.state.database.read() as cursor:
            found = hql.find(cursor, caller, PIXELS, omero.sys.ParametersI().addIds(pixels_ids))
            known = settings_of(cursor, caller, pixels_ids)
        return {pixels.id.val: (pixels, known.get(pixels.id.val)) for pixels in found}

    def _chosen(self) -> Any:
        if self._pixels is None:
            raise omero.ApiUsageException(message="No pixels are chosen: call setPixelsId first")
        return self._pixels


def _size(pixels: Any, longest: Any) -> tuple[int, int]:
    side = longest.val if longest else rendering.THUMBNAIL
    return rendering.by_longest_side(pixels.sizeX.val, pixels.sizeY.val, side)

"""RenderingEngine: one image shown with rendering settings, which can be changed and saved."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

import omero
from omero_sandbox import drawing, hql, model, rendering
from omero_sandbox.pixels import PixelBuffer, open_buffer
from omero_sandbox.pixels.buffer import MAX_SIDE
from omero_sandbox.scripts import official
from omero_sandbox.services.base import Call, service
from omero_sandbox.services.rendering_settings import BY_ID, PIXELS, reset, settings_of
from omero_sandbox.services.rendering_values import RenderingValues

XY, ZY, XZ = 0, 1, 2


@service
class RenderingEngine(RenderingValues):
    """Pictures of the pixels: whole planes and sections, regions of them, resolution levels, projections."""

    interface = "omero.api.RenderingEngine"
    _buffer: Any = None
    _quality = 0.85

    def lookupPixels(self, call: Call, pixels_id: int) -> None:
        """Choose an image by its pixels.

        Raises omero.ValidationException when there are none.
        """
        with self.state.database.read() as cursor:
            found = hql.find(cursor, call.caller, PIXELS, omero.sys.ParametersI().addIds([pixels_id]))
        if not found:
            raise omero.ValidationException(message=f"Pixels object with id {pixels_id} not found.")
        self._pixels = found[0]

    def lookupRenderingDef(self, call: Call, pixels_id: int) -> bool:
        """Take the caller's settings; False when there are none."""
        with self.state.database.read() as cursor:
            self._settings = settings_of(cursor, call.caller, [pixels_id]).get(pixels_id)
        return self._settings is not None

    def loadRenderingDef(self, call: Call, settings_id: int) -> None:
        """Take settings by their id.

        Raises omero.ValidationException when there are none.
        """
        with self.state.database.read() as cursor:
            found = hql.find(cursor, call.caller, BY_ID, omero.sys.ParametersI().addId(settings_id))
        if not found:
            raise omero.ValidationException(message=f"No rendering definition exists with ID = {settings_id}")
        self._settings = found[0]

    def resetDefaultSettings(self, call: Call, save: bool) -> int:
        """Put the default windows into the settings; saved ones are the caller's. Returns the settings' id, or -1.

        Raises what opening the pixels raises.
        """
        pixels = self._chosen()
        if save:
            reset(self.state, call.caller, [pixels.id.val], False, strict=True)
            self.lookupRenderingDef(call, pixels.id.val)
            return self._rendering().id.val
        self._settings = rendering.new_settings(pixels, rendering.dtype_of(pixels))
        return -1

    def load(self, call: Call) -> None:
        """Open the pixels.

        Raises omero.ResourceError, LockTimeout and so on, as RawPixelsStore does.
        """
        self._buffer = open_buffer(self.state, self._chosen().id.val, call.caller)

    def saveCurrentSettings(self, call: Call) -> None:
        """Save the settings as they are now."""
        group = self._chosen().details.group.id.val
        with self.state.database.write(replace(call.caller, group_id=group)) as tx:
            model.save(tx, [self._rendering()], trusted=False)
        self.loadRenderingDef(call, self._rendering().id.val)

    def saveAsNewSettings(self, call: Call) -> int:
        """Save a copy of the settings as the caller's own, in place of those that he had; returns its id."""
        pixels = self._chosen()
        copy = rendering.copied(self._rendering(), pixels)
        with self.state.database.write(replace(call.caller, group_id=pixels.details.group.id.val)) as tx:
            made = model.save(tx, [copy], trusted=False)[0].id.val
        self.loadRenderingDef(call, made)
        return made

    def updateSettings(self, call: Call, settings: Any) -> None:
        """Take over the values of other settings; nothing is saved."""
        rendering.copy_values(settings, self._rendering())

    def released(self) -> None:
        """Let the files go."""
        self._buffer = None

    def getCompressionLevel(self, call: Call) -> float:
        """The quality of JPEGs, 0 to 1."""
        return self._quality

    def setCompressionLevel(self, call: Call, level: float) -> None:
        """Set the quality of JPEGs, 0 to 1."""
        if not 0 <= level <= 1:
            raise omero.ApiUsageException(message=f"The quality of JPEGs is between 0 and 1, not {level}")
        self._quality = level

    def getResolutionLevels(self, call: Call) -> int:
        """How many there are."""
        return self._opened().levels

    def getResolutionLevel(self, call: Call) -> int:
        """0 is the smallest."""
        return self._opened().level

    def setResolutionLevel(self, call: Call, level: int) -> None:
        """0 is the smallest."""
        self._opened().set_level(level)

    def getResolutionDescriptions(self, call: Call) -> list[Any]:
        """Sizes of every level, the largest first."""
        return [omero.api.ResolutionDescription(x, y) for x, y in self._opened().descriptions()]

    def getTileSize(self, call: Call) -> list[int]:
        """Width and height."""
        return list(self._opened().tile_size())

    def requiresPixelsPyramid(self, call: Call) -> bool:
        """Whether a plane is larger than what OMERO reads in one go."""
        x, y = self._opened().descriptions()[0]
        return x * y > MAX_SIDE * MAX_SIDE

    def render(self, call: Call, plane: Any) -> Any:
        """A plane as three bands of bytes."""
        shown = self._show(plane)
        bands = [shown[:, :, band].tobytes() for band in range(3)]
        return omero.romio.RGBBuffer(bands=bands, sizeX1=shown.shape[1], sizeX2=shown.shape[0])

    def renderCompressed(self, call: Call, plane: Any) -> bytes:
        """A plane as JPEG."""
        return self._jpeg(self._show(plane))

    def renderAsPackedInt(self, call: Call, plane: Any) -> list[int]:
        """A plane as one signed ARGB integer a pixel."""
        return _packed(self._show(plane))

    def renderProjectedCompressed(
        self, call: Call, algorithm: Any, t: int, stepping: int, start: int, end: int
    ) -> bytes:
        """The planes from z `start` to `end` (with it), every stepping-th, as one JPEG."""
        return self._jpeg(self._show_projected(algorithm, t, stepping, start, end))

    def renderProjectedAsPackedInt(
        self, call: Call, algorithm: Any, t: int, stepping: int, start: int, end: int
    ) -> list[int]:
        """The same as one signed ARGB integer a pixel."""
        return _packed(self._show_projected(algorithm, t, stepping, start, end))

    def _jpeg(self, shown: np.ndarray) -> bytes:
        return drawing.jpeg(Image.fromarray(shown), round(self._quality * 100))

    def _show(self, plane: Any) -> np.ndarray:
        buffer = self._opened()
        if plane.slice == XY:
            region = _region(buffer, plane.region)
            return self._picture(lambda c: drawing.plane(buffer, plane.z, c, plane.t, region))
        if plane.slice not in (ZY, XZ):
            raise omero.ApiUsageException(message=f"No such slice: {plane.slice}")
        return self._picture(lambda c: _section(buffer, plane, c))

    def _show_projected(self, algorithm: Any, t: int, stepping: int, start: int, end: int) -> np.ndarray:
        buffer = self._opened()
        planes = drawing.projected_planes(buffer, stepping, start, end)
        return self._picture(lambda c: drawing.projected(buffer, str(algorithm), c, t, planes))

    def _picture(self, read: Callable[[int], np.ndarray]) -> np.ndarray:
        return drawing.picture(read, self._rendering(), official.repository(self.state).root)

    def _opened(self) -> PixelBuffer:
        if self._buffer is None:
            raise omero.ApiUsageException(message="RenderingEngine not ready: call load first")
        return self._buffer


def _region(buffer: PixelBuffer, asked: Any) -> tuple[int, int, int, int] | None:
    """The part of a region that lies inside the plane."""
    if asked is None:
        return None
    buffer.check_bounds(x=asked.x, y=asked.y)
    sizes = buffer.sizes
    return asked.x, asked.y, min(asked.width, sizes.x - asked.x), min(asked.height, sizes.y - asked.y)


def _section(buffer: PixelBuffer, plane: Any, c: int) -> np.ndarray:
    """A plane across the others: (z, x) at one y, or (y, z) at one x."""
    sizes, dtype = buffer.sizes, buffer.sizes.dtype.newbyteorder(">")
    if plane.slice == XZ:
        lines = [buffer.get_row(plane.y, z, c, plane.t) for z in range(sizes.z)]
    else:
        lines = [buffer.get_col(plane.x, z, c, plane.t) for z in range(sizes.z)]
    stacked = np.stack([np.frombuffer(line, dtype) for line in lines])
    return stacked if plane.slice == XZ else stacked.T


def _packed(shown: np.ndarray) -> list[int]:
    wide = shown.astype(np.uint32)
    packed = 0xFF000000 | wide[:, :, 0] << 16 | wide[:, :, 1] << 8 | wide[:, :, 2]
    return packed.astype(np.uint32).view(np.int32).ravel().tolist()

"""RenderingEngine: one image shown with rendering settings, which can be changed and saved."""

from dataclasses import replace
from typing import Any

import numpy as np
from omero.model import ChannelBindingI, RenderingDefI
from omero.rtypes import rbool, rdouble, rint, rstring
from PIL import Image

import omero
from omero_sandbox import hql, model, rendering
from omero_sandbox.pixels import open_buffer
from omero_sandbox.services.base import Call, StatefulService, service
from omero_sandbox.services.rendering_settings import PIXELS, SETTINGS, reset, settings_of

XY = 0
BY_ID = SETTINGS.partition(" where ")[0] + " where r.id = :id"


@service
class RenderingEngine(StatefulService):
    """Linear windows in plain colours; lookup tables, codomain maps, projections and regions are not drawn."""

    interface = "omero.api.RenderingEngine"
    _pixels: Any = None
    _settings: RenderingDefI | None = None
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
        """Put the default windows into the settings; saved ones are the caller's. Returns the settings' id, or -1."""
        pixels = self._chosen()
        if save:
            reset(self.state, call.caller, [pixels.id.val], False)
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

    def getRenderingDefId(self, call: Call) -> int:
        """The settings' id."""
        return self._rendering().id.val

    def getPixels(self, call: Call) -> Any:
        """The chosen pixels."""
        return self._chosen()

    def getModel(self, call: Call) -> Any:
        """rgb or greyscale."""
        return self._rendering().model

    def setModel(self, call: Call, value: Any) -> None:
        """Show in colours or in grey."""
        self._rendering().model = value

    def getAvailableModels(self, call: Call) -> list[Any]:
        """rgb and greyscale."""
        return self._every(call, "RenderingModel")

    def getAvailableFamilies(self, call: Call) -> list[Any]:
        """Every family of curves; linear is the one that is drawn."""
        return self._every(call, "Family")

    def _every(self, call: Call, name: str) -> list[Any]:
        with self.state.database.read() as cursor:
            return hql.find(cursor, call.caller, f"select e from {name} e order by e.id", None)

    def getQuantumDef(self, call: Call) -> Any:
        """Bits and interval of what is shown."""
        return self._rendering().quantization

    def getDefaultZ(self, call: Call) -> int:
        """The plane that thumbnails show."""
        return self._rendering().defaultZ.val

    def getDefaultT(self, call: Call) -> int:
        """The time that thumbnails show."""
        return self._rendering().defaultT.val

    def setDefaultZ(self, call: Call, z: int) -> None:
        """Choose the plane that thumbnails show."""
        self._rendering().defaultZ = rint(z)

    def setDefaultT(self, call: Call, t: int) -> None:
        """Choose the time that thumbnails show."""
        self._rendering().defaultT = rint(t)

    def isActive(self, call: Call, c: int) -> bool:
        """Whether a channel is shown."""
        return self._binding(c).active.val

    def setActive(self, call: Call, c: int, active: bool) -> None:
        """Show a channel or not."""
        self._binding(c).active = rbool(active)

    def getRGBA(self, call: Call, c: int) -> list[int]:
        """A channel's colour."""
        binding = self._binding(c)
        return [binding.red.val, binding.green.val, binding.blue.val, binding.alpha.val]

    def setRGBA(self, call: Call, c: int, red: int, green: int, blue: int, alpha: int) -> None:
        """Give a channel a colour."""
        binding = self._binding(c)
        binding.red, binding.green, binding.blue, binding.alpha = map(rint, (red, green, blue, alpha))

    def getChannelWindowStart(self, call: Call, c: int) -> float:
        """What is shown as black."""
        return self._binding(c).inputStart.val

    def getChannelWindowEnd(self, call: Call, c: int) -> float:
        """What is shown at its brightest."""
        return self._binding(c).inputEnd.val

    def setChannelWindow(self, call: Call, c: int, start: float, end: float) -> None:
        """Set both."""
        self._binding(c).inputStart, self._binding(c).inputEnd = rdouble(start), rdouble(end)

    def getChannelFamily(self, call: Call, c: int) -> Any:
        """A channel's curve."""
        return self._binding(c).family

    def getChannelCurveCoefficient(self, call: Call, c: int) -> float:
        """The curve's coefficient."""
        return self._binding(c).coefficient.val

    def getChannelNoiseReduction(self, call: Call, c: int) -> bool:
        """Whether noise is taken off."""
        return self._binding(c).noiseReduction.val

    def getChannelLookupTable(self, call: Call, c: int) -> str:
        """A channel's lookup table, "" for none."""
        table = self._binding(c).lookupTable
        return "" if table is None else table.val

    def setChannelLookupTable(self, call: Call, c: int, table: str) -> None:
        """Name a lookup table for a channel (it is kept, not drawn); "" takes it off."""
        self._binding(c).lookupTable = rstring(table) if table else None

    def getCodomainMapContext(self, call: Call, c: int) -> list[Any]:
        """A channel's further maps."""
        return self._binding(c).copySpatialDomainEnhancement()

    def getChannelStats(self, call: Call, c: int) -> list[float]:
        """A channel's minimum and maximum."""
        stats = self._chosen().getChannel(c).statsInfo
        return [] if stats is None else [stats.globalMin.val, stats.globalMax.val]

    def isPixelsTypeSigned(self, call: Call) -> bool:
        """Whether the numbers may be negative."""
        return rendering.dtype_of(self._chosen()).kind != "u"

    def getPixelsTypeLowerBound(self, call: Call, c: int) -> float:
        """The least number of the type."""
        return rendering.full_range(rendering.dtype_of(self._chosen()))[0]

    def getPixelsTypeUpperBound(self, call: Call, c: int) -> float:
        """The greatest number of the type."""
        return rendering.full_range(rendering.dtype_of(self._chosen()))[1]

    def getCompressionLevel(self, call: Call) -> float:
        """The quality of JPEGs, 0 to 1."""
        return self._quality

    def setCompressionLevel(self, call: Call, level: float) -> None:
        """Set the quality of JPEGs."""
        self._quality = level

    def renderCompressed(self, call: Call, plane: Any) -> bytes:
        """A plane as JPEG."""
        return rendering.jpeg(Image.fromarray(self._show(plane)), round(self._quality * 100))

    def renderAsPackedInt(self, call: Call, plane: Any) -> list[int]:
        """A plane as one signed ARGB integer a pixel."""
        shown = self._show(plane).astype(np.uint32)
        packed = 0xFF000000 | shown[:, :, 0] << 16 | shown[:, :, 1] << 8 | shown[:, :, 2]
        return packed.astype(np.uint32).view(np.int32).ravel().tolist()

    def _show(self, plane: Any) -> np.ndarray:
        if plane.slice != XY or plane.region is not None:
            raise omero.ApiUsageException(message="Only whole XY planes are rendered in this sandbox")
        if self._buffer is None:
            raise omero.ApiUsageException(message="RenderingEngine not ready: call load first")
        return rendering.colours(self._buffer, self._rendering(), plane.z, plane.t)

    def _binding(self, c: int) -> ChannelBindingI:
        bindings = self._rendering().copyWaveRendering()
        if not 0 <= c < len(bindings):
            raise omero.ApiUsageException(message=f"No channel {c}: there are {len(bindings)}")
        return bindings[c]

    def _chosen(self) -> Any:
        if self._pixels is None:
            raise omero.ApiUsageException(message="No pixels are chosen: call lookupPixels first")
        return self._pixels

    def _rendering(self) -> RenderingDefI:
        if self._settings is None:
            raise omero.ApiUsageException(message="No rendering settings: call lookupRenderingDef first")
        return self._settings

"""The settings of a RenderingEngine: what it tells of them, and what may be changed."""

from typing import Any

from omero.model import ChannelBindingI, RenderingDefI
from omero.rtypes import rbool, rdouble, rint, rstring

import omero
from omero_sandbox import hql, rendering
from omero_sandbox.services.base import Call, StatefulService


class RenderingValues(StatefulService):
    """The chosen pixels and the settings that they are shown with, which are saved only when that is asked for."""

    _pixels: Any = None
    _settings: RenderingDefI | None = None

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
        """Every family of curves."""
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

    def setQuantizationMap(self, call: Call, c: int, family: Any, coefficient: float, noise: bool) -> None:
        """Give a channel a curve."""
        binding = self._binding(c)
        binding.family, binding.coefficient = family, rdouble(coefficient)
        binding.noiseReduction = rbool(noise)

    def setQuantumStrategy(self, call: Call, bits: int) -> None:
        """Set the number of levels; kept with the settings, while pictures always have 255."""
        self._rendering().quantization.bitResolution = rint(bits)

    def setCodomainInterval(self, call: Call, start: int, end: int) -> None:
        """Set the darkest and the brightest level, between 0 and 255."""
        if not 0 <= start <= end <= 255:
            raise omero.ApiUsageException(message=f"Not an interval between 0 and 255: {start} to {end}")
        self._rendering().quantization.cdStart, self._rendering().quantization.cdEnd = rint(start), rint(end)

    def getChannelNoiseReduction(self, call: Call, c: int) -> bool:
        """Whether noise is taken off."""
        return self._binding(c).noiseReduction.val

    def getChannelLookupTable(self, call: Call, c: int) -> str:
        """A channel's lookup table, "" for none."""
        table = self._binding(c).lookupTable
        return "" if table is None else table.val

    def setChannelLookupTable(self, call: Call, c: int, table: str) -> None:
        """Show a channel by a lookup table, named as its file; "" takes it off."""
        self._binding(c).lookupTable = rstring(table) if table else None

    def getCodomainMapContext(self, call: Call, c: int) -> list[Any]:
        """A channel's further maps."""
        return self._binding(c).copySpatialDomainEnhancement()

    def addCodomainMapToChannel(self, call: Call, context: Any, c: int) -> None:
        """Reverse a channel's intensities, the only map that there is here."""
        self.removeCodomainMapFromChannel(call, context, c)
        rendering.reverse(self._binding(c))

    def removeCodomainMapFromChannel(self, call: Call, context: Any, c: int) -> None:
        """Show a channel's intensities as they are.

        Raises omero.ApiUsageException for another map than omero.romio.ReverseIntensityMapContext.
        """
        if not isinstance(context, omero.romio.ReverseIntensityMapContext):
            raise omero.ApiUsageException(message=f"No map {type(context).__name__} in this sandbox")
        self._binding(c).clearSpatialDomainEnhancement()

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

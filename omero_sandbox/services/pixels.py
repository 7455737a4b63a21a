"""IPixels: an image's pixels, channels and rendering settings as objects."""

from typing import Any

from omero.model import PixelsI, RenderingDefI

import omero
from omero_sandbox import hql, model, new_images
from omero_sandbox.model.mapping import entity
from omero_sandbox.services.base import Call, Service, service
from omero_sandbox.services.rendering_settings import settings_of

DESCRIPTION = (
    "select p from Pixels p join fetch p.image join fetch p.pixelsType join fetch p.dimensionOrder"
    " left outer join fetch p.channels c left outer join fetch c.statsInfo left outer join fetch c.logicalChannel l"
    " left outer join fetch l.photometricInterpretation where p.id = :id"
)
ALL_SETTINGS = (
    "select r from RenderingDef r join fetch r.quantization join fetch r.model join fetch r.waveRendering b"
    " join fetch b.family left outer join fetch b.spatialDomainEnhancement join fetch r.details.owner"
    " where r.pixels.id = :id"
)


@service
class PixelsService(Service):
    """Descriptions of pixels, and new images without a file."""

    interface = "omero.api.IPixels"

    def retrievePixDescription(self, call: Call, pixels_id: int) -> PixelsI | None:
        """Pixels with image, type, order and channels; None when there are none."""
        with self.state.database.read() as cursor:
            found = hql.find(cursor, call.caller, DESCRIPTION, omero.sys.ParametersI().addId(pixels_id))
        return found[0] if found else None

    def retrieveRndSettings(self, call: Call, pixels_id: int) -> RenderingDefI | None:
        """The caller's rendering settings, or None."""
        with self.state.database.read() as cursor:
            return settings_of(cursor, call.caller, [pixels_id]).get(pixels_id)

    def retrieveRndSettingsFor(self, call: Call, pixels_id: int, user_id: int) -> RenderingDefI | None:
        """One user's rendering settings, or None."""
        every = self._settings(call, pixels_id)
        return next((r for r in every if r.details.owner.id.val == user_id), None)

    def retrieveAllRndSettings(self, call: Call, pixels_id: int, user_id: int) -> list[Any]:
        """Everybody's rendering settings, or with a user's id (not -1) only his."""
        every = self._settings(call, pixels_id)
        return [r for r in every if user_id < 0 or r.details.owner.id.val == user_id]

    def _settings(self, call: Call, pixels_id: int) -> list[Any]:
        with self.state.database.read() as cursor:
            return hql.find(cursor, call.caller, ALL_SETTINGS, omero.sys.ParametersI().addId(pixels_id))

    def loadRndSettings(self, call: Call, settings_id: int) -> RenderingDefI | None:
        """Rendering settings by their own id, or None."""
        query = ALL_SETTINGS.replace("r.pixels.id", "r.id")
        with self.state.database.read() as cursor:
            found = hql.find(cursor, call.caller, query, omero.sys.ParametersI().addId(settings_id))
        return found[0] if found else None

    def createImage(
        self, call: Call, x: int, y: int, z: int, t: int, channels: list[int], kind: Any, name: str, description: str
    ) -> Any:
        """Make an image whose planes are to be written with RawPixelsStore; returns its id."""
        image = new_images.blank(x, y, z, t, len(channels), kind)
        image.name = omero.rtypes.rstring(name)
        image.description = None if not description else omero.rtypes.rstring(description)
        return self._save_image(call, image)

    def copyAndResizeImage(
        self, call: Call, image_id: int, x: Any, y: Any, z: Any, t: Any, channels: list[int], name: str, stats: bool
    ) -> Any:
        """Make an image like another one, of other sizes and with some of its channels; returns its id.

        Raises omero.ValidationException when there is no such image for the caller.
        """
        query = DESCRIPTION.replace("p.id = :id", "p.image.id = :id")
        with self.state.database.read() as cursor:
            found = hql.find(cursor, call.caller, query, omero.sys.ParametersI().addId(image_id))
        if not found:
            raise omero.ValidationException(message=f"No such image: {image_id}")
        image = new_images.like(found[0], [size and size.val for size in (x, y, z, t)], channels, stats)
        image.name = omero.rtypes.rstring(name) if name else found[0].image.name
        return self._save_image(call, image)

    def _save_image(self, call: Call, image: Any) -> Any:
        with self.state.database.write(call.caller) as tx:
            return model.save(tx, [image], trusted=False)[0].id

    def getAllEnumerations(self, call: Call, name: str) -> list[Any]:
        """Every value of an enumeration."""
        cls = entity(name).name
        with self.state.database.read() as cursor:
            return hql.find(cursor, call.caller, f"select e from {cls} e order by e.id", None)

    def getBitDepth(self, call: Call, pixels_type: Any) -> int:
        """Bits of one pixel of a type."""
        with self.state.database.read() as cursor:
            cursor.execute("SELECT bitsize FROM pixelstype WHERE value = %s", (pixels_type.value.val,))
            return cursor.fetchone()[0]

    def setChannelGlobalMinMax(self, call: Call, pixels_id: int, channel: int, low: float, high: float) -> None:
        """Put minimum and maximum into a channel's StatsInfo, which is made where there is none."""
        pixels = self.retrievePixDescription(call, pixels_id)
        if pixels is None:
            raise omero.InternalException(message="java.lang.NullPointerException")
        if not 0 <= channel < pixels.sizeC.val:
            raise omero.InternalException(
                message=f"Wrapped Exception: (java.lang.IndexOutOfBoundsException):\nIndex {channel} out of bounds"
                f" for length {pixels.sizeC.val}"
            )
        target = pixels.getChannel(channel)
        if target.statsInfo is None:
            target.statsInfo = omero.model.StatsInfoI()
        target.statsInfo.globalMin, target.statsInfo.globalMax = omero.rtypes.rdouble(low), omero.rtypes.rdouble(high)
        with self.state.database.write(call.caller) as tx:
            model.save(tx, [target], trusted=False)

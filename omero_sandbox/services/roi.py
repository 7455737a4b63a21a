"""IRoi: regions of interest with their shapes."""

from typing import Any

import omero
from omero_sandbox import hql
from omero_sandbox.services.base import Call, Service, service


@service
class RoiService(Service):
    """What viewers ask for; statistics of the pixels in a region are not there."""

    interface = "omero.api.IRoi"

    def findByImage(self, call: Call, image_id: int, options: Any) -> Any:
        """Every ROI of an image, with shapes, as an omero.api.RoiResult."""
        return self._find(call, "r.image.id = :id", image_id)

    def findByRoi(self, call: Call, roi_id: int, options: Any) -> Any:
        """One ROI, with shapes."""
        return self._find(call, "r.id = :id", roi_id)

    def _find(self, call: Call, condition: str, number: int) -> Any:
        query = f"select distinct r from Roi r left outer join fetch r.shapes where {condition} order by r.id"
        with self.state.database.read() as cursor:
            rois = hql.find(cursor, call.caller, query, omero.sys.ParametersI().addId(number))
        by_z: dict[int, list[Any]] = {}
        by_t: dict[int, list[Any]] = {}
        for shape in (shape for roi in rois for shape in roi.copyShapes()):
            by_z.setdefault(-1 if shape.theZ is None else shape.theZ.val, []).append(shape)
            by_t.setdefault(-1 if shape.theT is None else shape.theT.val, []).append(shape)
        return omero.api.RoiResult(rois=rois, byZ=by_z, byT=by_t)

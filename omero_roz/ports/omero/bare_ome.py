"""OME metadata that say nothing of images but their sizes and pixel types."""

from collections.abc import Sequence

from ome_types import OME
from ome_types.model import Channel, Image, MetadataOnly, Pixels

from omero_roz.fileset import OmeroImage


def bare_ome(like: Sequence[OmeroImage]) -> OME:
    """Images of the sizes and pixel types of others, in their order."""
    return OME(images=[_image(number, one) for number, one in enumerate(like)])


def _image(number: int, one: OmeroImage) -> Image:
    sizes = one.sizes
    channels = [Channel(id=f"Channel:{number}:{c}", samples_per_pixel=1) for c in range(sizes.c)]
    pixels = Pixels(
        id=f"Pixels:{number}", dimension_order="XYZCT", type=one.pixel_type,
        size_x=sizes.x, size_y=sizes.y, size_z=sizes.z, size_c=sizes.c, size_t=sizes.t,
        channels=channels, metadata_only=MetadataOnly(),
    )  # fmt: skip
    return Image(id=f"Image:{number}", pixels=pixels)

"""The third step of an import: rendering settings, and a thumbnail made with them."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from omero.model import (
    ChannelBindingI,
    FamilyI,
    ImageI,
    PixelsI,
    QuantumDefI,
    RenderingDefI,
    RenderingModelI,
    ThumbnailI,
)  # fmt: skip
from omero.rtypes import rbool, rdouble, rint, rstring
from PIL import Image

from omero_sandbox import model
from omero_sandbox.context import Caller
from omero_sandbox.pixels import PixelBuffer, open_buffer
from omero_sandbox.state import State

LONGEST = 96
ACTIVE = 3
FLOAT_RANGE = (-2147483648.0, 2147483647.0)  # of a real server for float and double


def store(state: State, caller: Caller, images: Sequence[ImageI]) -> None:
    """Make rendering settings and thumbnails for freshly imported images, all in one transaction."""
    buffers = [open_buffer(state, image.getPrimaryPixels().id.val, caller, importing=True) for image in images]
    settings = [rendering(image.getPrimaryPixels(), buffer) for image, buffer in zip(images, buffers, strict=True)]
    drawn = [draw(buffer, setting) for buffer, setting in zip(buffers, settings, strict=True)]
    thumbnails = [_thumbnail(image.getPrimaryPixels(), size) for image, (size, _) in zip(images, drawn, strict=True)]
    with state.database.write(caller) as tx:
        model.save(tx, [*settings, *thumbnails])
    folder = state.settings.data_dir / "Thumbnails"
    folder.mkdir(exist_ok=True)
    for thumbnail, (_, jpeg) in zip(thumbnails, drawn, strict=True):
        Path(folder, str(thumbnail.id.val)).write_bytes(jpeg)


def rendering(pixels: PixelsI, buffer: PixelBuffer) -> RenderingDefI:
    """The default settings: each channel from its minimum to its maximum, in its colour, the first three shown."""
    made = RenderingDefI()
    made.pixels = PixelsI(pixels.id.val, False)
    made.model = RenderingModelI()
    made.model.value = rstring("rgb" if pixels.sizeC.val > 1 else "greyscale")
    made.defaultZ, made.defaultT = rint(pixels.sizeZ.val // 2), rint(0)
    made.quantization = QuantumDefI()
    made.quantization.cdStart, made.quantization.cdEnd = rint(0), rint(255)
    made.quantization.bitResolution = rint(255)
    for number, channel in enumerate(pixels.copyChannels()):
        made.addChannelBinding(_binding(number, channel, buffer))
    return made


def _binding(number: int, channel: Any, buffer: PixelBuffer) -> ChannelBindingI:
    low, high = channel.statsInfo.globalMin.val, channel.statsInfo.globalMax.val
    if low == high:
        low, high = full_range(buffer.sizes.dtype)
    made = ChannelBindingI()
    made.active, made.noiseReduction = rbool(number < ACTIVE), rbool(False)
    made.inputStart, made.inputEnd, made.coefficient = rdouble(low), rdouble(high), rdouble(1.0)
    made.family = FamilyI()
    made.family.value = rstring("linear")
    made.red, made.green, made.blue, made.alpha = channel.red, channel.green, channel.blue, channel.alpha
    return made


def full_range(dtype: np.dtype) -> tuple[float, float]:
    """The least and the greatest value of a pixel type, as rendering settings have them."""
    if dtype.kind == "f":
        return FLOAT_RANGE
    limits = np.iinfo(dtype)
    return float(limits.min), float(limits.max)


def _thumbnail(pixels: PixelsI, size: tuple[int, int]) -> ThumbnailI:
    made = ThumbnailI()
    made.pixels = PixelsI(pixels.id.val, False)
    made.mimeType = rstring("image/jpeg")
    made.sizeX, made.sizeY = rint(size[0]), rint(size[1])
    return made


def draw(buffer: PixelBuffer, setting: RenderingDefI) -> tuple[tuple[int, int], bytes]:
    """The size and the JPEG of a thumbnail; its longer side is 96, small images are enlarged."""
    sizes = buffer.sizes
    plane = np.zeros((sizes.y, sizes.x, 3))
    for c, binding in enumerate(setting.copyWaveRendering()):
        if binding.active.val:
            raw = buffer.get_plane(setting.defaultZ.val, c, setting.defaultT.val)
            plane += _shade(np.frombuffer(raw, sizes.dtype.newbyteorder(">")).reshape(sizes.y, sizes.x), binding)
    longer = max(sizes.x, sizes.y)
    size = (max(1, sizes.x * LONGEST // longer), max(1, sizes.y * LONGEST // longer))
    picture = Image.fromarray(np.clip(plane, 0, 255).astype(np.uint8)).resize(size)
    out = io.BytesIO()
    picture.save(out, "JPEG")
    return size, out.getvalue()


def _shade(numbers: np.ndarray, binding: ChannelBindingI) -> np.ndarray:
    low, high = binding.inputStart.val, binding.inputEnd.val
    level = np.nan_to_num(np.clip((numbers.astype(float) - low) / (high - low), 0, 1))
    return level[:, :, None] * (binding.red.val, binding.green.val, binding.blue.val)

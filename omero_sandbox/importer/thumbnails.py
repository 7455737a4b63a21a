"""The third step of an import: rendering settings, and a thumbnail made with them."""

from collections.abc import Sequence
from pathlib import Path

from omero.model import ImageI, PixelsI, ThumbnailI
from omero.rtypes import rint, rstring

from omero_sandbox import model, rendering
from omero_sandbox.context import Caller
from omero_sandbox.pixels import open_buffer
from omero_sandbox.state import State


def store(state: State, caller: Caller, images: Sequence[ImageI]) -> None:
    """Make rendering settings and thumbnails for freshly imported images, all in one transaction."""
    settings, thumbnails, drawn = [], [], []
    for image in images:
        pixels = image.getPrimaryPixels()
        buffer = open_buffer(state, pixels.id.val, caller, importing=True)
        made = rendering.new_settings(pixels, buffer.sizes.dtype)
        settings.append(made)
        thumbnails.append(_thumbnail(pixels))
        drawn.append(rendering.draw(buffer, made))
    with state.database.write(caller) as tx:
        model.save(tx, [*settings, *thumbnails])
    folder = state.settings.data_dir / "Thumbnails"
    folder.mkdir(exist_ok=True)
    for thumbnail, jpeg in zip(thumbnails, drawn, strict=True):
        Path(folder, str(thumbnail.id.val)).write_bytes(jpeg)


def _thumbnail(pixels: PixelsI) -> ThumbnailI:
    x, y = rendering.by_longest_side(pixels.sizeX.val, pixels.sizeY.val, rendering.THUMBNAIL)
    made = ThumbnailI()
    made.pixels = PixelsI(pixels.id.val, False)
    made.mimeType = rstring("image/jpeg")
    made.sizeX, made.sizeY = rint(x), rint(y)
    return made

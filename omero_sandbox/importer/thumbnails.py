"""The third step of an import: rendering settings, and a thumbnail made with them."""

from collections.abc import Sequence
from pathlib import Path

from omero.model import ImageI, IObject, PixelsI, ThumbnailI
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
        size = rendering.by_longest_side(pixels.sizeX.val, pixels.sizeY.val, rendering.THUMBNAIL)
        thumbnails.append(thumbnail(pixels, size))
        drawn.append(rendering.draw(buffer, made))
    keep(state, caller, settings, thumbnails, drawn)


def keep(
    state: State, caller: Caller, settings: Sequence[IObject], thumbnails: Sequence[ThumbnailI], drawn: Sequence[bytes]
) -> None:
    """Save new settings and thumbnails in one transaction, and write the thumbnails' JPEGs."""
    with state.database.write(caller) as tx:
        model.save(tx, [*settings, *thumbnails])
    folder = state.settings.data_dir / "Thumbnails"
    folder.mkdir(exist_ok=True)
    for made, jpeg in zip(thumbnails, drawn, strict=True):
        Path(folder, str(made.id.val)).write_bytes(jpeg)


def thumbnail(pixels: PixelsI, size: tuple[int, int]) -> ThumbnailI:
    """The row of a thumbnail of a size."""
    x, y = size
    made = ThumbnailI()
    made.pixels = PixelsI(pixels.id.val, False)
    made.mimeType = rstring("image/jpeg")
    made.sizeX, made.sizeY = rint(x), rint(y)
    return made

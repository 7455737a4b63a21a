"""The third step of an import: rendering settings, and a thumbnail made with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omero.model import IObject, PixelsI, RenderingDefI, ThumbnailI
from omero.rtypes import rint, rstring

from omero_sandbox import drawing, model, rendering
from omero_sandbox.context import Caller
from omero_sandbox.pixels import PixelBuffer
from omero_sandbox.state import State


@dataclass(frozen=True)
class Drawn:
    """An image's first rendering settings, and the thumbnail drawn with them."""

    settings: RenderingDefI
    thumbnail: ThumbnailI
    jpeg: bytes


def draw(pixels: PixelsI, buffer: PixelBuffer) -> Drawn:
    """Make rendering settings and a thumbnail of freshly imported Pixels; nothing is saved yet."""
    made = rendering.new_settings(pixels, buffer.sizes.dtype)
    size = rendering.by_longest_side(pixels.sizeX.val, pixels.sizeY.val, rendering.THUMBNAIL)
    return Drawn(made, thumbnail(pixels, size), drawing.draw(buffer, made))


def store(state: State, caller: Caller, drawn: Sequence[Drawn], with_settings: bool) -> None:
    """Save what was drawn of freshly imported images, all in one transaction.

    Images of an OME-XML get no settings: the pixel buffer's plugin holds them to be still in import
    (facts/omero_replacement.md, part 3).
    """
    settings = [d.settings for d in drawn] if with_settings else []
    keep(state, caller, settings, [d.thumbnail for d in drawn], [d.jpeg for d in drawn])


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

"""Small graphs of new objects."""

from omero.model import (
    ChannelI,
    DatasetI,
    DimensionOrderI,
    ExternalInfoI,
    FilesetEntryI,
    FilesetI,
    ImageI,
    LengthI,
    LogicalChannelI,
    OriginalFileI,
    PixelsI,
    PixelsTypeI,
    StatsInfoI,
)  # fmt: skip
from omero.model.enums import UnitsLength
from omero.rtypes import rdouble, rint, rlong, rstring


def image(name: str = "image", channels: int = 2) -> ImageI:
    """An image with pixels and channels; its enumerations are known by value."""
    made = ImageI()
    made.name = rstring(name)
    pixels = PixelsI()
    pixels.sizeX = pixels.sizeY = rint(8)
    pixels.sizeZ = pixels.sizeT = rint(1)
    pixels.sizeC = rint(channels)
    pixels.sha1 = rstring("0")
    pixels.physicalSizeX = LengthI(0.25, UnitsLength.MICROMETER)
    pixels.dimensionOrder = DimensionOrderI()
    pixels.dimensionOrder.value = rstring("XYZCT")
    pixels.pixelsType = PixelsTypeI()
    pixels.pixelsType.value = rstring("uint16")
    made.addPixels(pixels)
    for c in range(channels):
        channel = ChannelI()
        channel.logicalChannel = LogicalChannelI()
        channel.logicalChannel.name = rstring(f"channel {c}")
        channel.statsInfo = StatsInfoI()
        channel.statsInfo.globalMin, channel.statsInfo.globalMax = rdouble(c), rdouble(c + 1)
        pixels.addChannel(channel)
    return made


def bare_image(name: str = "image") -> ImageI:
    """An image of which only the name is known."""
    made = ImageI()
    made.name = rstring(name)
    return made


def dataset(name: str = "dataset") -> DatasetI:
    """A dataset."""
    made = DatasetI()
    made.name = rstring(name)
    return made


def original_file(name: str = "file") -> OriginalFileI:
    """A file outside any repository."""
    made = OriginalFileI()
    made.name, made.path = rstring(name), rstring("/somewhere/")
    return made


def fileset(*files: OriginalFileI) -> FilesetI:
    """A fileset with an entry for each file."""
    made = FilesetI()
    made.templatePrefix = rstring("prefix/")
    for n, file in enumerate(files):
        entry = FilesetEntryI()
        entry.clientPath = rstring(f"client/{n}")
        entry.originalFile = file
        made.addFilesetEntry(entry)
    return made


def external_info(lsid: str = "/a.zarr/0") -> ExternalInfoI:
    """What binds an image to a Zarr."""
    made = ExternalInfoI()
    made.entityId, made.entityType, made.lsid = rlong(3), rstring("com.glencoesoftware.ngff:multiscales"), rstring(lsid)
    return made

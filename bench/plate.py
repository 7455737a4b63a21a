"""A plate as bioformats2raw writes it, without a chunk: only metadata count."""

import json
from itertools import product
from pathlib import Path

COLUMNS = 24
CHANNELS = (("DAPI", 358, 461, 50), ("GFP", 488, 509, 100), ("Cy5", 649, 670, 150))

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">
<Plate ID="Plate:0" Name="bench" Rows="16" Columns="24" RowNamingConvention="letter" ColumnNamingConvention="number">
{wells}
<PlateAcquisition ID="PlateAcquisition:0" MaximumFieldCount="{fields}">{references}</PlateAcquisition></Plate>
<Instrument ID="Instrument:0"><Microscope Model="Bench One" Type="Inverted"/>
<Laser ID="LightSource:0" Model="Lumen" Type="SolidState" LaserMedium="Other"/>
<Detector ID="Detector:0" Model="Eye 4.2" Type="CMOS"/>
<Objective ID="Objective:0" Model="Plan Apo 20x" NominalMagnification="20" LensNA="0.75"
 Immersion="Air" Correction="PlanApo"/>
</Instrument>
{images}
</OME>
"""
_IMAGE = """<Image ID="Image:{n}" Name="Well {well}, Field {field}">
<AcquisitionDate>2026-01-01T00:00:00</AcquisitionDate>
<InstrumentRef ID="Instrument:0"/><ObjectiveSettings ID="Objective:0" Medium="Air" RefractiveIndex="1.0"/>
<Pixels ID="Pixels:{n}" DimensionOrder="XYZCT" Type="uint16" SizeX="64" SizeY="64" SizeZ="1" SizeC="3" SizeT="1"
 PhysicalSizeX="0.65" PhysicalSizeY="0.65">{channels}<MetadataOnly/>{planes}</Pixels></Image>"""
_CHANNEL = """<Channel ID="Channel:{n}:{c}" Name="{name}" ExcitationWavelength="{ex}" EmissionWavelength="{em}"
 SamplesPerPixel="1">
<LightSourceSettings ID="LightSource:0" Attenuation="0.5"/>
<DetectorSettings ID="Detector:0" Gain="1.5" Binning="1x1"/></Channel>"""
_PLANE = """<Plane TheZ="0" TheC="{c}" TheT="0" ExposureTime="{exposure}" ExposureTimeUnit="ms"
 PositionX="{n}" PositionY="1"/>"""


def write_plate(root: Path, wells: int, fields: int) -> Path:
    """A plate of the first `wells` wells with `fields` fields of three channels each; the layout's path."""
    names = [(chr(65 + row), str(column + 1)) for row, column in product(range(16), range(COLUMNS))][:wells]
    paths = [f"{row}/{column}/{field}" for row, column in names for field in range(fields)]
    (root / "OME").mkdir(parents=True)
    (root / "OME" / "METADATA.ome.xml").write_text(_xml(names, fields))
    _group(root / "OME", {"series": paths})
    plate = {
        "rows": [{"name": chr(65 + row)} for row in range(16)],
        "columns": [{"name": str(column + 1)} for column in range(COLUMNS)],
        "wells": [
            {"path": f"{row}/{column}", "rowIndex": ord(row) - 65, "columnIndex": int(column) - 1}
            for row, column in names
        ],
        "acquisitions": [{"id": 0}],
        "name": "bench",
        "field_count": fields,
        "version": "0.4",
    }
    _group(root, {"plate": plate, "bioformats2raw.layout": 3})
    for row, column in names:
        images = [{"path": str(field), "acquisition": 0} for field in range(fields)]
        _group(root / row / column, {"well": {"images": images, "version": "0.4"}})
    for path in paths:
        _series(root / path)
    return root


def _xml(names: list[tuple[str, str]], fields: int) -> str:
    wells, images, references = [], [], []
    for w, (row, column) in enumerate(names):
        samples = []
        for field in range(fields):
            n = w * fields + field
            samples.append(f'<WellSample ID="WellSample:{n}" Index="{n}"><ImageRef ID="Image:{n}"/></WellSample>')
            references.append(f'<WellSampleRef ID="WellSample:{n}"/>')
            images.append(_image(n, row + column, field))
        place = f'Row="{ord(row) - 65}" Column="{int(column) - 1}"'
        wells.append(f'<Well ID="Well:{w}" {place}>{"".join(samples)}</Well>')
    return _HEAD.format(wells="".join(wells), fields=fields, references="".join(references), images="".join(images))


def _image(n: int, well: str, field: int) -> str:
    channels = [_CHANNEL.format(n=n, c=c, name=name, ex=ex, em=em) for c, (name, ex, em, _) in enumerate(CHANNELS)]
    planes = [_PLANE.format(n=n, c=c, exposure=exposure) for c, (*_, exposure) in enumerate(CHANNELS)]
    return _IMAGE.format(n=n, well=well, field=field, channels="".join(channels), planes="".join(planes))


def _group(folder: Path, attributes: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    (folder / ".zattrs").write_text(json.dumps(attributes))


def _series(folder: Path) -> None:
    axes = [
        {"name": name, "type": kind} for name, kind in zip("tczyx", ("time", "channel", *["space"] * 3), strict=True)
    ]
    scale = [{"type": "scale", "scale": [1, 1, 1, 0.65, 0.65]}]
    window = {"min": 10, "max": 900, "start": 10, "end": 900}
    channels = [{"label": name, "color": "00FF00", "window": window} for name, *_ in CHANNELS]
    multiscale = {"version": "0.4", "axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}
    _group(folder, {"multiscales": [multiscale], "omero": {"channels": channels}})
    (folder / "0").mkdir()
    array = {
        "zarr_format": 2, "shape": [1, 3, 1, 64, 64], "chunks": [1, 1, 1, 64, 64], "dtype": "<u2", "order": "C",
        "fill_value": 0, "filters": None, "compressor": None, "dimension_separator": "/",
    }  # fmt: skip
    (folder / "0" / ".zarray").write_text(json.dumps(array))

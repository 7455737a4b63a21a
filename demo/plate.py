"""A small synthetic plate, written twice with the same pixels and metadata: as OME-TIFF and as OME-Zarr.

Two rows and three columns, one of the six wells empty, two fields in each well. The OME-Zarr has the form that
bioformats2raw writes: A/1/0 is the first field of the first well.
"""

from pathlib import Path

import zarr
from ome_types.model import ImageRef, Plate, Well, WellSample

from demo.acquisition import GFP, Shot, metadata, pixels, put, write_multiscale, write_ome_tiff

ROWS, COLUMNS, FIELDS = "AB", "123", 2
EMPTY = (1, 1)
WELLS = [(row, column) for row in range(2) for column in range(3) if (row, column) != EMPTY]
SHOTS = [
    Shot(f"{ROWS[row]}{COLUMNS[column]} field {field}", (1, 1, 1, 64, 64), "uint8", (GFP,))
    for row, column in WELLS
    for field in range(FIELDS)
]


def plate() -> Plate:
    """The plate as OME metadata; its well samples refer to the images in their order."""
    wells = [
        Well(
            id=f"Well:0:{number}", row=row, column=column,
            well_samples=[
                WellSample(
                    id=f"WellSample:0:{number}:{field}", index=FIELDS * number + field,
                    image_ref=ImageRef(id=f"Image:{FIELDS * number + field}"),
                )
                for field in range(FIELDS)
            ],
        )
        for number, (row, column) in enumerate(WELLS)
    ]  # fmt: skip
    return Plate(id="Plate:0", name="synthetic plate", rows=2, columns=3, wells=wells)


def write_plate_tiff(path: Path) -> None:
    """Write the plate as one OME-TIFF."""
    write_ome_tiff(path, SHOTS, [plate()])


def write_plate_layout(root: Path) -> None:
    """Write the plate as OME-Zarr, NGFF 0.4 (Zarr v2)."""
    top = zarr.open_group(root, mode="w", zarr_format=2)
    paths = [f"{ROWS[row]}/{COLUMNS[column]}" for row, column in WELLS]
    wells = [
        {"path": path, "rowIndex": row, "columnIndex": column} for path, (row, column) in zip(paths, WELLS, strict=True)
    ]
    names = {"rows": [{"name": name} for name in ROWS], "columns": [{"name": name} for name in COLUMNS]}
    block = names | {"name": "synthetic plate", "wells": wells, "field_count": FIELDS, "version": "0.4"}
    put(top, {"bioformats2raw.layout": 3, "plate": block}, 2)
    put(top.create_group("OME"), {"series": [f"{path}/{field}" for path in paths for field in range(FIELDS)]}, 2)
    (root / "OME" / "METADATA.ome.xml").write_text(metadata(SHOTS, [plate()]).to_xml(), encoding="utf-8")
    for number, path in enumerate(paths):
        well = top.create_group(path)
        put(well, {"well": {"images": [{"path": str(field)} for field in range(FIELDS)], "version": "0.4"}}, 2)
        for field in range(FIELDS):
            index = FIELDS * number + field
            write_multiscale(well.create_group(str(field)), SHOTS[index], pixels(SHOTS[index], index), 2)

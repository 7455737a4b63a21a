"""docs/completeness-table.md: what a real OMERO stored for real files, and `omero roz import` for their Zarrs.

    python -m tools.completeness_table ../shared > docs/completeness-table.md

The measure are the golden records of a real server, as is the form that both sides are read in (tests/support/dump.py).
Of an OME-TIFF all counts; the import of an OME-XML alone has black pixels, so its statistics and rendering do not.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import omero.clients
import omero.model as model
import psycopg2
from omero.cli import CLI

import omero
from demo.omero_client import command_line
from omero_roz.metadata import Node, Quantity, Value
from omero_roz.ports.omero.model_objects import metadata_name
from omero_roz.verify.completeness import LOST, Completeness, compare
from omero_roz.verify.groups import GROUPS
from omero_sandbox.sandbox import OmeroSandbox
from tests.support.dump import dump_fileset

OME_TIFFS = {
    "multi_names": "v4_t_names", "plate23": "v4_plate23", "r_lif": "v4_r_lif", "roi": "v4_roi",
}  # fmt: skip
# Zarrs that have no golden record of their own, and whose it is: the same original, converted with other options.
SAME_AS = {"v4_m3_noome": "v4_m3"}
SHADOWS = ("v4_m3_fmt",)  # its arrays have names that only zarr-reader opens
OF_BLACK_PIXELS = ("Statistics", "Rendering settings")
NOT_METADATA = {
    "format", "series", "path", "repo", "externalinfo", "logicalchannel_first_used_by", "dimensionorder", "name",
}  # fmt: skip
KINDS = {
    name.removesuffix("I").lower(): name.removesuffix("I")
    for name in dir(model)
    if name.endswith("I") and hasattr(getattr(model, name), "_field_info")
}
PLURALS = {
    "channelbindings": "ChannelBinding", "plateacquisitions": "PlateAcquisition", "rois": "Roi",
    "annotations": "TagAnnotation",
    "emissionfilters": "Filter", "excitationfilters": "Filter", "lightsources": "Laser", "lightsource": "Laser",
    "shapes": "Shape", "pump": "Laser", "quantization": "QuantumDef", "planeinfo": "PlaneInfo",
    "lightsourcesettings": "LightSettings", "file": "OriginalFile",
}  # fmt: skip
IN_ORDER = {"channels", "channelbindings", "wellsamples", "shapes", "pixels", "renderingdefs"}


def main() -> None:
    """Print the document."""
    sys.stdout.write(document(Path(sys.argv[1]).resolve()))


def document(shared: Path) -> str:
    """The document, made anew."""
    lines = [HEAD, "| Zarr | against | fields | the same | % | lost or other |", "|---|---|---|---|---|---|"]
    results = list(compared(shared))
    for zarr, against, result in results:
        whole = result.whole
        lost = Counter(f.pattern for f in result.fields if f.state in LOST)
        told = ", ".join(f"{pattern} ({count})" for pattern, count in lost.items())
        lines.append(f"| {zarr} | {against} | {whole.of_a} | {whole.equal} | {whole.percent:g} | {told} |")
    lines += ["", "By group, over all of them:", "", "| group | fields | the same |", "|---|---|---|"]
    for group in GROUPS:
        scores = [score for _, _, result in results for score in result.scores() if score.group == group]
        lines.append(f"| {group} | {sum(s.of_a for s in scores)} | {sum(s.equal for s in scores)} |")
    return "\n".join(lines) + "\n"


HEAD = """# What is kept: every real input

Made by `python -m tools.completeness_table ../shared > docs/completeness-table.md`: how much of what a real
OMERO.server 5.6.12 stored `omero roz import --stats read` stores for the Zarr. *OME-TIFF*: the server's import of the
original, all of it, statistics and rendering settings too. *OME-XML*: the server's import of the Zarr's own
METADATA.ome.xml, without statistics and rendering, which are those of black pixels. Not counted: ids, files,
image.format, the file's name before an image's name. What else differs on purpose:
[completeness.md](completeness.md).

*OME-XML of* another: the Zarr was converted from the same original without its OME-XML. `v4_m3_fmt` is imported with
`zarr-reader`, the others with `external-info`. `rgb.ome.tif` and `type_u4.ome.tif` are no original of any of the Zarrs
(`v4_rgb` has other sizes).

The masks of `roi` are random in Bio-Formats' fake format, and its OME-TIFF and its Zarr were made by two runs.
"""


def compared(shared: Path) -> Iterator[tuple[str, str, Completeness]]:
    """Each Zarr with what it is measured against, and the comparison."""
    golden = shared / "omero" / "golden"
    with OmeroSandbox(reader_v3=True) as sandbox:
        client = omero.client(sandbox.host, sandbox.ssl_port)
        client.createSession("root", sandbox.root_password)
        connection = psycopg2.connect(sandbox.dsn)
        connection.autocommit = True
        try:
            tiffs = golden / "import_ometiff"
            inputs = [(zarr, "OME-TIFF", tiffs / f"{tiff}.ome.tif.json") for tiff, zarr in OME_TIFFS.items()]
            inputs += [(file.stem, "OME-XML", file) for file in sorted((golden / "import").glob("*.json"))]
            own = {zarr: f"OME-XML of {other}" for zarr, other in SAME_AS.items()}
            inputs += [(zarr, own[zarr], golden / "import" / f"{other}.json") for zarr, other in SAME_AS.items()]
            means = ["--binding", "zarr-reader", "--db", sandbox.dsn]
            means += ["--managed-repository", str(sandbox.managed_repository)]
            for zarr, against, file in inputs:
                options = means if zarr in SHADOWS else []
                fileset = imported(client, shared / "layouts" / f"{zarr}.zarr", options)
                stored = json.loads(json.dumps(dump_fileset(connection, fileset)))
                sides = (tree(json.loads(file.read_text())), tree(stored))
                result = compare(*sides, (against, zarr))
                black = OF_BLACK_PIXELS if against != "OME-TIFF" else ()
                counted = tuple(field for field in result.fields if field.group not in black)
                yield zarr, against, Completeness(against, zarr, counted)
        finally:
            connection.close()
            client.closeSession()


def imported(client: omero.clients.BaseClient, zarr: Path, options: list[str]) -> int:
    """The fileset of a Zarr imported anew."""
    cli: CLI = command_line(client)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        cli.invoke(["roz", "import", str(zarr), "--again", "--stats", "read", "--json", *options])
    [done] = json.loads(out.getvalue()[out.getvalue().index("[") :])
    return int(done["fileset"])


def tree(record: dict[str, Any]) -> Node:
    """A record of tests/support/dump.py as a tree."""
    file = record["fileset"]["entries"][0]["clientpath"].rpartition("/")[2]
    parts = {}
    for place, image in enumerate(record["images"]):  # in their order: read through shadows each is series 0
        own = metadata_name(image["name"], file, place)
        node = _node(image, "Image")
        values = {**({"name": own} if own else {}), **node.values}
        parts[f"Image[{place}]"] = Node("Image", values, node.parts, node.bags)
    for name, kind in (("instruments", "Instrument"), ("plates", "Plate")):
        parts |= {f"{kind}[{n}]": _node(one, kind) for n, one in enumerate(record.get(name, ()))}
    return Node("OME", {}, parts)


def _node(data: dict[str, Any], kind: str) -> Node:
    kind = KINDS.get(str(data.get("type" if kind == "Shape" else "subtype")), kind)
    values: dict[str, Value] = {}
    parts, bags = {}, {}
    for key, value in data.items():
        inner = PLURALS.get(key) or KINDS.get(key.removesuffix("s")) or KINDS.get(key, key)
        if key in NOT_METADATA and (key != "name" or kind in ("Image", "Pixels")):
            continue
        if isinstance(value, dict):
            parts[key] = _node(value, inner)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            nodes = [_node(one, inner) for one in value]
            if key in IN_ORDER:
                parts |= {f"{inner}[{number}]": node for number, node in enumerate(nodes)}
            elif key in ("planeinfo", "wells"):
                parts |= {_place(inner, one): node for one, node in zip(value, nodes, strict=True)}
            else:
                bags[key] = nodes
        elif (made := _value(value)) is not None:
            values[_field(kind, key)] = made
    if kind == "StatsInfo" and not values.get("globalMin") and not values.get("globalMax"):
        values = {}
    return Node(kind, values, parts, bags)


def _place(kind: str, data: dict[str, Any]) -> str:
    names = ("thez", "thec", "thet") if kind == "PlaneInfo" else ("row", "column")
    return f"{kind}[{' '.join(str(data[name]) for name in names)}]"


def _field(kind: str, column: str) -> str:
    fields = getattr(model, kind + "I")._field_info._fields if kind in KINDS.values() else ()
    return next((field for field in fields if field.lower() == column), column)


def _value(value: Any) -> Value | None:
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], (int, float)) and isinstance(value[1], str):
        return Quantity(value[0], value[1], value[0], value[1])
    if isinstance(value, list):
        return tuple(json.dumps(one) for one in value) or None
    return value if value not in ("", "Pending...") else None


if __name__ == "__main__":
    main()

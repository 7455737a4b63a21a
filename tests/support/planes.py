"""The hashes that real layouts came with."""

import csv
from pathlib import Path

from demo.omero_client import Hashes


def expected(shared: Path, layout: str) -> Hashes:
    """What PLANES.tsv says of a layout."""
    with open(shared / "layouts" / "PLANES.tsv", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["layout"] == layout]
    return {(int(r["index"]), int(r["z"]), int(r["c"]), int(r["t"])): r["sha1"] for r in rows}

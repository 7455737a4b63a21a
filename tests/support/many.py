"""Many small filesets, each with its Zarr and a table that names them."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path

from demo.acquisition import GFP, Shot, write_layout, write_ome_tiff
from demo.omero_client import Hashes, import_file, shown
from tests.support.servers import Omero, Result, Server


class Many:
    """Filesets of one small image each, imported from OME-TIFFs of different pixels."""

    def __init__(self, omero: Omero, server: Server, folder: Path, count: int) -> None:
        self.omero, self.server, self.folder = omero, server, folder
        self.filesets: list[int] = []
        self.images: list[int] = []
        self.zarrs: list[Path] = []
        for number in range(count):
            shot = Shot(f"{folder.name} {number}", (1, 1, 1, 8 + number, 16), "uint8", (GFP,))
            write_ome_tiff(folder / f"{number}.ome.tif", [shot])
            write_layout(folder / f"{number}.zarr", [shot])
            fileset, [image] = import_file(omero.client, folder / f"{number}.ome.tif")
            self.filesets.append(fileset)
            self.images.append(image)
            self.zarrs.append(folder / f"{number}.zarr")

    def table(self, rows: Iterable[tuple[object, object]] | None = None) -> Path:
        """The table of all filesets, or of these rows."""
        file = self.folder / "table.csv"
        with file.open("w", newline="") as out:
            wanted = rows if rows is not None else zip(self.filesets, self.zarrs, strict=True)
            csv.writer(out).writerows([("fileset", "zarr"), *wanted])
        return file

    def options(self, binding: str) -> list[str]:
        if binding == "api":
            return []
        assert self.server.dsn and self.server.repository
        return ["--db", self.server.dsn, "--managed-repository", self.server.repository, "--binding", binding]

    def run(self, table: Path, binding: str, *more: str) -> Result:
        return self.omero("roz", "replace-fileset", "--from", str(table), *self.options(binding), *more)

    def ran(self, table: Path, binding: str, *more: str) -> dict:
        done = self.run(table, binding, "--json", *more)
        assert done.code == 0, done.err
        return json.loads(done.out)

    def states(self, done: dict) -> list[str]:
        return [one["state"] for one in done["filesets"]]

    def holders(self) -> list[int]:
        """The fileset that each image is in."""
        service = self.omero.client.sf.getQueryService()
        hql = "select i.fileset.id from Image i where i.id = {}"
        return [service.projection(hql.format(image), None)[0][0].val for image in self.images]

    def planes(self) -> Hashes:
        return shown(self.omero.client, self.images)

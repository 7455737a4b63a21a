"""A database of a size that real ones have: rows that no measurement touches, made past the triggers."""

import time
from typing import Any

FILES, IMAGES = 350_000, 150_000


def fill(cursor: Any) -> float:
    """Add a million rows (files with their entries, images with their pixels); the seconds it took.

    The cursor is a superuser's: triggers and foreign keys are off meanwhile.
    """
    began = time.perf_counter()
    cursor.execute("SET session_replication_role = replica")
    details = "-120, 0, 0, 0, 0"
    columns = "permissions, owner_id, group_id, creation_id, update_id"
    cursor.execute(
        f"INSERT INTO fileset (id, {columns}, templateprefix)"
        f" SELECT -n, {details}, 'old/' || n || '/' FROM generate_series(1, %s) AS n", (FILES // 100,)
    )  # fmt: skip
    cursor.execute(
        f"INSERT INTO originalfile (id, {columns}, path, name, repo, mimetype, size, version)"
        f" SELECT -n, {details}, 'old/' || (1 + n %% %s) || '/', n || '.tif', 'r', 'image/tiff', n, 0"
        " FROM generate_series(1, %s) AS n", (FILES // 100, FILES),
    )  # fmt: skip
    cursor.execute(
        f"INSERT INTO filesetentry (id, {columns}, fileset, fileset_index, originalfile, clientpath)"
        f" SELECT -n, {details}, -(1 + n %% %s), n / %s, -n, 'c/' || n FROM generate_series(1, %s) AS n",
        (FILES // 100, FILES // 100, FILES),
    )
    add_images(cursor, -IMAGES, IMAGES, -1, "old/1", "1.tif")
    cursor.execute("SET session_replication_role = origin")
    cursor.execute("ANALYZE")
    return time.perf_counter() - began


def add_images(cursor: Any, first: int, count: int, fileset: int, path: str, name: str) -> None:
    """Images and their pixels, with ids from `first` on, all of one fileset and one file."""
    columns = "permissions, owner_id, group_id, creation_id, update_id"
    values = (first, first, fileset, first, first + count - 1)
    cursor.execute(
        f"INSERT INTO image (id, {columns}, name, series, fileset)"
        " SELECT n, -120, 0, 0, 0, 0, 'image ' || n, n - %s, %s FROM generate_series(%s::bigint, %s::bigint) AS n",
        values[1:],
    )
    cursor.execute(
        f"INSERT INTO pixels (id, {columns}, sha1, sizec, sizet, sizex, sizey, sizez, dimensionorder, image,"
        " pixelstype, image_index, path, name, repo) SELECT n, -120, 0, 0, 0, 0, 'x', 1, 1, 64, 64, 1,"
        " (SELECT min(id) FROM dimensionorder), n, (SELECT min(id) FROM pixelstype), 0, %s, %s, 'r'"
        " FROM generate_series(%s::bigint, %s::bigint) AS n", (path, name, first, first + count - 1),
    )  # fmt: skip

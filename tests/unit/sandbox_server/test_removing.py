"""What a deletion takes off the disk when the server may not write everywhere."""

from pathlib import Path

import pytest

from omero_sandbox.graphs.delete import remove_from_disk


def test_link_goes_although_what_it_leads_to_cannot_be_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, link = tmp_path / "x.zarr", tmp_path / "link"
    (target / "0").mkdir(parents=True)
    (target / "0" / "0").write_bytes(b"chunk")
    (target / ".zattrs").write_bytes(b"{}")
    link.symlink_to(target)
    unlink = Path.unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        if target in path.parents:
            raise PermissionError(path)
        unlink(path, missing_ok)

    def refused_tree(path: Path) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(Path, "unlink", refused)
    monkeypatch.setattr("shutil.rmtree", refused_tree)
    remove_from_disk(link, True)
    assert not link.is_symlink()
    assert sorted(path.name for path in target.rglob("*")) == [".zattrs", "0", "0"]

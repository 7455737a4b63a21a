"""Checksums are those of OMERO's own test vectors (ome.util.checksum)."""

import pytest

import omero
from omero_sandbox.repository import checksums

ABC = {
    "SHA1-160": "a9993e364706816aba3e25717850c26c9cd0d89d",
    "MD5-128": "900150983cd24fb0d6963f7d28e17f72",
    "Murmur3-128": "6778ad3f3f3f96b4522dca264174a23b",
    "Murmur3-32": "fa93ddb3",
    "CRC-32": "c2412435",
    "Adler-32": "024d0127",
    "File-Size-64": "0300000000000000",
}


@pytest.mark.parametrize("algorithm", checksums.ORDER)
def test_abc(tmp_path, algorithm):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert checksums.of_file(path, algorithm) == ABC[algorithm]


@pytest.mark.parametrize("algorithm", checksums.ORDER)
def test_blocks_make_no_difference(tmp_path, algorithm):
    path = tmp_path / "big"
    path.write_bytes(bytes(range(256)) * 8200)
    whole = checksums.DIGESTS[algorithm]()
    whole.update(path.read_bytes())
    assert checksums.of_file(path, algorithm) == whole.hexdigest()


def test_unknown_algorithm_is_refused(tmp_path):
    with pytest.raises(omero.ValidationException, match="unknown checksum algorithm: nope"):
        checksums.of_file(tmp_path / "none", "nope")

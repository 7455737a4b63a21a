from ome_types import OME, from_xml


def read_ome(xml: bytes | str) -> OME:
    return from_xml(xml)

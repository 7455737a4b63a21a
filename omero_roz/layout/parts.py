"""Which metadata describe which of the images that a layout has, where it has several sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from omero_roz.layout.model import MetadataSource


@dataclass(frozen=True, slots=True)
class Part:
    """Images that one source describes: `places` are theirs among its Images; without a source NGFF alone does."""

    source: MetadataSource | None
    places: tuple[int, ...]
    paths: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether all Images of the source are in it."""
        return self.source is not None and self.paths == self.source.mapping.paths


def parts_of(sources: Iterable[MetadataSource], paths: Sequence[str]) -> tuple[Part, ...]:
    """The parts that images (`paths`) fall into: the first OME-XML that names one describes it, else its NGFF metadata.

    They are in the order of the sources, what none of them names is last.
    """
    found: list[Part] = []
    left = dict.fromkeys(paths)
    for source in sources:
        if not left:
            break
        if source.summary is None:
            continue
        places = tuple(place for place, path in enumerate(source.mapping.paths) if path in left)
        if places:
            found.append(Part(source, places, tuple(source.mapping.paths[place] for place in places)))
            for path in found[-1].paths:
                left.pop(path, None)  # a mapping may name one twice
    return (*found, Part(None, (), tuple(left))) if left else tuple(found)

"""Unit names of NGFF and unit symbols of OME-XML: lengths made comparable, names made symbols."""

from __future__ import annotations

from omero_roz.layout.model import Quantity

_PREFIXES = {
    "yotta": ("Y", 24), "zetta": ("Z", 21), "exa": ("E", 18), "peta": ("P", 15), "tera": ("T", 12), "giga": ("G", 9),
    "mega": ("M", 6), "kilo": ("k", 3), "hecto": ("h", 2), "deca": ("da", 1), "": ("", 0), "deci": ("d", -1),
    "centi": ("c", -2), "milli": ("m", -3), "micro": ("µ", -6), "nano": ("n", -9), "pico": ("p", -12),
    "femto": ("f", -15), "atto": ("a", -18), "zepto": ("z", -21), "yocto": ("y", -24),
}  # fmt: skip
_OTHERS = {"angstrom": ("Å", 1e-10), "inch": ("in", 0.0254), "foot": ("ft", 0.3048), "yard": ("yd", 0.9144)}
_METRES = {
    unit: 10.0**exponent for name, (symbol, exponent) in _PREFIXES.items() for unit in (f"{name}meter", f"{symbol}m")
} | {unit: metres for name, (symbol, metres) in _OTHERS.items() for unit in (name, symbol)}
_SYMBOLS = {f"{name}meter": f"{symbol}m" for name, (symbol, _) in _PREFIXES.items()} | {
    name: symbol for name, (symbol, _) in _OTHERS.items()
}
_TIME_SYMBOLS = {f"{name}second": f"{symbol}s" for name, (symbol, _) in _PREFIXES.items()} | {
    "minute": "min", "hour": "h", "day": "d",
}  # fmt: skip


def metres(length: Quantity | None) -> float | None:
    """The length in metres, None for what is no length ("pixel", "reference frame", an unknown unit)."""
    if length is None or length.unit not in _METRES:
        return None
    return length.value * _METRES[length.unit]


def length_symbol(unit: str) -> str | None:
    """OME-XML's symbol of an NGFF unit of length, None for what is none."""
    return _SYMBOLS.get(unit)


def time_symbol(unit: str) -> str | None:
    """OME-XML's symbol of an NGFF unit of time, None for what is none."""
    return _TIME_SYMBOLS.get(unit)

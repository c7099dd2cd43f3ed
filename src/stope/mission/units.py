"""Unit suffixes of field names, and what to say to someone who wrote another unit."""

from __future__ import annotations

import math
import re

#: suffix of a field name -> what its number counts, in words
SI_WORDS = {
    "kg_m3": "kilograms per cubic metre",
    "rad_s": "radians per second",
    "m_s2": "metres per second squared",
    "m_s": "metres per second",
    "nm_rad": "newton metres per radian",
    "nms_rad": "newton metre seconds per radian",
    "ns_m": "newton seconds per metre",
    "nm_a": "newton metres per ampere",
    "n_m": "newtons per metre",
    "nm": "newton metres",
    "n": "newtons",
    "pa": "pascals",
    "kg": "kilograms",
    "deg": "degrees",
    "rad": "radians",
    "hz": "hertz",
    "j": "joules",
    "w": "watts",
    "v": "volts",
    "a": "amperes",
    "s": "seconds",
    "m": "metres",
}

#: unit as people write it -> suffix of the SI field that takes it, and the factor
_WRITTEN = {
    "m": ("m", 1.0), "mm": ("m", 1e-3), "cm": ("m", 1e-2), "km": ("m", 1e3), "um": ("m", 1e-6), "µm": ("m", 1e-6),
    "N": ("n", 1.0), "mN": ("n", 1e-3), "kN": ("n", 1e3),
    "Pa": ("pa", 1.0), "kPa": ("pa", 1e3), "MPa": ("pa", 1e6), "GPa": ("pa", 1e9), "bar": ("pa", 1e5),
    "kg": ("kg", 1.0), "g": ("kg", 1e-3), "mg": ("kg", 1e-6), "t": ("kg", 1e3),
    "s": ("s", 1.0), "ms": ("s", 1e-3), "min": ("s", 60.0), "h": ("s", 3600.0),
    "deg": ("deg", 1.0), "°": ("deg", 1.0), "rad": ("rad", 1.0),
    "rad/s": ("rad_s", 1.0), "rpm": ("rad_s", math.pi / 30), "deg/s": ("rad_s", math.pi / 180),
    "m/s": ("m_s", 1.0), "cm/s": ("m_s", 1e-2), "mm/s": ("m_s", 1e-3), "km/h": ("m_s", 1 / 3.6),
    "m/s2": ("m_s2", 1.0), "m/s^2": ("m_s2", 1.0),
    "kg/m3": ("kg_m3", 1.0), "kg/m^3": ("kg_m3", 1.0), "g/cm3": ("kg_m3", 1e3), "g/cm^3": ("kg_m3", 1e3),
    "Hz": ("hz", 1.0), "J": ("j", 1.0), "W": ("w", 1.0), "V": ("v", 1.0), "A": ("a", 1.0), "Nm": ("nm", 1.0),
    "N m": ("nm", 1.0),
}  # fmt: skip

_FOREIGN = (
    "mm",
    "cm",
    "km",
    "um",
    "mn",
    "kn",
    "kpa",
    "mpa",
    "gpa",
    "bar",
    "g",
    "mg",
    "t",
    "ms",
    "min",
    "h",
    "hours",
    "rpm",
)
_SUFFIXES = sorted((*SI_WORDS, *_FOREIGN), key=len, reverse=True)
_QUANTITY = re.compile(r"\s*([-+]?(?:\.\d+|\d+(?:[.,]\d*)?)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")


def suffix_of(name: str) -> str:
    """SI suffix of a field name, "" when it has none: depth_m -> "m", spindle_rad_s -> "rad_s"."""
    return next((s for s in sorted(SI_WORDS, key=len, reverse=True) if name.endswith(f"_{s}")), "")


def stem(name: str) -> str:
    """A field name without its unit, foreign units too: depth_mm -> "depth"."""
    return next((name[: -len(s) - 1] for s in _SUFFIXES if name.endswith(f"_{s}")), name)


def words_for(name: str) -> str:
    """What the field's number counts, in words; "" for a pure number."""
    return SI_WORDS.get(suffix_of(name), "")


def advice(name: str, text: str) -> str:
    """What to do about `text` standing where the number of field `name` belongs: ("depth_m", "40 mm") -> "... 0.04"."""
    words = words_for(name)
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return f"write {words} as a plain number" if words else ""
    number, unit = float(match[1].replace(",", ".")), match[2]
    if not unit:
        return (
            f"write it without quotes, {number:.10g}"
            if "," not in match[1]
            else f"write a decimal point, {number:.10g}"
        )
    target, factor = _WRITTEN.get(unit, ("", 1.0))
    wanted = suffix_of(name)
    if (target, wanted) == ("deg", "rad"):
        target, factor = "rad", math.pi / 180
    if not wanted:
        return "write a plain number" + ("; this one has no unit" if target else "")
    if target != wanted:
        return f"write {words} as a plain number"
    return f"write {words} as a plain number, {number * factor:.10g}"

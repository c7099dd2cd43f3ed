"""Is a text a UCUM unit? The grammar of case-sensitive UCUM over the units that this field of work uses."""

from __future__ import annotations

import re

_BASE = (
    *("m", "g", "s", "K", "rad", "cd", "C", "A", "V", "W", "J", "N", "Pa", "Hz", "F", "T", "Wb", "H", "lm", "lx"),
    *("Bq", "Gy", "Sv", "mol", "sr", "L", "l", "bar", "t", "eV", "u", "By", "bit", "deg", "min", "h", "d", "a"),
)
_PREFIXED = {"m", "g", "s", "K", "A", "V", "W", "J", "N", "Pa", "Hz", "F", "T", "L", "l", "bar", "eV", "By", "bit"}
_PREFIX = "(?:da|[YZEPTGMkhdcmunpfazy]|Ki|Mi|Gi)"
_SPECIAL = r"%|Cel|'|''|\[[A-Za-z_]+\]|m\[H2O\]|Ohm|10\*|10\^|\{[!-z|~]*\}"
_SYMBOL = "|".join(
    (_SPECIAL, *sorted((f"{_PREFIX}?{re.escape(b)}" if b in _PREFIXED else re.escape(b) for b in _BASE), reverse=True))
)
_TERM = rf"(?:1|(?:{_SYMBOL})(?:[+-]?\d{{1,2}})?(?:\{{[!-z|~]*\}})?)"
_UNIT = re.compile(rf"/?{_TERM}(?:[./]{_TERM})*")
_OUR_OWN = frozenset(("{joint}", "{joint}/s", "{joint_effort}", "{unit}"))


def is_ucum(unit: str) -> bool:
    """True for a UCUM unit, or one of the stand-ins that the format defines."""
    return len(unit) <= 64 and (unit in _OUR_OWN or _UNIT.fullmatch(unit) is not None)

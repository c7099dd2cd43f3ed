"""Compiled functions, called without a look at their arguments' types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import typeof


def bind(function: Any, *arguments: object) -> Callable[..., Any]:
    """`function` (of `njit`), compiled for the types of `arguments`, for calls with arguments of just these types.

    At each call Numba's dispatcher works out anew what is in every named tuple: with the plant's forty arrays that is
    a tenth of a control period's physics. The caller answers for the types instead: the same fields, and arrays of the
    same dtype, number of dimensions and layout in memory, as those of an object that only changes them in place.
    """
    types = tuple(typeof(argument) for argument in arguments)  # type: ignore[no-untyped-call]
    compiled: Callable[..., Any] = function.compile(types)
    return compiled

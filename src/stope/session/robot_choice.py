"""Whether the robot that a run asks for can be had here, told before anything is loaded, built or opened.

Imports nothing heavy: a mistyped name is answered in a fraction of a second, on a busy machine too.
"""

from __future__ import annotations

import difflib
import os
import stat
from pathlib import Path

from stope.bridge import adapters
from stope.mission.errors import InputError
from stope.session.firmware import check_tools
from stope.session.request import RunRequest

KINDS = ("sim", "firmware", "native", "emulated", "emulated:lockstep")
AT_HAND = ("sim", "firmware", "emulated", "emulated:lockstep")  # their world is in this process
#: Of the firmware, per kind.
PORTS = {
    "firmware": "shared", "native": "posix", "emulated": "mps2_lockstep", "emulated:lockstep": "mps2_lockstep",
}  # fmt: skip


def check_robot(request: RunRequest) -> None:
    """Refuse what cannot be driven.

    Raises:
        InputError: an unknown kind, a port that is not there, a tool that the kind needs and this machine has not, or a
            fault that only a simulated world in this process can have.
    """
    name = request.robot
    kind, _, address = name.partition(":")
    addressed = bool(address) and kind in ("serial", "replay", *adapters.names())
    if not addressed and name not in KINDS:
        close = difflib.get_close_matches(name, KINDS, n=1)
        plugged = "".join(f", {plug}:ADDRESS" for plug in adapters.names())
        raise InputError(
            "--robot",
            read=f"'{name}'",
            expected=f"one of {', '.join(KINDS)}, serial:PORT, replay:LOG{plugged}",
            remedy=f"did you mean {close[0]}?" if close else "",
        )
    if request.inject and name not in AT_HAND:
        raise InputError("--inject", read=f"--robot {name}", expected=f"--robot {' or '.join(AT_HAND)}")
    if name in PORTS:
        check_tools(PORTS[name])
    if kind == "serial":
        _check_port(address)


def _check_port(address: str) -> None:
    """Without opening it, which would reset many a board. Whether it is free and ours to open is found by `connect`."""
    if os.name != "posix":
        return  # COM3 is no file
    try:
        there = stat.S_ISCHR(Path(address).stat().st_mode)
        found = "no serial port"
    except (OSError, ValueError) as error:  # ValueError: a null byte
        there, found = False, getattr(error, "strerror", None) or str(error)
    if not there:
        raise InputError(
            "--robot", read=f"'serial:{address}' ({found})", expected="serial: and a port of this machine",
            remedy="run `stope bridge list` to see what is there",
        )  # fmt: skip

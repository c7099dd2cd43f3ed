"""`stope bridge pump`: a bad line to order."""

from __future__ import annotations

import os
import select
import signal
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from stope.cli_device import BAUD, BaudOption, JsonOption, PortOption, print_json

if TYPE_CHECKING:
    from stope.bridge.pump import Pump


class Direction(StrEnum):
    """What `--direction` takes."""

    BOTH = "both"
    UP = "up"
    DOWN = "down"


EXAMPLES = """\b
Examples:
  stope bridge pump --port /dev/ttyACM0 --flip 1e-4
  stope bridge pump --port /dev/ttyACM0 --latency-ms 40 --jitter-ms 10 --direction down
  stope bridge pump --port /dev/ttyACM0 --line-rate 115200
"""


def pump(
    port: PortOption,
    baud: BaudOption = BAUD,
    line_rate: Annotated[int, typer.Option(min=0, help="Bits a second that pass; 0 for no limit.")] = 0,
    latency_ms: Annotated[float, typer.Option(min=0.0, max=59_000.0, help="Delay.")] = 0.0,
    jitter_ms: Annotated[float, typer.Option(min=0.0, max=59_000.0, help="Added to it, evenly at random.")] = 0.0,
    flip: Annotated[float, typer.Option(min=0.0, max=1.0, help="Chance a byte that one bit flips.")] = 0.0,
    drop: Annotated[float, typer.Option(min=0.0, max=1.0, help="Chance a byte that it is lost.")] = 0.0,
    duplicate: Annotated[float, typer.Option(min=0.0, max=1.0, help="Chance a byte that it comes twice.")] = 0.0,
    repeat: Annotated[float, typer.Option(min=0.0, max=1.0, help="Chance that a whole delivery comes twice.")] = 0.0,
    direction: Annotated[Direction, typer.Option(help="From the device (up), to it (down), or both.")] = Direction.BOTH,
    seed: Annotated[int, typer.Option(min=0, help="The same seed spoils the same bytes.")] = 0,
    json: JsonOption = False,
) -> None:
    """Put a bad line between a device and a new pseudo-terminal, whose name is printed first.

    While it runs it reads words from standard input: `cut` pulls the cable, `plug` plugs it in again under another
    name, `stall` and `go` hold everything back and let it go. Ctrl-C ends it; what was spoilt is printed.
    """
    from stope.bridge.impair import Faults
    from stope.bridge.pump import Pump
    from stope.bridge.serial_port import open_descriptor

    bad = Faults(line_rate, latency_ms * 1e-3, jitter_ms * 1e-3, flip, drop, duplicate, repeat)
    up, down = (bad if direction in (Direction.BOTH, which) else Faults() for which in (Direction.UP, Direction.DOWN))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Pump(open_descriptor(port, baud), up, down, seed) as line:
        typer.echo(line.name)
        sys.stdout.flush()
        try:
            _obey(line)
        except KeyboardInterrupt:
            typer.echo("", err=True)
        counts = {name: dict(one.counts) for name, one in line.lines.items()}
        ended = line.ended
    if json:
        print_json(counts)
    else:
        for name, numbers in counts.items():
            typer.echo(f"{name:<4}  " + ", ".join(f"{what} {number}" for what, number in numbers.items()))
    if ended:
        raise ConnectionError(f"{port} is gone: check cable and power")


def _obey(line: Pump) -> None:
    """Words from standard input until the device's end goes."""
    source, text = sys.stdin.fileno(), b""
    listening = True
    while not line.ended:
        ready, _, _ = select.select([source] if listening else [], [], [], 0.25)
        if not ready:
            continue
        data = os.read(source, 4096)  # not sys.stdin: what that has buffered, select cannot see
        listening = bool(data)
        *words, text = (text + data).split(b"\n")
        for word in words:
            _do(line, word.decode(errors="replace").strip())
        sys.stdout.flush()


def _do(line: Pump, word: str) -> None:
    if word == "cut":
        line.disconnect()
    elif word == "plug":
        typer.echo(line.reconnect())
    elif word in ("stall", "go"):
        for one in line.lines.values():
            one.stalled = word == "stall"
    elif word:
        typer.echo(f"stope: read '{word}', expected cut, plug, stall or go", err=True)

"""`stope doctor --port`: signs, units, wiring and limits of a real robot, joint by joint."""

from __future__ import annotations

import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stope.cli_device import BAUD, BaudOption, JsonOption, PortOption, RobotOption, connected, print_json, unknown
from stope.cli_errors import FAILED
from stope.mission.errors import InputError

DEFAULT_OUT = Path("calibration.yaml")

EXAMPLES = """\b
Examples:
  stope doctor --port /dev/ttyACM0
  stope doctor --port /dev/ttyACM0 --joint drill_feed --joint drill_spindle
  stope doctor --port /dev/pts/4 --yes --json
"""


def doctor(
    port: PortOption,
    robot: RobotOption = None,
    baud: BaudOption = BAUD,
    joint: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this joint. Repeat it.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: telemetry alone is checked.")] = False,
    out: Annotated[Path, typer.Option(metavar="FILE", help="What was seen, joint by joint.")] = DEFAULT_OUT,
    json: JsonOption = False,
) -> None:
    """Check sign, unit, wiring and limits of each joint of a real robot: small moves, one joint at a time.

    Each joint is moved by at most 0.05 rad (4 mm if it slides) and back. Keep a hand on the e-stop. Exit code 1 if a
    joint is not as robot.yaml says; a motor that works against its encoder is stopped, and that is exit code 3.
    """
    from stope.bridge.doctor import examine

    if not out.parent.is_dir():
        raise InputError("--out", read=f"'{out}'", expected="a file in a folder that exists")
    if not yes and not sys.stdin.isatty():
        raise InputError("stope doctor", read="no terminal to ask on", expected="a person, or --yes")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with connected(port, robot, baud) as device:
        names = [one.name for one in device.model.joints]
        for name in joint or ():
            if name not in names:
                raise unknown("--joint", f"'{name}'", f"joint of {device.model.name}", name, names)
        typer.echo(f"{device.caps.identity}: {device.model.name}, limits agree, {device.read().safety.name}", err=True)
        if not yes:
            typer.confirm("Is the robot supported, nobody near it, and a hand on the e-stop?", abort=True, err=True)
        ask = None if yes else (lambda question: typer.confirm(question, err=True))
        found = examine(device, ask, lambda line: typer.echo(line, err=True), joint or ())
    found.write(out)
    if json:
        print_json(asdict(found))
    else:
        typer.echo(str(out))
    raise typer.Exit(0 if found.good else FAILED)

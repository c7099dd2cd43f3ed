"""`stope bridge ...`: options in, words out; what the commands do lives in the room `bridge`."""

from __future__ import annotations

import json as jsonlib
import math
from contextlib import suppress
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stope import cli_doctor, cli_pump
from stope.cli_device import (
    BAUD,
    BaudOption,
    JsonOption,
    PortOption,
    RobotOption,
    connected,
    identified,
    print_json,
    unknown,
)  # fmt: skip
from stope.mission.errors import InputError

if TYPE_CHECKING:
    from stope.bridge.handshake import Caps
    from stope.bridge.session import Event


bridge_app = typer.Typer(
    help="Look at, set up and stop a device on a serial port.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)


class Board(StrEnum):
    """What `--board` takes."""

    STM32F4 = "stm32f4"
    POSIX = "posix"
    MPS2 = "mps2"


def register(app: typer.Typer) -> None:
    """Put these commands under `stope`."""
    app.add_typer(bridge_app, name="bridge")
    app.command(epilog=cli_doctor.EXAMPLES)(cli_doctor.doctor)


@bridge_app.command("list", epilog="Example:  stope bridge list /dev/pts/4")
def list_ports(
    names: Annotated[list[str] | None, typer.Argument(metavar="[PORT]...", help="Look here too.")] = None,
    baud: BaudOption = BAUD,
    json: JsonOption = False,
) -> None:
    """List serial ports and who answers there; identity is what answers, never the port's name.

    A port that another process uses is told as such, and not disturbed.
    """
    from stope.bridge.codec import Codec
    from stope.bridge.dialect import load_dialect
    from stope.bridge.discovery import find, ports
    from stope.bridge.serial_port import SerialPort
    from stope.clock import HostClock

    hardware = {port.name: port.hardware for port in ports()} | dict.fromkeys(names or (), "")
    found = find(list(hardware), Codec(load_dialect()), HostClock(), lambda name: SerialPort(name, baud))
    if json:
        print_json(
            [
                {"port": one.port, "hardware": hardware[one.port], "why": one.why, "device": _facts(one.caps)}
                for one in found
            ]
        )
        return
    if not found:
        typer.echo("no serial port with hardware behind it")
    for one in found:
        who = f"{one.caps.robot} on {one.caps.identity}, firmware {one.caps.firmware_text}" if one.caps else one.why
        typer.echo(f"{one.port}  {who}" + (f"  ({hardware[one.port]})" if hardware[one.port] else ""))


@bridge_app.command(epilog="Example:  stope bridge info --port /dev/ttyACM0 --json")
def info(port: PortOption, baud: BaudOption = BAUD, json: JsonOption = False) -> None:
    """Say what a device is: board, robot, firmware, hashes, time-outs, why it booted."""
    facts = _facts(identified(port, baud))
    assert facts is not None
    if json:
        print_json(facts)
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        typer.echo(f"{name:<{width}}  {', '.join(value) if isinstance(value, list) else value}")


_MONITOR_EXAMPLES = """\b
Examples:
  stope bridge monitor --port /dev/ttyACM0
  stope bridge monitor --port /dev/ttyACM0 --every 5 --json > link.jsonl
"""


@bridge_app.command(epilog=_MONITOR_EXAMPLES)
def monitor(
    port: PortOption,
    robot: RobotOption = None,
    baud: BaudOption = BAUD,
    every: Annotated[float, typer.Option(min=0.1, max=3600.0, help="Seconds a line.")] = 1.0,
    lines: Annotated[int, typer.Option(min=0, help="End after so many; 0 goes on until Ctrl-C.")] = 0,
    json: JsonOption = False,
) -> None:
    """Watch state, faults and the line; --json prints one object a line.

    It only looks: it never tells the device that a host lives, and so keeps nothing armed.
    """
    from stope.bridge.codec import Codec
    from stope.bridge.dialect import load_dialect
    from stope.bridge.monitor import Monitor, told

    def on_event(event: Event) -> None:
        if not json and (line := told(event)):
            typer.echo(line)

    with connected(port, robot, baud, on_event) as device:
        watching = Monitor(device.driver, Codec(load_dialect()))
        count = 0
        with suppress(KeyboardInterrupt):  # the usual end of looking
            while not lines or count < lines:
                glance = watching.glance(every)
                typer.echo(jsonlib.dumps(asdict(glance)) if json else glance.line())
                count += 1


_PARAMS_EXAMPLES = """\b
Examples:
  stope bridge params --port /dev/ttyACM0
  stope bridge params --port /dev/ttyACM0 --set HOST_TIMEOUT_MS=200 --save
"""


@bridge_app.command(epilog=_PARAMS_EXAMPLES)
def params(
    port: PortOption,
    robot: RobotOption = None,
    baud: BaudOption = BAUD,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change one, while disarmed. Repeat it.")
    ] = None,
    save: Annotated[bool, typer.Option("--save", help="Keep the values in force over a reset.")] = False,
    json: JsonOption = False,
) -> None:
    """Read the device's parameters, or change them.

    They can only make the limits that are compiled into the firmware narrower; the device refuses the rest.
    """
    wanted = [_change(text) for text in changes or ()]
    from stope.bridge.service import read_parameters, set_parameter
    from stope.robot.messages import CommandRefusedError

    with connected(port, robot, baud) as device:
        driver = device.driver
        known = read_parameters(driver)
        for name, value in wanted:
            if name not in known:
                raise unknown("--set", f"'{name}'", "parameter", name, list(known))
            try:
                known[name] = set_parameter(driver, name, value)
            except CommandRefusedError as error:
                low, high = known[name].low, known[name].high
                raise InputError(
                    "--set", read=f"'{name}={value:g}'", expected=f"{low:g} to {high:g}", remedy=str(error)
                ) from error
        if save:
            driver.ask("PARAM_SAVE").demand()
    shown = sorted(known.values(), key=lambda one: one.index)
    if json:
        print_json([asdict(one) for one in shown])
        return
    width = max(len(one.name) for one in shown)
    for one in shown:
        typer.echo(f"{one.name:<{width}}  {one.value:<10g}  {one.low:g} to {one.high:g}")


@bridge_app.command(epilog="Example:  stope bridge estop --port /dev/ttyACM0")
def estop(port: PortOption, baud: BaudOption = BAUD) -> None:
    """Stop a device at once, whatever robot it is and whatever it does; exit code 3 unless it reports the stop.

    Needs a port that no other process holds. The switch at the robot is the first e-stop, this is the second.
    """
    from stope.bridge.codec import Codec
    from stope.bridge.dialect import load_dialect
    from stope.bridge.serial_port import SerialPort
    from stope.bridge.service import estop_now
    from stope.clock import HostClock

    transport = SerialPort(port, baud)
    try:
        at_us = estop_now(transport, Codec(load_dialect()), HostClock())
    finally:
        transport.close()
    typer.echo(f"{port}: ESTOP, reported at {at_us * 1e-6:.3f} s of device time; stope bridge clear releases it")


@bridge_app.command(epilog="Example:  stope bridge clear --port /dev/ttyACM0")
def clear(port: PortOption, robot: RobotOption = None, baud: BaudOption = BAUD) -> None:
    """Clear a latched fault or an e-stop, once its cause is gone; the device is disarmed then, never armed."""
    from stope.bridge.service import clear as clear_device

    with connected(port, robot, baud) as device:
        state = clear_device(device.driver)
    typer.echo(f"{port}: {state.name}")


_UNJAM_EXAMPLES = """\b
Examples:
  stope bridge unjam --port /dev/ttyACM0
  stope bridge unjam --port /dev/ttyACM0 --speed -2 --yes
"""


@bridge_app.command(epilog=_UNJAM_EXAMPLES)
def unjam(
    port: PortOption,
    robot: RobotOption = None,
    baud: BaudOption = BAUD,
    speed: Annotated[
        float, typer.Option(metavar="RAD_S", min=-2.0, max=2.0, help="Of the spindle; negative backs the bit out.")
    ] = -1.0,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether everybody stands clear.")] = False,
) -> None:
    """Turn a stuck bit loose: arm, hold, turn the spindle for one second within its torque limit, disarm.

    Clear the fault first (stope bridge clear). Feed and limbs stay where they are; repeat it as often as it helps.
    """
    from stope.bridge.unjam import unjam as unjam_device

    try:
        clear_of_it = yes or typer.confirm(
            f"The spindle at {port} will turn at {speed:g} rad/s. Does everybody stand clear?", err=True
        )
    except typer.Abort:  # nobody to ask, or Ctrl-C
        typer.echo("", err=True)
        raise InputError(
            "stope bridge unjam", read="no answer", expected="a person, or --yes; nothing was moved"
        ) from None
    if not clear_of_it:
        raise InputError("stope bridge unjam", read="no", expected="everybody clear of the bit; nothing was moved")
    with connected(port, robot, baud) as device:
        turned = unjam_device(device, speed)
    typer.echo(
        f"{port}: turned {turned.angle_rad:+.2f} rad, at most {turned.speed_rad_s:+.2f} rad/s and "
        f"{turned.current_a:.2f} A; disarmed"
    )


bridge_app.command(epilog=cli_pump.EXAMPLES)(cli_pump.pump)


@bridge_app.command("flash-help", epilog="Example:  stope bridge flash-help --robot bench_rig --board posix")
def flash_help(
    robot: Annotated[str, typer.Option(metavar="NAME", help="Whose limits are compiled in.")] = "miner",
    board: Annotated[Board, typer.Option(help="What it shall run on.")] = Board.STM32F4,
) -> None:
    """Say how to build the firmware of a robot and bring it onto a board."""
    from stope.bridge.flash import flash_text
    from stope.mission.shipped import find_data

    find_data("robot", robot)
    typer.echo(flash_text(robot, board.value))


# --- inside ---------------------------------------------------------------------------------------------------------


def _facts(caps: Caps | None) -> dict[str, Any] | None:
    """CAPS with numbers in words."""
    if caps is None:
        return None
    from stope.bridge.dialect import load_dialect

    enums = load_dialect().enums
    capabilities = enums["CAPABILITY"].name_of(caps.capabilities)
    return {
        "robot": caps.robot,
        "identity": caps.identity,
        "board": caps.board,
        "uid": f"{caps.uid:016x}",
        "firmware": caps.firmware_text,
        "protocol": "{}.{}".format(*caps.protocol),
        "dialect": f"{caps.dialect_hash:08x}",
        "limits": caps.limits_hash,
        "parameters": f"{caps.param_hash:08x}",
        "session": f"{caps.boot_nonce:08x}",
        "reset_cause": enums["RESET_CAUSE"].name_of(caps.reset_cause),
        "capabilities": capabilities.split(", ") if capabilities else [],
        "baud": caps.baud,
        "control_hz": caps.control_hz,
        "host_timeout_ms": caps.host_timeout_ms,
        "setpoint_max_age_ms": caps.setpoint_max_age_ms,
        "joints": caps.joints,
        "anchors": caps.anchors,
        "thrusters": caps.thrusters,
    }


def _change(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not name or not math.isfinite(number):
        raise InputError("--set", read=f"'{text}'", expected="NAME=NUMBER, such as HOST_TIMEOUT_MS=200")
    return name, number

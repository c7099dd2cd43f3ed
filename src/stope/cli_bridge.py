"""`stope bridge ...` and `stope doctor`: options in, words out; what they do lives in the room `bridge`."""

from __future__ import annotations

import json as jsonlib
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stope.mission.errors import InputError

if TYPE_CHECKING:
    from stope.bridge.handshake import Caps
    from stope.bridge.pump import Pump
    from stope.bridge.serial_robot import SerialRobot
    from stope.bridge.session import Event
    from stope.robot.model import RobotModel

FAILED = 1
BAUD = 921_600
DEFAULT_OUT = Path("calibration.yaml")

bridge_app = typer.Typer(
    help="Look at, set up and stop a device on a serial port.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)

PortOption = Annotated[str, typer.Option("--port", "-p", metavar="PORT", help="Serial port or pseudo-terminal.")]
BaudOption = Annotated[int, typer.Option("--baud", min=1200, max=12_000_000, help="Line rate.")]
RobotOption = Annotated[
    str | None,
    typer.Option(
        "--robot", metavar="NAME|FOLDER", help="The robot that must answer; else the shipped one that the device names."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class Direction(StrEnum):
    """What `--direction` takes."""

    BOTH = "both"
    UP = "up"
    DOWN = "down"


class Board(StrEnum):
    """What `--board` takes."""

    STM32F4 = "stm32f4"
    POSIX = "posix"
    MPS2 = "mps2"


def register(app: typer.Typer) -> None:
    """Put these commands under `stope`."""
    app.add_typer(bridge_app, name="bridge")
    app.command(epilog=_DOCTOR_EXAMPLES)(doctor)


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
        _print_json(
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
    facts = _facts(_identified(port, baud))
    assert facts is not None
    if json:
        _print_json(facts)
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

    with _connected(port, robot, baud, on_event) as device:
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

    with _connected(port, robot, baud) as device:
        driver = device.driver
        known = read_parameters(driver)
        for name, value in wanted:
            if name not in known:
                raise _unknown("--set", f"'{name}'", "parameter", name, list(known))
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
        _print_json([asdict(one) for one in shown])
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

    with _connected(port, robot, baud) as device:
        state = clear_device(device.driver)
    typer.echo(f"{port}: {state.name}")


_PUMP_EXAMPLES = """\b
Examples:
  stope bridge pump --port /dev/ttyACM0 --flip 1e-4
  stope bridge pump --port /dev/ttyACM0 --latency-ms 40 --jitter-ms 10 --direction down
  stope bridge pump --port /dev/ttyACM0 --line-rate 115200
"""


@bridge_app.command(epilog=_PUMP_EXAMPLES)
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
        _print_json(counts)
    else:
        for name, numbers in counts.items():
            typer.echo(f"{name:<4}  " + ", ".join(f"{what} {number}" for what, number in numbers.items()))
    if ended:
        raise ConnectionError(f"{port} is gone: check cable and power")


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


_DOCTOR_EXAMPLES = """\b
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
    with _connected(port, robot, baud) as device:
        names = [one.name for one in device.model.joints]
        for name in joint or ():
            if name not in names:
                raise _unknown("--joint", f"'{name}'", f"joint of {device.model.name}", name, names)
        typer.echo(f"{device.caps.identity}: {device.model.name}, limits agree, {device.read().safety.name}", err=True)
        if not yes:
            typer.confirm("Is the robot supported, nobody near it, and a hand on the e-stop?", abort=True, err=True)
        ask = None if yes else (lambda question: typer.confirm(question, err=True))
        found = examine(device, ask, lambda line: typer.echo(line, err=True), joint or ())
    found.write(out)
    if json:
        _print_json(asdict(found))
    else:
        typer.echo(str(out))
    raise typer.Exit(0 if found.good else FAILED)


# --- inside ---------------------------------------------------------------------------------------------------------


@contextmanager
def _connected(
    port: str, robot: str | None, baud: int, on_event: Callable[[Event], None] | None = None
) -> Iterator[SerialRobot]:
    """A device after its handshake; let go of at the end, disarmed if it was armed."""
    from stope.bridge.serial_port import SerialPort
    from stope.bridge.serial_robot import SerialRobot
    from stope.clock import HostClock

    model = _model(port, robot, baud)
    device = SerialRobot(model, lambda: SerialPort(port, baud), HostClock(), on_event=on_event)
    device.connect()
    try:
        yield device
    finally:
        device.close()


def _model(port: str, robot: str | None, baud: int) -> RobotModel:
    from stope.mission.shipped import find_data, shipped
    from stope.robot.modelfile import load_robot

    if robot is not None:
        return load_robot(find_data("robot", robot))
    name = _identified(port, baud).robot
    if name not in shipped("robot"):
        raise InputError(
            "--robot", read=f"nothing, and the device was built for '{name}', which is not shipped",
            expected="the folder of that robot",
        )  # fmt: skip
    return load_robot(find_data("robot", name))


def _identified(port: str, baud: int) -> Caps:
    from stope.bridge.codec import Codec
    from stope.bridge.dialect import load_dialect
    from stope.bridge.discovery import identify
    from stope.bridge.errors import NoDeviceError
    from stope.bridge.serial_port import SerialPort
    from stope.clock import HostClock

    transport = SerialPort(port, baud)
    try:
        caps = identify(transport, Codec(load_dialect()), HostClock())
    finally:
        transport.close()
    if caps is None:
        raise NoDeviceError(
            f"{port}: nothing there speaks this protocol at {baud} baud: check cable, power and line rate, and that "
            "the firmware is flashed (stope bridge flash-help)"
        )
    return caps


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
        return name, float(value)
    except ValueError:
        raise InputError("--set", read=f"'{text}'", expected="NAME=NUMBER, such as HOST_TIMEOUT_MS=200") from None


def _unknown(option: str, read: str, noun: str, name: str, known: list[str]) -> InputError:
    from stope.mission.explain import suggestion

    return InputError(option, read=read, expected=f"a {noun}{suggestion(name, known)}")


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


def _print_json(value: object) -> None:
    typer.echo(jsonlib.dumps(value, indent=2, ensure_ascii=False))

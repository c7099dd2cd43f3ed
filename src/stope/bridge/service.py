"""What people do to a device besides driving it: parameters, clearing, e-stop."""

from __future__ import annotations

from stope.bridge.codec import Codec
from stope.bridge.driver import ANSWER_NS, NS, PAUSE_S, Driver
from stope.bridge.errors import LinkError, NoAnswerError
from stope.bridge.estop import EstopBurst
from stope.bridge.link import Link
from stope.bridge.parameters import Parameter
from stope.bridge.transport import Clock, Transport
from stope.robot.messages import SafetyState

DUMP_NS = 2 * NS  #: for all parameters: the device sends 50 a second
ASKED = 3
BURST_NS = 100_000_000  #: an e-stop that no telemetry reports is sent again this often
ESTOP_NS = 3 * NS  #: an emulator's port wakes up slowly


def read_parameters(driver: Driver) -> dict[str, Parameter]:
    """All parameters by name.

    Raises:
        LinkError: some did not come, asked for three times.
    """
    known = driver.session.parameters
    for _ in range(ASKED):
        driver.session.request_parameters()
        if driver.pump(lambda: bool(known) and len(known) >= next(iter(known.values())).count, DUMP_NS):
            return dict(known)
    raise LinkError(f"the device told {len(known)} parameters and not the rest: check the line (stope bridge monitor)")


def set_parameter(driver: Driver, name: str, value: float) -> Parameter:
    """Set one parameter that was read before; returns what the device reads back.

    Raises:
        CommandRefusedError: out of the bounds that the device told; nothing was sent.
        DeniedError, NoAnswerError: the device did not take it. LinkError: never read, or not read back.
    """
    known = driver.session.parameters
    seq = driver.session.set_parameter(name, value, driver.now_ns())
    before = known.pop(name)
    try:
        driver.answer_to(seq).demand()
    except LinkError:
        known[name] = before
        raise
    for _ in range(ASKED):
        if driver.pump(lambda: name in known, ANSWER_NS):
            return known[name]
        driver.session.request_parameters(name)
    raise LinkError(f"the device took {name} and does not read it back: check the line (stope bridge monitor)")


def clear(driver: Driver) -> SafetyState:
    """Clear latched faults, or the e-stop; returns the state that the device reports then.

    Raises:
        DeniedError: the cause is still there. NoAnswerError: no answer.
    """
    driver.turn()
    for _ in range(2 * ASKED):  # a clearing of the e-stop wants a live host: let it see some signs
        driver.pump(lambda: False, NS // 20)
    name = "CLEAR_ESTOP" if driver.state.safety is SafetyState.ESTOP else "CLEAR_FAULTS"
    driver.ask(name).demand()
    driver.pump(lambda: driver.reported is SafetyState.DISARMED, ANSWER_NS)
    return driver.reported


def estop(driver: Driver, reason: int = 0) -> bool:
    """Stop at once, whatever the state; True once the telemetry reports it.

    Raises:
        LinkError: the port failed.
    """
    driver.engaged = False
    driver.session.estop(reason, driver.now_ns())
    driver.flush()
    return driver.pump(lambda: driver.reported is SafetyState.ESTOP, ANSWER_NS)


def estop_now(transport: Transport, codec: Codec, clock: Clock, reason: int = 0) -> int:
    """Stop whoever listens, without a handshake and whatever robot it is; returns the device's time of the report.

    Raises:
        NoAnswerError: no telemetry reports the e-stop. LinkLostError: the port went away.
    """
    link = Link(codec)
    burst = EstopBurst(link)
    began_ns = now_ns = round(clock.now_s() * NS)
    next_ns = began_ns
    while now_ns < began_ns + ESTOP_NS:
        if now_ns >= next_ns:
            burst.start(reason, 1, now_ns)
            next_ns = now_ns + BURST_NS
        burst.step(now_ns)
        if data := link.take_urgent():
            transport.send(data, urgent=True)
        for message in link.receive(transport.receive(), now_ns):
            if message.name == "STATE" and message.integer("safety_state") == SafetyState.ESTOP:
                return message.integer("time_us")
        transport.wait(PAUSE_S)
        now_ns = round(clock.now_s() * NS)
    raise NoAnswerError(
        "the e-stop was sent and nothing reports it: use the switch at the robot, then check port and line rate"
    )

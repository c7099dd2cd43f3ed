"""What people do to a device besides driving it: parameters, clearing, e-stop."""

from __future__ import annotations

from stope.bridge.driver import ANSWER_NS, NS, Driver
from stope.bridge.errors import LinkError
from stope.bridge.parameters import Parameter
from stope.robot.messages import SafetyState

DUMP_NS = 2 * NS  #: for all parameters: the device sends 50 a second
ASKED = 3


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

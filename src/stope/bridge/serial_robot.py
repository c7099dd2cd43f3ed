"""SerialRobot: a real device, or a firmware in lock step, behind the seam."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from stope.bridge.codec import Codec
from stope.bridge.dialect import load_dialect
from stope.bridge.disassemble import Disassembler, hold_command
from stope.bridge.driver import ANSWER_NS, NS, Driver
from stope.bridge.errors import DeniedError, LinkError, NoDeviceError
from stope.bridge.handshake import Caps
from stope.bridge.session import Event, Phase, Session
from stope.bridge.transport import Clock, Transport
from stope.clock import RunClock
from stope.robot.limits import enforce
from stope.robot.messages import AnchorAction, Command, Observation, SafetyState, Sent
from stope.robot.model import RobotModel
from stope.robot.seam import Handshake

CONNECT_NS = 8 * NS  #: a QEMU needs over a second from opening its port to its first byte
GRACE_NS = 25_000_000  #: a reading may come so much later than its time: 600 bytes at 921600 baud and a busy host
SLACK_US = 1_500  #: samples are taken on ticks of 1 ms, so one period later is a little less or a little more
STREAM_NS = 20_000_000  #: set-points of the bridge itself, before and while arming
STREAM_FIRST = 5  #: of them, before the device is asked to arm
LIFETIME_US = 100_000
SAFING_NS = 4 * NS  #: the device needs 2 s at most
UNSURE_US = 20_000.0  #: of device time; deadlines mean little beyond this
DRIVING = (SafetyState.HOLD, SafetyState.ARMED)
OUTPUTS_ON = (*DRIVING, SafetyState.SAFING)

_log = logging.getLogger(__name__)


class SerialRobot:
    """Implements `robot.Robot` over a link.

    Args:
        open_transport: opens the device's end; called by every `connect`.
        clock: host time; the lock step's own when there is one.
        run_clock: moved by `wait` as the device's clock goes, however long that has been up.
        expected_uid: the board that must answer; any when None, and the first one from then on.
        on_event: told everything that the device reports besides its samples.
    """

    def __init__(
        self,
        model: RobotModel,
        open_transport: Callable[[], Transport],
        clock: Clock,
        run_clock: RunClock | None = None,
        expected_uid: int | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._model, self._open, self._clock = model, open_transport, clock
        self._run_clock, self._uid, self._on_event = run_clock, expected_uid, on_event
        self._codec = Codec(load_dialect())
        self._driver: Driver | None = None
        self._read_us = -1  # device time of the sample that `read` gave last

    @property
    def model(self) -> RobotModel:
        """The robot's model."""
        return self._model

    @property
    def driver(self) -> Driver:
        """The present link, for what is beyond the seam (parameters, e-stop, single commands).

        Raises:
            LinkError: there is none.
        """
        if self._driver is None:
            raise LinkError("not connected: connect first")
        return self._driver

    @property
    def caps(self) -> Caps:
        """What the device said of itself.

        Raises:
            LinkError: not connected.
        """
        caps = self.driver.session.caps
        if caps is None:
            raise LinkError("the device has not said what it is: connect first")
        return caps

    def connect(self) -> Handshake:
        """Open, identify, compare hashes, synchronise clocks, see the first sample.

        Raises:
            HandshakeError: nothing answered, or not the robot of this model. LinkError: the port failed.
        """
        self._let_go()
        self._read_us = -1
        _warm_up(self._codec, self._model)
        session = Session(self._codec, self._model, self._uid)
        self._driver = driver = Driver(self._open(), session, self._clock, self._on_event)
        try:
            if not driver.pump(lambda: _opened(session), CONNECT_NS, alive=False):
                raise NoDeviceError(_why_not_open(session))
        except BaseException:
            self._let_go()
            raise
        self._uid = self.caps.uid
        if self._run_clock is not None:
            session.begin(self._run_clock.now_us)
        return self.caps.handshake()

    def arm(self) -> None:
        """Hold the present position with outputs on; the device decides.

        Raises:
            DeniedError: the device refused and says why. LinkError: clocks unsure, or the link failed.
        """
        driver = self.driver
        self._check_may_arm(driver)
        driver.engaged = True
        try:
            for _ in range(STREAM_FIRST):
                self._stream(driver)
            driver.ask("ARM", meanwhile=lambda: self._stream(driver)).demand()
            if not driver.pump(lambda: driver.reported in DRIVING, ANSWER_NS):
                raise LinkError(f"the device said that it armed and is {driver.reported.name}: connect again")
        except BaseException:
            driver.engaged = False
            raise

    def disarm(self) -> None:
        """Brakes on, anchors kept, outputs off; returns once the device says so.

        Raises:
            NoAnswerError, DeniedError: the device did not do it. LinkError: the link failed.
        """
        driver = self.driver
        driver.turn()
        if driver.state.safety in OUTPUTS_ON:
            driver.ask("DISARM").demand()
        driver.engaged = False
        if not driver.pump(lambda: driver.reported not in OUTPUTS_ON, SAFING_NS):
            raise LinkError(f"the device took the disarming and is still {driver.reported.name}: use the e-stop")

    def close(self) -> None:
        """Let go of the port. A device that is still armed is asked to disarm; without us it goes safe by itself."""
        self._let_go()

    def _let_go(self) -> None:
        driver, self._driver = self._driver, None
        if driver is None:
            return
        try:
            if driver.engaged:
                driver.engaged = False
                driver.session.command("DISARM", driver.now_ns())
                driver.flush()
        except LinkError as error:
            _log.info("closing without a good-bye: %s", error)
        finally:
            driver.transport.close()

    def read(self) -> Observation:
        """The newest whole sample.

        Raises:
            LinkLostError, DeviceRebootedError, TelemetryStaleError: there is nothing to rely on any more.
        """
        driver = self.driver
        driver.turn()
        driver.check_fresh()
        observation = driver.session.observation
        assert observation is not None  # connect saw one
        self._read_us = observation.device_time_us
        return observation

    def write(self, command: Command) -> Sent:
        """Send after host limits, with a sign of life.

        Raises:
            CommandRefusedError: the command holds NaN, infinity or a wrong shape; nothing was sent.
            LinkError: the link failed or the device booted again.
        """
        driver = self.driver
        sent = enforce(command, self._model)
        driver.check_fresh()
        driver.session.setpoint(sent.command)
        driver.sign_of_life()
        driver.flush()
        return sent

    def wait(self, until_us: int) -> None:
        """Until there is a sample of run time `until_us`, give or take a tick, or it is overdue.

        Raises:
            LinkLostError, DeviceRebootedError, TelemetryStaleError: there is nothing to wait for any more.
        """
        driver = self.driver
        session = driver.session
        until_us += session.zero_us
        left_ns = session.time.host_ns(until_us) - driver.now_ns()
        # Never less than the grace: a loop whose device fell silent asks for times long past, and must not spin.
        driver.pump(lambda: self._has_come(session.sampled_us, until_us), max(left_ns, 0) + GRACE_NS)
        driver.check_fresh()
        if self._run_clock is not None:
            self._run_clock.advance_to(max(session.sampled_us - session.zero_us, self._run_clock.now_us))

    def _has_come(self, sampled_us: int, until_us: int) -> bool:
        """Whether the newest sample is of `until_us`, or a little older and not read yet."""
        if self._read_us < sampled_us:
            return sampled_us >= until_us - SLACK_US
        return sampled_us >= until_us

    def safe(self, reason: str) -> None:
        """Ask the device to stop and latch FAULT. Never raises: what counts is what the next observations report."""
        _log.warning("safe: %s", reason)
        try:
            driver = self.driver
            driver.engaged = False
            driver.ask("SAFE")
        except ConnectionError as error:
            _log.warning("the device could not be asked (%s); without us it makes itself safe", error)

    def _check_may_arm(self, driver: Driver) -> None:
        driver.turn()
        state = driver.state
        if state.safety is not SafetyState.DISARMED:
            faults = self._codec.dialect.enums["FAULT"].name_of(state.latched) if state.latched else ""
            why = f" because of {faults}" if faults else ""
            raise DeniedError(f"the device is {state.safety.name}{why}; clear that before arming", "DENIED", faults)
        time = driver.session.time
        # After a long pause the clocks may have drifted apart; one exchange mends that.
        driver.pump(lambda: time.uncertainty_us(driver.now_ns()) <= UNSURE_US, NS)
        unsure_us = time.uncertainty_us(driver.now_ns())
        if not unsure_us <= UNSURE_US:
            raise LinkError(
                f"device time is known to {unsure_us / 1000:.0f} ms only, deadlines need {UNSURE_US / 1000:.0f} ms: "
                "find what delays the line (stope bridge monitor)"
            )

    def _stream(self, driver: Driver) -> None:
        """One set-point that keeps everything where it is, and the time until the next."""
        session = driver.session
        observation = session.observation
        assert observation is not None
        keep = np.full(len(self._model.limbs), int(AnchorAction.HOLD), dtype=np.int8)
        deadline_us = session.time.device_us(driver.now_ns()) - session.zero_us + LIFETIME_US
        session.setpoint(hold_command(self._model, observation.joint_position, keep, deadline_us))
        driver.pump(lambda: False, STREAM_NS)


def _warm_up(codec: Codec, model: RobotModel) -> None:
    """Load what limits and packing compile: 0.7 s and more, which an armed device would take for a dead host."""
    keep = np.full(len(model.limbs), int(AnchorAction.HOLD), dtype=np.int8)
    sent = enforce(hold_command(model, np.array(model.stance), keep, 0), model)
    Disassembler(codec, model).messages(sent.command, wire_seq=1, session=0)


def _opened(session: Session) -> bool:
    return session.phase is Phase.READY and session.observation is not None


def _why_not_open(session: Session) -> str:
    if session.caps is None:
        heard = session.link.framing
        if heard.frames == 0 and heard.skipped > 0:
            return "the port sends bytes that are not this protocol: check the line rate and what is connected"
        return "nothing answered: check cable and power, and that the firmware is flashed (stope bridge flash-help)"
    if session.phase is not Phase.READY:
        return f"{session.caps.identity} answers, but its clock could not be synchronised: the line is too bad"
    return f"{session.caps.identity} answers, but sent no whole sample: {session.gap or 'parts are missing'}"

"""The driver: turns a session over a transport with one thread, the caller's. What waits, waits here.

The calling thread is the control loop, and it alone tells the device that the host lives: whenever it writes or waits.
When it hangs, the device hears nothing and goes safe by itself, 250 ms later and without being asked.
"""

from __future__ import annotations

from collections.abc import Callable

from stope.bridge.commands import Answer
from stope.bridge.errors import DeviceRebootedError, LinkError, TelemetryStaleError
from stope.bridge.session import REBOOTED, Event, Phase, Session
from stope.bridge.telemetry import DeviceState
from stope.bridge.transport import Clock, Transport
from stope.robot.messages import SafetyState

NS = 1_000_000_000
STALE_NS = 300_000_000  #: three times what the worst busy host was seen to be late by, and over the device's own 250 ms
ANSWER_NS = 800_000_000  #: ten tries 50 ms apart, and what a busy host may add
PAUSE_S = 0.002

Done = Callable[[], bool]


class Driver:
    """One link at work.

    Args:
        on_event: told everything that the device reports besides its samples.

    Attributes:
        engaged: whether the host believes that the device is armed; every sign of life says so.
    """

    def __init__(
        self, transport: Transport, session: Session, clock: Clock, on_event: Callable[[Event], None] | None = None
    ) -> None:
        self.transport, self.session = transport, session
        self.engaged = False
        self._clock, self._on_event = clock, on_event

    @property
    def state(self) -> DeviceState:
        """The newest STATE.

        Raises:
            LinkError: there was none yet.
        """
        state = self.session.state
        if state is None:
            raise LinkError("the device has not told its state: connect first")
        return state

    @property
    def reported(self) -> SafetyState:
        """The safety state of the newest whole sample: what `read` tells too.

        Raises:
            LinkError: there was none yet.
        """
        observation = self.session.observation
        if observation is None:
            raise LinkError("the device has sent no whole sample: connect first")
        return observation.safety

    def now_ns(self) -> int:
        """Host time."""
        return round(self._clock.now_s() * NS)

    def turn(self) -> None:
        """Everything that arrived goes in, everything that is due goes out.

        Raises:
            LinkLostError: the port is gone. DeviceRebootedError: the device forgot us. HandshakeError: see Session.
        """
        session, now_ns = self.session, self.now_ns()
        session.receive(self.transport.receive(), now_ns)
        session.tick(now_ns)
        self.flush()
        for event in session.take_events():
            if self._on_event is not None:
                self._on_event(event)
        if session.phase is Phase.REBOOTED:
            self.engaged = False
            raise DeviceRebootedError(REBOOTED)

    def flush(self) -> None:
        """Hand over what is queued."""
        for data, urgent in ((self.session.take_urgent(), True), (self.session.take_outgoing(), False)):
            if data:
                self.transport.send(data, urgent)

    def sign_of_life(self) -> None:
        """Tell the device that the control loop turns."""
        if self.session.phase is Phase.READY:
            self.session.alive(self.engaged, self.now_ns())
            self.flush()

    def pump(self, done: Done, for_ns: int, alive: bool = True) -> bool:
        """Move bytes until `done` or the time is over; returns whether it is done.

        Args:
            alive: whether this waiting is the control loop's own, and so a sign of life.
        """
        deadline_ns = self.now_ns() + for_ns
        while True:
            self.turn()
            if alive:
                self.sign_of_life()
            if done():
                return True
            left_ns = deadline_ns - self.now_ns()
            if left_ns <= 0:
                return False
            self.transport.wait(min(left_ns / NS, PAUSE_S))

    def ask(self, name: str, *params: float, meanwhile: Callable[[], None] | None = None) -> Answer:
        """Send a COMMAND by name and wait for its answer, ten tries long; `Answer.demand` raises what went wrong."""
        return self.answer_to(self.session.command(name, self.now_ns(), *params), meanwhile)

    def answer_to(self, seq: int, meanwhile: Callable[[], None] | None = None) -> Answer:
        """Wait for the answer to `seq`; `meanwhile` is called instead of waiting, and waits by itself."""
        deadline_ns = self.now_ns() + ANSWER_NS
        while (answer := self.session.answer(seq)) is None and self.now_ns() < deadline_ns:
            if meanwhile is not None:
                meanwhile()
            else:
                self.pump(lambda: self.session.answer(seq) is not None, deadline_ns - self.now_ns())
        return answer or Answer(seq, "the command", "")

    def check_fresh(self) -> None:
        """Raise when there is nothing to rely on.

        Raises:
            TelemetryStaleError: the device has told nothing usable for too long.
        """
        silence_ns = self.session.silence_ns(self.now_ns())
        if silence_ns > STALE_NS:
            raise TelemetryStaleError(
                f"the device has told nothing usable for {silence_ns / 1e6:.0f} ms "
                f"({self.session.gap or 'no sample came'}): check the line, then connect again; the device makes "
                "itself safe by itself"
            )

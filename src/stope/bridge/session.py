"""The protocol core: bytes and time in, bytes and events out. No port, no clock, no thread.

A session is one boot of one device: OPENING (who is there?), SYNCING (what time is it there?), READY, and REBOOTED once
the boot nonce changes, after which it is good for nothing and a new one must be made. Only READY takes set-points.
Whatever the host wants, the device decides; what it decided is in the telemetry.
"""

from __future__ import annotations

from enum import Enum

from stope.bridge.assemble import SAMPLE_MESSAGES
from stope.bridge.canonical import dialect_hash
from stope.bridge.codec import Codec, Received
from stope.bridge.commands import Answer, CommandDesk, command_fields
from stope.bridge.dialect import dialect_file
from stope.bridge.disassemble import Disassembler
from stope.bridge.errors import DeviceRebootedError, LinkError
from stope.bridge.estop import EstopBurst
from stope.bridge.fieldcheck import Value
from stope.bridge.handshake import Caps, check
from stope.bridge.inbox import Inbox
from stope.bridge.link import Link
from stope.bridge.parameters import ALL, Parameter
from stope.bridge.sequence import SequenceTable
from stope.bridge.telemetry import DeviceState, FaultEvent, LinkReport, LogLine, Rebooted
from stope.bridge.timesync import TimeSync
from stope.robot.messages import Command, Observation
from stope.robot.model import RobotModel

ASK_NS = 500_000_000  #: CAPS are asked for twice a second until they come
DOUBT_NS = 100_000_000  #: and this often when the device's clock went back
ALIVE_NS = 15_000_000  #: HOST_ALIVE at most this often: 50 a second at a control period of 10 or 20 ms
REBOOTED = "the device booted again and is not armed: find out why (stope bridge info), then connect and arm anew"
COMMAND_MARGIN = 64  #: commands that a host which died may have had under way


class Phase(Enum):
    """How far a session is."""

    OPENING = "opening"
    SYNCING = "syncing"
    READY = "ready"
    REBOOTED = "rebooted"


Event = Caps | Answer | FaultEvent | Parameter | LinkReport | LogLine | Rebooted


class Session:
    """One boot of one device.

    Args:
        model: the robot that must answer; expected_uid: the board that must answer, any when None.

    Attributes:
        phase: how far it is; caps, state: what the device said last; parameters: by name, those that were told.
        time: the estimate of device time; link: counters of this end.
    """

    def __init__(self, codec: Codec, model: RobotModel, expected_uid: int | None = None) -> None:
        self._codec, self._model, self._uid = codec, model, expected_uid
        self._hash = dialect_hash(dialect_file())
        self.link = Link(codec)
        self.time = TimeSync()
        self.phase = Phase.OPENING
        self.caps: Caps | None = None
        self.parameters: dict[str, Parameter] = {}
        self._inbox = Inbox(codec, model)
        self._disassembler = Disassembler(codec, model)
        self._desk: CommandDesk | None = None
        self._sequences: SequenceTable | None = None
        self._events: list[Event] = []
        self._next_ask_ns: int | None = None
        self._alive_ns: int | None = None
        self._loops = 0
        self._asked = 0
        self._estop = EstopBurst(self.link)

    @property
    def state(self) -> DeviceState | None:
        """The newest STATE."""
        return self._inbox.state

    @property
    def observation(self) -> Observation | None:
        """The newest whole sample."""
        return self._inbox.observation(self._sequences, self.link.framing)

    @property
    def sampled_us(self) -> int:
        """Device time of the newest whole sample; -1 before the first."""
        return self._inbox.sampled_us

    @property
    def zero_us(self) -> int:
        """Device time at which run time is 0: observations and commands are in run time, the wire in the device's."""
        return self._inbox.zero_us

    def begin(self, run_us: int) -> None:
        """Let the newest sample be of run time `run_us`; before the first observation is looked at."""
        self._inbox.begin(run_us)

    @property
    def gap(self) -> str:
        """Why the newest sample could not be used; empty when it could."""
        return self._inbox.gap

    def silence_ns(self, now_ns: int) -> int:
        """How long ago the device sent its last usable sample; a very long time before the first."""
        return now_ns - self._inbox.sample_ns if self._inbox.sample_ns is not None else 1 << 62

    # --- bytes and time -----------------------------------------------------------------------------------------

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take bytes that arrived at `now_ns`; call it without any to let time pass.

        Raises:
            HandshakeError: another device, protocol, dialect or limit set answered; says what to do.
        """
        for message in self.link.receive(data, now_ns):
            if self.phase is not Phase.REBOOTED:
                self._take(message, now_ns)

    def tick(self, now_ns: int) -> None:
        """Queue what is due: questions, time sync, repeats, the rest of an e-stop."""
        self._estop.step(now_ns)
        if self.phase is Phase.REBOOTED:
            return
        self._ask_when_due(now_ns)
        if self.phase is not Phase.OPENING and self.time.due(now_ns):
            self.link.send("TIMESYNC", {"t_host_tx_ns": now_ns, "t_dev_rx_ns": 0, "t_dev_tx_ns": 0}, urgent=True)
        if self._desk is not None:
            self._events += self._desk.poll(now_ns)

    def take_urgent(self) -> bytes:
        """Bytes that overtake everything (e-stop, time stamps), once."""
        return self.link.take_urgent()

    def take_outgoing(self) -> bytes:
        """Bytes to send, once."""
        return self.link.take()

    def take_events(self) -> list[Event]:
        """What happened since the last call."""
        events, self._events = self._events, []
        return events

    # --- what the host wants --------------------------------------------------------------------------------------

    def alive(self, engaged: bool, now_ns: int) -> None:
        """One turn of the control loop: tells the device that the loop lives, 50 times a second at most.

        Args:
            engaged: whether the host believes that the device is armed; three times false disarms it.
        """
        if self._alive_ns is not None and now_ns - self._alive_ns < ALIVE_NS:
            return
        self._alive_ns = now_ns
        self._loops = (self._loops + 1) & 0xFFFFFFFF
        fields: dict[str, Value] = {"session": self._ready(), "loop_count": self._loops, "engaged": int(engaged)}
        self.link.send("HOST_ALIVE", fields)

    def setpoint(self, command: Command) -> int:
        """Queue a command that passed the host's limits; returns its sequence on the wire.

        Raises:
            CommandRefusedError: a value that the wire cannot carry. Nothing was queued.
        """
        session = self._ready()
        assert self._sequences is not None
        wire = self._sequences.next(command.seq)
        self.link.send_packed(self._disassembler.messages(command, wire, session, self.zero_us))
        return wire

    def command(self, name: str, now_ns: int, *params: float) -> int:
        """Send a COMMAND until it is answered; returns the seq to ask `answer` for."""
        session = self._ready()
        assert self._desk is not None
        if name in ("DISARM", "SAFE"):
            self._desk.withdraw("ARM")
        return self._desk.issue(name, "COMMAND", command_fields(self._codec.dialect, name, session, *params), now_ns)

    def answer(self, seq: int) -> Answer | None:
        """How command `seq` ended, if it has."""
        return self._desk.answer(seq) if self._desk else None

    def request_parameters(self, name: str = "") -> None:
        """Ask for one parameter by name, or for all; they come as events and into `parameters`."""
        self._ready()
        self.link.send_all([("PARAM_REQUEST", {"index": ALL, "name": name})])

    def set_parameter(self, name: str, value: float, now_ns: int) -> int:
        """Set a parameter that was told; returns the seq to ask `answer` for.

        Raises:
            CommandRefusedError: unknown, read-only, or out of the bounds that the device told. Nothing was sent.
        """
        session = self._ready()
        assert self._desk is not None
        known = self.parameters.get(name)
        if known is None:
            raise LinkError(f"the device told no parameter '{name}': read them first (stope bridge params)")
        number, raw = known.raw(value)
        fields: dict[str, Value] = {"session": session, "value": raw, "name": name, "type": number}
        return self._desk.issue(f"the new value of {name}", "PARAM_SET", fields, now_ns)

    def estop(self, reason: int, now_ns: int) -> None:
        """Stop at once, whatever the phase: sent three times 5 ms apart, ahead of everything queued."""
        if self._desk is not None:
            self._desk.withdraw("ARM")
        self._estop.start(reason, self._desk.next_seq() if self._desk else 1, now_ns)

    # --- inside ----------------------------------------------------------------------------------------------------

    def _take(self, message: Received, now_ns: int) -> None:
        if message.name in SAMPLE_MESSAGES:
            self._inbox.take_sample(message, now_ns)
            self._open_when_known()
        elif message.name == "CAPS":
            self._take_caps(Caps.of(message))
        elif message.name == "TIMESYNC":
            stamps = [message.integer(name) for name in ("t_host_tx_ns", "t_dev_rx_ns", "t_dev_tx_ns")]
            self.time.answered(stamps[0], stamps[1], stamps[2], now_ns)
            if self.time.settled and self.phase is Phase.SYNCING:
                self.phase = Phase.READY
        elif message.name == "COMMAND_ACK":
            answer = self._desk.answered(message) if self._desk else None
            if answer is not None:
                self._events.append(answer)
        elif message.name == "PARAM_VALUE":
            self._take_parameter(message)
        else:
            event = self._inbox.take(message)
            if event is not None:
                self._events.append(event)
            if message.name == "FAULT_EVENT" and self._desk is not None:
                self._acknowledge(message.integer("seq"), now_ns)

    def _take_parameter(self, message: Received) -> None:
        try:
            parameter = Parameter.of(message)
        except ValueError:
            self._inbox.malformed += 1  # of a type that only a newer host knows
            return
        self.parameters[parameter.name] = parameter
        self._events.append(parameter)

    def _take_caps(self, caps: Caps) -> None:
        if self.caps is None:
            check(caps, self._model, self._hash, self._uid)
            self.caps = caps
            self._events.append(caps)
            self._open_when_known()
        elif caps.boot_nonce != self.caps.boot_nonce:
            cause = self._codec.dialect.enums["RESET_CAUSE"].name_of(caps.reset_cause)
            self.phase = Phase.REBOOTED
            self._events.append(Rebooted(self.caps.boot_nonce, caps.boot_nonce, cause))
        else:
            self._inbox.doubt = False

    def _open_when_known(self) -> None:
        """Once both CAPS and a STATE came: numbers go on from what the device has seen."""
        state = self._inbox.state
        if self.phase is not Phase.OPENING or self.caps is None or state is None:
            return
        first = max(state.command_seq, self._asked) + COMMAND_MARGIN
        self._desk = CommandDesk(self._codec.dialect, lambda name, fields: self.link.send_all([(name, fields)]), first)
        self._sequences = SequenceTable(self._model, self._codec.dialect, state)
        self.phase = Phase.SYNCING

    def _ask_when_due(self, now_ns: int) -> None:
        """Ask for CAPS while opening, a little later than the first telemetry may come, and while in doubt."""
        if self._next_ask_ns is None:
            self._next_ask_ns = now_ns + DOUBT_NS
        opening = self.phase is Phase.OPENING
        if (opening or self._inbox.doubt) and now_ns >= self._next_ask_ns:
            self._next_ask_ns = now_ns + (ASK_NS if opening else DOUBT_NS)
            self._ask_caps()

    def _ask_caps(self) -> None:
        state = self._inbox.state
        if self._desk is not None:
            seq = self._desk.next_seq()
        else:  # a seq that was answered before would be answered from memory, without CAPS
            seq = self._asked = max(self._asked, state.command_seq if state else 0) + 1
        fields = command_fields(self._codec.dialect, "REQUEST_CAPS", self.caps.boot_nonce if self.caps else 0)
        self.link.send_all([("COMMAND", {**fields, "seq": seq})])

    def _acknowledge(self, event: int, now_ns: int) -> None:
        assert self._desk is not None
        assert self.caps is not None
        what = f"ACK_FAULT_EVENT {event}"
        if not self._desk.is_pending(what):
            fields = command_fields(self._codec.dialect, "ACK_FAULT_EVENT", self.caps.boot_nonce, float(event))
            self._desk.issue(what, "COMMAND", fields, now_ns)

    def _ready(self) -> int:
        """The session's number.

        Raises:
            DeviceRebootedError: the device forgot this session. LinkError: the handshake is not complete.
        """
        if self.phase is Phase.REBOOTED:
            raise DeviceRebootedError(REBOOTED)
        if self.phase is not Phase.READY or self.caps is None:
            raise LinkError(f"the link is still {self.phase.value}: connect first")
        return self.caps.boot_nonce

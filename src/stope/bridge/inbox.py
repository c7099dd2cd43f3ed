"""What the device tells without being asked: samples, faults, link statistics, its log; each once, the newest kept."""

from __future__ import annotations

from stope.bridge.assemble import Assembler, Sample
from stope.bridge.codec import Codec, Received
from stope.bridge.faultbits import seam_bits, translate
from stope.bridge.framer import FramerCounters
from stope.bridge.sequence import SequenceTable
from stope.bridge.telemetry import DeviceState, FaultEvent, LinkReport, LogLine, Unwrapper
from stope.robot.messages import Applied, Health, Observation
from stope.robot.model import RobotModel

NO_SOURCE = 65535
EVENTS_KEPT = 64


class Inbox:
    """Keeps the newest of everything.

    Attributes:
        state: newest STATE; sample_ns: host time of the newest whole sample.
        doubt: the device's clock went back: a replayed frame, or another boot. CAPS tell which.
        malformed: messages with a value that this host does not know.
        zero_us: device time at which run time is 0.
    """

    def __init__(self, codec: Codec, model: RobotModel) -> None:
        self._dialect = dialect = codec.dialect
        self._faults = seam_bits(dialect)
        entries = dialect.enums["FAULT"].entries
        self._tripped = entries["HOST_TIMEOUT"] | entries["SETPOINT_STALE"]
        self._passing = entries["SETPOINT_STALE"]  # over with the next set-point, as in the simulated device
        self._assembler = Assembler(codec, model)
        self._unwrap = Unwrapper()
        self._sample: Sample | None = None
        self._observation: Observation | None = None
        self._told: dict[int, None] = {}
        self._stale_refused = 0
        self._trips = 0
        self.state: DeviceState | None = None
        self.sample_ns: int | None = None
        self.doubt = False
        self.malformed = 0
        self.zero_us = 0

    @property
    def sampled_us(self) -> int:
        """Device time of the newest whole sample; -1 before the first."""
        return self._sample.state.time_us if self._sample else -1

    @property
    def gap(self) -> str:
        """Why the newest sample could not be used."""
        return self._assembler.gap

    def begin(self, run_us: int) -> None:
        """Let the newest sample be of run time `run_us`."""
        self.zero_us = self.sampled_us - run_us
        self._observation = None

    def take(self, message: Received) -> FaultEvent | LinkReport | LogLine | None:
        """Take a message that is no part of a sample; an event if it is one that was not told before."""
        if message.name == "FAULT_EVENT":
            return self._fault_event(message)
        if message.name == "LINK_STATS":
            return self._link_report(message)
        if message.name == "LOG":
            return LogLine(message.integer("time_us"), message.integer("severity"), message.text("text"))
        return None

    def observation(self, sequences: SequenceTable | None, framing: FramerCounters) -> Observation | None:
        """The newest sample as the seam has it; the same object until there is a newer one."""
        sample = self._sample
        if sample is None:
            return None
        if self._observation is None or self._observation.seq != sample.state.seq:
            self._observation = sample.observation(
                sequences.applied(sample.state) if sequences else Applied(),
                Health(
                    dropped=self._assembler.dropped,
                    bad_frames=framing.bad_crc + framing.bad_header,
                    stale_refused=self._stale_refused,
                    watchdog_trips=self._trips,
                ),
                translate(self._faults, sample.state.faults | (sample.state.latched & ~self._passing)),
                self.zero_us,
            )
        return self._observation

    def take_sample(self, message: Received, now_ns: int) -> None:
        """Take a part of a sample."""
        state = None
        if message.name == "STATE":
            try:
                state = DeviceState.of(message)
            except ValueError:
                self.malformed += 1
                return
            if self.state is not None and state.time_us < self.state.time_us:
                self.doubt = True
                return
            rising = state.faults & ~(self.state.faults if self.state else 0) & self._tripped
            if rising:
                self._trips += rising.bit_count()
            self.state = state
        sample = self._assembler.take(message, state)
        if sample is not None:
            self._sample, self.sample_ns = sample, now_ns

    def _fault_event(self, message: Received) -> FaultEvent | None:
        seq = message.integer("seq")
        if seq in self._told:
            return None
        self._told[seq] = None
        if len(self._told) > EVENTS_KEPT:
            del self._told[next(iter(self._told))]
        source = message.integer("source")
        return FaultEvent(
            time_us=message.integer("time_us"),
            seq=seq,
            fault=self._dialect.enums["FAULT"].name_of(message.integer("fault")),
            value=message.real("value"),
            limit=message.real("limit"),
            source=None if source == NO_SOURCE else source,
            severity=message.integer("severity"),
            before=message.integer("state_before"),
            after=message.integer("state_after"),
        )

    def _link_report(self, message: Received) -> LinkReport:
        counters = {}
        for field in self._dialect.messages["LINK_STATS"].fields:
            value = message.integer(field.name)
            if field.type == "uint16_t" and field.name not in ("host_gap_max_ms", "stack_free"):
                value = self._unwrap.take(field.name, value)
            if field.name != "time_us":
                counters[field.name] = value
        self._stale_refused = counters["refused_stale"]
        return LinkReport(message.integer("time_us"), counters)

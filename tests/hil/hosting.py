"""The host's half of a test: what it says to a device and what it hears, over whatever wire a subclass brings."""

from __future__ import annotations

from types import ModuleType
from typing import Any

NONCE = 0x51ED1234
PERIOD_US = 10_000
BOOT, DISARMED, HOLD, ARMED, SAFING, FAULT, ESTOP = range(7)
POWER, WATCHDOG, SOFT, BROWN_OUT = range(4)


class Host:
    """A host that speaks pymavlink's generated code.

    Attributes:
        now: device time, us. heard: messages of the device since `listen` was last called.
        place: joint positions that count as "where the robot is".
    """

    period_us = PERIOD_US
    lifetime_us = 100_000

    def __init__(self, oracle: ModuleType, model: Any) -> None:
        self.m, self.model = oracle, model
        self.joints = len(model.joints)
        self.seq = self.loop_count = self.command_seq = 0
        self.nonce = NONCE
        self.plug()

    def plug(self) -> None:
        """A fresh link: sequence 0, nothing heard."""
        self._mav = self.m.MAVLink(None, srcSystem=255, srcComponent=190)
        self._ear = self.m.MAVLink(None)
        self._ear.robust_parsing = True
        self.heard: list[Any] = []

    now: int

    def rx(self, data: bytes) -> None:
        """Send bytes to the device."""
        raise NotImplementedError

    def run(self, us: int) -> None:
        """Let device time pass, hearing."""
        raise NotImplementedError

    @property
    def place(self) -> list[float]:
        raise NotImplementedError

    def hear(self, data: bytes) -> None:
        self.heard += self._ear.parse_buffer(data) or []

    # --- what the host says

    def frame(self, message: Any) -> bytes:
        """`message` as bytes, with the link's next sequence number."""
        data: bytes = message.pack(self._mav)
        self._mav.seq = (self._mav.seq + 1) % 256
        return data

    def say(self, message: Any) -> None:
        self.rx(self.frame(message))

    def alive(self, engaged: int = 1, session: int | None = None, count: bool = True) -> None:
        """One HOST_ALIVE."""
        self.loop_count += count
        self.say(self.m.MAVLink_host_alive_message(self._session(session), self.loop_count, engaged))

    def _session(self, session: int | None) -> int:
        return self.nonce if session is None else session

    def parts(self, **changes: Any) -> list[Any]:
        """SETPOINTs and ACTUATION that hold the robot in place, but for `changes`: joint fields as {joint: value}."""
        self.seq = changes.pop("seq", (self.seq + 1) % 2**32)
        session = self._session(changes.pop("session", None))
        until = changes.pop("valid_until_us", self.now + changes.pop("lifetime_us", self.lifetime_us))
        rows: dict[str, list[Any]] = {
            "position": self.place,
            "velocity": [0.0] * self.joints,
            "effort": [0.0] * self.joints,
            "effort_limit": [j.effort_max for j in self.model.joints],
            "mode": [2 if j.kind == "continuous" else 1 for j in self.model.joints],
        }
        for name, row in rows.items():
            for joint, value in changes.pop(name, {}).items():
                row[joint] = value
        masks, first_joint = changes.pop("valid_mask", {}), changes.pop("first_joint", {})
        messages = []
        for first in range(0, self.joints, 8):
            cut = [[*row[first : first + 8], *[0] * 8][:8] for row in rows.values()]
            mask = masks.get(first, (1 << min(8, self.joints - first)) - 1)
            messages.append(
                self.m.MAVLink_setpoint_message(until, self.seq, session, *cut, mask, first_joint.get(first, first))
            )
        action = changes.pop("anchor_action", [0, 0, 0, 0])
        confirm = changes.pop("release_confirm", session ^ self.seq if 2 in action else 0)
        thrust = changes.pop("thrust_n", [0.0] * 4)
        hammer = changes.pop("hammer", 0.0)
        assert not changes, f"unknown {changes}"
        messages.append(self.m.MAVLink_actuation_message(until, self.seq, session, confirm, thrust, action, hammer))
        return messages

    def setpoint(self, **changes: Any) -> int:
        """Send one whole set-point; returns its seq."""
        self.rx(b"".join([self.frame(message) for message in self.parts(**changes)]))
        return self.seq

    def command(self, command: int, *param: float, seq: int | None = None, session: int | None = None) -> Any:
        """Send COMMAND; returns its COMMAND_ACK."""
        self.command_seq = (self.command_seq + 1) % 2**32 if seq is None else seq
        values = [*param, 0.0, 0.0, 0.0, 0.0][:4]
        before = len(self.acks())
        self.say(self.m.MAVLink_command_message(self.command_seq, self._session(session), values, command, 0))
        while len(self.acks()) == before:  # on a line with a rate the answer takes its time
            self.run(1000)
        return self.acks()[-1]

    def estop(self) -> Any:
        self.say(self.m.MAVLink_estop_message(0x504F5453, 9, 1))
        return self.acks()[-1]

    def stream(self, us: int, **changes: Any) -> None:
        """A host that does all that it should for `us`: life and set-points every 10 ms."""
        end = self.now + us
        while self.now < end:
            self.alive()
            self.setpoint(**changes)
            self.run(min(self.period_us, end - self.now))

    # --- what the device said

    def listen(self) -> None:
        """Forget what was heard."""
        self.heard.clear()

    def all(self, name: str) -> list[Any]:
        return [m for m in self.heard if m.get_type() == name]

    def acks(self) -> list[Any]:
        return self.all("COMMAND_ACK")

    def status(self) -> Any:
        """The newest STATE, from a sample taken now."""
        before = len(self.all("STATE"))
        for _ in range(1000):
            if len(self.all("STATE")) > before:
                return self.all("STATE")[-1]
            self.run(1000)
        raise AssertionError("no STATE within 1 s")

    def events(self) -> list[Any]:
        """Fault events heard, each seq once."""
        return list({m.seq: m for m in self.all("FAULT_EVENT")}.values())

    # --- the usual ways into a state

    @property
    def state(self) -> int:
        return int(self.status().safety_state)

    def wake(self) -> None:
        """To DISARMED, with a host that streams."""
        self.run(2000)
        self.stream(30_000)

    def arm(self) -> Any:
        """To HOLD."""
        self.wake()
        self.alive()
        self.setpoint()
        return self.command(self.m.COMMAND_ARM)

    def fly(self, **changes: Any) -> None:
        """To ARMED."""
        ack = self.arm()
        if ack.blocking_flags == self.m.FAULT_SETPOINT_STALE:  # a wire that stalled: ARM came after the deadline
            ack = self.arm()
        assert ack.result == self.m.RESULT_OK, f"arm: {ack}"
        for _ in range(50):  # on a real wire the answer may still be under way; who only waits for it is silent
            self.stream(20_000, **changes)
            if self.all("STATE")[-1].safety_state == ARMED:
                return
        raise AssertionError(f"not armed but in state {self.state}")

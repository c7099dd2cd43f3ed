"""The handshake: what a device says of itself in CAPS, and whether it is the one that this host was configured for."""

from __future__ import annotations

from dataclasses import dataclass

from stope.bridge.codec import Received
from stope.bridge.errors import IdentityError, LimitsMismatchError, ProtocolMismatchError
from stope.robot.model import RobotModel
from stope.robot.seam import Handshake

PROTOCOL_MAJOR = 1


@dataclass(frozen=True, slots=True)
class Caps:
    """What the device says of itself.

    Attributes:
        uid: of the chip, never changes; boot_nonce: changes at every boot and is the session.
        host_timeout_ms, setpoint_max_age_ms: after which the device goes safe, or holds, by itself.
    """

    uid: int
    protocol: tuple[int, int]
    firmware: tuple[int, int, int]
    git: int
    dialect_hash: int
    param_hash: int
    capabilities: int
    boot_nonce: int
    baud: int
    host_timeout_ms: int
    setpoint_max_age_ms: int
    control_hz: int
    joints: int
    anchors: int
    thrusters: int
    reset_cause: int
    limits_hash: str
    board: str
    robot: str

    @classmethod
    def of(cls, message: Received) -> Caps:
        """From the CAPS message."""
        number = message.integer
        proto, version = number("proto_version"), number("fw_version")
        return cls(
            uid=number("uid"),
            protocol=(proto >> 16, proto & 0xFFFF),
            firmware=(version >> 24, version >> 16 & 0xFF, version & 0xFFFF),
            git=number("fw_git"),
            dialect_hash=number("dialect_hash"),
            param_hash=number("param_hash"),
            capabilities=number("caps"),
            boot_nonce=number("boot_nonce"),
            baud=number("uart_baud"),
            host_timeout_ms=number("host_timeout_ms"),
            setpoint_max_age_ms=number("setpoint_max_age_ms"),
            control_hz=number("control_hz"),
            joints=number("joint_count"),
            anchors=number("anchor_count"),
            thrusters=number("thruster_count"),
            reset_cause=number("reset_cause"),
            limits_hash=bytes(int(byte) for byte in message.array("limits_hash")).hex(),
            board=message.text("board"),
            robot=message.text("robot"),
        )

    @property
    def identity(self) -> str:
        """Board and chip, as people and logs name it."""
        return f"{self.board}:{self.uid:016x}"

    @property
    def firmware_text(self) -> str:
        """Version and commit."""
        return "{}.{}.{}".format(*self.firmware) + f"+{self.git:08x}"

    def handshake(self) -> Handshake:
        """As the seam tells it."""
        return Handshake(
            identity=self.identity,
            protocol="stope-mavlink/{}.{}".format(*self.protocol),
            firmware=self.firmware_text,
            limits_hash=self.limits_hash,
            session=self.boot_nonce,
        )


def check(caps: Caps, model: RobotModel, dialect_hash: int, expected_uid: int | None = None) -> None:
    """Compare what answered with what was configured.

    Raises:
        ProtocolMismatchError: another protocol or dialect. LimitsMismatchError: another robot or other limits.
        IdentityError: another board than `expected_uid`.
    """
    who = f"the device {caps.identity}"
    if caps.protocol[0] != PROTOCOL_MAJOR:
        older = "the firmware" if caps.protocol[0] < PROTOCOL_MAJOR else "this host"
        raise ProtocolMismatchError(
            f"{who} speaks protocol {caps.protocol[0]}, this host {PROTOCOL_MAJOR}: update {older}"
        )
    if expected_uid is not None and caps.uid != expected_uid:
        raise IdentityError(
            f"{who} is not the board {expected_uid:016x} that this host works with: connect that one, or start over "
            "without the expectation"
        )
    if caps.dialect_hash != dialect_hash:
        raise ProtocolMismatchError(
            f"{who} was built from another dialect ({caps.dialect_hash:08x}, here {dialect_hash:08x}): build and flash "
            "the firmware from the same release as this host"
        )
    if caps.robot != model.name[:24]:
        raise LimitsMismatchError(
            f"{who} was built for the robot '{caps.robot}', this run is for '{model.name}': choose that robot, or "
            "flash the firmware of this one"
        )
    if caps.limits_hash != model.limits_hash:
        raise LimitsMismatchError(
            f"{who} has other limits ({caps.limits_hash[:12]}, robot.yaml says {model.limits_hash[:12]}): generate "
            "the limits from this robot.yaml, build and flash again"
        )
    counts = (caps.joints, caps.anchors, caps.thrusters)
    expected = (len(model.joints), len(model.limbs), len(model.thrusters))
    if counts != expected:
        raise LimitsMismatchError(
            f"{who} has {counts} joints, anchors, thrusters, expected {expected}: flash this robot's firmware"
        )

"""What can go wrong between host and device. Each error's one sentence says what to do."""

from __future__ import annotations

from stope.robot.seam import HandshakeError


class LinkError(ConnectionError):
    """Base of everything that ends a link which had been up."""


class LinkLostError(LinkError):
    """The port went away: a pulled cable, a board without power."""


class PortError(LinkError):
    """The port cannot be opened: not there, not allowed, or taken by another process."""


class NoPortError(PortError):
    """What was named is no serial port of this machine: wrong input, where the others are troubles with a right one."""


class TelemetryStaleError(LinkError):
    """The port is there and the device has stopped telling."""


class DeviceRebootedError(LinkError):
    """The device's boot nonce changed: it forgot its session, and nothing that it was told still holds."""


class NoAnswerError(LinkError, TimeoutError):
    """The device did not answer a command, sent again ten times."""


class DeniedError(LinkError):
    """The device answered a command with a refusal.

    Attributes:
        result: name of the RESULT; blocking: names of the faults that stand in the way.
    """

    def __init__(self, sentence: str, result: str, blocking: str) -> None:
        super().__init__(sentence)
        self.result, self.blocking = result, blocking


class NoDeviceError(HandshakeError):
    """Nothing that speaks this protocol answered on the port."""


class ProtocolMismatchError(HandshakeError):
    """The device speaks another version of the protocol or another dialect."""


class LimitsMismatchError(HandshakeError):
    """The device was built for another robot or with other limits."""


class IdentityError(HandshakeError):
    """Another board than the expected one answered."""

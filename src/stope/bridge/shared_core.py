"""The compiled firmware core in this process, through ctypes, in virtual time; the caller is clock, line and motors.

The same C that runs on the board, not a model of it. Layouts are compared with the library's own before anything runs.
"""

from __future__ import annotations

import ctypes as c
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

TICK_US = 1000
JOINTS, LIMBS, THRUSTERS, DRUMS = 16, 4, 4, 2
RECEIVED = 8192


class CoreLibraryError(RuntimeError):
    """The library is missing or was built from another source than this module expects."""


class CoreSensors(c.Structure):
    """`struct core_sensors`: what the sensors' wires say, in the device's signs; unused slots are zero."""

    _fields_ = (
        ("time_us", c.c_uint64), ("energy_used_j", c.c_double),
        ("position", c.c_float * JOINTS), ("velocity", c.c_float * JOINTS), ("effort", c.c_float * JOINTS),
        ("gyro", c.c_float * 3), ("accel", c.c_float * 3), ("limb_force", c.c_float * 3 * LIMBS),
        ("anchor_engagement", c.c_float * LIMBS), ("anchor_slip_m", c.c_float * LIMBS),
        ("weight_on_bit_n", c.c_float), ("spindle_current_a", c.c_float), ("bin_fill", c.c_float),
        ("drum_fill", c.c_float * DRUMS), ("propellant_kg", c.c_float), ("bus_voltage_v", c.c_float),
        ("anchor_phase", c.c_uint8 * LIMBS), ("estop_open", c.c_uint8), ("unused", c.c_uint8 * 3),
    )  # fmt: skip


class CoreEfforts(c.Structure):
    """`struct core_efforts`: what motors, brakes, grippers and valves are told, in the device's signs."""

    _fields_ = (
        ("effort", c.c_float * JOINTS), ("position", c.c_float * JOINTS), ("velocity", c.c_float * JOINTS),
        ("feed_forward", c.c_float * JOINTS), ("effort_limit", c.c_float * JOINTS), ("thrust_n", c.c_float * THRUSTERS),
        ("hammer", c.c_float), ("braked", c.c_uint32), ("mode", c.c_uint8 * JOINTS), ("anchor", c.c_int8 * LIMBS),
        ("outputs_enabled", c.c_uint8), ("unused", c.c_uint8 * 3),
    )  # fmt: skip


class _CoreBoot(c.Structure):
    _fields_ = (
        ("uid", c.c_uint64), ("nonce", c.c_uint32), ("fw_git", c.c_uint32), ("uart_baud", c.c_uint32),
        ("caps", c.c_uint32), ("overrun_us", c.c_uint32), ("tx_capacity", c.c_uint16), ("reset_cause", c.c_uint8),
        ("quick_resets", c.c_uint8), ("memory_ok", c.c_bool), ("test_commands", c.c_bool), ("board", c.c_char * 24),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Boot:
    """Facts of one boot.

    Attributes:
        nonce: differs at every boot, never 0; baud: line rate, 0 for a line without limits.
    """

    nonce: int = 1
    uid: int = 0x5354_4F50_4500_0001
    baud: int = 0
    reset_cause: int = 0
    quick_resets: int = 0
    memory_ok: bool = True
    board: str = "shared library"


class World(Protocol):
    """What the core's motors move and its sensors feel."""

    def advance(self, now_us: int, efforts: CoreEfforts, sensors: CoreSensors) -> None:
        """Let `efforts` act until `now_us`, then fill in `sensors`; called before every tick of the core."""


class SharedCore:
    """Implements `lockstep.VirtualDevice`.

    Attributes:
        now_us: virtual time, the device's clock; sensors, efforts: the wires, live.

    Raises:
        CoreLibraryError: no such library, or another layout.
    """

    def __init__(self, library: Path, world: World, boot: Boot | None = None, start_us: int = 0) -> None:
        self._lib = _load(library)
        self._world = world
        self._fw = c.create_string_buffer(self._lib.fw_size())
        self._received = (c.c_uint8 * RECEIVED)()
        self.sensors, self.efforts = CoreSensors(), CoreEfforts()
        self.efforts.braked = (1 << JOINTS) - 1  # what an unpowered board does
        self.now_us = start_us
        self._lib.fw_new(self._fw)
        self.boot(boot or Boot())

    def boot(self, boot: Boot) -> None:
        """Power on, or reset: everything but the parameters' memory is forgotten."""
        raw = _CoreBoot(
            uid=boot.uid, nonce=boot.nonce, uart_baud=boot.baud, overrun_us=5 * TICK_US, reset_cause=boot.reset_cause,
            quick_resets=boot.quick_resets, memory_ok=boot.memory_ok, board=boot.board.encode("ascii"),
        )  # fmt: skip
        self._lib.fw_boot(self._fw, c.byref(raw), c.c_uint64(self.now_us))

    def step(self) -> None:
        """One tick: the world first, so that the core reads the sensors of this very instant."""
        self.now_us += TICK_US
        self._world.advance(self.now_us, self.efforts, self.sensors)
        self._lib.fw_tick(self._fw, c.c_uint64(self.now_us), c.byref(self.sensors), c.byref(self.efforts))

    def take(self, data: bytes) -> None:
        """Bytes from the host arrive now."""
        self._lib.fw_rx(self._fw, data, c.c_size_t(len(data)), c.c_uint64(self.now_us))

    def give(self) -> bytes:
        """Bytes for the host that have crossed the line, once."""
        count = self._lib.fw_tx(self._fw, self._received, c.c_size_t(RECEIVED))
        return bytes(self._received[:count])

    @property
    def safety_state(self) -> int:
        """The state itself, not what telemetry says of it."""
        return int(self._lib.fw_safety_state(self._fw))

    @property
    def outputs_enabled(self) -> bool:
        """The enable line."""
        return bool(self._lib.fw_enabled(self._fw))

    @property
    def reboot_requested(self) -> bool:
        """Whether a REBOOT command was taken; the caller does it."""
        return bool(self._lib.fw_requests(self._fw) & 1)

    def press_estop(self) -> None:
        """The e-stop input opens, as its interrupt tells it."""
        self._lib.fw_estop(self._fw, c.c_uint64(self.now_us))

    def close(self) -> None:
        """Nothing to free but memory."""


def _load(library: Path) -> c.CDLL:
    if not library.is_file():
        raise CoreLibraryError(f"{library}: no such file; build it: make -C firmware_bridge/firmware shared ROBOT=...")
    lib = c.CDLL(str(library))
    lib.fw_size.restype = lib.fw_tx.restype = c.c_size_t
    lib.fw_safety_state.restype = c.c_uint8
    lib.fw_enabled.restype = c.c_bool
    lib.fw_requests.restype = c.c_uint32
    sizes = (c.c_uint32 * 4)()
    lib.fw_layout(sizes)
    ours = tuple(c.sizeof(kind) for kind in (CoreSensors, CoreEfforts, _CoreBoot))
    if tuple(sizes[:3]) != ours:
        raise CoreLibraryError(
            f"{library}: its structs have {list(sizes[:3])} bytes, expected {list(ours)}: build it again"
        )
    return lib

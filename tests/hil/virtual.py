"""The compiled core in virtual time: the test is the clock, the line, the sensors and the motors."""

from __future__ import annotations

import ctypes as c
from pathlib import Path
from types import ModuleType
from typing import Any

from hosting import ARMED, BOOT, BROWN_OUT, DISARMED, ESTOP, FAULT, HOLD, SAFING, SOFT, WATCHDOG, Host

__all__ = ["ARMED", "BOOT", "BROWN_OUT", "DISARMED", "ESTOP", "FAULT", "HOLD", "SAFING", "SOFT", "WATCHDOG", "Device"]

RING_US = 50_000  # the device's ring holds telemetry of this time


class Sensors(c.Structure):
    _fields_ = (
        ("time_us", c.c_uint64),
        ("energy_used_j", c.c_double),
        ("position", c.c_float * 16),
        ("velocity", c.c_float * 16),
        ("effort", c.c_float * 16),
        ("gyro", c.c_float * 3),
        ("accel", c.c_float * 3),
        ("limb_force", c.c_float * 12),
        ("anchor_engagement", c.c_float * 4),
        ("anchor_slip_m", c.c_float * 4),
        ("weight_on_bit_n", c.c_float),
        ("spindle_current_a", c.c_float),
        ("bin_fill", c.c_float),
        ("drum_fill", c.c_float * 2),
        ("propellant_kg", c.c_float),
        ("bus_voltage_v", c.c_float),
        ("anchor_phase", c.c_uint8 * 4),
        ("estop_open", c.c_uint8),
        ("unused", c.c_uint8 * 3),
    )


class Efforts(c.Structure):
    _fields_ = (
        ("effort", c.c_float * 16),
        ("position", c.c_float * 16),
        ("velocity", c.c_float * 16),
        ("feed_forward", c.c_float * 16),
        ("effort_limit", c.c_float * 16),
        ("thrust_n", c.c_float * 4),
        ("hammer", c.c_float),
        ("braked", c.c_uint32),
        ("mode", c.c_uint8 * 16),
        ("anchor", c.c_int8 * 4),
        ("outputs_enabled", c.c_uint8),
        ("unused", c.c_uint8 * 3),
    )


class Boot(c.Structure):
    _fields_ = (
        ("uid", c.c_uint64),
        ("nonce", c.c_uint32),
        ("fw_git", c.c_uint32),
        ("uart_baud", c.c_uint32),
        ("caps", c.c_uint32),
        ("overrun_us", c.c_uint32),
        ("tx_capacity", c.c_uint16),
        ("reset_cause", c.c_uint8),
        ("quick_resets", c.c_uint8),
        ("memory_ok", c.c_bool),
        ("test_commands", c.c_bool),
        ("board", c.c_char * 24),
    )


def load(path: Path) -> c.CDLL:
    """The library, with its argument types; refuses one whose structs lie differently."""
    lib = c.CDLL(str(path))
    sizes = (c.c_uint32 * 4)()
    lib.fw_layout(sizes)
    expected = [c.sizeof(Sensors), c.sizeof(Efforts), c.sizeof(Boot)]
    assert list(sizes)[:3] == expected, f"layout {list(sizes)}, expected {expected}"
    lib.fw_size.restype = lib.fw_tx.restype = c.c_size_t
    lib.fw_enabled.restype = c.c_bool
    lib.fw_safety_state.restype = c.c_uint8
    lib.fw_requests.restype = c.c_uint32
    lib.fw_nvm.restype = c.POINTER(c.c_uint8)
    lib.fw_rx.argtypes = (c.c_void_p, c.c_char_p, c.c_size_t, c.c_uint64)
    lib.fw_tx.argtypes = (c.c_void_p, c.c_void_p, c.c_size_t)
    lib.fw_tick.argtypes = (c.c_void_p, c.c_uint64, c.c_void_p, c.c_void_p)
    lib.fw_run.argtypes = (c.c_void_p, c.c_uint64, c.c_uint64, c.c_void_p, c.c_void_p)
    lib.fw_boot.argtypes = (c.c_void_p, c.c_void_p, c.c_uint64)
    lib.fw_estop.argtypes = (c.c_void_p, c.c_uint64)
    lib.fw_uart_lost.argtypes = (c.c_void_p, c.c_uint16, c.c_uint16)
    for name in ("fw_new", "fw_safety_state", "fw_enabled", "fw_requests", "fw_nvm"):
        getattr(lib, name).argtypes = (c.c_void_p,)
    lib.fw_nvm_power.argtypes = (c.c_void_p, c.c_int32)
    lib.fw_stick_enable.argtypes = lib.fw_deaf_host.argtypes = (c.c_void_p, c.c_bool)
    return lib


class Device(Host):
    """One device and the host beside it.

    Attributes:
        now: device time, us. sensors, efforts: what the next tick reads and the last one wrote.
    """

    def __init__(self, library: Path, oracle: ModuleType, model: Any, **boot: Any) -> None:
        self.lib = load(library)
        self._fw = c.create_string_buffer(self.lib.fw_size())
        self._out = c.create_string_buffer(1 << 13)
        self.sensors, self.efforts = Sensors(), Efforts()
        self.lib.fw_new(self._fw)
        self.now = 1_000_000
        for i, joint in enumerate(model.joints):
            self.sensors.position[i] = (
                0.0 if joint.kind == "continuous" else 0.5 * (joint.position_min + joint.position_max)
            )
        self.sensors.bus_voltage_v = model.bus_voltage_v
        super().__init__(oracle, model)
        self.boot(**boot)

    # --- power, time and wires

    def boot(self, **changes: Any) -> None:
        """Reset; parameters' memory stays."""
        facts = {
            "nonce": self.nonce,
            "uid": 7,
            "overrun_us": 5000,
            "memory_ok": True,
            "test_commands": True,
            "board": b"virtual",
        }
        self.nonce = changes.get("nonce", self.nonce)
        self.lib.fw_boot(self._fw, c.byref(Boot(**{**facts, **changes})), self.now)
        self.plug()

    def run(self, us: int) -> None:
        """Tick for `us`, a whole number of milliseconds, hearing nothing from the host."""
        end = self.now + us
        while self.now < end:
            until = min(self.now + RING_US, end)
            self.lib.fw_run(self._fw, self.now, until, c.byref(self.sensors), c.byref(self.efforts))
            self.now = until
            self._hear()

    def tick_late(self, us: int, sensors_age_us: int = 0) -> None:
        """One tick, `us` after the last."""
        self.now += us
        self.sensors.time_us = self.now - sensors_age_us
        self.lib.fw_tick(self._fw, self.now, c.byref(self.sensors), c.byref(self.efforts))
        self._hear()

    def rx(self, data: bytes) -> None:
        """Bytes of the host arrive."""
        self.lib.fw_rx(self._fw, data, len(data), self.now)
        self._hear()

    def estop_interrupt(self) -> None:
        self.lib.fw_estop(self._fw, self.now)

    def lose_bytes(self, ring_overruns: int, line_errors: int = 0) -> None:
        """What the port has counted since boot."""
        self.lib.fw_uart_lost(self._fw, ring_overruns, line_errors)

    def take_bytes(self) -> bytes:
        """What crossed the line upward."""
        count = self.lib.fw_tx(self._fw, self._out, len(self._out))
        return self._out.raw[:count]

    def _hear(self) -> None:
        self.hear(self.take_bytes())

    @property
    def place(self) -> list[float]:
        return [float(x) for x in self.sensors.position[: self.joints]]

    @property
    def state(self) -> int:
        return int(self.lib.fw_safety_state(self._fw))

    @property
    def enabled(self) -> bool:
        return bool(self.lib.fw_enabled(self._fw))

    @property
    def requests(self) -> int:
        return int(self.lib.fw_requests(self._fw))

    def nvm(self) -> Any:
        """Two banks of 64 bytes, writable."""
        return self.lib.fw_nvm(self._fw)

    def nvm_power(self, bytes_left: int) -> None:
        self.lib.fw_nvm_power(self._fw, bytes_left)

    def stick_enable(self, stuck: bool) -> None:
        self.lib.fw_stick_enable(self._fw, stuck)

    def deafen_host(self, deaf: bool) -> None:
        self.lib.fw_deaf_host(self._fw, deaf)

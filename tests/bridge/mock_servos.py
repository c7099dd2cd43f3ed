"""A bus of servos, byte by byte, behind a pseudo-terminal: control tables, access rules, watchdog, bad bytes."""

from __future__ import annotations

import os
import select
import threading
import tty

from stope.bridge.adapters import dynamixel_wire as wire

EEPROM_END, TORQUE, WATCHDOG, GOALS = 64, 64, 98, range(100, 120)
MODEL = 1020


class MockServos:
    """Attributes: tables, by id; name, of the port; spoil, how many of the next answers are damaged; silent, ids."""

    def __init__(self, ids: list[int]) -> None:
        self.tables = {servo: bytearray(256) for servo in ids}
        for table in self.tables.values():
            table[0:2], table[6] = MODEL.to_bytes(2, "little"), 45
            table[132:136] = (2048).to_bytes(4, "little")
            table[144:146] = (120).to_bytes(2, "little")
        self.spoil = 0
        self.silent: set[int] = set()
        self.echo = False
        self.written: list[tuple[int, int, bytes]] = []
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.name = os.ttyname(self._slave)
        self._stop_r, self._stop_w = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.write(self._stop_w, b"!")
        self._thread.join()
        for fd in (self._master, self._slave, self._stop_r, self._stop_w):
            os.close(fd)

    def _run(self) -> None:
        reader = wire.PacketReader()
        while True:
            ready, _, _ = select.select([self._master, self._stop_r], [], [])
            if self._stop_r in ready:
                return
            data = os.read(self._master, 4096)
            if self.echo:
                os.write(self._master, data)
            for packet in reader.feed(data):
                self._obey(packet)

    def _obey(self, packet: wire.Packet) -> None:
        p = packet.parameters
        if packet.instruction == wire.SYNC_READ:
            address, size = int.from_bytes(p[:2], "little"), int.from_bytes(p[2:4], "little")
            for servo in p[4:]:
                self._say(servo, 0, bytes(self.tables[servo][address : address + size]))
        elif packet.instruction == wire.SYNC_WRITE:
            address, size = int.from_bytes(p[:2], "little"), int.from_bytes(p[2:4], "little")
            for at in range(4, len(p), 1 + size):
                self._set(p[at], address, p[at + 1 : at + 1 + size])
        elif packet.id in self.tables and packet.id != wire.BROADCAST:
            table = self.tables[packet.id]
            if packet.instruction == wire.PING:
                self._say(packet.id, 0, bytes((*table[0:2], table[6])))
            elif packet.instruction == wire.READ:
                address, size = int.from_bytes(p[:2], "little"), int.from_bytes(p[2:4], "little")
                self._say(packet.id, 0, bytes(table[address : address + size]))
            elif packet.instruction == wire.WRITE:
                self._say(packet.id, self._set(packet.id, int.from_bytes(p[:2], "little"), p[2:]), b"")

    def _set(self, servo: int, address: int, data: bytes) -> int:
        table = self.tables[servo]
        if address < EEPROM_END and table[TORQUE]:
            return 7
        if address in GOALS and table[WATCHDOG] == 0xFF:
            return 4  # tripped
        table[address : address + len(data)] = data
        self.written.append((servo, address, bytes(data)))
        if table[TORQUE]:
            table[132:136] = table[116:120]  # it is there at once
            table[128:132] = table[104:108]
        return 0

    def _say(self, servo: int, error: int, data: bytes) -> None:
        if servo in self.silent:
            return
        answer = bytearray(wire.packed(servo, wire.STATUS, bytes((error,)) + data))
        if self.spoil:
            self.spoil -= 1
            answer[len(answer) // 2] ^= 0x10
        os.write(self._master, bytes(answer))

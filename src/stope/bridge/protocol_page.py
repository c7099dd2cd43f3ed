"""The wire as a page to read and to implement: firmware_bridge/protocol.md, rendered from the dialect.

`python -m stope.bridge.protocol_page > firmware_bridge/protocol.md`; a test holds the file against it.
"""

from __future__ import annotations

import math
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from stope.bridge.canonical import dialect_hash
from stope.bridge.dialect import Field, Message, dialect_file, load_dialect

_HEAD = """\
# The wire between host and device

Rendered from `firmware_bridge/dialect/stope.xml` by `python -m stope.bridge.protocol_page`; change that file, not
this page. Whoever implements what is written here has a device that Stope drives; our firmware is one implementation.

Dialect hash `{hash}` (CAPS.dialect_hash): CRC-32 over names, ids, types, units and enumeration values. A host refuses
another one.

## Frames

MAVLink 2, unsigned: `FD`, payload length, 0 (incompatible flags), 0 (compatible flags), sequence, system, component,
id (3 bytes), payload, CRC-16/MCRF4XX (2 bytes) over everything between `FD` and itself and then over the message's
seed. Little-endian. Trailing zero bytes of the payload are not sent (one byte stays) and read as zero. Fields travel
in the order of the tables below: largest type first. System 1 is the device, 255 the host. Signed frames, MAVLink 1
and ids that are not listed are refused.

A receiver that meets a bad frame drops **one** byte and looks for the next `FD`; 10 ms without a byte give up the
first pending one. It checks id and length at the tenth byte. So a hit frame costs itself and no other.

## A session

1. The device sends CAPS once a second until it hears a host, and whenever it is asked. `boot_nonce` differs at every
   boot and is the **session**: everything that can move something carries it, and another value is refused.
2. The host compares protocol, dialect hash, robot and limits hash, and refuses what differs. Then it synchronises
   clocks with TIMESYNC: 20 exchanges, then one a second.
3. All deadlines are in **device** time. A set-point whose `valid_until_us` has passed, or lies too far ahead, is
   refused.
4. The control loop sends HOST_ALIVE 20 to 100 times a second; no helper thread does. `loop_count` must change.
   Without it the device goes through SAFING to FAULT after `host_timeout_ms` of CAPS.
5. Arming needs: DISARMED, no latched fault, a living host, set-points that stream and lie within 0.05 rad (5 mm) of
   the present position.
6. A set-point is SETPOINT for joints 0 to 7, SETPOINT for joints 8 to 15 if there are any, and ACTUATION, all with
   one `seq` and one deadline. The device takes all parts or none; one bad value refuses all. Set-points are a stream
   and are never repeated.
7. A COMMAND is repeated with the same `seq` every 50 ms, ten times at most; the device answers a repeat from memory
   and does not run it again. It remembers eight answers.
8. ESTOP needs no session, no state and no order; it is sent three times 5 ms apart.
9. FAULT_EVENT is repeated ten times a second until COMMAND ACK_FAULT_EVENT names its `seq`.
10. A changed `boot_nonce` means that the device booted: the host is not armed any more and starts over.

NaN and infinity are refused wherever a real number is expected. Joints count as the device counts; the host applies
`sign` of robot.yaml. Ids 55800 to 55899 are a private pick in a range that no public dialect had allocated; they are
not registered.
"""


def protocol_page(path: Path | None = None) -> str:
    """The page's text."""
    file = dialect_file() if path is None else path
    dialect = load_dialect(path)
    root = ET.parse(file).getroot()
    text = _HEAD.format(hash=f"{dialect_hash(file):08x}")
    text += "\n## Messages\n\n| id | message | bytes | seed | what |\n|---|---|---|---|---|\n"
    elements = {element.attrib["name"]: element for element in root.iterfind("messages/message")}
    for message in dialect.messages.values():
        what = _described(elements[message.name])
        link = f"[{message.name}](#{message.name.lower()})"
        text += f"| {message.id} | {link} | {message.format.size} | {message.crc_extra} | {what} |\n"
    for message in dialect.messages.values():
        text += _message(message, elements[message.name])
    text += "\n## Enumerations\n"
    for element in root.iterfind("enums/enum"):
        text += _enum(element)
    return text


def _message(message: Message, element: ET.Element) -> str:
    meant = {child.attrib["name"]: " ".join((child.text or "").split()) for child in element.iterfind("field")}
    text = f"\n### {message.name}\n\n{_described(element)}\n\n"
    text += "| field | type | unit | range | meaning |\n|---|---|---|---|---|\n"
    for field in message.wire:
        codes = f" ([{field.enum}](#enum-{field.enum.lower()}))" if field.enum else ""
        cells = (f"`{field.name}`", field.declared_type, field.units, _range(field), meant[field.name] + codes)
        text += f"| {' | '.join(cells)} |\n"
    return text


def _range(field: Field) -> str:
    low, high = (f"{end:g}" if math.isfinite(end) else "" for end in (field.low, field.high))
    if low and high:
        return f"{low} to {high}"
    return f"from {low}" if low else f"to {high}" if high else ""


def _enum(element: ET.Element) -> str:
    name = element.attrib["name"]
    bits = " Bit mask." if element.get("bitmask") == "true" else ""
    about = f"{_described(element)}{bits}".strip()
    text = f"\n### Enum {name}\n\n" + (f"{about}\n\n" if about else "")
    text += "| value | name | meaning |\n|---|---|---|\n"
    for entry in element.iterfind("entry"):
        short = entry.attrib["name"].removeprefix(f"{name}_")
        text += f"| {entry.attrib['value']} | `{short}` | {_described(entry)} |\n"
    return text


def _described(element: ET.Element) -> str:
    return " ".join((element.findtext("description") or "").split())


if __name__ == "__main__":
    sys.stdout.write(protocol_page())

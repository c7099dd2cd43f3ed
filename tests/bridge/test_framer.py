"""The framer: lost frames = hit frames, whatever happens to the bytes."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stope.bridge.codec import Codec, Frame
from stope.bridge.dialect import load_dialect
from stope.bridge.framer import SILENCE_NS, Framer

CODEC = Codec(load_dialect())


def frame(number: int, rng: random.Random) -> bytes:
    """A STATE whose sample number is `number` and whose rest is noise, as a busy wire has it."""
    kind = CODEC.types["STATE"]
    flat: list[float] = []
    for field in kind.message.wire:
        for _ in range(max(field.length, 1)):
            if field.name == "seq":
                flat.append(number)
            else:
                flat.append(rng.gauss(0, 1) if field.is_real else rng.randrange(1 << 8 * min(field.size, 4)))
    return kind.frame(flat, number & 0xFF, 1, 1)


def numbers(frames: list[Frame]) -> list[int]:
    return [CODEC.decode(f).integer("seq") for f in frames]


def through(framer: Framer, data: bytes, chunk: int) -> list[int]:
    """What comes out of `data` in chunks a microsecond apart, and after a silence."""
    seen: list[int] = []
    now = 0
    for at in range(0, len(data), chunk):
        now += 1000
        seen += numbers(framer.feed(data[at : at + chunk], now))
    return seen + numbers(framer.feed(b"", now + SILENCE_NS))


Damage = Callable[[bytes, random.Random], bytes]


def flip(data: bytes, rng: random.Random) -> bytes:
    hit = bytearray(data)
    hit[rng.randrange(len(hit))] ^= 1 << rng.randrange(8)
    return bytes(hit)


def drop_byte(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + 1 :]


def drop_burst(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.randint(2, 24) :]


def double_byte(data: bytes, rng: random.Random) -> bytes:
    # one of two equal neighbours: the frame itself is whole again then, and this byte stands between frames
    at = rng.randrange(1, len(data) - 1)
    return data[:at] + bytes((data[at] ^ 0x55,)) + data[at:]


def cut_off(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(1, len(data))]


@pytest.mark.parametrize("damage", [flip, drop_byte, drop_burst, double_byte, cut_off], ids=lambda d: d.__name__)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_no_more_frames_are_lost_than_were_hit(damage: Damage, share: float) -> None:
    rng = random.Random(f"{damage.__name__} {share}")
    wire, sent, hit = bytearray(), [], 0
    for number in range(4000):
        good = frame(number, rng)
        sent.append(good)
        hurt = rng.random() < share
        hit += hurt
        wire += damage(good, rng) if hurt else good
    framer, seen = Framer(CODEC.table), []
    for at in range(0, len(wire), 64):
        seen += framer.feed(bytes(wire[at : at + 64]), at)
    seen += framer.feed(b"", len(wire) + SILENCE_NS)
    # A frame without its last byte may be made whole by the next one's first (0xFD), which then is the one lost: the
    # count is what cannot change. What arrives is what was sent, in order.
    assert hit > 0
    assert len(sent) - len(seen) <= hit
    arrived = [CODEC.types["STATE"].frame(CODEC.types["STATE"].values(f.payload), f.link_seq, 1, 1) for f in seen]
    places = iter(sent)
    assert all(one in places for one in arrived)
    assert framer.pending == 0


pieces = st.lists(
    st.one_of(
        st.integers(0, 255).map(lambda n: ("frame", n)),
        st.binary(max_size=40).map(lambda b: ("junk", b)),
        st.binary(max_size=20).map(lambda b: ("junk", b"\xfd" + b)),
    ),
    max_size=12,
)


@settings(derandomize=True, max_examples=300)
@given(pieces=pieces, chunk=st.integers(1, 300))
def test_junk_between_frames_costs_no_frame(pieces: list[tuple[str, int | bytes]], chunk: int) -> None:
    rng = random.Random(1)
    wire, whole = bytearray(), []
    for _, what in pieces:
        if isinstance(what, int):
            whole.append(what)
            wire += frame(what, rng)
        else:
            wire += what
    framer = Framer(CODEC.table)
    assert through(framer, bytes(wire), chunk) == whole
    lengths = sum(len(frame(n, rng)) for n in whole)
    assert framer.pending == 0
    assert framer.counters.skipped >= len(wire) - lengths - 4 * len(whole)  # trimmed zeros differ by a few bytes


@settings(derandomize=True, max_examples=100)
@given(st.integers(1, 400))
def test_chunks_do_not_matter(chunk: int) -> None:
    rng = random.Random(2)
    wire = b"".join(frame(n, rng) for n in range(30))
    assert through(Framer(CODEC.table), wire, chunk) == list(range(30))


def test_a_cut_frame_holds_nothing_back_after_10_ms() -> None:
    rng = random.Random(3)
    cut, good = frame(1, rng)[:30], frame(2, rng)
    framer = Framer(CODEC.table)
    assert framer.feed(cut + good[:20], 0) == []
    assert framer.feed(b"", SILENCE_NS - 1) == []
    assert framer.counters.timeouts == 0
    # silence gives up the cut one; the good one's beginning is silent just as long, and goes too
    assert framer.feed(b"", SILENCE_NS) == []
    assert framer.pending == 0
    assert framer.counters.timeouts >= 1
    assert numbers(framer.feed(frame(3, rng), SILENCE_NS + 1)) == [3]


def test_a_host_that_was_away_between_two_halves_of_a_frame_loses_nothing() -> None:
    rng = random.Random(8)
    whole, framer = frame(5, rng), Framer(CODEC.table)
    assert framer.feed(whole[:40], 0) == []
    assert numbers(framer.feed(whole[40:], 50 * SILENCE_NS)) == [5]
    assert framer.counters.timeouts == 0


def test_a_whole_frame_behind_a_false_length_comes_after_the_silence() -> None:
    rng = random.Random(4)
    framer = Framer(CODEC.table)
    header = frame(1, rng)[:10]  # promises some 80 bytes
    short = CODEC.types["HOST_ALIVE"].frame((1, 2, 1), 0, 1, 1)
    assert framer.feed(header + short, 0) == []
    (found,) = framer.feed(b"", SILENCE_NS)
    assert found.id == 55812


@pytest.mark.parametrize("flags", [1, 2, 0x80])
def test_signed_frames_and_unknown_flags_are_refused(flags: int) -> None:
    rng = random.Random(5)
    signed = bytearray(frame(1, rng))
    signed[2] = flags
    framer = Framer(CODEC.table)
    assert through(framer, bytes(signed) + bytes(13), 64) == []
    assert framer.counters.bad_header >= 1


def test_mavlink_1_frames_and_unknown_ids_are_no_frames(oracle: object) -> None:
    rng = random.Random(6)
    unknown = bytearray(frame(1, rng))
    unknown[7:10] = (12345).to_bytes(3, "little")
    framer = Framer(CODEC.table)
    assert through(framer, b"\xfe\x09\x00\x01\x01\x00" + bytes(11) + bytes(unknown) + frame(9, rng), 16) == [9]


def test_a_megabyte_of_noise_yields_no_frame_and_is_forgotten() -> None:
    rng = random.Random(7)
    framer = Framer(CODEC.table)
    assert through(framer, rng.randbytes(1_000_000), 4096) == []
    assert framer.pending == 0
    assert framer.counters.skipped == 1_000_000

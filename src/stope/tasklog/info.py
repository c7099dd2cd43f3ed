"""What is in a log, at a glance and for a machine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from google.protobuf.message import DecodeError

from stope.tasklog.digest import PayloadHasher
from stope.tasklog.errors import DamagedLogError, TaskLogError, TruncatedLogError
from stope.tasklog.header import RECORD, RunHeader, utc_text
from stope.tasklog.messages import message_class
from stope.tasklog.parts import parts_of, scan_log
from stope.tasklog.reader import start_time_ns
from stope.tasklog.records import AttachmentRecord, HeaderRecord, MessageRecord, MetadataRecord, Record
from stope.tasklog.scan import scan


@dataclass(frozen=True, slots=True)
class TopicInfo:
    """One topic: how many messages, how large (serialised), and when in run time."""

    topic: str
    schema: str
    count: int
    bytes: int
    first_s: float
    last_s: float
    deterministic: bool
    truth: bool


@dataclass(frozen=True, slots=True)
class LogInfo:
    """A log at a glance.

    Attributes:
        header: None where the log has none or it cannot be read.
        complete: the end mark is there and every checksum passed.
        problem: why not, in one sentence; empty when complete.
        duration_s: from the first to the last message.
        dropped: messages that the recorder said it lost.
        digest, digest_total: payload digest of what could be read; that of a run only when `complete`.
        attachments: name and size in bytes.
        parts: the files that the log is in, when they are more than one.
    """

    path: str
    size_bytes: int
    library: str
    header: RunHeader | None
    complete: bool
    problem: str
    start_utc: str
    duration_s: float
    topics: tuple[TopicInfo, ...]
    dropped: int
    digest: dict[str, str]
    digest_total: str
    attachments: dict[str, int]
    parts: tuple[str, ...] = ()

    @property
    def messages(self) -> int:
        """Messages over all topics."""
        return sum(topic.count for topic in self.topics)

    def __str__(self) -> str:
        return format_info(self)


def describe(path: Path) -> LogInfo:
    """Read the file once, checksums on. A truncated or damaged log is described as far as it can be read.

    Raises:
        NotALogError: not a log, or not within limits.
    """
    return _described([path], scan(path))


def describe_parts(first: Path) -> LogInfo:
    """The same of the log that begins in `first`, with all the files that it went on in.

    Raises:
        TaskLogError: not a log, not within limits, or the parts are not those of one log.
    """
    return _described(parts_of(first), scan_log(first))


def _described(parts: Sequence[Path], records: Iterable[Record]) -> LogInfo:
    tally = _Tally()
    problem = ""
    try:
        for record in records:
            tally.add(record)
    except (TruncatedLogError, DamagedLogError) as error:
        problem = str(error)
    header, header_problem = tally.header()
    digest = tally.hasher.digest()
    first_ns = min((first for _, _, first, _ in tally.topics.values()), default=0)
    last_ns = max((last for _, _, _, last in tally.topics.values()), default=0)
    start_ns = first_ns if tally.start_ns is None else tally.start_ns
    return LogInfo(
        path=str(parts[0]),
        size_bytes=sum(Path(part).stat().st_size for part in parts),
        library=tally.library,
        header=header,
        complete=not problem,
        problem="; ".join(text for text in (problem, header_problem) if text),
        start_utc=utc_text(start_ns),
        duration_s=(last_ns - first_ns) * 1e-9,
        topics=tally.rows(start_ns),
        dropped=tally.dropped,
        digest=dict(digest),
        digest_total=digest.total,
        attachments=dict(tally.attachment_sizes),
        parts=tuple(map(str, parts)) if len(parts) > 1 else (),
    )


def format_info(info: LogInfo) -> str:
    """Plain text for a terminal."""
    header = info.header
    lines = [f"{info.path}: {info.size_bytes} bytes, {'complete' if info.complete else 'NOT COMPLETE'}"]
    lines += [f"  {info.problem}"] if info.problem else []
    if info.parts:
        lines += [f"parts     {len(info.parts)}: {Path(info.parts[0]).name} to {Path(info.parts[-1]).name}"]
    if header is not None:
        lines += [
            f"mission   {header.mission} on {header.body}, robot {header.robot}, seed {header.seed}",
            f"software  stope {header.stope_version}, python {header.python}, {info.library}",
            f"licence   {header.licence}, {header.team}",
        ]
    lines += [f"start     {info.start_utc}", f"duration  {info.duration_s:.3f} s, {info.messages} messages"]
    lines += [f"lost      {info.dropped} messages, says the recorder"] if info.dropped else []
    lines += [f"digest    {info.digest_total}"] if info.complete else []
    width = max((len(topic.topic) for topic in info.topics), default=5)
    lines += ["", f"{'topic':<{width}} {'messages':>9} {'bytes':>11} {'first s':>10} {'last s':>10}  schema"]
    lines += [
        f"{t.topic:<{width}} {t.count:>9} {t.bytes:>11} {t.first_s:>10.3f} {t.last_s:>10.3f}  {t.schema}"
        for t in info.topics
    ]
    return "\n".join(lines)


def to_json(info: LogInfo) -> str:
    """The same for a machine: one JSON object."""
    plain = asdict(info) | {"messages": info.messages}
    return json.dumps(plain, indent=2)


class _Tally:
    """Counts while records pass by."""

    def __init__(self) -> None:
        self.hasher = PayloadHasher()
        self.library = ""
        self.start_ns: int | None = None
        self.dropped = 0
        self.attachment_sizes: dict[str, int] = {}
        self.topics: dict[str, tuple[int, int, int, int]] = {}  # count, bytes, first and last log time
        self._channels: dict[str, tuple[str, bool, bool]] = {}
        self._run: dict[str, str] = {}
        self._attachments: dict[str, bytes] = {}

    def add(self, record: object) -> None:
        if isinstance(record, MessageRecord):
            self._message(record)
        elif isinstance(record, HeaderRecord):
            self.library = record.library
        elif isinstance(record, MetadataRecord) and record.name == RECORD:
            self._run, self.start_ns = dict(record.values), start_time_ns(record)
        elif isinstance(record, AttachmentRecord):
            self.attachment_sizes[record.name] = record.size
            if record.data is not None and record.name.endswith(".json"):
                self._attachments[record.name] = record.data

    def _message(self, record: MessageRecord) -> None:
        self.hasher.add(record)
        channel, time_ns = record.channel, record.log_time_ns
        count, size, first, last = self.topics.get(channel.topic, (0, 0, time_ns, time_ns))
        self.topics[channel.topic] = (
            count + 1,
            size + len(record.data),
            min(first, time_ns),
            max(last, time_ns),
        )
        if count == 0:
            schema = channel.schema.name if channel.schema else channel.encoding
            flags = channel.metadata.get("deterministic") == "true", "truth" in channel.metadata
            self._channels[channel.topic] = (schema, *flags)
        if channel.topic == "/recorder/stats":
            try:
                self.dropped = message_class("/recorder/stats").FromString(record.data).dropped
            except DecodeError:
                self.dropped = 0  # another message on our topic: stope log check says so

    def header(self) -> tuple[RunHeader | None, str]:
        if not self._run:
            return None, "it has no run header"
        try:
            return RunHeader.from_log(self._run, self._attachments), ""
        except TaskLogError as error:
            return None, str(error)

    def rows(self, start_ns: int) -> tuple[TopicInfo, ...]:
        return tuple(
            TopicInfo(
                topic,
                self._channels[topic][0],
                count,
                size,
                (first - start_ns) * 1e-9,
                (last - start_ns) * 1e-9,
                *self._channels[topic][1:],
            )
            for topic, (count, size, first, last) in sorted(self.topics.items())
        )

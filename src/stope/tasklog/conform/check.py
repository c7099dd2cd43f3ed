"""The checker: one pass over a log, every rule."""

from __future__ import annotations

from pathlib import Path

from stope.tasklog.conform.container import watched
from stope.tasklog.conform.finding import Report
from stope.tasklog.conform.header import check_header
from stope.tasklog.conform.schema import check_channel
from stope.tasklog.conform.stream import Stream
from stope.tasklog.errors import DamagedLogError
from stope.tasklog.header import RECORD
from stope.tasklog.reader import Decoder, start_time_ns
from stope.tasklog.records import AttachmentRecord, MessageRecord, MetadataRecord
from stope.tasklog.scan import Limits


def check(path: Path, limits: Limits | None = None) -> Report:
    """Hold the log against the format, every rule of docs/format/conformance.md.

    Raises:
        NotALogError: it is no MCAP file, or not within limits.
    """
    report = Report(str(path))
    _Check(path, report).run(limits)
    return report


class _Check:
    def __init__(self, path: Path, report: Report) -> None:
        self._path, self._report = path, report
        self._stream, self._decoder = Stream(report), Decoder(path)
        self._run: dict[str, str] | None = None
        self._attachments: dict[str, bytes] = {}
        self._channels: set[int] = set()
        self._kept: list[object] = []  # channels stay alive, so that their identity is theirs
        self._topics: set[str] = set()
        self._begun = False

    def run(self, limits: Limits | None) -> None:
        for record in watched(self._path, self._report, limits):
            if isinstance(record, MessageRecord):
                self._message(record)
            elif isinstance(record, MetadataRecord) and record.name == RECORD:
                self._metadata(record)
            elif isinstance(record, AttachmentRecord) and record.data is not None and record.name.endswith(".json"):
                self._attachments[record.name] = record.data
        if not self._begun:
            check_header(self._report, self._run, self._attachments)
            self._report.warning("log.empty", "file", "there is no message in it")
        self._report.topics = len(self._topics)

    def _metadata(self, record: MetadataRecord) -> None:
        if self._begun:
            self._report.error("header.first", RECORD, "it stands after the first message; write it before")
        if self._run is not None:
            self._report.error("header.once", RECORD, "it is there twice; a log holds one run")
        self._run, self._stream.start_ns = dict(record.values), start_time_ns(record)

    def _message(self, record: MessageRecord) -> None:
        if not self._begun:
            self._begun = True
            self._stream.header = check_header(self._report, self._run, self._attachments)
        channel = record.channel
        if id(channel) not in self._channels:
            self._channels.add(id(channel))
            self._kept.append(channel)
            self._topics.add(channel.topic)
            check_channel(self._report, channel)
        self._report.messages += 1
        try:
            decoded = self._decoder(record)
        except DamagedLogError as error:
            self._report.error("message.decodes", channel.topic, str(error).removeprefix(f"{self._path}: "))
            decoded = None
        self._stream.add(record, decoded)

"""What a check found: bounded, so that a hostile log cannot make the report endless."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Literal

Level = Literal["error", "warning"]
MAX_FINDINGS = 200


@dataclass(slots=True)
class Finding:
    """One rule that the log breaks at one place.

    Attributes:
        level: an error breaks the format; a warning is allowed and will disappoint somebody.
        rule: stable name of the rule, as in docs/format/conformance.md.
        where: topic, record or field.
        sentence: what was read, what was expected and what to do.
        times: how often; the sentence is about the first.
    """

    level: Level
    rule: str
    where: str
    sentence: str
    times: int = 1


@dataclass(slots=True)
class Report:
    """The outcome for one file."""

    path: str
    messages: int = 0
    topics: int = 0
    findings: list[Finding] = field(default_factory=list)
    _seen: dict[tuple[str, str], Finding] = field(default_factory=dict)

    def add(self, level: Level, rule: str, where: str, sentence: str) -> None:
        """Note a finding; the same rule at the same place is counted."""
        found = self._seen.get((rule, where))
        if found is not None:
            found.times += 1
        elif len(self.findings) < MAX_FINDINGS:
            self._seen[rule, where] = found = Finding(level, rule, where, sentence)
            self.findings.append(found)

    def error(self, rule: str, where: str, sentence: str) -> None:
        """Note a breach of the format."""
        self.add("error", rule, where, sentence)

    def warning(self, rule: str, where: str, sentence: str) -> None:
        """Note what is allowed but unwise."""
        self.add("warning", rule, where, sentence)

    @property
    def conforms(self) -> bool:
        """True when there is no error."""
        return not any(found.level == "error" for found in self.findings)

    def __str__(self) -> str:
        errors = sum(found.level == "error" for found in self.findings)
        verdict = "conforms to stope.log/1" if self.conforms else "DOES NOT CONFORM to stope.log/1"
        head = f"{self.path}: {verdict}; {self.messages} messages on {self.topics} topics, "
        head += f"{errors} errors, {len(self.findings) - errors} warnings"
        ordered = sorted(self.findings, key=lambda found: found.level)
        return "\n".join([head, *(_line(found) for found in ordered)])

    def to_json(self) -> str:
        """The same for a machine."""
        rows = [asdict(found) for found in self.findings]
        return json.dumps(
            {
                "path": self.path,
                "conforms": self.conforms,
                "messages": self.messages,
                "topics": self.topics,
                "findings": rows,
            },
            indent=2,
        )


def _line(found: Finding) -> str:
    times = f" ({found.times} times)" if found.times > 1 else ""
    return f"  {found.level:<7} {found.rule:<20} {found.where}: {found.sentence}{times}"

"""calibration.yaml: what the doctor saw of each joint, of which board, with which limits. Facts, no settings."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True, slots=True)
class JointCheck:
    """One joint's jog.

    Attributes:
        unit: of position, "rad" or "m"; wanted, moved: of the jog; returned: how far from its start it ended.
        velocity_share: velocity summed up over the jog by what the position moved; 1 when both use one unit and sign.
        others: largest move of any other joint; peak_effort: N m or N.
        seen: what the person said of the real direction and size; None when nobody was asked.
        verdict: "good", or what is wrong and what to do.
    """

    joint: str
    unit: str
    wanted: float
    moved: float
    returned: float
    velocity_share: float
    others: float
    peak_effort: float
    seen: bool | None
    verdict: str

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return self.verdict == "good"


@dataclass(frozen=True, slots=True)
class Calibration:
    """The whole of the file."""

    robot: str
    identity: str
    firmware: str
    limits_hash: str
    joints: tuple[JointCheck, ...]

    @property
    def good(self) -> bool:
        """Whether every joint is."""
        return all(joint.good for joint in self.joints)

    def text(self) -> str:
        """The file's text: YAML, one joint a line."""
        head = [f"{field.name}: {json.dumps(getattr(self, field.name))}" for field in fields(self)[:-1]]
        lines = [f"  - {json.dumps(_rounded(joint))}" for joint in self.joints]
        return "\n".join(["# Written by `stope doctor`.", *head, "joints:", *lines]) + "\n"

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        part = path.with_name(path.name + ".part")
        part.write_text(self.text(), encoding="utf-8")
        part.replace(path)


def _rounded(check: JointCheck) -> dict[str, object]:
    return {name: round(x, 6) if isinstance(x, float) else x for name, x in asdict(check).items()}

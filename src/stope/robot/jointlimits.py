"""Limits and servo gains of a joint as robot.yaml states them: one schema for each kind, the unit in each key."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stope.mission.source import FileModel, Mismatch

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class RevoluteLimits(FileModel):
    """Limits of a joint that turns between two stops."""

    kind: Literal["revolute"]
    position_min_rad: float
    position_max_rad: float
    velocity_max_rad_s: Positive
    effort_max_nm: Positive
    kp_nm_rad: NotNegative
    kd_nms_rad: NotNegative

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        check_ordered(self, "position_min_rad", "position_max_rad")
        return self

    def plain(self) -> tuple[float, ...]:
        """Position min, max, velocity, effort, kp, kd in joint units."""
        return (self.position_min_rad, self.position_max_rad, self.velocity_max_rad_s, self.effort_max_nm,
                self.kp_nm_rad, self.kd_nms_rad)  # fmt: skip


class ContinuousLimits(FileModel):
    """Limits of a joint that turns without end."""

    kind: Literal["continuous"]
    velocity_max_rad_s: Positive
    effort_max_nm: Positive
    kp_nm_rad: NotNegative
    kd_nms_rad: NotNegative

    def plain(self) -> tuple[float, ...]:
        """Position min, max, velocity, effort, kp, kd in joint units."""
        return -math.inf, math.inf, self.velocity_max_rad_s, self.effort_max_nm, self.kp_nm_rad, self.kd_nms_rad


class PrismaticLimits(FileModel):
    """Limits of a joint that slides."""

    kind: Literal["prismatic"]
    position_min_m: float
    position_max_m: float
    velocity_max_m_s: Positive
    effort_max_n: Positive
    kp_n_m: NotNegative
    kd_ns_m: NotNegative

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        check_ordered(self, "position_min_m", "position_max_m")
        return self

    def plain(self) -> tuple[float, ...]:
        """Position min, max, velocity, effort, kp, kd in joint units."""
        return (self.position_min_m, self.position_max_m, self.velocity_max_m_s, self.effort_max_n,
                self.kp_n_m, self.kd_ns_m)  # fmt: skip


Limits = Annotated[RevoluteLimits | ContinuousLimits | PrismaticLimits, Field(discriminator="kind")]


def check_ordered(file: FileModel, lower: str, upper: str) -> None:
    """Refuse a lower limit that is not below its upper one, at the lower one's place in the file."""
    low, high = getattr(file, lower), getattr(file, upper)
    if not low < high:
        raise Mismatch(f"{low:g}", f"less than {upper}, which is {high:g}", at=(lower,))

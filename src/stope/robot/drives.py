"""Drives as robot.yaml states them, for the simulator: one schema for each kind of joint, the unit in each key."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stope.mission.source import FileModel
from stope.robot.jointlimits import NotNegative, Positive, check_ordered
from stope.robot.model import Actuator

Spread = Annotated[float, Field(ge=0, le=1)]


class RotaryDrive(FileModel):
    """See `stope.robot.model.Actuator`."""

    kind: Literal["rotary"]
    peak_nm: Positive
    no_load_rad_s: Positive
    continuous_nm: Positive
    thermal_s: Positive
    coulomb_nm: NotNegative
    viscous_nms_rad: NotNegative
    slip_rad_s: Positive
    backlash_rad: NotNegative
    rotor_kg_m2: Positive
    spread_log_sd: Spread = 0.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        check_ordered(self, "continuous_nm", "peak_nm")
        return self

    def plain(self) -> Actuator:
        """In joint units."""
        return Actuator(
            self.peak_nm, self.no_load_rad_s, self.continuous_nm, self.thermal_s, self.coulomb_nm, self.viscous_nms_rad,
            self.slip_rad_s, self.backlash_rad, self.rotor_kg_m2, self.spread_log_sd,
        )  # fmt: skip


class LinearDrive(FileModel):
    """See `stope.robot.model.Actuator`."""

    kind: Literal["linear"]
    peak_n: Positive
    no_load_m_s: Positive
    continuous_n: Positive
    thermal_s: Positive
    coulomb_n: NotNegative
    viscous_ns_m: NotNegative
    slip_m_s: Positive
    backlash_m: NotNegative
    rotor_kg: Positive
    spread_log_sd: Spread = 0.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        check_ordered(self, "continuous_n", "peak_n")
        return self

    def plain(self) -> Actuator:
        """In joint units."""
        return Actuator(
            self.peak_n, self.no_load_m_s, self.continuous_n, self.thermal_s, self.coulomb_n, self.viscous_ns_m,
            self.slip_m_s, self.backlash_m, self.rotor_kg, self.spread_log_sd,
        )  # fmt: skip


Drive = Annotated[RotaryDrive | LinearDrive, Field(discriminator="kind")]

"""First contact in PyBullet: does the first gripper hold, and how fast did the robot bounce before it did?

Simulation only: it looks at truth. From the touch of the first foot until spines hold, nothing ties a robot down but
its gas; what it may lose in that time is the mission.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stope.control.contact import contact_speed_m_s
from stope.control.stack import Tick
from stope.session.build import Run, build
from stope.session.loop import run_loop
from stope.session.request import RunRequest

MISSION = "bennu_drill"
HEIGHT_M = 0.06
POND_M = 1.3  # radius of the loose cover, where there is any: beyond the feet
APPROACH_M_S = 0.03
APPROACH_SHARE = 0.8  # of the bound on contact speed that navigation hands over with, where 3 cm/s would be too much
HOLDS_N = 5.0  # true pull strength below which the first grip is none: a press of gas on a foot is about 2 N
PATIENCE_S = 60.0  # from the first touch: what the tank presses the feet on for


@dataclass(frozen=True, slots=True)
class Terrain:
    """Where to come down: a body, its bedrock and the loose cover on it."""

    body: str
    rock: str
    cover: str = "bennu_regolith"
    cover_m: float = 0.0

    @property
    def name(self) -> str:
        """For tables."""
        loose = f" under {1e3 * self.cover_m:.0f} mm of {self.cover}" if self.cover_m else ""
        return f"{self.rock} on {self.body}{loose}"


@dataclass(frozen=True, slots=True)
class Contact:
    """One first contact.

    Attributes:
        holds: whether the first grip truly held `HOLDS_N` within `PATIENCE_S`.
        strength_n: true pull strength of that grip, 0 without one; grip_s: from the first touch to it, inf without.
        touch_m_s: speed toward the ground at the first touch.
        rebound_m_s: fastest that the base went away from the ground between touch and grip; 0 if it never did.
        escape_m_s: local escape speed.
        gas_kg: spent from the start to the grip.
    """

    holds: bool
    strength_n: float
    grip_s: float
    touch_m_s: float
    rebound_m_s: float
    escape_m_s: float
    gas_kg: float

    @property
    def rebound_share(self) -> float:
        """Of the local escape speed."""
        return self.rebound_m_s / self.escape_m_s


class _SeenError(Exception):
    """The first grip was made, or it is too late for one."""


def first_contact(terrain: Terrain, seed: int) -> Contact:
    """Come down with this seed until the first gripper has engaged.

    Raises:
        RuntimeError: no foot ever touched the ground.
    """
    site = (
        f"site.rock={terrain.rock}", f"site.cover={terrain.cover}", f"site.cover_m={terrain.cover_m:g}",
        f"site.pond_radius_m={POND_M:g}",
    )  # fmt: skip
    believed = (f"believed.rock={terrain.rock}",)
    slow_m_s = min(APPROACH_M_S, APPROACH_SHARE * contact_speed_m_s(_escape_m_s(terrain, site)))
    overrides = (
        *site, *believed, f"approach.height_m={HEIGHT_M:g}", f"approach.velocity_m_s={slow_m_s:.4f}",
    )  # fmt: skip
    run = build(RunRequest(MISSION, body=terrain.body, seed=seed, overrides=overrides))
    look = _Look(run)
    try:
        run_loop(run, [look], lambda _found: None)
    except _SeenError:
        pass
    finally:
        run.robot.close()
    return look.contact()


def _escape_m_s(terrain: Terrain, site: tuple[str, ...]) -> float:
    run = build(RunRequest(MISSION, body=terrain.body, overrides=(*site, "approach.velocity_m_s=0")))
    run.robot.close()
    return run.field.escape_speed_m_s


class _Look:
    """Watches the true base from the first touch on."""

    def __init__(self, run: Run) -> None:
        assert run.plant is not None
        self._plant, self._escape = run.plant, run.field.escape_speed_m_s
        self._up = run.field.surface_normal
        self._touch_s: float | None = None
        self._touch_m_s = self._last_m_s = self._rebound_m_s = self._now_s = 0.0
        self._gas_kg = run.robot.model.propellant_kg
        self._engaged: np.ndarray | None = None

    def __call__(self, tick: Tick, _sent: object, _executive: object) -> None:
        """After each control tick."""
        state, climb = self._plant.footing.state, float(self._plant.truth().velocity_m_s @ self._up)
        self._now_s = tick.view.time_s
        if self._touch_s is None and (state.press_n > 0.0).any():
            self._touch_s, self._touch_m_s = self._now_s, -self._last_m_s
        self._last_m_s = climb
        if self._touch_s is None:
            return
        self._rebound_m_s = max(self._rebound_m_s, climb)
        engaged = state.engagement >= 1.0
        if engaged.any() or self._now_s - self._touch_s > PATIENCE_S:
            self._engaged = engaged
            raise _SeenError

    def contact(self) -> Contact:
        """What was seen."""
        if self._touch_s is None:
            raise RuntimeError("no foot ever touched the ground")
        state = self._plant.footing.state
        bitten = self._engaged is not None and bool(self._engaged.any())
        strength_n = float((state.normal_n * state.health)[self._engaged].max()) if bitten else 0.0
        return Contact(
            holds=strength_n >= HOLDS_N,
            strength_n=strength_n,
            grip_s=self._now_s - self._touch_s if bitten else float("inf"),
            touch_m_s=self._touch_m_s,
            rebound_m_s=self._rebound_m_s,
            escape_m_s=self._escape,
            gas_kg=self._gas_kg - self._plant.flow.propellant_ug * 1e-9,
        )

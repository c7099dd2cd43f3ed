"""MineBench: seeded instances of the planning problem, so that figures of different days and solvers compare.

One small body with a day of 258 minutes, half of it sunlit; six days; sites of regolith, rock and ice; three partners.
The numbers are those of the trial of 2026-11-22, so its table of best known values holds here. Anchor strength is
normal with a stated mean and deviation; a mission proper takes it from the belief (`anchorage`).
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from stope.planning.problem import Agreement, Fleet, Matrix, Problem, RobotState, Step, Window, WorkSite

DAY = 258
SUNLIT = 129
HOT = (50, 90)  #: minutes of the day in which rock and regolith are too hot to cut
VALUE_PER_WMIN = 0.3 / 1000
VALUE_PER_FAILURE = 6.0
PARTNERS = ("north", "east", "south")


@dataclass(frozen=True, slots=True)
class _Ground:
    load_n: float
    minutes: tuple[int, int]
    wear: tuple[int, int]
    mass_g: tuple[int, int]
    value_per_kg: tuple[float, float]
    power_w: int


_GROUND = {
    "regolith": _Ground(60, (20, 35), (1, 3), (2000, 5000), (6, 10), 60),
    "rock": _Ground(140, (40, 60), (8, 15), (1000, 3000), (14, 22), 110),
    "ice": _Ground(90, (25, 45), (3, 6), (1500, 4000), (20, 30), 80),
}
_FLEET = Fleet(
    battery=18000, reserve=3600, charge_w=120, idle_w=0, bin_g=12000, wear=60, store_mb=600,
    downlink_minutes=12, downlink_energy=480, unload_minutes=10, unload_energy=300,
)  # fmt: skip


def minebench(sites: int, robots: int = 1, seed: int = 0, days: int = 6) -> Problem:
    """The instance with so many `sites` and `robots`; equal arguments give equal instances on every machine."""
    draw = random.Random(1000 * sites + seed)  # the trial's generator: the best known values belong to these draws
    horizon = days * DAY
    places = [(0.0, 0.0)]
    found = []
    for number in range(1, sites + 1):
        site, place = _site(number, draw, horizon)
        found.append(site)
        places.append(place)
    minutes: Matrix = tuple(tuple(math.ceil(math.dist(a, b) / 6) for b in places) for a in places)
    energy: Matrix = tuple(tuple(60 * each for each in row) for row in minutes)
    return Problem(
        name=f"minebench-{robots}x{sites}-{seed}",
        horizon=horizon,
        sites=tuple(found),
        travel_minutes=minutes,
        travel_energy=energy,
        travel_cost=tuple(tuple(round(100 * VALUE_PER_WMIN * each) for each in row) for row in energy),
        sun=tuple((day * DAY, day * DAY + SUNLIT) for day in range(days + 2)),
        comm=tuple((start, start + 45) for start in range(100, horizon, 430)),
        fleet=_FLEET,
        robots=(RobotState(0, 0, _FLEET.battery),) * robots,
        agreement=Agreement(PARTNERS, (400, 350, 250), 80, 4000, (0, 0, 0)),
        seed=seed,
    )


def _site(number: int, draw: random.Random, horizon: int) -> tuple[WorkSite, tuple[float, float]]:
    x, y = draw.uniform(-120, 120), draw.uniform(-120, 120)
    material = draw.choices(list(_GROUND), [0.5, 0.25, 0.25])[0]
    ground = _GROUND[material]
    strength = draw.randint(70, 220)
    deviation = int(strength * draw.uniform(0.15, 0.4))
    surplus = (strength - 1.25 * ground.load_n) / deviation
    hold = round(0.5 * (1 + math.erf(surplus / math.sqrt(2))), 3)
    before, cut, after = draw.randint(24, 32), draw.randint(*ground.minutes), draw.randint(18, 28)
    energy = before * 40 + cut * ground.power_w + after * 45
    mass = draw.randrange(ground.mass_g[0], ground.mass_g[1] + 1, 100)
    worth = draw.uniform(*ground.value_per_kg) * mass / 1000
    angle = (math.atan2(y, x) + math.pi) / (2 * math.pi)
    gain = round(100 * (hold * worth - VALUE_PER_WMIN * energy - VALUE_PER_FAILURE * (1 - hold)))
    deadline = horizon if draw.random() > 0.25 else int(draw.uniform(0.4, 1) * horizon)
    wear = draw.randint(*ground.wear)
    data = draw.randrange(80, 201, 10)
    site = WorkSite(
        number=number, name=f"site-{number}", material=material,
        partner=0 if angle < 0.4 else (1 if angle < 0.75 else 2),
        steps=_steps(before, cut, after, ground.power_w), cut_task="drill",
        cut_windows=_cut_windows(material, horizon), wear=wear, mass_g=mass, data_mb=data,
        hold=hold, worth=round(100 * worth), gain=gain, deadline=deadline,
    )  # fmt: skip
    return site, (x, y)


def _steps(before: int, cut: int, after: int, power_w: int) -> tuple[Step, ...]:
    survey, anchor = before // 3, before // 3
    collect, stow = after // 2, after // 4
    parts = (
        ("survey", survey, 40), ("anchor", anchor, 40), ("pull_test", before - survey - anchor, 40),
        ("drill", cut, power_w),
        ("collect", collect, 45), ("stow", stow, 45), ("release", after - collect - stow, 45),
    )  # fmt: skip
    return tuple(Step(task, minutes, minutes * watts) for task, minutes, watts in parts)


def _cut_windows(material: str, horizon: int) -> tuple[Window, ...]:
    """Ice is cut in the dark only; rock and regolith never in the hot minutes of the day."""
    days = range(-1, horizon // DAY + 2)
    if material == "ice":
        return tuple((max(0, day * DAY + SUNLIT), (day + 1) * DAY) for day in days if day >= 0)
    return tuple((max(0, day * DAY + HOT[1]), (day + 1) * DAY + HOT[0]) for day in days)

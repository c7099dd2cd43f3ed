"""Framing: an Expedition becomes a Problem: seconds and metres to whole minutes and watt-minutes, belief to chances."""

from __future__ import annotations

import math
from pathlib import Path

from stope.mission.expedition import Effort, Expedition, Ground, Margins, Place, Rover
from stope.mission.material import Material, load_material
from stope.mission.resolve import digest
from stope.planning.anchorage import hold_probability
from stope.planning.gait import GAITS
from stope.planning.margins import widen
from stope.planning.problem import VISIT_TASKS, Agreement, Fleet, Problem, RobotState, Step, WorkSite
from stope.planning.ways import inside, way_m

# Values are kept in hundredths, so that every solver compares whole numbers.
_HUNDREDTHS = 100


def frame(expedition: Expedition, margins: Margins | None = None, near: Path | None = None) -> Problem:
    """The planning question of `expedition`.

    Durations and energies are rounded up, multiplied by the margins (the expedition's own when None) and rounded up
    again; capacities, deadlines and windows are rounded down. What a visit gains is worked out without margins.

    Args:
        near: folder that relative material files start from.
    """
    grounds = {ground.name: ground for ground in expedition.grounds}
    materials = {ground.name: _material(ground, near) for ground in expedition.grounds}
    sites = tuple(
        _site(number, place, grounds[place.ground], materials[place.ground], expedition)
        for number, place in enumerate(expedition.sites, 1)
    )
    minutes, energy, cost = _travel(expedition)
    fleet = _fleet(expedition.rovers)
    nominal = Problem(
        name=expedition.name,
        horizon=expedition.horizon_min,
        sites=sites,
        travel_minutes=minutes,
        travel_energy=energy,
        travel_cost=cost,
        sun=expedition.sunlight.windows(expedition.horizon_min),
        comm=expedition.communication.windows(expedition.horizon_min),
        fleet=fleet,
        robots=(RobotState(0, 0, fleet.battery),) * expedition.rovers.count,
        agreement=_agreement(expedition),
        zones=_zones(expedition),
        seed=expedition.seed,
        energy_price=_HUNDREDTHS * expedition.prices.per_kwh / 60_000,
        failure_price=round(_HUNDREDTHS * expedition.prices.per_failure),
    )
    margin = margins if margins is not None else expedition.margins
    return widen(nominal, margin.time, margin.energy)


def expedition_digest(expedition: Expedition, near: Path | None = None) -> str:
    """SHA-256 of the expedition with every default filled in and of the materials that it names."""
    materials = {ground.material: _material(ground, near).model_dump(mode="json") for ground in expedition.grounds}
    return digest(expedition.model_dump(mode="json") | {"materials": materials})


def _material(ground: Ground, near: Path | None) -> Material:
    path = near / ground.material if near is not None and Path(ground.material).suffix else ground.material
    return load_material(path)


def _site(number: int, place: Place, ground: Ground, material: Material, expedition: Expedition) -> WorkSite:
    hold = hold_probability(place, ground, material, expedition.rovers)
    steps = _steps(ground)
    worth = round(_HUNDREDTHS * ground.value_per_kg * place.mass_kg)
    energy = sum(step.energy for step in steps)
    prices = expedition.prices
    cost = _HUNDREDTHS * (prices.per_kwh * energy / 60_000 + prices.per_failure * (1 - hold))
    horizon = expedition.horizon_min
    partners = [partner.name for partner in expedition.agreement.partners]
    deposits = [deposit.name for deposit in expedition.agreement.deposits]
    return WorkSite(
        number=number,
        name=place.name,
        material=ground.name,
        partner=partners.index(place.partner) if place.partner else -1,
        deposit=deposits.index(place.deposit) if place.deposit else -1,
        steps=steps,
        cut_task=ground.cut_task,
        cut_windows=ground.cut_when.windows(horizon) if ground.cut_when is not None else ((0, 2 * horizon),),
        wear=ground.wear,
        mass_g=round(1000 * place.mass_kg),
        data_mb=ground.data_mb,
        hold=hold,
        worth=worth,
        gain=round(hold * worth - cost),
        not_before=place.not_before_min,
        deadline=horizon if place.deadline_min is None else min(horizon, place.deadline_min),
        forbidden=_forbidden(place, expedition),
        demanded=place.demanded,
    )


def _steps(ground: Ground) -> tuple[Step, ...]:
    efforts: list[tuple[str, Effort | None]] = [(task, getattr(ground, task)) for task in VISIT_TASKS]
    return tuple(
        Step(task, effort.minutes, math.ceil(effort.minutes * effort.watts - 1e-9))
        for task, effort in efforts
        if effort is not None
    )


def _travel(expedition: Expedition) -> tuple[tuple[tuple[int, ...], ...], ...]:
    places = [expedition.depot, *((site.x_m, site.y_m) for site in expedition.sites)]
    discs = [(zone.x_m, zone.y_m, zone.radius_m) for zone in expedition.agreement.keep_out]
    rover = expedition.rovers
    gait = GAITS[rover.gait] if rover.gait is not None else None
    speed_m_min, travel_w = (gait.speed_m_min, gait.travel_w) if gait else (rover.speed_m_min, rover.travel_w)
    plain = [[way_m(a, b, discs) / speed_m_min for b in places] for a in places]
    minutes = tuple(tuple(math.ceil(each - 1e-9) for each in row) for row in plain)
    energy = tuple(tuple(math.ceil(each * travel_w - 1e-9) for each in row) for row in plain)
    price = _HUNDREDTHS * expedition.prices.per_kwh / 60_000
    return minutes, energy, tuple(tuple(round(price * each) for each in row) for row in energy)


def _fleet(rover: Rover) -> Fleet:
    return Fleet(
        battery=math.floor(60 * rover.battery_wh),
        reserve=math.ceil(60 * rover.reserve_wh),
        charge_w=rover.charge_w,
        idle_w=rover.idle_w,
        bin_g=math.floor(1000 * rover.bin_kg),
        wear=rover.bit_wear,
        store_mb=rover.log_store_mb,
        downlink_minutes=rover.downlink_min,
        downlink_energy=math.ceil(rover.downlink_min * rover.downlink_w),
        unload_minutes=rover.unload_min,
        unload_energy=math.ceil(rover.unload_min * rover.unload_w),
    )


def _agreement(expedition: Expedition) -> Agreement:
    terms = expedition.agreement
    return Agreement(
        partners=tuple(partner.name for partner in terms.partners),
        share=tuple(round(1000 * partner.share) for partner in terms.partners),
        tolerance=round(1000 * terms.tolerance),
        slack_g=round(1000 * terms.slack_kg),
        collected_g=tuple(round(1000 * partner.collected_kg) for partner in terms.partners),
        deposits=tuple(deposit.name for deposit in terms.deposits),
        deposit_left_g=tuple(math.floor(1000 * max(0, each.limit_kg - each.taken_kg)) for each in terms.deposits),
    )


def _zones(expedition: Expedition) -> frozenset[tuple[int, int]]:
    """Pairs of sites nearer than the safety radius, each site with itself: two robots never at both at once."""
    radius = expedition.rovers.safety_radius_m
    places = [(site.x_m, site.y_m) for site in expedition.sites]
    if expedition.rovers.count < 2 or radius <= 0:
        return frozenset()
    return frozenset(
        (i + 1, j + 1) for i, a in enumerate(places) for j, b in enumerate(places[i:], i) if math.dist(a, b) < radius
    )


def _forbidden(place: Place, expedition: Expedition) -> str:
    zones = expedition.agreement.keep_out
    found = inside((place.x_m, place.y_m), [(zone.x_m, zone.y_m, zone.radius_m) for zone in zones])
    return f"it lies in the keep-out zone '{zones[found].name}'" if found >= 0 else ""

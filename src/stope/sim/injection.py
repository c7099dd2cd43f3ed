"""Faults that can be caused in the simulated world, by the names of the fault table."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from stope.robot.messages import RawSensors, Vector
from stope.robot.model import RobotModel
from stope.sim.plant import AsteroidPlant

WEAK_SHARE = 0.02
SAG_SHARE = 0.7
Broken = Callable[[RawSensors], RawSensors]
WEDGE_NM = 30.0
RUNAWAY_N = 80.0
ACCEL_BIAS_M_S2 = 0.2


@dataclass(frozen=True, slots=True)
class Injection:
    """One cause of trouble.

    Attributes:
        cause: changes the world; no sensor is told.
        at_start: caused as its task starts, because it acts on what the task is about to do. Otherwise it is caused
            while the task is at work: `@drill` once the bit bears weight, another task after five seconds.
        needs: tool without which a robot cannot have it.
    """

    cause: Callable[[AsteroidPlant], None]
    at_start: bool = False
    needs: Literal["drill", "sampler"] | None = None

    def befits(self, model: RobotModel) -> bool:
        """Whether this robot can have the fault."""
        return self.needs is None or getattr(model, self.needs) is not None


def _lose_anchors(plant: AsteroidPlant) -> None:
    for foot in range(len(plant.model.limbs)):
        plant.footing.tear_off(foot)


def _weaken_grippers(plant: AsteroidPlant) -> None:
    plant.grippers.quality = WEAK_SHARE


def _lose_one(plant: AsteroidPlant) -> None:
    plant.footing.tear_off(0)


def _break(plant: AsteroidPlant, change: Broken) -> None:
    """From now on the sensors' wires say what `change` makes of them."""
    whole = plant.sensors.read

    def read(time_us: int, reading: Vector, effort: Vector) -> RawSensors:
        return change(whole(time_us, reading, effort))

    plant.sensors.read = read  # type: ignore[method-assign]  # no cost on the hot path of a robot that is whole


def _freeze_imu(plant: AsteroidPlant) -> None:
    last = plant.sense()
    gyro, accel = last.imu_gyro_rad_s, last.imu_accel_m_s2
    _break(plant, lambda raw: raw._replace(imu_gyro_rad_s=gyro, imu_accel_m_s2=accel))


def _freeze_load_cell(plant: AsteroidPlant) -> None:
    stuck_n = plant.sense().weight_on_bit_n
    _break(plant, lambda raw: raw._replace(weight_on_bit_n=stuck_n))


def _sag_bus(plant: AsteroidPlant) -> None:
    _break(plant, lambda raw: raw._replace(bus_voltage_v=SAG_SHARE * raw.bus_voltage_v))


def _break_gauge(plant: AsteroidPlant) -> None:
    _break(plant, lambda raw: raw._replace(propellant_kg=math.nan))


def _wedge_bit(plant: AsteroidPlant) -> None:
    assert plant.bit is not None
    plant.bit.wedge(WEDGE_NM)


def _snap_bit(plant: AsteroidPlant) -> None:
    assert plant.bit is not None
    plant.bit.snap()


def _run_feed_away(plant: AsteroidPlant) -> None:
    assert plant.model.drill is not None
    plant.run_away(plant.model.drill.feed, RUNAWAY_N)


def _stick_jet(plant: AsteroidPlant) -> None:
    plant.valves.stick_jet()


def _bias_imu(plant: AsteroidPlant) -> None:
    bias = np.array((0.0, 0.0, ACCEL_BIAS_M_S2))
    _break(plant, lambda raw: raw._replace(imu_accel_m_s2=raw.imu_accel_m_s2 + bias))


def _freeze_limb_force(plant: AsteroidPlant) -> None:
    stuck = plant.sense().limb_force_n[1].copy()

    def change(raw: RawSensors) -> RawSensors:
        force = raw.limb_force_n.copy()
        force[1] = stuck
        return raw._replace(limb_force_n=force)

    _break(plant, change)


INJECTIONS: dict[str, Injection] = {
    # All spines leave the rock at once; what the grippers' own sensors say does not change.
    "anchors.lost": Injection(_lose_anchors),
    # The spines of one gripper leave the rock; its own sensors go on saying that it holds.
    "anchor.let_go": Injection(_lose_one),
    # The accelerometer reads 0.2 m/s2 too much along z from now on: it looks as if the robot were flying off.
    "imu.biased": Injection(_bias_imu),
    # One limb's force sensor says for ever what it said last.
    "limb_force.frozen": Injection(_freeze_limb_force),
    # Grips made from now on have 2 % of their strength.
    "grippers.weak": Injection(_weaken_grippers, at_start=True),
    "imu.frozen": Injection(_freeze_imu),
    "load_cell.frozen": Injection(_freeze_load_cell),
    "bus.sag": Injection(_sag_bus),
    "gauge.broken": Injection(_break_gauge),  # the tank's gauge reads no number
    # A fragment wedges the bit: no forward torque of the spindle turns that.
    "drill.jammed": Injection(_wedge_bit, needs="drill"),
    # The crown shears off and stays in the hole.
    "bit.broken": Injection(_snap_bit, needs="drill"),
    # The feed's drive pushes with 80 N more than it is told to.
    "feed.runaway": Injection(_run_feed_away, needs="drill"),
    # The valve of the sampler's jet no longer shuts: as far open as it is ever opened, it stays.
    "sampler.valve_open": Injection(_stick_jet, at_start=True, needs="sampler"),
}

"""RobotModel: what is known of a robot before connecting to it. Loaded from `robot.yaml` by `modelfile.py`."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from stope.physics.constants import EARTH_GRAVITY_M_S2
from stope.robot.messages import Vector

JointRole = Literal["hip_yaw", "hip_pitch", "knee", "feed", "spindle", "drum"]
JointKind = Literal["revolute", "prismatic", "continuous"]


@dataclass(frozen=True, slots=True)
class Joint:
    """One actuated joint: its limits in joint units (rad or m), its servo gains and its sign on the wire.

    Attributes:
        sign: +1 if the device counts as the URDF does, -1 if it counts the other way.
        kp, kd: servo gains, N m/rad and N m s/rad (N/m and N s/m for a prismatic joint).
    """

    name: str
    role: JointRole
    kind: JointKind
    sign: int
    position_min: float
    position_max: float
    velocity_max: float
    effort_max: float
    kp: float
    kd: float

    @property
    def unit(self) -> str:
        """UCUM code of the position: "m" or "rad"."""
        return "m" if self.kind == "prismatic" else "rad"


@dataclass(frozen=True, slots=True)
class Gripper:
    """What holds the robot at the end of a limb: a microspine gripper, or the rig's clamp.

    Attributes:
        engage_press_n: normal force that the spines need to find the rock.
        engage_s: time to drag the spines in fully.
        stiffness_n_m, stiffness_nm_rad: compliance of the engaged gripper, known from its bench test.
        moment_capacity_nm: moment that the pad can take before it peels.
        rated_normal_n, rated_shear_n: data-sheet strength on rough basalt; what a site's rock gives is belief.
    """

    kind: Literal["microspine", "clamp"]
    spines: int
    engage_press_n: float
    engage_s: float
    stiffness_n_m: float
    stiffness_nm_rad: float
    moment_capacity_nm: float
    rated_normal_n: float
    rated_shear_n: float
    pad_radius_m: float


@dataclass(frozen=True, slots=True)
class Limb:
    """A limb from hip to gripper; the rig's clamp is a limb without joints."""

    name: str
    joints: tuple[int, ...]
    foot_link: str
    gripper: Gripper


@dataclass(frozen=True, slots=True)
class Drill:
    """A coring bit on a linear feed along -z of the base.

    Attributes:
        anchors_required: the drill may push only with at least this many anchors engaged (the rig: its clamp).
        blow_energy_j, blow_rate_hz: percussion; 0 for a purely rotary drill.
        string_stiffness_n_m: axial, from the bench test; measured depth is corrected by what the string is squeezed.
        auger_pitch_m, auger_gap_m: pitch and radial depth of the flights that carry the chips up.
        bit_temperature_max_k: hotter than this the drill rests.
        hood_share: of the chips that flights and hood keep, 0..1.
    """

    feed: int
    spindle: int
    bit_link: str
    bit_outer_m: float
    bit_inner_m: float
    blow_energy_j: float
    blow_rate_hz: float
    spindle_rated_rad_s: float
    torque_constant_nm_a: float
    string_stiffness_n_m: float
    anchors_required: int
    auger_pitch_m: float = 0.010
    auger_gap_m: float = 0.0015
    bit_temperature_max_k: float = 360.0
    hood_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Drums:
    """Counter-rotating bucket drums; `joints` and `links` are in the same order, fore first.

    Attributes:
        hood_share: of what they cut that drums and hood keep, 0..1.
    """

    joints: tuple[int, ...]
    links: tuple[str, ...]
    radius_m: float
    width_m: float
    capacity_kg: float
    rated_rad_s: float
    anchors_required: int
    hood_share: float = 0.0

    @property
    def dig_sign(self) -> tuple[int, ...]:
        """Direction in which each drum digs: lower edges toward each other, so horizontal forces cancel."""
        return tuple(1 if index % 2 == 0 else -1 for index in range(len(self.joints)))


@dataclass(frozen=True, slots=True)
class Sampler:
    """A gas sampler: a nozzle in a round head that is set on the ground and blows loose grains into the bin.

    Attributes:
        jet: place of its nozzle among the thrusters; its thrust lifts the robot off the ground.
        radius_m: of the head's rim; skirt_n_m: stiffness of the skirt around it.
        plume_share: of the thrust, given back by a plume that the ground turns round, 0..1.
        momentum_share: of the jet's momentum that ends in grains; capture_share: of the loosened grains that reach
            the bin. Both from the bench test.
        hood_share: of the other grains that the skirt keeps, 0..1.
    """

    jet: int
    head_link: str
    radius_m: float
    skirt_n_m: float
    plume_share: float
    momentum_share: float
    capture_share: float
    anchors_required: int
    hood_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Thruster:
    """A cold-gas nozzle: where, which way it pushes the robot (base frame), how hard and how long."""

    name: str
    position_m: tuple[float, float, float]
    direction: tuple[float, float, float]
    max_n: float
    specific_impulse_s: float

    @property
    def exhaust_m_s(self) -> float:
        """Speed at which the gas leaves, m/s: thrust over mass flow."""
        return self.specific_impulse_s * EARTH_GRAVITY_M_S2


@dataclass(frozen=True, slots=True)
class Sensor:
    """How a sensor family reports, in its own unit. Each of its errors has its own random stream.

    Attributes:
        noise: one sigma, white, at every reading. bias: one sigma of the offset that each run draws.
        drift: of the offset's random walk, a root second.
        resolution: step of the reading, 0 for none. range: it reports no more than this, either sign.
        least: it reports no less than this: a level, a travel or a tank is never below 0.
        latency_s: age of what is reported. dropout_share: of the readings that do not arrive; the last one is repeated.
    """

    noise: float
    bias: float = 0.0
    drift: float = 0.0
    resolution: float = 0.0
    range: float = math.inf
    latency_s: float = 0.0
    dropout_share: float = 0.0
    least: float = -math.inf


@dataclass(frozen=True, slots=True)
class Sensors:
    """Every sensor family of a robot: units as the names of the file's keys say."""

    joint_position: Sensor
    joint_velocity: Sensor
    gyro: Sensor
    accel: Sensor
    limb_force: Sensor
    load_cell: Sensor
    spindle_current: Sensor
    gripper_travel: Sensor
    gripper_slip: Sensor
    bin_fill: Sensor
    drum_fill: Sensor
    propellant: Sensor


@dataclass(frozen=True, slots=True)
class Actuator:
    """What a drive can do and what it loses, at the joint's output, in joint units (N m and rad, N and m).

    Attributes:
        peak: effort at rest, cold; no_load: speed at which none is left.
        continuous: effort that the winding bears for ever; thermal_s: time constant of its heating.
        coulomb, viscous: friction; slip: speed over which the former turns round.
        backlash: width of the gap; rotor_inertia: what crosses it.
        spread_log_sd: from unit to unit, of the logarithm of continuous effort, friction and backlash.
    """

    peak: float
    no_load: float
    continuous: float
    thermal_s: float
    coulomb: float
    viscous: float
    slip: float
    backlash: float
    rotor_inertia: float
    spread_log_sd: float


@dataclass(frozen=True)
class RobotModel:
    """Everything that is known of the robot before connecting: the one source of limits, signs and units.

    Attributes:
        contact_stiffness_share: of the limb servos' kp that is commanded while the robot touches down.
    """

    name: str
    urdf: Path
    base_link: str
    joints: tuple[Joint, ...]
    limbs: tuple[Limb, ...]
    drill: Drill | None
    drums: Drums | None
    sampler: Sampler | None
    thrusters: tuple[Thruster, ...]
    bin_link: str | None
    bin_capacity_kg: float
    tank_link: str | None
    propellant_kg: float
    stance: tuple[float, ...]
    stance_height_m: float
    max_slope_deg: float
    idle_power_w: float
    bus_voltage_v: float
    sensors: Sensors
    actuators: dict[JointRole, Actuator]
    contact_stiffness_share: float = 1.0

    @cached_property
    def effort_max(self) -> Vector:
        """(n,) N m or N."""
        return np.array([j.effort_max for j in self.joints])

    @cached_property
    def velocity_max(self) -> Vector:
        """(n,) rad/s or m/s."""
        return np.array([j.velocity_max for j in self.joints])

    @cached_property
    def thrust_max_n(self) -> Vector:
        """(thrusters,) N."""
        return np.array([t.max_n for t in self.thrusters])

    @cached_property
    def hold_down_nozzles(self) -> tuple[Thruster, ...]:
        """The thrusters that press the robot to the ground: all but the sampler's jet."""
        jet = self.sampler.jet if self.sampler is not None else -1
        return tuple(thruster for place, thruster in enumerate(self.thrusters) if place != jet)

    @cached_property
    def position_min(self) -> Vector:
        """(n,) rad or m; -inf for continuous joints."""
        return np.array([j.position_min for j in self.joints])

    @cached_property
    def position_max(self) -> Vector:
        """(n,) rad or m; +inf for continuous joints."""
        return np.array([j.position_max for j in self.joints])

    @cached_property
    def limit_rows(self) -> Vector:
        """(4, n) least and greatest position, greatest speed, greatest effort: one array for compiled checks."""
        return np.stack((self.position_min, self.position_max, self.velocity_max, self.effort_max))

    @cached_property
    def limits_hash(self) -> str:
        """SHA-256 over every limit and sign: what host and device compare in the handshake."""
        limits = {
            "joints": [asdict(j) for j in self.joints],
            "thrusters": [asdict(t) for t in self.thrusters],
            "drill": asdict(self.drill) if self.drill else None,
            "drums": asdict(self.drums) if self.drums else None,
            "limbs": [asdict(limb) for limb in self.limbs],
        }
        if self.sampler is not None:
            limits["sampler"] = asdict(self.sampler)
        return hashlib.sha256(json.dumps(limits, sort_keys=True).encode()).hexdigest()

    def joint(self, name: str) -> int:
        """Index of the joint called `name`.

        Raises:
            KeyError: no such joint.
        """
        for index, joint in enumerate(self.joints):
            if joint.name == name:
                return index
        raise KeyError(f"robot {self.name} has no joint {name!r}")

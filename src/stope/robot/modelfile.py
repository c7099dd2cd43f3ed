"""robot.yaml -> RobotModel: the schema of the file, and its agreement with the URDF beside it.

Limits are stated once by joint role with the unit in the key, then given to each joint of that role.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stope.mission.errors import InputError
from stope.mission.source import FileModel, InputErrors, Mismatch, read_tree, validate
from stope.robot import model
from stope.robot.agreement import disagreements
from stope.robot.drives import Drive
from stope.robot.jointlimits import Limits, NotNegative, Positive, check_ordered
from stope.robot.model import JointRole, RobotModel
from stope.robot.urdf import read_urdf

MAX_JOINTS = 16  #: what one link carries (design: at most 16 joints)

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Triple = tuple[float, float, float]


class JointEntry(FileModel):
    """One actuated joint: its role gives the limits; its stance is in rad, or in m if it slides."""

    name: Name
    role: JointRole
    sign: Literal[1, -1]
    stance_rad: float | None = None
    stance_m: float | None = None

    @property
    def stance(self) -> float:
        """Joint units; which of the two keys a joint may use is checked against its kind."""
        return next((value for value in (self.stance_rad, self.stance_m) if value is not None), 0.0)


class GripperEntry(FileModel):
    """See `stope.robot.model.Gripper`."""

    kind: Literal["microspine", "clamp"]
    spines: Annotated[int, Field(ge=0)]
    engage_press_n: NotNegative
    engage_s: Positive
    stiffness_n_m: Positive
    stiffness_nm_rad: Positive
    moment_capacity_nm: Positive
    rated_normal_n: Positive
    rated_shear_n: Positive
    pad_radius_m: Positive


class LimbEntry(FileModel):
    """A limb: joints from hip to foot, and the gripper (a key of `grippers`) at its end."""

    name: Name
    joints: tuple[Name, ...]
    foot_link: Name
    gripper: Name


class DrillEntry(FileModel):
    """See `stope.robot.model.Drill`; joints are named."""

    feed: Name
    spindle: Name
    bit_link: Name
    bit_outer_m: Positive
    bit_inner_m: NotNegative
    blow_energy_j: NotNegative
    blow_rate_hz: NotNegative
    spindle_rated_rad_s: Positive
    torque_constant_nm_a: Positive
    string_stiffness_n_m: Positive
    anchors_required: Annotated[int, Field(ge=0)]
    auger_pitch_m: Positive = 0.010
    auger_gap_m: Positive = 0.0015
    bit_temperature_max_k: Positive = 360.0
    hood_share: Annotated[float, Field(ge=0, le=1)] = 0.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        check_ordered(self, "bit_inner_m", "bit_outer_m")
        if self.auger_gap_m >= 0.5 * self.bit_outer_m:
            raise Mismatch(f"{self.auger_gap_m:g}", "less than the bit's radius", at=("auger_gap_m",))
        return self


class DrumsEntry(FileModel):
    """See `stope.robot.model.Drums`; joints are named."""

    joints: Annotated[tuple[Name, ...], Field(min_length=1)]
    links: Annotated[tuple[Name, ...], Field(min_length=1)]
    radius_m: Positive
    width_m: Positive
    capacity_kg: Positive
    rated_rad_s: Positive
    anchors_required: Annotated[int, Field(ge=0)]
    hood_share: Annotated[float, Field(ge=0, le=1)] = 0.0


class SamplerEntry(FileModel):
    """See `stope.robot.model.Sampler`; the nozzle is named."""

    nozzle: Name
    head_link: Name
    radius_m: Positive
    skirt_n_m: Positive
    plume_share: Annotated[float, Field(ge=0, le=1)]
    momentum_share: Annotated[float, Field(gt=0, le=1)]
    capture_share: Annotated[float, Field(gt=0, le=1)]
    anchors_required: Annotated[int, Field(ge=0)]
    hood_share: Annotated[float, Field(ge=0, le=1)] = 0.0


class ThrusterEntry(FileModel):
    """See `stope.robot.model.Thruster`; the direction is made a unit vector."""

    name: Name
    position_m: Triple
    direction: Triple
    max_n: Positive
    specific_impulse_s: Positive

    @model_validator(mode="after")
    def _directed(self) -> Self:
        if math.hypot(*self.direction) < 1e-6:
            raise Mismatch("a direction without length", "a vector that points somewhere", at=("direction",))
        return self


class BinEntry(FileModel):
    """The sample bin."""

    link: Name
    capacity_kg: Positive


class TankEntry(FileModel):
    """The cold-gas tank; its URDF mass includes the propellant."""

    link: Name
    propellant_kg: Positive


class SensorEntry(FileModel):
    """See `stope.robot.model.Sensor`; amounts in the unit of the family's key, drift per root second."""

    noise: NotNegative
    bias: NotNegative = 0.0
    drift_sqrt_s: NotNegative = 0.0
    resolution: NotNegative = 0.0
    range: Positive | None = None
    latency_s: Annotated[float, Field(ge=0, le=0.2)] = 0.0
    dropout_share: Annotated[float, Field(ge=0, le=0.5)] = 0.0

    def plain(self, least: float = -math.inf) -> model.Sensor:
        """As the simulator takes it."""
        reach = math.inf if self.range is None else self.range
        return model.Sensor(
            self.noise, self.bias, self.drift_sqrt_s, self.resolution, reach, self.latency_s, self.dropout_share, least
        )


NO_SENSOR = SensorEntry(noise=0.0)  # of what is not there, which is always 0


class SensorsEntry(FileModel):
    """Every sensor family; the unit of its amounts is in its key. The simulator's only: hardware has its own.

    A robot with a bin, drums or a tank states their level sensors, too.
    """

    joint_position_rad_or_m: SensorEntry
    joint_velocity_rad_s_or_m_s: SensorEntry
    gyro_rad_s: SensorEntry
    accel_m_s2: SensorEntry
    limb_force_n: SensorEntry
    load_cell_n: SensorEntry
    spindle_current_a: SensorEntry
    gripper_travel_share: SensorEntry
    gripper_slip_m: SensorEntry
    bin_fill_share: SensorEntry | None = None
    drum_fill_share: SensorEntry | None = None
    propellant_kg: SensorEntry | None = None

    def plain(self) -> model.Sensors:
        """As the simulator takes it."""
        return model.Sensors(
            self.joint_position_rad_or_m.plain(), self.joint_velocity_rad_s_or_m_s.plain(),
            self.gyro_rad_s.plain(), self.accel_m_s2.plain(), self.limb_force_n.plain(),
            self.load_cell_n.plain(), self.spindle_current_a.plain(),
            self.gripper_travel_share.plain(least=0.0), self.gripper_slip_m.plain(least=0.0),
            *(
                (level or NO_SENSOR).plain(least=0.0)
                for level in (self.bin_fill_share, self.drum_fill_share, self.propellant_kg)
            ),
        )  # fmt: skip


class RobotFile(FileModel):
    """The whole of robot.yaml."""

    name: Name
    urdf: Annotated[str, Field(pattern=r"^[\w][\w.-]*\.urdf$")]
    base_link: Name
    joint_roles: dict[JointRole, Limits]
    joints: Annotated[tuple[JointEntry, ...], Field(min_length=1, max_length=MAX_JOINTS)]
    stance_height_m: Positive
    grippers: dict[Name, GripperEntry]
    limbs: Annotated[tuple[LimbEntry, ...], Field(min_length=1)]
    drill: DrillEntry | None = None
    drums: DrumsEntry | None = None
    sampler: SamplerEntry | None = None
    thrusters: tuple[ThrusterEntry, ...] = ()
    bin: BinEntry | None = None
    tank: TankEntry | None = None
    max_slope_deg: Annotated[float, Field(gt=0, lt=90)]
    contact_stiffness_share: Annotated[float, Field(gt=0, le=1)] = 1.0  # of the limbs' kp, while touching down
    idle_power_w: NotNegative
    bus_voltage_v: Positive
    sensors: SensorsEntry
    actuators: dict[JointRole, Drive] = Field(default={})  # the simulator's; a role that is left out is ideal


def load_robot(path: Path) -> RobotModel:
    """Read robot.yaml and check it against its URDF.

    Raises:
        InputError: one thing is wrong; says file, line, field, what was read and what was expected.
        InputErrors: several things are wrong.
    """
    tree = read_tree(path)
    file = validate(tree, RobotFile)
    urdf = read_urdf(Path(path).parent / file.urdf)
    errors = []
    for complaint in disagreements(file, urdf):
        line, column = tree.where(complaint.field) or (None, None)
        field = ".".join(str(step) for step in complaint.field)
        errors.append(
            InputError(
                tree.file, read=complaint.read, expected=complaint.expected, field=field, line=line, column=column
            )
        )
    if errors:
        raise errors[0] if len(errors) == 1 else InputErrors(errors)
    return _model(file, urdf.file)


def _model(file: RobotFile, urdf: Path) -> RobotModel:
    index = {joint.name: i for i, joint in enumerate(file.joints)}
    grippers = {name: model.Gripper(**entry.model_dump()) for name, entry in file.grippers.items()}
    return RobotModel(
        name=file.name,
        urdf=urdf,
        base_link=file.base_link,
        joints=tuple(_joint(entry, file.joint_roles[entry.role]) for entry in file.joints),
        limbs=tuple(
            model.Limb(limb.name, tuple(index[name] for name in limb.joints), limb.foot_link, grippers[limb.gripper])
            for limb in file.limbs
        ),
        drill=_drill(file.drill, index) if file.drill else None,
        drums=_drums(file.drums, index) if file.drums else None,
        sampler=_sampler(file.sampler, file.thrusters) if file.sampler else None,
        thrusters=tuple(_thruster(entry) for entry in file.thrusters),
        bin_link=file.bin.link if file.bin else None,
        bin_capacity_kg=file.bin.capacity_kg if file.bin else 0.0,
        tank_link=file.tank.link if file.tank else None,
        propellant_kg=file.tank.propellant_kg if file.tank else 0.0,
        stance=tuple(entry.stance for entry in file.joints),
        stance_height_m=file.stance_height_m,
        max_slope_deg=file.max_slope_deg,
        idle_power_w=file.idle_power_w,
        bus_voltage_v=file.bus_voltage_v,
        sensors=file.sensors.plain(),
        actuators={role: drive.plain() for role, drive in file.actuators.items()},
        contact_stiffness_share=file.contact_stiffness_share,
    )


def _joint(entry: JointEntry, limits: Limits) -> model.Joint:
    low, high, velocity, effort, kp, kd = limits.plain()
    return model.Joint(entry.name, entry.role, limits.kind, entry.sign, low, high, velocity, effort, kp, kd)


def _drill(entry: DrillEntry, index: dict[str, int]) -> model.Drill:
    named = entry.model_dump(exclude={"feed", "spindle"})
    return model.Drill(feed=index[entry.feed], spindle=index[entry.spindle], **named)


def _drums(entry: DrumsEntry, index: dict[str, int]) -> model.Drums:
    named = entry.model_dump(exclude={"joints", "links"})
    return model.Drums(joints=tuple(index[name] for name in entry.joints), links=tuple(entry.links), **named)


def _sampler(entry: SamplerEntry, thrusters: tuple[ThrusterEntry, ...]) -> model.Sampler:
    jet = next(place for place, thruster in enumerate(thrusters) if thruster.name == entry.nozzle)
    return model.Sampler(jet=jet, **entry.model_dump(exclude={"nozzle"}))


def _thruster(entry: ThrusterEntry) -> model.Thruster:
    length = math.hypot(*entry.direction)
    px, py, pz = entry.position_m
    dx, dy, dz = (part / length for part in entry.direction)
    return model.Thruster(entry.name, (px, py, pz), (dx, dy, dz), entry.max_n, entry.specific_impulse_s)

"""Build one run from a request: world, robot, belief, control and executive, each in its place.

The only module that hands the truth to the simulator and beliefs to everything above the seam. Believed gravity, escape
speed and prior strengths come from the same shape model and material files as the truth is drawn from (unless the
mission's `believed` says otherwise); the drawn values, and pose and attitude without their errors, stay below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stope.belief.anchors import AnchorBelief
from stope.belief.bed import LooseBed
from stope.belief.hazards import Exposure
from stope.clock import RunClock
from stope.control.bitcare import BitCare
from stope.control.contact import REBOUND_SHARE, contact_speed_m_s
from stope.control.drilling import unknown_rock
from stope.control.estimator import Estimator
from stope.control.rotation import exponential, quaternion
from stope.control.stack import ControlStack
from stope.control.stance import Stance
from stope.executive.checkpoint import Checkpoint, read_checkpoint
from stope.executive.tasks import Workshop
from stope.mission.body import Body, ObjShape, load_body
from stope.mission.errors import InputError
from stope.mission.material import load_material
from stope.mission.missionfile import Anchor, Collect, Descend, DrillTask, Mission, Sample, read_mission
from stope.mission.procedural import ellipsoid_mesh
from stope.mission.resolve import resolved_mission
from stope.mission.shape import Mesh
from stope.mission.shapefile import load_obj
from stope.mission.shipped import find_data
from stope.mission.streams import random_stream
from stope.mission.yamltree import Tree
from stope.physics.gravity import Polyhedron
from stope.physics.site_field import SiteError, SiteField, site_field
from stope.robot.messages import Vector
from stope.robot.model import RobotModel
from stope.robot.modelfile import load_robot
from stope.robot.seam import Robot
from stope.session.fit import check_fit
from stope.session.orders import OrderBox
from stope.session.pace import Pace
from stope.session.request import RunRequest
from stope.session.robot_choice import AT_HAND, check_robot
from stope.session.robots import drive
from stope.sim.injection import INJECTIONS
from stope.sim.patch import build_patch
from stope.sim.plant import AsteroidPlant
from stope.sim.states import StartPose
from stope.sim.truth import TrueGround

PHYSICS_US = 2_000  # the compliant anchors ring at 5 000 (tests/sim/test_hygiene.py)
EXECUTIVE_US = 50_000
NAVIGATION_M = 0.002  # one sigma of the hand-over state from navigation
NAVIGATION_M_S = 0.001
NAVIGATION_RAD = 0.003
SURVEY_RAD = 0.01  # one sigma of the ground's attitude as surveyed before the descent
NEED_MARGIN = 1.25
LOAD_CYCLE_S = 60.0  # a tool takes its load off the anchors this seldom: pecks, passes of the drums
CLEAR_RADIUS_M = 1.1  # no boulder where the feet come down


@dataclass(frozen=True)
class Run:
    """All parts of one run.

    Attributes:
        plant: the simulated world where that is in this process; None with hardware, whose truth nobody knows.
        rehearsal: a second stack that ticks before the robot is armed, so that compiled code is there when it matters.
        causes: what made the device stop, in its own words.
        pace: what holds a device in virtual time to the wall's; None without one.
        control_us: control period that this robot's line carries.
        refusal: why the site cannot be worked at all; empty when it can.
        resolved: the resolved mission document.
        orders: what a person orders while it runs.
        resumed: the checkpoint from which it goes on; None for a new run.
    """

    request: RunRequest
    mission: Mission
    body: Body
    resolved: dict[str, object]
    field: SiteField
    clock: RunClock
    robot: Robot
    plant: AsteroidPlant | None
    control_us: int
    causes: list[str]
    pace: Pace | None
    stack: ControlStack
    rehearsal: ControlStack
    stance: Stance
    workshop: Workshop
    min_anchors: int
    refusal: str
    orders: OrderBox
    resumed: Checkpoint | None


def build(request: RunRequest) -> Run:
    """Load, check and assemble.

    Raises:
        InputError: something in the request or its files cannot be used.
    """
    mission, tree = read_mission(request.mission, request.overrides)
    model = load_robot(find_data("robot", mission.robot))
    check_fit(mission, tree, model)
    _check_request(request, mission, model)
    body = load_body(request.body if request.body is not None else mission.body, request.body_unit)
    seed = mission.seed if request.seed is None else request.seed
    names = dict.fromkeys(mission.materials)
    materials = {name: load_material(name) for name in names}
    resumed = read_checkpoint(request.out) if request.resume else None
    resolved = resolved_mission(mission.model_copy(update={"seed": seed}), body, *materials.values())
    if resumed is not None and resumed.mission_sha256 != resolved["sha256"]:
        raise InputError(
            str(request.out), read=f"a checkpoint of mission {resumed.mission_sha256[:12]}...",
            expected=f"one of {str(resolved['sha256'])[:12]}...", remedy="the mission's files have changed since",
        )  # fmt: skip
    field, mesh = _field(body, mission)
    _check_approach(mission, tree, field)
    level = _level(field.surface_normal)
    start, rotation = _start(mission, model, level, seed)
    handed = HandOver.draw(start, rotation, level, mesh is None, seed)
    # A robot that stayed goes on in the time of its run; a simulated one is played again from the start.
    clock = RunClock(resumed.time_us if resumed is not None and request.robot not in AT_HAND else 0)
    driven = drive(request, model, lambda: _plant(request, mission, model, body, field, mesh, start, seed), clock)
    rock, cover = materials[mission.believed.rock], materials[mission.believed.cover]

    def stack() -> ControlStack:
        belief = AnchorBelief(
            *_gripper_medians(model, rock.spine_normal_n, rock.spine_shear_n),
            friction=rock.foot_friction,
            log_sd=max(rock.spine_log_sd, 0.05),
            anchors=len(model.limbs),
            exposure=_exposure(mission),
        )
        return ControlStack(
            model,
            belief,
            _estimator(model, field, handed, driven.control_us),
            rock.foot_friction,
            mission.hold_probability,
            driven.control_us,
            field.acceleration_m_s2,
            handed.level,
            body.offload_fraction,
        )

    stance = Stance(model)
    anchor = next((task for task in mission.tasks if isinstance(task, Anchor)), None)
    descend = next((task for task in mission.tasks if isinstance(task, Descend)), None)
    workshop = Workshop(
        stance=stance,
        rock=unknown_rock(model.drill, rock.specific_energy_ratio.median) if model.drill else None,
        hold_down_n=descend.hold_down_n if descend else 0.0,
        preload_n=anchor.preload_n if anchor and len(model.limbs) > 1 else 0.0,
        escape_speed_m_s=field.escape_speed_m_s,
        care=BitCare(model.drill) if model.drill else None,
        model=model,
        risk=1.0 - mission.hold_probability,
        needed_n=_needed_pull_n(mission, model),
        bed=LooseBed(cover.cohesion_pa, cover.density_kg_m3, float(np.linalg.norm(field.acceleration_m_s2))),
    )
    return Run(
        request=request,
        mission=mission.model_copy(update={"seed": seed}),
        body=body,
        resolved=resolved,
        field=field,
        clock=clock,
        robot=driven.robot,
        plant=driven.plant,
        control_us=driven.control_us,
        causes=driven.causes,
        pace=driven.pace,
        stack=stack(),
        rehearsal=stack(),
        stance=stance,
        workshop=workshop,
        min_anchors=anchor.min_anchors if anchor else 1,
        refusal=_refusal(model, field),
        orders=_orders(request, resumed),
        resumed=resumed,
    )


def _orders(request: RunRequest, resumed: Checkpoint | None) -> OrderBox:
    """Orders of a new run; of one that goes on, those that it had heard, at their times, and what comes after them."""
    folder = request.out if request.attended else None
    if resumed is None:
        return OrderBox(request.orders, folder)
    return OrderBox((), folder, resumed.orders, resumed.orders_read, resumed.time_us)


def _check_approach(mission: Mission, tree: Tree, field: SiteField) -> None:
    """The nozzles only press down: nothing on the robot can slow an approach that is too fast to touch with."""
    most_m_s = contact_speed_m_s(field.escape_speed_m_s)
    if isinstance(mission.tasks[0], Descend) and mission.approach.velocity_m_s > most_m_s:
        raise tree.error(
            ("approach", "velocity_m_s"),
            f"{mission.approach.velocity_m_s:g}",
            f"at most {most_m_s:.3f} m/s: faster, a rebound may exceed {REBOUND_SHARE:.0%} of escape speed",
        )


def _check_request(request: RunRequest, mission: Mission, model: RobotModel) -> None:
    check_robot(request)
    if request.seed is not None and request.seed < 0:
        raise InputError("--seed", read=str(request.seed), expected="a whole number of 0 or more")
    tasks = [task.task for task in mission.tasks]
    for name in request.ask:
        if name not in tasks:
            raise InputError("--ask", read=f"'{name}'", expected=f"a task of this mission: {', '.join(tasks)}")
    for text in request.inject:
        fault, _, task = text.partition("@")
        if fault not in INJECTIONS:
            known = ", ".join(INJECTIONS)
            raise InputError("--inject", read=f"'{fault}'", expected=f"one of {known}")
        if not INJECTIONS[fault].befits(model):
            needs = INJECTIONS[fault].needs
            raise InputError(
                "--inject", read=f"'{fault}'", expected=f"a fault that {model.name} can have; it has no {needs}"
            )
        if task not in tasks:
            raise InputError("--inject", read=f"'@{task}'", expected=f"a task of this mission: {', '.join(tasks)}")


def _field(body: Body, mission: Mission) -> tuple[SiteField, Mesh | None]:
    shape = body.shape
    if shape.kind == "flat":
        assert body.gravity_m_s2 is not None  # checked by Body
        return SiteField.uniform(body.gravity_m_s2), None
    if isinstance(shape, ObjShape):
        mesh = load_obj(Path(shape.path), unit=shape.unit)
    else:
        mesh = ellipsoid_mesh(shape.semi_axes_m, roughness=shape.roughness, seed=shape.seed, faces=shape.faces)
    polyhedron = Polyhedron.from_mesh(mesh, body.density_for(mesh.volume_m3))
    period_s = body.spin_period_s if body.spin_period_s is not None else math.inf
    site = mission.site
    try:
        return site_field(polyhedron, mesh, period_s, site.latitude_deg, site.longitude_deg), mesh
    except SiteError as error:
        raise InputError(
            f"body {body.name}",
            read=str(error),
            expected="a site that gravity presses onto",
            remedy="choose another site",
        ) from error


def build_world(request: RunRequest) -> AsteroidPlant:
    """The simulated world of a request alone: for a plant that runs apart from its stack.

    Raises:
        InputError: as `build`.
    """
    mission, _ = read_mission(request.mission, request.overrides)
    model = load_robot(find_data("robot", mission.robot))
    body = load_body(request.body if request.body is not None else mission.body, request.body_unit)
    seed = mission.seed if request.seed is None else request.seed
    field, mesh = _field(body, mission)
    start, _ = _start(mission, model, _level(field.surface_normal), seed)
    return _plant(request, mission, model, body, field, mesh, start, seed)


def _plant(
    request: RunRequest,
    mission: Mission,
    model: RobotModel,
    body: Body,
    field: SiteField,
    mesh: Mesh | None,
    start: StartPose,
    seed: int,
) -> AsteroidPlant:
    site = mission.site
    try:
        heights = build_patch(
            field,
            mesh,
            size_m=site.patch_size_m,
            cell_m=site.cell_m,
            roughness_m=site.roughness_m,
            cover_m=site.cover_m,
            pond_radius_m=site.pond_radius_m,
            boulders=site.boulders,
            boulder_max_m=site.boulder_max_m,
            clear_radius_m=CLEAR_RADIUS_M,
            rng=random_stream(seed, "world.patch"),
        )
    except (SiteError, ValueError) as error:
        raise InputError(
            f"mission {mission.name}: site",
            read=str(error),
            expected="a patch that fits the body",
            remedy="move or shrink it",
        ) from error
    below = [(load_material(layer.material), layer.top_m, layer.spread_m) for layer in site.layers]
    ground = TrueGround.draw(load_material(site.rock), load_material(site.cover), seed, below)
    return AsteroidPlant(
        model,
        field,
        heights,
        ground,
        start,
        PHYSICS_US,
        seed,
        offload_fraction=body.offload_fraction,
        grippers_work=request.anchors != "none",
    )


def _level(normal: Vector) -> Vector:
    """Attitude (3, 3) whose z is the surface normal and whose x is as near to east as it can be."""
    x = np.array((1.0, 0.0, 0.0)) - normal[0] * normal
    x = x / np.linalg.norm(x)
    return np.column_stack((x, np.cross(normal, x), normal))


def _start(mission: Mission, model: RobotModel, level: Vector, seed: int) -> tuple[StartPose, Vector]:
    flying = bool(mission.tasks) and isinstance(mission.tasks[0], Descend)
    rotation, height, velocity = level, model.stance_height_m, np.zeros(3)
    if flying:
        approach = mission.approach
        azimuth = random_stream(seed, "world.approach").uniform(0.0, 2.0 * math.pi)
        tilt = math.radians(approach.tilt_deg) * np.array((math.cos(azimuth), math.sin(azimuth), 0.0))
        rotation = level @ exponential(tilt)
        height += approach.height_m
        velocity = -approach.velocity_m_s * level[:, 2]
    start = StartPose(
        position_m=height * level[:, 2],
        quaternion=quaternion(rotation),
        velocity_m_s=velocity,
        angular_rad_s=np.zeros(3),
        joint_position=np.array(model.stance),
    )
    return start, rotation


@dataclass(frozen=True)
class HandOver:
    """What navigation and survey tell the stack at the start: the truth with their errors, never the truth itself.

    Attributes:
        rotation: (3, 3) of the base; level: (3, 3) attitude parallel to the ground.
    """

    position_m: Vector
    rotation: Vector
    velocity_m_s: Vector
    level: Vector

    @classmethod
    def draw(cls, start: StartPose, rotation: Vector, level: Vector, bench: bool, seed: int) -> HandOver:
        """Add the errors of one run. On a bench gravity itself levels robot and rig, so attitudes are exact there."""
        error = random_stream(seed, "sensor.navigation")
        position = start.position_m + NAVIGATION_M * error.standard_normal(3)
        velocity = start.velocity_m_s + NAVIGATION_M_S * error.standard_normal(3)
        if bench:
            return cls(position, rotation, velocity, level)
        tilted = rotation @ exponential(NAVIGATION_RAD * error.standard_normal(3))
        surveyed = level @ exponential(SURVEY_RAD * error.standard_normal(3))
        return cls(position, tilted, velocity, surveyed)


def _estimator(model: RobotModel, field: SiteField, handed: HandOver, control_us: int) -> Estimator:
    """Starts from the hand-over; gravity is that of the shape model, which the mission planners have too."""
    return Estimator(
        handed.position_m,
        handed.rotation,
        handed.velocity_m_s,
        field.acceleration_m_s2,
        control_us * 1e-6,
        np.array([limb.gripper.kind == "clamp" for limb in model.limbs]),
    )


def _gripper_medians(model: RobotModel, normal_n: float, shear_n: float) -> tuple[Vector, Vector]:
    """Believed median strength of each gripper in this rock; a clamp holds what its data sheet says."""
    normal, shear = [], []
    for limb in model.limbs:
        gripper = limb.gripper
        clamp = gripper.kind == "clamp"
        normal.append(gripper.rated_normal_n if clamp else normal_n * gripper.spines / 256.0)
        shear.append(gripper.rated_shear_n if clamp else shear_n * gripper.spines / 256.0)
    return np.array(normal), np.array(shear)


def _exposure(mission: Mission) -> Exposure:
    """What the longest tool task may do to an anchor: load for its whole time, put on anew each minute."""
    tools = (task for task in mission.tasks if isinstance(task, DrillTask | Collect | Sample))
    longest = max((task.timeout_s for task in tools), default=0.0)
    return Exposure(longest, longest / LOAD_CYCLE_S)


def _needed_pull_n(mission: Mission, model: RobotModel) -> float:
    """Pull that drilling asks of one anchor, were no more left than the drill needs; inf without drilling.

    A margin of a quarter over the even share, as the planner's.
    """
    weights = [task.weight_on_bit_max_n for task in mission.tasks if isinstance(task, DrillTask)]
    if not weights or model.drill is None:
        return math.inf
    return NEED_MARGIN * max(weights) / model.drill.anchors_required


def _refusal(model: RobotModel, field: SiteField) -> str:
    if field.slope_deg > model.max_slope_deg:
        return f"the site slopes by {field.slope_deg:.0f} deg, {model.name} works up to {model.max_slope_deg:.0f} deg"
    return ""

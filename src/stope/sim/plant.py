"""The plant: robot and ground as motors and sensor wires see them, in PyBullet. Implements `robot.Plant`.

Fast work is done every `step_us` and compiled (`fast_step`: feet, bit, thrust, rigid bodies, encoders); slow work every
10 ms (gravity at the new place, mass flow, gripper travel, inertial sensors, settlement of the impulse book). Forces of
ground and gas reach PyBullet as the joint efforts and the one base wrench that they amount to.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from stope.physics.site_field import SiteField
from stope.robot.messages import Codes, Efforts, RawSensors, Vector
from stope.robot.model import RobotModel
from stope.robot.seam import PhysicsDivergedError
from stope.robot.tree import Tree
from stope.sim.actuators import build_motors
from stope.sim.bit import NO_BIT, WEIGHT, BitInGround
from stope.sim.bound import bind
from stope.sim.bullet import BulletWorld
from stope.sim.cargo import Cargo
from stope.sim.drums import NO_DRUMS, DrumsInGround
from stope.sim.fast_step import (
    Bodies,
    Field,
    Ground,
    Loads,
    Motion,
    Robot,
    many_steps,
    one_step,
    pull,
    read_state,
    settle_period,
)
from stope.sim.footing import FOOT, GYRATION_M, Footing
from stope.sim.gas_head import GasHead
from stope.sim.gripping import Grippers
from stope.sim.ground_mesh import GroundMesh
from stope.sim.heightmap import HeightMap
from stope.sim.massflow import MassFlow
from stope.sim.momentum import ImpulseBook
from stope.sim.near_ground import NearGround, Rows
from stope.sim.sensors import SensorSuite
from stope.sim.servo import JointServo
from stope.sim.states import StartPose, TrueState
from stope.sim.truth import TrueGround
from stope.sim.valves import Valves

SLOW_US = 10_000
FLOW_US = 50_000  # mass moves in parcels of this period
LOOK_US = 100_000  # between looks at whether body or knees could touch the ground
PLAUSIBLE_SPEED = 50.0  # m/s and rad/s


class AsteroidPlant:
    """One robot on one patch of ground.

    Args:
        model: the robot.
        field: effective gravity around the site, site frame.
        heights: the patch; dug and heaped by this plant.
        ground: its true material numbers.
        start: where the robot begins.
        step_us: physics step; must divide 10 ms.
        seed: of the run.
        offload_fraction: share of the weight that a lab hoist carries at the base, 0 on an asteroid.
        grippers_work: False for `--anchors none`.
    """

    def __init__(
        self,
        model: RobotModel,
        field: SiteField,
        heights: HeightMap,
        ground: TrueGround,
        start: StartPose,
        step_us: int,
        seed: int,
        offload_fraction: float = 0.0,
        grippers_work: bool = True,
    ) -> None:
        if SLOW_US % step_us:
            raise ValueError(f"physics step {step_us} us does not divide {SLOW_US} us")
        self.model, self.field, self.heights, self.ground = model, field, heights, ground
        self.seed = seed
        self.time_us = 0
        self._step_us, self._step_s, self._slow_s = step_us, step_us * 1e-6, SLOW_US * 1e-6
        self._offload = offload_fraction
        self._build_world(start)
        self._build_tools(seed)
        whole = self._tree.total_mass_kg, self._tree.total_mass_kg * GYRATION_M**2
        behind = [FOOT if limb.joints else whole for limb in model.limbs]
        self.footing = Footing([limb.gripper for limb in model.limbs], ground.rock.foot_friction, behind)
        self._around = NearGround(model, self._body, self.mesh, heights, self._tree, self.footing, self.bit, self.drums)
        self.grippers = Grippers(model, self.footing, heights, ground, grippers_work, self._slow_s)
        self.sensors = SensorSuite(model, seed, self._step_s, self._slow_s, FLOW_US * 1e-6)
        self.motors = build_motors(model, seed)
        self._start_books()

    # --- construction -------------------------------------------------------------------------------------------------

    def _build_world(self, start: StartPose) -> None:
        model = self.model
        names = tuple(joint.name for joint in model.joints)
        tools = ((model.drill.bit_link,) if model.drill else ()) + ((model.sampler.head_link,) if model.sampler else ())
        tools += model.drums.links if model.drums else ()
        feet = tuple(limb.foot_link for limb in model.limbs)
        self._world = BulletWorld(self._step_us)
        self.mesh = GroundMesh(self._world, self.heights, self.ground.rock.foot_friction)
        self._body = self._world.load_robot(model.urdf, names, start.position_m, start.quaternion, start.joint_position)
        self._body.set_base_velocity(np.concatenate((start.velocity_m_s, start.angular_rad_s)))
        self._many_steps: Callable[..., int] | None = None  # bound at their first call
        self._settle_period: Callable[..., bool] | None = None
        self._tree = Tree(model.urdf, names, feet + tools)
        self._bodies = Bodies(self._world.client, self._body.body, self.mesh.body, self._body.dofs)
        self.rows = Rows.of(model)
        self._wrench = np.zeros((len(feet) + len(tools), 6))

    def _build_tools(self, seed: int) -> None:
        model, gravity = self.model, float(np.linalg.norm(self.field.acceleration_m_s2))
        self.bit = BitInGround(model.drill, self.ground) if model.drill else None
        self.drums = DrumsInGround(model.drums, self.ground, self.heights, gravity) if model.drums else None
        self.flow = MassFlow(model, self.ground, self.heights, self.field, self.bit, self.drums, seed)
        self.head = None
        if model.sampler is not None:
            jet = model.thrusters[model.sampler.jet]
            self.head = GasHead(model.sampler, jet, self.ground, self.heights, gravity)
        self._spindle = model.drill.spindle if model.drill else -1

    def _start_books(self) -> None:
        joints = len(self.model.joints)
        # Joint positions, joint velocities and base in one array, because PyBullet is read in one piece.
        self._state = np.zeros(2 * joints + 13)
        self._q, self._dq, self._base = np.split(self._state, (joints, 2 * joints))
        self._reading = np.zeros(2 * joints + 1)
        self._effort = np.zeros(joints)
        self._bump, self._kick, self._kicked = np.zeros(6), np.zeros(6), False
        self._grip_drive = np.zeros(len(self.model.limbs), dtype=np.int8)
        self._loads = Loads(self._wrench, np.zeros(6), np.zeros(6), np.zeros(3), np.zeros((5, 6)), np.zeros(joints))
        self._ground = Ground(
            self.footing.packed,
            self.bit.packed if self.bit else NO_BIT._replace(state=NO_BIT.state.copy()),
            self.drums.packed if self.drums else NO_DRUMS,
        )
        self._robot = Robot(self._tree.packed, self._state, self.motors)
        sampler = self.model.sampler
        self.valves = Valves(self.model.thrusters, self._loads.gas, sampler.jet if sampler else -1)
        self._sound()
        read_state(self._world.client, self._body.body, self._body.dofs, self._state)
        self._tree.sweep(self._base, self._q, self._dq)
        momentum = self._tree.momentum
        self.impulses = ImpulseBook(momentum[:6])
        self._book = self.impulses.packed
        links = self.model.drums.links if self.model.drums is not None else ()
        gyration_m2 = dict.fromkeys(links, self.drums.gyration_m2) if self.drums is not None else {}
        self._cargo = Cargo(self.model, self._body, self._tree, self.impulses, gyration_m2)
        self._field = Field(self.field.acceleration_m_s2, *self.field.linear)
        self._motion = Motion(momentum[6:9].copy(), self._base[7:10].copy(), np.zeros(3), np.zeros(3), np.zeros(1))
        pull(self._bodies, momentum, self._motion.gravity, self._field)
        self._loads.hoist[:] = -self._offload * self._tree.total_mass_kg * self._motion.gravity
        self._look_at_ground()
        self._feel(np.zeros(3))

    # --- robot.Plant --------------------------------------------------------------------------------------------------

    @property
    def step_us(self) -> int:
        """Physics step in microseconds."""
        return self._step_us

    def step(self, efforts: Efforts) -> RawSensors:
        """Advance by one physics step; see `robot.Plant.step`."""
        self._effort = np.ascontiguousarray(efforts.joint, dtype=np.float64)
        if self.bit is not None:
            self.bit.hammer = efforts.hammer
        self._prepare(efforts.brake, efforts.anchor, efforts.thrust_n)
        one_step(
            self._bodies,
            self._robot,
            self._ground,
            self._loads,
            efforts.joint,
            self._spindle,
            self._step_s,
            self._around.near,
        )
        self._finish(1)
        return self.sense()

    def glide(
        self,
        servo: JointServo,
        anchor: Codes,
        thrust_n: Vector,
        hammer: float,
        now: RawSensors,
        steps: int,
        watch_n: float,
    ) -> RawSensors:
        """Advance by up to `steps` steps under a servo in one compiled loop; the same bits as by single steps.

        Args:
            servo: holds set-points and brakes; anchor, thrust_n, hammer: as in `Efforts`.
            now: the newest reading.
            watch_n: measured weight on bit above which, as when the spindle saturates, the loop ends for the device.

        Returns:
            The newest reading: `now` itself when the device must look before the first step.
        """
        if self.bit is not None:
            self.bit.hammer = hammer
        self._prepare(servo.braked, anchor, thrust_n)
        draws, reading, effort = self.sensors.fast.coming(), self._reading.copy(), np.empty_like(self._effort)
        steps = min(steps, self._unwatched_steps(), len(draws))
        arguments = (
            self._bodies, self._robot, self._ground, self._loads, effort, self._spindle, self._step_s,
            self._around.near, servo.set_points, servo.gains, reading, draws, self.sensors.fast.wires, steps, watch_n,
        )  # fmt: skip
        if self._many_steps is None:
            self._many_steps = bind(many_steps, *arguments)
        done = self._many_steps(*arguments)
        if done == 0:
            return now
        self._effort, self._reading = effort, reading
        self.sensors.fast.use(done)
        self._finish(done)
        return self.sensors.read(self.time_us, reading, effort)

    def sense(self) -> RawSensors:
        """What the sensors' wires say now."""
        true = np.append(self._state[: len(self._reading) - 1], self._ground.bit.state[WEIGHT])
        self._reading = self.sensors.fast.read(true, self._reading)
        return self.sensors.read(self.time_us, self._reading, self._effort)

    def push(self, wrench: Vector) -> None:
        """Let something else (a bump, a test stand) push the base: force and torque (6,), world axes, until changed."""
        self._bump = wrench.copy()
        self._loads.outside[:] = self._bump + self._kick

    def run_away(self, joint: int, effort: float) -> None:
        """Let a joint's drive add this effort by itself (fault injection); a closed brake holds against it."""
        self._loads.drive_fault[joint] = effort

    def pose(self) -> tuple[Vector, Vector]:
        """Base position (3,) and attitude (3, 3): for sensors that look at the world."""
        return self._base[:3], self._tree.base_rotation

    def close(self) -> None:
        """Free the PyBullet client."""
        self._world.close()

    # --- truth, for log, pictures and fault injection -----------------------------------------------------------------

    def truth(self) -> TrueState:
        """The present true state."""
        s = self.footing.state
        holds = s.engagement * s.health
        return TrueState(
            time_us=self.time_us,
            position_m=self._base[:3].copy(),
            quaternion=self._base[3:7].copy(),
            velocity_m_s=self._base[7:10].copy(),
            angular_rad_s=self._base[10:13].copy(),
            joint_position=self._q.copy(),
            foot_force_n=self._wrench[: self.rows.feet, :3].copy(),
            strength_n=np.stack((s.normal_n * holds, s.shear_n * holds), axis=1),
            hole_depth_m=self.bit.depth_m if self.bit else 0.0,
        )

    def momentum_error(self) -> float:
        """Relative residual of the impulse book; meaningful at multiples of 10 ms, when it is settled."""
        return self.impulses.relative_error(self._tree.momentum)

    def momentum_residual(self) -> Vector:
        """(6,) N s and N m s that no booked impulse explains."""
        return np.asarray(self._tree.momentum[:6] - self.impulses.expected())

    # --- fast work ----------------------------------------------------------------------------------------------------

    def _prepare(self, brake: npt.NDArray[np.bool_], anchor: Codes, thrust_n: Vector) -> None:
        """Before the next steps: brakes, valves, gripper drives, and what is seldom near the ground."""
        self._body.brake(brake, self.model.effort_max)
        self._grip_drive = anchor
        self.valves.ask(thrust_n, self._any_gas)
        self._around.touch_down()

    @property
    def _any_gas(self) -> bool:
        return self.flow.propellant_ug > 0

    def _unwatched_steps(self) -> int:
        """Steps until slow work is due; one while something near the ground must be looked at in every step."""
        if self._around.bit_is_about_to_touch:
            return 1
        return (SLOW_US - self.time_us % SLOW_US) // self._step_us

    def _finish(self, steps: int) -> None:
        self._tree.swept()
        self.time_us += steps * self._step_us
        if self.time_us % SLOW_US == 0:
            self._slow_step()

    # --- slow work ----------------------------------------------------------------------------------------------------

    def _slow_step(self) -> None:
        self._settle()
        self.valves.burn(self._slow_s)
        if self.time_us % FLOW_US == 0:
            self._move_mass()
        self.grippers.work(self._grip_drive, self._tree)
        self._look_at_ground()

    def _settle(self) -> None:
        """Book the impulses of the period, project PyBullet's momentum drift out, read the inertial sensors."""
        tree = self._tree
        kick = self._kick * self._slow_s
        if self._kicked:
            kick[3:] += _cross(self._base[:3], kick[:3])
        arguments = (
            self._bodies, self._robot, tree.weighed, self.footing.state.sums, self._loads, self._book, self._motion,
            self._field, self._effort, self._step_s, self._slow_s, self._offload, tree.total_mass_kg, PLAUSIBLE_SPEED,
        )  # fmt: skip
        if self._settle_period is None:
            self._settle_period = bind(settle_period, *arguments)
        if not self._settle_period(*arguments):
            raise PhysicsDivergedError(f"at {self.time_us * 1e-6:.3f} s the base moved at {self._base[7:10]} m/s")
        if self._kicked:
            self.impulses.rename("outside", "ejecta", kick)
        tree.swept(summed=True)
        self._feel(self._motion.felt)

    def _feel(self, specific_force: Vector) -> None:
        """Sample the 100 Hz sensors: specific force (3,) of the base in world axes, and everything else as it is."""
        state = self.footing.state
        self.sensors.read_slow(
            self._tree.base_rotation,
            self._base[10:13],
            specific_force,
            self._wrench[: self.rows.feet, :3],
            self._effort,
            self.grippers.phase,
            state.engagement,
            state.slip_m,
            float(self._motion.energy_j[0]),
        )

    def _sound(self) -> None:
        """Let the level sensors look: levels change when mass moves."""
        flow = self.flow
        self.sensors.read_levels(flow.bin_fill, flow.drum_fill(), flow.propellant_ug * 1e-9)

    def _move_mass(self) -> None:
        flow, model = self.flow, self.model
        burnt_kg, blown_kg = self.valves.taken_kg()
        if burnt_kg:
            vented_kg = flow.vent(burnt_kg) * 1e-9
            if self.head is not None and blown_kg:
                flow.blow(self.head, min(blown_kg, vented_kg), FLOW_US * 1e-6)
            self.valves.open(self._any_gas)
        if model.drill is not None:
            flow.bore(float(self._dq[model.drill.spindle]))
            flow.stow_core(float(self._q[model.drill.feed]))
        if model.drums is not None and (self._around.near.drums or flow.drums_hold_any):
            turn = self._tree.base_rotation
            yaw = float(np.arctan2(turn[1, 0], turn[0, 0]))
            for index, joint in enumerate(model.drums.joints):
                centre = self._tree.point_m[self.rows.drums + index]
                flow.dig(index, centre, float(self._dq[joint]), yaw, FLOW_US * 1e-6)
        if len(flow.cloud):
            flow.fly(FLOW_US * 1e-6)
        self._recoil()
        self._cargo.follow(flow.loads(), self._base, self._q, self._dq)
        self._motion.energy_j[0] += model.idle_power_w * FLOW_US * 1e-6
        self._sound()

    def _recoil(self) -> None:
        """Push the base, until the next parcels, with what the thrown ones gave back; booked as ejecta."""
        impulse = self.flow.take_recoil()
        kicked = any(impulse.tolist())
        if not kicked and not self._kicked:
            return
        self._kicked = kicked
        force = impulse[:3] / (FLOW_US * 1e-6)
        self._kick[:3], self._kick[3:] = force, impulse[3:] / (FLOW_US * 1e-6) - _cross(self._base[:3], force)
        self._loads.outside[:] = self._bump + self._kick

    def _look_at_ground(self) -> None:
        if self.time_us % LOOK_US == 0:
            self._around.look_around()
        self._around.follow()
        if self.head is not None:
            self._set_head(self.head)

    def _set_head(self, head: GasHead) -> None:
        """What the ground does to rim and jet until the next look."""
        row = self.rows.head
        head.look(self._tree.point_m[row], float(self._tree.point_velocity_m_s[row, 2]))
        self._wrench[row, 2] = head.push_n
        jet_n = self.valves.face(head.thrust_factor, self._any_gas)
        self._ground.bit.state[WEIGHT] = head.push_n + jet_n  # the load cell between head and body


def _cross(a: Vector, b: Vector) -> Vector:
    """Cross product of two 3-vectors; ten times faster than `np.cross`."""
    ax, ay, az = a.tolist()
    bx, by, bz = b.tolist()
    return np.array((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx))

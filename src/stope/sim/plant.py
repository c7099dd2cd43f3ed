"""The plant: robot and ground as motors and sensor wires see them, in PyBullet. Implements `robot.Plant`.

A step is fast work every `step_us` (feet, bit, drums, thrust, rigid bodies) and slow work every 10 ms (gravity at the
new place, mass flow, gripper travel, inertial sensors, settlement of the impulse book).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stope.mission.streams import random_stream
from stope.physics.anchoring import RELEASE_STICKS_PROBABILITY
from stope.physics.site_field import SiteField
from stope.robot.messages import Efforts, RawSensors, Vector
from stope.robot.model import RobotModel, Thruster
from stope.sim.bit import BitInGround
from stope.sim.bullet import BulletWorld, PhysicsDivergedError
from stope.sim.drums import DrumsInGround
from stope.sim.footing import Footing
from stope.sim.heightmap import HeightMap
from stope.sim.massflow import MassFlow
from stope.sim.momentum import Centroid, ImpulseBook
from stope.sim.patch import triangles
from stope.sim.sensors import NoiseStream
from stope.sim.truth import TrueGround
from stope.sim.vectors import cross, rotation_matrix

SLOW_US = 10_000
STANDARD_GRAVITY_M_S2 = 9.80665
PLAUSIBLE_SPEED_M_S = 50.0
LOAD_STEP_KG = 1e-3  # link masses follow the mass flow in steps of a gram


@dataclass(frozen=True, slots=True)
class StartPose:
    """Where the robot is handed over: base position (3,) m, quaternion xyzw, twist, joint positions (n,)."""

    position_m: Vector
    quaternion: Vector
    velocity_m_s: Vector
    angular_rad_s: Vector
    joint_position: Vector


@dataclass(frozen=True, slots=True)
class TrueState:
    """The truth of one instant, for the log's /sim/truth topic, pictures and tests. Never crosses the seam.

    Attributes:
        foot_force_n: (L, 3) ground on feet, world; strength_n: (L, 2) true normal and shear strength now.
    """

    time_us: int
    position_m: Vector
    quaternion: Vector
    velocity_m_s: Vector
    joint_position: Vector
    foot_force_n: Vector
    strength_n: Vector
    hole_depth_m: float


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
        self.time_us = 0
        self._step_us, self._step_s, self._slow_s = step_us, step_us * 1e-6, SLOW_US * 1e-6
        self._offload, self._grippers_work = offload_fraction, grippers_work
        self.grip_quality = 1.0  #: of grips made from now on; lowered by fault injection
        self._build_world(start)
        self._build_links()
        self._build_noise(seed)
        self._settle_start()

    # --- construction -------------------------------------------------------------------------------------------

    def _build_world(self, start: StartPose) -> None:
        names = tuple(j.name for j in self.model.joints)
        self._world = BulletWorld(self._step_us)
        vertices, faces = triangles(self.heights)
        self._ground_body = self._world.add_ground(vertices, faces, self.ground.rock.foot_friction)
        self._body = self._world.load_robot(
            self.model.urdf, names, start.position_m, start.quaternion, start.joint_position
        )
        self._body.set_base_velocity(start.velocity_m_s, start.angular_rad_s)
        self._centroid = Centroid(self.model.urdf, names)

    def _build_links(self) -> None:
        model = self.model
        self._feet = [self._body.link(limb.foot_link, model.base_link) for limb in model.limbs]
        links = list(self._feet)
        self._bit_row = self._drum_row = -1
        gravity = float(np.linalg.norm(self.field.acceleration_m_s2))
        self.bit = self.drums = None
        if model.drill is not None:
            self._bit_row = len(links)
            links.append(self._body.link(model.drill.bit_link, model.base_link))
            self.bit = BitInGround(model.drill, self.ground)
        if model.drums is not None:
            self._drum_row = len(links)
            links += [self._body.link(name, model.base_link) for name in model.drums.links]
            self.drums = DrumsInGround(model.drums, self.ground, self.heights, gravity)
        self._links = links
        self.footing = Footing([limb.gripper for limb in model.limbs], self.ground.rock.foot_friction)
        self._grip_drive = np.zeros(len(model.limbs), dtype=np.int8)
        self._jammed = np.zeros(len(model.limbs), dtype=bool)
        self._loads: dict[str, float] = {}

    def _build_noise(self, seed: int) -> None:
        noise, joints, limbs = self.model.noise, len(self.model.joints), len(self.model.limbs)
        self.flow = MassFlow(self.model, self.ground, self.heights, self.field, self.bit, self.drums, seed)
        self._noise_q = NoiseStream(seed, "joint_position", noise.joint_position, joints)
        self._noise_dq = NoiseStream(seed, "joint_velocity", noise.joint_velocity, joints)
        self._noise_gyro = NoiseStream(seed, "gyro", noise.gyro_rad_s, 3)
        self._noise_accel = NoiseStream(seed, "accel", noise.accel_m_s2, 3)
        self._noise_force = NoiseStream(seed, "limb_force", noise.limb_force_n, limbs * 3)
        self._noise_cell = NoiseStream(seed, "load_cell", noise.load_cell_n, 1)
        self._release_rng = random_stream(seed, "truth.release")

    def _settle_start(self) -> None:
        zeros = np.zeros(len(self.model.joints))
        self._q, self._dq = self._body.joint_states()
        self._effort, self._thrust, self._gas_flows = zeros, np.zeros(len(self.model.thrusters)), False
        self._gas_per_newton = np.array(
            [1.0 / (t.specific_impulse_s * STANDARD_GRAVITY_M_S2) for t in self.model.thrusters]
        )
        self._nozzles = np.array([_nozzle_wrench(t) for t in self.model.thrusters]).reshape(-1, 6).T
        self._energy_j = 0.0
        self._slow_wrench = np.zeros((3, 6))  # contacts of the body, tools, thrusters: sums over the slow period
        position, quaternion, linear, angular = self._body.base_state()
        p, h, self._com, _ = self._centroid.evaluate(position, quaternion, linear, angular, self._q, self._dq)
        self.impulses = ImpulseBook(p, h)
        self._rotation = rotation_matrix(quaternion)
        self._pose = (position, quaternion, linear)
        self._base_velocity, self._com_velocity = linear, p / self._centroid.mass_kg
        self._gyro, self._accel = np.zeros(3), np.zeros(3)
        self._limb_force = np.zeros((len(self.model.limbs), 3))
        self._phase = np.zeros(len(self.model.limbs), dtype=np.int8)
        self._frames = self._body.link_states(self._links)
        self._pull_gravity()
        self._find_ground()

    # --- robot.Plant --------------------------------------------------------------------------------------------

    @property
    def step_us(self) -> int:
        """Physics step in microseconds."""
        return self._step_us

    def step(self, efforts: Efforts) -> RawSensors:
        """Advance by one physics step; see `robot.Plant.step`."""
        self._effort, self._grip_drive = efforts.joint, efforts.anchor
        if efforts.thrust_n is not self._thrust:
            self._thrust = efforts.thrust_n
            self._gas_flows = bool(self._thrust.any()) and self.flow.propellant_ug > 0
        self._frames = position, quaternion, velocity, angular = self._body.link_states(self._links)
        feet = len(self._feet)
        self.footing.react(position[:feet], quaternion[:feet], velocity[:feet], angular[:feet])
        self._push_feet(position)
        if self.bit is not None:
            self._push_bit(position[self._bit_row], quaternion[self._bit_row], velocity[self._bit_row])
        if self.drums is not None:
            self._push_drums(position[self._drum_row :], velocity[self._drum_row :])
        self._push_base(efforts.thrust_n)
        self._body.drive(efforts.joint, efforts.brake, self.model.effort_max)
        self._world.step()
        force, moment = self._body.ground_contact(self._ground_body)
        self._slow_wrench[0, :3] += force
        self._slow_wrench[0, 3:] += moment
        self._q, self._dq = self._body.joint_states()
        self.time_us += self._step_us
        if self.time_us % SLOW_US == 0:
            self._slow_step()
        return self.sense()

    def close(self) -> None:
        """Free the PyBullet client."""
        self._world.close()

    # --- truth, for log, pictures and fault injection ---------------------------------------------------------------

    def truth(self) -> TrueState:
        """The present true state."""
        s = self.footing.state
        holds = s.engagement * s.health
        return TrueState(
            time_us=self.time_us,
            position_m=self._pose[0],
            quaternion=self._pose[1],
            velocity_m_s=self._pose[2],
            joint_position=self._q.copy(),
            foot_force_n=s.force_n.copy(),
            strength_n=np.stack((s.normal_n * holds, s.shear_n * holds), axis=1),
            hole_depth_m=self.bit.depth_m if self.bit else 0.0,
        )

    def momentum(self) -> tuple[Vector, Vector]:
        """Present linear momentum and angular momentum about the world origin, (3,) N s and (3,) N m s."""
        position, quaternion, linear, angular = self._body.base_state()
        p, h, _, _ = self._centroid.evaluate(position, quaternion, linear, angular, self._q, self._dq)
        return p, h

    def momentum_error(self) -> float:
        """Relative residual of the impulse book; meaningful at multiples of 10 ms, when it is settled."""
        return self.impulses.relative_error(*self.momentum())

    def momentum_residual(self) -> Vector:
        """(3,) N s of linear momentum that no booked impulse explains."""
        return self.momentum()[0] - self.impulses.expected()[0]

    # --- fast work ------------------------------------------------------------------------------------------------

    def _push_feet(self, position: Vector) -> None:
        state = self.footing.state
        forces, torques, points = state.force_n.tolist(), state.torque_nm.tolist(), position.tolist()
        gripped = state.engagement.tolist()
        for row, link in enumerate(self._feet):
            if forces[row] != _ZERO:
                self._body.push(link, forces[row], points[row])
                if gripped[row]:
                    self._body.twist(link, torques[row])

    def _push_bit(self, tip: Vector, quaternion: Vector, velocity: Vector) -> None:
        bit, drill = self.bit, self.model.drill
        assert bit is not None and drill is not None
        if bit.collar_m is None:
            if tip[2] > self._highest:
                return
            surface = float(self.heights.height(tip[:2]))
            if tip[2] > surface:
                return
            axis = -rotation_matrix(quaternion)[:, 2]
            bit.open_hole(np.array((tip[0], tip[1], surface)), axis, float(self.heights.cover_at(tip[:2])))
        force = bit.react(tip, velocity, float(self._dq[drill.spindle]), self._step_s)
        if force is None:
            return
        torque = bit.torque_nm * rotation_matrix(quaternion)[:, 2]
        link = self._links[self._bit_row]
        self._body.push(link, force.tolist(), tip.tolist())
        self._body.twist(link, torque.tolist())
        self._slow_wrench[1, :3] += force
        self._slow_wrench[1, 3:] += cross(tip, force) + torque

    def _push_drums(self, centres: Vector, velocities: Vector) -> None:
        drums, model = self.drums, self.model.drums
        assert drums is not None and model is not None
        if not drums.near:
            return
        axle = self._rotation[:, 1]
        for index, joint in enumerate(model.joints):
            wrench = drums.react(index, centres[index], velocities[index], axle, float(self._dq[joint]), self._step_s)
            if wrench is None:
                continue
            link = self._links[self._drum_row + index]
            self._body.push(link, wrench.force_n.tolist(), centres[index].tolist())
            self._body.twist(link, wrench.torque_nm.tolist())
            self._slow_wrench[1, :3] += wrench.force_n
            self._slow_wrench[1, 3:] += cross(centres[index], wrench.force_n) + wrench.torque_nm

    def _push_base(self, thrust_n: Vector) -> None:
        if self._offload:
            lift = -self._offload * self._centroid.mass_kg * self._gravity
            self._body.push(-1, lift.tolist(), self._pose[0].tolist())
        if not self._gas_flows:
            return
        wrench = self._nozzles @ thrust_n
        force, torque = self._rotation @ wrench[:3], self._rotation @ wrench[3:]
        self._body.push(-1, force.tolist(), self._pose[0].tolist())
        self._body.twist(-1, torque.tolist())
        self._slow_wrench[2, :3] += force
        self._slow_wrench[2, 3:] += cross(self._pose[0], force) + torque

    # --- slow work --------------------------------------------------------------------------------------------------

    def _slow_step(self) -> None:
        self._settle()
        self._move_mass()
        self._work_grippers()
        self._find_ground()
        self._pull_gravity()

    def _settle(self) -> None:
        """Book the impulses of the period, project PyBullet's momentum drift out, read the inertial sensors."""
        position, quaternion, linear, angular = self._body.base_state()
        p, h, com, inertia = self._centroid.evaluate(position, quaternion, linear, angular, self._q, self._dq)
        if not np.isfinite(p).all() or float(np.abs(linear).max()) > PLAUSIBLE_SPEED_M_S:
            raise PhysicsDivergedError(f"at {self.time_us * 1e-6:.3f} s the base moved at {linear} m/s")
        book, dt = self.impulses, self._step_s
        contact, grip = self.footing.state.sums
        body, tools, gas = self._slow_wrench
        contact += body
        for source, wrench in (("contacts", contact), ("anchors", grip), ("tools", tools), ("thrusters", gas)):
            book.book(source, wrench[:3] * dt, wrench[3:] * dt)
            wrench[:] = 0.0
        body[:] = 0.0
        mid_com = 0.5 * (com + self._com)
        weight = self._centroid.mass_kg * self._gravity * self._slow_s
        book.book("gravity", weight, cross(mid_com, weight))
        if self._offload:
            book.book("offload", -self._offload * weight, cross(self._pose[0], -self._offload * weight))
        want_p, want_h = book.expected()
        drift_p, drift_h = want_p - p, want_h - h
        book.note_drift(drift_p, drift_h)
        # A rigid correction of the whole robot: dv at the centre of mass, dw about it.
        delta_v = drift_p / self._centroid.mass_kg
        delta_w = np.linalg.solve(inertia, drift_h - cross(com, drift_p))
        linear = linear + delta_v + cross(delta_w, position - com)
        angular = angular + delta_w
        self._body.set_base_velocity(linear, angular)
        self._rotation = rotation_matrix(quaternion)
        self._accel = ((linear - self._base_velocity) / self._slow_s - self._gravity) @ self._rotation
        self._gyro = angular @ self._rotation
        self._limb_force = self.footing.state.force_n @ self._rotation
        self._pose, self._base_velocity = (position, quaternion, linear), linear
        self._com, self._com_velocity = com, want_p / self._centroid.mass_kg

    def _move_mass(self) -> None:
        flow, model = self.flow, self.model
        gas = float(self._gas_per_newton @ self._thrust)
        if self._gas_flows and not flow.vent(gas * self._slow_s) and not flow.propellant_ug:
            self._gas_flows = False
        if model.drill is not None:
            flow.bore(float(self._dq[model.drill.spindle]))
            flow.stow_core(float(self._q[model.drill.feed]))
        if model.drums is not None:
            yaw = float(np.arctan2(self._rotation[1, 0], self._rotation[0, 0]))
            for index, joint in enumerate(model.drums.joints):
                centre = self._frames[0][self._drum_row + index]
                flow.dig(index, centre, float(self._dq[joint]), yaw, self._slow_s)
        flow.fly(self._slow_s)
        self._load_links()
        power = model.idle_power_w + float(np.abs(self._effort * self._dq).sum())
        self._energy_j += power * self._slow_s

    def _load_links(self) -> None:
        """Let link masses follow the flow; mass from the ground arrives at rest, so momentum does not change."""
        model = self.model
        loads = {}
        if model.tank_link:
            loads[model.tank_link] = self.flow.propellant_ug * 1e-9 - model.propellant_kg
        if model.bin_link:
            loads[model.bin_link] = (self.flow.bin_ug + self.flow.core_ug) * 1e-9
        if model.drums is not None and self.drums is not None:
            for name, held in zip(model.drums.links, self.drums.held_ug.tolist(), strict=True):
                loads[name] = held * 1e-9
        for name, extra in loads.items():
            if abs(extra - self._loads.get(name, 0.0)) >= LOAD_STEP_KG:
                link = self._body.link(name, model.base_link)
                mass, inertia, centre = self._body.link_mass(link)
                bare = mass - self._loads.get(name, 0.0)
                self._body.set_link_mass(link, bare + extra, inertia)
                self._centroid.load(name, extra, centre)
                if name == model.tank_link:
                    # Gas leaves with the robot's velocity; its exhaust momentum is the thrust already booked.
                    carried = (extra - self._loads.get(name, 0.0)) * self._com_velocity
                    self.impulses.book("mass", carried, cross(self._com, carried))
                self._loads[name] = extra

    def _work_grippers(self) -> None:
        state, position = self.footing.state, self._frames[0]
        for foot, limb in enumerate(self.model.limbs):
            drive, gripper = int(self._grip_drive[foot]), limb.gripper
            travel = self._slow_s / gripper.engage_s
            if drive > 0 and self._grippers_work:
                self._drag_in(foot, travel, position[foot])
            elif drive < 0 and state.engagement[foot] > 0.0:
                self._let_go(foot, travel)
            if drive >= 0:
                self._jammed[foot] = False
        self._phase = self.footing.phases(self._grip_drive, self._jammed)

    def _drag_in(self, foot: int, travel: float, at: Vector) -> None:
        state, gripper = self.footing.state, self.model.limbs[foot].gripper
        if state.engagement[foot] == 0.0:
            if state.press_n[foot] < 0.5 * gripper.engage_press_n:
                return  # the spines do not reach the rock
            if gripper.kind == "clamp":
                strength = (gripper.rated_normal_n, gripper.rated_shear_n)
            else:
                strength = self.ground.grip_strength(gripper.spines, float(self.heights.cover_at(at[:2])))
            normal_n, shear_n = (self.grip_quality * s for s in strength)
            self.footing.grip(foot, at, self._frames[1][foot], normal_n, shear_n)
        state.engagement[foot] = min(1.0, state.engagement[foot] + travel)

    def _let_go(self, foot: int, travel: float) -> None:
        state = self.footing.state
        if state.engagement[foot] >= 1.0:
            self._jammed[foot] = self.ground.release_sticks(RELEASE_STICKS_PROBABILITY)
            if self._jammed[foot]:
                return
        state.engagement[foot] -= travel
        if state.engagement[foot] <= 0.0:
            self.footing.open(foot)

    def _find_ground(self) -> None:
        """Tangent plane below each free foot and ground below the drums; they move at most 1 mm before the next look."""
        state = self.footing.state
        self._highest = float(self.heights.surface_m.max())
        if self.drums is not None:
            self.drums.look(self._frames[0][self._drum_row :], self._highest)
        free = (state.engagement == 0.0) | (state.health == 0.0)
        if not free.any():
            return
        xy = self._frames[0][: len(self._feet)][free, :2]
        height, normal = self.heights.height_and_normal(xy)
        state.plane_point[free] = np.column_stack((xy, height))
        state.plane_normal[free] = normal

    def _pull_gravity(self) -> None:
        self._gravity = self.field.acceleration(self._com, self._com_velocity)
        self._world.set_gravity(self._gravity.tolist())

    # --- sensors ----------------------------------------------------------------------------------------------------

    def sense(self) -> RawSensors:
        model, state = self.model, self.footing.state
        fresh = self.time_us % SLOW_US == 0
        if fresh or not hasattr(self, "_slow_reading"):
            noise = self._noise_force.next().reshape(-1, 3)
            self._slow_reading = (
                self._gyro + self._noise_gyro.next(),
                self._accel + self._noise_accel.next(),
                self._limb_force + noise,
                self._phase.copy(),
                state.engagement.copy(),
                state.slip_m.copy(),
                self.flow.bin_ug / max(model.bin_capacity_kg * 1e9, 1.0),
                self.drums.fill() if self.drums else np.zeros(0),
            )
        gyro, accel, limb_force, phase, engagement, slip, bin_fill, drum_fill = self._slow_reading
        weight, current = 0.0, 0.0
        if model.drill is not None and self.bit is not None:
            weight = self.bit.weight_on_bit_n + float(self._noise_cell.next()[0])
            current = abs(float(self._effort[model.drill.spindle])) / model.drill.torque_constant_nm_a
        return RawSensors(
            time_us=self.time_us,
            joint_position=self._q + self._noise_q.next(),
            joint_velocity=self._dq + self._noise_dq.next(),
            joint_effort=self._effort,
            imu_gyro_rad_s=gyro,
            imu_accel_m_s2=accel,
            limb_force_n=limb_force,
            anchor_phase=phase,
            anchor_engagement=engagement,
            anchor_slip_m=slip,
            weight_on_bit_n=weight,
            spindle_current_a=current,
            bin_fill=bin_fill,
            drum_fill=drum_fill,
            propellant_kg=self.flow.propellant_ug * 1e-9,
            bus_voltage_v=model.bus_voltage_v,
            energy_used_j=self._energy_j,
        )


def _nozzle_wrench(thruster: Thruster) -> Vector:
    """Force and torque about the base origin of one newton of thrust, base frame, (6,)."""
    direction = np.array(thruster.direction)
    return np.concatenate((direction, cross(np.array(thruster.position_m), direction)))


_ZERO = [0.0, 0.0, 0.0]

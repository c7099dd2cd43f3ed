"""PyBullet behind one small class, with every default that is wrong in microgravity put right.

Measured in trials (hygiene cases H01-H08, tests/sim/test_hygiene.py): the default damping removes 91 % of the
speed in 60 s, speculative contacts swallow every bounce below 0.5 m/s, and 1 cm of penetration ejects a body at
escape speed. The world is rebuilt for every run, never restored: restoring is not deterministic (bullet3#2442).
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pybullet as p

from stope.robot.messages import Vector
from stope.sim import bullet_calls as b3
from stope.sim.fast_step import read_state, set_base_velocity, set_gravity

MICROSECOND = 1e-6
# Share of a penetration corrected per step: 5 mm leave at 5 mm/s (2 ms step), 2.5 % of Bennu's escape speed (H03),
# and a body that rests for an hour sinks less than a micrometre (H08).
CONTACT_ERP = 0.002
ORIGIN = (0.0, 0.0, 0.0)
UPRIGHT = (0.0, 0.0, 0.0, 1.0)


class BulletWorld:
    """One Bullet server without display.

    Use one per run and close it. Nothing outside `stope.sim` may hold its bodies.

    Args:
        step_us: fixed step in integer microseconds.

    Attributes:
        client: address of the client, for the calls of `bullet_calls`; 0 once closed.
    """

    def __init__(self, step_us: int) -> None:
        self.step_us = step_us
        self.client: int = b3.connect()
        command = b3.parameters(self.client)
        b3.set_time_step(command, step_us * MICROSECOND)
        b3.set_iterations(command, 50)
        b3.set_deterministic_pairs(command, 1)
        # The default 0.2 ejects a penetrating body at escape speed; 0 lets a resting one sink for ever.
        b3.set_contact_erp(command, CONTACT_ERP)
        b3.set_contact_slop(command, 0.0)
        b3.set_restitution_threshold(command, 0.0)
        b3.set_file_caching(command, 0)
        self._submit(command)

    def set_gravity(self, acceleration_m_s2: npt.ArrayLike) -> None:
        """Uniform acceleration (3,) of every body, m/s2, until set again."""
        set_gravity(self.client, np.asarray(acceleration_m_s2, dtype=np.float64))

    def step(self) -> None:
        """Advance by one fixed step."""
        self._submit(b3.step(self.client))

    def load_robot(
        self, urdf: Path, joint_names: Sequence[str], position_m: Vector, quaternion: Vector, joint_position: Vector
    ) -> ArticulatedBody:
        """Load a floating robot at rest with its joints at `joint_position` (in the order of `joint_names`)."""
        command = b3.load_urdf(self.client, str(urdf).encode())
        b3.urdf_position(command, *map(float, position_m))
        b3.urdf_orientation(command, *map(float, quaternion))
        # maximal-coordinate damping and self collision stay off; inertia comes from the file
        b3.urdf_flags(command, p.URDF_USE_INERTIA_FROM_FILE)
        status = self._submit(command)
        if b3.status_type(status) != b3.URDF_LOADED:
            raise ValueError(f"{urdf}: Bullet could not load this URDF")
        body = b3.status_body(status)
        self._make_honest(body)
        return ArticulatedBody(self.client, body, joint_names, joint_position)

    def add_ground(self, surface_m: Vector, cell_m: float, friction: float) -> tuple[int, int]:
        """Add a fixed surface of heights (n, n) around the origin, [row, column] = [y, x].

        Returns:
            Numbers of its body and of its shape, for `change_ground`.
        """
        # Bullet takes the box around the surface, and its middle as the origin, from the heights at creation, and keeps
        # them. So it is made deep and high enough for whatever will be dug and heaped.
        reach_m = float(np.abs(surface_m).max()) + len(surface_m) * cell_m
        marked = np.zeros_like(surface_m)
        marked[0, :2] = -reach_m, reach_m
        shape = b3.shape_made(self._submit(self._heights(marked, cell_m, b3.NEW)))
        body = self._place(0.0, shape, ORIGIN, friction, restitution=0.0)
        self.change_ground(shape, surface_m, cell_m)
        return body, shape

    def change_ground(self, shape: int, surface_m: Vector, cell_m: float) -> None:
        """Give a surface other heights (n, n). Contacts that exist stay until their pair collides anew."""
        self._submit(self._heights(surface_m, cell_m, shape))

    def add_plane(self, normal: Sequence[float], friction: float, restitution: float = 0.0) -> int:
        """Add a fixed half space through the origin."""
        command = b3.shape(self.client)
        b3.shape_plane(command, _doubles(*normal), 0.0)
        return self._place(0.0, b3.shape_made(self._submit(command)), ORIGIN, friction, restitution)

    def add_ball(
        self, mass_kg: float, radius_m: float, position_m: Sequence[float], friction: float, restitution: float = 0.0
    ) -> int:
        """Add a free sphere."""
        command = b3.shape(self.client)
        b3.shape_sphere(command, radius_m)
        return self._place(mass_kg, b3.shape_made(self._submit(command)), position_m, friction, restitution)

    def add_box(
        self,
        mass_kg: float,
        half_extents_m: Sequence[float],
        position_m: Sequence[float],
        friction: float,
        restitution: float = 0.0,
        quaternion: Sequence[float] = UPRIGHT,
    ) -> int:
        """Add a free box."""
        command = b3.shape(self.client)
        b3.shape_box(command, _doubles(*half_extents_m))
        return self._place(mass_kg, b3.shape_made(self._submit(command)), position_m, friction, restitution, quaternion)

    def pose(self, body: int) -> tuple[Vector, Vector]:
        """Position (3,) m and quaternion (4,) xyzw of a body's centre of mass."""
        state = self._state(body)
        return state[:3], state[3:7]

    def velocity(self, body: int) -> tuple[Vector, Vector]:
        """Linear (3,) m/s and angular (3,) rad/s velocity of a body's centre of mass."""
        state = self._state(body)
        return state[7:10], state[10:]

    def set_velocity(self, body: int, linear_m_s: Sequence[float], angular_rad_s: Sequence[float]) -> None:
        """Set the velocity of a body's base; joint velocities stay."""
        set_base_velocity(self.client, body, np.array((*linear_m_s, *angular_rad_s), dtype=np.float64))

    def push(self, body: int, force_n: Sequence[float], point_m: Sequence[float]) -> None:
        """Apply a force at a world point of the base for the next step."""
        command = b3.force(self.client)
        b3.force_at(command, body, b3.BASE, _doubles(*force_n), _doubles(*point_m), p.WORLD_FRAME)
        self._submit(command)

    def close(self) -> None:
        """Free the world; safe to call twice."""
        if self.client:
            b3.disconnect(self.client)
            self.client = 0

    def _submit(self, command: int) -> int:
        status: int = b3.submit(self.client, command)
        return status

    def _state(self, body: int) -> Vector:
        state = np.empty(13)
        read_state(self.client, body, np.empty((2, 0), dtype=np.int32), state)
        return state

    def _place(
        self,
        mass_kg: float,
        shape: int,
        position_m: Sequence[float],
        friction: float,
        restitution: float,
        quaternion: Sequence[float] = UPRIGHT,
    ) -> int:
        """Make a body of a shape that Bullet has; its number."""
        command = b3.body(self.client)
        at, way = _doubles(*position_m), _doubles(*quaternion)
        b3.body_base(command, mass_kg, shape, -1, at, way, _doubles(*ORIGIN), _doubles(*UPRIGHT))
        body: int = b3.status_body(self._submit(command))
        self._make_honest(body)
        command = b3.dynamics(self.client)
        b3.set_friction(command, body, b3.BASE, friction)
        b3.set_restitution(command, body, b3.BASE, restitution)
        self._submit(command)
        return body

    def _heights(self, surface_m: Vector, cell_m: float, replaces: int) -> int:
        """The command for a height field, in single precision, which is all that Bullet takes: 1 um in 10 m."""
        rows = np.ascontiguousarray(surface_m, dtype=np.float32)
        command: int = b3.shape(self.client)
        n = len(rows)
        b3.shape_heights(
            self.client, command, _doubles(cell_m, cell_m, 1.0), 1.0, rows.ctypes.data, n, n, replaces
        )  # fmt: skip
        return command

    def _make_honest(self, body: int) -> None:
        """Remove damping, sleeping and speculative contacts from every link of a body."""
        for link in range(b3.BASE, b3.joint_count(self.client, body)):
            command = b3.dynamics(self.client)
            b3.set_linear_damping(command, body, 0.0)
            b3.set_angular_damping(command, body, 0.0)
            b3.set_joint_damping(command, body, link, 0.0)
            b3.set_processing_threshold(command, body, link, 0.0)
            b3.set_activation(command, body, p.ACTIVATION_STATE_DISABLE_SLEEPING)
            self._submit(command)


class ArticulatedBody:
    """A robot in the world. Made by `BulletWorld.load_robot`; `fast_step` drives it.

    All joints are torque-driven: Bullet's own motors are off, except for the parking brakes, which are velocity motors
    at zero with the brake's holding effort.

    Attributes:
        body: its number; dofs: (2, n) where each joint stands in Bullet's position and velocity arrays.
    """

    def __init__(self, client: int, body: int, joint_names: Sequence[str], joint_position: Vector) -> None:
        self._client, self.body = client, body
        self._info = [_joint_info(client, body, joint) for joint in range(b3.joint_count(client, body))]
        by_joint = {entry.joint_name.decode(): entry for entry in self._info}
        self._link = {entry.link_name.decode(): entry.joint_index for entry in self._info}
        joints = [by_joint[name] for name in joint_names]
        self.dofs = np.array([[j.q_index for j in joints], [j.u_index for j in joints]], dtype=np.int32)
        self._braked = np.zeros(len(joints), dtype=bool)
        for joint, position in zip(joints, joint_position, strict=True):
            command = b3.pose(client, body)
            b3.pose_joint(client, command, joint.joint_index, float(position))
            b3.pose_joint_rate(client, command, joint.joint_index, 0.0)
            b3.submit(client, command)
        self._hold(np.zeros(len(joints)))

    def link(self, name: str, base_link: str) -> int:
        """Bullet's number of a link."""
        return b3.BASE if name == base_link else self._link[name]

    def brake(self, brake: np.ndarray, brake_effort: Vector) -> None:
        """Let the joints in `brake` (n,) hold with `brake_effort` (n,) besides what drives them."""
        if brake is not self._braked:
            if (brake != self._braked).any():
                self._hold(np.where(brake, brake_effort, 0.0))
            self._braked = brake

    def _hold(self, effort: Vector) -> None:
        command = b3.motor(self._client, self.body, p.VELOCITY_CONTROL)
        for dof, most in zip(self.dofs[1].tolist(), effort.tolist(), strict=True):
            b3.motor_speed(command, dof, 0.0)
            b3.motor_gain(command, dof, 1.0)
            b3.motor_effort(command, dof, most)
        b3.submit(self._client, command)

    def set_base_velocity(self, twist: Vector) -> None:
        """Set base velocity and spin (6,), joints unchanged (momentum projection, initial state)."""
        set_base_velocity(self._client, self.body, twist)

    def collide(self, other: int, links: Sequence[int], on: bool) -> None:
        """Let some links collide with another body, or pass through it."""
        for link in links:
            command = b3.collision_filter(self._client)
            b3.filter_pair(command, self.body, other, link, b3.BASE, int(on))
            b3.submit(self._client, command)

    def footprints(self, links: Sequence[int]) -> tuple[Vector, Vector]:
        """Lowest world z (k,) of each link's bounding box, and its centre and corners seen from above (k, 5, 2)."""
        status = b3.submit(self._client, b3.boxes_query(self._client, self.body))
        low, high = np.empty((len(links), 3)), np.empty((len(links), 3))
        for row, link in enumerate(links):
            b3.box(status, link, low[row:].ctypes.data, high[row:].ctypes.data)
        (x0, y0, _), (x1, y1, _) = low.T, high.T
        corners = ((x0, y0), (x0, y1), (x1, y0), (x1, y1), ((x0 + x1) / 2, (y0 + y1) / 2))
        return low[:, 2], np.array(corners).transpose(2, 0, 1)

    def colliding_links(self) -> list[int]:
        """Links that have a collision shape."""
        return [link for link in range(b3.BASE, len(self._info)) if self._shapes(link)]

    def _shapes(self, link: int) -> int:
        found = b3.ShapeInfo()
        b3.submit(self._client, b3.shape_query(self._client, self.body, link))
        b3.shape_info(self._client, ctypes.addressof(found))
        return int(found.count)

    def parent(self, link: int) -> int:
        """The link that carries `link`."""
        return int(self._info[link].parent)

    def link_mass(self, link: int) -> tuple[float, Vector, Vector]:
        """Mass (kg), diagonal inertia (3,) kg m2 and centre of mass in the link frame (3,) m."""
        found = b3.DynamicsInfo()
        status = b3.submit(self._client, b3.dynamics_query(self._client, self.body, link))
        b3.dynamics_info(status, ctypes.addressof(found))
        return float(found.mass), np.array(found.inertia), np.array(found.inertial_frame[:3])

    def set_link_mass(self, link: int, mass_kg: float, inertia_kg_m2: Vector) -> None:
        """Change a link's mass and its diagonal inertia (3,) about its centre: a drum fills, a tank empties."""
        command = b3.dynamics(self._client)
        b3.set_mass(command, self.body, link, mass_kg)
        b3.set_inertia(command, self.body, link, _doubles(*inertia_kg_m2))
        b3.submit(self._client, command)


def _doubles(*values: float) -> Any:
    return (ctypes.c_double * len(values))(*values)


def _joint_info(client: int, body: int, joint: int) -> b3.JointInfo:
    info = b3.JointInfo()
    b3.joint_info(client, body, joint, ctypes.addressof(info))
    return info

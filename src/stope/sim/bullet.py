"""PyBullet behind one small class, with every default that is wrong in microgravity put right.

Measured in trials (hygiene cases H01-H08, tests/sim/test_hygiene.py): the default damping removes 91 % of the
speed in 60 s, speculative contacts swallow every bounce below 0.5 m/s, and 1 cm of penetration ejects a body at
escape speed. The world is rebuilt for every run, never restored: restoring is not deterministic (bullet3#2442).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pybullet as p

from stope.robot.messages import Vector

MICROSECOND = 1e-6
# Share of a penetration corrected per step: 5 mm leave at 5 mm/s (2 ms step), 2.5 % of Bennu's escape speed (H03),
# and a body that rests for an hour sinks less than a micrometre (H08).
CONTACT_ERP = 0.002


class BulletWorld:
    """One PyBullet client without display.

    Use one per run and close it. Nothing outside `stope.sim` may hold its bodies.

    Args:
        step_us: fixed step in integer microseconds.
    """

    def __init__(self, step_us: int) -> None:
        self.step_us = step_us
        self.client = p.connect(p.DIRECT)
        p.setPhysicsEngineParameter(
            fixedTimeStep=step_us * MICROSECOND,
            numSolverIterations=50,
            deterministicOverlappingPairs=1,
            # The default 0.2 ejects a penetrating body at escape speed; 0 lets a resting one sink for ever.
            contactERP=CONTACT_ERP,
            contactSlop=0.0,
            restitutionVelocityThreshold=0.0,
            enableFileCaching=0,
            physicsClientId=self.client,
        )

    def set_gravity(self, acceleration_m_s2: Sequence[float]) -> None:
        """Uniform acceleration of every body, m/s2, until set again."""
        x, y, z = acceleration_m_s2
        p.setGravity(x, y, z, physicsClientId=self.client)

    def step(self) -> None:
        """Advance by one fixed step."""
        p.stepSimulation(self.client)

    def load_robot(
        self, urdf: Path, joint_names: Sequence[str], position_m: Vector, quaternion: Vector, joint_position: Vector
    ) -> ArticulatedBody:
        """Load a floating robot at rest with its joints at `joint_position` (in the order of `joint_names`)."""
        body = p.loadURDF(
            str(urdf),
            basePosition=list(position_m),
            baseOrientation=list(quaternion),
            # maximal-coordinate damping and self collision stay off; inertia comes from the file
            flags=p.URDF_USE_INERTIA_FROM_FILE,
            physicsClientId=self.client,
        )
        self._make_honest(body)
        return ArticulatedBody(self.client, body, joint_names, joint_position)

    def add_ground(self, vertices_m: Vector, faces: np.ndarray, friction: float) -> int:
        """Add a fixed triangle surface; vertices (V, 3) m, faces (F, 3)."""
        shape = p.createCollisionShape(
            p.GEOM_MESH,
            vertices=vertices_m.tolist(),
            indices=faces.ravel().tolist(),
            flags=p.GEOM_FORCE_CONCAVE_TRIMESH,
            physicsClientId=self.client,
        )
        return self._add(0.0, shape, (0.0, 0.0, 0.0), friction, restitution=0.0)

    def add_plane(self, normal: Sequence[float], friction: float, restitution: float = 0.0) -> int:
        """Add a fixed half space through the origin."""
        shape = p.createCollisionShape(p.GEOM_PLANE, planeNormal=list(normal), physicsClientId=self.client)
        return self._add(0.0, shape, (0.0, 0.0, 0.0), friction, restitution)

    def add_ball(
        self, mass_kg: float, radius_m: float, position_m: Sequence[float], friction: float, restitution: float = 0.0
    ) -> int:
        """Add a free sphere."""
        shape = p.createCollisionShape(p.GEOM_SPHERE, radius=radius_m, physicsClientId=self.client)
        return self._add(mass_kg, shape, position_m, friction, restitution)

    def add_box(
        self,
        mass_kg: float,
        half_extents_m: Sequence[float],
        position_m: Sequence[float],
        friction: float,
        restitution: float = 0.0,
        quaternion: Sequence[float] = (0.0, 0.0, 0.0, 1.0),
    ) -> int:
        """Add a free box."""
        shape = p.createCollisionShape(p.GEOM_BOX, halfExtents=list(half_extents_m), physicsClientId=self.client)
        return self._add(mass_kg, shape, position_m, friction, restitution, quaternion)

    def pose(self, body: int) -> tuple[Vector, Vector]:
        """Position (3,) m and quaternion (4,) xyzw of a body's centre of mass."""
        position, quaternion = p.getBasePositionAndOrientation(body, physicsClientId=self.client)
        return np.array(position), np.array(quaternion)

    def velocity(self, body: int) -> tuple[Vector, Vector]:
        """Linear (3,) m/s and angular (3,) rad/s velocity of a body's centre of mass."""
        linear, angular = p.getBaseVelocity(body, physicsClientId=self.client)
        return np.array(linear), np.array(angular)

    def set_velocity(self, body: int, linear_m_s: Sequence[float], angular_rad_s: Sequence[float]) -> None:
        """Set the velocity of a body's base; joint velocities stay."""
        p.resetBaseVelocity(body, list(linear_m_s), list(angular_rad_s), physicsClientId=self.client)

    def push(self, body: int, force_n: Sequence[float], point_m: Sequence[float]) -> None:
        """Apply a force at a world point of the base for the next step."""
        p.applyExternalForce(body, -1, list(force_n), list(point_m), p.WORLD_FRAME, physicsClientId=self.client)

    def close(self) -> None:
        """Disconnect; safe to call twice."""
        if p.isConnected(self.client):
            p.disconnect(self.client)

    def _add(
        self,
        mass_kg: float,
        shape: int,
        position_m: Sequence[float],
        friction: float,
        restitution: float,
        quaternion: Sequence[float] = (0.0, 0.0, 0.0, 1.0),
    ) -> int:
        body = p.createMultiBody(
            mass_kg, shape, basePosition=list(position_m), baseOrientation=list(quaternion), physicsClientId=self.client
        )
        self._make_honest(body)
        p.changeDynamics(body, -1, lateralFriction=friction, restitution=restitution, physicsClientId=self.client)
        return int(body)

    def _make_honest(self, body: int) -> None:
        """Remove damping, sleeping and speculative contacts from every link of a body."""
        for link in range(-1, p.getNumJoints(body, physicsClientId=self.client)):
            p.changeDynamics(
                body,
                link,
                linearDamping=0.0,
                angularDamping=0.0,
                jointDamping=0.0,
                contactProcessingThreshold=0.0,
                activationState=p.ACTIVATION_STATE_DISABLE_SLEEPING,
                physicsClientId=self.client,
            )


class ArticulatedBody:
    """A robot in the world: joint states out, joint efforts and link forces in.

    Made by `BulletWorld.load_robot`. All joints are torque-driven: PyBullet's own motors are off, except for the
    parking brakes, which are velocity motors at zero with the brake's holding effort.
    """

    def __init__(self, client: int, body: int, joint_names: Sequence[str], joint_position: Vector) -> None:
        self._client, self.body = client, body
        info = [p.getJointInfo(body, i, physicsClientId=client) for i in range(p.getNumJoints(body, client))]
        by_joint = {entry[1].decode(): entry[0] for entry in info}
        self._link = {entry[12].decode(): entry[0] for entry in info}
        self._joints = [by_joint[name] for name in joint_names]
        self._braked = np.zeros(len(self._joints), dtype=bool)
        for joint, position in zip(self._joints, joint_position, strict=True):
            p.resetJointState(body, joint, position, 0.0, physicsClientId=client)
        p.setJointMotorControlArray(
            body, self._joints, p.VELOCITY_CONTROL, forces=[0.0] * len(self._joints), physicsClientId=client
        )

    def link(self, name: str, base_link: str) -> int:
        """PyBullet's index of a link; the base is -1."""
        return -1 if name == base_link else self._link[name]

    def read_state(self, state: Vector) -> None:
        """Read joint positions (n,), joint velocities (n,) and the base (13,) into one array (2 n + 13,).

        The base is position, quaternion xyzw, velocity, spin; world frame.
        """
        joints = p.getJointStates(self.body, self._joints, self._client)
        base = p.getBasePositionAndOrientation(self.body, self._client)
        twist = p.getBaseVelocity(self.body, self._client)
        state[:] = [*[s[0] for s in joints], *[s[1] for s in joints], *base[0], *base[1], *twist[0], *twist[1]]

    def drive(self, effort: Vector, brake: np.ndarray, brake_effort: Vector) -> None:
        """Apply joint efforts (n,) for the next step; braked joints hold with `brake_effort` (n,) besides."""
        if brake is not self._braked:
            if (brake != self._braked).any():
                self._set_brakes(brake, brake_effort)
            self._braked = brake
        p.setJointMotorControlArray(
            self.body, self._joints, p.TORQUE_CONTROL, forces=effort.tolist(), physicsClientId=self._client
        )

    def _set_brakes(self, brake: np.ndarray, brake_effort: Vector) -> None:
        p.setJointMotorControlArray(
            self.body,
            self._joints,
            p.VELOCITY_CONTROL,
            targetVelocities=[0.0] * len(self._joints),
            forces=np.where(brake, brake_effort, 0.0).tolist(),
            physicsClientId=self._client,
        )

    def set_base_velocity(self, twist: Vector) -> None:
        """Set base velocity and spin (6,), joints unchanged (momentum projection, initial state)."""
        both = twist.tolist()
        p.resetBaseVelocity(self.body, both[:3], both[3:], self._client)

    def push_base(self, wrench: Vector, at_m: Vector) -> None:
        """Force and torque (6,) on the base at a world point, for the next step."""
        both = wrench.tolist()
        p.applyExternalForce(self.body, -1, both[:3], at_m.tolist(), p.WORLD_FRAME, self._client)
        p.applyExternalTorque(self.body, -1, both[3:], p.WORLD_FRAME, self._client)

    def collide(self, other: int, links: Sequence[int], on: bool) -> None:
        """Let some links collide with another body, or pass through it."""
        for link in links:
            p.setCollisionFilterPair(self.body, other, link, -1, int(on), physicsClientId=self._client)

    def footprints(self, links: Sequence[int]) -> tuple[Vector, Vector]:
        """Lowest world z (k,) of each link's bounding box, and its centre and corners seen from above (k, 5, 2)."""
        lowest, corners = [], []
        for link in links:
            (x0, y0, z0), (x1, y1, _) = p.getAABB(self.body, link, physicsClientId=self._client)
            lowest.append(z0)
            corners.append(((x0, y0), (x0, y1), (x1, y0), (x1, y1), ((x0 + x1) / 2, (y0 + y1) / 2)))
        return np.array(lowest, dtype=np.float64), np.array(corners, dtype=np.float64).reshape(-1, 5, 2)

    def colliding_links(self) -> list[int]:
        """Links that have a collision shape; the base is -1."""
        count = p.getNumJoints(self.body, physicsClientId=self._client)
        return [
            link for link in range(-1, count) if p.getCollisionShapeData(self.body, link, physicsClientId=self._client)
        ]

    def parent(self, link: int) -> int:
        """The link that carries `link`."""
        return int(p.getJointInfo(self.body, link, physicsClientId=self._client)[16])

    def link_mass(self, link: int) -> tuple[float, Vector, Vector]:
        """Mass (kg), diagonal inertia (3,) kg m2 and centre of mass in the link frame (3,) m."""
        info = p.getDynamicsInfo(self.body, link, physicsClientId=self._client)
        return float(info[0]), np.array(info[2]), np.array(info[3])

    def set_link_mass(self, link: int, mass_kg: float, inertia_kg_m2: Vector) -> None:
        """Change a link's mass by a point mass at its centre (a filling bin, an emptying tank): inertia stays."""
        p.changeDynamics(
            self.body, link, mass=mass_kg, localInertiaDiagonal=inertia_kg_m2.tolist(), physicsClientId=self._client
        )

    def ground_contact(self, ground: int) -> Vector:
        """(6,) contact force (N) on this body in the last step, and its moment about the world origin (N m)."""
        total = np.zeros(6)
        for c in p.getContactPoints(bodyA=self.body, bodyB=ground, physicsClientId=self._client):
            f = c[9] * np.array(c[7]) + c[10] * np.array(c[11]) + c[12] * np.array(c[13])
            total[:3] += f
            total[3:] += np.cross(c[5], f)
        return total

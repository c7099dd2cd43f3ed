"""The plant's inner loop, compiled: servo, ground on feet and bit, rigid bodies, sensors' wires, step after step.

Python between two calls into Bullet costs more than Bullet's step. So everything that happens at the physics rate is
here, on the arrays that the parts of the plant own, and Bullet is called through its C interface (`bullet_calls`).
What happens every 10 ms, and what happens seldom (a reflex, the first touch of the bit), is `plant`'s and `device`'s:
the loop returns early for it. A run by single steps and a run in one piece give the same bits (tested).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from stope.robot.messages import Vector
from stope.robot.tree import generalise, sum_up, sweep
from stope.sim import bullet_calls as b3
from stope.sim.actuators import Motors, actuate
from stope.sim.bit import BORED, WEIGHT, BitState, bit_reacts
from stope.sim.drums import DrumState, drums_react
from stope.sim.footing import Feet, feet_react
from stope.sim.momentum import Book, settle
from stope.sim.sensors import Wires, measure
from stope.sim.servo import drive

ANCHORS, CONTACTS, TOOLS, GAS, OUTSIDE = range(5)  # rows of the wrench sums
BASE = np.int32(-1)  # Bullet's number of the base link
WORLD_FRAME = np.int32(2)
TORQUE_CONTROL = np.int32(1)
CONTACT_DOUBLES = 22  # `b3ContactPointData` is 176 bytes, the first three of its doubles are integers

Indices = npt.NDArray[np.int32]


class Bodies(NamedTuple):
    """Where things are in Bullet: address of the client, numbers of robot and ground, places (2, n) of the joints."""

    client: int
    robot: int
    ground: int
    dofs: Indices


class Ground(NamedTuple):
    """What meets the ground."""

    feet: Feet
    bit: BitState
    drums: DrumState


class Near(NamedTuple):
    """What may meet the ground before the next look.

    Attributes:
        body: the robot's body and knees; drums: any of them.
        floor_m: many steps end once the bit is below this height and its hole is not begun.
    """

    body: bool
    drums: bool
    floor_m: float


class Loads(NamedTuple):
    """What pushes the robot, and what it did to it.

    Attributes:
        wrench: (f, 6) of the ground on the points of interest, in place: feet, bit, head, drums.
        gas: (6,) force and torque at the base origin, base axes; outside: the same in world axes.
        hoist: (3,) force on the base origin, world axes: a lab's, not in the sums.
        sums: (5, 6) running wrench sums about the world origin.
        drive_fault: (n,) effort that joint drives add by themselves.
    """

    wrench: Vector
    gas: Vector
    outside: Vector
    hoist: Vector
    sums: Vector
    drive_fault: Vector


class Robot(NamedTuple):
    """The robot's state: arrays of `Tree`; joint positions, velocities and base (2 n + 13,) in one; its drives."""

    tree: tuple[Any, Vector, Vector, Vector, Vector]
    state: Vector
    motors: Motors


@njit(cache=True)
def one_step(
    bodies: Bodies, robot: Robot, ground: Ground, loads: Loads, effort: Vector, spindle: int, step_s: float,
    near: Near,
) -> None:  # fmt: skip
    """Advance everything by one physics step under joint efforts (n,)."""
    feet, bit, drums = ground
    body_of_joint, links, points, frames, at = robot.tree
    state, wrench = robot.state, loads.wrench
    n = effort.shape[0]
    base = state[2 * n :]
    feet_react(at, wrench, feet)
    count = feet[0].shape[0]
    if spindle >= 0:
        bit_reacts(at[count], state[n + spindle], step_s, bit, wrench[count])
    if near.drums:
        first = at.shape[0] - drums.joints.shape[0]
        axle = frames[0, 4:11:3]  # the base's y
        drums_react(at[first:], axle, state[n : 2 * n], step_s, drums, wrench[first:])
    joint = effort + loads.drive_fault
    actuate(joint, state[n : 2 * n], robot.motors, step_s)
    push = np.empty(6)
    _push_base(base, frames, loads, push)
    whole = np.empty(6)
    generalise(wrench, push, body_of_joint, links, points, frames, at, joint, whole, loads.sums[TOOLS], count)
    client = bodies.client
    robot_number = np.int32(bodies.robot)
    command = b3.c_force(client)
    b3.c_force_at(command, robot_number, BASE, whole.ctypes.data, base.ctypes.data, WORLD_FRAME)
    b3.c_submit(client, command)
    command = b3.c_force(client)  # one a command: Bullet 3.25 mixes the numbers of two
    b3.c_torque(command, robot_number, BASE, whole[3:].ctypes.data, WORLD_FRAME)
    b3.c_submit(client, command)
    command = b3.c_motor(client, robot_number, TORQUE_CONTROL)
    for k in range(n):
        b3.c_motor_torque(command, bodies.dofs[1, k], joint[k])
    b3.c_submit(client, command)
    b3.c_submit(client, b3.c_step(client))
    if near.body:
        _add_contact(bodies, loads.sums[CONTACTS])
    read_state(client, bodies.robot, bodies.dofs, state)
    sweep(base, state[:n], state[n : 2 * n], body_of_joint, links, points, frames, at)


@njit(cache=True)
def many_steps(
    bodies: Bodies, robot: Robot, ground: Ground, loads: Loads, effort: Vector, spindle: int, step_s: float,
    near: Near, servo: Vector, gains: Vector, reading: Vector, draws: Vector, wires: Wires, steps: int, watch_n: float,
) -> int:  # fmt: skip
    """Servo and plant for up to `steps` steps; the number done.

    Args:
        effort: (n,) receives the servo's efforts of the last step.
        servo, gains: of `JointServo`.
        reading: (2 n + 1,) joint positions, velocities and weight on bit as measured; in place.
        draws, wires: of the sensors' `SensorGroup`.
        watch_n: measured weight on bit above which the device must look; so it must when the spindle saturates.
    """
    feet, bit, _ = ground
    n = effort.shape[0]
    true = np.empty(2 * n + 1)
    for i in range(steps):
        saturated = drive(servo, gains, reading[:n], reading[n : 2 * n], effort)
        if reading[2 * n] > watch_n or (spindle >= 0 and saturated >> spindle & 1):
            return i
        one_step(bodies, robot, ground, loads, effort, spindle, step_s, near)
        true[: 2 * n] = robot.state[: 2 * n]
        true[2 * n] = bit[0][WEIGHT]
        measure(true, draws[i], wires, reading)
        if spindle >= 0 and bit[0][BORED] == 0.0 and robot.tree[4][feet[0].shape[0], 2] < near.floor_m:
            return i + 1
    return steps


@njit(cache=True)
def _push_base(base: Vector, frames: Vector, loads: Loads, push: Vector) -> None:
    """What gas, hoist and a test stand do to the base at its origin; booked, but for the hoist."""
    gas, turn = loads.gas, frames[0, 3:12].reshape(3, 3)
    for i in range(3):
        force = turn[i, 0] * gas[0] + turn[i, 1] * gas[1] + turn[i, 2] * gas[2]
        torque = turn[i, 0] * gas[3] + turn[i, 1] * gas[4] + turn[i, 2] * gas[5]
        push[i], push[3 + i] = force, torque
    _book(loads.sums[GAS], base, push)
    _book(loads.sums[OUTSIDE], base, loads.outside)
    for i in range(6):
        push[i] += loads.outside[i]
    for i in range(3):
        push[i] += loads.hoist[i]


@njit(cache=True)
def _book(total: Vector, at: Vector, wrench: Vector) -> None:
    for i in range(6):
        total[i] += wrench[i]
    total[3] += at[1] * wrench[2] - at[2] * wrench[1]
    total[4] += at[2] * wrench[0] - at[0] * wrench[2]
    total[5] += at[0] * wrench[1] - at[1] * wrench[0]


@njit(cache=True)
def _add_contact(bodies: Bodies, total: Vector) -> None:
    """Contact force of the ground on the robot in the last step, and its moment about the world origin."""
    command = b3.c_contacts(bodies.client)
    b3.c_contacts_of(command, np.int32(bodies.robot))
    b3.c_contacts_with(command, np.int32(bodies.ground))
    b3.c_submit(bodies.client, command)
    found = np.zeros(2, dtype=np.int64)  # `b3ContactInformation`: an int, padded, and an address
    b3.c_contacts_read(bodies.client, found.ctypes.data)
    count = int(found[0] & 0x7FFFFFFF)
    if count == 0:
        return
    rows = np.empty((count, CONTACT_DOUBLES))
    b3.c_copy(rows.ctypes.data, found[1], 8 * rows.size)
    force = np.zeros(6)
    for c in rows:
        for i in range(3):
            force[i] = c[13] * c[9 + i] + c[14] * c[16 + i] + c[15] * c[19 + i]
        _book(total, c[3:6], force)


@njit(cache=True)
def read_state(client: int, body: int, dofs: Indices, state: Vector) -> None:
    """Joint positions (n,), joint velocities (n,) and base (13,) of a body into one array (2 n + 13,).

    The base is position of the centre of mass, quaternion xyzw, velocity, spin; world frame.
    """
    n = dofs.shape[1]
    status = b3.c_submit(client, b3.c_state(client, np.int32(body)))
    numbers, at = np.zeros(3, dtype=np.int32), np.zeros(4, dtype=np.int64)
    b3.c_state_read(
        status, numbers.ctypes.data, numbers[1:].ctypes.data, numbers[2:].ctypes.data, at.ctypes.data,
        at[1:].ctypes.data, at[2:].ctypes.data, at[3:].ctypes.data,
    )  # fmt: skip
    q, u = np.empty(numbers[1]), np.empty(numbers[2])
    b3.c_copy(q.ctypes.data, at[1], 8 * q.size)
    b3.c_copy(u.ctypes.data, at[2], 8 * u.size)
    for k in range(n):
        state[k], state[n + k] = q[dofs[0, k]], u[dofs[1, k]]
    for k in range(7):
        state[2 * n + k] = q[k]
    for k in range(6):
        state[2 * n + 7 + k] = u[k]


@njit(cache=True)
def set_base_velocity(client: int, body: int, twist: Vector) -> None:
    """Set velocity and spin (6,) of a base; joint velocities stay."""
    command = b3.c_pose(client, np.int32(body))
    b3.c_pose_linear(command, twist.ctypes.data)
    b3.c_pose_angular(command, twist[3:].ctypes.data)
    b3.c_submit(client, command)


@njit(cache=True)
def set_gravity(client: int, acceleration: Vector) -> None:
    """Uniform acceleration (3,) of every body, m/s2."""
    command = b3.c_parameters(client)
    b3.c_gravity(command, acceleration[0], acceleration[1], acceleration[2])
    b3.c_submit(client, command)


class Motion(NamedTuple):
    """What one settlement hands to the next.

    Attributes:
        centre: (3,) centre of mass; velocity: (3,) of the base; gravity: (3,) m/s2 as Bullet has it.
        felt: (3,) specific force of the base over the last period, world axes.
        energy_j: (1,) that the motors have used.
    """

    centre: Vector
    velocity: Vector
    gravity: Vector
    felt: Vector
    energy_j: Vector


class Field(NamedTuple):
    """Linear effective gravity of the site: a0 + r T + v W (`physics.site_field.SiteField`)."""

    at_origin: Vector
    tensor: Vector
    turn: Vector


@njit(cache=True)
def settle_period(
    bodies: Bodies, robot: Robot, weighed: tuple[Vector, Vector], grips: Vector, loads: Loads, book: Book,
    motion: Motion, field: Field, effort: Vector, step_s: float, period_s: float, offload: float, mass_kg: float,
    fastest: float,
) -> bool:  # fmt: skip
    """Book the impulses of the period, project Bullet's drift out, feel the period, pull with gravity anew.

    Returns:
        False, with nothing changed in Bullet, if the base came out faster than `fastest` (m/s and rad/s) or not finite.
    """
    body_of_joint, links, points, frames, at = robot.tree
    masses, sums = weighed
    n = body_of_joint.shape[0]
    q, dq, base = robot.state[:n], robot.state[n : 2 * n], robot.state[2 * n :]
    sum_up(masses, frames, sums)
    twist = np.empty(6)
    settle(
        book, loads.sums, grips, step_s, motion.gravity, period_s, offload, motion.centre, sums, mass_kg, base, twist
    )  # fmt: skip
    size = 0.0
    for j in range(6):
        size += twist[j] * twist[j]
    if not size < fastest * fastest:  # NaN is not less
        return False
    set_base_velocity(bodies.client, bodies.robot, twist)
    for j in range(6):
        base[7 + j] = twist[j]
    sweep(base, q, dq, body_of_joint, links, points, frames, at)
    sum_up(masses, frames, sums)
    for j in range(3):
        motion.centre[j] = sums[6 + j]
        motion.felt[j] = (twist[j] - motion.velocity[j]) / period_s - motion.gravity[j]
        motion.velocity[j] = twist[j]
    pull(bodies, sums, motion.gravity, field)
    for j in range(3):
        loads.hoist[j] = -offload * mass_kg * motion.gravity[j]
    for k in range(n):
        motion.energy_j[0] += abs(effort[k] * dq[k]) * period_s
    return True


@njit(cache=True)
def pull(bodies: Bodies, sums: Vector, gravity: Vector, field: Field) -> None:
    """Gravity (3,) at the centre of mass and its velocity, in place and into Bullet."""
    for j in range(3):
        gravity[j] = field.at_origin[j]
        for k in range(3):
            gravity[j] += sums[6 + k] * field.tensor[k, j] + sums[9 + k] * field.turn[k, j]
    set_gravity(bodies.client, gravity)


@njit(cache=True)
def open_valves(nozzles: Vector, thrust_n: Vector, any_gas: bool, gas: Vector) -> bool:
    """Wrench (6,) of the thrusters, (k, 6) per newton, at these thrusts; whether gas flows."""
    flows = False
    gas[:] = 0.0
    for i in range(thrust_n.shape[0]):
        if any_gas and thrust_n[i] != 0.0:
            flows = True
            gas += thrust_n[i] * nozzles[i]
    return flows

"""Bullet's own C interface, which the PyBullet package carries: for set-up through ctypes, for the inner loop compiled.

The Python functions of PyBullet cost as much again as what they do: 5 to 10 us a call, and three round trips to read
one robot. The same package exports the C functions below them (`PhysicsClientC_API.h` of Bullet 3.25), so a compiled
loop may call them, as `stope.sim.fast_step` does. Handles of client, command and status are addresses; a command's is
valid until the next command of its client is begun.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import llvmlite.binding
import pybullet
from numba import types
from numba.core.types import ExternalFunction

_CTYPES: dict[str, Any] = {
    "p": ctypes.c_void_p, "i": ctypes.c_int, "d": ctypes.c_double, "s": ctypes.c_char_p, "-": None,
}  # fmt: skip
_NUMBA: dict[str, Any] = {"p": types.intp, "i": types.int32, "d": types.float64, "-": types.void}
_LIBRARY = ctypes.CDLL(pybullet.__file__)
llvmlite.binding.load_library_permanently(pybullet.__file__)  # compiled code finds the functions by name

URDF_LOADED = 6  # status of a load that succeeded (`CMD_URDF_LOADING_COMPLETED`)
BASE = -1  # link number of the base
NEW = -1  # a height field that replaces none


class JointInfo(ctypes.Structure):
    """`b3JointInfo`."""

    _fields_ = (
        ("link_name", ctypes.c_char * 1024),
        ("joint_name", ctypes.c_char * 1024),
        ("joint_type", ctypes.c_int),
        ("q_index", ctypes.c_int),
        ("u_index", ctypes.c_int),
        ("joint_index", ctypes.c_int),
        ("flags", ctypes.c_int),
        ("numbers", ctypes.c_double * 23),
        ("parent", ctypes.c_int),
        ("sizes", ctypes.c_int * 2),
    )


class DynamicsInfo(ctypes.Structure):
    """`b3DynamicsInfo`; what follows the inertial frame is not read."""

    _fields_ = (
        ("mass", ctypes.c_double),
        ("inertia", ctypes.c_double * 3),
        ("inertial_frame", ctypes.c_double * 7),
        ("rest", ctypes.c_double * 20),
    )


class ShapeInfo(ctypes.Structure):
    """`b3CollisionShapeInformation`."""

    _fields_ = (("count", ctypes.c_int), ("shapes", ctypes.c_void_p))


def _call(name: str, result: str, takes: str) -> Callable[..., Any]:
    function = getattr(_LIBRARY, name, None)
    if function is None:
        raise ImportError(
            f"this build of PyBullet ({pybullet.__file__}) does not export Bullet's C interface ({name} is missing); "
            "install the package's own wheel for Linux or macOS"
        )
    function.restype, function.argtypes = _CTYPES[result], [_CTYPES[letter] for letter in takes]
    call: Callable[..., Any] = function
    return call


def _compiled(name: str, result: str, takes: str) -> Any:
    return ExternalFunction(name, _NUMBA[result](*(_NUMBA[letter] for letter in takes)))


# --- set-up -----------------------------------------------------------------------------------------------------------
connect = _call("b3ConnectPhysicsDirect", "p", "")
disconnect = _call("b3DisconnectSharedMemory", "-", "p")
submit = _call("b3SubmitClientCommandAndWaitStatus", "p", "pp")
status_type = _call("b3GetStatusType", "i", "p")
status_body = _call("b3GetStatusBodyIndex", "i", "p")

parameters = _call("b3InitPhysicsParamCommand", "p", "p")
set_time_step = _call("b3PhysicsParamSetTimeStep", "i", "pd")
set_iterations = _call("b3PhysicsParamSetNumSolverIterations", "i", "pi")
set_contact_erp = _call("b3PhysicsParamSetDefaultContactERP", "i", "pd")
set_contact_slop = _call("b3PhysicsParamSetContactSlop", "i", "pd")
set_restitution_threshold = _call("b3PhysicsParamSetRestitutionVelocityThreshold", "i", "pd")
set_file_caching = _call("b3PhysicsParamSetEnableFileCaching", "i", "pi")
set_deterministic_pairs = _call("b3PhysicsParameterSetDeterministicOverlappingPairs", "i", "pi")
set_gravity = _call("b3PhysicsParamSetGravity", "i", "pddd")
step = _call("b3InitStepSimulationCommand", "p", "p")

load_urdf = _call("b3LoadUrdfCommandInit", "p", "ps")
urdf_position = _call("b3LoadUrdfCommandSetStartPosition", "i", "pddd")
urdf_orientation = _call("b3LoadUrdfCommandSetStartOrientation", "i", "pdddd")
urdf_flags = _call("b3LoadUrdfCommandSetFlags", "i", "pi")
joint_count = _call("b3GetNumJoints", "i", "pi")
joint_info = _call("b3GetJointInfo", "i", "piip")

shape = _call("b3CreateCollisionShapeCommandInit", "p", "p")
shape_sphere = _call("b3CreateCollisionShapeAddSphere", "i", "pd")
shape_box = _call("b3CreateCollisionShapeAddBox", "i", "pp")
shape_plane = _call("b3CreateCollisionShapeAddPlane", "i", "ppd")
shape_heights = _call("b3CreateCollisionShapeAddHeightfield2", "i", "pppdpiii")
shape_made = _call("b3GetStatusCollisionShapeUniqueId", "i", "p")
shape_query = _call("b3InitRequestCollisionShapeInformation", "p", "pii")
shape_info = _call("b3GetCollisionShapeInformation", "-", "pp")
body = _call("b3CreateMultiBodyCommandInit", "p", "p")
body_base = _call("b3CreateMultiBodyBase", "i", "pdiipppp")

dynamics = _call("b3InitChangeDynamicsInfo", "p", "p")
set_linear_damping = _call("b3ChangeDynamicsInfoSetLinearDamping", "i", "pid")
set_angular_damping = _call("b3ChangeDynamicsInfoSetAngularDamping", "i", "pid")
set_joint_damping = _call("b3ChangeDynamicsInfoSetJointDamping", "i", "piid")
set_processing_threshold = _call("b3ChangeDynamicsInfoSetContactProcessingThreshold", "i", "piid")
set_activation = _call("b3ChangeDynamicsInfoSetActivationState", "i", "pii")
set_friction = _call("b3ChangeDynamicsInfoSetLateralFriction", "i", "piid")
set_restitution = _call("b3ChangeDynamicsInfoSetRestitution", "i", "piid")
set_mass = _call("b3ChangeDynamicsInfoSetMass", "i", "piid")
set_inertia = _call("b3ChangeDynamicsInfoSetLocalInertiaDiagonal", "i", "piip")
dynamics_query = _call("b3GetDynamicsInfoCommandInit", "p", "pii")
dynamics_info = _call("b3GetDynamicsInfo", "i", "pp")

pose = _call("b3CreatePoseCommandInit", "p", "pi")
pose_linear = _call("b3CreatePoseCommandSetBaseLinearVelocity", "i", "pp")
pose_angular = _call("b3CreatePoseCommandSetBaseAngularVelocity", "i", "pp")
pose_joint = _call("b3CreatePoseCommandSetJointPosition", "i", "ppid")
pose_joint_rate = _call("b3CreatePoseCommandSetJointVelocity", "i", "ppid")

motor = _call("b3JointControlCommandInit2", "p", "pii")
motor_speed = _call("b3JointControlSetDesiredVelocity", "i", "pid")
motor_gain = _call("b3JointControlSetKd", "i", "pid")
motor_effort = _call("b3JointControlSetMaximumForce", "i", "pid")

force = _call("b3ApplyExternalForceCommandInit", "p", "p")
force_at = _call("b3ApplyExternalForce", "-", "piippi")

collision_filter = _call("b3CollisionFilterCommandInit", "p", "p")
filter_pair = _call("b3SetCollisionFilterPair", "-", "piiiii")
boxes_query = _call("b3RequestCollisionInfoCommandInit", "p", "pi")
box = _call("b3GetStatusAABB", "i", "pipp")

# --- inner loop -------------------------------------------------------------------------------------------------------
c_submit = _compiled("b3SubmitClientCommandAndWaitStatus", "p", "pp")
c_step = _compiled("b3InitStepSimulationCommand", "p", "p")
c_motor = _compiled("b3JointControlCommandInit2", "p", "pii")
c_motor_torque = _compiled("b3JointControlSetDesiredForceTorque", "i", "pid")
c_force = _compiled("b3ApplyExternalForceCommandInit", "p", "p")
c_force_at = _compiled("b3ApplyExternalForce", "-", "piippi")
c_torque = _compiled("b3ApplyExternalTorque", "-", "piipi")
c_state = _compiled("b3RequestActualStateCommandInit", "p", "pi")
c_state_read = _compiled("b3GetStatusActualState", "i", "pppppppp")
c_contacts = _compiled("b3InitRequestContactPointInformation", "p", "p")
c_contacts_of = _compiled("b3SetContactFilterBodyA", "-", "pi")
c_contacts_with = _compiled("b3SetContactFilterBodyB", "-", "pi")
c_contacts_read = _compiled("b3GetContactPointInformation", "-", "pp")
c_pose = _compiled("b3CreatePoseCommandInit", "p", "pi")
c_pose_linear = _compiled("b3CreatePoseCommandSetBaseLinearVelocity", "i", "pp")
c_pose_angular = _compiled("b3CreatePoseCommandSetBaseAngularVelocity", "i", "pp")
c_parameters = _compiled("b3InitPhysicsParamCommand", "p", "p")
c_gravity = _compiled("b3PhysicsParamSetGravity", "i", "pddd")
c_copy: Any = ExternalFunction("memcpy", types.intp(types.intp, types.intp, types.intp))

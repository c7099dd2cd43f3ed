"""The firmware's compiled limits, written from robot.yaml.

`python -m stope.bridge.limits_header ROBOT_DIR > robot_limits.h`
The wire and the firmware count each joint as the device does, so a joint of sign -1 has its limits mirrored here.
"""

from __future__ import annotations

import sys
from pathlib import Path

from stope.robot.model import Joint, RobotModel
from stope.robot.modelfile import load_robot

MAX_JOINTS, MAX_LIMBS, MAX_THRUSTERS, MAX_DRUMS = 16, 4, 4, 2  # what the dialect's arrays hold
KINDS = {"revolute": "JOINT_REVOLUTE", "prismatic": "JOINT_PRISMATIC", "continuous": "JOINT_CONTINUOUS"}


def limits_header(model: RobotModel) -> str:
    """C text with every limit of `model` that the firmware enforces.

    Raises:
        ValueError: the robot has more joints, limbs, thrusters or drums than the wire carries.
    """
    drums = model.drums.joints if model.drums else ()
    for what, count, most in (
        ("joints", len(model.joints), MAX_JOINTS),
        ("limbs", len(model.limbs), MAX_LIMBS),
        ("thrusters", len(model.thrusters), MAX_THRUSTERS),
        ("drums", len(drums), MAX_DRUMS),
    ):
        if count > most:
            raise ValueError(f"robot {model.name} has {count} {what}, the wire carries {most}")
    drill, sampler = model.drill, model.sampler
    required = max((tool.anchors_required for tool in (drill, sampler) if tool is not None), default=0)
    push = _real(model.joints[drill.feed].sign if drill else 1)
    lines = [
        f"/* Limits of robot {model.name}, written by stope.bridge.limits_header: change robot.yaml instead. */",
        "#ifndef ROBOT_LIMITS_H",
        "#define ROBOT_LIMITS_H",
        f'#define ROBOT_NAME "{model.name}"',
        f"#define ROBOT_JOINTS {len(model.joints)}u",
        f"#define ROBOT_LIMBS {len(model.limbs)}u",
        f"#define ROBOT_THRUSTERS {len(model.thrusters)}u",
        f"#define ROBOT_DRUMS {len(drums)}u",
        f"#define ROBOT_HAS_DRILL {int(drill is not None)}",
        f"#define ROBOT_FEED {drill.feed if drill else 0}u",
        f"#define ROBOT_FEED_PUSH {push} /* sign of an effort that pushes */",
        f"#define ROBOT_SPINDLE {drill.spindle if drill else 0}u",
        f"#define ROBOT_HAS_JET {int(sampler is not None)}",
        f"#define ROBOT_JET {sampler.jet if sampler else 0}u",
        f"#define ROBOT_ANCHORS_REQUIRED {required}u",
        f"#define ROBOT_SPINDLE_NM_A {_real(drill.torque_constant_nm_a if drill else 0.0)}",
        f"#define ROBOT_BUS_V {_real(model.bus_voltage_v)}",
        "#define ROBOT_JOINT_LIMITS /* kind, position min, max, velocity, effort, kp, kd */ \\",
        ", \\\n".join(_joint(joint) for joint in model.joints),
        f"#define ROBOT_THRUST_MAX_N {', '.join(_real(t.max_n) for t in model.thrusters) or '0.0f'}",
        f"#define ROBOT_LIMITS_HASH {', '.join(f'0x{byte:02x}' for byte in bytes.fromhex(model.limits_hash))}",
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def _joint(joint: Joint) -> str:
    low, high = sorted((joint.sign * joint.position_min, joint.sign * joint.position_max))
    numbers = (low, high, joint.velocity_max, joint.effort_max, joint.kp, joint.kd)
    return f"    {{{KINDS[joint.kind]}, {', '.join(_real(x) for x in numbers)}}}"


def _real(value: float) -> str:
    """A C float; no limit is FLT_MAX, so that a check against it still refuses what is not finite."""
    if value in (float("inf"), float("-inf")):
        return "FLT_MAX" if value > 0 else "-FLT_MAX"
    return f"{float(value)!r}f"


if __name__ == "__main__":
    sys.stdout.write(limits_header(load_robot(Path(sys.argv[1]) / "robot.yaml")))

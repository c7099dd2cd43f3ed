/* The robot that this firmware was compiled for. Nothing at run time can widen these limits. */
#ifndef ROBOT_H
#define ROBOT_H
#include <float.h>
#include <stdint.h>

#include "robot_limits.h"

#define MAX_JOINTS 16u /* what the dialect's arrays hold */
#define MAX_LIMBS 4u
#define MAX_THRUSTERS 4u
#define MAX_DRUMS 2u

enum joint_kind { JOINT_REVOLUTE, JOINT_PRISMATIC, JOINT_CONTINUOUS };
struct joint_limits {
    enum joint_kind kind;
    float position_min, position_max, velocity_max, effort_max, kp, kd;
};
extern const struct joint_limits robot_joint[ROBOT_JOINTS];
extern const float robot_thrust_max_n[MAX_THRUSTERS];
extern const uint8_t robot_limits_hash[32];
#endif

#include "robot.h"

const struct joint_limits robot_joint[ROBOT_JOINTS] = {ROBOT_JOINT_LIMITS};
const float robot_thrust_max_n[MAX_THRUSTERS] = {ROBOT_THRUST_MAX_N};
const uint8_t robot_limits_hash[32] = {ROBOT_LIMITS_HASH};

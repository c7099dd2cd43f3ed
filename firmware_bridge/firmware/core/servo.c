#include "servo.h"

#include <string.h>

#include "dialect.h"
#include "params.h"

#define SLEW 2.0f /* a reference runs at most this many times as fast as its joint may: a jump becomes a ramp */

static float least(float a, float b) { return a < b ? a : b; }

static float tightened(const struct core *c, uint32_t joint, float limit)
{
    if (ROBOT_HAS_DRILL && joint == ROBOT_FEED) return least(limit, param_f32(c, PARAM_PRESS_MAX_N));
    if (ROBOT_HAS_DRILL && joint == ROBOT_SPINDLE) return least(limit, param_f32(c, PARAM_SPINDLE_MAX_NM));
    return limit;
}

void servo_take(struct core *c)
{
    struct servo *s = &c->servo;
    const struct setpoint *p = &c->setpoints.adopted;
    for (uint32_t i = 0; i < ROBOT_JOINTS; i++) {
        if (s->mode[i] != JOINT_MODE_POSITION) s->position[i] = c->sensors.position[i]; /* slew from where the joint is */
        s->target[i] = p->position[i];
        s->velocity[i] = p->velocity[i];
        s->effort[i] = p->effort[i];
        s->limit[i] = tightened(c, i, p->effort_limit[i]);
        s->mode[i] = p->mode[i];
    }
}

void servo_hold(struct servo *s, const float *position)
{
    for (uint32_t i = 0; i < ROBOT_JOINTS; i++) {
        s->mode[i] = robot_joint[i].kind == JOINT_CONTINUOUS ? JOINT_MODE_VELOCITY : JOINT_MODE_POSITION;
        s->position[i] = s->target[i] = position[i];
        s->velocity[i] = 0.0f;
    }
}

void servo_brake(struct servo *s)
{
    memset(s->mode, JOINT_MODE_BRAKE, sizeof s->mode);
}

static void slew(struct servo *s, uint32_t i)
{
    float step = SLEW * robot_joint[i].velocity_max * (float)CORE_TICK_US * 1e-6f;
    float left = s->target[i] - s->position[i];
    if (left > step) s->position[i] += step;
    else if (left < -step) s->position[i] -= step;
    else s->position[i] = s->target[i];
}

static float wanted(const struct servo *s, uint32_t i, float q, float dq)
{
    const struct joint_limits *l = &robot_joint[i];
    switch (s->mode[i]) {
    case JOINT_MODE_POSITION: return l->kp * (s->position[i] - q) + l->kd * (s->velocity[i] - dq) + s->effort[i];
    case JOINT_MODE_VELOCITY: return l->kd * (s->velocity[i] - dq) + s->effort[i];
    case JOINT_MODE_EFFORT: return s->effort[i];
    default: return 0.0f; /* braked */
    }
}

/* Written so that NaN fails: it becomes zero effort, never a passed value. */
static float clamp(struct servo *s, uint32_t i, float effort)
{
    float limit = s->limit[i];
    if (effort <= limit && effort >= -limit) return effort;
    s->saturated |= UINT32_C(1) << i;
    if (effort > limit) return limit;
    return effort < -limit ? -limit : 0.0f;
}

void servo_step(struct servo *s, const struct core_sensors *now, struct core_efforts *out)
{
    s->saturated = 0;
    for (uint32_t i = 0; i < ROBOT_JOINTS; i++) {
        if (s->mode[i] == JOINT_MODE_POSITION) slew(s, i);
        out->effort[i] = clamp(s, i, wanted(s, i, now->position[i], now->velocity[i]));
        out->mode[i] = s->mode[i];
        out->position[i] = s->position[i];
        out->velocity[i] = s->velocity[i];
        out->feed_forward[i] = s->effort[i];
        out->effort_limit[i] = s->limit[i];
        if (s->mode[i] == JOINT_MODE_BRAKE) out->braked |= UINT32_C(1) << i;
    }
}

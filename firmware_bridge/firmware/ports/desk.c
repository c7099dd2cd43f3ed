#include "desk.h"

#include <string.h>

#include "../core/dialect.h"

void desk_init(struct core_sensors *s)
{
    memset(s, 0, sizeof *s);
    s->bus_voltage_v = ROBOT_BUS_V;
    for (uint32_t i = 0; i < ROBOT_JOINTS; i++)
        if (robot_joint[i].kind != JOINT_CONTINUOUS) s->position[i] = 0.5f * (robot_joint[i].position_min + robot_joint[i].position_max);
}

void desk_move(struct core_sensors *s, const struct core_efforts *e, uint64_t now)
{
    float dt = s->time_us ? (float)elapsed_us(now, s->time_us) * 1e-6f : 0.0f;
    for (uint32_t i = 0; i < ROBOT_JOINTS; i++) {
        uint8_t mode = e->mode[i];
        if (mode == JOINT_MODE_POSITION) s->position[i] = e->position[i];
        s->velocity[i] = mode == JOINT_MODE_VELOCITY ? e->velocity[i] : 0.0f;
        s->position[i] += s->velocity[i] * dt;
        s->effort[i] = e->effort[i];
    }
    for (uint32_t i = 0; i < ROBOT_LIMBS; i++) {
        if (e->anchor[i] > 0) s->anchor_phase[i] = ANCHOR_PHASE_ENGAGED;
        if (e->anchor[i] < 0) s->anchor_phase[i] = ANCHOR_PHASE_OPEN;
        s->anchor_engagement[i] = s->anchor_phase[i] == ANCHOR_PHASE_ENGAGED ? 1.0f : 0.0f;
    }
    s->time_us = now;
}

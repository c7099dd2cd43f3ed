#include "plant_link.h"

#include <string.h>

#include "../core/dialect.h"
#include "../core/link.h"

struct counts {
    float position, velocity, effort; /* what one count is, by kind of joint */
};
static const struct counts counts[] = {
    [JOINT_REVOLUTE] = {1e-4f, 1e-3f, 2e-3f},
    [JOINT_PRISMATIC] = {2e-5f, 1e-5f, 1e-2f},
    [JOINT_CONTINUOUS] = {1e-3f, 2e-3f, 1e-3f},
};

void plant_link_init(struct plant_link *p) { memset(p, 0, sizeof *p); }

/* --- sensors in --------------------------------------------------------------------------------------------------- */

static float position(struct plant_link *p, uint32_t i, int16_t count)
{
    float one = counts[robot_joint[i].kind].position;
    if (robot_joint[i].kind != JOINT_CONTINUOUS || !p->any) {
        p->wrapped[i] = count;
        return one * (float)count;
    }
    int16_t turned = (int16_t)(uint16_t)((uint16_t)count - (uint16_t)p->wrapped[i]); /* the shorter way round */
    p->wrapped[i] = count;
    return p->sensors.position[i] + one * (float)turned;
}

static void take_joints(struct plant_link *p, const mavlink_plant_sensors_t *m)
{
    for (uint32_t i = 0; i < ROBOT_JOINTS; i++) {
        const struct counts *one = &counts[robot_joint[i].kind];
        p->sensors.position[i] = position(p, i, m->position[i]);
        p->sensors.velocity[i] = one->velocity * (float)m->velocity[i];
        p->sensors.effort[i] = one->effort * (float)m->effort[i];
    }
}

static void take_limbs(struct core_sensors *s, const mavlink_plant_sensors_t *m)
{
    for (uint32_t limb = 0; limb < MAX_LIMBS; limb++) {
        for (uint32_t axis = 0; axis < 3; axis++) s->limb_force[limb][axis] = 0.02f * (float)m->force[3 * limb + axis];
        s->anchor_slip_m[limb] = 1e-5f * (float)m->slip[limb];
        s->anchor_engagement[limb] = (float)m->engagement[limb] / 255.0f;
        s->anchor_phase[limb] = m->phase[limb];
    }
}

static void take_sensors(struct plant_link *p, const mavlink_plant_sensors_t *m, uint64_t now)
{
    struct core_sensors *s = &p->sensors;
    take_joints(p, m);
    take_limbs(s, m);
    for (uint32_t axis = 0; axis < 3; axis++) {
        s->gyro[axis] = 2e-4f * (float)m->gyro[axis];
        s->accel[axis] = 1e-3f * (float)m->accel[axis];
    }
    s->weight_on_bit_n = 0.01f * (float)m->weight_on_bit;
    s->spindle_current_a = 1e-3f * (float)m->spindle_current;
    s->bus_voltage_v = 1e-3f * (float)m->bus_voltage;
    s->bin_fill = (float)m->bin_fill / 255.0f;
    for (uint32_t i = 0; i < MAX_DRUMS; i++) s->drum_fill[i] = (float)m->drum_fill[i] / 255.0f;
    s->propellant_kg = m->propellant_kg;
    s->energy_used_j = (double)m->energy_used_j;
    s->estop_open = m->estop_open;
    s->time_us = now;
    p->seq = m->seq;
    p->any = p->fresh = true;
}

void plant_link_rx(struct plant_link *p, uint8_t byte, uint64_t now)
{
    struct frame f;
    framer_push(&p->framer, byte);
    while (framer_next(&p->framer, &f)) {
        if (f.id != MAVLINK_MSG_ID_PLANT_SENSORS) continue;
        mavlink_plant_sensors_t m;
        memset(&m, 0, sizeof m);
        memcpy(&m, f.payload, f.length < sizeof m ? f.length : sizeof m);
        take_sensors(p, &m, now);
    }
}

/* --- efforts out -------------------------------------------------------------------------------------------------- */

static int16_t count_of(float value, float one)
{
    float n = value / one;
    if (n != n) return 0; /* NaN is no effort */
    if (n < -32767.0f) return -32767;
    if (n > 32767.0f) return 32767;
    return (int16_t)(n < 0.0f ? n - 0.5f : n + 0.5f);
}

static void give_joints(mavlink_plant_efforts_t *m, const struct core_efforts *e)
{
    for (uint32_t i = 0; i < ROBOT_JOINTS; i++) {
        const struct counts *one = &counts[robot_joint[i].kind];
        m->effort[i] = count_of(e->effort[i], one->effort);
        if (robot_joint[i].kind != JOINT_CONTINUOUS) m->position[i] = count_of(e->position[i], one->position);
        m->velocity[i] = count_of(e->velocity[i], one->velocity);
        m->feed_forward[i] = count_of(e->feed_forward[i], one->effort);
        m->effort_limit[i] = count_of(e->effort_limit[i], one->effort);
        m->mode |= (uint32_t)e->mode[i] << 2u * i;
    }
}

uint16_t plant_link_answer(struct plant_link *p, const struct core_efforts *e, uint64_t now, uint8_t frame[PLANT_FRAME_MAX])
{
    if (!p->fresh) return 0;
    p->fresh = false;
    mavlink_plant_efforts_t m = {.time_us = now, .seq = p->seq, .brake = (uint16_t)e->braked, .outputs_enabled = e->outputs_enabled};
    give_joints(&m, e);
    for (uint32_t i = 0; i < MAX_THRUSTERS; i++) m.thrust[i] = (uint16_t)(e->thrust_n[i] * 1e4f + 0.5f); /* within 0..6.5 N */
    for (uint32_t i = 0; i < MAX_LIMBS; i++) m.anchor[i] = e->anchor[i];
    m.hammer = (uint8_t)(e->hammer * 255.0f + 0.5f); /* within 0..1 */
    return link_write(frame, MAVLINK_MSG_ID_PLANT_EFFORTS, p->tx_seq++, &m);
}

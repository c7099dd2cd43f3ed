#include "setpoint.h"

#include <math.h>

#include "faults.h"
#include "params.h"
#include "safety.h"

#define JOINTS_PER_PART 8u
#define JOINT_PARTS ((ROBOT_JOINTS + JOINTS_PER_PART - 1u) / JOINTS_PER_PART)
#define ACTUATION_PART (1u << JOINT_PARTS)
#define ALL_PARTS ((1u << (JOINT_PARTS + 1u)) - 1u)

static bool newer(uint32_t seq, uint32_t than) { return (int32_t)(seq - than) > 0; } /* over the wrap */

/* Written so that NaN is never inside. */
static bool inside(float x, float least, float most) { return x >= least && x <= most; }

static void count(uint16_t *counter) { (*counter)++; }

static void refuse(struct core *c, uint32_t seq, uint8_t reason, uint64_t now)
{
    struct setpoints *s = &c->setpoints;
    s->any = true;
    s->newest_seq = s->refused_seq = seq;
    s->refuse_reason = reason;
    s->parts = 0;
    if (reason == REFUSE_REASON_STALE) {
        count(&s->refused_stale);
    } else if (reason != REFUSE_REASON_STATE) {
        count(&s->refused_limit);
        uint32_t fault = reason == REFUSE_REASON_LEAD ? FAULT_CLOCK : FAULT_SETPOINT_LIMIT;
        faults_raise(c, now, fault, NOTE, (float)seq, (float)reason, NO_SOURCE);
    }
}

static bool takes_setpoints(uint8_t state)
{
    return state == SAFETY_STATE_DISARMED || state == SAFETY_STATE_HOLD || state == SAFETY_STATE_ARMED;
}

static uint8_t judge_time(const struct core *c, uint64_t valid_until_us, uint64_t now)
{
    if (!takes_setpoints(c->safety.state)) return REFUSE_REASON_STATE;
    if (valid_until_us <= now) return REFUSE_REASON_STALE;
    if (valid_until_us - now > SETPOINT_MAX_LEAD_US) return REFUSE_REASON_LEAD;
    return REFUSE_REASON_NONE;
}

/* Whether this part of `seq` is to be looked at; opens a new set-point when it is the first of its seq. */
static bool admit(struct core *c, uint32_t seq, uint32_t session, uint64_t valid_until_us, uint64_t now)
{
    struct setpoints *s = &c->setpoints;
    if (session != c->boot.nonce) {
        count(&c->host.refused_session);
        return false;
    }
    bool old = (s->any && !newer(seq, s->newest_seq)) || (s->parts && newer(s->gathering.seq, seq));
    if (old) {
        count(&s->refused_stale);
        return false;
    }
    uint8_t reason = judge_time(c, valid_until_us, now);
    if (s->parts && s->gathering.seq == seq && s->gathering.valid_until_us != valid_until_us) reason = REFUSE_REASON_DEADLINE;
    if (s->parts && s->gathering.seq != seq) {
        count(&s->parts_lost);
        s->parts = 0;
    }
    if (reason != REFUSE_REASON_NONE) {
        refuse(c, seq, reason, now);
        return false;
    }
    s->gathering.seq = seq;
    s->gathering.valid_until_us = valid_until_us;
    return true;
}

static void adopt(struct core *c, uint64_t now)
{
    struct setpoints *s = &c->setpoints;
    s->adopted = s->gathering;
    s->newest_seq = s->adopted_seq = s->adopted.seq;
    s->any = s->any_adopted = true;
    s->adopted_us = now;
    s->parts = 0;
    faults_gone(c, FAULT_SETPOINT_LIMIT | FAULT_CLOCK | FAULT_SETPOINT_STALE);
    safety_setpoint(c, now);
}

static void arrived(struct core *c, uint8_t part, uint64_t now)
{
    c->setpoints.parts |= part;
    if (c->setpoints.parts == ALL_PARTS) adopt(c, now);
}

static uint8_t judge_joint(const struct joint_limits *l, const mavlink_setpoint_t *m, uint8_t slot)
{
    float limit = m->effort_limit[slot];
    if (!isfinite(m->position[slot]) || !isfinite(m->velocity[slot])) return REFUSE_REASON_NOT_FINITE;
    if (!isfinite(m->effort[slot]) || !isfinite(limit)) return REFUSE_REASON_NOT_FINITE;
    if (m->mode[slot] > JOINT_MODE_EFFORT) return REFUSE_REASON_MODE;
    if (!inside(m->position[slot], l->position_min, l->position_max)) return REFUSE_REASON_POSITION;
    if (!inside(m->velocity[slot], -l->velocity_max, l->velocity_max)) return REFUSE_REASON_VELOCITY;
    if (!inside(limit, 0.0f, l->effort_max)) return REFUSE_REASON_EFFORT_LIMIT;
    if (!inside(m->effort[slot], -limit, limit)) return REFUSE_REASON_EFFORT;
    return REFUSE_REASON_NONE;
}

/* Joints that a part starting at `first` must carry: all that the robot has there, and no other. */
static uint8_t expected_mask(uint8_t first)
{
    uint32_t left = ROBOT_JOINTS - first;
    return (uint8_t)(left >= JOINTS_PER_PART ? 0xffu : (1u << left) - 1u);
}

static uint8_t judge_part(const mavlink_setpoint_t *m)
{
    if (m->first_joint % JOINTS_PER_PART != 0 || m->first_joint >= ROBOT_JOINTS) return REFUSE_REASON_MASK;
    if (m->valid_mask != expected_mask(m->first_joint)) return REFUSE_REASON_MASK;
    for (uint8_t slot = 0; slot < JOINTS_PER_PART; slot++) {
        if (!(m->valid_mask >> slot & 1u)) continue;
        uint8_t reason = judge_joint(&robot_joint[m->first_joint + slot], m, slot);
        if (reason != REFUSE_REASON_NONE) return reason;
    }
    return REFUSE_REASON_NONE;
}

void setpoint_joints(struct core *c, const mavlink_setpoint_t *m, uint64_t now)
{
    if (!admit(c, m->seq, m->session, m->valid_until_us, now)) return;
    uint8_t reason = judge_part(m);
    if (reason != REFUSE_REASON_NONE) {
        refuse(c, m->seq, reason, now);
        return;
    }
    struct setpoint *g = &c->setpoints.gathering;
    for (uint8_t slot = 0; slot < JOINTS_PER_PART; slot++) {
        if (!(m->valid_mask >> slot & 1u)) continue;
        uint32_t joint = m->first_joint + (uint32_t)slot;
        g->position[joint] = m->position[slot];
        g->velocity[joint] = m->velocity[slot];
        g->effort[joint] = m->effort[slot];
        g->effort_limit[joint] = m->effort_limit[slot];
        g->mode[joint] = m->mode[slot];
    }
    arrived(c, (uint8_t)(1u << m->first_joint / JOINTS_PER_PART), now);
}

static uint8_t judge_actuation(const mavlink_actuation_t *m)
{
    for (uint8_t i = 0; i < MAX_THRUSTERS; i++) {
        if (!isfinite(m->thrust_n[i])) return REFUSE_REASON_NOT_FINITE;
        if (!inside(m->thrust_n[i], 0.0f, robot_thrust_max_n[i])) return REFUSE_REASON_THRUST; /* 0 where there is none */
    }
    for (uint8_t i = 0; i < MAX_LIMBS; i++) {
        uint8_t most = i < ROBOT_LIMBS ? ANCHOR_ACTION_RELEASE : ANCHOR_ACTION_HOLD;
        if (m->anchor_action[i] > most) return REFUSE_REASON_ANCHOR_ACTION;
    }
    if (!isfinite(m->hammer)) return REFUSE_REASON_NOT_FINITE;
    if (!inside(m->hammer, 0.0f, 1.0f)) return REFUSE_REASON_HAMMER;
    return REFUSE_REASON_NONE;
}

void setpoint_actuation(struct core *c, const mavlink_actuation_t *m, uint64_t now)
{
    if (!admit(c, m->seq, m->session, m->valid_until_us, now)) return;
    uint8_t reason = judge_actuation(m);
    if (reason != REFUSE_REASON_NONE) {
        refuse(c, m->seq, reason, now);
        return;
    }
    struct setpoint *g = &c->setpoints.gathering;
    for (uint8_t i = 0; i < MAX_THRUSTERS; i++) g->thrust_n[i] = m->thrust_n[i];
    for (uint8_t i = 0; i < MAX_LIMBS; i++) g->anchor_action[i] = m->anchor_action[i];
    g->hammer = m->hammer;
    g->release_confirmed = m->release_confirm == (m->session ^ m->seq);
    arrived(c, ACTUATION_PART, now);
}

bool setpoint_alive(const struct core *c, uint64_t now)
{
    const struct setpoints *s = &c->setpoints;
    if (!s->any_adopted || now > s->adopted.valid_until_us) return false;
    return elapsed_us(now, s->adopted_us) <= param_us(c, PARAM_SETPOINT_AGE_MS);
}

#include "interlocks.h"

#include <math.h>

#include "dialect.h"
#include "faults.h"
#include "params.h"

#define OVER_PRESS 1.2f          /* feed reflex: weight on bit above this share of the limit in force */
#define OVER_TORQUE 1.25f        /* spindle torque by its current, above this share of the limit: the servo no longer rules it */
#define STALL_SHARE 0.1f         /* spindle below this share of its wanted speed while saturated counts as stalled */
#define STALL_US 200000u
#define REFLEX_PATIENCE_US 500000u /* a reflex that has not helped by then is a fault */
#define OVER_TORQUE_US 20000u

static void limited(struct core *c, uint32_t joints, uint8_t reason, float value)
{
    struct interlocks *k = &c->interlocks;
    k->limited_joints |= joints;
    if (k->limit_reason != LIMIT_REASON_NONE) return; /* the first reason is the cause, later ones may follow from it */
    k->limit_reason = reason;
    k->limit_value = value;
}

void interlocks_forget_limits(struct core *c)
{
    c->interlocks.limited_joints = 0;
    c->interlocks.limit_reason = LIMIT_REASON_NONE;
    c->interlocks.limit_value = 0.0f;
}

/* How long a condition has held; 0 while it does not. `active` and `since` belong to the condition. */
static uint64_t lasting(bool now_active, bool *active, uint64_t *since, uint64_t now)
{
    if (now_active && !*active) *since = now;
    *active = now_active;
    return now_active ? elapsed_us(now, *since) : 0;
}

static bool slipped_off(const struct core *c, uint32_t limb)
{
    return !(c->sensors.anchor_slip_m[limb] <= param_f32(c, PARAM_SLIP_MAX_M));
}

static bool grips(const struct core *c, uint32_t limb)
{
    uint8_t phase = c->sensors.anchor_phase[limb];
    return phase == ANCHOR_PHASE_ENGAGED || phase == ANCHOR_PHASE_SLIPPING;
}

static uint32_t holding(const struct core *c)
{
    uint32_t count = 0;
    for (uint32_t limb = 0; limb < ROBOT_LIMBS; limb++)
        if (grips(c, limb) && !slipped_off(c, limb)) count++;
    return count;
}

bool interlocks_enough_anchors(const struct core *c) { return holding(c) >= param_u32(c, PARAM_ANCHORS_MIN); }

bool interlocks_pressing(const struct core *c) { return !(c->sensors.weight_on_bit_n <= PRESS_MARGIN_N); }

/* Limit the feed's effort toward the ground to `most`, in the direction in which it pushes. */
static bool hold_feed_back(struct core_efforts *out, float most)
{
    float push = out->effort[ROBOT_FEED] * ROBOT_FEED_PUSH;
    if (push <= most) return false;
    out->effort[ROBOT_FEED] = most * ROBOT_FEED_PUSH;
    out->mode[ROBOT_FEED] = JOINT_MODE_EFFORT; /* and a drive that closes the loop itself gets the same */
    out->feed_forward[ROBOT_FEED] = out->effort[ROBOT_FEED];
    return true;
}

static void tell_slip(struct core *c, uint64_t now)
{
    bool any = false;
    for (uint32_t limb = 0; limb < ROBOT_LIMBS; limb++) {
        if (!interlocks_pressing(c) || !grips(c, limb) || !slipped_off(c, limb)) continue;
        any = true;
        faults_raise(c, now, FAULT_ANCHOR_SLIP, NOTE, c->sensors.anchor_slip_m[limb], param_f32(c, PARAM_SLIP_MAX_M), (uint16_t)limb);
    }
    if (!any) faults_gone(c, FAULT_ANCHOR_SLIP);
}

static void need_anchors(struct core *c, uint64_t now, struct core_efforts *out)
{
    struct interlocks *k = &c->interlocks;
    bool unheld = interlocks_pressing(c) && !interlocks_enough_anchors(c);
    uint64_t lasts = lasting(unheld, &k->unheld, &k->unheld_us, now);
    tell_slip(c, now);
    if (!unheld) {
        faults_gone(c, FAULT_FEED_INTERLOCK | FAULT_ANCHOR_LOAD_LOST);
        return;
    }
    float held = (float)holding(c), needed = (float)param_u32(c, PARAM_ANCHORS_MIN);
    if (hold_feed_back(out, 0.0f)) {
        limited(c, UINT32_C(1) << ROBOT_FEED, LIMIT_REASON_FEED_INTERLOCK, held);
        faults_raise(c, now, FAULT_FEED_INTERLOCK, NOTE, held, needed, ROBOT_FEED);
    }
    if (lasts > REFLEX_PATIENCE_US) faults_raise(c, now, FAULT_ANCHOR_LOAD_LOST, FAULTING, held, needed, ROBOT_FEED);
}

static float over_press_n(const struct core *c)
{
    float limit = c->servo.limit[ROBOT_FEED];
    return fmaxf(OVER_PRESS * limit, limit + PRESS_MARGIN_N);
}

static void press_no_harder(struct core *c, uint64_t now, struct core_efforts *out)
{
    struct interlocks *k = &c->interlocks;
    float weight = c->sensors.weight_on_bit_n, most = over_press_n(c);
    bool over = !(weight <= most);
    uint64_t lasts = lasting(over, &k->pressed, &k->pressed_us, now);
    if (!over) {
        faults_gone(c, FAULT_OVER_PRESS);
        return;
    }
    if (hold_feed_back(out, -c->servo.limit[ROBOT_FEED])) {
        limited(c, UINT32_C(1) << ROBOT_FEED, LIMIT_REASON_OVER_PRESS, weight);
        faults_raise(c, now, FAULT_OVER_PRESS, NOTE, weight, most, ROBOT_FEED);
    }
    if (lasts > REFLEX_PATIENCE_US) faults_raise(c, now, FAULT_OVER_PRESS, FAULTING, weight, most, ROBOT_FEED);
}

static void turn_no_stuck_bit(struct core *c, uint64_t now, struct core_efforts *out)
{
    struct interlocks *k = &c->interlocks;
    float want = c->servo.velocity[ROBOT_SPINDLE], turning = c->sensors.velocity[ROBOT_SPINDLE];
    bool saturated = c->servo.saturated >> ROBOT_SPINDLE & 1u;
    bool stuck = saturated && !(fabsf(turning) >= STALL_SHARE * fabsf(want));
    if (lasting(stuck, &k->stalled, &k->stalled_us, now) <= STALL_US) {
        if (!stuck) faults_gone(c, FAULT_DRILL_STALL);
        return;
    }
    out->effort[ROBOT_SPINDLE] = out->feed_forward[ROBOT_SPINDLE] = 0.0f;
    out->mode[ROBOT_SPINDLE] = JOINT_MODE_EFFORT;
    hold_feed_back(out, 0.0f);
    limited(c, UINT32_C(1) << ROBOT_SPINDLE | UINT32_C(1) << ROBOT_FEED, LIMIT_REASON_STALL, turning);
    faults_raise(c, now, FAULT_DRILL_STALL, NOTE, turning, want, ROBOT_SPINDLE);
}

static void obey_torque(struct core *c, uint64_t now)
{
    struct interlocks *k = &c->interlocks;
    float torque = c->sensors.spindle_current_a * ROBOT_SPINDLE_NM_A;
    float most = OVER_TORQUE * robot_joint[ROBOT_SPINDLE].effort_max;
    bool over = !(torque <= most);
    if (lasting(over, &k->torque, &k->torque_us, now) > OVER_TORQUE_US)
        faults_raise(c, now, FAULT_DRILL_OVERTORQUE, FAULTING, torque, most, ROBOT_SPINDLE);
    if (!over) faults_gone(c, FAULT_DRILL_OVERTORQUE);
}

void interlocks_drill(struct core *c, uint64_t now, struct core_efforts *out)
{
    if (!ROBOT_HAS_DRILL) return;
    need_anchors(c, now, out);
    if (c->safety.state == SAFETY_STATE_SAFING) hold_feed_back(out, c->safety.push_most_n);
    else press_no_harder(c, now, out);
    turn_no_stuck_bit(c, now, out);
    obey_torque(c, now);
}

/* A sampler's jet lifts the robot off the ground; the nozzles beside it hold it down, and need no anchor. */
void interlocks_jet(struct core *c, uint64_t now, struct core_efforts *out)
{
    if (!ROBOT_HAS_JET) return;
    if (!(out->thrust_n[ROBOT_JET] > 0.0f) || interlocks_enough_anchors(c)) {
        faults_gone(c, FAULT_JET_INTERLOCK);
        return;
    }
    float held = (float)holding(c), needed = (float)param_u32(c, PARAM_ANCHORS_MIN);
    out->thrust_n[ROBOT_JET] = 0.0f;
    limited(c, 0, LIMIT_REASON_JET_INTERLOCK, held);
    faults_raise(c, now, FAULT_JET_INTERLOCK, NOTE, held, needed, NO_SOURCE);
}

static uint8_t why_no_release(const struct core *c, float *value)
{
    *value = 0.0f;
    if (!c->setpoints.adopted.release_confirmed) return LIMIT_REASON_RELEASE_UNCONFIRMED;
    if (!ROBOT_HAS_DRILL) return LIMIT_REASON_NONE;
    *value = c->sensors.velocity[ROBOT_SPINDLE];
    return fabsf(*value) <= SPINDLE_OFF_RAD_S ? LIMIT_REASON_NONE : LIMIT_REASON_RELEASE_DRILLING;
}

void interlocks_anchors(struct core *c, uint64_t now, struct core_efforts *out)
{
    float value;
    uint8_t why = why_no_release(c, &value);
    bool refused = false;
    for (uint32_t limb = 0; limb < ROBOT_LIMBS; limb++) {
        uint8_t action = c->setpoints.adopted.anchor_action[limb];
        if (action == ANCHOR_ACTION_ENGAGE) out->anchor[limb] = 1;
        if (action != ANCHOR_ACTION_RELEASE) continue;
        if (why == LIMIT_REASON_NONE) out->anchor[limb] = -1;
        else refused = true;
    }
    if (!refused) {
        faults_gone(c, FAULT_RELEASE_REFUSED);
        return;
    }
    limited(c, 0, why, value);
    faults_raise(c, now, FAULT_RELEASE_REFUSED, NOTE, value, SPINDLE_OFF_RAD_S, NO_SOURCE);
}

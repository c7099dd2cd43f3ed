#include "safety.h"

#include <math.h>
#include <string.h>

#include "dialect.h"
#include "faults.h"
#include "interlocks.h"
#include "params.h"
#include "servo.h"
#include "setpoint.h"

#define ARM_TOLERANCE_RAD 0.05f    /* set-points must start where the robot is */
#define ARM_TOLERANCE_M 0.005f
#define ARM_TOLERANCE_RAD_S 0.05f
#define DISENGAGED_MESSAGES 3u
#define LATE_TICKS 3u
#define QUICK_RESETS 3u
#define SUPERVISED ((uint32_t)FAULT_HOST_TIMEOUT | FAULT_ENCODER | FAULT_BROWN_OUT)
#define UNJAM_US 1000000u
#define LOW_BUS 0.75f              /* of the nominal voltage */
#define LOW_BUS_US 50000u

static bool drives_outputs(uint8_t state)
{
    return state == SAFETY_STATE_HOLD || state == SAFETY_STATE_ARMED || state == SAFETY_STATE_SAFING;
}

bool safety_outputs_on(const struct core *c) { return drives_outputs(c->safety.state); }

static void enter(struct core *c, uint8_t state, uint64_t now)
{
    c->safety.state = state;
    c->safety.since_us = now;
    c->safety.unjam_us = 0;
    c->hooks.enable(c->hooks.port, drives_outputs(state));
}

/* --- what the machine asks of the world --------------------------------------------------------------------------- */

bool safety_host_alive(const struct core *c, uint64_t now)
{
    return c->host.seen && elapsed_us(now, c->host.alive_us) <= param_us(c, PARAM_HOST_TIMEOUT_MS);
}

static bool sensors_fresh(const struct core *c, uint64_t now)
{
    return c->sensors.time_us != 0 && elapsed_us(now, c->sensors.time_us) <= SENSORS_MAX_AGE_US;
}

/* The first joint whose encoder does not read a number; ROBOT_JOINTS if all do. */
static uint32_t broken_encoder(const struct core *c)
{
    uint32_t joint = 0;
    while (joint < ROBOT_JOINTS && isfinite(c->sensors.position[joint]) && isfinite(c->sensors.velocity[joint])) joint++;
    return joint;
}

static bool bus_low(const struct core *c) { return !(c->sensors.bus_voltage_v >= LOW_BUS * ROBOT_BUS_V); }

static bool starts_in_place(const struct core *c)
{
    const struct setpoint *p = &c->setpoints.adopted;
    for (uint32_t i = 0; i < ROBOT_JOINTS; i++) {
        float tolerance = robot_joint[i].kind == JOINT_PRISMATIC ? ARM_TOLERANCE_M : ARM_TOLERANCE_RAD;
        float away = fabsf(p->position[i] - c->sensors.position[i]);
        if (p->mode[i] == JOINT_MODE_POSITION && !(away <= tolerance)) return false;
        if (p->mode[i] == JOINT_MODE_VELOCITY && !(fabsf(p->velocity[i]) <= ARM_TOLERANCE_RAD_S)) return false;
        if (p->mode[i] == JOINT_MODE_EFFORT) return false;
    }
    return true;
}

/* Memory, too many resets, or an enable line that is high while nobody drives it. */
static bool selftest_fails(const struct core *c)
{
    bool line_stuck = !safety_outputs_on(c) && c->hooks.enabled(c->hooks.port);
    return !c->boot.memory_ok || c->boot.quick_resets >= QUICK_RESETS || line_stuck;
}

uint32_t safety_causes(const struct core *c, uint64_t now)
{
    uint32_t causes = 0;
    if (!safety_host_alive(c, now)) causes |= FAULT_HOST_TIMEOUT;
    if (!sensors_fresh(c, now) || broken_encoder(c) < ROBOT_JOINTS) causes |= FAULT_ENCODER;
    if (bus_low(c)) causes |= FAULT_BROWN_OUT;
    if (selftest_fails(c)) causes |= FAULT_SELFTEST;
    if (c->sensors.estop_open) causes |= FAULT_ESTOP_INPUT;
    return causes;
}

uint32_t safety_why_not_arm(const struct core *c, uint64_t now)
{
    uint32_t why = c->faults.blocking | safety_causes(c, now);
    if (!setpoint_alive(c, now)) why |= FAULT_SETPOINT_STALE;
    else if (!starts_in_place(c)) why |= FAULT_SETPOINT_LIMIT;
    return why;
}

/* --- transitions -------------------------------------------------------------------------------------------------- */

void safety_arm(struct core *c, uint64_t now)
{
    memset(&c->interlocks, 0, sizeof c->interlocks);
    c->host.disengaged = 0;
    c->safety.late_ticks = 0;
    c->safety.low_bus = false;
    servo_take(c); /* limits and feed-forward of the set-points that already stream, */
    servo_hold(&c->servo, c->sensors.position); /* held where the robot is */
    enter(c, SAFETY_STATE_HOLD, now);
}

static void begin_safing(struct core *c, uint8_t after, uint64_t now)
{
    struct safety *s = &c->safety;
    struct servo *v = &c->servo;
    for (uint32_t i = 0; i < ROBOT_JOINTS; i++) s->spindown[i] = c->sensors.velocity[i];
    if (ROBOT_HAS_DRILL) s->push_from_n = s->push_most_n = v->limit[ROBOT_FEED];
    servo_hold(v, c->sensors.position);
    for (uint32_t i = 0; i < ROBOT_JOINTS; i++) {
        bool feed = ROBOT_HAS_DRILL && i == ROBOT_FEED;
        if (robot_joint[i].kind != JOINT_CONTINUOUS && !feed) v->mode[i] = JOINT_MODE_BRAKE;
    }
    s->after_safing = after;
    enter(c, SAFETY_STATE_SAFING, now);
}

void safety_disarm(struct core *c, uint64_t now)
{
    if (c->safety.state == SAFETY_STATE_HOLD || c->safety.state == SAFETY_STATE_ARMED)
        begin_safing(c, SAFETY_STATE_DISARMED, now);
}

void safety_fault(struct core *c, uint64_t now)
{
    struct safety *s = &c->safety;
    if (s->state == SAFETY_STATE_HOLD || s->state == SAFETY_STATE_ARMED) begin_safing(c, SAFETY_STATE_FAULT, now);
    else if (s->state == SAFETY_STATE_SAFING) s->after_safing = SAFETY_STATE_FAULT;
    else if (s->state != SAFETY_STATE_ESTOP) enter(c, SAFETY_STATE_FAULT, now);
}

void safety_estop(struct core *c, uint64_t now)
{
    if (c->safety.state != SAFETY_STATE_ESTOP) enter(c, SAFETY_STATE_ESTOP, now);
}

void safety_clear_faults(struct core *c, uint64_t now)
{
    c->faults.latched = c->faults.present = c->faults.blocking = 0;
    enter(c, SAFETY_STATE_DISARMED, now);
}

void safety_clear_estop(struct core *c, uint64_t now)
{
    uint32_t cleared = FAULT_ESTOP | FAULT_ESTOP_INPUT;
    c->faults.latched &= ~cleared;
    c->faults.present &= ~cleared;
    c->faults.blocking &= ~cleared;
    enter(c, SAFETY_STATE_DISARMED, now);
}

bool safety_unjam(struct core *c, float speed, uint64_t now)
{
    if (c->safety.state != SAFETY_STATE_HOLD) return false;
    c->servo.velocity[ROBOT_SPINDLE] = speed;
    c->safety.unjam_us = now + UNJAM_US;
    return true;
}

/* --- events ------------------------------------------------------------------------------------------------------- */

static void note_gap(struct host *h, uint64_t now)
{
    uint64_t gap_ms = smaller(elapsed_us(now, h->alive_us) / 1000u, UINT16_MAX);
    if (h->seen) h->gap_max_ms = (uint16_t)larger(h->gap_max_ms, gap_ms);
}

void safety_host_message(struct core *c, uint32_t loop_count, bool engaged, uint64_t now)
{
    struct host *h = &c->host;
    if (!h->seen || loop_count != h->loop_count) { /* a frozen count is a live thread beside a dead control loop */
        note_gap(h, now);
        h->alive_us = now;
        h->loop_count = loop_count;
        h->seen = true;
    }
    h->disengaged = engaged ? 0 : h->disengaged + 1u;
    if (h->disengaged >= DISENGAGED_MESSAGES) safety_disarm(c, now);
}

void safety_setpoint(struct core *c, uint64_t now)
{
    uint8_t state = c->safety.state;
    if (state != SAFETY_STATE_HOLD && state != SAFETY_STATE_ARMED) return;
    servo_take(c);
    interlocks_forget_limits(c);
    if (state == SAFETY_STATE_HOLD) enter(c, SAFETY_STATE_ARMED, now);
}

/* --- every tick --------------------------------------------------------------------------------------------------- */

static void watch_host(struct core *c, uint64_t now)
{
    if (safety_host_alive(c, now)) return;
    float age_ms = (float)elapsed_us(now, c->host.alive_us) * 1e-3f;
    faults_raise(c, now, FAULT_HOST_TIMEOUT, FAULTING, age_ms, (float)param_u32(c, PARAM_HOST_TIMEOUT_MS), NO_SOURCE);
}

static void watch_sensors(struct core *c, uint64_t now)
{
    uint32_t joint = broken_encoder(c);
    if (!sensors_fresh(c, now)) {
        float age_ms = (float)elapsed_us(now, c->sensors.time_us) * 1e-3f;
        faults_raise(c, now, FAULT_ENCODER, FAULTING, age_ms, SENSORS_MAX_AGE_US * 1e-3f, NO_SOURCE);
    } else if (joint < ROBOT_JOINTS) {
        faults_raise(c, now, FAULT_ENCODER, FAULTING, 0.0f, 0.0f, (uint16_t)joint);
    }
}

static void watch_bus(struct core *c, uint64_t now)
{
    struct safety *s = &c->safety;
    bool low = bus_low(c);
    if (low && !s->low_bus) s->low_bus_us = now;
    s->low_bus = low;
    if (low && elapsed_us(now, s->low_bus_us) > LOW_BUS_US)
        faults_raise(c, now, FAULT_BROWN_OUT, FAULTING, c->sensors.bus_voltage_v, LOW_BUS * ROBOT_BUS_V, NO_SOURCE);
}

static void watch_loop(struct core *c, uint64_t now)
{
    struct safety *s = &c->safety;
    uint64_t late_us = elapsed_us(now, c->last_tick_us);
    s->late_ticks = late_us > c->boot.overrun_us ? (uint8_t)(s->late_ticks + 1u) : 0;
    if (s->late_ticks < LATE_TICKS) return;
    s->late_ticks = 0;
    faults_raise(c, now, FAULT_LOOP_OVERRUN, FAULTING, (float)late_us, (float)c->boot.overrun_us, NO_SOURCE);
}

static void watch_estop_input(struct core *c, uint64_t now)
{
    if (c->sensors.estop_open) faults_raise(c, now, FAULT_ESTOP_INPUT, ESTOPPING, 1.0f, 0.0f, NO_SOURCE);
    else faults_gone(c, FAULT_ESTOP_INPUT);
}

static void watch_setpoint(struct core *c, uint64_t now)
{
    if (setpoint_alive(c, now)) return;
    float age_ms = (float)elapsed_us(now, c->setpoints.adopted_us) * 1e-3f;
    servo_hold(&c->servo, c->sensors.position);
    enter(c, SAFETY_STATE_HOLD, now);
    faults_raise(c, now, FAULT_SETPOINT_STALE, HOLDING, age_ms, (float)param_u32(c, PARAM_SETPOINT_AGE_MS), NO_SOURCE);
}

static bool at_rest(const struct core *c)
{
    for (uint32_t i = 0; i < ROBOT_JOINTS; i++)
        if (robot_joint[i].kind == JOINT_CONTINUOUS && !(fabsf(c->sensors.velocity[i]) <= SPINDLE_OFF_RAD_S)) return false;
    return true;
}

/* Spindle and drums ramp to rest within their torque limits, the feed's push ramps to nothing: a hard stop would throw the
 * spindle's momentum and the drill's preload into the body and onto the anchors. Only the push: what holds a carriage up
 * under 1 g stays until the brake has it, or the carriage's whole weight would come down on the bit. */
static void ramp_down(struct core *c, uint64_t now)
{
    struct safety *s = &c->safety;
    uint64_t elapsed = elapsed_us(now, s->since_us), ramp = param_us(c, PARAM_SAFING_RAMP_MS);
    float share = 1.0f - (float)smaller(elapsed, ramp) / (float)ramp;
    for (uint32_t i = 0; i < ROBOT_JOINTS; i++)
        if (robot_joint[i].kind == JOINT_CONTINUOUS) c->servo.velocity[i] = share * s->spindown[i];
    if (ROBOT_HAS_DRILL) s->push_most_n = share * s->push_from_n;
    if ((elapsed >= ramp && at_rest(c)) || elapsed >= SAFING_MAX_US) enter(c, s->after_safing, now);
}

static void end_unjam(struct core *c, uint64_t now)
{
    if (!c->safety.unjam_us || now < c->safety.unjam_us) return;
    c->servo.velocity[ROBOT_SPINDLE] = 0.0f;
    c->safety.unjam_us = 0;
}

/* Self-test, on the first tick: the sensors have been read once, and nothing has been enabled yet. */
static void leave_boot(struct core *c, uint64_t now)
{
    uint8_t cause = c->boot.reset_cause;
    enter(c, SAFETY_STATE_DISARMED, now);
    if (cause == RESET_CAUSE_WATCHDOG || cause == RESET_CAUSE_FAULT_HANDLER) {
        faults_raise(c, now, FAULT_WATCHDOG_RESET, WARNING, (float)cause, 0.0f, NO_SOURCE);
        c->faults.blocking |= FAULT_WATCHDOG_RESET; /* someone must have seen it before the device arms again */
    }
    if (cause == RESET_CAUSE_BROWN_OUT) {
        faults_raise(c, now, FAULT_BROWN_OUT, WARNING, c->sensors.bus_voltage_v, 0.0f, NO_SOURCE);
        c->faults.blocking |= FAULT_BROWN_OUT;
    }
    if (selftest_fails(c))
        faults_raise(c, now, FAULT_SELFTEST, FAULTING, (float)c->boot.quick_resets, (float)QUICK_RESETS, NO_SOURCE);
}

void safety_step(struct core *c, uint64_t now)
{
    if (c->safety.state == SAFETY_STATE_BOOT) leave_boot(c, now);
    watch_estop_input(c, now);
    faults_gone(c, SUPERVISED & ~safety_causes(c, now)); /* gone, not cleared: the latch stays */
    if (safety_outputs_on(c)) {
        watch_host(c, now);
        watch_sensors(c, now);
        watch_bus(c, now);
        watch_loop(c, now);
    }
    if (ROBOT_HAS_DRILL) end_unjam(c, now);
    uint8_t state = c->safety.state;
    if (state == SAFETY_STATE_ARMED) watch_setpoint(c, now);
    else if (state == SAFETY_STATE_HOLD && elapsed_us(now, c->safety.since_us) > param_us(c, PARAM_HOLD_MS)) safety_disarm(c, now);
    else if (state == SAFETY_STATE_SAFING) ramp_down(c, now);
}

#include "telemetry.h"

#include <math.h>
#include <string.h>

#include "dialect.h"
#include "link.h"
#include "params.h"
#include "safety.h"

#define PROTO_VERSION (UINT32_C(1) << 16) /* major in the high half */
#define FW_VERSION (UINT32_C(0) << 24 | UINT32_C(1) << 16)
#define SECOND_US 1000000u
#define NO_AGE 65535u

static uint16_t age_ms(bool seen, uint64_t now, uint64_t then)
{
    if (!seen) return NO_AGE;
    return (uint16_t)smaller(elapsed_us(now, then) / 1000u, NO_AGE - 1u);
}

static void send_state(struct core *c, uint64_t now)
{
    const struct setpoints *s = &c->setpoints;
    const struct interlocks *k = &c->interlocks;
    uint32_t loop = c->telemetry.loop_max_us;
    mavlink_state_t m = {
        .time_us = now, .seq = c->telemetry.sample_seq,
        .fault_flags = c->faults.present, .latched_flags = c->faults.latched,
        .setpoint_seq = s->adopted_seq, .refused_seq = s->refused_seq, .command_seq = c->commands.last_seq,
        .limited_joints = k->limited_joints, .limit_value = k->limit_value, .limit_reason = k->limit_reason,
        .setpoint_age_ms = age_ms(s->any_adopted, now, s->adopted_us),
        .host_age_ms = age_ms(c->host.seen, now, c->host.alive_us),
        .loop_max_us = loop > UINT16_MAX ? UINT16_MAX : (uint16_t)loop,
        .refuse_reason = s->refuse_reason, .safety_state = c->safety.state,
        .outputs_enabled = c->hooks.enabled(c->hooks.port)};
    struct telemetry *t = &c->telemetry;
    for (uint8_t i = 0; i < 3; i++) {
        m.gyro[i] = t->gyro_sum[i] / (float)t->ticks;
        m.accel[i] = t->accel_sum[i] / (float)t->ticks;
        t->gyro_sum[i] = t->accel_sum[i] = 0.0f;
    }
    t->ticks = 0;
    link_send(c, SAMPLE, MAVLINK_MSG_ID_STATE, &m);
    t->loop_max_us = 0;
}

static uint8_t joint_faults(const struct core *c, uint32_t joint)
{
    const struct core_sensors *now = &c->sensors;
    uint8_t faults = 0;
    if (!isfinite(now->position[joint]) || !isfinite(now->velocity[joint])) faults |= JOINT_FAULT_SENSOR;
    if (c->servo.saturated >> joint & 1u) faults |= JOINT_FAULT_SATURATED;
    if (c->interlocks.limited_joints >> joint & 1u) faults |= JOINT_FAULT_REDUCED;
    return faults;
}

static void send_joints(struct core *c, uint8_t first)
{
    mavlink_joint_state_t m = {.time_us = c->sensors.time_us, .seq = c->telemetry.sample_seq, .first_joint = first};
    for (uint8_t slot = 0; slot < 8 && first + slot < (int)ROBOT_JOINTS; slot++) {
        uint32_t joint = first + (uint32_t)slot;
        m.position[slot] = c->sensors.position[joint];
        m.velocity[slot] = c->sensors.velocity[joint];
        m.effort[slot] = c->sensors.effort[joint];
        m.joint_fault[slot] = joint_faults(c, joint);
        m.valid_mask = (uint8_t)(m.valid_mask | 1u << slot);
    }
    link_send(c, SAMPLE, MAVLINK_MSG_ID_JOINT_STATE, &m);
}

#define LIMB_MASK ((1u << ROBOT_LIMBS) - 1u)

static void send_limbs(struct core *c)
{
    const struct core_sensors *now = &c->sensors;
    mavlink_limb_wrench_t w = {.time_us = now->time_us, .seq = c->telemetry.sample_seq, .valid_mask = LIMB_MASK};
    mavlink_anchor_state_t a = {.time_us = now->time_us, .seq = c->telemetry.sample_seq, .valid_mask = LIMB_MASK};
    for (uint8_t limb = 0; limb < MAX_LIMBS; limb++) {
        for (uint8_t axis = 0; axis < 3; axis++) w.force[3 * limb + axis] = now->limb_force[limb][axis];
        a.engagement[limb] = now->anchor_engagement[limb];
        a.slip_m[limb] = now->anchor_slip_m[limb];
        a.phase[limb] = now->anchor_phase[limb];
    }
    link_send(c, SAMPLE, MAVLINK_MSG_ID_LIMB_WRENCH, &w);
    link_send(c, SAMPLE, MAVLINK_MSG_ID_ANCHOR_STATE, &a);
}

#if __SIZEOF_DOUBLE__ != 8
static uint64_t float64_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (!(bits & 0x7f800000u)) return (uint64_t)(bits >> 31) << 63; /* zero, and what is too small to matter */
    uint64_t exponent = (bits >> 23 & 0xffu) + 1023u - 127u;
    return (uint64_t)(bits >> 31) << 63 | exponent << 52 | (uint64_t)(bits & 0x7fffffu) << 29;
}
#endif

static void send_tools(struct core *c)
{
    const struct core_sensors *now = &c->sensors;
    mavlink_tool_state_t m = {
        .time_us = now->time_us, .energy_used_j = now->energy_used_j, .seq = c->telemetry.sample_seq,
        .weight_on_bit_n = now->weight_on_bit_n, .spindle_current_a = now->spindle_current_a, .bin_fill = now->bin_fill,
        .drum_fill = {now->drum_fill[0], now->drum_fill[1]}, .propellant_kg = now->propellant_kg,
        .bus_voltage_v = now->bus_voltage_v};
#if __SIZEOF_DOUBLE__ == 8
    link_send(c, SAMPLE, MAVLINK_MSG_ID_TOOL_STATE, &m);
#else /* an 8-bit part: its double is a float, and the wire's is not */
    uint8_t payload[MAVLINK_MSG_ID_TOOL_STATE_LEN];
    const uint64_t energy = float64_bits((float)now->energy_used_j);
    memcpy(payload, &m, 8);
    memcpy(payload + 8, &energy, 8);
    memcpy(payload + 16, (const uint8_t *)&m + 12, sizeof payload - 16);
    link_send(c, SAMPLE, MAVLINK_MSG_ID_TOOL_STATE, payload);
#endif
}

#define FRAME(payload) ((payload) + 12u)
#define SAMPLE_BYTES (FRAME(MAVLINK_MSG_ID_STATE_LEN) + (ROBOT_JOINTS + 7u) / 8u * FRAME(MAVLINK_MSG_ID_JOINT_STATE_LEN) \
    + FRAME(MAVLINK_MSG_ID_LIMB_WRENCH_LEN) + FRAME(MAVLINK_MSG_ID_ANCHOR_STATE_LEN) + FRAME(MAVLINK_MSG_ID_TOOL_STATE_LEN))

/* A sample goes out whole or not at all: half of one is of no use. */
static void send_sample(struct core *c, uint64_t now)
{
    c->telemetry.sample_seq++; /* a dropped sample is a gap that the host can see */
    if (!link_room(c, SAMPLE, SAMPLE_BYTES)) {
        c->link.tx_dropped++;
        return;
    }
    send_state(c, now);
    for (uint8_t first = 0; first < ROBOT_JOINTS; first = (uint8_t)(first + 8u)) send_joints(c, first);
    send_limbs(c);
    send_tools(c);
}

static bool send_caps(struct core *c)
{
    const struct core_boot *b = &c->boot;
    mavlink_caps_t m = {
        .uid = b->uid, .proto_version = PROTO_VERSION, .fw_version = FW_VERSION, .fw_git = b->fw_git,
        .dialect_hash = DIALECT_HASH, .param_hash = params_hash(c), .caps = b->caps, .boot_nonce = b->nonce,
        .uart_baud = b->uart_baud, .host_timeout_ms = (uint16_t)param_u32(c, PARAM_HOST_TIMEOUT_MS),
        .setpoint_max_age_ms = (uint16_t)param_u32(c, PARAM_SETPOINT_AGE_MS), .control_hz = SECOND_US / CORE_TICK_US,
        .joint_count = ROBOT_JOINTS, .anchor_count = ROBOT_LIMBS, .thruster_count = ROBOT_THRUSTERS,
        .reset_cause = b->reset_cause, .robot = ROBOT_NAME};
    memcpy(m.limits_hash, robot_limits_hash, sizeof m.limits_hash);
    memcpy(m.board, b->board, sizeof m.board);
    return link_send(c, URGENT, MAVLINK_MSG_ID_CAPS, &m);
}

static void send_stats(struct core *c, uint64_t now)
{
    const struct framer *f = &c->link.framer;
    const struct setpoints *s = &c->setpoints;
    mavlink_link_stats_t m = {
        .time_us = now, .rx_frames = f->frames, .tx_frames = c->link.tx_frames, .rx_skipped_bytes = f->skipped,
        .rx_bad_crc = f->bad_crc, .rx_bad_header = f->bad_header, .rx_unknown_id = f->unknown,
        .rx_seq_gaps = c->link.rx_seq_gaps, .rx_ring_overruns = c->port_stats.rx_ring_overruns,
        .uart_errors = c->port_stats.uart_errors, .tx_dropped = c->link.tx_dropped, .refused_stale = s->refused_stale,
        .refused_limit = s->refused_limit, .refused_session = c->host.refused_session, .setpoint_parts_lost = s->parts_lost,
        .host_gap_max_ms = c->host.gap_max_ms, .stack_free = c->port_stats.stack_free, .cpu_load = c->port_stats.cpu_load};
    link_send(c, REST, MAVLINK_MSG_ID_LINK_STATS, &m);
    c->host.gap_max_ms = 0;
}

static void send_heartbeat(struct core *c)
{
    mavlink_heartbeat_t m = {.type = 18, .autopilot = 8, .base_mode = safety_outputs_on(c) ? 128 : 0,
                             .custom_mode = c->safety.state, .system_status = 4, .mavlink_version = 3};
    link_send(c, REST, MAVLINK_MSG_ID_HEARTBEAT, &m);
}

/* The next due time: on the grid, and never a burst to catch up. */
static uint64_t after(uint64_t due, uint64_t period, uint64_t now)
{
    return due + period > now ? due + period : now + period;
}

void telemetry_step(struct core *c, uint64_t now)
{
    struct telemetry *t = &c->telemetry;
    for (uint8_t i = 0; i < 3; i++) {
        t->gyro_sum[i] += c->sensors.gyro[i];
        t->accel_sum[i] += c->sensors.accel[i];
    }
    t->ticks++;
    if (now >= t->next_sample_us) {
        t->next_sample_us = after(t->next_sample_us, (uint64_t)(1e6f / t->rate_hz), now);
        send_sample(c, now);
    }
    if (now >= t->next_second_us) {
        t->next_second_us = after(t->next_second_us, SECOND_US, now);
        if (!safety_host_alive(c, now)) t->caps_wanted = true; /* nobody there: say who we are */
        send_heartbeat(c);
        send_stats(c, now);
    }
    if (t->caps_wanted && send_caps(c)) t->caps_wanted = false;
    params_step(c, now);
}

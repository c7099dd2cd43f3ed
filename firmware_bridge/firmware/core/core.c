#include "core.h"

#include <string.h>

#include "commands.h"
#include "faults.h"
#include "interlocks.h"
#include "link.h"
#include "params.h"
#include "safety.h"
#include "servo.h"
#include "setpoint.h"
#include "telemetry.h"

#define UART_QUIET_US 1000000u

void core_init(struct core *c, const struct core_hooks *hooks, const struct core_boot *boot, uint64_t now)
{
    memset(c, 0, sizeof *c);
    c->hooks = *hooks;
    c->boot = *boot;
    c->port_stats = (struct core_port_stats){.stack_free = UINT16_MAX, .cpu_load = UINT8_MAX};
    c->hooks.enable(c->hooks.port, false);
    c->safety.state = SAFETY_STATE_BOOT;
    servo_brake(&c->servo);
    if (!params_load(c)) faults_raise(c, now, FAULT_PARAM, NOTE, 0.0f, 0.0f, NO_SOURCE);
    c->telemetry.rate_hz = (float)param_u32(c, PARAM_STATE_HZ);
    c->telemetry.next_sample_us = c->telemetry.next_second_us = now;
    c->telemetry.caps_wanted = true;
    c->last_tick_us = now;
}

/* The generated structs lie in wire order (we run on little-endian parts only); what was not sent is zero. */
#define UNPACK(type, name) \
    type name; \
    memset(&name, 0, sizeof name); \
    memcpy(&name, f->payload, f->length < sizeof name ? f->length : sizeof name)

static void on_host_alive(struct core *c, const struct frame *f, uint64_t now)
{
    UNPACK(mavlink_host_alive_t, m);
    if (m.session == c->boot.nonce) safety_host_message(c, m.loop_count, m.engaged == 1, now);
    else c->host.refused_session++;
}

static void on_timesync(struct core *c, const struct frame *f, uint64_t now)
{
    UNPACK(mavlink_timesync_t, m);
    if (m.t_dev_rx_ns || m.t_dev_tx_ns) return; /* an answer, and not ours */
    m.t_dev_rx_ns = m.t_dev_tx_ns = now * 1000u;
    link_send(c, URGENT, MAVLINK_MSG_ID_TIMESYNC, &m);
}

static void on_param_request(struct core *c, const struct frame *f)
{
    UNPACK(mavlink_param_request_t, m);
    char name[16];
    memcpy(name, m.name, sizeof name);
    params_request(c, m.index, name);
}

static void on_frame(struct core *c, const struct frame *f, uint64_t now)
{
    if (f->system != HOST_SYSTEM) return;
    link_count_gap(&c->link, f->seq);
    switch (f->id) {
    case MAVLINK_MSG_ID_SETPOINT: { UNPACK(mavlink_setpoint_t, m); setpoint_joints(c, &m, now); break; }
    case MAVLINK_MSG_ID_ACTUATION: { UNPACK(mavlink_actuation_t, m); setpoint_actuation(c, &m, now); break; }
    case MAVLINK_MSG_ID_HOST_ALIVE: on_host_alive(c, f, now); break;
    case MAVLINK_MSG_ID_ESTOP: { UNPACK(mavlink_estop_t, m); commands_estop(c, &m, now); break; }
    case MAVLINK_MSG_ID_COMMAND: { UNPACK(mavlink_command_t, m); commands_run(c, &m, now); break; }
    case MAVLINK_MSG_ID_TIMESYNC: on_timesync(c, f, now); break;
    case MAVLINK_MSG_ID_PARAM_REQUEST: on_param_request(c, f); break;
    case MAVLINK_MSG_ID_PARAM_SET: { UNPACK(mavlink_param_set_t, m); commands_param_set(c, &m, now); break; }
    default: break;
    }
}

static void take_frames(struct core *c, uint64_t now)
{
    struct frame f;
    while (framer_next(&c->link.framer, &f)) on_frame(c, &f, now);
}

void core_rx(struct core *c, uint8_t byte, uint64_t now)
{
    c->link.rx_last_us = now;
    framer_push(&c->link.framer, byte);
    take_frames(c, now);
}

/* A cut frame must not wait for the next one to push it out. */
static void give_up_cut_frame(struct core *c, uint64_t now)
{
    if (!c->link.framer.held || elapsed_us(now, c->link.rx_last_us) <= FRAMER_IDLE_US) return;
    framer_idle(&c->link.framer);
    take_frames(c, now);
    c->link.rx_last_us = now;
}

void core_estop(struct core *c, uint64_t now)
{
    faults_raise(c, now, FAULT_ESTOP_INPUT, ESTOPPING, 1.0f, 0.0f, NO_SOURCE);
}

/* Brakes closed, anchors as they are, gas shut: what every state starts from and most end with. */
static void rest(struct core_efforts *out)
{
    memset(out, 0, sizeof *out);
    out->braked = ROBOT_JOINTS < 32u ? (UINT32_C(1) << ROBOT_JOINTS) - 1u : UINT32_MAX;
}

/* What the port lost before the framer could see it. The note goes after a second without more. */
static void watch_uart(struct core *c, uint64_t now)
{
    struct link *l = &c->link;
    uint16_t lost = (uint16_t)(c->port_stats.rx_ring_overruns + c->port_stats.uart_errors);
    if (lost != l->uart_lost) {
        faults_raise(c, now, FAULT_UART, NOTE, (float)(uint16_t)(lost - l->uart_lost), 0.0f, NO_SOURCE);
        l->uart_lost = lost;
        l->uart_lost_us = now;
    } else if (elapsed_us(now, l->uart_lost_us) > UART_QUIET_US) {
        faults_gone(c, FAULT_UART);
    }
}

static void drive(struct core *c, uint64_t now, struct core_efforts *out)
{
    rest(out);
    c->servo.saturated = 0;
    if (safety_outputs_on(c)) {
        out->braked = 0;
        servo_step(&c->servo, &c->sensors, out);
        interlocks_drill(c, now, out);
    }
    if (c->safety.state == SAFETY_STATE_ARMED) {
        interlocks_anchors(c, now, out);
        memcpy(out->thrust_n, c->setpoints.adopted.thrust_n, sizeof out->thrust_n);
        out->hammer = c->setpoints.adopted.hammer;
    }
    interlocks_jet(c, now, out);
    out->outputs_enabled = c->hooks.enabled(c->hooks.port);
}

void core_tick(struct core *c, uint64_t now, const struct core_sensors *sensors, struct core_efforts *efforts)
{
    uint64_t loop = elapsed_us(now, c->last_tick_us);
    if (loop > c->telemetry.loop_max_us) c->telemetry.loop_max_us = loop > UINT32_MAX ? UINT32_MAX : (uint32_t)loop;
    c->sensors = *sensors;
    give_up_cut_frame(c, now);
    watch_uart(c, now);
    safety_step(c, now);
    drive(c, now, efforts);
    c->last_tick_us = now;
    faults_step(c, now);
    telemetry_step(c, now);
}

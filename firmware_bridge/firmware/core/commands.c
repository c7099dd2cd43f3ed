#include "commands.h"

#include <math.h>
#include <string.h>

#include "faults.h"
#include "link.h"
#include "params.h"
#include "safety.h"

#define ESTOP_MAGIC 0x504F5453u
#define UNJAM_MAX_RAD_S 2.0f

static void send_answer(struct core *c, const struct answer *a, uint64_t now)
{
    mavlink_command_ack_t m = {.time_us = now, .seq = a->seq, .blocking_flags = a->blocking, .command = a->command,
                               .result = a->result, .safety_state = c->safety.state};
    link_send(c, URGENT, MAVLINK_MSG_ID_COMMAND_ACK, &m);
}

static const struct answer *remembered(const struct commands *k, uint32_t seq, uint16_t command)
{
    for (uint8_t i = 0; i < k->count; i++)
        if (k->answers[i].seq == seq && k->answers[i].command == command) return &k->answers[i];
    return NULL;
}

static void remember(struct commands *k, const struct answer *a)
{
    k->answers[k->next] = *a;
    k->next = (uint8_t)((k->next + 1u) % COMMANDS_REMEMBERED);
    if (k->count < COMMANDS_REMEMBERED) k->count++;
    k->last_seq = a->seq;
}

/* Whether the command is to be run. If not, it has been answered: from memory, or as too old, or as another session's. */
static bool fresh(struct core *c, uint32_t seq, uint16_t command, uint32_t session, bool session_needed, uint64_t now)
{
    struct commands *k = &c->commands;
    struct answer a = {.seq = seq, .command = command};
    if (session_needed && session != c->boot.nonce) {
        c->host.refused_session++;
        a.result = RESULT_WRONG_SESSION; /* not remembered: another session's numbers are not ours */
    } else {
        const struct answer *before = remembered(k, seq, command);
        if (!before && (k->count == 0 || (int32_t)(seq - k->last_seq) > 0)) return true;
        if (before) a = *before;
        else a.result = RESULT_STALE;
    }
    send_answer(c, &a, now);
    return false;
}

static uint8_t arm(struct core *c, uint32_t *blocking, uint64_t now)
{
    *blocking = safety_why_not_arm(c, now);
    if (*blocking || c->safety.state != SAFETY_STATE_DISARMED) return RESULT_DENIED;
    safety_arm(c, now);
    return RESULT_OK;
}

static uint8_t clear_faults(struct core *c, uint32_t *blocking, uint64_t now)
{
    uint8_t state = c->safety.state;
    *blocking = c->faults.blocking & safety_causes(c, now); /* a fault whose cause is still there would come straight back */
    if (*blocking || (state != SAFETY_STATE_FAULT && state != SAFETY_STATE_DISARMED)) return RESULT_DENIED;
    safety_clear_faults(c, now);
    return RESULT_OK;
}

static uint8_t clear_estop(struct core *c, uint32_t *blocking, uint64_t now)
{
    *blocking = safety_causes(c, now) & (FAULT_ESTOP_INPUT | FAULT_HOST_TIMEOUT);
    if (*blocking || c->safety.state != SAFETY_STATE_ESTOP) return RESULT_DENIED;
    safety_clear_estop(c, now);
    return RESULT_OK;
}

static uint8_t set_rate(struct core *c, float rate_hz, uint64_t now)
{
    if (!(rate_hz >= 1.0f && rate_hz <= 1000.0f)) return RESULT_BAD_ARG; /* NaN too */
    c->telemetry.rate_hz = rate_hz;
    c->telemetry.next_sample_us = now;
    return RESULT_OK;
}

static uint8_t ack_event(struct core *c, float seq)
{
    if (!(seq >= 1.0f && seq <= 16777216.0f)) return RESULT_BAD_ARG; /* whole numbers that a float holds exactly */
    return faults_acknowledge(c, (uint32_t)seq) ? RESULT_OK : RESULT_BAD_ARG;
}

static uint8_t with_outputs_off(struct core *c, bool *request)
{
    if (safety_outputs_on(c)) return RESULT_DENIED;
    *request = true;
    return RESULT_OK;
}

static uint8_t save(struct core *c)
{
    if (safety_outputs_on(c)) return RESULT_DENIED; /* writing flash stops the processor on some parts */
    return params_save(c) ? RESULT_OK : RESULT_DENIED;
}

static uint8_t safe(struct core *c, uint64_t now)
{
    faults_raise(c, now, FAULT_HOST_REQUEST, FAULTING, 0.0f, 0.0f, NO_SOURCE);
    return RESULT_OK;
}

static uint8_t unjam(struct core *c, float speed, uint64_t now)
{
    if (!ROBOT_HAS_DRILL) return RESULT_UNSUPPORTED;
    if (!(fabsf(speed) <= UNJAM_MAX_RAD_S)) return RESULT_BAD_ARG; /* NaN too */
    return safety_unjam(c, speed, now) ? RESULT_OK : RESULT_DENIED;
}

static uint8_t run(struct core *c, const mavlink_command_t *m, uint32_t *blocking, uint64_t now)
{
    bool test = c->boot.test_commands;
    switch (m->command) {
    case COMMAND_ARM: return arm(c, blocking, now);
    case COMMAND_DISARM: safety_disarm(c, now); return RESULT_OK; /* FAULT and ESTOP keep their latch */
    case COMMAND_CLEAR_FAULTS: return clear_faults(c, blocking, now);
    case COMMAND_CLEAR_ESTOP: return clear_estop(c, blocking, now);
    case COMMAND_SET_RATE: return set_rate(c, m->param[0], now);
    case COMMAND_ECHO: return RESULT_OK;
    case COMMAND_ACK_FAULT_EVENT: return ack_event(c, m->param[0]);
    case COMMAND_REQUEST_CAPS: c->telemetry.caps_wanted = true; return RESULT_OK;
    case COMMAND_PARAM_SAVE: return save(c);
    case COMMAND_REBOOT: return with_outputs_off(c, &c->reboot_request);
    case COMMAND_SAFE: return safe(c, now);
    case COMMAND_UNJAM: return unjam(c, m->param[0], now);
    case COMMAND_TEST_HANG: c->hang_request = test; return test ? RESULT_OK : RESULT_UNSUPPORTED;
    case COMMAND_TEST_HARDFAULT: c->hardfault_request = test; return test ? RESULT_OK : RESULT_UNSUPPORTED;
    default: return RESULT_UNSUPPORTED;
    }
}

void commands_run(struct core *c, const mavlink_command_t *m, uint64_t now)
{
    bool session_needed = m->command != COMMAND_ECHO && m->command != COMMAND_REQUEST_CAPS;
    if (!fresh(c, m->seq, m->command, m->session, session_needed, now)) return;
    struct answer a = {.seq = m->seq, .command = m->command};
    if (m->target_component > 1) a.result = RESULT_UNSUPPORTED;
    else a.result = run(c, m, &a.blocking, now);
    remember(&c->commands, &a);
    send_answer(c, &a, now);
}

static uint8_t set_param(struct core *c, const mavlink_param_set_t *m, const char *name)
{
    uint8_t value[8];
    memcpy(value, m->value, sizeof value);
    if (safety_outputs_on(c)) return RESULT_DENIED;
    return params_set(c, name, m->type, value) == PARAM_OK ? RESULT_OK : RESULT_BAD_ARG;
}

void commands_param_set(struct core *c, const mavlink_param_set_t *m, uint64_t now)
{
    const uint16_t id = (uint16_t)MAVLINK_MSG_ID_PARAM_SET;
    if (!fresh(c, m->seq, id, m->session, true, now)) return;
    char name[16];
    memcpy(name, m->name, sizeof name);
    struct answer a = {.seq = m->seq, .command = id};
    a.result = set_param(c, m, name);
    remember(&c->commands, &a);
    send_answer(c, &a, now);
    params_send_named(c, name); /* read back, also after a refusal: the old value */
}

void commands_estop(struct core *c, const mavlink_estop_t *m, uint64_t now)
{
    if (m->magic != ESTOP_MAGIC) return;
    faults_raise(c, now, FAULT_ESTOP, ESTOPPING, (float)m->reason, 0.0f, NO_SOURCE);
    struct answer a = {.seq = m->seq, .command = (uint16_t)MAVLINK_MSG_ID_ESTOP, .result = RESULT_OK};
    send_answer(c, &a, now);
}

#include "params.h"

#include <string.h>

#include "dialect.h"
#include "link.h"

#define BANK_MAGIC 0x53504d31u /* "1MPS": changes with the layout of a bank */
#define DUMP_PERIOD_US 20000u
#ifndef CORE_STATE_HZ
#define CORE_STATE_HZ 100.0f
#endif

struct param {
    char name[16];
    uint8_t type;
    float least, most, compiled; /* u32 parameters are small integers: exact as floats */
};
struct bank {
    uint32_t magic, generation, count;
    union param_value value[PARAM_COUNT];
    uint32_t crc;
};

#define LIMIT_OF(joint) (robot_joint[joint].effort_max)

/* Limits that are a robot's own are filled in by `bounds`. */
static const struct param table[PARAM_COUNT] = {
    [PARAM_HOST_TIMEOUT_MS] = {"HOST_TIMEOUT_MS", PARAM_TYPE_U32, 100.0f, 250.0f, 250.0f},
    [PARAM_SETPOINT_AGE_MS] = {"SETPOINT_AGE_MS", PARAM_TYPE_U32, 10.0f, 200.0f, 50.0f},
    [PARAM_HOLD_MS] = {"HOLD_MS", PARAM_TYPE_U32, 500.0f, 5000.0f, 5000.0f},
    [PARAM_SAFING_RAMP_MS] = {"SAFING_RAMP_MS", PARAM_TYPE_U32, 100.0f, 1500.0f, 1000.0f},
    [PARAM_STATE_HZ] = {"STATE_HZ", PARAM_TYPE_U32, 1.0f, 1000.0f, CORE_STATE_HZ},
    [PARAM_ANCHORS_MIN] = {"ANCHORS_MIN", PARAM_TYPE_U32, ROBOT_ANCHORS_REQUIRED, ROBOT_LIMBS, ROBOT_ANCHORS_REQUIRED},
    [PARAM_PRESS_MAX_N] = {"PRESS_MAX_N", PARAM_TYPE_F32, 0.0f, 0.0f, 0.0f},
    [PARAM_SPINDLE_MAX_NM] = {"SPINDLE_MAX_NM", PARAM_TYPE_F32, 0.0f, 0.0f, 0.0f},
    [PARAM_SLIP_MAX_M] = {"SLIP_MAX_M", PARAM_TYPE_F32, 0.001f, 0.006f, 0.006f}, /* travel of a spine's suspension (assumed) */
};

static struct param bounds(enum param_id id)
{
    struct param p = table[id];
    if (id == PARAM_PRESS_MAX_N) p.most = p.compiled = LIMIT_OF(ROBOT_FEED);
    if (id == PARAM_SPINDLE_MAX_NM) p.most = p.compiled = LIMIT_OF(ROBOT_SPINDLE);
    return p;
}

uint32_t crc32(const void *data, uint16_t length)
{
    const uint8_t *b = data;
    uint32_t crc = 0xffffffffu;
    while (length--) {
        crc ^= *b++;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1u ? 0xedb88320u : 0u);
    }
    return ~crc;
}

static bool within(const struct param *p, union param_value v)
{
    if (p->type == PARAM_TYPE_U32) return v.u32 >= (uint32_t)p->least && v.u32 <= (uint32_t)p->most;
    return v.f32 >= p->least && v.f32 <= p->most; /* NaN fails */
}

static void take_compiled(struct params *p)
{
    for (uint32_t i = 0; i < PARAM_COUNT; i++) {
        struct param entry = bounds((enum param_id)i);
        if (entry.type == PARAM_TYPE_U32) p->value[i].u32 = (uint32_t)entry.compiled;
        else p->value[i].f32 = entry.compiled;
    }
}

static bool good(const struct bank *b)
{
    if (b->magic != BANK_MAGIC || b->count != PARAM_COUNT) return false;
    if (b->crc != crc32(b, sizeof *b - sizeof b->crc)) return false;
    for (uint32_t i = 0; i < PARAM_COUNT; i++) {
        struct param entry = bounds((enum param_id)i);
        if (!within(&entry, b->value[i])) return false; /* saved by a firmware with wider limits */
    }
    return true;
}

static bool blank(const struct bank *b)
{
    const uint8_t *bytes = (const uint8_t *)b;
    for (size_t i = 0; i < sizeof *b; i++)
        if (bytes[i] != 0xffu) return false;
    return true;
}

bool params_load(struct core *c)
{
    struct params *p = &c->params;
    take_compiled(p);
    p->next_dump = PARAM_COUNT;
    bool found = false, spoiled = false;
    for (uint8_t bank = 0; bank < 2; bank++) {
        struct bank b;
        if (!c->hooks.nvm_load(c->hooks.port, bank, &b, sizeof b)) continue;
        if (!good(&b)) {
            spoiled = spoiled || !blank(&b);
            continue;
        }
        if (found && (int32_t)(b.generation - p->generation) <= 0) continue;
        memcpy(p->value, b.value, sizeof p->value);
        p->generation = b.generation;
        p->bank = bank;
        found = p->saved = true;
    }
    return found || !spoiled;
}

bool params_save(struct core *c)
{
    struct params *p = &c->params;
    uint8_t other = p->bank ^ 1u; /* never the bank that we could still fall back to */
    struct bank b = {.magic = BANK_MAGIC, .generation = p->generation + 1u, .count = PARAM_COUNT}, check;
    memcpy(b.value, p->value, sizeof b.value);
    b.crc = crc32(&b, sizeof b - sizeof b.crc);
    if (!c->hooks.nvm_store(c->hooks.port, other, &b, sizeof b)) return false;
    if (!c->hooks.nvm_load(c->hooks.port, other, &check, sizeof check) || memcmp((const void *)&b, (const void *)&check, sizeof b) != 0) return false;
    p->bank = other;
    p->generation = b.generation;
    p->saved = true;
    return true;
}

static uint16_t find(const char *name)
{
    for (uint32_t i = 0; i < PARAM_COUNT; i++)
        if (strncmp(table[i].name, name, sizeof table[i].name) == 0) return (uint16_t)i;
    return PARAM_COUNT;
}

enum param_result params_set(struct core *c, const char *name, uint8_t type, const uint8_t *value)
{
    uint16_t index = find(name);
    if (index == PARAM_COUNT) return PARAM_UNKNOWN;
    struct param entry = bounds((enum param_id)index);
    if (type != entry.type) return PARAM_WRONG_TYPE;
    union param_value v;
    memcpy(&v, value, sizeof v);
    if (!within(&entry, v)) return PARAM_OUT_OF_BOUNDS;
    c->params.value[index] = v;
    c->params.saved = false;
    return PARAM_OK;
}

static bool send_value(struct core *c, uint16_t index)
{
    struct param entry = bounds((enum param_id)index);
    mavlink_param_value_t m = {.min = entry.least, .max = entry.most, .index = index, .count = PARAM_COUNT, .type = entry.type};
    memcpy(m.value, &c->params.value[index], sizeof c->params.value[index]);
    memcpy(m.name, entry.name, sizeof m.name);
    m.flags = (uint8_t)(PARAM_FLAG_DISARMED_ONLY | (c->params.saved ? PARAM_FLAG_SAVED : 0));
    return link_send(c, REST, MAVLINK_MSG_ID_PARAM_VALUE, &m);
}

void params_send_named(struct core *c, const char *name)
{
    uint16_t index = find(name);
    if (index < PARAM_COUNT) send_value(c, index);
}

void params_request(struct core *c, uint16_t index, const char *name)
{
    if (index < PARAM_COUNT) send_value(c, index);
    else if (index == UINT16_MAX && name[0] != '\0') params_send_named(c, name);
    else if (index == UINT16_MAX) c->params.next_dump = 0;
}

void params_step(struct core *c, uint64_t now)
{
    struct params *p = &c->params;
    if (p->next_dump >= PARAM_COUNT || now < p->next_dump_us) return;
    p->next_dump_us = now + DUMP_PERIOD_US;
    if (send_value(c, p->next_dump)) p->next_dump++; /* no room: again later */
}

uint32_t params_hash(const struct core *c) { return crc32(c->params.value, sizeof c->params.value); }

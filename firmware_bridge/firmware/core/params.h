/* Parameters: they tighten compiled limits, never widen them. Kept in two banks, so that a power loss while saving costs the
 * change and not the parameters. */
#ifndef PARAMS_H
#define PARAMS_H
#include "core.h"

enum param_result { PARAM_OK, PARAM_UNKNOWN, PARAM_WRONG_TYPE, PARAM_OUT_OF_BOUNDS };

/* Values in force: the newest good bank, else compiled ones. False if the banks hold something and none of it is good. */
bool params_load(struct core *c);
bool params_save(struct core *c);
/* `value` is 8 bytes, little-endian and zero-padded, as on the wire. */
enum param_result params_set(struct core *c, const char *name, uint8_t type, const uint8_t *value);
void params_request(struct core *c, uint16_t index, const char *name);
void params_send_named(struct core *c, const char *name);
/* A dump goes out at 50 values a second. */
void params_step(struct core *c, uint64_t now);
uint32_t params_hash(const struct core *c);
uint32_t crc32(const void *data, uint16_t length);

static inline uint32_t param_u32(const struct core *c, enum param_id id) { return c->params.value[id].u32; }
static inline float param_f32(const struct core *c, enum param_id id) { return c->params.value[id].f32; }
static inline uint64_t param_us(const struct core *c, enum param_id id) { return (uint64_t)c->params.value[id].u32 * 1000u; }
#endif

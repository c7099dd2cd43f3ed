/* Frames out, by priority: an answer finds room when telemetry does not. */
#ifndef LINK_H
#define LINK_H
#include "core.h"

enum priority { URGENT, SAMPLE, REST };

/* Whether `length` bytes may be queued now. On a slow line telemetry must not queue up in front of answers: a sample may wait
 * behind 20 ms of line at most, the rest behind half of that. */
bool link_room(const struct core *c, enum priority priority, uint16_t length);
/* Queue one message whole, or drop and count it. `payload` lies in wire order. */
bool link_send(struct core *c, enum priority priority, uint32_t id, const void *payload);
/* Write the frame of one message of the dialect to `out`, which holds 12 bytes more than its payload; returns the length. */
uint16_t link_write(uint8_t *out, uint32_t id, uint8_t seq, const void *payload);
/* Count frames that the link's own sequence says are missing. */
void link_count_gap(struct link *l, uint8_t seq);
#endif

/* MAVLink 2 framing that re-scans: a frame that fails costs one byte, never the length that it claimed. */
#ifndef FRAMER_H
#define FRAMER_H
#include <stdbool.h>
#include <stdint.h>

#define FRAMER_CAP 280u /* longest MAVLink 2 frame: 10 + 255 + 2, and 13 of a signature that we refuse */
#define FRAMER_IDLE_US 10000u /* a frame that pauses for so long is not coming */

struct framer {
    uint16_t held, done; /* bytes held; length of the frame handed out last */
    uint8_t bytes[FRAMER_CAP];
    uint32_t frames, skipped; /* counters wrap */
    uint16_t bad_crc, bad_header, unknown;
};
struct frame {
    uint32_t id;
    uint8_t seq, system, component, length;
    const uint8_t *payload;
};

/* Add a byte, then call framer_next until it says false. A frame points into the buffer and is good until the next call. */
void framer_push(struct framer *f, uint8_t byte);
bool framer_next(struct framer *f, struct frame *out);
/* The line has been quiet with bytes pending: give up the first one and look again. */
void framer_idle(struct framer *f);
#endif

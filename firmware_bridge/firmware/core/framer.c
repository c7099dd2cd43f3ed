#include "framer.h"

#include <string.h>

#include "dialect.h"

enum verdict { WAIT, REFUSED, WHOLE };

static void drop(struct framer *f, uint16_t count)
{
    f->held = (uint16_t)(f->held - count);
    memmove(f->bytes, f->bytes + count, f->held);
}

/* Drop the first byte and all up to the next start byte. */
static void rescan(struct framer *f)
{
    uint16_t count = 1;
    while (count < f->held && f->bytes[count] != MAVLINK_STX) count++;
    f->skipped += count;
    drop(f, count);
}

void framer_push(struct framer *f, uint8_t byte)
{
    if (f->held == 0 && byte != MAVLINK_STX) {
        f->skipped++;
        return;
    }
    if (f->held == FRAMER_CAP) rescan(f); /* only if framer_next was not called: never write past the end */
    f->bytes[f->held++] = byte;
}

void framer_idle(struct framer *f)
{
    if (f->held) rescan(f);
}

static enum verdict judge(struct framer *f, struct frame *out)
{
    const uint8_t *b = f->bytes;
    if (f->held >= 3 && b[2] != 0) { /* incompatible flags: a signed frame, and we hold no key */
        f->bad_header++;
        return REFUSED;
    }
    if (f->held < 10) return WAIT;
    uint32_t id = (uint32_t)b[7] | (uint32_t)b[8] << 8 | (uint32_t)b[9] << 16;
    const mavlink_msg_entry_t *entry = mavlink_get_msg_entry(id);
    if (!entry) {
        f->unknown++;
        return REFUSED;
    }
    if (b[1] == 0 || b[1] > entry->max_msg_len) {
        f->bad_header++;
        return REFUSED;
    }
    uint16_t total = (uint16_t)(b[1] + 12u);
    if (f->held < total) return WAIT;
    uint16_t crc = crc_calculate(b + 1, (uint16_t)(total - 3u));
    crc_accumulate(entry->crc_extra, &crc);
    if (b[total - 2] != (crc & 0xffu) || b[total - 1] != crc >> 8) {
        f->bad_crc++;
        return REFUSED;
    }
    *out = (struct frame){id, b[4], b[5], b[6], b[1], b + 10};
    f->done = total;
    return WHOLE;
}

bool framer_next(struct framer *f, struct frame *out)
{
    if (f->done) {
        uint16_t count = f->done;
        f->done = 0;
        drop(f, count);
        if (f->held && f->bytes[0] != MAVLINK_STX) rescan(f);
    }
    while (f->held) {
        enum verdict verdict = judge(f, out);
        if (verdict == WAIT) return false;
        if (verdict == WHOLE) {
            f->frames++;
            return true;
        }
        rescan(f);
    }
    return false;
}

#include "link.h"

#include <string.h>

#include "dialect.h"

#define URGENT_RESERVE 512u  /* bytes of the ring that telemetry never takes */
#define SAMPLE_WAIT_MS 20u
#define SAMPLE_FITS 600u     /* one sample always fits an idle line, however slow */
#define BYTES_PER_S(baud) ((baud) / 10u) /* 8N1 */

static uint32_t queue_limit(const struct core *c, enum priority priority)
{
    uint32_t capacity = c->boot.tx_capacity;
    if (priority == URGENT) return capacity;
    uint32_t limit = capacity > URGENT_RESERVE ? capacity - URGENT_RESERVE : 0;
    uint32_t line = BYTES_PER_S(c->boot.uart_baud) / 1000u * SAMPLE_WAIT_MS;
    if (line < SAMPLE_FITS) line = SAMPLE_FITS;
    if (c->boot.uart_baud && line < limit) limit = line;
    return priority == SAMPLE ? limit : limit / 2u;
}

bool link_room(const struct core *c, enum priority priority, uint16_t length)
{
    return (uint32_t)c->hooks.tx_queued(c->hooks.port) + length <= queue_limit(c, priority);
}

uint16_t link_write(uint8_t *out, uint32_t id, uint8_t seq, const void *payload)
{
    const mavlink_msg_entry_t *entry = mavlink_get_msg_entry(id);
    uint8_t length = entry->max_msg_len;
    memcpy(out + 10, payload, length);
    while (length > 1 && out[9 + length] == 0) length--; /* trailing zeros are not sent */
    out[0] = MAVLINK_STX;
    out[1] = length;
    out[2] = 0;
    out[3] = 0;
    out[4] = seq;
    out[5] = DEVICE_SYSTEM;
    out[6] = 1;
    out[7] = (uint8_t)(entry->msgid & 0xffu);
    out[8] = (uint8_t)(entry->msgid >> 8 & 0xffu);
    out[9] = (uint8_t)(entry->msgid >> 16 & 0xffu);
    uint16_t crc = crc_calculate(out + 1, (uint16_t)(9u + length));
    crc_accumulate(entry->crc_extra, &crc);
    out[10 + length] = (uint8_t)(crc & 0xffu);
    out[11 + length] = (uint8_t)(crc >> 8);
    return (uint16_t)(12u + length);
}

bool link_send(struct core *c, enum priority priority, uint32_t id, const void *payload)
{
    uint8_t frame[MAVLINK_MAX_PACKET_LEN];
    uint16_t length = link_write(frame, id, c->link.tx_seq, payload);
    if (!link_room(c, priority, length) || !c->hooks.tx(c->hooks.port, frame, length)) {
        c->link.tx_dropped++;
        return false;
    }
    c->link.tx_seq++;
    c->link.tx_frames++;
    return true;
}

void link_count_gap(struct link *l, uint8_t seq)
{
    if (l->rx_seen) l->rx_seq_gaps = (uint16_t)(l->rx_seq_gaps + (uint8_t)(seq - l->rx_seq - 1u));
    l->rx_seen = true;
    l->rx_seq = seq;
}

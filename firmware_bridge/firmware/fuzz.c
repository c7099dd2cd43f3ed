/* libFuzzer on core_rx: any bytes, any time between them, any state. What must hold is asserted after every tick.
 * An input is a row of records: one byte of length, one of time (ms before they come), then the bytes. The first byte of all
 * chooses the state to begin in. Frames in the input get a right checksum now and then, or nothing would get past the framer:
 * a record whose time byte is odd is framed by us, its first byte choosing the message. */
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "core/dialect.h"
#include "core/link.h"
#include "core/safety.h"

static bool line;
static bool tx(void *port, const uint8_t *data, uint16_t length)
{
    (void)port;
    (void)data;
    if (length > 280u) abort();
    return true;
}
static uint16_t tx_queued(void *port)
{
    (void)port;
    return 0;
}
static void enable(void *port, bool on)
{
    (void)port;
    line = on;
}
static bool enabled(void *port)
{
    (void)port;
    return line;
}
static bool nvm(void *port, uint8_t bank, void *data, uint16_t length)
{
    (void)port;
    (void)bank;
    (void)data;
    (void)length;
    return false;
}
static bool nvm_store(void *port, uint8_t bank, const void *data, uint16_t length)
{
    (void)port;
    (void)bank;
    (void)data;
    (void)length;
    return true;
}

#define NONCE 0x01010101u /* bytes that a fuzzer finds */
static const uint32_t ids[] = {MAVLINK_MSG_ID_SETPOINT, MAVLINK_MSG_ID_ACTUATION, MAVLINK_MSG_ID_HOST_ALIVE, MAVLINK_MSG_ID_ESTOP,
    MAVLINK_MSG_ID_COMMAND, MAVLINK_MSG_ID_TIMESYNC, MAVLINK_MSG_ID_PARAM_REQUEST, MAVLINK_MSG_ID_PARAM_SET};

static struct core core;
static struct core_sensors sensors;
static struct core_efforts efforts;
static uint64_t now;

/* What no input may bring about. */
static void check(void)
{
    uint8_t state = core.safety.state;
    if (state > SAFETY_STATE_ESTOP) abort();
    if (line != safety_outputs_on(&core)) abort();
    for (uint32_t i = 0; i < ROBOT_JOINTS; i++) {
        if (!(efforts.effort[i] <= robot_joint[i].effort_max && efforts.effort[i] >= -robot_joint[i].effort_max)) abort();
        if (!line && efforts.effort[i] != 0.0f) abort();
    }
    for (uint32_t i = 0; i < MAX_LIMBS; i++)
        if (state != SAFETY_STATE_ARMED && efforts.anchor[i] != 0) abort(); /* nobody lets go of the ground but an armed host */
    for (uint32_t i = 0; i < MAX_THRUSTERS; i++)
        if (state != SAFETY_STATE_ARMED && efforts.thrust_n[i] != 0.0f) abort();
    if (!(efforts.hammer >= 0.0f && efforts.hammer <= (state == SAFETY_STATE_ARMED ? 1.0f : 0.0f))) abort();
}

static void pass(uint32_t ticks)
{
    for (uint32_t i = 0; i < ticks; i++) {
        now += CORE_TICK_US;
        sensors.time_us = now;
        core_tick(&core, now, &sensors, &efforts);
        check();
    }
}

static void hear(const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++) core_rx(&core, data[i], now);
}

static void hear_framed(const uint8_t *data, size_t length)
{
    static uint8_t seq;
    uint8_t payload[256] = {0}, frame[280];
    if (length < 2) return;
    memcpy(payload, data + 1, length - 1);
    uint32_t id = ids[data[0] % (sizeof ids / sizeof *ids)];
    uint16_t count = link_write(frame, id, seq++, payload);
    frame[5] = HOST_SYSTEM; /* link_write speaks for the device: make it the host's, and the checksum right again */
    uint16_t crc = crc_calculate(frame + 1, (uint16_t)(count - 3u));
    crc_accumulate(mavlink_get_msg_entry(id)->crc_extra, &crc);
    frame[count - 2u] = (uint8_t)(crc & 0xffu);
    frame[count - 1u] = (uint8_t)(crc >> 8);
    hear(frame, count);
}

static void begin(uint8_t how)
{
    const struct core_hooks hooks = {NULL, tx, tx_queued, enable, enabled, nvm, nvm_store};
    const struct core_boot boot = {.nonce = NONCE, .overrun_us = 5000, .tx_capacity = 4096, .memory_ok = true, .board = "fuzz"};
    memset(&sensors, 0, sizeof sensors);
    memset(&efforts, 0, sizeof efforts);
    sensors.bus_voltage_v = ROBOT_BUS_V;
    line = false;
    now = 1000;
    core_init(&core, &hooks, &boot, now);
    pass(1);
    if (how & 1u) safety_arm(&core, now);
    if (how & 2u) {
        core.host.seen = true;
        core.host.alive_us = now;
        safety_setpoint(&core, now);
    }
    if (how & 4u) core_estop(&core, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    begin(data[0]);
    for (size_t at = 1; at + 2 <= size;) {
        size_t length = data[at];
        uint8_t time = data[at + 1];
        at += 2;
        if (length > size - at) length = size - at;
        pass(time >> 1u);
        if (time & 1u) hear_framed(data + at, length);
        else hear(data + at, length);
        at += length;
    }
    pass(3);
    return 0;
}

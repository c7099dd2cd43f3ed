/* The core as a shared library in virtual time: the caller is the clock, the line, the sensors and the motors. Deterministic. */
#ifndef FW_H
#define FW_H
#include <stddef.h>

#include "../../core/core.h"

#define FW_TX_CAPACITY 4096u
#define FW_NVM_BANK 64u

struct fw {
    struct core core;
    uint8_t tx[FW_TX_CAPACITY];
    size_t tx_head, tx_sent, tx_tail; /* queued up to head, on the line up to sent, taken by the host up to tail */
    uint64_t line_us;                 /* the line has been busy until then */
    uint32_t line_credit;             /* bytes x 1e6 that the line could have carried and did not yet */
    uint8_t nvm[2][FW_NVM_BANK];
    int32_t nvm_power_left; /* bytes that are still written before the power fails; negative: power holds */
    bool enable, enable_stuck, host_deaf;
};

size_t fw_size(void);
/* Sizes of core_sensors, core_efforts, core_boot, core: a caller in another language checks its layout against them. */
void fw_layout(uint32_t sizes[4]);
/* Factory state: parameters blank. */
void fw_new(struct fw *fw);
/* Power on or reset; the parameters' memory stays. uart_baud 0: a line without limits. */
void fw_boot(struct fw *fw, const struct core_boot *boot, uint64_t now_us);
void fw_rx(struct fw *fw, const uint8_t *data, size_t length, uint64_t now_us);
/* Take up to `capacity` bytes that have crossed the line. */
size_t fw_tx(struct fw *fw, uint8_t *out, size_t capacity);
void fw_tick(struct fw *fw, uint64_t now_us, const struct core_sensors *sensors, struct core_efforts *efforts);
/* Tick every CORE_TICK_US after `from_us` up to `until_us`, with the sensors read fresh at each tick. */
void fw_run(struct fw *fw, uint64_t from_us, uint64_t until_us, struct core_sensors *sensors, struct core_efforts *efforts);
void fw_uart_lost(struct fw *fw, uint16_t ring_overruns, uint16_t line_errors); /* what a port has counted since boot */
void fw_estop(struct fw *fw, uint64_t now_us);
uint8_t fw_safety_state(const struct fw *fw);
bool fw_enabled(const struct fw *fw);
/* Bit 0 reboot, 1 hang, 2 hard fault: asked for by commands, done by the port. */
uint32_t fw_requests(const struct fw *fw);
uint8_t *fw_nvm(struct fw *fw);
void fw_nvm_power(struct fw *fw, int32_t bytes_left);
void fw_stick_enable(struct fw *fw, bool stuck); /* a welded enable line: reads high whatever is asked */
void fw_deaf_host(struct fw *fw, bool deaf);     /* the host stops reading: nothing leaves the ring */
#endif

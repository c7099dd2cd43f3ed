#include "fw.h"

#include <string.h>

static bool tx(void *port, const uint8_t *data, uint16_t length)
{
    struct fw *fw = port;
    if (fw->tx_head - fw->tx_tail + length > FW_TX_CAPACITY) return false;
    for (uint16_t i = 0; i < length; i++) fw->tx[(fw->tx_head + i) % FW_TX_CAPACITY] = data[i];
    fw->tx_head += length;
    if (fw->core.boot.uart_baud == 0 && !fw->host_deaf) fw->tx_sent = fw->tx_head;
    return true;
}

static uint16_t tx_queued(void *port)
{
    const struct fw *fw = port;
    return (uint16_t)(fw->tx_head - fw->tx_sent);
}

static void enable(void *port, bool on) { ((struct fw *)port)->enable = on; }

static bool enabled(void *port) { return fw_enabled(port); }

static bool nvm_load(void *port, uint8_t bank, void *data, uint16_t length)
{
    const struct fw *fw = port;
    if (length > FW_NVM_BANK) return false;
    memcpy(data, fw->nvm[bank], length);
    return true;
}

/* As flash does it: erased first, then written from the front. When the power fails the rest stays erased. */
static bool nvm_store(void *port, uint8_t bank, const void *data, uint16_t length)
{
    struct fw *fw = port;
    if (length > FW_NVM_BANK) return false;
    memset(fw->nvm[bank], 0xff, FW_NVM_BANK);
    for (uint16_t i = 0; i < length; i++) {
        if (fw->nvm_power_left == 0) return false;
        if (fw->nvm_power_left > 0) fw->nvm_power_left--;
        fw->nvm[bank][i] = ((const uint8_t *)data)[i];
    }
    return true;
}

size_t fw_size(void) { return sizeof(struct fw); }

void fw_layout(uint32_t sizes[4])
{
    sizes[0] = sizeof(struct core_sensors);
    sizes[1] = sizeof(struct core_efforts);
    sizes[2] = sizeof(struct core_boot);
    sizes[3] = sizeof(struct core);
}

void fw_new(struct fw *fw)
{
    memset(fw, 0, sizeof *fw);
    memset(fw->nvm, 0xff, sizeof fw->nvm);
    fw->nvm_power_left = -1;
}

void fw_boot(struct fw *fw, const struct core_boot *boot, uint64_t now)
{
    const struct core_hooks hooks = {fw, tx, tx_queued, enable, enabled, nvm_load, nvm_store};
    struct core_boot full = *boot;
    full.tx_capacity = FW_TX_CAPACITY;
    fw->tx_head = fw->tx_sent = fw->tx_tail = 0;
    fw->line_us = now;
    fw->line_credit = 0;
    fw->core.boot.uart_baud = boot->uart_baud;
    core_init(&fw->core, &hooks, &full, now);
}

void fw_rx(struct fw *fw, const uint8_t *data, size_t length, uint64_t now)
{
    for (size_t i = 0; i < length; i++) core_rx(&fw->core, data[i], now);
}

/* Let the line carry what it can until `now`: ten bit times a byte. */
static void carry(struct fw *fw, uint64_t now)
{
    uint64_t bytes_per_s = fw->core.boot.uart_baud / 10u, waiting = fw->tx_head - fw->tx_sent;
    uint64_t credit = fw->line_credit + elapsed_us(now, fw->line_us) * bytes_per_s;
    fw->line_us = now;
    if (fw->host_deaf) return;
    uint64_t bytes = bytes_per_s ? credit / 1000000u : waiting;
    if (bytes > waiting) bytes = waiting;
    fw->tx_sent += (size_t)bytes;
    fw->line_credit = fw->tx_sent == fw->tx_head ? 0 : (uint32_t)(credit - bytes * 1000000u); /* an idle line saves nothing up */
}

size_t fw_tx(struct fw *fw, uint8_t *out, size_t capacity)
{
    size_t count = 0;
    while (count < capacity && fw->tx_tail != fw->tx_sent) out[count++] = fw->tx[fw->tx_tail++ % FW_TX_CAPACITY];
    return count;
}

void fw_tick(struct fw *fw, uint64_t now, const struct core_sensors *sensors, struct core_efforts *efforts)
{
    carry(fw, now);
    core_tick(&fw->core, now, sensors, efforts);
}

void fw_run(struct fw *fw, uint64_t from, uint64_t until, struct core_sensors *sensors, struct core_efforts *efforts)
{
    for (uint64_t now = from + CORE_TICK_US; now <= until; now += CORE_TICK_US) {
        sensors->time_us = now;
        fw_tick(fw, now, sensors, efforts);
    }
}

void fw_uart_lost(struct fw *fw, uint16_t ring_overruns, uint16_t line_errors)
{
    fw->core.port_stats.rx_ring_overruns = ring_overruns;
    fw->core.port_stats.uart_errors = line_errors;
}

void fw_estop(struct fw *fw, uint64_t now) { core_estop(&fw->core, now); }
uint8_t fw_safety_state(const struct fw *fw) { return fw->core.safety.state; }
bool fw_enabled(const struct fw *fw) { return fw->enable || fw->enable_stuck; }
uint32_t fw_requests(const struct fw *fw)
{
    const struct core *c = &fw->core;
    return (c->reboot_request ? 1u : 0u) | (c->hang_request ? 2u : 0u) | (c->hardfault_request ? 4u : 0u);
}
uint8_t *fw_nvm(struct fw *fw) { return fw->nvm[0]; }
void fw_nvm_power(struct fw *fw, int32_t bytes_left) { fw->nvm_power_left = bytes_left; }
void fw_stick_enable(struct fw *fw, bool stuck) { fw->enable_stuck = stuck; }
void fw_deaf_host(struct fw *fw, bool deaf) { fw->host_deaf = deaf; }

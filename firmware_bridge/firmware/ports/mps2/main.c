/* QEMU mps2-an385 (Cortex-M3, 25 MHz): UART0 is the host's link, UART1 the plant's, the CMSDK watchdog really resets.
 * Without a plant on UART1 a robot on the desk moves as told. */
#include <stddef.h>
#include <string.h>

#include "../../core/core.h"
#include "../../core/dialect.h"
#include "../desk.h"
#include "../plant_link.h"

#define REG(address) (*(volatile uint32_t *)(address))
#define CPU_HZ 25000000u
#define BAUD 921600u
#define FPGAIO 0x40028000u
#define ENABLE_LINE REG(FPGAIO + 0x00u) /* LED0 stands for it */
#define COUNTER REG(FPGAIO + 0x18u)
#define PRESCALE REG(FPGAIO + 0x1cu)
#define WATCHDOG 0x40008000u
#define WATCHDOG_MS 500u /* NMI after one period, reset after two: an emulator shares its host, and 50 ms fired by itself */
#define SYSTICK(offset) REG(0xE000E010u + (offset))
#define NVIC_ENABLE REG(0xE000E100u)
#define AIRCR REG(0xE000ED0Cu)
#define RX_RING 1024u
#define TX_RING 4096u
#define NVM_BANK 64u
#define WARM 0xB007B007u
#define QUICK_US 10000000u

/* CMSDK UART. State: bit 0 transmit full, 1 receive full, 2 and 3 overruns. */
struct uart {
    uint32_t base;
    uint8_t rx[RX_RING], tx[TX_RING];
    volatile uint32_t rx_head, rx_tail, tx_head, tx_tail;
    volatile uint16_t ring_overruns, line_errors;
};
#define DATA(u) REG((u)->base + 0x0u)
#define STATE(u) REG((u)->base + 0x4u)
#define CTRL(u) REG((u)->base + 0x8u)
#define INTERRUPT(u) REG((u)->base + 0xcu)
#define BAUDDIV(u) REG((u)->base + 0x10u)

/* Kept over a reset: stands for flash and for the reset-cause register of a real part. `seed` may be written by the emulator. */
struct kept {
    uint32_t seed, warm, boots, cause, quick, uptime_us;
    uint8_t nvm[2][NVM_BANK];
};
__attribute__((section(".noinit"))) static struct kept kept;

static struct uart host, plant_uart;
static volatile uint32_t ticks;
static struct core core;
static struct plant_link plant;
static struct core_sensors desk;
static struct core_efforts efforts;

void SysTick_Handler(void);
void UART0_RX_Handler(void);
void UART0_TX_Handler(void);
void UART1_RX_Handler(void);
void UART1_TX_Handler(void);
void UART_Overflow_Handler(void);
void NMI_Handler(void);
void HardFault_Handler(void);
int main(void);

static void mask(void) { __asm volatile("cpsid i" ::: "memory"); }
static void unmask(void) { __asm volatile("cpsie i" ::: "memory"); }

static void reset(uint32_t cause)
{
    ENABLE_LINE = 0;
    kept.cause = cause;
    AIRCR = 0x05FA0004u;
    for (;;) {}
}

void SysTick_Handler(void) { ticks++; }
void NMI_Handler(void) /* the watchdog's first stage: leave word, and wait for the second */
{
    ENABLE_LINE = 0;
    kept.cause = RESET_CAUSE_WATCHDOG;
    for (;;) {}
}
void HardFault_Handler(void) { reset(RESET_CAUSE_FAULT_HANDLER); }

static void receive(struct uart *u)
{
    INTERRUPT(u) = 2;
    while (STATE(u) & 2u) {
        uint8_t byte = (uint8_t)DATA(u);
        if (u->rx_head - u->rx_tail == RX_RING) u->ring_overruns++;
        else u->rx[u->rx_head++ % RX_RING] = byte;
    }
}
static void pump(struct uart *u)
{
    while (!(STATE(u) & 1u) && u->tx_tail != u->tx_head) DATA(u) = u->tx[u->tx_tail++ % TX_RING];
}
static void transmit_more(struct uart *u)
{
    INTERRUPT(u) = 1;
    pump(u);
}
void UART0_RX_Handler(void) { receive(&host); }
void UART0_TX_Handler(void) { transmit_more(&host); }
void UART1_RX_Handler(void) { receive(&plant_uart); }
void UART1_TX_Handler(void) { transmit_more(&plant_uart); }
static void clear_overrun(struct uart *u)
{
    if (!(STATE(u) & 0xcu)) return;
    INTERRUPT(u) = 0xc;
    STATE(u) = 0xc;
    u->line_errors++;
}
void UART_Overflow_Handler(void)
{
    clear_overrun(&host);
    clear_overrun(&plant_uart);
}

static bool queue(struct uart *u, const uint8_t *data, uint16_t length)
{
    if (TX_RING - (u->tx_head - u->tx_tail) < length) return false;
    for (uint16_t i = 0; i < length; i++) u->tx[(u->tx_head + i) % TX_RING] = data[i];
    mask();
    u->tx_head += length;
    pump(u); /* prime: the transmit interrupt comes only after a byte went out */
    unmask();
    return true;
}

static bool tx(void *port, const uint8_t *data, uint16_t length) { return queue(port, data, length); }
static uint16_t tx_queued(void *port)
{
    const struct uart *u = port;
    return (uint16_t)(u->tx_head - u->tx_tail);
}
static void enable(void *port, bool on)
{
    (void)port;
    ENABLE_LINE = on ? 1u : 0u;
}
static bool enabled(void *port)
{
    (void)port;
    return (ENABLE_LINE & 1u) != 0;
}
static bool nvm_load(void *port, uint8_t bank, void *data, uint16_t length)
{
    (void)port;
    memcpy(data, kept.nvm[bank], length);
    return true;
}
static bool nvm_store(void *port, uint8_t bank, const void *data, uint16_t length)
{
    (void)port;
    memcpy(kept.nvm[bank], data, length);
    return true;
}

/* Time is a free-running counter, never a count of SysTick interrupts: late ticks merge, and a merged tick is lost time. */
static uint64_t now_us(void)
{
    static uint32_t last, wraps; /* main loop only, called far more often than each 71 min */
    uint32_t value = COUNTER;
    if (value < last) wraps++;
    last = value;
    return ((uint64_t)wraps << 32 | value) + 1u;
}

static void start_hardware(void)
{
    struct uart *uarts[] = {&host, &plant_uart};
    host.base = 0x40004000u;
    plant_uart.base = 0x40005000u;
    for (size_t i = 0; i < 2; i++) {
        BAUDDIV(uarts[i]) = CPU_HZ / BAUD; /* below 16 the UART stays off */
        CTRL(uarts[i]) = 0x2fu & ~0x10u;   /* transmit, receive, their interrupts, receive overrun's */
    }
    PRESCALE = CPU_HZ / 1000000u - 1u;
    SYSTICK(4u) = CPU_HZ / 1000000u * CORE_TICK_US - 1u;
    SYSTICK(8u) = 0;
    SYSTICK(0u) = 7;
    NVIC_ENABLE = 0xfu | 1u << 12;
    REG(WATCHDOG + 0xc00u) = 0x1ACCE551u; /* unlock */
    REG(WATCHDOG) = CPU_HZ / 1000u * WATCHDOG_MS;
    REG(WATCHDOG + 8u) = 3;
}

static uint32_t mix(uint32_t x) /* spreads a counter over 32 bits; no two counts meet */
{
    x = (x ^ x >> 16) * 0x7feb352du;
    x = (x ^ x >> 15) * 0x846ca68bu;
    return x ^ x >> 16;
}

static uint8_t note_boot(void)
{
    if (kept.warm != WARM) {
        uint32_t seed = kept.seed;
        memset(&kept, 0, sizeof kept);
        memset(kept.nvm, 0xff, sizeof kept.nvm);
        kept.seed = seed;
        kept.warm = WARM;
        return RESET_CAUSE_POWER;
    }
    uint32_t cause = kept.cause ? kept.cause : RESET_CAUSE_PIN; /* nobody left word: the reset pin, or the emulator's monitor */
    kept.cause = 0;
    kept.boots++;
    bool asked = cause == RESET_CAUSE_SOFT;
    kept.quick = !asked && kept.uptime_us < QUICK_US ? kept.quick + 1u : 0;
    return (uint8_t)cause;
}

static void boot_core(void)
{
    const struct core_hooks hooks = {&host, tx, tx_queued, enable, enabled, nvm_load, nvm_store};
    uint8_t cause = note_boot();
    uint32_t nonce = mix(kept.seed ^ mix(kept.boots + 1u));
    struct core_boot boot = {.uid = UINT64_C(0x6d70733200000000) | kept.seed, .nonce = nonce ? nonce : 1u, .fw_git = FW_GIT,
        .uart_baud = BAUD, .caps = CAPABILITY_TEST_COMMANDS | CAPABILITY_WATCHDOG | CAPABILITY_PLANT_LINK | CAPABILITY_NVM,
        .overrun_us = 50000, .tx_capacity = TX_RING, .reset_cause = cause,
        .quick_resets = (uint8_t)(kept.quick > 255u ? 255u : kept.quick), .memory_ok = true, .test_commands = true,
        .board = "qemu mps2-an385"};
    core_init(&core, &hooks, &boot, now_us());
}

static void tick(void)
{
    uint64_t now = now_us();
    kept.uptime_us = now > QUICK_US ? QUICK_US : (uint32_t)now;
    if (!plant.any) desk_move(&desk, &efforts, now);
    core.port_stats.rx_ring_overruns = host.ring_overruns;
    core.port_stats.uart_errors = host.line_errors;
    core_tick(&core, now, plant.any ? &plant.sensors : &desk, &efforts);
    uint8_t frame[PLANT_FRAME_MAX];
    uint16_t length = plant_link_answer(&plant, &efforts, now, frame);
    if (length) queue(&plant_uart, frame, length);
    REG(WATCHDOG) = CPU_HZ / 1000u * WATCHDOG_MS; /* kicked here alone: after the tick ran */
    if (core.reboot_request) reset(RESET_CAUSE_SOFT);
    if (core.hardfault_request) REG(0xFFFFFFF0u) = 0;
    if (core.hang_request) {
        mask();
        for (;;) {}
    }
}

/* At most 128 bytes a turn: a flood must not starve the tick. */
static void drain(struct uart *u, bool from_host)
{
    for (unsigned n = 0; n < 128u && u->rx_tail != u->rx_head; n++) {
        uint8_t byte = u->rx[u->rx_tail++ % RX_RING];
        if (from_host) core_rx(&core, byte, now_us());
        else plant_link_rx(&plant, byte, now_us());
    }
}

int main(void)
{
    ENABLE_LINE = 0;
    start_hardware();
    plant_link_init(&plant);
    desk_init(&desk);
    boot_core();
    uint32_t seen = ticks;
    for (;;) {
        mask();
        bool idle = host.rx_head == host.rx_tail && plant_uart.rx_head == plant_uart.rx_tail && seen == ticks;
        if (idle) __asm volatile("wfi");
        unmask();
        if (seen != ticks) {
            seen = ticks;
            tick();
        }
        drain(&host, true);
        drain(&plant_uart, false);
    }
}

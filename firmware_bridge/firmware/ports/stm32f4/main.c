/* STM32F405: USART1 (PA9, PA10) to the host, TIM2 the microsecond clock, PA5 the enable line, IWDG the watchdog.
 * NOT RUN ON A BOARD: it builds, and runs under QEMU netduinoplus2 (ON_QEMU), which models no RCC, GPIO, RNG or IWDG.
 * Clocks stay at the 16 MHz of reset, so that the first flash needs no crystal; parameters are not kept over a reset. */
#include <stddef.h>
#include <string.h>

#include "../../core/core.h"
#include "../../core/dialect.h"
#include "../no_nvm.h"
#include "board.h"

#define REG(address) (*(volatile uint32_t *)(address))
#define USART(offset) REG(0x40011000u + (offset))
#define STATUS USART(0x0u)
#define DATA USART(0x4u)
#define CONTROL USART(0xcu)
#define TIM2(offset) REG(0x40000000u + (offset))
#define RCC(offset) REG(0x40023800u + (offset))
#define GPIOA(offset) REG(0x40020000u + (offset))
#define RNG(offset) REG(0x50060800u + (offset))
#define IWDG(offset) REG(0x40003000u + (offset))
#define SYSTICK(offset) REG(0xE000E010u + (offset))
#define AIRCR REG(0xE000ED0Cu)
#define TX_EMPTY (1u << 7)
#define RX_FULL (1u << 5)
#define RX_ERRORS 0xfu
#define ENABLE_PIN 5u
#define RX_RING 1024u
#define TX_RING 4096u
#define WAIT 100000u /* every wait for hardware ends: an emulator or a broken part must not hang the start */

#ifdef ON_QEMU
#define CPU_HZ 168000000u
#define TIMER_HZ 1000000000u /* QEMU's TIM2 */
#define BAUD 921600u
#define OVERRUN_US 50000u
#define BOARD_NAME "qemu netduinoplus2"
#else
#define CPU_HZ 16000000u
#define TIMER_HZ CPU_HZ
#define BAUD 460800u /* 16 MHz / 460800 is 34.7: 0.8 % off */
#define OVERRUN_US 5000u
#define BOARD_NAME "stm32f405"
#endif

static volatile uint32_t ticks, rx_head, rx_tail, tx_head, tx_tail;
static volatile uint16_t ring_overruns, line_errors;
static uint8_t rx_ring[RX_RING], tx_ring[TX_RING];
static bool enable_wanted;
static struct core core;
static struct core_sensors sensors;
static struct core_efforts efforts;
__attribute__((section(".noinit"))) static uint32_t boots;

void SysTick_Handler(void);
void USART1_Handler(void);
void Fault_Handler(void);
int main(void);

static void mask(void) { __asm volatile("cpsid i" ::: "memory"); }
static void unmask(void) { __asm volatile("cpsie i" ::: "memory"); }

static void drive_enable(bool on)
{
    enable_wanted = on;
    GPIOA(0x18u) = on ? 1u << ENABLE_PIN : 1u << (ENABLE_PIN + 16u);
}

static void reset(void)
{
    drive_enable(false);
    AIRCR = 0x05FA0004u;
    for (;;) {}
}

void SysTick_Handler(void) { ticks++; }
void Fault_Handler(void)
{
    drive_enable(false);
    for (;;) {} /* the watchdog resets the part */
}

static void pump(void)
{
    while (tx_tail != tx_head && STATUS & TX_EMPTY) DATA = tx_ring[tx_tail++ % TX_RING];
    if (tx_tail == tx_head) CONTROL &= ~TX_EMPTY; /* the same bit enables its interrupt */
    else CONTROL |= TX_EMPTY;
}

void USART1_Handler(void)
{
    uint32_t status = STATUS;
    if (status & RX_ERRORS) line_errors++;
    if (status & RX_FULL) {
        uint8_t byte = (uint8_t)DATA; /* clears the errors too */
        if (rx_head - rx_tail == RX_RING) ring_overruns++;
        else rx_ring[rx_head++ % RX_RING] = byte;
    }
    pump();
}

static bool tx(void *port, const uint8_t *data, uint16_t length)
{
    (void)port;
    if (TX_RING - (tx_head - tx_tail) < length) return false;
    for (uint16_t i = 0; i < length; i++) tx_ring[(tx_head + i) % TX_RING] = data[i];
    mask();
    tx_head += length;
    pump();
    unmask();
    return true;
}
static uint16_t tx_queued(void *port)
{
    (void)port;
    return (uint16_t)(tx_head - tx_tail);
}
static void enable(void *port, bool on)
{
    (void)port;
    drive_enable(on);
}
static bool enabled(void *port)
{
    (void)port;
#ifdef ON_QEMU
    return enable_wanted; /* no GPIO there to read back */
#else
    return (GPIOA(0x10u) >> ENABLE_PIN & 1u) != 0;
#endif
}

static uint64_t now_us(void)
{
    static uint32_t last, wraps; /* main loop only, called far more often than each 71 min */
    uint32_t value = TIM2(0x24u);
    if (value < last) wraps++;
    last = value;
    return ((uint64_t)wraps << 32 | value) + 1u;
}

static void start_hardware(void)
{
    RCC(0x30u) |= 1u << 0;  /* GPIOA */
    RCC(0x34u) |= 1u << 6;  /* RNG */
    RCC(0x40u) |= 1u << 0;  /* TIM2 */
    RCC(0x44u) |= 1u << 4;  /* USART1 */
    drive_enable(false);
    GPIOA(0x00u) = (GPIOA(0x00u) & ~(3u << 10 | 3u << 18 | 3u << 20)) | 1u << 10 | 2u << 18 | 2u << 20;
    GPIOA(0x24u) |= 7u << 4 | 7u << 8; /* PA9, PA10: USART1 */
    USART(0x8u) = (CPU_HZ + BAUD / 2u) / BAUD;
    CONTROL = 1u << 13 | 1u << 5 | 1u << 3 | 1u << 2;
    TIM2(0x28u) = TIMER_HZ / 1000000u - 1u;
    TIM2(0x2cu) = UINT32_MAX;
    TIM2(0x14u) = 1; /* take the prescaler now */
    TIM2(0x00u) = 1;
    SYSTICK(4u) = CPU_HZ / 1000000u * CORE_TICK_US - 1u;
    SYSTICK(8u) = 0;
    SYSTICK(0u) = 7;
    REG(0xE000E104u) = 1u << (37 - 32);
    IWDG(0x0u) = 0x5555u; /* 32 kHz / 16: 64 ms */
    IWDG(0x4u) = 2;
    IWDG(0x8u) = 128;
    IWDG(0x0u) = 0xCCCCu;
}

static uint8_t reset_cause(void)
{
    uint32_t flags = RCC(0x74u);
    RCC(0x74u) |= 1u << 24; /* forget them */
    if (flags & (1u << 29 | 1u << 30)) return RESET_CAUSE_WATCHDOG;
    if (flags & 1u << 28) return RESET_CAUSE_SOFT;
    if (flags & 1u << 27) return RESET_CAUSE_POWER;
    if (flags & 1u << 25) return RESET_CAUSE_BROWN_OUT;
    return flags & 1u << 26 ? RESET_CAUSE_PIN : RESET_CAUSE_POWER;
}

/* From the noise generator; where there is none, from a counter that survives resets. Never 0. */
static uint32_t nonce(void)
{
    uint32_t value = ++boots * 0x9E3779B1u;
    RNG(0x0u) = 4;
    for (uint32_t n = 0; n < WAIT; n++)
        if (RNG(0x4u) & 1u) {
            value ^= RNG(0x8u);
            break;
        }
    return value ? value : 1u;
}

static void boot_core(void)
{
    const struct core_hooks hooks = {NULL, tx, tx_queued, enable, enabled, no_load, no_store};
    struct core_boot boot = {.nonce = nonce(), .fw_git = FW_GIT, .uart_baud = BAUD, .caps = CAPABILITY_WATCHDOG,
        .overrun_us = OVERRUN_US, .tx_capacity = TX_RING, .reset_cause = reset_cause(), .memory_ok = true, .board = BOARD_NAME};
#ifndef ON_QEMU
    boot.uid = (uint64_t)REG(0x1FFF7A14u) << 32 | REG(0x1FFF7A10u);
#endif
    core_init(&core, &hooks, &boot, now_us());
}

int main(void)
{
    start_hardware();
    boot_core();
    uint32_t seen = ticks;
    for (;;) {
        mask();
        if (rx_head == rx_tail && seen == ticks) __asm volatile("wfi");
        unmask();
        if (seen != ticks) {
            seen = ticks;
            board_read(&sensors, now_us());
            core.port_stats.rx_ring_overruns = ring_overruns;
            core.port_stats.uart_errors = line_errors;
            core_tick(&core, now_us(), &sensors, &efforts);
            board_drive(&efforts);
            mask();
            pump(); /* QEMU raises no interrupt for an empty transmitter */
            unmask();
            IWDG(0x0u) = 0xAAAAu; /* kicked here alone: after the tick ran */
            if (core.reboot_request) reset();
        }
        for (unsigned n = 0; n < 128u && rx_tail != rx_head; n++) core_rx(&core, rx_ring[rx_tail++ % RX_RING], now_us());
    }
}

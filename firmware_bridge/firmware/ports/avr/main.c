/* ATmega2560 at 16 MHz, UART0 at 1 Mbaud: the same core on an 8-bit part, as a second opinion (16-bit int, 4-byte double) and
 * for robots of few joints. A robot on the desk moves as told. Runs in simavr; not run on a board. */
#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <avr/wdt.h>

#include "../../core/core.h"
#include "../../core/dialect.h"
#include "../desk.h"
#include "../no_nvm.h"

#define RX_RING 256u
#define TX_RING 1024u

static volatile uint32_t milliseconds;
static volatile uint8_t rx_head, rx_tail;
static volatile uint16_t tx_head, tx_tail, ring_overruns;
static uint8_t rx_ring[RX_RING], tx_ring[TX_RING];
static struct core core;
static struct core_sensors sensors;
static struct core_efforts efforts;

ISR(TIMER0_COMPA_vect) { milliseconds++; }
ISR(USART0_RX_vect)
{
    uint8_t byte = UDR0;
    if ((uint8_t)(rx_head + 1u) == rx_tail) ring_overruns++;
    else rx_ring[rx_head++] = byte;
}
ISR(USART0_UDRE_vect)
{
    if (tx_tail != tx_head) UDR0 = tx_ring[tx_tail++ % TX_RING];
    else UCSR0B &= (uint8_t)~_BV(UDRIE0);
}

static uint16_t queued(void)
{
    uint8_t saved = SREG;
    cli();
    uint16_t count = tx_head - tx_tail;
    SREG = saved;
    return count;
}
static bool tx(void *port, const uint8_t *data, uint16_t length)
{
    (void)port;
    if (TX_RING - queued() < length) return false;
    for (uint16_t i = 0; i < length; i++) tx_ring[(tx_head + i) % TX_RING] = data[i];
    cli();
    tx_head += length;
    UCSR0B |= _BV(UDRIE0);
    sei();
    return true;
}
static uint16_t tx_queued(void *port)
{
    (void)port;
    return queued();
}
static void enable(void *port, bool on)
{
    (void)port;
    if (on) PORTB |= _BV(7);
    else PORTB &= (uint8_t)~_BV(7);
}
static bool enabled(void *port)
{
    (void)port;
    return (PINB & _BV(7)) != 0;
}

static uint64_t now_us(void)
{
    uint8_t saved = SREG;
    cli();
    uint32_t ms = milliseconds;
    uint8_t count = TCNT0;
    if ((TIFR0 & _BV(OCF0A)) && count < 200) ms++; /* the interrupt waits: its millisecond has passed */
    SREG = saved;
    return (uint64_t)ms * 1000u + count * 4u + 1u;
}

/* From a counter in EEPROM: it differs at every boot. Never 0, as an odd number times a count that never wraps in a life. */
static uint32_t nonce(void)
{
    uint32_t *counter = (uint32_t *)4; /* address 0 is the one that a brown-out spoils */
    uint32_t boots = eeprom_read_dword(counter) + 1u;
    if (boots == 0) boots = 1; /* erased */
    eeprom_update_dword(counter, boots);
    return boots * UINT32_C(0x9E3779B1);
}

int main(void)
{
    uint8_t cause = MCUSR & _BV(WDRF) ? RESET_CAUSE_WATCHDOG : MCUSR & _BV(BORF) ? RESET_CAUSE_BROWN_OUT : RESET_CAUSE_POWER;
    MCUSR = 0;
    wdt_disable();
    DDRB |= _BV(7);
    TCCR0A = _BV(WGM01);
    TCCR0B = _BV(CS01) | _BV(CS00);
    OCR0A = 249; /* 16 MHz / 64 / 250 = 1 kHz */
    TIMSK0 = _BV(OCIE0A);
    UBRR0 = 1;
    UCSR0A = _BV(U2X0);
    UCSR0B = _BV(RXEN0) | _BV(TXEN0) | _BV(RXCIE0);
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    sei();
    const struct core_hooks hooks = {0, tx, tx_queued, enable, enabled, no_load, no_store};
    const struct core_boot boot = {.uid = 2560, .nonce = nonce(), .fw_git = FW_GIT, .uart_baud = 1000000,
        .caps = CAPABILITY_WATCHDOG, .overrun_us = 20000, .tx_capacity = TX_RING, .reset_cause = cause, .memory_ok = true,
        .board = "simavr atmega2560"};
    core_init(&core, &hooks, &boot, now_us());
    desk_init(&sensors);
    wdt_enable(WDTO_120MS);
    uint32_t seen = 0;
    for (;;) {
        for (uint8_t n = 0; n < 64 && rx_tail != rx_head; n++) core_rx(&core, rx_ring[rx_tail++], now_us());
        cli();
        uint32_t ms = milliseconds;
        sei();
        if (ms == seen) continue;
        seen = ms;
        desk_move(&sensors, &efforts, now_us());
        core.port_stats.rx_ring_overruns = ring_overruns;
        core_tick(&core, now_us(), &sensors, &efforts);
        wdt_reset();
    }
}

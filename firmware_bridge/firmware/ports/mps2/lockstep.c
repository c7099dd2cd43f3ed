/* QEMU mps2-an385 in lock step with a simulated plant: `stope run --robot emulated`. Both lines, the host's and the plant's,
 * come in blocks through semihosting pipes instead of the UARTs of main.c, which QEMU moves byte by byte (benchmarks/README.md
 * has what that costs). Time is the plant's: it stands still while the image waits for a block, so a run is the same however
 * busy the machine is. Core, servo loops, plant link and compiler are those of the other images. */
#include <stddef.h>
#include <string.h>

#include "../../core/core.h"
#include "../../core/dialect.h"
#include "../plant_link.h"

#define BLOCK 4096u /* bytes a direction, header and plant frame apart */
#define NVM_BANK 64u

enum semihosting { SYS_OPEN = 1, SYS_WRITE = 5, SYS_READ = 6, SYS_EXIT = 0x18 };
enum mode { READ_BINARY = 1, WRITE_BINARY = 5 };
#define STOPPED_APPLICATION_EXIT 0x20026u

struct asked { /* a block to the device: so many ticks, after so many bytes of each line */
    uint32_t ticks;
    uint16_t host, plant;
};
struct answered {
    uint16_t host, plant;
};

static struct core core;
static struct plant_link plant;
static struct core_efforts efforts;
static uint64_t now_us = 1; /* 0 means "never" to the core */
static uint8_t rx[BLOCK], tx[BLOCK + PLANT_FRAME_MAX];
static uint16_t tx_held;
static uint8_t nvm[2][NVM_BANK];
static uint32_t boots;
static bool enable_line;

int main(void);
void SysTick_Handler(void);
void NMI_Handler(void);
void HardFault_Handler(void);

static int32_t semihost(uint32_t operation, uintptr_t argument)
{
    register uint32_t r0 __asm("r0") = operation;
    register uintptr_t r1 __asm("r1") = argument;
    __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

static void leave(void)
{
    semihost(SYS_EXIT, STOPPED_APPLICATION_EXIT);
    for (;;) {}
}

void SysTick_Handler(void) {}
void NMI_Handler(void) { leave(); }
void HardFault_Handler(void) { leave(); }

static uint32_t open_pipe(const char *name, enum mode mode)
{
    const uint32_t block[] = {(uint32_t)(uintptr_t)name, mode, (uint32_t)strlen(name)};
    int32_t file = semihost(SYS_OPEN, (uintptr_t)block);
    if (file < 0) leave();
    return (uint32_t)file;
}

/* All of it, or the other end is gone. Both calls return how many bytes are left to do. */
static void transfer(enum semihosting operation, uint32_t file, uint8_t *bytes, uint32_t length)
{
    while (length) {
        const uint32_t block[] = {file, (uint32_t)(uintptr_t)bytes, length};
        uint32_t left = (uint32_t)semihost(operation, (uintptr_t)block);
        if (left >= length) leave();
        bytes += length - left;
        length = left;
    }
}

static bool send(void *port, const uint8_t *data, uint16_t length)
{
    (void)port;
    if (tx_held + length > BLOCK) return false;
    memcpy(tx + tx_held, data, length);
    tx_held = (uint16_t)(tx_held + length);
    return true;
}
static uint16_t queued(void *port)
{
    (void)port;
    return tx_held;
}
static void enable(void *port, bool on)
{
    (void)port;
    enable_line = on;
}
static bool enabled(void *port)
{
    (void)port;
    return enable_line;
}
static bool nvm_load(void *port, uint8_t bank, void *data, uint16_t length)
{
    (void)port;
    memcpy(data, nvm[bank], length);
    return true;
}
static bool nvm_store(void *port, uint8_t bank, const void *data, uint16_t length)
{
    (void)port;
    memcpy(nvm[bank], data, length);
    return true;
}

static void boot(uint8_t cause)
{
    const struct core_hooks hooks = {NULL, send, queued, enable, enabled, nvm_load, nvm_store};
    const struct core_boot facts = {.uid = UINT64_C(0x6d70733200000001), .nonce = ++boots, .fw_git = FW_GIT,
        .caps = CAPABILITY_PLANT_LINK | CAPABILITY_NVM, .overrun_us = 5u * CORE_TICK_US, .tx_capacity = BLOCK,
        .reset_cause = cause, .memory_ok = true, .board = "qemu mps2 lock step"};
    core_init(&core, &hooks, &facts, now_us);
}

static void tick(void)
{
    now_us += CORE_TICK_US;
    core_tick(&core, now_us, &plant.sensors, &efforts);
    if (core.reboot_request) boot(RESET_CAUSE_SOFT);
}

/* One block: what came on both lines is heard at this instant, then time goes on by so many ticks. */
static struct answered turn(uint32_t in, struct asked asked)
{
    uint32_t length = (uint32_t)asked.plant + asked.host;
    transfer(SYS_READ, in, rx, length);
    for (uint32_t i = 0; i < asked.plant; i++) plant_link_rx(&plant, rx[i], now_us);
    for (uint32_t i = asked.plant; i < length; i++) core_rx(&core, rx[i], now_us);
    for (uint32_t i = 0; i < asked.ticks; i++) tick();
    struct answered done = {.host = tx_held};
    done.plant = plant_link_answer(&plant, &efforts, now_us, tx + tx_held);
    tx_held = 0;
    return done;
}

int main(void)
{
    uint32_t in = open_pipe("to_device", READ_BINARY), out = open_pipe("from_device", WRITE_BINARY);
    plant_link_init(&plant);
    memset(nvm, 0xff, sizeof nvm);
    boot(RESET_CAUSE_POWER);
    for (;;) {
        struct asked asked;
        transfer(SYS_READ, in, (uint8_t *)&asked, sizeof asked);
        if ((uint32_t)asked.host + asked.plant > BLOCK) leave();
        struct answered done = turn(in, asked);
        transfer(SYS_WRITE, out, (uint8_t *)&done, sizeof done);
        transfer(SYS_WRITE, out, tx, (uint32_t)done.host + done.plant);
    }
}

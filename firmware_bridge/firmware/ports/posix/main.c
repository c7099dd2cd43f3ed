/* The core as a native process in real time: on a PTY of its own, or on descriptors that it inherits.
 *   stope_fw [--host-fd N] [--plant-fd N] [--nvm FILE]
 * Without --host-fd it opens a PTY and prints "HOST /dev/pts/N". Without --plant-fd a robot on the desk moves as told. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../../core/core.h"
#include "../../core/dialect.h"
#include "../desk.h"
#include "../plant_link.h"

#define TX_CAPACITY 4096u
#define NVM_BANK 64

struct native {
    struct core core;
    struct plant_link plant;
    struct core_sensors desk;
    struct core_efforts efforts;
    uint8_t tx[TX_CAPACITY];
    uint16_t tx_held;
    int host, plant_fd, nvm;
    uint64_t start_us;
    bool enable;
};

static uint64_t clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static uint64_t now_us(const struct native *n) { return clock_us() - n->start_us; }

static void flush(struct native *n)
{
    if (!n->tx_held) return;
    ssize_t sent = write(n->host, n->tx, n->tx_held); /* non-blocking: what does not fit stays, a frame is never torn */
    if (sent <= 0) return;
    n->tx_held = (uint16_t)(n->tx_held - sent);
    memmove(n->tx, n->tx + sent, n->tx_held);
}

static bool tx(void *port, const uint8_t *data, uint16_t length)
{
    struct native *n = port;
    if (n->tx_held + length > (int)TX_CAPACITY) return false;
    memcpy(n->tx + n->tx_held, data, length);
    n->tx_held = (uint16_t)(n->tx_held + length); /* leaves with the rest of this turn: one call, one wake-up of the host */
    return true;
}

static uint16_t tx_queued(void *port) { return ((struct native *)port)->tx_held; }
static void enable(void *port, bool on) { ((struct native *)port)->enable = on; }
static bool enabled(void *port) { return ((struct native *)port)->enable; }

static bool nvm_load(void *port, uint8_t bank, void *data, uint16_t length)
{
    const struct native *n = port;
    return n->nvm >= 0 && pread(n->nvm, data, length, bank * NVM_BANK) == (ssize_t)length;
}

static bool nvm_store(void *port, uint8_t bank, const void *data, uint16_t length)
{
    const struct native *n = port;
    return n->nvm >= 0 && pwrite(n->nvm, data, length, bank * NVM_BANK) == (ssize_t)length && fsync(n->nvm) == 0;
}

/* Our own PTY, raw, with a slave end kept open: a master without any would report a hang-up for ever. */
static int open_pty(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) || unlockpt(master)) return -1;
    const char *name = ptsname(master);
    int slave = name ? open(name, O_RDWR | O_NOCTTY) : -1;
    struct termios t;
    if (slave < 0 || tcgetattr(slave, &t)) return -1;
    cfmakeraw(&t);
    if (tcsetattr(slave, TCSANOW, &t)) return -1;
    printf("HOST %s\n", name);
    fflush(stdout);
    return master;
}

static uint32_t nonce(void)
{
    uint32_t value = 0;
    int fd = open("/dev/urandom", O_RDONLY);
    if (fd >= 0 && read(fd, &value, sizeof value) != (ssize_t)sizeof value) value = 0;
    if (fd >= 0) close(fd);
    return value ? value : (uint32_t)clock_us() | 1u;
}

static void boot(struct native *n, uint8_t cause)
{
    const struct core_hooks hooks = {n, tx, tx_queued, enable, enabled, nvm_load, nvm_store};
    struct core_boot facts = {.uid = (uint64_t)getpid(), .nonce = nonce(), .fw_git = FW_GIT, .overrun_us = 50000,
                              .tx_capacity = TX_CAPACITY, .reset_cause = cause, .memory_ok = true, .board = "posix"};
    facts.caps = (n->nvm >= 0 ? CAPABILITY_NVM : 0) | (n->plant_fd >= 0 ? CAPABILITY_PLANT_LINK : 0);
    core_init(&n->core, &hooks, &facts, now_us(n));
}

static void tick(struct native *n)
{
    uint64_t now = now_us(n);
    const struct core_sensors *sensors = &n->plant.sensors;
    if (n->plant_fd < 0) {
        desk_move(&n->desk, &n->efforts, now);
        sensors = &n->desk;
    }
    core_tick(&n->core, now, sensors, &n->efforts);
    uint8_t frame[PLANT_FRAME_MAX];
    uint16_t length = plant_link_answer(&n->plant, &n->efforts, now, frame);
    if (length && write(n->plant_fd, frame, length) != (ssize_t)length) n->plant.fresh = false; /* the plant does not read */
}

/* Read what is there. False when the other end is gone for good (a socket; a PTY comes back). */
static bool take(struct native *n, int fd)
{
    uint8_t bytes[512];
    ssize_t count = read(fd, bytes, sizeof bytes);
    uint64_t now = now_us(n);
    for (ssize_t i = 0; i < count; i++) {
        if (fd == n->host) core_rx(&n->core, bytes[i], now);
        else plant_link_rx(&n->plant, bytes[i], now);
    }
    return count != 0;
}

static int run(struct native *n)
{
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    const struct itimerspec period = {.it_interval = {0, CORE_TICK_US * 1000}, .it_value = {0, CORE_TICK_US * 1000}};
    if (timer < 0 || timerfd_settime(timer, 0, &period, NULL)) return 1;
    for (;;) {
        struct pollfd f[3] = {{timer, POLLIN, 0}, {n->host, POLLIN, 0}, {n->plant_fd, POLLIN, 0}};
        if (poll(f, 3, -1) < 0 && errno != EINTR) return 1;
        uint64_t expirations; /* bytes first: those that waited while this process did were no silence on the line */
        if (f[1].revents & POLLIN && !take(n, n->host)) return 0;
        if (f[2].revents & POLLIN && !take(n, n->plant_fd)) return 0;
        if (f[0].revents & POLLIN && read(timer, &expirations, sizeof expirations) > 0) tick(n);
        flush(n);
        if (n->core.hang_request)
            for (;;) pause();
        if (n->core.hardfault_request) abort();
        if (n->core.reboot_request) boot(n, RESET_CAUSE_SOFT);
    }
}

int main(int argc, char **argv)
{
    static struct native n;
    n.host = n.plant_fd = n.nvm = -1;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--host-fd")) n.host = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--plant-fd")) n.plant_fd = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--nvm")) n.nvm = open(argv[i + 1], O_RDWR | O_CREAT, 0600);
        else return 2;
    }
    if (n.host < 0 && (n.host = open_pty()) < 0) return 1;
    fcntl(n.host, F_SETFL, fcntl(n.host, F_GETFL) | O_NONBLOCK);
    if (n.plant_fd >= 0) fcntl(n.plant_fd, F_SETFL, fcntl(n.plant_fd, F_GETFL) | O_NONBLOCK);
    n.start_us = clock_us() - 1; /* time 0 means "never" to the core */
    plant_link_init(&n.plant);
    desk_init(&n.desk);
    boot(&n, RESET_CAUSE_POWER);
    return run(&n);
}

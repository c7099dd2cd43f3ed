/* Runs an AVR image under libsimavr with UART0 on a PTY, paced to the wall clock. Prints the name of the PTY. */
#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>
#include <simavr/avr_uart.h>
#include <simavr/parts/uart_pty.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec * 1e-9; }
int main(int argc, char **argv)
{
    elf_firmware_t f = {{0}};
    if (argc < 2 || elf_read_firmware(argv[1], &f)) return 1;
    avr_t *avr = avr_make_mcu_by_name("atmega2560");
    avr_init(avr);
    f.frequency = 16000000;
    avr_load_firmware(avr, &f);
    avr->frequency = 16000000;
    avr->log = 1;
    uart_pty_t u;
    uart_pty_init(avr, &u);
    uart_pty_connect(&u, '0');
    printf("PTY %s\n", u.pty.slavename);
    fflush(stdout);
    double t0 = now();
    for (unsigned n = 0;; n++) {
        int s = avr_run(avr);
        if (s == cpu_Done || s == cpu_Crashed) return 3;
        if ((n & 1023) == 0) { double ahead = (double)avr->cycle / avr->frequency - (now() - t0); if (ahead > 0.0005) usleep((useconds_t)(ahead * 1e6)); }
    }
}

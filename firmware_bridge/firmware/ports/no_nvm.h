/* Hooks of a port that keeps no parameters over a reset: nothing is loaded, and saving is refused. */
#ifndef NO_NVM_H
#define NO_NVM_H
#include <stdbool.h>
#include <stdint.h>

static inline bool no_load(void *port, uint8_t bank, void *data, uint16_t length)
{
    (void)port;
    (void)bank;
    (void)data;
    (void)length;
    return false;
}

static inline bool no_store(void *port, uint8_t bank, const void *data, uint16_t length)
{
    (void)port;
    (void)bank;
    (void)data;
    (void)length;
    return false;
}
#endif

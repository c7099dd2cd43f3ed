#include "board.h"

#ifdef ON_QEMU
#include "../desk.h"

static struct core_efforts last;
void board_read(struct core_sensors *sensors, uint64_t now)
{
    if (sensors->time_us == 0) desk_init(sensors);
    desk_move(sensors, &last, now);
}
void board_drive(const struct core_efforts *efforts) { last = *efforts; }
#else
__attribute__((weak)) void board_read(struct core_sensors *sensors, uint64_t now)
{
    (void)sensors;
    (void)now;
}
__attribute__((weak)) void board_drive(const struct core_efforts *efforts) { (void)efforts; }
#endif

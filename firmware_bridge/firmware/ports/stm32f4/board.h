/* What a lab writes for its board: encoders, load cell, grippers and the e-stop loop in; motors, brakes and valves out.
 * The versions in board.c read nothing and drive nothing, so a board without drivers stays DISARMED: it has no fresh sensors. */
#ifndef BOARD_H
#define BOARD_H
#include "../../core/core.h"

/* Fill what was read and set sensors->time_us to now_us when all of it is fresh. */
void board_read(struct core_sensors *sensors, uint64_t now_us);
/* Every tick, also with the outputs disabled: efforts->outputs_enabled says so. */
void board_drive(const struct core_efforts *efforts);
#endif

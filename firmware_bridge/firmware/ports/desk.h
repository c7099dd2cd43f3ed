/* A robot on the desk: its joints follow their references and nothing pushes back. Stands in where no sensor is wired. */
#ifndef DESK_H
#define DESK_H
#include "../core/core.h"

void desk_init(struct core_sensors *s);
void desk_move(struct core_sensors *s, const struct core_efforts *e, uint64_t now_us);
#endif

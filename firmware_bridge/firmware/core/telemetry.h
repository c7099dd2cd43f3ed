/* What goes up by itself: samples, identity, link statistics. */
#ifndef TELEMETRY_H
#define TELEMETRY_H
#include "core.h"

void telemetry_step(struct core *c, uint64_t now);
#endif

/* The joint servo: PD and feed-forward, inside every limit. Holds the last set-points until told otherwise. */
#ifndef SERVO_H
#define SERVO_H
#include "core.h"

void servo_take(struct core *c);
/* Hold `position`; continuous joints come to rest. Feed-forward stays: it carries the standing load of the anchors. */
void servo_hold(struct servo *s, const float *position);
void servo_brake(struct servo *s);
/* Efforts of one tick for what the sensors say; fills `out` and remembers which joints are saturated. */
void servo_step(struct servo *s, const struct core_sensors *now, struct core_efforts *out);
#endif

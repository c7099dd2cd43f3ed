/* What no set-point can make the device do: press or blow without anchors, press harder than allowed, turn a stuck bit, let go
 * while drilling. The Python twin is stope.sim.device. */
#ifndef INTERLOCKS_H
#define INTERLOCKS_H
#include "core.h"

#define PRESS_MARGIN_N 3.0f    /* below this the bit does not press: load-cell noise never trips a reflex */
#define SPINDLE_OFF_RAD_S 0.5f /* below this the drill counts as off */

/* Reduce this tick's efforts to what is allowed, and raise what stays wrong in spite of it. */
void interlocks_drill(struct core *c, uint64_t now, struct core_efforts *out);
/* The nozzles' thrust with a sampler's jet shut, when too few anchors hold. */
void interlocks_jet(struct core *c, uint64_t now, struct core_efforts *out);
/* Gripper drives of the set-point in force. */
void interlocks_anchors(struct core *c, uint64_t now, struct core_efforts *out);
void interlocks_forget_limits(struct core *c);
bool interlocks_enough_anchors(const struct core *c);
bool interlocks_pressing(const struct core *c);
#endif

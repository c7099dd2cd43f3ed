/* Set-points arrive in parts and are taken whole or not at all: one bad slot refuses the whole sequence number. */
#ifndef SETPOINT_H
#define SETPOINT_H
#include "core.h"
#include "dialect.h"

#define SETPOINT_MAX_LEAD_US 500000u /* a deadline further ahead is a clock error */

void setpoint_joints(struct core *c, const mavlink_setpoint_t *m, uint64_t now);
void setpoint_actuation(struct core *c, const mavlink_actuation_t *m, uint64_t now);
/* Alive: adopted, within its deadline and not older than the parameter allows. */
bool setpoint_alive(const struct core *c, uint64_t now);
#endif

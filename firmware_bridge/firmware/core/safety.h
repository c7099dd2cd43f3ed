/* The safety state machine. Only HOLD, ARMED and SAFING drive the enable line; FAULT and ESTOP are latched. */
#ifndef SAFETY_H
#define SAFETY_H
#include "core.h"

#define SAFING_MAX_US 2000000u
#define SENSORS_MAX_AGE_US 100000u

bool safety_outputs_on(const struct core *c);
bool safety_host_alive(const struct core *c, uint64_t now);
/* Fault bits that keep the device from arming now; 0: it may. */
uint32_t safety_why_not_arm(const struct core *c, uint64_t now);
/* Fault bits whose cause is still there. */
uint32_t safety_causes(const struct core *c, uint64_t now);

void safety_arm(struct core *c, uint64_t now);
void safety_disarm(struct core *c, uint64_t now);
void safety_fault(struct core *c, uint64_t now);
void safety_estop(struct core *c, uint64_t now);
/* What CLEAR_FAULTS and CLEAR_ESTOP do once they are allowed to. */
void safety_clear_faults(struct core *c, uint64_t now);
void safety_clear_estop(struct core *c, uint64_t now);

/* Turn the spindle at `speed` for UNJAM_US to free a stuck bit; false unless in HOLD. Its torque limit and reflexes stay. */
bool safety_unjam(struct core *c, float speed, uint64_t now);

void safety_host_message(struct core *c, uint32_t loop_count, bool engaged, uint64_t now);
void safety_setpoint(struct core *c, uint64_t now); /* a set-point was adopted */
/* Supervise host, sensors, bus and loop time; then move on within the state. */
void safety_step(struct core *c, uint64_t now);
#endif

/* Fault flags and their events. `present` is now, `latched` since the last clear, `blocking` keeps the device from arming. */
#ifndef FAULTS_H
#define FAULTS_H
#include "core.h"

enum severity { NOTE, WARNING, HOLDING, FAULTING, ESTOPPING };
#define NO_SOURCE 65535u

/* Tell of a fault. An event goes out when the flag was not present before; FAULTING also makes the device go safe. */
void faults_raise(struct core *c, uint64_t now, uint32_t fault, enum severity severity, float value, float limit, uint16_t source);
void faults_gone(struct core *c, uint32_t fault);
bool faults_acknowledge(struct core *c, uint32_t seq);
/* Send the events that nobody acknowledged, ten times a second. */
void faults_step(struct core *c, uint64_t now);
#endif

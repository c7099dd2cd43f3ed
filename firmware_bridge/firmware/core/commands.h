/* Commands: run once, answered as often as asked. The last 8 answers are remembered. */
#ifndef COMMANDS_H
#define COMMANDS_H
#include "core.h"
#include "dialect.h"

void commands_run(struct core *c, const mavlink_command_t *m, uint64_t now);
void commands_param_set(struct core *c, const mavlink_param_set_t *m, uint64_t now);
void commands_estop(struct core *c, const mavlink_estop_t *m, uint64_t now);
#endif

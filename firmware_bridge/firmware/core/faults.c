#include "faults.h"

#include <string.h>

#include "dialect.h"
#include "link.h"
#include "safety.h"

#define RESEND_US 100000u

static void forget(struct faults *f, uint8_t index)
{
    f->pending--;
    memmove(&f->events[index], &f->events[index + 1u], (size_t)(f->pending - index) * sizeof f->events[0]);
}

void faults_raise(struct core *c, uint64_t now, uint32_t fault, enum severity severity, float value, float limit, uint16_t source)
{
    struct faults *f = &c->faults;
    bool news = !(f->present & fault) || (severity >= FAULTING && !(f->blocking & fault));
    f->present |= fault;
    f->latched |= fault;
    if (severity >= FAULTING) f->blocking |= fault;
    uint8_t before = c->safety.state;
    if (severity == FAULTING) safety_fault(c, now);
    if (severity == ESTOPPING) safety_estop(c, now);
    if (!news) return;
    if (f->pending == FAULT_EVENTS) forget(f, 0); /* the newest matter: they say where the device is now */
    f->events[f->pending++] = (struct fault_event){
        now, ++f->last_seq, fault, value, limit, source, (uint8_t)severity, before, c->safety.state};
    f->next_send_us = now;
}

void faults_gone(struct core *c, uint32_t fault) { c->faults.present &= ~fault; }

bool faults_acknowledge(struct core *c, uint32_t seq)
{
    for (uint8_t i = 0; i < c->faults.pending; i++)
        if (c->faults.events[i].seq == seq) {
            forget(&c->faults, i);
            return true;
        }
    return false;
}

static void send_event(struct core *c, const struct fault_event *e)
{
    mavlink_fault_event_t m = {.time_us = e->time_us, .seq = e->seq, .fault = e->fault, .value = e->value, .limit = e->limit,
                               .source = e->source, .severity = e->severity, .state_before = e->state_before,
                               .state_after = e->state_after};
    link_send(c, URGENT, MAVLINK_MSG_ID_FAULT_EVENT, &m);
}

void faults_step(struct core *c, uint64_t now)
{
    struct faults *f = &c->faults;
    if (!f->pending || now < f->next_send_us) return;
    f->next_send_us = now + RESEND_US;
    for (uint8_t i = 0; i < f->pending; i++) send_event(c, &f->events[i]);
}

/* Hardware in the loop: the sensors come and the efforts go over a second link, in 16-bit counts (the dialect says which). */
#ifndef PLANT_LINK_H
#define PLANT_LINK_H
#include "../core/core.h"

struct plant_link {
    struct framer framer;
    struct core_sensors sensors; /* newest, stamped with the device's time of arrival */
    uint32_t seq;                /* of the newest PLANT_SENSORS */
    int16_t wrapped[MAX_JOINTS]; /* last counts of continuous joints, which wrap */
    uint8_t tx_seq;
    bool any, fresh; /* fresh: a PLANT_SENSORS came that no PLANT_EFFORTS has answered yet */
};

#define PLANT_FRAME_MAX 280u

void plant_link_init(struct plant_link *p);
void plant_link_rx(struct plant_link *p, uint8_t byte, uint64_t now_us);
/* Write the PLANT_EFFORTS frame that answers the newest sensors; its length, 0 if there is nothing to answer. */
uint16_t plant_link_answer(struct plant_link *p, const struct core_efforts *e, uint64_t now_us, uint8_t frame[PLANT_FRAME_MAX]);
#endif

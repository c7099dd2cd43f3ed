/* Stope's safety core: portable C11, no heap, no clock, no hardware, no globals. A port gives it time, bytes, sensors and a
 * few hooks, and takes efforts. The device decides when to go safe, in its own time; the host only asks.
 * Safe is not power off: joints brake, anchors stay engaged, spindle and feed come to rest, gas is shut. */
#ifndef CORE_H
#define CORE_H
#include <stdbool.h>
#include <stdint.h>

#include "framer.h"
#include "robot.h"

#define CORE_TICK_US 1000u

/* What the sensors' wires say. One layout for all robots: unused slots are zero. */
struct core_sensors {
    uint64_t time_us; /* device clock of the reading, 0 before the first */
    double energy_used_j;
    float position[MAX_JOINTS], velocity[MAX_JOINTS], effort[MAX_JOINTS];
    float gyro[3], accel[3];
    float limb_force[MAX_LIMBS][3];
    float anchor_engagement[MAX_LIMBS], anchor_slip_m[MAX_LIMBS];
    float weight_on_bit_n, spindle_current_a, bin_fill, drum_fill[MAX_DRUMS], propellant_kg, bus_voltage_v;
    uint8_t anchor_phase[MAX_LIMBS];
    uint8_t estop_open; /* the e-stop loop is open: pressed, or a broken wire */
    uint8_t unused[3];
};

/* What motors, brakes, grippers and valves are told. The references are for drives that close the joint loops themselves. */
struct core_efforts {
    float effort[MAX_JOINTS];
    float position[MAX_JOINTS], velocity[MAX_JOINTS], feed_forward[MAX_JOINTS], effort_limit[MAX_JOINTS];
    float thrust_n[MAX_THRUSTERS];
    float hammer;               /* share of the drill's full blow energy, 0..1 */
    uint32_t braked;            /* bit per joint: its brake is closed */
    uint8_t mode[MAX_JOINTS];   /* JOINT_MODE of the references */
    int8_t anchor[MAX_LIMBS];   /* +1 drag in, 0 hold, -1 let go */
    uint8_t outputs_enabled;
    uint8_t unused[3];
};

struct core_hooks {
    void *port;
    bool (*tx)(void *port, const uint8_t *data, uint16_t length); /* false: no room, the frame is dropped whole */
    uint16_t (*tx_queued)(void *port);                            /* bytes not yet on the line */
    void (*enable)(void *port, bool on);                          /* the enable line; low is safe */
    bool (*enabled)(void *port);                                  /* the same line, read back */
    bool (*nvm_load)(void *port, uint8_t bank, void *data, uint16_t length);
    bool (*nvm_store)(void *port, uint8_t bank, const void *data, uint16_t length);
};

/* Facts of this boot that only the port knows. */
struct core_boot {
    uint64_t uid;
    uint32_t nonce; /* differs at every boot; never 0 */
    uint32_t fw_git, uart_baud, caps;
    uint32_t overrun_us; /* a tick later than this is an overrun: 5000 on hardware, more where an emulator shares its host */
    uint16_t tx_capacity; /* bytes of the port's transmit ring */
    uint8_t reset_cause, quick_resets; /* RESET_CAUSE; resets within the last 10 s */
    bool memory_ok; /* the port's check of flash and RAM */
    bool test_commands;
    char board[24];
};

/* Counted by the port, reported in LINK_STATS. */
struct core_port_stats {
    uint16_t rx_ring_overruns, uart_errors, stack_free;
    uint8_t cpu_load;
};

struct link {
    struct framer framer;
    uint64_t rx_last_us;
    uint32_t tx_frames;
    uint64_t uart_lost_us; /* when the port last counted lost bytes */
    uint16_t rx_seq_gaps, tx_dropped, uart_lost;
    uint8_t tx_seq, rx_seq;
    bool rx_seen;
};

struct host {
    uint64_t alive_us;
    uint32_t loop_count;
    uint32_t disengaged; /* messages in a row that say so */
    uint16_t gap_max_ms, refused_session;
    bool seen;
};

/* One set-point of all joints, anchors, thrusters and hammer: the seam's Command. */
struct setpoint {
    uint64_t valid_until_us;
    uint32_t seq;
    float position[ROBOT_JOINTS], velocity[ROBOT_JOINTS], effort[ROBOT_JOINTS], effort_limit[ROBOT_JOINTS];
    float thrust_n[MAX_THRUSTERS], hammer;
    uint8_t mode[ROBOT_JOINTS];
    uint8_t anchor_action[MAX_LIMBS];
    bool release_confirmed;
};
struct setpoints {
    struct setpoint gathering, adopted;
    uint64_t adopted_us;
    uint32_t newest_seq, adopted_seq, refused_seq; /* newest: adopted or refused */
    uint16_t refused_stale, refused_limit, parts_lost;
    uint8_t parts, refuse_reason; /* parts of `gathering` that arrived, a bit each */
    bool any, any_adopted;
};

struct servo {
    float position[ROBOT_JOINTS]; /* reference: follows the target no faster than the slew limit */
    float target[ROBOT_JOINTS], velocity[ROBOT_JOINTS], effort[ROBOT_JOINTS], limit[ROBOT_JOINTS];
    uint32_t saturated;
    uint8_t mode[ROBOT_JOINTS];
};

struct interlocks {
    uint64_t stalled_us, unheld_us, pressed_us, torque_us; /* since when, valid while the flag of the same name is set */
    uint32_t limited_joints;
    float limit_value;
    uint8_t limit_reason;
    bool stalled, unheld, pressed, torque;
};

struct safety {
    uint64_t since_us; /* when the present state was entered */
    uint64_t low_bus_us;
    uint64_t unjam_us; /* until when the spindle turns as UNJAM told it; 0: it does not */
    float spindown[ROBOT_JOINTS]; /* speeds from which SAFING ramps down */
    float push_from_n, push_most_n; /* what the feed may push with: as SAFING began, and now */
    uint8_t state, after_safing, late_ticks;
    bool low_bus;
};

#define FAULT_EVENTS 8u
struct fault_event {
    uint64_t time_us;
    uint32_t seq, fault;
    float value, limit;
    uint16_t source;
    uint8_t severity, state_before, state_after;
};
struct faults {
    struct fault_event events[FAULT_EVENTS]; /* those not acknowledged, oldest first */
    uint64_t next_send_us;
    uint32_t present, latched, blocking, last_seq;
    uint8_t pending;
};

enum param_id {
    PARAM_HOST_TIMEOUT_MS,
    PARAM_SETPOINT_AGE_MS,
    PARAM_HOLD_MS,
    PARAM_SAFING_RAMP_MS,
    PARAM_STATE_HZ,
    PARAM_ANCHORS_MIN,
    PARAM_PRESS_MAX_N,
    PARAM_SPINDLE_MAX_NM,
    PARAM_SLIP_MAX_M,
    PARAM_COUNT
};
union param_value {
    uint32_t u32;
    float f32;
};
struct params {
    union param_value value[PARAM_COUNT];
    uint32_t generation;
    uint16_t next_dump; /* index of the next value of a dump; PARAM_COUNT when none runs */
    uint64_t next_dump_us;
    uint8_t bank; /* that the values in force were loaded from or saved to */
    bool saved;
};

#define COMMANDS_REMEMBERED 8u
struct answer {
    uint32_t seq, blocking;
    uint16_t command;
    uint8_t result;
};
struct commands {
    struct answer answers[COMMANDS_REMEMBERED];
    uint32_t last_seq;
    uint8_t count, next;
};

struct telemetry {
    uint64_t next_sample_us, next_second_us;
    uint32_t sample_seq;
    float rate_hz;
    float gyro_sum[3], accel_sum[3]; /* since the last sample: a host that integrates must not miss a shock between two */
    uint32_t ticks;                  /* summed up */
    uint32_t loop_max_us;
    bool caps_wanted;
};

struct core {
    struct core_hooks hooks;
    struct core_boot boot;
    struct core_port_stats port_stats;
    struct core_sensors sensors;
    struct link link;
    struct host host;
    struct setpoints setpoints;
    struct servo servo;
    struct interlocks interlocks;
    struct safety safety;
    struct faults faults;
    struct params params;
    struct commands commands;
    struct telemetry telemetry;
    uint64_t last_tick_us;
    bool reboot_request, hang_request, hardfault_request; /* for the port, after the tick in which they appear */
};

void core_init(struct core *c, const struct core_hooks *hooks, const struct core_boot *boot, uint64_t now_us);
void core_rx(struct core *c, uint8_t byte, uint64_t now_us);
/* Every CORE_TICK_US. `efforts` is complete after every call. */
void core_tick(struct core *c, uint64_t now_us, const struct core_sensors *sensors, struct core_efforts *efforts);
/* The e-stop input opened: callable from an interrupt that core_tick and core_rx mask. */
void core_estop(struct core *c, uint64_t now_us);

/* Time from `then` to `now`; never negative, whatever order a port calls in. */
static inline uint64_t elapsed_us(uint64_t now, uint64_t then) { return now > then ? now - then : 0; }
static inline uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t larger(uint64_t a, uint64_t b) { return a > b ? a : b; }
#endif

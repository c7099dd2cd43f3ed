/* The one place that includes the generated headers. Frames are written and read by link.c and framer.c: what we use of the
 * generated code is the layout of the payloads and the checksum. MAVLINK_CHECK_MESSAGE_LENGTH stays undefined: it holds a frame
 * to its full length, and MAVLink 2 does not send trailing zero bytes. */
#ifndef DIALECT_H
#define DIALECT_H
#define MAVLINK_COMM_NUM_BUFFERS 1
#define MAVLINK_NO_CONVERSION_HELPERS
#define MAVLINK_NO_SIGN_PACKET
#define MAVLINK_NO_SIGNATURE_CHECK
#pragma GCC diagnostic push
#if defined(__GNUC__) && __GNUC__ >= 9
#pragma GCC diagnostic ignored "-Waddress-of-packed-member"
#endif
#include "stope/mavlink.h"
#pragma GCC diagnostic pop
#define DEVICE_SYSTEM 1u
#define HOST_SYSTEM 255u
#endif

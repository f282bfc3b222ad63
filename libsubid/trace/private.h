/* SPDX-License-Identifier: MIT */
#pragma once

#include "libsubid/trace/trace.h"

/* Adds text, terminated; what has no room is cut, and SUBID_TRACE_SIZE has room. */
__attribute__((format(printf, 2, 3))) void subid_trace_add(struct subid_message *message,
							   const char *format, ...);

/* What both texts need of an event: its word, its name's length, whether ids were
 * chosen. */
const char *subid_trace_op(enum subid_action action);
size_t subid_trace_name_len(const struct subid_event *event);
bool subid_trace_has_place(const struct subid_event *event);

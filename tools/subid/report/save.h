/* SPDX-License-Identifier: MIT */
/*
 * A report in a file, of a host's audit or the directory's.
 */
#pragma once

#include <stdio.h>

/* Writes it to a stream.  0 or -ENOMEM. */
typedef int report_writer(const void *data, FILE *out);

/*
 * Writes a report beside the file and puts it in its place, so that a reader sees the old
 * file or the new one.  The status, after a complaint.
 */
int report_save(const char *path, report_writer *write, const void *data);

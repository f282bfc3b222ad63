/* SPDX-License-Identifier: MIT */
/*
 * What the two screens of status have in common.
 */
#include "tools/subid/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "libsubid/policy/policy.h"
#include "tools/subid/doctor/doctor.h"

void status_line(const char *label, const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return;
	(void)printf("%-11s ", label);
	cli_print_safe(stdout, text, strlen(text));
	(void)putchar('\n');
	free(text);
}

const char *status_digits(json_int_t number, char buf[32])
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%lld", (long long)number), at = 0;

	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
	return buf;
}

/* Ids of a window that no line of the table has; and the largest gap among them. */
static void count_free(const struct subid_table *table, struct id_range window,
		       json_int_t *ret_free, json_int_t *ret_gap)
{
	struct subid_set taken = { .n = 0 };
	uint64_t at = window.start, end = id_range_end(window);

	*ret_free = *ret_gap = 0;
	if (subid_table_taken(table, &taken) < 0)
		return;
	for (size_t i = 0; i <= taken.n && at < end; i++) {
		uint64_t next = i < taken.n ? taken.ranges[i].start : end;
		uint64_t after = i < taken.n ? id_range_end(taken.ranges[i]) : end;

		if (next > end)
			next = end;
		if (next > at) {
			*ret_free += (json_int_t)(next - at);
			if ((json_int_t)(next - at) > *ret_gap)
				*ret_gap = (json_int_t)(next - at);
		}
		if (after > at)
			at = after;
	}
	subid_set_free(&taken);
}

json_t *status_windows(const struct status_tables *tables)
{
	json_t *object = json_object();

	for (enum subid_kind kind = 0; tables->policy_known && kind < SUBID_KINDS;
	     kind++) {
		const struct subid_window *window = &tables->policy.window[kind];
		struct id_range range = subid_window_range(window);
		json_int_t free_ids = 0, gap = 0;

		count_free(&tables->list[kind], range, &free_ids, &gap);
		(void)json_object_set_new(
		    object, subid_kind_name(kind),
		    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "min",
			      (json_int_t)window->min, "max", (json_int_t)window->max,
			      "count", (json_int_t)window->count, "free", free_ids,
			      "largest_gap", gap, "ranges_free",
			      window->count == 0 ? 0 : free_ids / window->count));
	}
	return object;
}

static json_int_t get(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

void status_print_windows(const json_t *windows)
{
	json_t *uid = json_object_get(windows, "uid");
	json_t *gid = json_object_get(windows, "gid");
	bool alike = json_equal(uid, gid);
	const json_t *each[] = { uid, gid };
	const char *const names[] = { alike ? "uid+gid" : "uid", "gid" };

	for (int i = 0; i < (alike ? 1 : 2) && uid != NULL; i++) {
		char all[32], some[32], many[32];

		status_line(
		    i == 0 ? "window" : "",
		    "%s %lld-%lld: %s of %s ids free, %s ranges of %lld", names[i],
		    (long long)get(each[i], "min"), (long long)get(each[i], "max"),
		    status_digits(get(each[i], "free"), some),
		    status_digits(get(each[i], "max") - get(each[i], "min") + 1, all),
		    status_digits(get(each[i], "ranges_free"), many),
		    (long long)get(each[i], "count"));
	}
}

json_t *status_helpers(struct cli *cli, bool *ret_usable)
{
	static const char *const names[] = { "newuidmap", "newgidmap" };
	struct doctor d = { .cli = cli };
	json_t *array = json_array();

	*ret_usable = true;
	doctor_find_helpers(&d);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct doctor_helper *helper = &d.helpers[kind];
		const char *privilege = doctor_privilege(helper, kind);

		*ret_usable &= privilege != NULL;
		(void)json_array_append_new(
		    array, json_pack("{s:s, s:s?, s:s?}", "name", names[kind], "path",
				     helper->path[0] == '\0' ? NULL : helper->path,
				     "privilege", privilege));
	}
	return array;
}

void status_print_helpers(const json_t *helpers, bool self)
{
	for (size_t i = 0; i < json_array_size(helpers); i++) {
		const json_t *one = json_array_get(helpers, i);
		const char *path = json_string_value(json_object_get(one, "path"));
		const char *privilege =
		    json_string_value(json_object_get(one, "privilege"));

		status_line(i == 0 ? "helpers" : "", "%s: %s",
			    path == NULL ? json_string_value(json_object_get(one, "name"))
					 : path,
			    path == NULL	? "not found"
			    : privilege == NULL ? "without privilege"
						: privilege);
	}
	if (!self)
		status_line("", "as %s has them; the user's own may be another",
			    doctor_path_of(false));
}

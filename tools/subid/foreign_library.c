/* SPDX-License-Identifier: MIT */
#include "tools/subid/foreign_library.h"

#include <dlfcn.h>
#include <string.h>

#include "libsubid/core/child.h"
#include "libsubid/core/core.h"

struct question {
	const char *library;
	const char *owner;
};

/* In a child: what is loaded may end or stop the process. */
static int ask_library(const void *data, int writer)
{
	const struct question *question = data;
	void *library = dlopen(question->library, RTLD_NOW);
	int (*get)(const char *, void **) = NULL;
	void *ranges = NULL;
	int n;

	if (library != NULL)
		*(void **)&get = dlsym(library, "subid_get_uid_ranges");
	if (get == NULL)
		return child_send(writer, "absent", 6);
	n = get(question->owner, &ranges);
	return child_send(writer, n > 0 ? "found" : "nothing", n > 0 ? 5 : 7);
}

int foreign_library_ask(const char *owner, const char **ret_library)
{
	static const char *const libraries[] = { "libsubid.so.6", "libsubid.so.5",
						 "libsubid.so.4" };

	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
		const struct question question = { libraries[i], owner };
		struct child_patience patience = { 5000, 5000 };
		auto_text struct subid_text said = { .size = 0 };
		int r = child_run(ask_library, &question, -1, 16, &patience, &said);

		if (r == 0 && strcmp(said.bytes, "absent") == 0)
			continue;
		if (r == 0 && strcmp(said.bytes, "found") == 0)
			return 0;
		*ret_library = libraries[i];
		return r < 0 ? r : SUBID_ABSENT;
	}
	return 0;
}

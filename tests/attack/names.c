/* SPDX-License-Identifier: MIT */
/*
 * Many threads that ask for names at once, by libnss_subid.so.2 alone, while processes
 * are forked that ask as well, threads are cancelled as they ask, and the module is
 * closed and opened again:
 *
 *     names MODULE SECONDS ID NAME
 *
 * ID must always be NAME, and NAME be ID.  The table may be replaced meanwhile, as long
 * as that stays true.
 */
#include <dlfcn.h>
#include <errno.h>
#include <nss.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 16

typedef enum nss_status by_id(uid_t uid, struct passwd *ret, char *buf, size_t size,
			      int *error);
typedef enum nss_status by_name(const char *name, struct passwd *ret, char *buf,
				size_t size, int *error);

static by_id *find_id;
static by_name *find_name;
static uid_t id;
static const char *name;
static atomic_bool over;

static void die(const char *what)
{
	(void)fprintf(stderr, "%s\n", what);
	_exit(1);
}

static void *open_module(const char *path)
{
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (module == NULL)
		die(dlerror());
	*(void **)&find_id = dlsym(module, "_nss_subid_getpwuid_r");
	*(void **)&find_name = dlsym(module, "_nss_subid_getpwnam_r");
	if (find_id == NULL || find_name == NULL)
		die("the module lacks a function");
	return module;
}

static void ask(void)
{
	struct passwd entry;
	char buf[256];
	int error = 0;

	errno = 4711;
	if (find_id(id, &entry, buf, sizeof(buf), &error) != NSS_STATUS_SUCCESS)
		die("the id has no name");
	if (strcmp(entry.pw_name, name) != 0 || entry.pw_uid != id)
		die("the id has another name");
	if (find_name(name, &entry, buf, sizeof(buf), &error) != NSS_STATUS_SUCCESS)
		die("the name has no id");
	if (entry.pw_uid != id || strcmp(entry.pw_passwd, "!*") != 0)
		die("the name has another id");
	if (find_id(id, &entry, buf, 3, &error) != NSS_STATUS_TRYAGAIN || error != ERANGE)
		die("three bytes are enough");
	if (errno != 4711)
		die("errno is another");
}

static void *ask_on(void *data)
{
	while (!over)
		ask();
	return data;
}

static void *ask_until_cancelled(void *data)
{
	for (;;) {
		ask();
		pthread_testcancel();
	}
	return data;
}

/* In the child of a process whose threads are anywhere. */
static void fork_one(void)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (child == 0) {
		(void)alarm(20);
		ask();
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		die("a child got no answer");
}

static void cancel_one(void)
{
	const struct timespec moment = { .tv_nsec = 200000 };
	pthread_t thread;

	if (pthread_create(&thread, NULL, ask_until_cancelled, NULL) != 0)
		die("pthread_create");
	(void)nanosleep(&moment, NULL);
	(void)pthread_cancel(thread);
	(void)pthread_join(thread, NULL);
}

int main(int argc, char *argv[])
{
	pthread_t threads[THREADS];
	void *module;
	time_t end;

	if (argc != 5)
		die("names MODULE SECONDS ID NAME");
	id = (uid_t)strtoul(argv[3], NULL, 10);
	name = argv[4];
	for (int i = 0; i < 3; i++) {
		module = open_module(argv[1]);
		ask();
		(void)dlclose(module);
		/* nothing of it is called any more */
		if (fork() == 0)
			_exit(0);
		(void)wait(NULL);
	}
	module = open_module(argv[1]);
	end = time(NULL) + atoi(argv[2]);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, ask_on, NULL) != 0)
			die("pthread_create");
	do {
		fork_one();
		cancel_one();
	} while (time(NULL) < end);
	over = true;
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	(void)dlclose(module);
	return 0;
}

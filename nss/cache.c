/* SPDX-License-Identifier: MIT */
/*
 * The names that were read last, for as long as no file has changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#include "libsubid/core/core.h"
#include "nss/module.h"

/* A change at the same tick of the clock as the last look is not seen by its time. */
#define TICK_NS	   20000000
#define SECOND_NS  1000000000
#define READ_TRIES 3

enum { PASSWD, GROUP, TABLE, LEASES, FILES };

/* What a file is, as far as stat(2) tells; zeroed where there is none. */
struct stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec modified, changed;
};

static struct cache {
	pthread_mutex_t lock;
	struct subid_names *names; /* NULL: nothing was read */
	struct stamp stamps[FILES];
	bool settled; /* whatever changes from now on shows in the stamps */
} caches[SUBID_KINDS] = {
	[SUBID_UID] = { .lock = PTHREAD_MUTEX_INITIALIZER },
	[SUBID_GID] = { .lock = PTHREAD_MUTEX_INITIALIZER },
};

static const char *const paths[SUBID_KINDS][FILES] = {
	[SUBID_UID] = { SUBID_SYSCONFDIR "/passwd", NULL, SUBID_SYSCONFDIR "/subuid",
			SUBID_STATEDIR "/subuid" },
	[SUBID_GID] = { SUBID_SYSCONFDIR "/passwd", SUBID_SYSCONFDIR "/group",
			SUBID_SYSCONFDIR "/subgid", SUBID_STATEDIR "/subgid" },
};

/* 0 or -errno. */
static int look(const char *path, struct stamp *ret)
{
	struct stat st;

	*ret = (struct stamp){ .size = 0 };
	if (path == NULL)
		return 0;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	ret->dev = st.st_dev;
	ret->ino = st.st_ino;
	ret->size = st.st_size;
	ret->modified = st.st_mtim;
	ret->changed = st.st_ctim;
	return 0;
}

static int look_at_all(enum subid_kind kind, struct stamp ret[FILES])
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < FILES; i++)
		r = look(paths[kind][i], &ret[i]);
	return r;
}

static bool is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool are_same(const struct stamp a[FILES], const struct stamp b[FILES])
{
	for (size_t i = 0; i < FILES; i++)
		if (a[i].dev != b[i].dev || a[i].ino != b[i].ino ||
		    a[i].size != b[i].size ||
		    !is_same_time(a[i].modified, b[i].modified) ||
		    !is_same_time(a[i].changed, b[i].changed))
			return false;
	return true;
}

/* Nanoseconds from a to b, but for what is far away. */
static int64_t since(struct timespec a, struct timespec b)
{
	if (b.tv_sec - a.tv_sec > 1 || a.tv_sec - b.tv_sec > 1)
		return INT64_MAX;
	return (int64_t)(b.tv_sec - a.tv_sec) * SECOND_NS + (b.tv_nsec - a.tv_nsec);
}

/* Threat: a file that is written twice within a tick has the same times, and may have the
 * same inode.  One whose time lies ahead, since the clock was set back, is left alone:
 * else it would be read at each look-up. */
static bool are_settled(const struct stamp stamps[FILES])
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME_COARSE, &now) < 0)
		return true;
	for (size_t i = 0; i < FILES; i++) {
		int64_t age = since(stamps[i].changed, now);

		if (stamps[i].ino != 0 && age >= -TICK_NS && age <= TICK_NS)
			return false;
	}
	return true;
}

static int load(enum subid_kind kind, struct subid_names **ret)
{
	auto_close int etc = open(SUBID_SYSCONFDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int state = -1;

	if (etc < 0)
		return -errno;
	state = open(SUBID_STATEDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (state < 0 && errno != ENOENT)
		return -errno;
	return subid_names_load(etc, state, kind, ret);
}

static int refresh(struct cache *cache, enum subid_kind kind)
{
	struct stamp stamps[FILES], before[FILES];
	int r = look_at_all(kind, stamps);

	if (r == 0 && cache->names != NULL && cache->settled &&
	    are_same(stamps, cache->stamps))
		return 0;
	for (int i = 0; r == 0 && i < READ_TRIES; i++) {
		memcpy(before, stamps, sizeof(before));
		subid_names_free(&cache->names);
		cache->settled = are_settled(before);
		r = load(kind, &cache->names);
		if (r == 0)
			r = look_at_all(kind, stamps);
		memcpy(cache->stamps, before, sizeof(before));
		if (r == 0 && are_same(stamps, before))
			return 0;
	}
	/* it changes all the time: what was read last is as good as any, once */
	cache->settled = false;
	return r;
}

/* Threat: a thread that is cancelled while it reads would keep the lock for ever. */
int cache_enter(enum subid_kind kind, struct cache_use *ret)
{
	struct cache *cache = &caches[kind];
	struct cache_use use = { .kind = kind };
	int r;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &use.cancel_state);
	(void)pthread_mutex_lock(&cache->lock);
	r = refresh(cache, kind);
	use.names = cache->names;
	if (r < 0)
		cache_leave(&use);
	else
		*ret = use;
	return r;
}

void cache_leave(const struct cache_use *use)
{
	int ours;

	(void)pthread_mutex_unlock(&caches[use->kind].lock);
	(void)pthread_setcancelstate(use->cancel_state, &ours);
}

/* --- beside fork(2), and at the end ---------------------------------------------------
 */

static void lock_all(void)
{
	for (size_t i = 0; i < SUBID_KINDS; i++)
		(void)pthread_mutex_lock(&caches[i].lock);
}

static void unlock_all(void)
{
	for (size_t i = SUBID_KINDS; i-- > 0;)
		(void)pthread_mutex_unlock(&caches[i].lock);
}

/* Another thread may be within a look-up when one forks; the child has no such thread.
 * dlclose(3) takes these back. */
__attribute__((constructor)) static void begin(void)
{
	(void)pthread_atfork(lock_all, unlock_all, unlock_all);
}

/* Threads may still look up at exit(3): they read the files again, then. */
__attribute__((destructor)) static void end(void)
{
	for (size_t i = 0; i < SUBID_KINDS; i++) {
		if (pthread_mutex_trylock(&caches[i].lock) != 0)
			continue;
		subid_names_free(&caches[i].names);
		(void)pthread_mutex_unlock(&caches[i].lock);
	}
}

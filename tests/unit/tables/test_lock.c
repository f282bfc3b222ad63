/* SPDX-License-Identifier: MIT */
/*
 * wrap: openat __openat_2 fstat read __read_chk readlinkat __readlinkat_chk write
 * wrap: fchmod fchown fsync fdatasync renameat renameat2 linkat unlinkat fcntl
 * wrap: fgetxattr fsetxattr fremovexattr flistxattr fdopendir readdir
 * wrap: malloc calloc realloc reallocarray strdup strndup nanosleep
 */
#include "libsubid/tables/tables.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "faults.h"

/* What is done when the one who waits for a lock goes to sleep. */
static void (*when_waiting)(void *data);
static void *when_waiting_data;

int __real_nanosleep(const struct timespec *pause, struct timespec *left);
int __wrap_nanosleep(const struct timespec *pause, struct timespec *left);
int __wrap_nanosleep(const struct timespec *pause, struct timespec *left)
{
	if (when_waiting != NULL)
		when_waiting(when_waiting_data);
	return __real_nanosleep(pause, left);
}

/* Another process, which does something and then stays until it is let go. */
struct other {
	pid_t pid;
	int pipe; /* it ends when this is closed */
};

static struct other start_other(int etc, bool (*act)(int etc))
{
	int to[2], from[2];
	struct other other;
	char byte = 0;

	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	other.pid = fork();
	assert_true(other.pid >= 0);
	if (other.pid == 0) {
		(void)close(to[1]);
		byte = act(etc) ? 'y' : 'n';
		if (write(from[1], &byte, 1) != 1)
			_exit(1);
		_exit(read(to[0], &byte, 1) == 0 ? 0 : 1);
	}
	(void)close(to[0]);
	(void)close(from[1]);
	assert_int_equal(read(from[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	(void)close(from[0]);
	other.pipe = to[1];
	return other;
}

static void end_other(struct other *other)
{
	int status;

	assert_int_equal(close(other->pipe), 0);
	assert_int_equal(waitpid(other->pid, &status, 0), other->pid);
	assert_int_equal(status, 0);
}

/* As glibc's lckpwdf() does it; the lock lives as long as the process. */
static bool lock_record(int etc)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = openat(etc, ".pwd.lock", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0;
}

static bool lock_ours(int etc)
{
	struct subid_holder holder;
	struct subid_lock *lock;

	return subid_lock_take(etc, 0, NULL, &lock, &holder) == 0;
}

static bool lock_ours_in_disguise(int etc)
{
	return prctl(PR_SET_NAME, "ev\033[1m\xff ~longer") == 0 && lock_ours(etc);
}

static bool do_nothing(int etc)
{
	return etc >= 0;
}

static pid_t dead_pid(void)
{
	struct other other = start_other(0, do_nothing);

	end_other(&other);
	return other.pid;
}

/* Nothing but .pwd.lock, which stays for ever, and these. */
static void assert_only(int etc, const char *also)
{
	int fd = openat(etc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    strcmp(entry->d_name, ".pwd.lock") != 0 &&
		    (also == NULL || strcmp(entry->d_name, also) != 0))
			fail_msg("litter: %s", entry->d_name);
	assert_int_equal(closedir(dir), 0);
}

static void assert_held(int etc)
{
	static const char *const files[] = { "subuid.lock", "subgid.lock" };
	char expected[16];
	struct stat st;

	(void)snprintf(expected, sizeof(expected), "%d", (int)getpid());
	for (size_t i = 0; i < 2; i++) {
		assert_file(etc, files[i], expected);
		assert_int_equal(fstatat(etc, files[i], &st, 0), 0);
		/* shadow writes the NUL as well */
		assert_int_equal(st.st_size, strlen(expected) + 1);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
	}
	assert_int_equal(fstatat(etc, ".pwd.lock", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
}

/* Takes and releases the lock, which must be possible at once. */
static void assert_can_be_taken(int etc)
{
	struct subid_holder holder;
	struct subid_lock *lock = NULL;

	assert_int_equal(subid_lock_take(etc, 0, NULL, &lock, &holder), 0);
	assert_held(etc);
	subid_lock_release(&lock);
	assert_null(lock);
	assert_only(etc, NULL);
}

static void assert_busy(int etc, const char *file, pid_t pid, const char *program)
{
	struct subid_holder holder = { .file = NULL };
	struct subid_lock *lock = NULL;

	assert_int_equal(subid_lock_take(etc, 0, NULL, &lock, &holder), SUBID_BUSY);
	assert_null(lock);
	assert_string_equal(holder.file, file);
	assert_int_equal(holder.pid, pid);
	assert_string_equal(holder.program, program);
}

static void test_taken_and_released(void **state)
{
	struct subid_lock *nothing = NULL;

	assert_can_be_taken(etc_of(state));
	assert_can_be_taken(etc_of(state));
	subid_lock_release(&nothing);
}

/* The caller may close its descriptor before it releases. */
static void test_directory_closed_early(void **state)
{
	struct subid_lock *lock = NULL;
	struct subid_holder holder;
	int etc = dup(etc_of(state));

	assert_int_equal(subid_lock_take(etc, 0, NULL, &lock, &holder), 0);
	assert_int_equal(close(etc), 0);
	subid_lock_release(&lock);
	assert_only(etc_of(state), NULL);
}

static void test_record_lock_keeps_us_out(void **state)
{
	int etc = etc_of(state);
	struct other other = start_other(etc, lock_record);

	assert_busy(etc, ".pwd.lock", other.pid, "test_lock");
	assert_only(etc, NULL);
	end_other(&other);
	assert_can_be_taken(etc);
}

static bool record_lock_is_refused(int etc)
{
	return !lock_record(etc) && (errno == EAGAIN || errno == EACCES);
}

static void test_we_keep_record_locks_out(void **state)
{
	int etc = etc_of(state);
	struct subid_lock *lock = NULL;
	struct subid_holder holder;
	struct other other;

	assert_int_equal(subid_lock_take(etc, 0, NULL, &lock, &holder), 0);
	other = start_other(etc, record_lock_is_refused);
	end_other(&other);
	subid_lock_release(&lock);
	other = start_other(etc, lock_record);
	end_other(&other);
}

static void test_our_lock_keeps_us_out(void **state)
{
	int etc = etc_of(state);
	struct other other = start_other(etc, lock_ours);

	assert_busy(etc, ".pwd.lock", other.pid, "test_lock");
	/* it ends without releasing: the kernel frees one lock, the rest is stale */
	end_other(&other);
	assert_true(is_there(etc, "subuid.lock"));
	assert_can_be_taken(etc);
}

static void test_twice_in_one_process(void **state)
{
	int etc = etc_of(state);
	struct subid_lock *lock = NULL;
	struct subid_holder holder;

	assert_int_equal(subid_lock_take(etc, 0, NULL, &lock, &holder), 0);
	assert_busy(etc, ".pwd.lock", getpid(), "test_lock");
	assert_held(etc);
	subid_lock_release(&lock);
	assert_can_be_taken(etc);
}

/* A child that was forked meanwhile has our files open, and keeps no lock. */
static void test_forked_meanwhile(void **state)
{
	int etc = etc_of(state);
	struct subid_lock *lock = NULL;
	struct subid_holder holder;
	struct other other;

	assert_int_equal(subid_lock_take(etc, 0, NULL, &lock, &holder), 0);
	other = start_other(etc, do_nothing);
	assert_busy(etc, ".pwd.lock", getpid(), "test_lock");
	subid_lock_release(&lock);
	assert_can_be_taken(etc);
	end_other(&other);
}

static void test_program_name_is_made_harmless(void **state)
{
	int etc = etc_of(state);
	struct other other = start_other(etc, lock_ours_in_disguise);

	assert_busy(etc, ".pwd.lock", other.pid, "ev?[1m? ~longer");
	end_other(&other);
}

/* An OFD lock, whose holder the kernel does not name, and no table's lock yet. */
static void test_holder_is_not_known(void **state)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int etc = etc_of(state), fd;

	fd = openat(etc, ".pwd.lock", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	assert_busy(etc, ".pwd.lock", 0, "");
	put_file(etc, "subuid.lock", "junk");
	assert_busy(etc, ".pwd.lock", 0, "");
	assert_int_equal(close(fd), 0);
}

static void test_stale_lock_is_taken_over(void **state)
{
	static const char *const endings[] = { "", "\n" };
	int etc = etc_of(state);
	char text[32];
	int size;

	for (size_t i = 0; i < 2; i++) {
		size = snprintf(text, sizeof(text), "%d%s", (int)dead_pid(), endings[i]);
		put_bytes(etc, "subuid.lock", text, (size_t)size);
		put_bytes(etc, "subgid.lock", text, (size_t)size + 1);
		assert_can_be_taken(etc);
	}
	/* our own pid in a lock that we do not hold is a dead namesake's */
	(void)snprintf(text, sizeof(text), "%d", (int)getpid());
	put_file(etc, "subgid.lock", text);
	assert_can_be_taken(etc);
}

static void test_live_pid_is_respected(void **state)
{
	static const char *const files[] = { "subuid.lock", "subgid.lock" };
	int etc = etc_of(state);
	struct other other = start_other(etc, do_nothing);
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", (int)other.pid);
	for (size_t i = 0; i < 2; i++) {
		put_file(etc, files[i], text);
		assert_busy(etc, files[i], other.pid, "test_lock");
		assert_file(etc, files[i], text);
		assert_only(etc, files[i]);
		assert_int_equal(unlinkat(etc, files[i], 0), 0);
	}
	end_other(&other);
	/* pid 1 may not be signalled by everybody, and lives */
	put_file(etc, "subuid.lock", "1");
	assert_int_equal(lock_ours(etc), false);
	assert_file(etc, "subuid.lock", "1");
}

/* After a power cut: the lock's pid is now that of a process which began later. */
static void test_lock_older_than_its_process(void **state)
{
	static const struct {
		const char *file;
		time_t age;
		bool is_stale;
	} rows[] = {
		{ "subuid.lock", 3600, true },
		{ "subgid.lock", 3600, true },
		{ "subuid.lock", 0, false },
		{ "subgid.lock", -3600, false }, /* from a clock that is ahead */
	};
	int etc = etc_of(state);
	struct other other = start_other(etc, do_nothing);
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", (int)other.pid);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct timespec times[2] = { { .tv_sec = time(NULL) - rows[i].age } };

		times[1] = times[0];
		put_file(etc, rows[i].file, text);
		assert_int_equal(utimensat(etc, rows[i].file, times, 0), 0);
		if (rows[i].is_stale) {
			assert_can_be_taken(etc);
			continue;
		}
		assert_busy(etc, rows[i].file, other.pid, "test_lock");
		assert_int_equal(unlinkat(etc, rows[i].file, 0), 0);
	}
	end_other(&other);
}

/* Without a pid nobody can be found dead: as with shadow, somebody must look. */
static void test_lock_without_pid(void **state)
{
	static const char *const texts[] = {
		"",	 "\n",	       "x",	     "-5",	    "0",
		"12 ",	 " 12",	       "012",	     "12\n13",	    "4294967295",
		"1 2 3", "2147483648", "0000000001", "99999999999", "aaaaaaaaaaaaaaaaaa",
	};
	int etc = etc_of(state);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put_file(etc, "subgid.lock", texts[i]);
		assert_busy(etc, "subgid.lock", -1, "");
		assert_file(etc, "subgid.lock", texts[i]);
		assert_only(etc, "subgid.lock");
	}
	assert_int_equal(unlinkat(etc, "subgid.lock", 0), 0);
	assert_int_equal(symlinkat("/nowhere", etc, "subgid.lock"), 0);
	assert_busy(etc, "subgid.lock", -1, "");
	assert_int_equal(unlinkat(etc, "subgid.lock", 0), 0);
	put_dir(etc, "subgid.lock");
	assert_busy(etc, "subgid.lock", -1, "");
}

static int64_t now_ms(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void count_waits(void *data)
{
	(*(unsigned int *)data)++;
}

static void test_patience_ends(void **state)
{
	int etc = etc_of(state);
	struct other other = start_other(etc, lock_record);
	struct subid_lock *lock = NULL;
	struct subid_holder holder;
	unsigned int waits = 0;
	int64_t start = now_ms();

	when_waiting = count_waits;
	when_waiting_data = &waits;
	assert_int_equal(subid_lock_take(etc, 0, NULL, &lock, &holder), SUBID_BUSY);
	assert_int_equal(waits, 0);
	assert_int_equal(subid_lock_take(etc, 500, NULL, &lock, &holder), SUBID_BUSY);
	assert_true(now_ms() - start >= 500);
	assert_true(waits > 1);
	assert_int_equal(holder.pid, other.pid);
	when_waiting = NULL;
	end_other(&other);
	/* nothing is left that waits, nor a child */
	assert_can_be_taken(etc);
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	assert_int_equal(errno, ECHILD);
}

/* Nothing would remove it. */
static void test_nobody_waits_for_a_lock_without_a_pid(void **state)
{
	static const char *const texts[] = { "", "x", "0", "99999999999" };
	int etc = etc_of(state);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct subid_lock *lock = NULL;
		struct subid_holder holder;
		int64_t start = now_ms();

		put_file(etc, "subuid.lock", texts[i]);
		assert_int_equal(
		    subid_lock_take(etc, SUBID_PATIENCE_MS, NULL, &lock, &holder),
		    SUBID_BUSY);
		assert_true(now_ms() - start < SUBID_PATIENCE_MS / 2);
		assert_int_equal(holder.pid, -1);
		assert_string_equal(holder.file, "subuid.lock");
	}
	assert_int_equal(unlinkat(etc, "subuid.lock", 0), 0);
	assert_can_be_taken(etc);
}

struct told {
	unsigned int times;
	pid_t pid;
};

static void note_told(const void *data, const struct subid_holder *holder)
{
	struct told *const *told = data;

	(*told)->times++;
	(*told)->pid = holder->pid;
}

static void test_who_waits_says_for_whom(void **state)
{
	int etc = etc_of(state);
	struct other other = start_other(etc, lock_record);
	struct told told = { .times = 0 }, *at = &told;
	const struct subid_lock_wait wait = { note_told, &at };
	struct subid_lock *lock = NULL;
	struct subid_holder holder;

	assert_int_equal(subid_lock_take(etc, 500, &wait, &lock, &holder), SUBID_BUSY);
	assert_int_equal(told.times, 0);
	assert_int_equal(subid_lock_take(etc, 1500, &wait, &lock, &holder), SUBID_BUSY);
	assert_int_equal(told.times, 1);
	assert_int_equal(told.pid, other.pid);
	end_other(&other);
}

static void let_go(void *data)
{
	when_waiting = NULL;
	end_other(data);
}

static void test_patience_is_rewarded(void **state)
{
	bool (*const acts[])(int) = { lock_record, lock_ours };
	int etc = etc_of(state);

	for (size_t i = 0; i < 2; i++) {
		struct other other = start_other(etc, acts[i]);
		struct subid_lock *lock = NULL;
		struct subid_holder holder;

		when_waiting_data = &other;
		when_waiting = let_go;
		assert_int_equal(
		    subid_lock_take(etc, SUBID_PATIENCE_MS, NULL, &lock, &holder), 0);
		assert_null(when_waiting);
		assert_held(etc);
		subid_lock_release(&lock);
		assert_only(etc, NULL);
	}
}

static void remove_table_lock(void *data)
{
	when_waiting = NULL;
	assert_int_equal(unlinkat(*(int *)data, "subgid.lock", 0), 0);
}

/* Waiting for the last lock, we keep the first two, and take it when it is free. */
static void test_patience_with_a_table(void **state)
{
	int etc = etc_of(state);
	struct subid_lock *lock = NULL;
	struct subid_holder holder;

	put_file(etc, "subgid.lock", "1");
	when_waiting_data = &etc;
	when_waiting = remove_table_lock;
	assert_int_equal(subid_lock_take(etc, SUBID_PATIENCE_MS, NULL, &lock, &holder),
			 0);
	assert_null(when_waiting);
	assert_held(etc);
	subid_lock_release(&lock);
}

static void test_no_unnamed_files(void **state)
{
	static const int errors[] = { EOPNOTSUPP, EISDIR };
	int etc = etc_of(state);
	char name[32];

	(void)snprintf(name, sizeof(name), "subuid.%d", (int)getpid());
	for (size_t i = 0; i < 2; i++) {
		faults.unnamed_error = errors[i];
		assert_can_be_taken(etc);
		/* a dead namesake's */
		put_file(etc, name, "litter of another size");
		assert_can_be_taken(etc);
		put_file(etc, "subuid.lock", "1");
		assert_int_equal(lock_ours(etc), false);
		assert_only(etc, "subuid.lock");
		assert_int_equal(unlinkat(etc, "subuid.lock", 0), 0);
	}
}

static void test_planted_name_is_not_followed(void **state)
{
	int etc = etc_of(state);
	struct subid_lock *lock = NULL;
	struct subid_holder holder;
	char name[32];

	faults.unnamed_error = EOPNOTSUPP;
	put_file(etc, "precious", "secret");
	(void)snprintf(name, sizeof(name), "subuid.%d", (int)getpid());
	assert_int_equal(symlinkat("precious", etc, name), 0);
	assert_int_equal(subid_lock_take(etc, 0, NULL, &lock, &holder), 0);
	assert_file(etc, "precious", "secret");
	subid_lock_release(&lock);
	assert_only(etc, "precious");
}

/* Without /proc an unnamed file cannot get a name. */
static void test_no_proc(void **state)
{
	int etc = etc_of(state);
	struct subid_lock *lock = NULL;
	struct subid_holder holder;

	faults.only = "linkat";
	faults_arm(1, ENOENT);
	assert_int_equal(subid_lock_take(etc, 0, NULL, &lock, &holder), 0);
	assert_true(faults_disarm());
	assert_held(etc);
	subid_lock_release(&lock);
	assert_only(etc, NULL);
}

static void test_errors(void **state)
{
	int etc = etc_of(state);
	struct subid_lock *lock = NULL;
	struct subid_holder holder;
	int fd;

	assert_int_equal(subid_lock_take(-1, 0, NULL, &lock, &holder), -EBADF);
	put_file(etc, "target", "");
	assert_int_equal(symlinkat("target", etc, ".pwd.lock"), 0);
	assert_int_equal(subid_lock_take(etc, 0, NULL, &lock, &holder), -ELOOP);
	assert_int_equal(unlinkat(etc, ".pwd.lock", 0), 0);
	put_dir(etc, ".pwd.lock");
	assert_int_equal(subid_lock_take(etc, 0, NULL, &lock, &holder), -EINVAL);
	assert_int_equal(unlinkat(etc, ".pwd.lock", AT_REMOVEDIR), 0);
	/* neither waited for nor, with a reader at hand, locked */
	assert_int_equal(mkfifoat(etc, ".pwd.lock", 0600), 0);
	assert_int_equal(subid_lock_take(etc, 0, NULL, &lock, &holder), -EINVAL);
	fd = openat(etc, ".pwd.lock", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(subid_lock_take(etc, 0, NULL, &lock, &holder), -EINVAL);
	assert_int_equal(close(fd), 0);
	assert_null(lock);
}

/* Makes every call fail in turn, with a stale lock in the way. */
static unsigned int run_sweep(int etc, unsigned int error, int unnamed_error)
{
	unsigned int turn;
	char stale[16];

	(void)snprintf(stale, sizeof(stale), "%d", (int)dead_pid());
	for (turn = 1;; turn++) {
		struct subid_lock *lock = NULL;
		struct subid_holder holder = { .file = NULL };
		bool struck;
		int r;

		assert_true(turn < 1000);
		put_file(etc, "subgid.lock", stale);
		faults.unnamed_error = unnamed_error;
		faults_arm(turn, error);
		r = subid_lock_take(etc, 0, NULL, &lock, &holder);
		struck = faults_disarm();
		if (r == 0) {
			assert_held(etc);
			subid_lock_release(&lock);
		} else if (r == SUBID_BUSY) {
			/* who holds it could not be read */
			assert_true(struck);
			assert_string_equal(holder.file, "subgid.lock");
			assert_int_equal(holder.pid, -1);
		} else if (r != -(int)error && r != -ENOMEM) {
			fail_msg("%s, turn %u: answer %d", faults.function, turn, r);
		}
		if (!struck) {
			assert_int_equal(r, 0);
			break;
		}
		if (strcmp(faults.function, "unlinkat") != 0)
			assert_only(etc, r == 0 ? NULL : "subgid.lock");
		assert_can_be_taken(etc);
	}
	(void)faults_reset(NULL);
	return turn - 1;
}

static void test_every_call_fails_in_turn(void **state)
{
	static const unsigned int errors[] = { EIO, ENOSPC, EROFS };
	int etc = etc_of(state);

	for (size_t i = 0; i < 3; i++) {
		assert_true(run_sweep(etc, errors[i], 0) >= 15);
		assert_true(run_sweep(etc, errors[i], EOPNOTSUPP) >= 18);
	}
}

static void test_short_write(void **state)
{
	static const int unnamed_errors[] = { 0, EOPNOTSUPP };
	int etc = etc_of(state);
	struct subid_lock *lock = NULL;
	struct subid_holder holder;

	for (size_t i = 0; i < 2; i++) {
		faults.only = "write";
		faults.shortens = true;
		faults.unnamed_error = unnamed_errors[i];
		faults_arm(1, 0);
		assert_int_equal(subid_lock_take(etc, 0, NULL, &lock, &holder), -ENOSPC);
		assert_true(faults_disarm());
		assert_only(etc, NULL);
	}
}

/* A lock that is looked at stays as it is. */
static void test_look(void **state)
{
	static const struct {
		const char *text;
		pid_t pid;
		bool alive;
	} cases[] = {
		{ "1", 1, true }, /* init */
		{ "1\n", 1, true },
		{ "2147483647", INT32_MAX, false }, /* beyond pid_max */
		{ "2147483648", -1, false },
		{ "", -1, false },
		{ "0", -1, false },
		{ "pid", -1, false },
		{ "1 1", -1, false },
		{ "11111111111111111111111111111111111111", -1, false },
	};
	struct subid_holder holder = { .pid = 77 };
	int etc = etc_of(state);

	assert_int_equal(subid_lock_look(etc, SUBID_GID, &holder), SUBID_ABSENT);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_file(etc, "subgid.lock", cases[i].text);
		assert_int_equal(subid_lock_look(etc, SUBID_UID, &holder), SUBID_ABSENT);
		assert_int_equal(subid_lock_look(etc, SUBID_GID, &holder), 0);
		assert_string_equal(holder.file, "subgid.lock");
		if (holder.pid != cases[i].pid || holder.alive != cases[i].alive)
			fail_msg("\"%s\": pid %d, %s", cases[i].text, (int)holder.pid,
				 holder.alive ? "alive" : "dead");
		assert_file(etc, "subgid.lock", cases[i].text);
	}
	/* what is no file */
	put_dir(etc, "subuid.lock");
	assert_int_equal(subid_lock_look(etc, SUBID_UID, &holder), 0);
	assert_int_equal(holder.pid, -1);
	assert_int_equal(unlinkat(etc, "subuid.lock", AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("subgid.lock", etc, "subuid.lock"), 0);
	assert_int_equal(subid_lock_look(etc, SUBID_UID, &holder), 0);
	assert_int_equal(holder.pid, -1);
	assert_int_equal(unlinkat(etc, "subuid.lock", 0), 0);
	assert_int_equal(mkfifoat(etc, "subuid.lock", 0644), 0);
	assert_int_equal(subid_lock_look(etc, SUBID_UID, &holder), 0);
	assert_int_equal(holder.pid, -1);
}

static int setup(void **state)
{
	when_waiting = NULL;
	return faults_reset(state) != 0 ? -1 : scratch_setup(state);
}

#define lock_test(function)                                                              \
	{                                                                                \
#function, function, setup, scratch_teardown, NULL                       \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		lock_test(test_taken_and_released),
		lock_test(test_directory_closed_early),
		lock_test(test_record_lock_keeps_us_out),
		lock_test(test_we_keep_record_locks_out),
		lock_test(test_our_lock_keeps_us_out),
		lock_test(test_twice_in_one_process),
		lock_test(test_forked_meanwhile),
		lock_test(test_program_name_is_made_harmless),
		lock_test(test_holder_is_not_known),
		lock_test(test_stale_lock_is_taken_over),
		lock_test(test_live_pid_is_respected),
		lock_test(test_lock_older_than_its_process),
		lock_test(test_lock_without_pid),
		lock_test(test_patience_ends),
		lock_test(test_nobody_waits_for_a_lock_without_a_pid),
		lock_test(test_who_waits_says_for_whom),
		lock_test(test_patience_is_rewarded),
		lock_test(test_patience_with_a_table),
		lock_test(test_no_unnamed_files),
		lock_test(test_planted_name_is_not_followed),
		lock_test(test_no_proc),
		lock_test(test_errors),
		lock_test(test_every_call_fails_in_turn),
		lock_test(test_short_write),
		lock_test(test_look),
	};

	return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}

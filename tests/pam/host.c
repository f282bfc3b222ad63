/* SPDX-License-Identifier: MIT */
/*
 * A program that opens PAM sessions, many at once, each in a thread of its own, and
 * looks whether it is itself unchanged afterwards:
 *
 *     host CONFDIR SERVICE ROUNDS NAME...
 *
 * NAME "@1M" is a name of a million bytes.  Prints "NAME: answer" for each in the
 * first round, or what has changed, and then ends with 1.  With FSIZE in the
 * environment files are limited to that many bytes.  With REAP it does not leave a child
 * to others: "ignored", SIGCHLD is; "handler", its handler waits for all; "thread", a
 * thread does.
 */
#include <dirent.h>
#include <pthread.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

extern char **environ;

struct job {
	const char *confdir, *service, *name;
	int answer;
	int cancel_state;
	pthread_t thread;
};

/* What the host has that a module could change. */
struct self {
	void (*handlers[NSIG])(int);
	int flags[NSIG];
	sigset_t mask;
	mode_t umask;
	char cwd[4096];
	size_t environment; /* a sum over its bytes */
	unsigned long long fds;
	uid_t euid;
	struct rlimit limit;
	pid_t session;
	int nice;
	int children; /* that nobody has waited for */
};

static int converse(int n, const struct pam_message **messages, struct pam_response **ret,
		    void *data)
{
	(void)data;
	for (int i = 0; i < n; i++)
		(void)printf("(%s)\n", messages[i]->msg);
	*ret = calloc((size_t)n, sizeof(**ret));
	return *ret == NULL ? PAM_BUF_ERR : PAM_SUCCESS;
}

static void *open_one(void *data)
{
	const struct pam_conv conv = { .conv = converse };
	struct job *job = data;
	pam_handle_t *pamh = NULL;

	job->answer =
	    pam_start_confdir(job->service, job->name, &conv, job->confdir, &pamh);
	if (job->answer == PAM_SUCCESS)
		job->answer = pam_open_session(pamh, 0);
	(void)pam_end(pamh, job->answer);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &job->cancel_state);
	return NULL;
}

static struct self look_at_self(void)
{
	struct self self;
	const struct dirent *entry;
	DIR *dir;

	memset(&self, 0, sizeof(self));
	for (int i = 1; i < NSIG; i++) {
		struct sigaction action = { .sa_flags = 0 };

		(void)sigaction(i, NULL, &action);
		self.handlers[i] = action.sa_handler;
		self.flags[i] = action.sa_flags;
	}
	(void)pthread_sigmask(SIG_SETMASK, NULL, &self.mask);
	self.umask = umask(022);
	(void)umask(self.umask);
	if (getcwd(self.cwd, sizeof(self.cwd)) == NULL)
		abort();
	for (char **e = environ; *e != NULL; e++)
		for (const char *c = *e; *c != '\0'; c++)
			self.environment = self.environment * 31 + (unsigned char)*c;
	dir = opendir("/proc/self/fd");
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		self.fds |= 1ULL << (atoi(entry->d_name) % 64);
	(void)closedir(dir);
	self.euid = geteuid();
	(void)getrlimit(RLIMIT_FSIZE, &self.limit);
	self.session = getsid(0);
	self.nice = getpriority(PRIO_PROCESS, 0);
	while (waitpid(-1, NULL, WNOHANG | __WALL) >= 0)
		self.children++;
	return self;
}

static const char *what_has_changed(const struct self *a, const struct self *b)
{
	if (memcmp(a->handlers, b->handlers, sizeof(a->handlers)) != 0 ||
	    memcmp(a->flags, b->flags, sizeof(a->flags)) != 0)
		return "signal actions";
	if (memcmp(&a->mask, &b->mask, sizeof(a->mask)) != 0)
		return "the signal mask";
	if (a->umask != b->umask)
		return "the umask";
	if (strcmp(a->cwd, b->cwd) != 0)
		return "the working directory";
	if (a->environment != b->environment)
		return "the environment";
	if (a->fds != b->fds)
		return "descriptors";
	if (a->euid != b->euid)
		return "the effective uid";
	if (memcmp(&a->limit, &b->limit, sizeof(a->limit)) != 0)
		return "a limit";
	if (a->session != b->session)
		return "the session";
	if (a->nice != b->nice)
		return "the nice value";
	if (b->children > 0)
		return "children";
	return NULL;
}

static void reap(int signal)
{
	(void)signal;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

/* Waits for what there is, for ever: also when there is nothing yet. */
static void *reap_for_ever(void *data)
{
	(void)data;
	for (;;)
		if (waitpid(-1, NULL, 0) < 0)
			(void)usleep(100);
	return NULL;
}

static void begin_to_reap(const char *how)
{
	struct sigaction action = { .sa_handler = reap };
	pthread_t thread;

	if (strcmp(how, "thread") == 0)
		(void)pthread_create(&thread, NULL, reap_for_ever, NULL);
	else if (strcmp(how, "handler") == 0)
		(void)sigaction(SIGCHLD, &action, NULL);
	else
		(void)signal(SIGCHLD, SIG_IGN);
}

static const char *long_name(void)
{
	static char name[1000001];

	memset(name, 'a', sizeof(name) - 1);
	return name;
}

static int run_round(struct job *jobs, int n)
{
	int old;

	for (int i = 0; i < n; i++)
		if (pthread_create(&jobs[i].thread, NULL, open_one, &jobs[i]) != 0)
			return 1;
	for (int i = 0; i < n; i++) {
		(void)pthread_join(jobs[i].thread, NULL);
		if (jobs[i].cancel_state != PTHREAD_CANCEL_ENABLE)
			return 1;
	}
	return pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
}

int main(int argc, char *argv[])
{
	struct job *jobs = calloc((size_t)argc, sizeof(*jobs));
	struct self before, after;
	int n = 0;

	if (argc < 5 || jobs == NULL)
		return 2;
	if (getenv("FSIZE") != NULL) {
		rlim_t limit = strtoul(getenv("FSIZE"), NULL, 10);

		if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){ limit, limit }) < 0)
			return 2;
	}
	if (getenv("REAP") != NULL)
		begin_to_reap(getenv("REAP"));
	for (int i = 4; i < argc; i++)
		jobs[n++] = (struct job){
			.confdir = argv[1],
			.service = argv[2],
			.name = strcmp(argv[i], "@1M") == 0 ? long_name() : argv[i],
		};
	(void)umask(0137);
	syslog(LOG_DEBUG, "the host is here"); /* libc keeps its socket */
	before = look_at_self();
	for (int round = 0; round < atoi(argv[3]); round++) {
		if (run_round(jobs, n) != 0)
			return 1;
		for (int i = 0; round == 0 && i < n; i++)
			(void)printf("%.20s: %s\n", jobs[i].name,
				     pam_strerror(NULL, jobs[i].answer));
	}
	after = look_at_self();
	if (what_has_changed(&before, &after) != NULL) {
		(void)printf("changed: %s\n", what_has_changed(&before, &after));
		return 1;
	}
	free(jobs);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * A login's session: login CONFDIR SERVICE NAME [TIMES] opens one for NAME, TIMES
 * times, and prints what the shortest took, in microseconds.
 */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int converse(int n, const struct pam_message **messages, struct pam_response **ret,
		    void *data)
{
	(void)data;
	for (int i = 0; i < n; i++)
		(void)fprintf(stderr, "%s\n", messages[i]->msg);
	*ret = calloc((size_t)n, sizeof(**ret));
	return *ret == NULL ? PAM_BUF_ERR : PAM_SUCCESS;
}

static double now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int main(int argc, char *argv[])
{
	const struct pam_conv conv = { .conv = converse };
	int times = argc > 4 ? atoi(argv[4]) : 1;
	pam_handle_t *pamh = NULL;
	double best = 1e9;
	int answer;

	if (argc < 4)
		return EXIT_FAILURE;
	answer = pam_start_confdir(argv[2], argv[3], &conv, argv[1], &pamh);
	for (int i = 0; answer == PAM_SUCCESS && i < times; i++) {
		double begin = now_us(), took;

		answer = pam_open_session(pamh, PAM_SILENT);
		took = now_us() - begin;
		if (took < best)
			best = took;
	}
	(void)printf("%.1f us: %s\n", best, pam_strerror(pamh, answer));
	(void)pam_end(pamh, answer);
	return answer == PAM_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}

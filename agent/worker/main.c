// SPDX-License-Identifier: Apache-2.0

/*
 * klpd-worker: looks at the node and the fetched metadata, judges, answers, exits
 *
 *	klpd-worker VERB < request.json > answer.json
 *
 * One JSON object in, one out. On failure the answer is {"error": {"status", "message"}} and the
 * exit status is the same number. It has no business on the network and changes nothing.
 */

#include "base/lockdown.h"
#include "worker/verb.h"

#include <errno.h>
#include <stdio.h>

static const struct {
	const char *name;
	verb_fn run;
} verbs[] = {
	{ "probe", verb_probe },	   { "scan", verb_scan },	  { "evaluate", verb_scan },
	{ "capture", verb_capture },	   { "explain", verb_explain },	  { "cve", verb_cve },
	{ "config", verb_config },	   { "baseline", verb_baseline }, { "plan", verb_plan },
	{ "activation", verb_activation }, { "doctor", verb_doctor },	  { "vex", verb_vex },
};

static verb_fn find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (streq(verbs[i].name, name))
			return verbs[i].run;
	return NULL;
}

static int read_request(struct session *s, struct err *err)
{
	_cleanup_free_ char *text = xmalloc(REQUEST_BYTES_MAX + 1);
	size_t len = 0;

	while (len <= REQUEST_BYTES_MAX) {
		ssize_t n = read(STDIN_FILENO, text + len, REQUEST_BYTES_MAX + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, EXIT_STATUS_IO, errno, "reading the request");
		if (n == 0)
			return request_parse(text, len, s->arena, &s->request, err);
		len += (size_t)n;
	}
	return err_set(err, EXIT_STATUS_USAGE, "the request is longer than %zu bytes",
		       REQUEST_BYTES_MAX);
}

static int run(const char *name, json_t **ret, struct err *err)
{
	_cleanup_(session_closep)
	struct session *s = session_new();
	verb_fn verb = find_verb(name);

	if (!verb)
		return err_set(err, EXIT_STATUS_USAGE, "klpd-worker: no verb is called %s", name);
	if (lockdown_enter(LOCKDOWN_WORKER, err) < 0 || read_request(s, err) < 0 ||
	    session_open(s, err) < 0)
		return -1;
	return verb(s, ret, err);
}

static json_t *error_answer(const struct err *err)
{
	return json_pack("{s:{s:i,s:s}}", "error", "status", err->status, "message", err->message);
}

int main(int argc, char *argv[])
{
	json_auto_t *answer = NULL;
	struct err err = ERR_INIT;
	int status = EXIT_STATUS_OK;

	if (argc != 2) {
		fprintf(stderr, "usage: klpd-worker VERB < REQUEST\n"
				"This program is started by klpd; see klpctl(8).\n");
		return EXIT_STATUS_USAGE;
	}
	if (run(argv[1], &answer, &err) < 0) {
		status = err.status;
		answer = error_answer(&err);
		err_clear(&err);
	}
	if (json_dumpf(answer, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF ||
	    fflush(stdout) == EOF)
		return EXIT_STATUS_IO;
	return status;
}

// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A Varlink service in a process of its own, for the tests of server and client
 */

#include "ipc/varlink_server.h"

#include "base/alloc.h"
#include "ipc/frame.h"
#include "ipc/varlink_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define AGENT	  "io.klpd.Agent"
#define IDLE_MSEC 300

/* ---- the server -------------------------------------------------------------------------------*/

struct service {
	struct loop *loop;
	struct varlink_server *server;
	struct loop_timer *later;
	struct varlink_call *waiting;
};

static void echo(struct varlink_call *call, void *userdata _unused_)
{
	varlink_call_reply(call, json_incref(varlink_call_parameters(call)));
}

static void count(struct varlink_call *call, void *userdata _unused_)
{
	json_int_t n = json_integer_value(json_object_get(varlink_call_parameters(call), "n"));

	for (json_int_t i = 1; i <= n; i++)
		varlink_call_progress(call, json_pack("{s:I}", "at", i));
	varlink_call_reply(call, json_pack("{s:I}", "n", n));
}

static void big(struct varlink_call *call, void *userdata _unused_)
{
	json_int_t n = json_integer_value(json_object_get(varlink_call_parameters(call), "n"));
	_cleanup_free_ char *text = xmalloc((size_t)n + 1);

	memset(text, 'x', (size_t)n);
	text[n] = '\0';
	varlink_call_reply(call, json_pack("{s:s}", "text", text));
}

static void on_later(void *userdata)
{
	struct service *s = userdata;

	varlink_call_reply(TAKE_PTR(s->waiting), json_pack("{s:b}", "late", 1));
}

static void wait_a_moment(struct varlink_call *call, void *userdata)
{
	struct service *s = userdata;

	varlink_call_drop(s->waiting);
	s->waiting = call;
	loop_timer_set(s->later, 50);
}

static void never(struct varlink_call *call, void *userdata)
{
	struct service *s = userdata;

	varlink_call_drop(s->waiting);
	s->waiting = call;
}

static void give_up(struct varlink_call *call, void *userdata _unused_)
{
	varlink_call_error(call, AGENT ".Failed",
			   json_pack("{s:i,s:s}", "status", EXIT_STATUS_CONFIG, "message",
				     "klpd.yaml:3: no such key"));
}

static void drop(struct varlink_call *call, void *userdata _unused_)
{
	varlink_call_drop(call);
}

#define NEEDS(...) ((const struct varlink_field[]){ __VA_ARGS__, { NULL } })

static const struct varlink_method methods[] = {
	{ "Echo", echo,
	  NEEDS({ "text", JSON_STRING, false }, { "flag", JSON_TRUE, true },
		{ "n", JSON_INTEGER, true }) },
	{ "Count", count, NEEDS({ "n", JSON_INTEGER, false }) },
	{ "Big", big, NEEDS({ "n", JSON_INTEGER, false }) },
	{ "Wait", wait_a_moment, NULL },
	{ "Never", never, NULL },
	{ "Fail", give_up, NULL },
	{ "Drop", drop, NULL },
	{ NULL },
};

static void on_term(int signo _unused_, void *userdata)
{
	struct service *s = userdata;

	loop_stop(s->loop);
}

static _noreturn_ void serve(int fd, const char *path)
{
	struct service s = { 0 };
	struct loop_signal *term = NULL;
	struct err err = ERR_INIT;
	int r = loop_new(&s.loop, &err);

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
	if (r == 0)
		r = loop_signal_new(s.loop, SIGTERM, on_term, &s, &term, &err);
	if (r == 0) {
		s.later = loop_timer_new(s.loop, on_later, &s);
		s.server = varlink_server_new(s.loop,
					      &(struct varlink_server_spec){ .vendor = "V",
									     .product = "P",
									     .version = "1",
									     .url = "U",
									     .interface = AGENT,
									     .methods = methods,
									     .idle_msec = IDLE_MSEC,
									     .userdata = &s });
		r = path ? varlink_server_listen(s.server, path, &err)
			 : varlink_server_add(s.server, fd, &err);
	}
	if (r == 0 && path) /* tell the test that we listen */
		r = write(fd, "", 1) == 1 ? 0 : -1;
	if (r == 0)
		r = loop_run(s.loop, &err);
	varlink_server_free(s.server);
	varlink_call_drop(s.waiting);
	loop_timer_free(s.later);
	loop_signal_free(term);
	loop_free(s.loop);
	if (r < 0)
		fprintf(stderr, "server: %s\n", err.message);
	_exit(r < 0 ? 1 : 0);
}

/* ---- the tests' side --------------------------------------------------------------------------*/

struct fixture {
	pid_t pid;
	int fd; /* our end */
	struct varlink_client *client;
	char dir[32], path[64];
};

static int start_on_a_pair(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	f->pid = fork();
	if (f->pid == 0) {
		close(fds[0]);
		serve(fds[1], NULL);
	}
	close(fds[1]);
	f->fd = fds[0];
	f->client = varlink_client_from_fd(dup(fds[0]));
	*state = f;
	return 0;
}

static _unused_ int start_on_a_path(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	int ready[2];
	char byte;

	strcpy(f->dir, "/tmp/klpd-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/socket", f->dir);
	assert_int_equal(pipe(ready), 0);
	f->pid = fork();
	if (f->pid == 0)
		serve(ready[1], f->path);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	f->fd = -1;
	*state = f;
	return 0;
}

/* The server must still be alive and end well: it frees everything, and sanitizers look on. */
static int stop(void **state)
{
	struct fixture *f = *state;
	int status = -1;

	varlink_client_free(f->client);
	closep(&f->fd);
	kill(f->pid, SIGTERM);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	assert_int_equal(status, 0);
	if (*f->path) {
		assert_int_equal(access(f->path, F_OK), -1); /* its name is gone */
		assert_int_equal(rmdir(f->dir), 0);
	}
	free(f);
	return 0;
}

static int call(struct fixture *f, const char *method, json_t *parameters, json_t **ret,
		struct err *err)
{
	return varlink_client_call(f->client, method, parameters, 20, NULL, NULL, ret, err);
}

#define ON_A_PAIR(fn) cmocka_unit_test_setup_teardown(fn, start_on_a_pair, stop)
#define ON_A_PATH(fn) cmocka_unit_test_setup_teardown(fn, start_on_a_path, stop)

/* A server that is ended before it has begun to listen to signals must not just die. */
static void hold_back_sigterm(void)
{
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
}

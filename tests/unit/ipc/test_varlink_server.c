// SPDX-License-Identifier: Apache-2.0
/*
 * ipc/varlink_server and ipc/varlink_client over real sockets: the server runs in a process of its
 * own, the tests are its clients.
 */
#include "ipc/varlink_server.h"

#include "base/alloc.h"
#include "ipc/frame.h"
#include "ipc/idl.h"
#include "ipc/varlink_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define AGENT "io.klpd.Agent"

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

static int start_on_a_path(void **state)
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

static void test_service_interface(void **state)
{
	struct fixture *f = *state;
	json_t *info = NULL, *description = NULL;
	_cleanup_free_ char *text = NULL;

	assert_int_equal(call(f, "org.varlink.service.GetInfo", NULL, &info, NULL), 0);
	text = json_dumps(info, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"interfaces\":[\"org.varlink.service\",\"io.klpd.Agent\"],"
				  "\"product\":\"P\",\"url\":\"U\",\"vendor\":\"V\","
				  "\"version\":\"1\"}");
	assert_int_equal(call(f, "org.varlink.service.GetInterfaceDescription",
			      json_pack("{s:s}", "interface", AGENT), &description, NULL),
			 0);
	assert_string_equal(json_string_value(json_object_get(description, "description")),
			    idl_text(AGENT));
	json_decref(info);
	json_decref(description);
}

static const struct {
	const char *what, *method, *parameters;
	int status;
	const char *error, *sentence;
} failures[] = {
	{ "an interface we do not have", "io.other.X", "{}", EXIT_STATUS_SOFTWARE,
	  "org.varlink.service.InterfaceNotFound", "the agent has no interface io.other" },
	{ "a description we do not have", "org.varlink.service.GetInterfaceDescription",
	  "{\"interface\":\"io.other\"}", EXIT_STATUS_SOFTWARE,
	  "org.varlink.service.InterfaceNotFound", "the agent has no interface io.other" },
	{ "a method we do not have", AGENT ".X", "{}", EXIT_STATUS_SOFTWARE,
	  "org.varlink.service.MethodNotFound", "the agent has no method io.klpd.Agent.X" },
	{ "a parameter we do not know", AGENT ".Echo", "{\"text\":\"a\",\"x\":1}",
	  EXIT_STATUS_USAGE, "org.varlink.service.InvalidParameter",
	  "the agent refuses the parameter x" },
	{ "a parameter where there are none", AGENT ".Wait", "{\"x\":1}", EXIT_STATUS_USAGE,
	  "org.varlink.service.InvalidParameter", "the agent refuses the parameter x" },
	{ "a parameter that is missing", AGENT ".Echo", "{}", EXIT_STATUS_USAGE,
	  "org.varlink.service.InvalidParameter", "the agent refuses the parameter text" },
	{ "a parameter that may not be null", AGENT ".Echo", "{\"text\":null}", EXIT_STATUS_USAGE,
	  "org.varlink.service.InvalidParameter", "the agent refuses the parameter text" },
	{ "a parameter of another type", AGENT ".Echo", "{\"text\":1}", EXIT_STATUS_USAGE,
	  "org.varlink.service.InvalidParameter", "the agent refuses the parameter text" },
	{ "a flag that is none", AGENT ".Echo", "{\"text\":\"a\",\"flag\":1}", EXIT_STATUS_USAGE,
	  "org.varlink.service.InvalidParameter", "the agent refuses the parameter flag" },
	{ "a failure has its own status and sentence", AGENT ".Fail", "{}", EXIT_STATUS_CONFIG,
	  AGENT ".Failed", "klpd.yaml:3: no such key" },
};

static void test_error_replies(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		json_t *reply = NULL, *parameters = json_loads(failures[i].parameters, 0, NULL);
		struct err err = ERR_INIT;

		print_message("# %s\n", failures[i].what);
		assert_int_equal(call(f, failures[i].method, parameters, &reply, &err), -1);
		assert_string_equal(varlink_client_error(f->client), failures[i].error);
		assert_string_equal(err.message, failures[i].sentence);
		assert_int_equal(err.status, failures[i].status);
		err_clear(&err);
	}
}

static void test_calls_follow_each_other(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 200; i++) {
		json_t *reply = NULL;

		assert_int_equal(call(f, AGENT ".Echo", json_pack("{s:s,s:i}", "text", "a", "n", i),
				      &reply, NULL),
				 0);
		assert_int_equal(json_integer_value(json_object_get(reply, "n")), i);
		assert_null(varlink_client_error(f->client));
		json_decref(reply);
	}
}

static void on_progress(json_t *parameters, void *userdata)
{
	json_int_t *sum = userdata;

	*sum += json_integer_value(json_object_get(parameters, "at"));
}

static void test_continued_replies(void **state)
{
	struct fixture *f = *state;
	json_int_t sum = 0;
	json_t *reply = NULL;

	assert_int_equal(varlink_client_call(f->client, AGENT ".Count",
					     json_pack("{s:i}", "n", 100), 20, on_progress, &sum,
					     &reply, NULL),
			 0);
	assert_int_equal(sum, 5050);
	assert_int_equal(json_integer_value(json_object_get(reply, "n")), 100);
	json_decref(reply);
	assert_int_equal(call(f, AGENT ".Count", json_pack("{s:i}", "n", 100), &reply, NULL), 0);
	json_decref(reply); /* nobody asked for more: only the last one came */
}

static void test_late_reply(void **state)
{
	struct fixture *f = *state;
	json_t *reply = NULL;

	assert_int_equal(call(f, AGENT ".Wait", NULL, &reply, NULL), 0);
	assert_true(json_is_true(json_object_get(reply, "late")));
	json_decref(reply);
}

static void test_deadline_spoils_the_connection(void **state)
{
	struct fixture *f = *state;
	json_t *reply = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(
		varlink_client_call(f->client, AGENT ".Never", NULL, 0, NULL, NULL, &reply, &err),
		-1);
	assert_int_equal(err.status, EXIT_STATUS_TEMPFAIL);
	assert_string_equal(err.message, "the agent did not answer in time; try again, or allow "
					 "more time with --timeout");
	assert_int_equal(call(f, AGENT ".Echo", json_pack("{s:s}", "text", "a"), &reply, &err), -1);
	assert_string_equal(err.message, "the connection to the agent is lost");
	err_clear(&err);
}

static void test_dropped_call(void **state)
{
	struct fixture *f = *state;
	json_t *reply = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(call(f, AGENT ".Drop", NULL, &reply, &err), -1);
	assert_int_equal(err.status, EXIT_STATUS_UNAVAILABLE);
	assert_string_equal(err.message, "the agent closed the connection before it answered");
	err_clear(&err);
}

static void test_reply_sizes(void **state)
{
	struct fixture *f = *state;
	const json_int_t frame = (json_int_t)strlen("{\"parameters\":{\"text\":\"\"}}");
	json_t *reply = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(call(f, AGENT ".Big",
			      json_pack("{s:I}", "n", (json_int_t)FRAME_REPLY_MAX - frame), &reply,
			      &err),
			 0);
	assert_int_equal(json_string_length(json_object_get(reply, "text")),
			 FRAME_REPLY_MAX - (size_t)frame);
	json_decref(reply);
	assert_int_equal(call(f, AGENT ".Big",
			      json_pack("{s:I}", "n", (json_int_t)FRAME_REPLY_MAX - frame + 1),
			      &reply, &err),
			 -1);
	assert_int_equal(err.status, EXIT_STATUS_UNAVAILABLE);
	err_clear(&err);
}

/* ---- raw bytes --------------------------------------------------------------------------------*/

static void send_bytes(int fd, const char *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
}

/* What the server sends until it closes, or until there are @n messages. NULs become newlines. */
static char *receive_messages(int fd, int n)
{
	char *text = xstrdup("");
	char byte;

	while (n > 0 && recv(fd, &byte, 1, 0) == 1) {
		char *longer = xasprintf("%s%c", text, byte ? byte : '\n');

		free(text);
		text = longer;
		n -= !byte;
	}
	return text;
}

/* After dup() both share O_NONBLOCK, which the client has set. */
static int blocking(struct fixture *f)
{
	varlink_client_free(TAKE_PTR(f->client));
	assert_int_equal(fcntl(f->fd, F_SETFL, 0), 0);
	return f->fd;
}

#define STREAM(bytes) bytes, sizeof(bytes) - 1

static const struct {
	const char *what, *bytes;
	size_t len;
	const char *answer;
} streams[] = {
	{ "garbage ends the connection", STREAM("hello\0"), "" },
	{ "an empty message ends the connection", STREAM("\0"), "" },
	{ "what came before garbage is answered",
	  STREAM("{\"method\":\"io.klpd.Agent.Echo\",\"parameters\":{\"text\":\"a\"}}\0junk\0"),
	  "{\"parameters\":{\"text\":\"a\"}}\n" },
	{ "requests in one packet are answered in order",
	  STREAM("{\"method\":\"io.klpd.Agent.Wait\"}\0"
		 "{\"method\":\"io.klpd.Agent.Echo\",\"parameters\":{\"text\":\"b\"}}\0x\0"),
	  "{\"parameters\":{\"late\":true}}\n{\"parameters\":{\"text\":\"b\"}}\n" },
	{ "a one-way request is not answered",
	  STREAM("{\"method\":\"io.klpd.Agent.Wait\",\"oneway\":true}\0"
		 "{\"method\":\"io.klpd.Agent.Echo\",\"parameters\":{\"text\":\"c\"}}\0x\0"),
	  "{\"parameters\":{\"text\":\"c\"}}\n" },
};

static void test_raw_streams(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		void *own = NULL;
		_cleanup_free_ char *answer = NULL;
		int fd;

		print_message("# %s\n", streams[i].what);
		start_on_a_pair(&own);
		fd = blocking(own);
		send_bytes(fd, streams[i].bytes, streams[i].len);
		answer = receive_messages(fd, 100);
		assert_string_equal(answer, streams[i].answer);
		stop(&own);
	}
}

static void test_request_byte_by_byte(void **state)
{
	static const char bytes[] = "{\"method\":\"io.klpd.Agent.Echo\",\"parameters\":"
				    "{\"text\":\"a\"}}";
	_cleanup_free_ char *answer = NULL;
	int fd = blocking(*state);

	for (size_t i = 0; i < sizeof(bytes); i++)
		send_bytes(fd, bytes + i, 1);
	answer = receive_messages(fd, 1);
	assert_string_equal(answer, "{\"parameters\":{\"text\":\"a\"}}\n");
}

static void test_half_closed_client_gets_its_answer(void **state)
{
	static const char bytes[] = "{\"method\":\"io.klpd.Agent.Wait\"}";
	_cleanup_free_ char *answer = NULL;
	int fd = blocking(*state);

	send_bytes(fd, bytes, sizeof(bytes));
	shutdown(fd, SHUT_WR);
	answer = receive_messages(fd, 100);
	assert_string_equal(answer, "{\"parameters\":{\"late\":true}}\n");
}

static void test_request_sizes(void **state)
{
	static const char head[] = "{\"method\":\"io.klpd.Agent.Echo\",\"parameters\":"
				   "{\"text\":\"a\"},\"padding\":\"";
	struct fixture *f = *state;
	_cleanup_free_ char *request = xmalloc(FRAME_REQUEST_MAX + 2);
	_cleanup_free_ char *answer = NULL, *none = NULL;
	int fd = blocking(f);

	memset(request, 'x', FRAME_REQUEST_MAX + 2);
	memcpy(request, head, strlen(head));
	memcpy(request + FRAME_REQUEST_MAX - 2, "\"}", 3); /* exactly the largest */
	send_bytes(fd, request, FRAME_REQUEST_MAX + 1);
	answer = receive_messages(fd, 1);
	assert_string_equal(answer, "{\"parameters\":{\"text\":\"a\"}}\n");
	memset(request, 'x', FRAME_REQUEST_MAX + 1); /* one more, not even ended */
	(void)!send(fd, request, FRAME_REQUEST_MAX + 1, MSG_NOSIGNAL);
	none = receive_messages(fd, 1);
	assert_string_equal(none, "");
}

/* ---- a listening server -----------------------------------------------------------------------*/

static void test_more_clients_than_connections(void **state)
{
	struct fixture *f = *state;
	struct varlink_client *clients[FRAME_CONNECTIONS_MAX + 4];
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		assert_int_equal(varlink_client_connect(f->path, &clients[i], NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		json_t *reply = NULL;

		/* Those beyond the limit are served as soon as others have gone. */
		assert_int_equal(varlink_client_call(clients[i], AGENT ".Echo",
						     json_pack("{s:s}", "text", "a"), 10, NULL,
						     NULL, &reply, NULL),
				 0);
		json_decref(reply);
		varlink_client_free(clients[i]);
	}
}

static void test_client_that_goes_during_a_call(void **state)
{
	struct fixture *f = *state;
	struct varlink_client *client = NULL;
	json_t *reply = NULL;

	assert_int_equal(varlink_client_connect(f->path, &client, NULL), 0);
	assert_int_equal(
		varlink_client_call(client, AGENT ".Wait", NULL, 0, NULL, NULL, &reply, NULL), -1);
	varlink_client_free(client);
	usleep(100000); /* its answer is due now */
	assert_int_equal(varlink_client_connect(f->path, &client, NULL), 0);
	assert_int_equal(
		varlink_client_call(client, AGENT ".Wait", NULL, 10, NULL, NULL, &reply, NULL), 0);
	json_decref(reply);
	varlink_client_free(client);
}

static void test_listening_where_somebody_is(void **state)
{
	struct fixture *f = *state;
	_cleanup_(loop_freep)
	struct loop *loop = NULL;
	_cleanup_(varlink_server_freep)
	struct varlink_server *server = NULL;
	_cleanup_free_ char *file = xasprintf("%s/file", f->dir);
	_cleanup_free_ char *expected = NULL, *expected_file = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(loop_new(&loop, &err), 0);
	server = varlink_server_new(
		loop, &(struct varlink_server_spec){ .interface = AGENT, .methods = methods });
	assert_int_equal(varlink_server_listen(server, f->path, &err), -1);
	expected = xasprintf("cannot listen on %s: another klpd does already", f->path);
	assert_string_equal(err.message, expected);
	assert_int_equal(err.status, EXIT_STATUS_TEMPFAIL);

	assert_int_equal(mknod(file, S_IFREG | 0600, 0), 0);
	assert_int_equal(varlink_server_listen(server, file, &err), -1);
	expected_file =
		xasprintf("cannot listen on %s: there is a file that is not a socket", file);
	assert_string_equal(err.message, expected_file);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(varlink_server_listen(server, "/nonexistent/socket", &err), -1);
	assert_string_equal(err.message,
			    "cannot listen on /nonexistent/socket: No such file or directory");
	err_clear(&err);
}

static void test_stale_socket_is_replaced(void **state _unused_)
{
	void *own = NULL;
	struct fixture *f;
	int status;

	start_on_a_path(&own);
	f = own;
	kill(f->pid, SIGKILL);
	waitpid(f->pid, &status, 0);
	assert_int_equal(access(f->path, F_OK), 0);
	{
		_cleanup_(loop_freep)
		struct loop *loop = NULL;
		_cleanup_(varlink_server_freep)
		struct varlink_server *server = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(loop_new(&loop, &err), 0);
		server = varlink_server_new(loop, &(struct varlink_server_spec){
							  .interface = AGENT, .methods = methods });
		assert_int_equal(varlink_server_listen(server, f->path, &err), 0);
	}
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
}

static void test_connecting_where_nobody_is(void **state _unused_)
{
	struct varlink_client *client = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(varlink_client_connect("/nonexistent/socket", &client, &err), -1);
	assert_int_equal(err.status, EXIT_STATUS_UNAVAILABLE);
	assert_string_equal(err.message,
			    "nobody listens on /nonexistent/socket: start klpd.socket, "
			    "or use --direct");
	err_clear(&err);
	varlink_client_free(NULL);
	varlink_server_free(NULL);
	varlink_call_drop(NULL);
}

#define ON_A_PAIR(fn) cmocka_unit_test_setup_teardown(fn, start_on_a_pair, stop)
#define ON_A_PATH(fn) cmocka_unit_test_setup_teardown(fn, start_on_a_path, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_PAIR(test_service_interface),
		ON_A_PAIR(test_error_replies),
		ON_A_PAIR(test_calls_follow_each_other),
		ON_A_PAIR(test_continued_replies),
		ON_A_PAIR(test_late_reply),
		ON_A_PAIR(test_deadline_spoils_the_connection),
		ON_A_PAIR(test_dropped_call),
		ON_A_PAIR(test_reply_sizes),
		cmocka_unit_test(test_raw_streams),
		ON_A_PAIR(test_request_byte_by_byte),
		ON_A_PAIR(test_half_closed_client_gets_its_answer),
		ON_A_PAIR(test_request_sizes),
		ON_A_PATH(test_more_clients_than_connections),
		ON_A_PATH(test_client_that_goes_during_a_call),
		ON_A_PATH(test_listening_where_somebody_is),
		cmocka_unit_test(test_stale_socket_is_replaced),
		cmocka_unit_test(test_connecting_where_nobody_is),
	};

	sigset_t term;

	/* A server that is ended before it has begun to listen to signals must not just die. */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

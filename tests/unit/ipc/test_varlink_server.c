// SPDX-License-Identifier: Apache-2.0
/* ipc/varlink_server: what is served, in which order, for how long, and who is cut off. */
#include "tests/unit/ipc/service.h"

#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>

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

static int connect_raw(const struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Milliseconds until the server hangs up, at most ten seconds. */
static int64_t time_to_hang_up(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = 0 };
	int64_t begun = loop_now();

	poll(&poll_fd, 1, 10000);
	return loop_now() - begun;
}

static const struct {
	const char *what, *first;
	const char *bytes; /* one of them every 50 ms */
} idlers[] = {
	{ "a client that says nothing", "", "" },
	{ "a client that has sent half a request", "{\"method\":\"io.klpd", "" },
	{ "a client that sends its request bit by bit", "", "{\"method\":\"io.klpd.Agent.Wait\"" },
};

static void test_idle_clients_are_cut_off(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(idlers); i++) {
		_cleanup_close_ int fd = connect_raw(f);
		int64_t begun = loop_now();

		print_message("# %s\n", idlers[i].what);
		send_bytes(fd, idlers[i].first, strlen(idlers[i].first));
		for (const char *p = idlers[i].bytes; *p && send(fd, p, 1, MSG_NOSIGNAL) == 1; p++)
			usleep(50000);
		time_to_hang_up(fd);
		assert_in_range(loop_now() - begun, IDLE_MSEC - 50, 3 * IDLE_MSEC);
	}
}

static void test_client_that_does_not_read_is_cut_off(void **state)
{
	static const char request[] = "{\"method\":\"io.klpd.Agent.Big\",\"parameters\":"
				      "{\"n\":4000000}}";
	struct fixture *f = *state;
	_cleanup_close_ int fd = connect_raw(f);

	send_bytes(fd, request, sizeof(request));
	assert_in_range(time_to_hang_up(fd), IDLE_MSEC - 50, 5000);
}

static void test_client_that_waits_for_its_answer_is_not_idle(void **state)
{
	struct fixture *f = *state;
	struct varlink_client *client = NULL;
	json_t *reply = NULL;
	struct err err = ERR_INIT;
	int64_t begun = loop_now();

	assert_int_equal(varlink_client_connect(f->path, &client, NULL), 0);
	assert_int_equal(
		varlink_client_call(client, AGENT ".Never", NULL, 1, NULL, NULL, &reply, &err), -1);
	assert_int_equal(err.status, EXIT_STATUS_TEMPFAIL); /* our deadline, not a hang-up */
	assert_true(loop_now() - begun >= 1000);
	err_clear(&err);
	varlink_client_free(client);
}

static void test_who_started_the_server_may_be_idle(void **state)
{
	struct fixture *f = *state;
	json_t *reply = NULL;

	usleep(2 * IDLE_MSEC * 1000);
	assert_int_equal(call(f, "org.varlink.service.GetInfo", NULL, &reply, NULL), 0);
	json_decref(reply);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raw_streams),
		ON_A_PAIR(test_request_byte_by_byte),
		ON_A_PAIR(test_half_closed_client_gets_its_answer),
		ON_A_PAIR(test_request_sizes),
		ON_A_PATH(test_more_clients_than_connections),
		ON_A_PATH(test_client_that_goes_during_a_call),
		ON_A_PATH(test_idle_clients_are_cut_off),
		ON_A_PATH(test_client_that_does_not_read_is_cut_off),
		ON_A_PATH(test_client_that_waits_for_its_answer_is_not_idle),
		ON_A_PAIR(test_who_started_the_server_may_be_idle),
		ON_A_PATH(test_listening_where_somebody_is),
		cmocka_unit_test(test_stale_socket_is_replaced),
	};

	hold_back_sigterm();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

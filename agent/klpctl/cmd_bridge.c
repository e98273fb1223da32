// SPDX-License-Identifier: Apache-2.0
/*
 * What runs on the other host: Varlink from standard input to the agent's socket and back.
 *
 * One call at a time, as the protocol has it: a request, then its replies, then the next one. So
 * nothing ever waits for both sides at once, and a refused call is answered in its turn.
 */
#include "base/alloc.h"
#include "ipc/frame.h"
#include "ipc/message.h"
#include "ipc/varlink_client.h"
#include "klpctl/command.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#define AGENT "io.klpd.Agent"

struct bridge {
	const char *allowed; /* method names, comma-separated; NULL: all */
	int agent;
	struct frame_reader requests, replies;
};

static void bridge_deinit(struct bridge *b)
{
	frame_reader_deinit(&b->requests);
	frame_reader_deinit(&b->replies);
	closep(&b->agent);
}

/* The next frame: 1; 0 at the end of the stream; -1 with @err. */
static int receive(struct frame_reader *reader, int fd, const char **ret, size_t *ret_len,
		   struct err *err)
{
	char bytes[16384];
	ssize_t n;
	int r;

	while ((r = frame_next(reader, ret, ret_len)) == 0) {
		n = read(fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, EXIT_STATUS_IO, errno, "the bridge cannot read");
		if (n == 0)
			return 0;
		frame_push(reader, bytes, (size_t)n);
	}
	return r > 0 ? 1
		     : err_set(err, EXIT_STATUS_DATA,
			       "a message is longer than may be sent over the bridge");
}

static int send_all(int fd, const char *text, size_t len, struct err *err)
{
	size_t sent = 0;

	len++; /* with its NUL */
	while (sent < len) {
		ssize_t n = write(fd, text + sent, len - sent);

		if (n < 0 && errno != EINTR)
			return err_set_errno(err, EXIT_STATUS_IO, errno, "the bridge cannot write");
		sent += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static bool is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
		if (strncmp(at, name, len) == 0 && (at[len] == ',' || !at[len]))
			return true;
	return false;
}

static bool is_allowed(const struct bridge *b, const struct message_request *request)
{
	return !b->allowed || !streq(request->interface, AGENT) ||
	       is_listed(b->allowed, request->member);
}

static int refuse(const struct message_request *request, struct err *err)
{
	_cleanup_free_ char *why = xasprintf("%s may not be called from here, only what the bridge "
					     "was started for",
					     request->member);
	_cleanup_free_ char *text =
		message_format_error(AGENT ".PermissionDenied", json_pack("{s:s}", "message", why));

	return request->oneway ? 0 : send_all(STDOUT_FILENO, text, strlen(text), err);
}

/* Carries replies until the last one of a call. */
static int carry_replies(struct bridge *b, struct err *err)
{
	bool more = true;

	while (more) {
		struct message_reply reply;
		const char *text;
		size_t len;
		int r = receive(&b->replies, b->agent, &text, &len, err);

		if (r == 0)
			return err_set(err, EXIT_STATUS_UNAVAILABLE,
				       "the agent closed the connection before it answered");
		if (r < 0 || message_parse_reply(text, len, &reply, err) < 0)
			return -1;
		more = reply.continues;
		message_reply_deinit(&reply);
		if (send_all(STDOUT_FILENO, text, len, err) < 0)
			return -1;
	}
	return 0;
}

/* One call: 1; 0 when there are no more. */
static int carry_call(struct bridge *b, struct err *err)
{
	struct message_request request;
	const char *text;
	size_t len;
	int r = receive(&b->requests, STDIN_FILENO, &text, &len, err);

	if (r <= 0)
		return r;
	if (message_parse_request(text, len, &request, err) < 0)
		return -1;
	if (!is_allowed(b, &request))
		r = refuse(&request, err);
	else if (send_all(b->agent, text, len, err) < 0)
		r = -1;
	else
		r = request.oneway ? 0 : carry_replies(b, err);
	message_request_deinit(&request);
	return r < 0 ? -1 : 1;
}

int cmd_bridge(struct command_call *call, struct err *err)
{
	const struct options *o = call->options;
	_cleanup_(bridge_deinit)
	struct bridge b = { .allowed = o->allow, .agent = -1 };
	int r;

	frame_reader_init(&b.requests, FRAME_REQUEST_MAX);
	frame_reader_init(&b.replies, FRAME_REPLY_MAX);
	b.agent = varlink_connect(o->socket ? o->socket : VARLINK_AGENT_SOCKET, err);
	if (b.agent < 0)
		return -1;
	while ((r = carry_call(&b, err)) > 0)
		;
	return r < 0 ? -1 : EXIT_STATUS_OK;
}

// SPDX-License-Identifier: Apache-2.0
#include "ipc/varlink_client.h"

#include "base/alloc.h"
#include "ipc/frame.h"
#include "ipc/message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define NO_DEADLINE INT64_MAX

struct varlink_client {
	int fd; /* -1 after a call failed half-way */
	struct frame_reader in;
	char *error; /* name of the last error reply */
};

/*
 * What an error reply means to a person. The sentence is the error's own `message`, else this
 * text followed by the parameter that it names.
 */
static const struct error_row {
	const char *name;
	int status; /* 0: the reply's own `status` */
	const char *detail, *text;
} error_rows[] = {
	{ "io.klpd.Agent.Failed", 0, "message", "the agent failed" },
	{ "io.klpd.Agent.Busy", EXIT_STATUS_TEMPFAIL, "who", "the agent is busy with a change by" },
	{ "io.klpd.Agent.Held", EXIT_STATUS_TEMPFAIL, "message", "changes are put off" },
	{ "io.klpd.Agent.PermissionDenied", EXIT_STATUS_NOPERM, "message", "permission denied" },
	{ "io.klpd.Agent.NoReport", EXIT_STATUS_UNAVAILABLE, "message", "there is no report" },
	{ "org.varlink.service.InterfaceNotFound", EXIT_STATUS_SOFTWARE, "interface",
	  "the agent has no interface" },
	{ "org.varlink.service.MethodNotFound", EXIT_STATUS_SOFTWARE, "method",
	  "the agent has no method" },
	{ "org.varlink.service.MethodNotImplemented", EXIT_STATUS_SOFTWARE, "method",
	  "the agent does not implement" },
	{ "org.varlink.service.InvalidParameter", EXIT_STATUS_USAGE, "parameter",
	  "the agent refuses the parameter" },
	{ "org.varlink.service.PermissionDenied", EXIT_STATUS_NOPERM, NULL, "permission denied" },
};

struct varlink_client *varlink_client_from_fd(int fd)
{
	struct varlink_client *client = xcalloc(1, sizeof(*client));

	client->fd = fd;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	frame_reader_init(&client->in, FRAME_REPLY_MAX);
	return client;
}

void varlink_client_free(struct varlink_client *client)
{
	if (!client)
		return;
	closep(&client->fd);
	frame_reader_deinit(&client->in);
	free(client->error);
	free(client);
}

int varlink_connect(const char *path, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;

	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(err, EXIT_STATUS_USAGE,
			       "socket path %s is too long: at most %zu bytes", path,
			       sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "cannot make a socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return err_set(err, EXIT_STATUS_UNAVAILABLE,
				       "nobody listens on %s: start klpd.socket, or use --direct",
				       path);
		return err_set_errno(err, EXIT_STATUS_UNAVAILABLE, errno, "cannot connect to %s",
				     path);
	}
	return TAKE_FD(fd);
}

int varlink_client_connect(const char *path, struct varlink_client **ret, struct err *err)
{
	int fd = varlink_connect(path, err);

	if (fd < 0)
		return -1;
	*ret = varlink_client_from_fd(fd);
	return 0;
}

static int64_t now_msec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until the socket is ready for @events. */
static int wait_for(struct varlink_client *client, short events, int64_t deadline, struct err *err)
{
	struct pollfd poll_fd = { .fd = client->fd, .events = events };
	int n = -1;

	do {
		int64_t left = deadline == NO_DEADLINE ? -1 : deadline - now_msec();

		if (deadline != NO_DEADLINE && left < 0)
			left = 0;
		n = poll(&poll_fd, 1, (int)(left > INT32_MAX ? INT32_MAX : left));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "cannot wait for the agent");
	if (n == 0)
		return err_set(err, EXIT_STATUS_TEMPFAIL,
			       "the agent did not answer in time; try again, or allow more time "
			       "with --timeout");
	return 0;
}

static int send_all(struct varlink_client *client, const char *bytes, size_t len, int64_t deadline,
		    struct err *err)
{
	while (len > 0) {
		ssize_t n = send(client->fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return err_set_errno(err, EXIT_STATUS_UNAVAILABLE, errno,
					     "cannot send to the agent");
		if (n < 0 && errno == EAGAIN && wait_for(client, POLLOUT, deadline, err) < 0)
			return -1;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* Reads what there is: at least one byte, or an error. */
static int receive_some(struct varlink_client *client, int64_t deadline, struct err *err)
{
	char bytes[16384];
	ssize_t n;

	for (;;) {
		n = recv(client->fd, bytes, sizeof(bytes), 0);
		if (n > 0) {
			frame_push(&client->in, bytes, (size_t)n);
			return 0;
		}
		if (n == 0)
			return err_set(err, EXIT_STATUS_UNAVAILABLE,
				       "the agent closed the connection before it answered");
		if (errno != EAGAIN && errno != EINTR)
			return err_set_errno(err, EXIT_STATUS_UNAVAILABLE, errno,
					     "cannot read the agent's answer");
		if (errno == EAGAIN && wait_for(client, POLLIN, deadline, err) < 0)
			return -1;
	}
}

static int receive(struct varlink_client *client, int64_t deadline, struct message_reply *ret,
		   struct err *err)
{
	const char *text = NULL;
	size_t len = 0;
	int r;

	while ((r = frame_next(&client->in, &text, &len)) == 0)
		if (receive_some(client, deadline, err) < 0)
			return -1;
	if (r < 0)
		return err_set(err, EXIT_STATUS_DATA, "the agent's answer is larger than %zu MiB",
			       FRAME_REPLY_MAX / 1024 / 1024);
	if (message_parse_reply(text, len, ret, err) < 0)
		return err_prefix(err, "the agent's answer cannot be read");
	return 0;
}

static int set_error_reply(const struct message_reply *reply, struct err *err)
{
	json_t *status = json_object_get(reply->parameters, "status");
	const char *detail;

	for (size_t i = 0; i < ARRAY_SIZE(error_rows); i++) {
		const struct error_row *row = &error_rows[i];
		int code = row->status ? row->status : (int)json_integer_value(status);

		if (!streq(row->name, reply->error))
			continue;
		if (code <= 0 || code > UINT8_MAX)
			code = EXIT_STATUS_FAILED;
		detail =
			row->detail
				? json_string_value(json_object_get(reply->parameters, row->detail))
				: NULL;
		if (detail && streq(row->detail, "message"))
			return err_set(err, code, "%s", detail);
		return err_set(err, code, "%s%s%s", row->text, detail ? " " : "",
			       detail ? detail : "");
	}
	return err_set(err, EXIT_STATUS_SOFTWARE, "the agent answered with the error %s",
		       reply->error);
}

/* 1 after the final reply, 0 after a continued one. */
static int take_reply(struct varlink_client *client, struct message_reply *reply,
		      varlink_progress_fn progress, void *userdata, json_t **ret, struct err *err)
{
	if (reply->error) {
		client->error = xstrdup(reply->error);
		return set_error_reply(reply, err);
	}
	if (!reply->continues) {
		*ret = json_incref(reply->parameters);
		return 1;
	}
	if (progress)
		progress(reply->parameters, userdata);
	return 0;
}

static int send_call(struct varlink_client *client, const char *text, int64_t deadline,
		     struct err *err)
{
	if (strlen(text) > FRAME_REQUEST_MAX)
		return err_set(err, EXIT_STATUS_USAGE, "the request is larger than %zu KiB",
			       FRAME_REQUEST_MAX / 1024);
	return send_all(client, text, strlen(text) + 1, deadline, err);
}

int varlink_client_call(struct varlink_client *client, const char *method, json_t *parameters,
			int timeout_sec, varlink_progress_fn progress, void *userdata, json_t **ret,
			struct err *err)
{
	int64_t deadline = timeout_sec < 0 ? NO_DEADLINE : now_msec() + (int64_t)timeout_sec * 1000;
	_cleanup_free_ char *text = message_format_call(method, parameters, progress != NULL);
	int r;

	free(client->error);
	client->error = NULL;
	if (client->fd < 0)
		return err_set(err, EXIT_STATUS_UNAVAILABLE, "the connection to the agent is lost");
	r = send_call(client, text, deadline, err);
	while (r == 0) {
		struct message_reply reply;

		r = receive(client, deadline, &reply, err);
		if (r < 0)
			break;
		r = take_reply(client, &reply, progress, userdata, ret, err);
		message_reply_deinit(&reply);
	}
	if (r < 0 && !client->error) { /* no reply: what follows on this stream is not ours */
		closep(&client->fd);
		client->fd = -1;
	}
	return r < 0 ? -1 : 0;
}

const char *varlink_client_error(const struct varlink_client *client)
{
	return client->error;
}

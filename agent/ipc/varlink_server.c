// SPDX-License-Identifier: Apache-2.0
/*
 * What a connection waits for decides everything: which events it listens to, and its timer.
 *
 *   WAIT_REQUEST  nothing to send, no call: readable; the request must be complete within the
 *                 idle time, however its bytes trickle in
 *   WAIT_DRAIN    replies to send: writable; some bytes must be taken within the idle time
 *   WAIT_CALL     the method is at work: only a hang-up is of interest
 *
 * A method answers by queueing bytes and nothing else: a connection is written to, read from and
 * closed only from its own event or timer, so no answer ever runs another request underneath the
 * function that gave it. A call outlives its connection.
 */
#include "ipc/varlink_server.h"

#include "base/alloc.h"
#include "ipc/frame.h"
#include "ipc/idl.h"
#include "ipc/message.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SERVICE "org.varlink.service"

#ifndef SO_PEERGROUPS /* Linux 4.13; glibc 2.26 has no name for it */
#define SO_PEERGROUPS 59
#endif
/* More than anybody is in; who is in more is not recognised by the last of them. */
#define GROUPS_MAX 1024

enum wait {
	WAIT_REQUEST,
	WAIT_DRAIN,
	WAIT_CALL,
};

struct connection {
	struct connection *next;
	struct varlink_server *server;
	int fd;
	struct loop_io *io;
	struct loop_timer *timer;
	enum wait wait;
	struct frame_reader in;
	struct frame_queue out;
	struct varlink_call *call;
	uid_t uid;     /* of the peer; not of a trusted one */
	int64_t since; /* when WAIT_REQUEST began (loop_now()) */
	bool trusted;
	bool resume; /* a call ended: look for the next request */
	bool broken; /* close at the next opportunity */
};

struct listener {
	struct listener *next;
	struct varlink_server *server;
	int fd;
	struct loop_io *io;
	char *path;
};

struct varlink_server {
	struct loop *loop;
	struct varlink_server_spec spec;
	struct connection *connections;
	size_t n_connections;
	struct listener *listeners;
	struct loop_timer *room; /* somebody has been silent for long enough */
};

struct varlink_call {
	struct connection *connection; /* NULL: gone */
	struct message_request request;
};

/* ---- connections ------------------------------------------------------------------------------*/

static size_t n_waiting(const struct connection *c)
{
	const char *bytes;

	return frame_waiting(&c->out, &bytes);
}

static void listen_if_room(struct varlink_server *server);

/* Follows a change of what the connection waits for. @moved: bytes were taken. */
static void settle(struct connection *c, bool moved)
{
	static const uint32_t events[] = {
		[WAIT_REQUEST] = EPOLLIN, [WAIT_DRAIN] = EPOLLOUT, [WAIT_CALL] = 0
	};
	enum wait before = c->wait;

	c->wait = n_waiting(c) ? WAIT_DRAIN : c->call ? WAIT_CALL : WAIT_REQUEST;
	if (c->wait == WAIT_REQUEST && (c->wait != before || moved)) {
		c->since = loop_now();
		listen_if_room(c->server);
	}
	/* After a call the next request may be here already: being writable wakes us for it. */
	loop_io_set(c->io, events[c->wait] | (c->resume ? EPOLLOUT : 0));
	if (c->broken)
		loop_timer_set(c->timer, 0);
	else if (c->wait == WAIT_CALL || (c->wait == WAIT_REQUEST && c->trusted))
		loop_timer_set(c->timer, LOOP_TIMER_OFF);
	else if (c->wait != before || moved)
		loop_timer_set(c->timer, c->server->spec.idle_msec);
}

/* Who has waited longest for a request to come; NULL: all are at work, or trusted. */
static struct connection *most_silent(const struct varlink_server *server)
{
	struct connection *found = NULL;

	for (struct connection *c = server->connections; c; c = c->next)
		if (c->wait == WAIT_REQUEST && !c->trusted && (!found || c->since < found->since))
			found = c;
	return found;
}

static void listen_if_room(struct varlink_server *server)
{
	const struct connection *silent = most_silent(server);
	int64_t left = silent ? silent->since + FRAME_SILENT_MSEC - loop_now() : 0;
	bool full = server->n_connections >= FRAME_CONNECTIONS_MAX;
	bool room = !full || (silent && left <= 0);

	loop_timer_set(server->room, full && left > 0 ? left : LOOP_TIMER_OFF);
	for (struct listener *l = server->listeners; l; l = l->next)
		loop_io_set(l->io, room ? EPOLLIN : 0);
}

static void count_connections(struct varlink_server *server, size_t n)
{
	server->n_connections = n;
	listen_if_room(server);
	if (server->spec.on_connections)
		server->spec.on_connections(n, server->spec.watcher);
}

static void connection_free(struct connection *c)
{
	if (!c)
		return;
	if (c->call)
		c->call->connection = NULL;
	loop_io_free(c->io);
	loop_timer_free(c->timer);
	frame_reader_deinit(&c->in);
	frame_queue_deinit(&c->out);
	closep(&c->fd);
	free(c);
}
DEFINE_CLEANUP(struct connection *, connection_free);

static void disconnect(struct connection *c)
{
	struct varlink_server *server = c->server;

	for (struct connection **at = &server->connections; *at; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			break;
		}
	connection_free(c);
	count_connections(server, server->n_connections - 1);
}

static void on_late(void *userdata)
{
	disconnect(userdata);
}

/* ---- requests ---------------------------------------------------------------------------------*/

static void get_info(struct varlink_call *call, void *userdata _unused_)
{
	const struct varlink_server_spec *spec = &call->connection->server->spec;
	json_t *interfaces = json_array();
	json_t *info = json_object();

	json_array_append_new(interfaces, json_string(SERVICE));
	json_array_append_new(interfaces, json_string(spec->interface));
	json_object_set_new(info, "vendor", json_string(spec->vendor));
	json_object_set_new(info, "product", json_string(spec->product));
	json_object_set_new(info, "version", json_string(spec->version));
	json_object_set_new(info, "url", json_string(spec->url));
	json_object_set_new(info, "interfaces", interfaces);
	varlink_call_reply(call, info);
}

static void error_naming(struct varlink_call *call, const char *error, const char *key,
			 const char *value)
{
	json_t *parameters = json_object();

	json_object_set_new(parameters, key, json_string(value));
	varlink_call_error(call, error, parameters);
}

static void get_description(struct varlink_call *call, void *userdata _unused_)
{
	const char *interface =
		json_string_value(json_object_get(call->request.parameters, "interface"));
	const char *served = call->connection->server->spec.interface;
	const char *text =
		streq(interface, served) || streq(interface, SERVICE) ? idl_text(interface) : NULL;
	json_t *parameters;

	if (!text) {
		error_naming(call, SERVICE ".InterfaceNotFound", "interface", interface);
		return;
	}
	parameters = json_object();
	json_object_set_new(parameters, "description", json_string(text));
	varlink_call_reply(call, parameters);
}

static const struct varlink_method service_methods[] = {
	{ "GetInfo", get_info, NULL },
	{ "GetInterfaceDescription", get_description,
	  (const struct varlink_field[]){ { "interface", JSON_STRING, false }, { NULL } } },
	{ NULL },
};

static bool fits(json_t *value, const struct varlink_field *field)
{
	if (!value || json_is_null(value))
		return field->optional;
	if (field->type == JSON_TRUE)
		return json_is_boolean(value);
	return json_typeof(value) == field->type;
}

static bool is_known(const char *name, const struct varlink_field *fields)
{
	for (const struct varlink_field *f = fields; f && f->name; f++)
		if (streq(f->name, name))
			return true;
	return false;
}

const char *varlink_check(json_t *object, const struct varlink_field *fields)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value) if (!is_known(name, fields)) return name;
	for (const struct varlink_field *f = fields; f && f->name; f++)
		if (!fits(json_object_get(object, f->name), f))
			return f->name;
	return NULL;
}

static void dispatch(struct varlink_call *call)
{
	const struct varlink_server_spec *spec = &call->connection->server->spec;
	const struct message_request *request = &call->request;
	const struct varlink_method *method = NULL;
	const char *wrong;

	if (streq(request->interface, SERVICE))
		method = service_methods;
	else if (streq(request->interface, spec->interface))
		method = spec->methods;
	if (!method) {
		error_naming(call, SERVICE ".InterfaceNotFound", "interface", request->interface);
		return;
	}
	while (method->name && !streq(method->name, request->member))
		method++;
	if (!method->name) {
		error_naming(call, SERVICE ".MethodNotFound", "method", request->method);
		return;
	}
	wrong = varlink_check(request->parameters, method->needs);
	if (wrong)
		varlink_call_invalid(call, wrong);
	else
		method->fn(call, spec->userdata);
}

/* Starts the calls that have arrived, as long as each is answered at once. */
static void take_requests(struct connection *c)
{
	const char *text = NULL;
	size_t len = 0;
	int r = 0;

	while (!c->broken && !c->call && !n_waiting(c) &&
	       (r = frame_next(&c->in, &text, &len)) == 1) {
		struct varlink_call *call = xcalloc(1, sizeof(*call));

		if (message_parse_request(text, len, &call->request, NULL) < 0) {
			free(call);
			c->broken = true;
			return;
		}
		call->connection = c;
		c->call = call;
		dispatch(call);
	}
	if (r < 0)
		c->broken = true;
}

/* ---- input and output -------------------------------------------------------------------------*/

/* Returns whether bytes were taken. */
static bool send_some(struct connection *c)
{
	const char *bytes;
	size_t len = frame_waiting(&c->out, &bytes);
	ssize_t n = len ? send(c->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		c->broken = true;
	if (n > 0)
		frame_written(&c->out, (size_t)n);
	return n > 0;
}

static void receive_some(struct connection *c)
{
	char bytes[16384];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0)
		frame_push(&c->in, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		c->broken = true;
}

static void on_ready(uint32_t events, void *userdata)
{
	struct connection *c = userdata;
	bool moved = false;

	if (events & (EPOLLERR | EPOLLHUP) && !(events & EPOLLIN))
		c->broken = true;
	if (events & EPOLLOUT)
		moved = send_some(c);
	if (events & EPOLLIN)
		receive_some(c);
	c->resume = false;
	take_requests(c);
	if (c->broken)
		disconnect(c);
	else
		settle(c, moved);
}

static void on_room(void *userdata)
{
	listen_if_room(userdata);
}

static size_t n_of_user(const struct varlink_server *server, uid_t uid)
{
	size_t n = 0;

	for (const struct connection *c = server->connections; c; c = c->next)
		n += !c->trusted && c->uid == uid;
	return n;
}

static bool has_too_many(const struct varlink_server *server, uid_t uid)
{
	return uid != 0 && uid != geteuid() && n_of_user(server, uid) >= FRAME_CONNECTIONS_PER_USER;
}

static int connect_peer(struct varlink_server *server, int fd, bool trusted, struct err *err)
{
	_cleanup_(connection_freep)
	struct connection *c = xcalloc(1, sizeof(*c));

	c->fd = fd;
	c->server = server;
	c->trusted = trusted;
	c->since = loop_now();
	frame_reader_init(&c->in, FRAME_REQUEST_MAX);
	frame_queue_init(&c->out, FRAME_QUEUE_MAX);
	if (loop_io_new(server->loop, fd, EPOLLIN, on_ready, c, &c->io, err) < 0)
		return -1;
	c->timer = loop_timer_new(server->loop, on_late, c);
	settle(c, true);
	c->next = server->connections;
	server->connections = TAKE_PTR(c);
	count_connections(server, server->n_connections + 1);
	return 0;
}

int varlink_server_add(struct varlink_server *server, int fd, struct err *err)
{
	int type = 0;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM) {
		close(fd);
		return err_set(err, EXIT_STATUS_USAGE,
			       "file descriptor %d is not a connected stream socket", fd);
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return connect_peer(server, fd, true, err);
}

/* ---- listening --------------------------------------------------------------------------------*/

static void on_connect(uint32_t events _unused_, void *userdata)
{
	struct listener *l = userdata;
	struct varlink_server *server = l->server;
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);
	int fd;

	if (server->n_connections >= FRAME_CONNECTIONS_MAX) {
		struct connection *silent = most_silent(server);

		if (!silent)
			return;
		disconnect(silent);
	}
	fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0) /* he has thought better of it */
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
	    has_too_many(server, cred.uid)) {
		close(fd);
		return;
	}
	if (connect_peer(server, fd, false, NULL) == 0) /* @fd is consumed in any case */
		server->connections->uid = cred.uid;
}

static void listener_free(struct listener *l)
{
	if (!l)
		return;
	loop_io_free(l->io);
	closep(&l->fd);
	if (l->path)
		unlink(l->path);
	free(l->path);
	free(l);
}
DEFINE_CLEANUP(struct listener *, listener_free);

/* Removes the socket of a server that has ended. */
static int remove_stale(const struct sockaddr_un *address, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const char *path = address->sun_path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, EXIT_STATUS_USAGE,
			       "cannot listen on %s: there is a file that is not a socket", path);
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return err_set(err, EXIT_STATUS_TEMPFAIL,
			       "cannot listen on %s: another klpd does already", path);
	if (errno == ECONNREFUSED)
		unlink(path);
	return 0;
}

/* Takes over @l. */
static int serve_listener(struct listener *l, struct err *err)
{
	_cleanup_(listener_freep)
	struct listener *owned = l;

	if (loop_io_new(l->server->loop, l->fd, EPOLLIN, on_connect, l, &l->io, err) < 0)
		return -1;
	l->next = l->server->listeners;
	l->server->listeners = TAKE_PTR(owned);
	return 0;
}

static struct listener *listener_new(struct varlink_server *server, int fd)
{
	struct listener *l = xcalloc(1, sizeof(*l));

	l->server = server;
	l->fd = fd;
	return l;
}

int varlink_server_adopt(struct varlink_server *server, int fd, struct err *err)
{
	int listening = 0;
	socklen_t len = sizeof(listening);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 || !listening ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		close(fd);
		return err_set(err, EXIT_STATUS_USAGE,
			       "file descriptor %d is not a listening socket", fd);
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return serve_listener(listener_new(server, fd), err);
}

int varlink_server_listen(struct varlink_server *server, const char *path, struct err *err)
{
	_cleanup_(listener_freep)
	struct listener *l = listener_new(
		server, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (l->fd < 0)
		return err_set_errno(err, EXIT_STATUS_SOFTWARE, errno, "cannot make a socket");
	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(err, EXIT_STATUS_USAGE,
			       "cannot listen on %s: a socket's path has at most %zu bytes", path,
			       sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path));
	if (remove_stale(&address, err) < 0)
		return -1;
	if (bind(l->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "cannot listen on %s", path);
	l->path = xstrdup(path);
	if (chmod(path, 0666) < 0 || listen(l->fd, SOMAXCONN) < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "cannot listen on %s", path);
	return serve_listener(TAKE_PTR(l), err);
}

struct varlink_server *varlink_server_new(struct loop *loop, const struct varlink_server_spec *spec)
{
	struct varlink_server *server = xcalloc(1, sizeof(*server));

	server->loop = loop;
	server->spec = *spec;
	server->room = loop_timer_new(loop, on_room, server);
	return server;
}

void varlink_server_free(struct varlink_server *server)
{
	if (!server)
		return;
	for (struct connection *c = server->connections, *next; c; c = next) {
		next = c->next;
		send_some(c); /* what was answered already */
		connection_free(c);
	}
	for (struct listener *l = server->listeners, *next; l; l = next) {
		next = l->next;
		listener_free(l);
	}
	loop_timer_free(server->room);
	free(server);
}

/* ---- calls ------------------------------------------------------------------------------------*/

json_t *varlink_call_parameters(const struct varlink_call *call)
{
	return call->request.parameters;
}

bool varlink_call_more(const struct varlink_call *call)
{
	return call->request.more;
}

bool varlink_call_trusted(const struct varlink_call *call)
{
	return call->connection && call->connection->trusted;
}

bool varlink_call_peer(const struct varlink_call *call, struct varlink_peer *ret)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (!call->connection ||
	    getsockopt(call->connection->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	*ret = (struct varlink_peer){ cred.uid, cred.pid };
	return true;
}

bool varlink_call_in_group(const struct varlink_call *call, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (!call->connection ||
	    getsockopt(call->connection->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	if (cred.gid == group)
		return true;
	len = sizeof(groups);
	if (getsockopt(call->connection->fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(gid_t); i++)
		if (groups[i] == group)
			return true;
	return false;
}

bool varlink_call_gone(const struct varlink_call *call)
{
	return !call->connection;
}

/* Queues @text, which is consumed, unless nobody waits for it. */
static void answer(struct varlink_call *call, char *text)
{
	struct connection *c = call->connection;
	size_t len = strlen(text);

	if (c && !call->request.oneway &&
	    (len > FRAME_REPLY_MAX || frame_put(&c->out, text, len) < 0))
		c->broken = true;
	if (c)
		settle(c, false);
	free(text);
}

static void end(struct varlink_call *call)
{
	struct connection *c = call->connection;

	if (c) {
		c->call = NULL;
		c->resume = true;
		settle(c, false);
	}
	message_request_deinit(&call->request);
	free(call);
}

void varlink_call_progress(struct varlink_call *call, json_t *parameters)
{
	if (call->request.more)
		answer(call, message_format_reply(parameters, true));
	else
		json_decref(parameters);
}

void varlink_call_reply(struct varlink_call *call, json_t *parameters)
{
	answer(call, message_format_reply(parameters, false));
	end(call);
}

void varlink_call_error(struct varlink_call *call, const char *error, json_t *parameters)
{
	answer(call, message_format_error(error, parameters));
	end(call);
}

void varlink_call_invalid(struct varlink_call *call, const char *parameter)
{
	error_naming(call, SERVICE ".InvalidParameter", "parameter", parameter);
}

void varlink_call_drop(struct varlink_call *call)
{
	if (!call)
		return;
	if (call->connection)
		call->connection->broken = true;
	end(call);
}

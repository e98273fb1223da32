// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Varlink server on the event loop: one interface, beside org.varlink.service
 *
 * A connection has one call at a time; what it sends meanwhile waits in the socket. The limits are
 * those of ipc/frame.h: who sends garbage, too much, too slowly, or does not read its replies is
 * disconnected. Parameters are checked against the method's table before its function is called.
 */

#include "base/err.h"
#include "base/loop.h"

#include <jansson.h>
#include <sys/types.h>

struct varlink_server;
struct varlink_call;

/* One parameter. JSON_TRUE stands for both booleans. */
struct varlink_field {
	const char *name; /* NULL ends the table */
	json_type type;
	bool optional; /* may be absent or null */
};

/*
 * Takes over @call: now or later it ends it by exactly one of varlink_call_reply(), _error(),
 * _invalid() and _drop().
 */
typedef void (*varlink_method_fn)(struct varlink_call *call, void *userdata);

struct varlink_method {
	const char *name; /* without its interface; NULL ends the table */
	varlink_method_fn fn;
	const struct varlink_field *needs; /* NULL: no parameters */
};

struct varlink_server_spec {
	const char *vendor, *product, *version, *url; /* for GetInfo */
	const char *interface;			      /* described by ipc/idl.h */
	const struct varlink_method *methods;
	int64_t idle_msec; /* FRAME_IDLE_MSEC, but for tests */
	void *userdata;	   /* of the methods */
	/* NULL, or told how many connections there are, after one was opened or closed. */
	void (*on_connections)(size_t n, void *watcher);
	void *watcher;
};

_returns_nonnull_ struct varlink_server *varlink_server_new(struct loop *loop,
							    const struct varlink_server_spec *spec);
/* Disconnects everybody, after a last try to send what was answered; removes the names of sockets
 * that it made. Accepts NULL. */
void varlink_server_free(struct varlink_server *server);
DEFINE_CLEANUP(struct varlink_server *, varlink_server_free);

/*
 * Listens on a new socket at @path, which everybody may connect to. The socket of a server that has
 * ended is replaced; one that answers is an error (TEMPFAIL), and so is any other file.
 */
_must_check_ int varlink_server_listen(struct varlink_server *server, const char *path,
				       struct err *err);
/* The same on @fd, a listening socket that somebody else has made and keeps; consumed. */
_must_check_ int varlink_server_adopt(struct varlink_server *server, int fd, struct err *err);
/*
 * Serves the connected stream socket @fd, consumed also on failure. It belongs to whoever started
 * us: its calls are trusted, and it is not disconnected for being idle.
 */
_must_check_ int varlink_server_add(struct varlink_server *server, int fd, struct err *err);

/* An object, borrowed until the call ends. */
json_t *varlink_call_parameters(const struct varlink_call *call);
/* The caller takes continued replies. */
bool varlink_call_more(const struct varlink_call *call);
bool varlink_call_trusted(const struct varlink_call *call);
/* Who connected, as the kernel says (SO_PEERCRED): false when that is not known. */
struct varlink_peer {
	int64_t uid, pid;
};
bool varlink_call_peer(const struct varlink_call *call, struct varlink_peer *ret);
/* Its primary group or one of the others (SO_PEERGROUPS); false when that is not known. */
bool varlink_call_in_group(const struct varlink_call *call, gid_t group);
/* The caller has disconnected: nobody will see the answer. */
bool varlink_call_gone(const struct varlink_call *call);

/* @parameters are consumed; NULL: none. Nothing is sent to a caller that did not ask for more. */
void varlink_call_progress(struct varlink_call *call, json_t *parameters);
void varlink_call_reply(struct varlink_call *call, json_t *parameters);
/* @error: the full name, "io.klpd.Agent.Failed". */
void varlink_call_error(struct varlink_call *call, const char *error, json_t *parameters);
/* org.varlink.service.InvalidParameter, naming @parameter. */
void varlink_call_invalid(struct varlink_call *call, const char *parameter);
/* Ends the call without an answer: the connection is closed. Accepts NULL. */
void varlink_call_drop(struct varlink_call *call);

/* The first of @object's members that @fields does not allow or that it lacks, or NULL. */
const char *varlink_check(json_t *object, const struct varlink_field *fields);

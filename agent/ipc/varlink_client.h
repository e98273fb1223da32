// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Varlink client: blocking calls on one connection
 *
 * One call at a time. A connection on which a call failed half-way (deadline, closed, garbage) is
 * of no further use: every later call fails the same way.
 */

#include "base/err.h"

#include <jansson.h>

#define VARLINK_AGENT_SOCKET "/run/klpd/io.klpd.Agent"

struct varlink_client;

/* Connects to the socket at @path: a descriptor, or -1 with @err naming the path and what to do. */
_must_check_ int varlink_connect(const char *path, struct err *err);
/* The same, for a client: 0, or -1 with @err. */
_must_check_ int varlink_client_connect(const char *path, struct varlink_client **ret,
					struct err *err);
/* Speaks on the connected stream socket @fd, which is consumed. */
_returns_nonnull_ struct varlink_client *varlink_client_from_fd(int fd);
/* Closes the connection. Accepts NULL. */
void varlink_client_free(struct varlink_client *client);
DEFINE_CLEANUP(struct varlink_client *, varlink_client_free);

/* The parameters of one continued reply; borrowed for the time of the call. */
typedef void (*varlink_progress_fn)(json_t *parameters, void *userdata);

/**
 * varlink_client_call() - call a method and wait for its final reply
 * @method:       full name, "io.klpd.Agent.Scan"
 * @parameters:   an object, consumed; NULL: none
 * @timeout_sec:  seconds for the whole call; negative: no limit
 * @progress:     called for each continued reply; NULL: none are asked for
 * @ret:          parameters of the final reply; a new reference for the caller
 *
 * Return: 0, or -1 with @err: status and message of io.klpd.Agent.Failed as they came; for the
 * other errors the status from the table in the source and a sentence; UNAVAILABLE if the
 * connection is lost, TEMPFAIL at the deadline.
 */
_must_check_ int varlink_client_call(struct varlink_client *client, const char *method,
				     json_t *parameters, int timeout_sec,
				     varlink_progress_fn progress, void *userdata, json_t **ret,
				     struct err *err);

/* Name of the error with which the last call was answered ("io.klpd.Agent.NoReport"), or NULL. */
const char *varlink_client_error(const struct varlink_client *client);

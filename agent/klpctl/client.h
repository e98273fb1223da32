// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Reaching an agent: the system's, or one that is started for this call
 *
 * Both speak the same Varlink (agent/ipc/io.klpd.Agent.varlink). A private agent is klpd on one end
 * of a socketpair; it ends when this end is closed.
 */

#include "base/err.h"
#include "klpctl/options.h"

#include <jansson.h>

struct client;

/* Nothing is started or connected before the first call. @options must outlive the client. */
_returns_nonnull_ struct client *client_new(const struct options *options);
void client_free(struct client *client);
DEFINE_CLEANUP(struct client *, client_free);

/* From now on a private agent is meant, whatever the options say. Before the first call. */
void client_want_private(struct client *client);
/* The private agent reads its settings from @file. */
void client_use_config(struct client *client, const char *file);

/**
 * client_call() - ask the agent
 * @method:     of io.klpd.Agent, "Scan"
 * @parameters: consumed; NULL: none
 * @progress:   show a progress line while waiting, where somebody can see it
 * @ret:        parameters of the reply, to be released by the caller
 *
 * Return: 0, or -1 with @err; for a private agent that could not start its own sentence and status.
 */
_must_check_ int client_call(struct client *client, const char *method, json_t *parameters,
			     bool progress, json_t **ret, struct err *err);

/* The last call was put off (io.klpd.Agent.Held). */
bool client_was_held(const struct client *client);

/* ScanOptions as the command line has them. */
_returns_nonnull_ json_t *client_scan_options(struct client *client);
/*
 * Sets @key to what names a baseline or a list: a name or a URL as it is, a file by its whole path.
 * Files are ours to read and not the system's agent's: for that one @key_text is the content. What
 * cannot be read is told by the next client_call().
 */
void client_put_document(struct client *client, json_t *object, const char *key, const char *name);
/* A path that means the same to a process with another working directory; to be freed. */
_returns_nonnull_ char *client_absolute_path(const char *path);
/* Whether a baseline is named by its file. */
bool client_is_path(const char *name);

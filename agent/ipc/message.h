// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Varlink messages: the JSON objects that travel in frames (https://varlink.org/Method-Call)
 *
 * A request is {"method", "parameters", "more", "oneway"}, a reply {"parameters", "continues"}, an
 * error {"error", "parameters"}. No I/O. Parsed JSON belongs to the message and is released with
 * it; JSON given to a function that makes a text is consumed.
 */

#include "base/err.h"

#include <jansson.h>

struct message_request {
	json_t *json;
	const char *method; /* "io.klpd.Agent.Scan" */
	char *interface;    /* "io.klpd.Agent" */
	const char *member; /* "Scan" */
	json_t *parameters; /* an object; empty when the caller gave none */
	bool more, oneway;
};

struct message_reply {
	json_t *json;
	const char *error;  /* name of an error, or NULL */
	json_t *parameters; /* an object, never NULL */
	bool continues;
};

/*
 * Each returns 0, or -1 with @err (DATA) saying what is wrong; @ret then needs no release. Unknown
 * members are ignored, as the protocol asks; wrong types and duplicate members are refused.
 */
_must_check_ int message_parse_request(const char *text, size_t len, struct message_request *ret,
				       struct err *err);
_must_check_ int message_parse_reply(const char *text, size_t len, struct message_reply *ret,
				     struct err *err);
void message_request_deinit(struct message_request *request);
void message_reply_deinit(struct message_reply *reply);

/* The texts, to be freed by the caller. @parameters is consumed and may be NULL. */
char *message_format_call(const char *method, json_t *parameters, bool more);
char *message_format_reply(json_t *parameters, bool continues);
char *message_format_error(const char *error, json_t *parameters);

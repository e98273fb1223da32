// SPDX-License-Identifier: Apache-2.0
#include "ipc/message.h"

#include "base/alloc.h"

static json_t *parse_object(const char *text, size_t len, struct err *err)
{
	json_error_t why;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);

	if (!json) {
		err_set(err, EXIT_STATUS_DATA, "message is not JSON: %s (byte %d)", why.text,
			why.position);
		return NULL;
	}
	if (json_is_object(json))
		return json;
	json_decref(json);
	err_set(err, EXIT_STATUS_DATA, "message is not a JSON object");
	return NULL;
}

static int get_text(json_t *json, const char *key, const char **ret, struct err *err)
{
	json_t *value = json_object_get(json, key);

	if (!value || json_is_null(value)) {
		*ret = NULL;
		return 0;
	}
	if (!json_is_string(value))
		return err_set(err, EXIT_STATUS_DATA, "\"%s\" of the message is not a string", key);
	*ret = json_string_value(value);
	return 0;
}

static int get_flag(json_t *json, const char *key, bool *ret, struct err *err)
{
	json_t *value = json_object_get(json, key);

	if (value && !json_is_boolean(value) && !json_is_null(value))
		return err_set(err, EXIT_STATUS_DATA, "\"%s\" of the message is not a boolean",
			       key);
	*ret = json_is_true(value);
	return 0;
}

/* Absent and null parameters become an empty object, which then is part of the message. */
static int get_parameters(json_t *json, json_t **ret, struct err *err)
{
	json_t *value = json_object_get(json, "parameters");

	if (!value || json_is_null(value)) {
		value = json_object();
		json_object_set_new(json, "parameters", value);
	}
	if (!json_is_object(value))
		return err_set(err, EXIT_STATUS_DATA,
			       "\"parameters\" of the message is not an object");
	*ret = value;
	return 0;
}

static int read_request(struct message_request *request, struct err *err)
{
	const char *dot;

	if (get_text(request->json, "method", &request->method, err) < 0 ||
	    get_parameters(request->json, &request->parameters, err) < 0 ||
	    get_flag(request->json, "more", &request->more, err) < 0 ||
	    get_flag(request->json, "oneway", &request->oneway, err) < 0)
		return -1;
	if (!request->method)
		return err_set(err, EXIT_STATUS_DATA, "message names no method");
	dot = strrchr(request->method, '.');
	if (!dot || dot == request->method || !dot[1])
		return err_set(err, EXIT_STATUS_DATA, "method has no interface in its name");
	request->member = dot + 1;
	request->interface = xstrndup(request->method, (size_t)(dot - request->method));
	return 0;
}

int message_parse_request(const char *text, size_t len, struct message_request *ret,
			  struct err *err)
{
	struct message_request request = { .json = parse_object(text, len, err) };

	if (!request.json)
		return -1;
	if (read_request(&request, err) < 0) {
		message_request_deinit(&request);
		return -1;
	}
	*ret = request;
	return 0;
}

int message_parse_reply(const char *text, size_t len, struct message_reply *ret, struct err *err)
{
	struct message_reply reply = { .json = parse_object(text, len, err) };

	if (!reply.json)
		return -1;
	if (get_text(reply.json, "error", &reply.error, err) < 0 ||
	    get_parameters(reply.json, &reply.parameters, err) < 0 ||
	    get_flag(reply.json, "continues", &reply.continues, err) < 0) {
		message_reply_deinit(&reply);
		return -1;
	}
	*ret = reply;
	return 0;
}

void message_request_deinit(struct message_request *request)
{
	json_decref(request->json);
	free(request->interface);
	*request = (struct message_request){ 0 };
}

void message_reply_deinit(struct message_reply *reply)
{
	json_decref(reply->json);
	*reply = (struct message_reply){ 0 };
}

static char *format(const char *key, const char *name, json_t *parameters, const char *flag)
{
	json_t *json = json_object();
	char *text;

	if (key)
		json_object_set_new(json, key, json_string(name));
	json_object_set_new(json, "parameters", parameters ? parameters : json_object());
	if (flag)
		json_object_set_new(json, flag, json_true());
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	/* What was parsed or built by jansson can be written by it, but for memory. */
	return text ? text : xstrdup("{}");
}

char *message_format_call(const char *method, json_t *parameters, bool more)
{
	return format("method", method, parameters, more ? "more" : NULL);
}

char *message_format_reply(json_t *parameters, bool continues)
{
	return format(NULL, NULL, parameters, continues ? "continues" : NULL);
}

char *message_format_error(const char *error, json_t *parameters)
{
	return format("error", error, parameters, NULL);
}

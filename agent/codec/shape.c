// SPDX-License-Identifier: Apache-2.0
#include "codec/shape.h"

#include <stdio.h>

int shape_err(struct shape_reader *reader, const char *fmt, ...)
{
	_cleanup_free_ char *sentence = NULL;
	const char *place = *reader->path ? reader->path : "document";
	va_list ap;

	va_start(ap, fmt);
	sentence = xvasprintf(fmt, ap);
	va_end(ap);
	return err_set(reader->err, EXIT_STATUS_DATA, "%s: %s: %s", reader->file, place, sentence);
}

/* Makes the path one step longer; returns the length to go back to with path_leave(). */
static _printf_(2, 3) size_t path_enter(struct shape_reader *reader, const char *fmt, ...)
{
	size_t len = strlen(reader->path);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reader->path + len, sizeof(reader->path) - len, fmt, ap);
	va_end(ap);
	return len;
}

static void path_leave(struct shape_reader *reader, size_t len)
{
	reader->path[len] = '\0';
}

static json_t *list_write(const struct shape_field *field, const char *base, const void *context)
{
	const char *items = *(const char *const *)(base + field->offset);
	size_t n = *(const size_t *)(base + field->count_offset);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			list, shape_write(field->type, items + i * field->type->size, context));
	return list;
}

json_t *shape_write(const struct shape_type *type, const void *value, const void *context)
{
	json_t *object;

	if (!type->fields)
		return type->write(value, context);
	object = json_object();
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct shape_field *field = &type->fields[i];

		json_object_set_new(object, field->key,
				    field->max ? list_write(field, value, context)
					       : shape_write(field->type,
							     (const char *)value + field->offset,
							     context));
	}
	return object;
}

static int list_read(struct shape_reader *reader, const struct shape_field *field,
		     const json_t *json, char *base)
{
	size_t n = json_array_size(json), size = field->type->size;
	char **items = (char **)(base + field->offset);

	if (!json_is_array(json))
		return shape_err(reader, "must be a list");
	if (n > field->max)
		return shape_err(reader, "has %zu entries, more than the limit of %zu", n,
				 field->max);
	for (size_t i = 0; i < n; i++) {
		size_t mark = path_enter(reader, "[%zu]", i);

		/* Room as ARENA_PUSH() makes it, so that the list can go on growing. */
		*items = arena_grow(reader->arena, *items, i, size);
		if (shape_read(reader, field->type, json_array_get(json, i), *items + i * size) < 0)
			return -1;
		path_leave(reader, mark);
	}
	*(size_t *)(base + field->count_offset) = n;
	return 0;
}

static int field_read(struct shape_reader *reader, const struct shape_field *field,
		      const json_t *object, char *base)
{
	const json_t *json = json_object_get(object, field->key);
	size_t mark;
	int r;

	if (!json && field->required)
		return shape_err(reader, "lacks \"%s\"", field->key);
	/* An object that is left out still has the defaults of its fields. */
	if (!json && (field->max || !field->type->fields))
		return 0;
	mark = path_enter(reader, "%s%s", *reader->path ? "." : "", field->key);
	if (!json) {
		if (field->type->defaults)
			field->type->defaults(base + field->offset);
		r = 0;
	} else if (field->max) {
		r = list_read(reader, field, json, base);
	} else {
		r = shape_read(reader, field->type, json, base + field->offset);
	}
	if (r == 0)
		path_leave(reader, mark);
	return r;
}

static bool has_key(const struct shape_type *type, const char *key)
{
	for (size_t i = 0; i < type->n_fields; i++)
		if (streq(type->fields[i].key, key))
			return true;
	return false;
}

int shape_read(struct shape_reader *reader, const struct shape_type *type, const json_t *json,
	       void *value)
{
	const char *key;
	json_t *member;

	if (!type->fields)
		return type->read(reader, json, value);
	if (!json_is_object(json))
		return shape_err(reader, "must be an object");
	json_object_foreach((json_t *)json, key, member) if (!has_key(type, key)) return shape_err(
		reader, "has an unknown key \"%.64s\"", key);
	if (type->defaults)
		type->defaults(value);
	for (size_t i = 0; i < type->n_fields; i++)
		if (field_read(reader, &type->fields[i], json, value) < 0)
			return -1;
	return 0;
}

static json_t *text_write(const void *value, const void *context _unused_)
{
	return jsonx_text(*(const char *const *)value);
}

static int text_read(struct shape_reader *reader, const json_t *json, void *value)
{
	if (!json_is_string(json) && !json_is_null(json))
		return shape_err(reader, "must be a string or null");
	*(char **)value = arena_strdup(reader->arena, json_string_value(json));
	return 0;
}

static int string_read(struct shape_reader *reader, const json_t *json, void *value)
{
	if (!json_is_string(json))
		return shape_err(reader, "must be a string");
	return text_read(reader, json, value);
}

static int name_read(struct shape_reader *reader, const json_t *json, void *value)
{
	if (!json_is_string(json) || json_string_length(json) == 0)
		return shape_err(reader, "must be a string that is not empty");
	return text_read(reader, json, value);
}

static json_t *bool_write(const void *value, const void *context _unused_)
{
	return json_boolean(*(const bool *)value);
}

static int bool_read(struct shape_reader *reader, const json_t *json, void *value)
{
	if (!json_is_boolean(json))
		return shape_err(reader, "must be true or false");
	*(bool *)value = json_is_true(json);
	return 0;
}

static json_t *tristate_write(const void *value, const void *context _unused_)
{
	return jsonx_tristate(*(const enum tristate *)value);
}

static int tristate_read(struct shape_reader *reader, const json_t *json, void *value)
{
	if (!json_is_boolean(json) && !json_is_null(json))
		return shape_err(reader, "must be true, false, or null for unknown");
	*(enum tristate *)value = json_is_null(json)   ? TRISTATE_UNKNOWN
				  : json_is_true(json) ? TRISTATE_YES
						       : TRISTATE_NO;
	return 0;
}

static json_t *time_write(const void *value, const void *context _unused_)
{
	return jsonx_time(*(const int64_t *)value);
}

int shape_parse_time(struct shape_reader *reader, const json_t *json, int64_t *ret)
{
	const char *text = json_string_value(json);
	char buf[TIMEX_TEXT_MAX];
	int64_t at;

	/* timex_parse() is lenient for the dates of the world; what we write has one spelling. */
	if (!text || timex_parse(text, &at) < 0 || !streq(timex_format(at, buf), text))
		return shape_err(reader, "must be a time like 2025-01-31T12:00:00Z");
	*ret = at;
	return 0;
}

static int time_read(struct shape_reader *reader, const json_t *json, void *value)
{
	if (!json_is_null(json))
		return shape_parse_time(reader, json, value);
	*(int64_t *)value = TIME_UNSET;
	return 0;
}

static json_t *flag_write(const void *value, const void *context _unused_)
{
	int flag = *(const int *)value;

	return flag < 0 ? json_null() : json_integer(flag);
}

static int flag_read(struct shape_reader *reader, const json_t *json, void *value)
{
	json_int_t flag = json_is_null(json) ? -1 : json_integer_value(json);

	if (!json_is_null(json) && (!json_is_integer(json) || flag < 0 || flag > 1))
		return shape_err(reader, "must be 0, 1, or null for unknown");
	*(int *)value = (int)flag;
	return 0;
}

const struct shape_type shape_text = { sizeof(char *), .write = text_write, .read = text_read };
const struct shape_type shape_string = { sizeof(char *), .write = text_write, .read = string_read };
const struct shape_type shape_name = { sizeof(char *), .write = text_write, .read = name_read };
const struct shape_type shape_bool = { sizeof(bool), .write = bool_write, .read = bool_read };
const struct shape_type shape_tristate = { sizeof(enum tristate), .write = tristate_write,
					   .read = tristate_read };
const struct shape_type shape_time = { sizeof(int64_t), .write = time_write, .read = time_read };
const struct shape_type shape_flag = { sizeof(int), .write = flag_write, .read = flag_read };

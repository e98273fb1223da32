// SPDX-License-Identifier: Apache-2.0
#include "fetch/request.h"

#include "base/timex.h"
#include "repo/fetch.h"

#include <jansson.h>

#define TIMEOUT_DEFAULT		  ((int64_t)300)
#define MAX_FILE_BYTES_DEFAULT	  ((int64_t)256 * 1024 * 1024)
#define MAX_PACKAGE_BYTES_DEFAULT ((int64_t)512 * 1024 * 1024)

static int take_globs(json_t *roles, struct arena *arena, struct request *into, struct err *err)
{
	const char *name;
	json_t *list, *item;
	size_t i;

	json_object_foreach(roles, name, list)
	{
		int role = repo_role_from_name(name);

		if (role < 0 || !json_is_array(list))
			return err_set(err, EXIT_STATUS_USAGE,
				       "the request's role '%s' is not known or no list", name);
		json_array_foreach(list, i, item)
		{
			if (!json_is_string(item))
				return err_set(err, EXIT_STATUS_USAGE,
					       "the request's role '%s' holds something that is "
					       "no pattern",
					       name);
			*ARENA_PUSH(arena, into->roles[role].globs, into->roles[role].n) =
				arena_strdup(arena, json_string_value(item));
		}
	}
	return 0;
}

static int take_primary(json_t *list, struct request *into, struct err *err)
{
	json_t *item;
	size_t i;

	into->primary = FETCH_ROLE(REPO_ROLE_LIVEPATCH);
	if (!list)
		return 0;
	into->primary = 0;
	if (!json_is_array(list))
		return err_set(err, EXIT_STATUS_USAGE, "the request's primary is no list");
	json_array_foreach(list, i, item)
	{
		const char *name = json_string_value(item);
		int role = name ? repo_role_from_name(name) : -1;

		if (role < 0)
			return err_set(err, EXIT_STATUS_USAGE,
				       "the request's primary holds something that is no role");
		into->primary |= FETCH_ROLE(role);
	}
	return 0;
}

static int take_package(json_t *item, struct arena *arena, struct package *into, struct err *err)
{
	const char *repository, *location, *type, *checksum, *name;
	json_error_t where;
	json_int_t size;

	if (json_unpack_ex(item, &where, 0, "{s:s,s:s,s:s,s:s,s:I,s:s!}", "repository", &repository,
			   "location", &location, "checksum_type", &type, "checksum", &checksum,
			   "size", &size, "name", &name) < 0)
		return err_set(err, EXIT_STATUS_USAGE,
			       "a package in the request is not as it should be: %s", where.text);
	*into = (struct package){
		.repository = arena_strdup(arena, repository),
		.location = arena_strdup(arena, location),
		.checksum_type = arena_strdup(arena, type),
		.checksum = arena_strdup(arena, checksum),
		.size = size,
		.label = arena_strdup(arena, name),
	};
	return package_check(into, err);
}

static int take_packages(json_t *list, struct arena *arena, struct request *into, struct err *err)
{
	json_t *item;
	size_t i;

	if (!list)
		return 0;
	into->download = true;
	if (!json_is_array(list))
		return err_set(err, EXIT_STATUS_USAGE, "the request's packages are no list");
	json_array_foreach(
		list, i, item) if (take_package(item, arena,
						ARENA_PUSH(arena, into->packages, into->n_packages),
						err) < 0) return -1;
	return 0;
}

static int take_document(json_t *item, struct arena *arena, struct document *into, struct err *err)
{
	const char *url, *name;
	json_error_t where;

	/* The sentence says what is wrong with the members, never what is in them. */
	if (json_unpack_ex(item, &where, 0, "{s:s,s:s!}", "url", &url, "name", &name) < 0)
		return err_set(err, EXIT_STATUS_USAGE,
			       "a document in the request is not as it should be: %s", where.text);
	*into = (struct document){
		.url = arena_strdup(arena, url),
		.label = arena_strdup(arena, name),
	};
	return document_check(into, err);
}

static int take_documents(json_t *list, struct arena *arena, struct request *into, struct err *err)
{
	json_t *item;
	size_t i;

	if (!list)
		return 0;
	if (!json_is_array(list) || json_array_size(list) == 0)
		return err_set(err, EXIT_STATUS_USAGE,
			       "the request's documents are no list, or an empty one");
	if (into->download)
		return err_set(err, EXIT_STATUS_USAGE,
			       "the request has both packages and documents");
	json_array_foreach(list, i, item)
	{
		struct document *d = ARENA_PUSH(arena, into->documents, into->n_documents);

		if (take_document(item, arena, d, err) < 0)
			return -1;
	}
	return 0;
}

static int check(const struct request *r, struct err *err)
{
	if (r->cache[0] != '/')
		return err_set(err, EXIT_STATUS_USAGE, "the request's cache '%s' is no whole path",
			       r->cache);
	if (r->max_file_bytes < 1)
		return err_set(err, EXIT_STATUS_USAGE, "the request's max_file_bytes is below 1");
	if (r->max_package_bytes < 1)
		return err_set(err, EXIT_STATUS_USAGE,
			       "the request's max_package_bytes is below 1");
	if (r->timeout < 1 || r->timeout > REQUEST_TIMEOUT_MAX)
		return err_set(err, EXIT_STATUS_USAGE, "the request's timeout is not 1 to %lld",
			       (long long)REQUEST_TIMEOUT_MAX);
	return 0;
}

int request_parse(const char *text, size_t len, struct arena *arena, struct request *ret,
		  struct err *err)
{
	json_int_t max = MAX_FILE_BYTES_DEFAULT, max_package = MAX_PACKAGE_BYTES_DEFAULT;
	json_t *root, *roles = NULL, *releasever = NULL, *arch = NULL;
	json_t *primary = NULL, *packages = NULL, *documents = NULL;
	const char *enable = NULL;
	json_int_t timeout = TIMEOUT_DEFAULT, now = timex_now();
	const char *root_path, *cache;
	struct request r = { .arena = arena };
	json_error_t where;
	int refresh = 0, ok;

	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (!root)
		return err_set(err, EXIT_STATUS_USAGE, "the request is no JSON: line %d: %s",
			       where.line, where.text);
	ok = json_unpack_ex(
		root, &where, 0, "{s:s,s:s,s?o,s?o,s:o,s?o,s?b,s?s,s?o,s?o,s?I,s?I,s?I,s?I!}",
		"root", &root_path, "cache", &cache, "releasever", &releasever, "arch", &arch,
		"roles", &roles, "primary", &primary, "refresh", &refresh, "enable", &enable,
		"packages", &packages, "documents", &documents, "max_file_bytes", &max,
		"max_package_bytes", &max_package, "timeout", &timeout, "now", &now);
	if (ok < 0) {
		err_set(err, EXIT_STATUS_USAGE, "the request is not as it should be: %s",
			where.text);
		json_decref(root);
		return -1;
	}
	r.root = arena_strdup(arena, root_path);
	r.cache = arena_strdup(arena, cache);
	r.releasever = arena_strdup(arena, json_string_value(releasever));
	r.arch = arena_strdup(arena, json_string_value(arch));
	r.refresh = refresh;
	r.enable = arena_strdup(arena, enable);
	r.max_file_bytes = max;
	r.max_package_bytes = max_package;
	r.timeout = timeout;
	r.now = now;
	ok = take_globs(roles, arena, &r, err) < 0 || take_primary(primary, &r, err) < 0 ||
			     take_packages(packages, arena, &r, err) < 0 ||
			     take_documents(documents, arena, &r, err) < 0
		     ? -1
		     : 0;
	json_decref(root);
	if (ok < 0 || check(&r, err) < 0)
		return -1;
	*ret = r;
	return 0;
}

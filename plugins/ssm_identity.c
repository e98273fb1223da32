// SPDX-License-Identifier: Apache-2.0
#include "ssm_identity.h"

#include "http.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define METADATA_MAX	 ((size_t)64 * 1024)
#define METADATA_MSEC	 2000
#define TOKEN_LIFE	 "300"
#define KEY_FILE_MAX	 ((size_t)1024 * 1024)
#define EXPIRES_SOON_SEC 60

/* ---- texts ------------------------------------------------------------------------------------*/

/* The first of the variables that is set, to be freed, or NULL. */
static char *from_environment(const char *const *names)
{
	for (size_t i = 0; names[i]; i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strdup(value);
	}
	return NULL;
}

static char *copy(const char *text)
{
	return text && *text ? strdup(text) : NULL;
}

static void fill(char **place, const char *text)
{
	if (!*place)
		*place = copy(text);
}

static void note(struct identity *identity, const char *what, const char *why)
{
	if (!identity->trouble && asprintf(&identity->trouble, "%s: %s", what, why) < 0)
		identity->trouble = NULL;
}

/* Under ProtectHome= there is nothing below /root and /home. */
static void note_file(struct identity *identity, const char *path, int error)
{
	bool hidden = error == ENOENT &&
		      (strncmp(path, "/root/", 6) == 0 || strncmp(path, "/home/", 6) == 0);

	note(identity, path,
	     hidden || error == EACCES
		     ? "user klpd may not read what the SSM Agent keeps there; klpd(8) says how to "
		       "let it"
		     : strerror(error));
}

/* All three at once, and where from. */
static void take_keys(struct identity *identity, const char *key, const char *secret,
		      const char *token, const char *source)
{
	if (identity->key || !key || !*key || !secret || !*secret)
		return;
	identity->key = copy(key);
	identity->secret = copy(secret);
	identity->token = copy(token);
	identity->source = copy(source);
}

/* ---- the environment --------------------------------------------------------------------------*/

static void look_environment(struct identity *identity)
{
	static const char *const ids[] = { "AWS_SSM_INSTANCE_ID", NULL };
	static const char *const regions[] = { "AWS_SSM_REGION_NAME", "AWS_REGION",
					       "AWS_DEFAULT_REGION", NULL };

	if (!identity->instance_id)
		identity->instance_id = from_environment(ids);
	if (!identity->region)
		identity->region = from_environment(regions);
	take_keys(identity, getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"),
		  getenv("AWS_SESSION_TOKEN"), "the environment");
}

/* ---- the SSM Agent's file of keys -------------------------------------------------------------*/

static char *trimmed(char *text)
{
	char *end = text + strlen(text);

	while (end > text && strchr(" \t\r\n", end[-1]))
		*--end = '\0';
	return text + strspn(text, " \t");
}

struct key_file {
	char *key, *secret, *token;
};

/* One line of the profile: "aws_access_key_id = AKIA..." */
static void take_line(struct key_file *keys, char *line)
{
	char *equals = strchr(line, '=');
	const struct {
		const char *name;
		char **place;
	} rows[] = {
		{ "aws_access_key_id", &keys->key },
		{ "aws_secret_access_key", &keys->secret },
		{ "aws_session_token", &keys->token },
	};

	if (!equals)
		return;
	*equals = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(trimmed(line), rows[i].name) == 0)
			fill(rows[i].place, trimmed(equals + 1));
}

static bool is_profile(char *line, const char *profile)
{
	size_t len = strlen(profile);

	line = trimmed(line);
	return line[0] == '[' && strncmp(line + 1, profile, len) == 0 && line[len + 1] == ']';
}

static void read_key_file(struct identity *identity, const char *path, const char *profile)
{
	struct key_file keys = { 0 };
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0, total = 0;
	bool inside = false;
	ssize_t n;

	if (!file) {
		note_file(identity, path, errno);
		return;
	}
	while ((n = getline(&line, &size, file)) > 0 && (total += (size_t)n) < KEY_FILE_MAX) {
		if (line[strspn(line, " \t")] == '[')
			inside = is_profile(line, profile);
		else if (inside)
			take_line(&keys, line);
	}
	fclose(file);
	free(line);
	take_keys(identity, keys.key, keys.secret, keys.token, path);
	free(keys.key);
	free(keys.secret);
	free(keys.token);
}

/* "2024-01-01T00:00:00Z", with or without parts of a second */
static bool is_past(const char *text)
{
	struct tm tm = { 0 };

	return text && strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) &&
	       timegm(&tm) <= time(NULL) + EXPIRES_SOON_SEC;
}

static const char *member(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

static void look_agent(struct identity *identity, const char *path)
{
	json_error_t why;
	FILE *file = fopen(path, "re");
	json_t *config;
	const char *keys, *profile;

	if (!file) {
		if (errno != ENOENT && errno != ENOTDIR)
			note_file(identity, path, errno);
		return;
	}
	config = json_loadf(file, 0, &why);
	fclose(file);
	if (!config) {
		note(identity, path, why.text);
		return;
	}
	fill(&identity->instance_id, member(config, "InstanceId"));
	keys = member(config, "ShareFile");
	profile = member(config, "ShareProfile");
	if (is_past(member(config, "CredentialsExpiresAt")))
		note(identity, path, "the keys of the SSM Agent have expired; is it running?");
	else if (*keys && !identity->key)
		read_key_file(identity, keys, *profile ? profile : "default");
	json_decref(config);
}

/* ---- EC2 --------------------------------------------------------------------------------------*/

struct metadata {
	struct identity *identity;
	const char *endpoint;
	char *token;
};

/* Whatever it answers, or NULL: nobody does. @ret_status: 404 there is no such thing. */
static char *ask(struct metadata *m, const char *method, const char *path, char *header,
		 long *ret_status)
{
	char *headers[] = { header, NULL }, why[HTTP_WHY_SIZE], *url = NULL;
	struct http_answer answer = { 0 };
	enum http_end end;

	*ret_status = 0;
	if (asprintf(&url, "%s%s", m->endpoint, path) < 0)
		return NULL;
	end = http_send(&(struct http_request){ .method = method,
						.url = url,
						.headers = headers,
						.max = METADATA_MAX,
						.timeout_msec = METADATA_MSEC,
						.direct = true },
			&answer, why);
	free(url);
	if (end != HTTP_ANSWERED)
		return NULL;
	*ret_status = answer.status;
	free(answer.head);
	return answer.body;
}

static bool open_session(struct metadata *m)
{
	char life[] = "X-aws-ec2-metadata-token-ttl-seconds: " TOKEN_LIFE;
	long status;
	char *token = ask(m, "PUT", "/latest/api/token", life, &status);

	free(m->token);
	m->token = NULL;
	if (token && status == 200 &&
	    asprintf(&m->token, "X-aws-ec2-metadata-token: %s", token) < 0)
		m->token = NULL;
	if (token && status == 403)
		note(m->identity, "instance metadata service", "it is switched off");
	free(token);
	return m->token != NULL;
}

/* To be freed, or NULL: it has none. A session that has ended is begun anew, once. */
static char *get(struct metadata *m, const char *path)
{
	for (int tries = 0; tries < 2; tries++) {
		long status;
		char *text =
			m->token || open_session(m) ? ask(m, "GET", path, m->token, &status) : NULL;

		if (text && status == 200)
			return text;
		free(text);
		if (!text || status != 401 || !open_session(m))
			return NULL;
	}
	return NULL;
}

static void take_metadata(struct metadata *m, char **place, const char *path)
{
	char *text = *place ? NULL : get(m, path);

	if (text)
		fill(place, trimmed(text));
	free(text);
}

static void take_role(struct metadata *m)
{
	static const char folder[] = "/latest/meta-data/iam/security-credentials/";
	char *role = get(m, folder), *path = NULL, *text = NULL;
	json_t *keys;

	if (role && *trimmed(role) &&
	    asprintf(&path, "%s%.*s", folder, (int)strcspn(role, "\r\n"), role) > 0)
		text = get(m, path);
	keys = text ? json_loads(text, 0, NULL) : NULL;
	if (keys && strcmp(member(keys, "Code"), "Success") == 0)
		take_keys(m->identity, member(keys, "AccessKeyId"), member(keys, "SecretAccessKey"),
			  member(keys, "Token"), "the instance's role");
	else if (!role)
		note(m->identity, "instance metadata service",
		     "the instance has no role; attach one with AmazonSSMManagedInstanceCore");
	else
		note(m->identity, "instance metadata service", "it has no keys of the role");
	json_decref(keys);
	free(text);
	free(path);
	free(role);
}

static void look_metadata(struct identity *identity, const char *endpoint)
{
	struct metadata m = { .identity = identity, .endpoint = endpoint };

	if (!*endpoint || identity_complete(identity) || !open_session(&m))
		return;
	take_metadata(&m, &identity->instance_id, "/latest/meta-data/instance-id");
	take_metadata(&m, &identity->region, "/latest/meta-data/placement/region");
	if (!identity->key)
		take_role(&m);
	free(m.token);
}

/* ---- all of them ------------------------------------------------------------------------------*/

void identity_find(const struct klpd_host *host, const struct places *places, struct identity *ret)
{
	*ret = (struct identity){ .instance_id = copy(places->instance_id),
				  .region = copy(places->region) };
	look_environment(ret);
	look_agent(ret, places->agent);
	look_metadata(ret, places->metadata);
	if (ret->trouble && !identity_complete(ret))
		host->log("warning", ret->trouble);
}

void identity_refresh(const struct klpd_host *host, const struct places *places,
		      struct identity *identity)
{
	struct identity fresh;

	identity_find(host, places, &fresh);
	if (fresh.key) {
		identity_clear(identity);
		*identity = fresh;
	} else {
		identity_clear(&fresh);
	}
}

bool identity_complete(const struct identity *identity)
{
	return identity->instance_id && identity->region && identity->key;
}

static void forget(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void identity_clear(struct identity *identity)
{
	free(identity->instance_id);
	free(identity->region);
	free(identity->key);
	forget(identity->secret);
	forget(identity->token);
	free(identity->source);
	free(identity->trouble);
	*identity = (struct identity){ 0 };
}

// SPDX-License-Identifier: Apache-2.0
#include "ssm_call.h"

#include "aws_sign.h"
#include "common.h"
#include "http.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX	 ((size_t)4 * 1024 * 1024)
#define ATTEMPT_MSEC	 15000
#define ATTEMPTS_MAX	 8
#define PAUSE_FIRST_MSEC 200
#define PAUSE_MAX_MSEC	 5000
#define SKEW_MIN_SEC	 60 /* less is the way of the answer */
#define MESSAGE_MAX	 300

/* ---- where to ---------------------------------------------------------------------------------*/

/* AWS's partitions by how the names of their Regions begin; the last one has all others. */
static const struct partition {
	const char *prefix, *suffix, *dual_suffix; /* NULL: there is no dual stack */
} partitions[] = {
	{ "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn" },
	{ "eusc-", "amazonaws.eu", "api.amazonwebservices.eu" },
	{ "us-iso-", "c2s.ic.gov", NULL },
	{ "us-isob-", "sc2s.sgov.gov", NULL },
	{ "", "amazonaws.com", "api.aws" },
};

static const struct partition *partition_of(const char *region)
{
	const struct partition *p = partitions;

	while (strncmp(region, p->prefix, strlen(p->prefix)) != 0)
		p++;
	return p;
}

/* To be freed, or NULL: there is none such. */
static char *ssm_host(const char *region, const struct endpoints *e)
{
	const struct partition *p = partition_of(region);
	/* in GovCloud the usual one is validated already */
	bool plain = !e->fips || (strncmp(region, "us-gov-", 7) == 0 && !e->dual_stack);
	char *host = NULL;

	if (e->dual_stack && !p->dual_suffix)
		return NULL;
	if (asprintf(&host, "ssm%s.%s.%s", plain ? "" : "-fips", region,
		     e->dual_stack ? p->dual_suffix : p->suffix) < 0)
		return NULL;
	return host;
}

static char *s3_host(const char *region, const struct endpoints *e)
{
	const struct partition *p = partition_of(region);
	char *host = NULL;

	if ((e->dual_stack && !p->dual_suffix) ||
	    asprintf(&host, "s3%s%s.%s.%s", e->fips ? "-fips" : "",
		     e->dual_stack ? ".dualstack" : "", region, p->suffix) < 0)
		return NULL;
	return host;
}

/* What stands between "//" and the path, to be freed. */
static char *host_of(const char *url)
{
	const char *host = strstr(url, "//");

	host = host ? host + 2 : url;
	return strndup(host, strcspn(host, "/"));
}

/* ---- what an error means ----------------------------------------------------------------------*/

enum meaning {
	MEANS_WAIT,
	MEANS_KEYS,   /* they are no longer, or not yet, good */
	MEANS_CLOCK,  /* or a wrong signature */
	MEANS_DENIED, /* a person must allow it */
	MEANS_FULL,
	MEANS_SMALLER,
	MEANS_NODE, /* AWS does not know it, yet */
	MEANS_NEVER,
};

static const struct {
	const char *name;
	enum meaning meaning;
} errors[] = {
	{ "ThrottlingException", MEANS_WAIT },
	{ "Throttling", MEANS_WAIT },
	{ "TooManyRequestsException", MEANS_WAIT },
	{ "RequestLimitExceeded", MEANS_WAIT },
	{ "SlowDown", MEANS_WAIT },
	{ "InternalServerError", MEANS_WAIT },
	{ "InternalFailure", MEANS_WAIT },
	{ "ServiceUnavailable", MEANS_WAIT },
	{ "ServiceUnavailableException", MEANS_WAIT },
	{ "ExpiredToken", MEANS_KEYS },
	{ "ExpiredTokenException", MEANS_KEYS },
	{ "UnrecognizedClientException", MEANS_KEYS },
	{ "InvalidClientTokenId", MEANS_KEYS },
	{ "InvalidToken", MEANS_KEYS },
	{ "InvalidAccessKeyId", MEANS_KEYS },
	{ "InvalidSignatureException", MEANS_CLOCK },
	{ "SignatureDoesNotMatch", MEANS_CLOCK },
	{ "RequestExpired", MEANS_CLOCK },
	{ "RequestTimeTooSkewed", MEANS_CLOCK },
	{ "AccessDenied", MEANS_DENIED },
	{ "AccessDeniedException", MEANS_DENIED },
	{ "InvalidItemContentException", MEANS_FULL },
	{ "ItemContentMismatchException", MEANS_FULL },
	{ "ItemSizeLimitExceededException", MEANS_SMALLER },
	{ "TotalSizeLimitExceededException", MEANS_SMALLER },
	{ "InvalidInstanceId", MEANS_NODE },
	{ "InvalidResourceId", MEANS_NODE },
};

struct trouble {
	char name[64];
	char message[MESSAGE_MAX + 1];
	enum meaning meaning;
};

static void put(char *to, size_t size, const char *text, size_t len)
{
	snprintf(to, size, "%.*s", (int)(len < size ? len : size - 1), text);
	for (char *p = to; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
}

/* "<Code>NAME</Code>", as S3 has it */
static void put_tag(char *to, size_t size, const char *body, const char *tag)
{
	const char *at = strstr(body, tag);

	if (at) {
		at += strlen(tag);
		put(to, size, at, strcspn(at, "<"));
	}
}

/* "com.amazonaws.ssm#NAME:more" */
static void put_type(struct trouble *t, const char *type)
{
	const char *hash = strrchr(type, '#');

	type = hash ? hash + 1 : type;
	put(t->name, sizeof(t->name), type, strcspn(type, ":"));
}

static struct trouble trouble_of(const struct http_answer *answer)
{
	struct trouble t = { .meaning = answer->status >= 500 || answer->status == 429
						? MEANS_WAIT
						: MEANS_NEVER };
	char *type = http_header(answer, "x-amzn-errortype");
	json_t *json = json_loads(answer->body, 0, NULL);
	const char *in_body = json_string_value(json_object_get(json, "__type"));
	const char *message = json_string_value(json_object_get(json, "message"));

	if (!message)
		message = json_string_value(json_object_get(json, "Message"));
	if (type || in_body)
		put_type(&t, type ? type : in_body);
	if (message)
		put(t.message, sizeof(t.message), message, strlen(message));
	if (!json) {
		put_tag(t.name, sizeof(t.name), answer->body, "<Code>");
		put_tag(t.message, sizeof(t.message), answer->body, "<Message>");
	}
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, t.name) == 0)
			t.meaning = errors[i].meaning;
	/* These quote what was signed, a session's token among it. */
	if (t.meaning == MEANS_CLOCK || t.meaning == MEANS_KEYS)
		t.message[0] = '\0';
	free(type);
	json_decref(json);
	return t;
}

/* ---- one attempt ------------------------------------------------------------------------------*/

struct target {
	const char *method;
	char *url, *host;
	const char *path; /* in @url, percent-encoded */
	const char *service, *action;
	char *region;
	const char *body;
	size_t max;
	bool open;   /* not signed */
	char *moved; /* out: the Region in which a bucket is */
};

static void target_clear(struct target *t)
{
	free(t->url);
	free(t->host);
	free(t->region);
	free(t->moved);
	*t = (struct target){ 0 };
}

static int64_t left_msec(const struct call *call)
{
	return (call->host->deadline - (int64_t)time(NULL) - 1) * 1000;
}

static char **sign(const struct call *call, const struct target *t)
{
	char *full = NULL;
	char **headers;
	struct aws_header own[2];
	size_t n = 0;

	if (t->action) {
		if (asprintf(&full, "AmazonSSM.%s", t->action) < 0)
			return NULL;
		own[n++] = (struct aws_header){ "content-type", "application/x-amz-json-1.1" };
		own[n++] = (struct aws_header){ "x-amz-target", full };
	}
	headers = aws_sign(&(struct aws_request){ .method = t->method,
						  .host = t->host,
						  .path = t->path,
						  .region = t->region,
						  .service = t->service,
						  .headers = own,
						  .n_headers = n,
						  .body = t->body,
						  .body_len = t->body ? strlen(t->body) : 0,
						  .now = (int64_t)time(NULL) + call->skew },
			   &(struct aws_keys){ .id = call->identity->key,
					       .secret = call->identity->secret,
					       .token = call->identity->token });
	free(full);
	return headers;
}

static enum http_end attempt(const struct call *call, const struct target *t,
			     struct http_answer *ret, char why[HTTP_WHY_SIZE])
{
	char **headers = t->open ? NULL : sign(call, t);
	int64_t left = left_msec(call);
	enum http_end end;

	if (!t->open && !headers) {
		snprintf(why, HTTP_WHY_SIZE, "out of memory");
		return HTTP_FAILED;
	}
	end = http_send(
		&(struct http_request){ .method = t->method,
					.url = t->url,
					.headers = headers,
					.body = t->body,
					.body_len = t->body ? strlen(t->body) : 0,
					.max = t->max,
					.timeout_msec = left < ATTEMPT_MSEC ? left : ATTEMPT_MSEC },
		ret, why);
	aws_headers_free(headers);
	return end;
}

/* ---- until it ends ----------------------------------------------------------------------------*/

static void pause_msec(int64_t msec)
{
	struct timespec t = { msec / 1000, msec % 1000 * 1000000 };

	while (nanosleep(&t, &t) < 0)
		;
}

/* Longer each time, and never in step with others. False: there is no time left for it. */
static bool wait_turn(const struct call *call, int tries)
{
	int64_t pause = PAUSE_FIRST_MSEC << tries;

	if (pause > PAUSE_MAX_MSEC)
		pause = PAUSE_MAX_MSEC;
	pause = pause / 2 + (int64_t)((unsigned int)(time(NULL) ^ getpid()) * 2654435761U %
				      (unsigned int)(pause / 2 + 1));
	if (tries + 1 >= ATTEMPTS_MAX || left_msec(call) < pause + 1000)
		return false;
	pause_msec(pause);
	return true;
}

/* True: the next attempt is by the server's clock. */
static bool set_clock(struct call *call, const struct http_answer *answer)
{
	int64_t theirs = http_date(answer), skew = theirs - (int64_t)time(NULL);
	char text[160];

	if (theirs == INT64_MIN || llabs(skew - call->skew) < SKEW_MIN_SEC)
		return false;
	call->skew = skew;
	snprintf(text, sizeof(text),
		 "the clock of this node is off by %lld seconds from AWS's; signatures are made by "
		 "theirs",
		 (long long)skew);
	call->host->log("warning", text);
	return true;
}

static enum call_end explain(const struct call *call, const struct target *t,
			     const struct trouble *trouble, long status)
{
	static const struct {
		enum meaning meaning;
		enum call_end end;
		const char *text;
	} rows[] = {
		{ MEANS_WAIT, CALL_RETRY, "AWS asks to come back later" },
		{ MEANS_KEYS, CALL_RETRY, "the keys are no longer good" },
		{ MEANS_CLOCK, CALL_RETRY, "the signature is not accepted" },
		{ MEANS_DENIED, CALL_RETRY,
		  "the node's role does not allow it; attach AmazonSSMManagedInstanceCore" },
		{ MEANS_NODE, CALL_RETRY, "AWS does not know this node; is it registered?" },
		{ MEANS_NEVER, CALL_REFUSED, "AWS does not take it" },
	};
	const char *text = "";
	enum call_end end = CALL_REFUSED;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].meaning == trouble->meaning) {
			text = rows[i].text;
			end = rows[i].end;
		}
	}
	common_explain(call->host, 0, "%s at %s: %s (%ld %s%s%s), with keys of %s",
		       t->action ? t->action : "GET", t->host, text, status, trouble->name,
		       *trouble->message ? ": " : "", trouble->message,
		       t->open ? "nobody" : call->identity->source);
	return end;
}

static enum call_end perform(struct call *call, struct target *t, struct http_answer *ret)
{
	bool renewed = false;

	for (int tries = 0;; tries++) {
		char why[HTTP_WHY_SIZE] = "no time is left";
		struct trouble trouble;
		long status;
		bool again = false;

		switch (attempt(call, t, ret, why)) {
		case HTTP_ANSWERED:
			break;
		case HTTP_TOO_LARGE:
			common_explain(call->host, 0, "%s: %s", t->host, why);
			return CALL_REFUSED;
		case HTTP_FAILED:
			if (wait_turn(call, tries))
				continue;
			common_explain(call->host, 0, "%s cannot be reached: %s", t->host, why);
			return CALL_RETRY;
		}
		if (ret->status / 100 == 2)
			return CALL_OK;
		trouble = trouble_of(ret);
		status = ret->status;
		if (trouble.meaning == MEANS_WAIT) {
			again = wait_turn(call, tries);
		} else if (trouble.meaning == MEANS_CLOCK && set_clock(call, ret)) {
			again = tries + 1 < ATTEMPTS_MAX;
		} else if ((trouble.meaning == MEANS_KEYS || trouble.meaning == MEANS_CLOCK) &&
			   !renewed) {
			identity_refresh(call->host, call->places, call->identity);
			renewed = again = true;
		}
		t->moved = again ? NULL : http_header(ret, "x-amz-bucket-region");
		http_answer_clear(ret);
		if (again)
			continue;
		if (trouble.meaning == MEANS_FULL)
			return CALL_FULL;
		if (trouble.meaning == MEANS_SMALLER)
			return CALL_SMALLER;
		return explain(call, t, &trouble, status);
	}
}

/* Clears @t. */
static enum call_end finish(struct call *call, struct target *t, char **ret, size_t *ret_len)
{
	struct http_answer answer = { 0 };
	enum call_end end = t->url ? perform(call, t, &answer) : CALL_RETRY;

	if (!t->url)
		common_explain(call->host, 0, "out of memory");
	*ret = answer.body;
	*ret_len = answer.len;
	free(answer.head);
	target_clear(t);
	return end;
}

enum call_end call_ssm(struct call *call, const char *action, const char *body, char **ret)
{
	const struct endpoints *e = call->endpoints;
	struct target t = { .method = "POST",
			    .path = "/",
			    .service = "ssm",
			    .region = strdup(call->identity->region),
			    .action = action,
			    .body = body,
			    .max = ANSWER_MAX };
	size_t len;

	*ret = NULL;
	t.host = e->url ? host_of(e->url) : ssm_host(call->identity->region, e);
	if (!t.host) {
		target_clear(&t);
		common_explain(call->host, 0, "dual_stack: Region %s has none",
			       call->identity->region);
		return CALL_REFUSED;
	}
	if (asprintf(&t.url, "%s%s/", e->url ? e->url : "https://", e->url ? "" : t.host) < 0)
		t.url = NULL;
	return finish(call, &t, ret, &len);
}

/* ---- documents --------------------------------------------------------------------------------*/

/* As S3 wants a key in a path. */
static char *encoded(const char *key)
{
	char *text = malloc(3 * strlen(key) + 1), *at = text;

	for (; text && *key; key++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/",
			   *key))
			*at++ = *key;
		else
			at += sprintf(at, "%%%02X", (unsigned char)*key);
	if (text)
		*at = '\0';
	return text;
}

/* A bucket is a host of its own, unless a dot in its name would make two of it in a certificate. */
static int locate(struct target *t, const struct endpoints *e, const char *bucket, const char *key)
{
	char *host = e->s3_url ? host_of(e->s3_url) : s3_host(t->region, e), *path = encoded(key);
	bool in_path = e->s3_url || strchr(bucket, '.');
	int r = -1;

	if (host && path) {
		r = in_path ? asprintf(&t->url, "%s%s/%s/%s", e->s3_url ? e->s3_url : "https://",
				       e->s3_url ? "" : host, bucket, path)
			    : asprintf(&t->url, "https://%s.%s/%s", bucket, host, path);
		if (r < 0)
			t->url = NULL;
	}
	free(host);
	free(path);
	if (t->url) {
		t->host = host_of(t->url);
		t->path = strchr(strstr(t->url, "//") + 2, '/');
	}
	return t->url && t->host ? 0 : -1;
}

static enum call_end get_object(struct call *call, const char *url, const char *region, size_t max,
				char **ret, size_t *ret_len, char **ret_moved)
{
	const char *bucket = url + strlen("s3://"), *slash = strchr(bucket, '/');
	char *name = slash ? strndup(bucket, (size_t)(slash - bucket)) : NULL;
	struct target t = {
		.method = "GET", .service = "s3", .region = strdup(region), .max = max
	};
	struct http_answer answer = { 0 };
	enum call_end end = CALL_REFUSED;

	if (!name || !*name || !slash[1])
		common_explain(call->host, 0, "%s: s3://BUCKET/KEY is meant", url);
	else if (locate(&t, call->endpoints, name, slash + 1) < 0)
		common_explain(call->host, 0, "%s: its address cannot be made", url);
	else
		end = perform(call, &t, &answer);
	*ret = answer.body;
	*ret_len = answer.len;
	*ret_moved = t.moved;
	t.moved = NULL;
	free(answer.head);
	free(name);
	target_clear(&t);
	return end;
}

enum call_end call_get(struct call *call, const char *url, size_t max, char **ret, size_t *ret_len)
{
	char *moved = NULL;
	enum call_end end;

	if (strncmp(url, "s3://", 5) != 0) {
		struct target t = { .method = "GET",
				    .url = strdup(url),
				    .host = host_of(url),
				    .max = max,
				    .open = true };

		return finish(call, &t, ret, ret_len);
	}
	end = get_object(call, url, call->identity->region, max, ret, ret_len, &moved);
	if (end != CALL_OK && moved && strcmp(moved, call->identity->region) != 0) {
		char *region = moved;

		end = get_object(call, url, region, max, ret, ret_len, &moved);
		free(region);
	}
	free(moved);
	return end;
}

// SPDX-License-Identifier: Apache-2.0
#include "aws_sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TIME_SIZE sizeof("20240101T000000Z")
#define DATE_LEN  8

typedef unsigned char digest[SHA256_DIGEST_LENGTH];

static void to_hex(const digest d, char hex[AWS_HEX_SIZE])
{
	for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++)
		sprintf(hex + 2 * i, "%02x", d[i]);
}

void aws_sha256_hex(const void *data, size_t len, char hex[AWS_HEX_SIZE])
{
	digest d;

	SHA256(data, len, d);
	to_hex(d, hex);
}

static void hmac(const void *key, size_t key_len, const char *text, size_t len, digest ret)
{
	HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, len, ret, NULL);
}

/* ---- the canonical request --------------------------------------------------------------------*/

struct signing {
	const struct aws_request *request;
	char time[TIME_SIZE], body[AWS_HEX_SIZE];
	struct aws_header headers[AWS_HEADERS_MAX];
	size_t n;
	char *names; /* "host;x-amz-date" */
	char *scope; /* "20240101/eu-west-1/ssm/aws4_request" */
};

static int by_name(const void *a, const void *b)
{
	const struct aws_header *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void add(struct signing *s, const char *name, const char *value)
{
	s->headers[s->n++] = (struct aws_header){ name, value };
}

static int collect_headers(struct signing *s, const struct aws_keys *keys)
{
	const struct aws_request *r = s->request;
	struct tm tm;
	time_t now = (time_t)r->now;

	if (r->n_headers + 4 > AWS_HEADERS_MAX || !gmtime_r(&now, &tm) ||
	    strftime(s->time, sizeof(s->time), "%Y%m%dT%H%M%SZ", &tm) == 0)
		return -1;
	aws_sha256_hex(r->body ? r->body : "", r->body_len, s->body);
	for (size_t i = 0; i < r->n_headers; i++)
		add(s, r->headers[i].name, r->headers[i].value);
	add(s, "host", r->host);
	add(s, "x-amz-content-sha256", s->body);
	add(s, "x-amz-date", s->time);
	if (keys->token && *keys->token)
		add(s, "x-amz-security-token", keys->token);
	qsort(s->headers, s->n, sizeof(*s->headers), by_name);
	return 0;
}

/* Grows *@text, or frees it and makes it NULL. */
static void append(char **text, const char *a, const char *b, const char *c)
{
	char *longer = NULL;

	if (*text && asprintf(&longer, "%s%s%s%s", *text, a, b, c) < 0)
		longer = NULL;
	free(*text);
	*text = longer;
}

static int canonical_hash(struct signing *s, char hex[AWS_HEX_SIZE])
{
	char *text = strdup(s->request->method);

	append(&text, "\n", s->request->path, "\n\n"); /* no query */
	s->names = strdup("");
	for (size_t i = 0; i < s->n; i++) {
		append(&text, s->headers[i].name, ":", s->headers[i].value);
		append(&text, "\n", "", "");
		append(&s->names, i ? ";" : "", s->headers[i].name, "");
	}
	append(&text, "\n", s->names ? s->names : "", "\n");
	append(&text, s->body, "", "");
	if (!text || !s->names) {
		free(text);
		return -1;
	}
	aws_sha256_hex(text, strlen(text), hex);
	free(text);
	return 0;
}

/* ---- the signature ----------------------------------------------------------------------------*/

static int sign(struct signing *s, const struct aws_keys *keys, const char *canonical,
		char hex[AWS_HEX_SIZE])
{
	const struct aws_request *r = s->request;
	char *secret = NULL, *text = NULL;
	digest key;
	int n;

	if (asprintf(&secret, "AWS4%s", keys->secret) < 0)
		return -1;
	if (asprintf(&s->scope, "%.*s/%s/%s/aws4_request", DATE_LEN, s->time, r->region,
		     r->service) < 0)
		s->scope = NULL;
	n = s->scope ? asprintf(&text, ALGORITHM "\n%s\n%s\n%s", s->time, s->scope, canonical) : -1;
	if (n >= 0) {
		hmac(secret, strlen(secret), s->time, DATE_LEN, key);
		hmac(key, sizeof(key), r->region, strlen(r->region), key);
		hmac(key, sizeof(key), r->service, strlen(r->service), key);
		hmac(key, sizeof(key), "aws4_request", strlen("aws4_request"), key);
		hmac(key, sizeof(key), text, (size_t)n, key);
		to_hex(key, hex);
		free(text);
	}
	OPENSSL_cleanse(secret, strlen(secret));
	OPENSSL_cleanse(key, sizeof(key));
	free(secret);
	return n < 0 ? -1 : 0;
}

static char **lines(const struct signing *s, const char *id, const char *signature)
{
	char **all = calloc(AWS_HEADERS_MAX + 2, sizeof(*all));
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; all && r >= 0 && i < s->n; i++) {
		if (strcmp(s->headers[i].name, "host") == 0)
			continue;
		r = asprintf(&all[n], "%s: %s", s->headers[i].name, s->headers[i].value);
		n += r >= 0;
	}
	if (all && r >= 0)
		r = asprintf(&all[n],
			     "authorization: " ALGORITHM
			     " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
			     id, s->scope, s->names, signature);
	if (all && r < 0) {
		all[n] = NULL; /* asprintf() leaves it undefined */
		aws_headers_free(all);
		return NULL;
	}
	return all;
}

char **aws_sign(const struct aws_request *request, const struct aws_keys *keys)
{
	struct signing s = { .request = request };
	char canonical[AWS_HEX_SIZE], signature[AWS_HEX_SIZE];
	char **all = NULL;

	if (collect_headers(&s, keys) == 0 && canonical_hash(&s, canonical) == 0 &&
	    sign(&s, keys, canonical, signature) == 0)
		all = lines(&s, keys->id, signature);
	free(s.names);
	free(s.scope);
	return all;
}

void aws_headers_free(char **headers)
{
	for (size_t i = 0; headers && headers[i]; i++)
		free(headers[i]);
	free(headers);
}

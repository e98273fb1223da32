// SPDX-License-Identifier: Apache-2.0
#include "http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEAD_MAX	 ((size_t)64 * 1024)
#define CONNECT_MSEC_MAX ((int64_t)5000)

struct buffer {
	char *bytes;
	size_t len, max;
	bool full;
};

static size_t take(char *bytes, size_t size, size_t n, void *userdata)
{
	struct buffer *b = userdata;
	size_t len = size * n;
	char *longer = len <= b->max - b->len ? realloc(b->bytes, b->len + len + 1) : NULL;

	if (!longer) { /* curl ends the transfer */
		b->full = len > b->max - b->len;
		return 0;
	}
	memcpy(longer + b->len, bytes, len);
	b->bytes = longer;
	b->len += len;
	b->bytes[b->len] = '\0';
	return len;
}

static struct curl_slist *header_list(char *const *headers)
{
	struct curl_slist *list = NULL;

	for (size_t i = 0; headers && headers[i]; i++)
		list = curl_slist_append(list, headers[i]);
	/* No "Expect: 100-continue", which some proxies keep to themselves. */
	return curl_slist_append(list, "Expect:");
}

static void set_options(CURL *curl, const struct http_request *r, struct buffer *body,
			struct buffer *head, char *why)
{
	curl_easy_setopt(curl, CURLOPT_URL, r->url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, r->method);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)r->timeout_msec);
	curl_easy_setopt(
		curl, CURLOPT_CONNECTTIMEOUT_MS,
		(long)(r->timeout_msec < CONNECT_MSEC_MAX ? r->timeout_msec : CONNECT_MSEC_MAX));
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, head);
	if (r->direct)
		curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	if (r->body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, r->body);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)r->body_len);
	}
}

enum http_end http_send(const struct http_request *request, struct http_answer *ret,
			char why[HTTP_WHY_SIZE])
{
	char said[CURL_ERROR_SIZE] = "";
	struct buffer body = { .max = request->max }, head = { .max = HEAD_MAX };
	struct curl_slist *headers = NULL;
	CURLcode code = CURLE_FAILED_INIT;
	CURL *curl = curl_easy_init();

	*ret = (struct http_answer){ 0 };
	if (curl) {
		headers = header_list(request->headers);
		set_options(curl, request, &body, &head, said);
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		code = curl_easy_perform(curl);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
		curl_slist_free_all(headers);
		curl_easy_cleanup(curl);
	}
	ret->body = body.bytes ? body.bytes : strdup("");
	ret->len = body.len;
	ret->head = head.bytes ? head.bytes : strdup("");
	if (code == CURLE_OK && ret->body && ret->head)
		return HTTP_ANSWERED;
	http_answer_clear(ret);
	if (body.full || head.full) {
		snprintf(why, HTTP_WHY_SIZE, "more than %zu bytes came", body.max);
		return HTTP_TOO_LARGE;
	}
	snprintf(why, HTTP_WHY_SIZE, "%s", *said ? said : curl_easy_strerror(code));
	return HTTP_FAILED;
}

void http_answer_clear(struct http_answer *answer)
{
	free(answer->body);
	free(answer->head);
	*answer = (struct http_answer){ 0 };
}

char *http_header(const struct http_answer *answer, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = answer->head; *line; line += strcspn(line, "\n") + 1) {
		if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
			const char *value = line + len + 1;

			value += strspn(value, " \t");
			return strndup(value, strcspn(value, "\r\n"));
		}
		if (!strchr(line, '\n'))
			break;
	}
	return NULL;
}

int64_t http_date(const struct http_answer *answer)
{
	char *text = http_header(answer, "date");
	time_t t = text ? curl_getdate(text, NULL) : -1;

	free(text);
	return t < 0 ? INT64_MIN : (int64_t)t;
}

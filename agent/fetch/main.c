// SPDX-License-Identifier: Apache-2.0
/*
 * klpd-fetch: repository metadata, or packages, from the network into the cache
 *
 * One JSON object on standard input says what is wanted; progress and the result are JSON objects,
 * one a line, on standard output. See README.md in this folder. Short-lived: it fetches and exits.
 */
#include "base/lockdown.h"
#include "base/log.h"
#include "base/loop.h"
#include "fetch/documents.h"
#include "fetch/download.h"
#include "fetch/refresh.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#define PROGRESS_MSEC 200 /* between two lines about the same file */

static volatile sig_atomic_t stopped;

static void on_stop(int signo _unused_)
{
	stopped = 1;
	transfer_interrupt();
}

static void on_alarm(int signo _unused_)
{
	transfer_interrupt();
}

static void set_signals(void)
{
	static const struct {
		int signo;
		void (*handler)(int);
	} rows[] = {
		{ SIGTERM, on_stop },
		{ SIGINT, on_stop },
		{ SIGALRM, on_alarm },
		{ SIGPIPE, SIG_IGN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sigaction action = { .sa_handler = rows[i].handler };

		sigaction(rows[i].signo, &action, NULL);
	}
}

/* @object is consumed. */
static void print_line(json_t *object)
{
	_cleanup_free_ char *text = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);

	json_decref(object);
	if (text && puts(text) >= 0)
		fflush(stdout);
}

struct progress {
	const char *repository;
	const char *file;
	int64_t done;
	int64_t at; /* of loop_now() */
};

static void on_progress(const char *repository, const char *file, int64_t done, int64_t total,
			void *userdata)
{
	struct progress *last = userdata;
	bool same = last->repository == repository && last->file == file;

	if (same &&
	    (done == last->done || (done != total && loop_now() - last->at < PROGRESS_MSEC)))
		return;
	*last = (struct progress){ repository, file, done, loop_now() };
	print_line(json_pack("{s:{s:s,s:s,s:I,s:o}}", "progress", "repository", repository, "file",
			     file, "done", (json_int_t)done, "total",
			     total < 0 ? json_null() : json_integer(total)));
}

static int read_request(struct arena *arena, struct request *ret, struct err *err)
{
	char *text = arena_alloc(arena, REQUEST_BYTES_MAX + 1);
	size_t len = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, text + len, REQUEST_BYTES_MAX + 1 - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "the request cannot be read");
	if (len > REQUEST_BYTES_MAX)
		return err_set(err, EXIT_STATUS_USAGE, "the request is larger than %zu bytes",
			       REQUEST_BYTES_MAX);
	return request_parse(text, len, arena, ret, err);
}

static int open_directory(const char *path, const char *what, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd
		       : err_set_errno(err, EXIT_STATUS_IO, errno, "%s: the %s cannot be opened",
				       path, what);
}

static int fetch_all(struct fetch *fetch, struct request *request, struct arena *arena,
		     struct err *err)
{
	struct progress progress = { 0 };

	if (lockdown_enter(LOCKDOWN_FETCH, err) < 0 || read_request(arena, request, err) < 0)
		return -1;
	fetch->cache_path = request->cache;
	fetch->now = request->now;
	fetch->file_bytes_max = request->max_file_bytes;
	fetch->primary_roles = request->primary;
	fetch->on_progress = on_progress;
	fetch->userdata = &progress;
	fetch->root = open_directory(request->root, "root", err);
	if (fetch->root < 0)
		return -1;
	fetch->cache = open_directory(request->cache, "metadata cache", err);
	if (fetch->cache < 0)
		return -1;
	if (request->n_documents)
		return documents(fetch, request, &stopped, err);
	return request->download ? download(fetch, request, &stopped, err)
				 : refresh(fetch, request, &stopped, err);
}

static void print_result(const struct fetch *fetch, const struct request *request)
{
	bool metadata = !request->download && !request->n_documents;
	json_t *line =
		json_pack("{s:{s:I,s:I}}", metadata ? "fetched" : "downloaded", "bytes",
			  (json_int_t)fetch->count.bytes, "files", (json_int_t)fetch->count.files);
	json_t *list = json_array();

	for (size_t i = 0; i < request->n_documents; i++)
		json_array_append_new(list,
				      json_pack("{s:s,s:s}", "name", request->documents[i].label,
						"path", request->documents[i].path));
	if (request->n_documents)
		json_object_set(line, "documents", list);
	json_decref(list);
	print_line(line);
}

int main(int argc, char **argv _unused_)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct fetch fetch = { .root = -1, .cache = -1 };
	struct request request = { 0 };
	struct err err = ERR_INIT;
	int status = EXIT_STATUS_OK;

	log_init("klpd-fetch", LOG_LEVEL_INFO);
	set_signals();
	umask(022);
	json_set_alloc_funcs(xmalloc, free);
	if (argc > 1)
		err_set(&err, EXIT_STATUS_USAGE,
			"klpd-fetch takes no arguments: its request is read from standard input");
	if (err.status || fetch_all(&fetch, &request, arena, &err) < 0) {
		status = err.status;
		print_line(json_pack("{s:{s:i,s:s}}", "error", "status", err.status, "message",
				     err.message));
	} else {
		print_result(&fetch, &request);
	}
	closep(&fetch.root);
	closep(&fetch.cache);
	err_clear(&err);
	return status;
}

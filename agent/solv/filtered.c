// SPDX-License-Identifier: Apache-2.0
#include "solv/filtered.h"

#include "base/alloc.h"
#include "metadata/markup.h"
#include "metadata/primary.h"

#include <errno.h>
#include <solv/repo_rpmmd.h>
#include <stdio.h>

#define PIECE ((size_t)64 * 1024)

/* Stream -> filter -> what libsolv reads: the filter works as libsolv asks for more. */
struct pipe {
	struct stream *stream;
	struct primary *filter; /* NULL: everything passes */
	struct err *err;
	int result; /* 0, PRIMARY_UNUSUAL or -1 */
	bool ended;
	uint64_t written; /* by the filter */
	char *buf;	  /* for one piece of the stream */
	char *out;	  /* filtered and not read yet: out[at] to out[len - 1] */
	size_t at, len, size;
};

static void pipe_write(void *userdata, const char *bytes, size_t len)
{
	struct pipe *p = userdata;

	if (p->len + len > p->size) {
		p->size = 2 * (p->len + len);
		p->out = xreallocarray(p->out, p->size, 1);
	}
	memcpy(p->out + p->len, bytes, len);
	p->len += len;
	p->written += len;
}

static int pipe_fill(struct pipe *p)
{
	size_t n;
	int r;

	if (stream_read(p->stream, p->buf, PIECE, &n, p->err) < 0)
		return -1;
	p->ended = n == 0;
	if (!p->filter) {
		pipe_write(p, p->buf, n);
		return 0;
	}
	r = n ? primary_feed(p->filter, p->buf, n, p->err) : primary_finish(p->filter, p->err);
	if (r < 0)
		return err_prefix(p->err, "%s", stream_name(p->stream));
	if (r == 0 && p->written > FILTERED_BYTES_MAX)
		return err_set(p->err, EXIT_STATUS_DATA,
			       "%s: what is wanted of it is larger than the limit of %llu bytes",
			       stream_name(p->stream), (unsigned long long)FILTERED_BYTES_MAX);
	return r;
}

static ssize_t pipe_read(void *cookie, char *buf, size_t size)
{
	struct pipe *p = cookie;
	size_t n;

	while (p->at == p->len && !p->ended && !p->result) {
		p->at = p->len = 0;
		p->result = pipe_fill(p);
	}
	if (p->result) {
		errno = EIO;
		return -1;
	}
	n = p->len - p->at < size ? p->len - p->at : size;
	if (n)
		memcpy(buf, p->out + p->at, n);
	p->at += n;
	return (ssize_t)n;
}

/* ---- one pass ------------------------------------------------------------------------------ */

/* Return: 0, PRIMARY_UNUSUAL, or -1 with @err. */
static int pass(Repo *repo, struct stream *stream, struct primary *filter, struct pipe *p,
		struct err *err)
{
	FILE *file;
	int r;

	*p = (struct pipe){ .stream = stream, .filter = filter, .err = err, .buf = xmalloc(PIECE) };
	file = fopencookie(p, "r", (cookie_io_functions_t){ .read = pipe_read });
	if (!file) {
		free(p->buf);
		return err_set_errno(err, EXIT_STATUS_IO, errno, "%s", stream_name(stream));
	}
	r = repo_add_rpmmd(repo, file, NULL, 0);
	fclose(file);
	free(p->buf);
	free(p->out);
	if (p->result)
		return p->result;
	return r == 0 ? 0
		      : err_set(err, EXIT_STATUS_DATA, "%s: %s", stream_name(stream),
				pool_errstr(repo->pool));
}

static int by_filter(Repo *repo, const struct filtered *f, struct err *err)
{
	struct pipe p;
	const struct primary_sink sink = { pipe_write, &p };
	_cleanup_(primary_freep)
	struct primary *filter = primary_new(f->wanted, &sink);
	int r = pass(repo, f->stream, filter, &p, err);

	if (r == PRIMARY_UNUSUAL && f->findings)
		finding_add(f->findings, FINDING_WARNING, "primary-unusual", f->repo_id,
			    "repository %s: its package list is read as a whole, which takes more "
			    "time and memory: %s",
			    f->repo_id, primary_unusual(filter));
	return r;
}

/* ---- the whole file ------------------------------------------------------------------------ */

struct check {
	struct markup *markup;
	bool begun;
};

static void check_start(void *userdata, const char *name, const char **attributes _unused_)
{
	struct check *c = userdata;

	if (!c->begun && !streq(name, "metadata"))
		markup_refuse(c->markup, "not a list of packages");
	c->begun = true;
}

/* libsolv's own reader has no limits, and takes a document that is something else for an empty one.
 */
static int check_whole(struct stream *stream, struct err *err)
{
	static const struct markup_handlers handlers = { .start = check_start };
	struct check check = { 0 };
	_cleanup_(markup_freep)
	struct markup *markup = markup_new(&handlers, &check, 0);
	_cleanup_free_ char *buf = xmalloc(PIECE);
	size_t n;

	check.markup = markup;
	do {
		if (stream_read(stream, buf, PIECE, &n, err) < 0)
			return -1;
		if (n && markup_feed(markup, buf, n, err) < 0)
			return err_prefix(err, "%s", stream_name(stream));
	} while (n);
	if (markup_finish(markup, err) < 0)
		return err_prefix(err, "%s", stream_name(stream));
	return 0;
}

static int whole(Repo *repo, const struct filtered *f, struct err *err)
{
	struct pipe p;

	if (check_whole(f->stream, err) < 0 || stream_rewind(f->stream, err) < 0)
		return -1;
	return pass(repo, f->stream, NULL, &p, err);
}

static void drop_unwanted(Repo *repo, const struct wanted *wanted)
{
	Solvable *s;
	Id id;

	FOR_REPO_SOLVABLES(repo, id, s)
	{
		if (!wanted_has(wanted, pool_id2str(repo->pool, s->name)))
			repo_free_solvable(repo, id, 0);
	}
}

int filtered_add(Repo *repo, const struct filtered *filtered, struct err *err)
{
	int r;

	if (!filtered->wanted)
		return whole(repo, filtered, err);
	r = by_filter(repo, filtered, err);
	if (r != PRIMARY_UNUSUAL)
		return r;
	repo_empty(repo, 0);
	if (stream_rewind(filtered->stream, err) < 0)
		return -1;
	r = whole(repo, filtered, err);
	if (r == 0)
		drop_unwanted(repo, filtered->wanted);
	return r;
}

/* ---- what they are called ------------------------------------------------------------------ */

/* "epoch:version-release"; the epoch may be left out. */
static bool split_evr(struct arena *arena, const char *text, struct evr *ret)
{
	size_t digits = strspn(text, "0123456789");
	const char *dash;

	*ret = (struct evr){ 0 };
	if (digits && text[digits] == ':') {
		unsigned long long epoch;

		errno = 0;
		epoch = strtoull(text, NULL, 10);
		if (errno || epoch > UINT32_MAX)
			return false;
		ret->epoch = (uint32_t)epoch;
		text += digits + 1;
	}
	dash = strrchr(text, '-');
	if (!dash)
		return false;
	ret->version = arena_strndup(arena, text, (size_t)(dash - text));
	ret->release = arena_strdup(arena, dash + 1);
	return true;
}

bool filtered_nevra(Solvable *s, struct arena *arena, struct nevra *ret)
{
	Pool *pool = s->repo->pool;
	const char *evr = pool_id2str(pool, s->evr);

	*ret = (struct nevra){ .name = arena_strdup(arena, pool_id2str(pool, s->name)),
			       .arch = arena_strdup(arena, pool_id2str(pool, s->arch)) };
	if (split_evr(arena, evr, &ret->evr) && nevra_is_sane(ret))
		return true;
	if (!ret->evr.version)
		ret->evr = (struct evr){ .version = arena_strdup(arena, evr), .release = "" };
	return false;
}

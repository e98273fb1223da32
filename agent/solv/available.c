// SPDX-License-Identifier: Apache-2.0
#include "solv/available.h"

#include "metadata/markup.h"
#include "metadata/primary.h"
#include "solv/adapter.h"

#include <ctype.h>
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

const char *available_library(void)
{
	return solv_version;
}

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
	if (r == 0 && p->written > AVAILABLE_FILTERED_MAX)
		return err_set(p->err, EXIT_STATUS_DATA,
			       "%s: what is wanted of it is larger than the limit of %llu bytes",
			       stream_name(p->stream), (unsigned long long)AVAILABLE_FILTERED_MAX);
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

/* ---- from libsolv to rows ------------------------------------------------------------------ */

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

static char *printable(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);

	for (char *p = copy; *p; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
	return copy;
}

static void add_row(const struct available_options *o, Pool *pool, Solvable *s,
		    struct available **rows, size_t *n)
{
	const char *name = pool_id2str(pool, s->name), *evr = pool_id2str(pool, s->evr);
	unsigned long long built = solvable_lookup_num(s, SOLVABLE_BUILDTIME, 0);
	struct available row = {
		.nevra = { .name = arena_strdup(o->arena, name),
			   .arch = arena_strdup(o->arena, pool_id2str(pool, s->arch)) },
		.repo = o->repo,
		.build_time = built ? (int64_t)built : TIME_UNSET,
	};

	if (split_evr(o->arena, evr, &row.nevra.evr) && nevra_is_sane(&row.nevra))
		*ARENA_PUSH(o->arena, *rows, *n) = row;
	else
		finding_add(o->findings, FINDING_WARNING, "package-broken", o->repo_id,
			    "repository %s: package %s is left out: it has no usable version, "
			    "release or architecture; tell who publishes the repository",
			    o->repo_id, printable(o->arena, name));
}

static void extract(const struct available_options *o, Repo *repo, struct available **rows,
		    size_t *n)
{
	Pool *pool = repo->pool;
	Solvable *s;
	Id id;

	FOR_REPO_SOLVABLES(repo, id, s)
	{
		if (wanted_has(o->wanted, pool_id2str(pool, s->name)))
			add_row(o, pool, s, rows, n);
	}
}

/* ---- one pass ------------------------------------------------------------------------------ */

/* Return: 0, PRIMARY_UNUSUAL, or -1 with p->err. */
static int load(const struct available_options *o, struct pipe *p, struct available **rows,
		size_t *n)
{
	_cleanup_(pool_freep)
	Pool *pool = adapter_pool_new();
	Repo *repo = repo_create(pool, o->repo_id);
	FILE *file = fopencookie(p, "r", (cookie_io_functions_t){ .read = pipe_read });
	int r;

	if (!file)
		return err_set_errno(p->err, EXIT_STATUS_IO, errno, "%s", stream_name(p->stream));
	r = repo_add_rpmmd(repo, file, NULL, 0);
	fclose(file);
	if (p->result)
		return p->result;
	if (r != 0)
		return err_set(p->err, EXIT_STATUS_DATA, "%s: %s", stream_name(p->stream),
			       pool_errstr(pool));
	extract(o, repo, rows, n);
	return 0;
}

static int run(const struct available_options *o, struct stream *stream, struct primary *filter,
	       struct pipe *p, struct available **rows, size_t *n, struct err *err)
{
	int r;

	*p = (struct pipe){ .stream = stream, .filter = filter, .err = err, .buf = xmalloc(PIECE) };
	r = load(o, p, rows, n);
	free(p->buf);
	free(p->out);
	return r;
}

static int filtered(const struct available_options *o, struct stream *stream,
		    struct available **rows, size_t *n, struct err *err)
{
	struct pipe p;
	const struct primary_sink sink = { pipe_write, &p };
	_cleanup_(primary_freep)
	struct primary *filter = primary_new(o->wanted, &sink);
	int r = run(o, stream, filter, &p, rows, n, err);

	if (r == PRIMARY_UNUSUAL)
		finding_add(o->findings, FINDING_WARNING, "primary-unusual", o->repo_id,
			    "repository %s: its package list is read as a whole, which takes more "
			    "time and memory: %s",
			    o->repo_id, primary_unusual(filter));
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

static int whole(const struct available_options *o, struct stream *stream, struct available **rows,
		 size_t *n, struct err *err)
{
	struct pipe p;

	if (check_whole(stream, err) < 0 || stream_rewind(stream, err) < 0)
		return -1;
	return run(o, stream, NULL, &p, rows, n, err);
}

int available_read(const struct available_options *options, struct stream *stream,
		   struct available **rows, size_t *n, struct err *err)
{
	int r;

	if (!options->wanted)
		return whole(options, stream, rows, n, err);
	r = filtered(options, stream, rows, n, err);
	if (r != PRIMARY_UNUSUAL)
		return r;
	if (stream_rewind(stream, err) < 0)
		return -1;
	return whole(options, stream, rows, n, err);
}

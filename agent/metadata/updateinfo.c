// SPDX-License-Identifier: Apache-2.0
#include "metadata/updateinfo.h"

#include <ctype.h>
#include <errno.h>

/* Longer ones are no ids; it also keeps messages readable. */
#define ID_MAX ((size_t)256)
/*
 * A date of digits only counts as seconds since 1970 when it has as many digits as such a date has
 * between 1973 and 5138: "20240131" is something else.
 */
#define EPOCH_DIGITS_MIN 9
#define EPOCH_DIGITS_MAX 11

enum element {
	OUTSIDE,
	OTHER, /* and everything below it */
	UPDATES,
	UPDATE,
	ID,
	TITLE,
	SEVERITY,
	ISSUED,
	UPDATED,
	REFERENCES,
	REFERENCE,
	PKGLIST,
	COLLECTION,
	PACKAGE,
};

struct updateinfo {
	const struct updateinfo_options *options;
	struct updateinfo_limits limits;
	struct markup *markup;
	enum element stack[MARKUP_DEPTH_MAX + 1];
	size_t depth; /* stack[depth] is the element we are in */
	size_t seen;  /* notices */

	/* the notice being read; it lives in @scratch until it is known to be kept */
	struct arena *scratch;
	struct advisory notice;
	size_t listed; /* packages, wanted or not */
	const char *broken;

	/* the text of ID, TITLE or SEVERITY */
	char *text;
	size_t text_len, text_size;

	struct advisory *advisories;
	size_t n_advisories;
};

/* ---- what is broken ------------------------------------------------------------------------ */

static void spoil(struct updateinfo *u, const char *what)
{
	if (!u->broken)
		u->broken = what;
}

/* Text for a sentence: it comes from the network, and the sentence may reach a terminal. */
static char *printable(struct arena *arena, const char *text)
{
	char *copy = arena_strndup(arena, text, ID_MAX);

	for (char *p = copy; *p; p++)
		if (!isprint((unsigned char)*p))
			*p = '?';
	return copy;
}

static char *describe(struct updateinfo *u)
{
	if (u->notice.id)
		return arena_printf(u->scratch, "notice %s", printable(u->scratch, u->notice.id));
	return arena_printf(u->scratch, "notice number %zu", u->seen);
}

static void report_broken(struct updateinfo *u)
{
	finding_add(u->options->findings, FINDING_WARNING, "notice-broken", u->options->repo_id,
		    "repository %s: %s is left out: %s; tell who publishes the repository",
		    u->options->repo_id, describe(u), u->broken);
}

static void report_date(struct updateinfo *u, const char *which, const struct advisory_date *date)
{
	if (date->state == NOTICE_DATE_INVALID)
		finding_add(u->options->findings, FINDING_WARNING, "notice-date-invalid",
			    u->options->repo_id,
			    "repository %s: %s: what stands in \"%s\" is not a date and counts as "
			    "unknown; tell who publishes the repository",
			    u->options->repo_id, describe(u), which);
}

/* ---- values -------------------------------------------------------------------------------- */

/* An empty attribute is as good as none. */
static const char *attribute(struct updateinfo *u, const char **attributes, const char *name)
{
	for (size_t i = 0; attributes[i]; i += 2) {
		if (!streq(attributes[i], name))
			continue;
		if (strlen(attributes[i + 1]) > u->limits.field) {
			spoil(u, "an attribute is too long");
			return NULL;
		}
		return *attributes[i + 1] ? attributes[i + 1] : NULL;
	}
	return NULL;
}

static bool parse_epoch_seconds(const char *text, int64_t *ret)
{
	size_t n = strspn(text, "0123456789");

	if (text[n] || n < EPOCH_DIGITS_MIN || n > EPOCH_DIGITS_MAX)
		return false;
	*ret = strtoll(text, NULL, 10);
	return true;
}

static struct advisory_date parse_date(const char *text)
{
	struct advisory_date date = { NOTICE_DATE_ABSENT, TIME_UNSET };

	while (text && isspace((unsigned char)*text))
		text++;
	if (!text || !*text)
		return date;
	if (timex_parse(text, &date.at) == 0 || parse_epoch_seconds(text, &date.at))
		date.state = NOTICE_DATE_VALID;
	else
		date.state = NOTICE_DATE_INVALID;
	return date;
}

static bool parse_epoch(const char *text, uint32_t *ret)
{
	unsigned long long v;
	char *end;

	if (!text) {
		*ret = 0;
		return true;
	}
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (*end || errno || v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* ---- elements ------------------------------------------------------------------------------ */

static void start_update(struct updateinfo *u, const char **attributes)
{
	if (++u->seen > u->limits.notices) {
		markup_refuse(u->markup, "more than %zu notices", u->limits.notices);
		return;
	}
	u->scratch = arena_new();
	u->broken = NULL;
	u->listed = 0;
	u->notice = (struct advisory){
		.repo = u->options->repo,
		.issued.at = TIME_UNSET,
		.updated.at = TIME_UNSET,
	};
	u->notice.type = arena_strdup(u->scratch, attribute(u, attributes, "type"));
	u->notice.status = arena_strdup(u->scratch, attribute(u, attributes, "status"));
}

static void start_issued(struct updateinfo *u, const char **attributes)
{
	u->notice.issued = parse_date(attribute(u, attributes, "date"));
}

static void start_updated(struct updateinfo *u, const char **attributes)
{
	u->notice.updated = parse_date(attribute(u, attributes, "date"));
}

static void start_text(struct updateinfo *u, const char **attributes _unused_)
{
	u->text_len = 0;
}

/* Some publishers leave the id out and put it into the title. */
static void start_reference(struct updateinfo *u, const char **attributes)
{
	const char *type = attribute(u, attributes, "type");
	const char *id = attribute(u, attributes, "id");
	struct advisory_ref *ref;

	if (!id)
		id = attribute(u, attributes, "title");
	if (!id)
		return;
	if (u->notice.n_refs == u->limits.refs) {
		spoil(u, "it has too many references");
		return;
	}
	ref = ARENA_PUSH(u->scratch, u->notice.refs, u->notice.n_refs);
	ref->type = arena_strdup(u->scratch, type ? type : "");
	ref->id = arena_strdup(u->scratch, id);
}

/* The name is looked at in any case: one that no rpm can have is not passed over as unwanted. */
static void start_package(struct updateinfo *u, const char **attributes)
{
	struct nevra nevra = { .name = attribute(u, attributes, "name") };
	const struct nevra name_only = { nevra.name, { 0, "0", "0" }, "0" };

	if (u->listed == u->limits.packages) {
		spoil(u, "it lists too many packages");
		return;
	}
	u->listed++;
	if (!nevra_is_sane(&name_only)) {
		spoil(u, "it lists a package with an impossible name");
		return;
	}
	if (!wanted_has(u->options->wanted, nevra.name))
		return;
	nevra.evr.version = attribute(u, attributes, "version");
	nevra.evr.release = attribute(u, attributes, "release");
	nevra.arch = attribute(u, attributes, "arch");
	if (!parse_epoch(attribute(u, attributes, "epoch"), &nevra.evr.epoch) ||
	    !nevra_is_sane(&nevra)) {
		spoil(u, "it lists a package without a usable version, release or architecture");
		return;
	}
	*ARENA_PUSH(u->scratch, u->notice.packages, u->notice.n_packages) =
		nevra_dup(u->scratch, &nevra);
}

/* The text without the blanks around it; NULL if nothing remains. */
static const char *take_text(struct updateinfo *u)
{
	const char *p = u->text;
	size_t n = u->text_len;

	for (; n && isspace((unsigned char)*p); p++)
		n--;
	while (n && isspace((unsigned char)p[n - 1]))
		n--;
	return n ? arena_strndup(u->scratch, p, n) : NULL;
}

static void end_id(struct updateinfo *u)
{
	u->notice.id = take_text(u);
	if (!u->notice.id)
		return;
	if (strlen(u->notice.id) > ID_MAX)
		spoil(u, "its id is too long");
	for (const char *p = u->notice.id; *p; p++)
		if (!isprint((unsigned char)*p))
			spoil(u, "its id contains characters that no id has");
}

static void end_title(struct updateinfo *u)
{
	u->notice.title = take_text(u);
}

static void end_severity(struct updateinfo *u)
{
	u->notice.severity = take_text(u);
}

static struct advisory copy_notice(struct arena *arena, const struct advisory *notice)
{
	struct advisory a = *notice;

	a.id = arena_strdup(arena, notice->id);
	a.type = arena_strdup(arena, notice->type);
	a.severity = arena_strdup(arena, notice->severity);
	a.status = arena_strdup(arena, notice->status);
	a.title = arena_strdup(arena, notice->title);
	a.refs = arena_alloc(arena, a.n_refs * sizeof(*a.refs));
	for (size_t i = 0; i < a.n_refs; i++) {
		a.refs[i].type = arena_strdup(arena, notice->refs[i].type);
		a.refs[i].id = arena_strdup(arena, notice->refs[i].id);
	}
	a.packages = arena_alloc(arena, a.n_packages * sizeof(*a.packages));
	for (size_t i = 0; i < a.n_packages; i++)
		a.packages[i] = nevra_dup(arena, &notice->packages[i]);
	return a;
}

static void end_update(struct updateinfo *u)
{
	struct arena *arena = u->options->arena;

	if (!u->notice.id)
		spoil(u, "it has no id");
	if (u->broken) {
		report_broken(u);
	} else if (!u->options->wanted || u->notice.n_packages > 0) {
		report_date(u, "issued", &u->notice.issued);
		report_date(u, "updated", &u->notice.updated);
		*ARENA_PUSH(arena, u->advisories, u->n_advisories) = copy_notice(arena, &u->notice);
	}
	arena_free(TAKE_PTR(u->scratch));
}

/* ---- the document -------------------------------------------------------------------------- */

static const struct grammar {
	const char *name;
	enum element parent, element;
	void (*start)(struct updateinfo *u, const char **attributes);
	void (*end)(struct updateinfo *u);
} grammar[] = {
	{ "updates", OUTSIDE, UPDATES, NULL, NULL },
	{ "update", UPDATES, UPDATE, start_update, end_update },
	{ "id", UPDATE, ID, start_text, end_id },
	{ "title", UPDATE, TITLE, start_text, end_title },
	{ "severity", UPDATE, SEVERITY, start_text, end_severity },
	{ "issued", UPDATE, ISSUED, start_issued, NULL },
	{ "updated", UPDATE, UPDATED, start_updated, NULL },
	{ "references", UPDATE, REFERENCES, NULL, NULL },
	{ "reference", REFERENCES, REFERENCE, start_reference, NULL },
	{ "pkglist", UPDATE, PKGLIST, NULL, NULL },
	{ "collection", PKGLIST, COLLECTION, NULL, NULL },
	{ "package", COLLECTION, PACKAGE, start_package, NULL },
};

static void on_start(void *userdata, const char *name, const char **attributes)
{
	struct updateinfo *u = userdata;
	enum element parent = u->stack[u->depth++];
	const struct grammar *g = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(grammar) && !g; i++)
		if (grammar[i].parent == parent && streq(grammar[i].name, name))
			g = &grammar[i];
	u->stack[u->depth] = g ? g->element : OTHER;
	if (!g && parent == OUTSIDE)
		markup_refuse(u->markup, "not a list of notices: the first element is <%s>",
			      printable(u->options->arena, name));
	else if (g && g->start)
		g->start(u, attributes);
}

static void on_end(void *userdata)
{
	struct updateinfo *u = userdata;
	enum element element = u->stack[u->depth--];

	for (size_t i = 0; i < ARRAY_SIZE(grammar); i++)
		if (grammar[i].element == element && grammar[i].end)
			grammar[i].end(u);
}

static void on_text(void *userdata, const char *bytes, size_t len)
{
	struct updateinfo *u = userdata;
	enum element element = u->stack[u->depth];

	if (element != ID && element != TITLE && element != SEVERITY)
		return;
	if (len > u->limits.field - u->text_len) {
		spoil(u, "a text is too long");
		return;
	}
	if (u->text_len + len > u->text_size) {
		u->text_size = 2 * (u->text_len + len);
		u->text = xreallocarray(u->text, u->text_size, 1);
	}
	memcpy(u->text + u->text_len, bytes, len);
	u->text_len += len;
}

static const struct markup_handlers handlers = {
	.start = on_start,
	.end = on_end,
	.text = on_text,
};

struct updateinfo *updateinfo_new(const struct updateinfo_options *options)
{
	struct updateinfo *u = xcalloc(1, sizeof(*u));

	u->options = options;
	u->limits = options->limits ? *options->limits : UPDATEINFO_LIMITS;
	u->markup = markup_new(&handlers, u, u->limits.bytes);
	return u;
}

void updateinfo_free(struct updateinfo *updateinfo)
{
	if (!updateinfo)
		return;
	markup_free(updateinfo->markup);
	arena_free(updateinfo->scratch);
	free(updateinfo->text);
	free(updateinfo);
}

static int broken_file(const struct updateinfo *u, struct err *err)
{
	return err_prefix(err, "updateinfo of repository %s", u->options->repo_id);
}

int updateinfo_feed(struct updateinfo *updateinfo, const void *bytes, size_t len, struct err *err)
{
	if (markup_feed(updateinfo->markup, bytes, len, err) < 0)
		return broken_file(updateinfo, err);
	return 0;
}

int updateinfo_finish(struct updateinfo *updateinfo, struct advisory **ret, size_t *ret_n,
		      struct err *err)
{
	if (markup_finish(updateinfo->markup, err) < 0)
		return broken_file(updateinfo, err);
	*ret = updateinfo->advisories;
	*ret_n = updateinfo->n_advisories;
	return 0;
}

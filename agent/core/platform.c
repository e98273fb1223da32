// SPDX-License-Identifier: Apache-2.0
#include "core/platform.h"

#include "core/match.h"

#include <ctype.h>
#include <strings.h>

/* ---- reading a profile ---------------------------------------------------------------------- */

/* Rows of the tables below read into these, which mirror the file; platform_from_doc() maps them.
 */
struct match_section {
	struct doc_list ids, versions;
};

struct aws_section {
	const char *operating_system;
	struct doc_list products;
	const char *default_baseline;
};

struct marker_section {
	const char *version, *release;
};

struct replace_list {
	struct platform_replace *items;
	size_t n;
};

struct livepatch_section {
	const char *package, *prefix, *service;
	struct doc_list release_strip, runtime, tools;
	struct replace_list replace;
	struct marker_section marker;
	int support_months;
};

struct kernel_row {
	const char *series, *minimum;
	struct doc_list packages, arches;
	bool livepatch, rebuilds;
	int64_t ends;
};

struct kernel_list {
	struct platform_kernel *items;
	size_t n;
};

struct repository_section {
	struct doc_list livepatch, kernel;
};

struct profile {
	const char *name, *releasever;
	struct match_section match;
	struct aws_section aws;
	struct livepatch_section livepatch;
	struct kernel_list kernels;
	struct repository_section repositories;
};

#define SECTION_READER(name, type, table)                                                          \
	static int name(const struct doc *doc, struct arena *arena, void *member, struct err *err) \
	{                                                                                          \
		return doc_read_map(doc, table, ARRAY_SIZE(table), arena, (type *)member, err);    \
	}                                                                                          \
	struct _semicolon_after_##name

/* What a livepatch's package name may be made of. */
enum template_field {
	TEMPLATE_VERSION,
	TEMPLATE_RELEASE,
	TEMPLATE_FLAVOUR,
};

static const char *const template_fields[] = {
	[TEMPLATE_VERSION] = "{version}",
	[TEMPLATE_RELEASE] = "{release}",
	[TEMPLATE_FLAVOUR] = "{flavour}",
};

/* Index of the field that @text begins with, or -1. */
static int template_field_at(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(template_fields); i++)
		if (starts_with(text, template_fields[i]))
			return (int)i;
	return -1;
}

/* More than any package name has; keeps a name that is made from a profile small. */
#define TEMPLATE_LEN_MAX 128
#define REPLACE_LEN_MAX	 16

/* A misspelt field would make names that no package has, and a node that looks unpatched. */
static int read_template(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	if (doc_read_text(doc, arena, member, err) < 0)
		return -1;
	if (strlen(doc->text) > TEMPLATE_LEN_MAX)
		return doc_err(err, doc, "longer than %d characters", TEMPLATE_LEN_MAX);
	for (const char *p = strchr(doc->text, '{'); p; p = strchr(p + 1, '{'))
		if (template_field_at(p) < 0)
			return doc_err(err, doc,
				       "'%s' has a field other than {version}, {release} and "
				       "{flavour}",
				       doc->text);
	return 0;
}

static int read_months(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	int64_t months;

	(void)arena;
	if (doc_int(doc, 0, 120, &months, err) < 0)
		return -1;
	*(int *)member = (int)months;
	return 0;
}

static int read_minimum(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	struct kernel_release release;
	const char *text;

	if (doc_text(doc, &text, err) < 0)
		return -1;
	if (kernel_release_parse(text, arena, &release) < 0)
		return doc_err(err, doc, "'%s' is not VERSION-RELEASE of a kernel", text);
	*(const char **)member = text;
	return 0;
}

static int read_replace(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	struct replace_list *list = member;

	if (doc_expect(doc, DOC_MAP, err) < 0)
		return -1;
	DOC_FOREACH(item, doc) {
		struct platform_replace *replace = ARENA_PUSH(arena, list->items, list->n);

		if (!*item->key)
			return doc_err(err, item, "an empty text cannot be replaced");
		replace->from = item->key;
		if (doc_text(item, &replace->to, err) < 0)
			return -1;
		if (strlen(replace->to) > REPLACE_LEN_MAX)
			return doc_err(err, item, "longer than %d characters", REPLACE_LEN_MAX);
	}
	return 0;
}

static const struct doc_field kernel_fields[] = {
	{ "series", doc_read_text, offsetof(struct kernel_row, series), true },
	{ "packages", doc_read_texts, offsetof(struct kernel_row, packages), true },
	{ "arch", doc_read_texts, offsetof(struct kernel_row, arches), false },
	{ "livepatch", doc_read_bool, offsetof(struct kernel_row, livepatch), false },
	{ "minimum", read_minimum, offsetof(struct kernel_row, minimum), false },
	{ "ends", doc_read_day, offsetof(struct kernel_row, ends), false },
	{ "rebuilds", doc_read_bool, offsetof(struct kernel_row, rebuilds), false },
};

static int read_kernels(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	struct kernel_list *list = member;

	if (doc_expect(doc, DOC_LIST, err) < 0)
		return -1;
	DOC_FOREACH(item, doc) {
		struct kernel_row row = { .livepatch = true, .ends = TIME_UNSET };

		if (doc_read_map(item, kernel_fields, ARRAY_SIZE(kernel_fields), arena, &row, err) <
		    0)
			return -1;
		*ARENA_PUSH(arena, list->items, list->n) = (struct platform_kernel){
			.series = row.series,
			.packages = row.packages.items,
			.n_packages = row.packages.n,
			.arches = row.arches.items,
			.n_arches = row.arches.n,
			.livepatch = row.livepatch,
			.rebuilds = row.rebuilds,
			.minimum = row.minimum,
			.ends = row.ends,
		};
	}
	return 0;
}

static const struct doc_field match_fields[] = {
	{ "id", doc_read_texts, offsetof(struct match_section, ids), true },
	{ "version", doc_read_texts, offsetof(struct match_section, versions), false },
};
SECTION_READER(read_match, struct match_section, match_fields);

static const struct doc_field aws_fields[] = {
	{ "operating-system", doc_read_text, offsetof(struct aws_section, operating_system), true },
	{ "products", doc_read_texts, offsetof(struct aws_section, products), true },
	{ "default-baseline", doc_read_text, offsetof(struct aws_section, default_baseline),
	  false },
};
SECTION_READER(read_aws, struct aws_section, aws_fields);

static const struct doc_field marker_fields[] = {
	{ "version", doc_read_text, offsetof(struct marker_section, version), false },
	{ "release", doc_read_text, offsetof(struct marker_section, release), false },
};
SECTION_READER(read_marker, struct marker_section, marker_fields);

static const struct doc_field livepatch_fields[] = {
	{ "package", read_template, offsetof(struct livepatch_section, package), true },
	{ "prefix", doc_read_text, offsetof(struct livepatch_section, prefix), true },
	{ "release-strip", doc_read_texts, offsetof(struct livepatch_section, release_strip),
	  false },
	{ "replace", read_replace, offsetof(struct livepatch_section, replace), false },
	{ "marker", read_marker, offsetof(struct livepatch_section, marker), false },
	{ "runtime", doc_read_texts, offsetof(struct livepatch_section, runtime), false },
	{ "tools", doc_read_texts, offsetof(struct livepatch_section, tools), false },
	{ "service", doc_read_text, offsetof(struct livepatch_section, service), false },
	{ "support-months", read_months, offsetof(struct livepatch_section, support_months),
	  false },
};

/* A package that its own prefix does not find would never be seen among the installed ones. */
static int read_livepatch(const struct doc *doc, struct arena *arena, void *member, struct err *err)
{
	struct livepatch_section *section = member;

	if (doc_read_map(doc, livepatch_fields, ARRAY_SIZE(livepatch_fields), arena, section, err) <
	    0)
		return -1;
	if (strchr(section->prefix, '{') || !starts_with(section->package, section->prefix))
		return doc_err(err, doc_get(doc, "prefix"), "'%s' does not begin with '%s'",
			       section->package, section->prefix);
	return 0;
}

static const struct doc_field repository_fields[] = {
	{ "livepatch", doc_read_texts, offsetof(struct repository_section, livepatch), true },
	{ "kernel", doc_read_texts, offsetof(struct repository_section, kernel), true },
};
SECTION_READER(read_repositories, struct repository_section, repository_fields);

static const struct doc_field profile_fields[] = {
	{ "name", doc_read_text, offsetof(struct profile, name), true },
	{ "match", read_match, offsetof(struct profile, match), true },
	{ "aws", read_aws, offsetof(struct profile, aws), false },
	{ "releasever", doc_read_text, offsetof(struct profile, releasever), false },
	{ "livepatch", read_livepatch, offsetof(struct profile, livepatch), true },
	{ "kernels", read_kernels, offsetof(struct profile, kernels), true },
	{ "repositories", read_repositories, offsetof(struct profile, repositories), true },
};

int platform_from_doc(const struct doc *doc, struct arena *arena, const struct platform **ret,
		      struct err *err)
{
	struct profile p = { 0 };
	struct platform *platform;

	if (doc_read_map(doc, profile_fields, ARRAY_SIZE(profile_fields), arena, &p, err) < 0)
		return -1;
	platform = arena_alloc(arena, sizeof(*platform));
	*platform = (struct platform){
		.name = p.name,
		.os_ids = p.match.ids.items,
		.n_os_ids = p.match.ids.n,
		.os_versions = p.match.versions.items,
		.n_os_versions = p.match.versions.n,
		.aws_operating_system = p.aws.operating_system,
		.aws_products = p.aws.products.items,
		.n_aws_products = p.aws.products.n,
		.default_baseline = p.aws.default_baseline,
		.releasever_provide = p.releasever,
		.livepatch_package = p.livepatch.package,
		.livepatch_prefix = p.livepatch.prefix,
		.version_follows_prefix =
			template_field_at(p.livepatch.package + strlen(p.livepatch.prefix)) ==
			TEMPLATE_VERSION,
		.release_strip = p.livepatch.release_strip.items,
		.n_release_strip = p.livepatch.release_strip.n,
		.replace = p.livepatch.replace.items,
		.n_replace = p.livepatch.replace.n,
		.marker_version = p.livepatch.marker.version,
		.marker_release = p.livepatch.marker.release,
		.runtime = p.livepatch.runtime.items,
		.n_runtime = p.livepatch.runtime.n,
		.tools = p.livepatch.tools.items,
		.n_tools = p.livepatch.tools.n,
		.service = p.livepatch.service,
		.support_months = p.livepatch.support_months,
		.kernels = p.kernels.items,
		.n_kernels = p.kernels.n,
		.livepatch_repos = p.repositories.livepatch.items,
		.n_livepatch_repos = p.repositories.livepatch.n,
		.kernel_repos = p.repositories.kernel.items,
		.n_kernel_repos = p.repositories.kernel.n,
	};
	*ret = platform;
	return 0;
}

/* ---- answering ------------------------------------------------------------------------------ */

static bool among(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (streq(names[i], name))
			return true;
	return false;
}

bool platform_matches(const struct platform *platform, const char *os_id, const char *os_version)
{
	if (!among(platform->os_ids, platform->n_os_ids, os_id))
		return false;
	return platform->n_os_versions == 0 ||
	       (os_version &&
		match_any_glob(platform->os_versions, platform->n_os_versions, os_version));
}

static const struct platform_replace *replace_at(const struct platform *p, const char *text)
{
	for (size_t i = 0; i < p->n_replace; i++)
		if (starts_with(text, p->replace[i].from))
			return &p->replace[i];
	return NULL;
}

/* Goes through @text once: what was put in is not looked at again. */
static const char *replace_all(const struct platform *p, const char *text, struct arena *arena)
{
	char *out = arena_strdup(arena, "");

	while (*text) {
		const struct platform_replace *replace = replace_at(p, text);

		out = replace ? arena_printf(arena, "%s%s", out, replace->to)
			      : arena_printf(arena, "%s%c", out, *text);
		text += replace ? strlen(replace->from) : 1;
	}
	return out;
}

/* Cuts the release where the first pattern matches its tail: ".amzn2" or a glob such as ".el*". */
static const char *strip_release(const struct platform *p, const char *release, struct arena *arena)
{
	for (size_t i = 0; i < p->n_release_strip; i++)
		for (const char *tail = release; *tail; tail++)
			if (match_glob(p->release_strip[i], tail))
				return arena_strndup(arena, release, (size_t)(tail - release));
	return release;
}

char *platform_livepatch_name(const struct platform *platform, const struct kernel_release *kernel,
			      struct arena *arena)
{
	const char *const values[] = {
		[TEMPLATE_VERSION] = replace_all(platform, kernel->version, arena),
		[TEMPLATE_RELEASE] = replace_all(
			platform, strip_release(platform, kernel->release, arena), arena),
		[TEMPLATE_FLAVOUR] = kernel->flavour ? kernel->flavour : "",
	};
	char *name = arena_strdup(arena, "");

	for (const char *p = platform->livepatch_package; *p;) {
		int field = template_field_at(p);

		if (field < 0) {
			name = arena_printf(arena, "%s%c", name, *p++);
			continue;
		}
		name = arena_printf(arena, "%s%s", name, values[field]);
		p += strlen(template_fields[field]);
	}
	return name;
}

const struct platform_kernel *platform_kernel_line(const struct platform *platform,
						   const struct kernel_release *kernel)
{
	const struct platform_kernel *other_arch = NULL;

	for (size_t i = 0; i < platform->n_kernels; i++) {
		const struct platform_kernel *line = &platform->kernels[i];
		size_t len = strlen(line->series);

		if (!streq(line->series, "*") &&
		    (strncmp(kernel->version, line->series, len) != 0 ||
		     (kernel->version[len] && kernel->version[len] != '.')))
			continue;
		if (!kernel->arch || platform_line_has_arch(line, kernel->arch))
			return line;
		if (!other_arch)
			other_arch = line;
	}
	return other_arch;
}

bool platform_line_has_arch(const struct platform_kernel *line, const char *arch)
{
	return line->n_arches == 0 || among(line->arches, line->n_arches, arch);
}

bool platform_line_is_before(const struct platform_kernel *line,
			     const struct kernel_release *kernel, struct arena *arena)
{
	struct evr have = { 0, kernel->version, kernel->release };
	struct kernel_release minimum;

	/* read_minimum() has parsed it already */
	if (!line->minimum || kernel_release_parse(line->minimum, arena, &minimum) < 0)
		return false;
	return evr_compare(&have, &(struct evr){ 0, minimum.version, minimum.release }) < 0;
}

bool platform_line_is_build(const struct platform_kernel *line, const struct kernel_release *kernel,
			    const struct evr *evr)
{
	size_t len = strlen(kernel->release);

	if (!streq(evr->version, kernel->version))
		return false;
	if (!line->rebuilds)
		return streq(evr->release, kernel->release);
	return starts_with(evr->release, kernel->release) && evr->release[len] == '.' &&
	       evr->release[len + 1] &&
	       !evr->release[len + 1 + strspn(evr->release + len + 1, "0123456789")];
}

/*
 * Where the kernel's version follows the prefix, a livepatch goes on with a digit; tools and
 * repositories' packages (kernel-livepatch-tools, kernel-livepatch-repo-s3) do not.
 */
bool platform_is_livepatch(const struct platform *platform, const char *name)
{
	static const char *const debug[] = { "-debuginfo", "-debugsource" };
	size_t len = strlen(platform->livepatch_prefix);

	if (!starts_with(name, platform->livepatch_prefix))
		return false;
	if (platform->version_follows_prefix && !isdigit((unsigned char)name[len]))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(debug); i++)
		if (ends_with(name, debug[i]))
			return false;
	return true;
}

bool platform_is_marker(const struct platform *platform, const struct nevra *nevra)
{
	if (!platform_is_livepatch(platform, nevra->name))
		return false;
	if (platform->marker_version && !match_glob(platform->marker_version, nevra->evr.version))
		return false;
	if (platform->marker_release && !match_glob(platform->marker_release, nevra->evr.release))
		return false;
	return platform->marker_version || platform->marker_release;
}

bool platform_is_kernel(const struct platform *platform, const char *name)
{
	for (size_t i = 0; i < platform->n_kernels; i++)
		if (among(platform->kernels[i].packages, platform->kernels[i].n_packages, name))
			return true;
	return false;
}

bool platform_is_runtime(const struct platform *platform, const char *name)
{
	return among(platform->runtime, platform->n_runtime, name);
}

bool platform_is_tool(const struct platform *platform, const char *name)
{
	return among(platform->tools, platform->n_tools, name);
}

bool platform_tracks(const struct platform *platform, const char *name)
{
	return platform_is_livepatch(platform, name) || platform_is_kernel(platform, name) ||
	       platform_is_runtime(platform, name) || platform_is_tool(platform, name);
}

const char *platform_switchable_repo(const struct platform *platform)
{
	for (size_t i = 0; i < platform->n_livepatch_repos; i++) {
		const char *id = platform->livepatch_repos[i];

		if (!strpbrk(id, "*?[") &&
		    !match_any_glob(platform->kernel_repos, platform->n_kernel_repos, id))
			return id;
	}
	return NULL;
}

int platform_repo_role(const struct platform *platform, const char *repo_id)
{
	if (match_any_glob(platform->livepatch_repos, platform->n_livepatch_repos, repo_id))
		return REPO_ROLE_LIVEPATCH;
	if (match_any_glob(platform->kernel_repos, platform->n_kernel_repos, repo_id))
		return REPO_ROLE_KERNEL;
	return -1;
}

bool platform_repo_serves(const struct platform *platform, const struct repository *repository,
			  enum repo_role role)
{
	if (repository->role == role)
		return true;
	return role == REPO_ROLE_KERNEL &&
	       match_any_glob(platform->kernel_repos, platform->n_kernel_repos, repository->id);
}

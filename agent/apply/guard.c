// SPDX-License-Identifier: Apache-2.0
#include "apply/guard.h"

#include "base/fsx.h"

#include <fnmatch.h>

#include <rpm/header.h>
#include <rpm/rpmdb.h>
#include <rpm/rpmlib.h>
#include <rpm/rpmtd.h>

/* ---- the kernel -------------------------------------------------------------------------------*/

int guard_open(struct guard *guard, int root, const struct options *options, struct arena *arena,
	       struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	*guard = (struct guard){ .options = options, .arena = arena };
	if (options->kernel) {
		guard->release = options->kernel;
	} else if (fsx_read_at(root, "proc/sys/kernel/osrelease", 256, &text, &len) == 0) {
		guard->release = arena_strndup(arena, text, strcspn(text, "\n"));
	} else {
		return err_set(err, EXIT_STATUS_USAGE,
			       "%s: which kernel runs is not known; name it with --kernel",
			       options->root);
	}
	if (kernel_release_parse(guard->release, arena, &guard->kernel) < 0)
		return err_set(err, EXIT_STATUS_DATA, "kernel release '%s' is not understood",
			       guard->release);
	return 0;
}

int guard_enabled(int root, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *word;
	size_t len;

	if (fsx_exists_at(root, "etc/klpd/disabled"))
		return err_set(err, EXIT_STATUS_NOPERM,
			       "changes are switched off by /etc/klpd/disabled; remove the file to "
			       "allow them");
	if (fsx_read_at(root, "proc/cmdline", 65536, &text, &len) < 0)
		return 0;
	rest = text;
	while ((word = strsep(&rest, " \n")))
		if (streq(word, "klpd.disable"))
			return err_set(err, EXIT_STATUS_NOPERM,
				       "changes are switched off by klpd.disable on the kernel's "
				       "command line");
	return 0;
}

/* ---- names ------------------------------------------------------------------------------------*/

static const char *stripped(const struct guard *g)
{
	const char *release = g->kernel.release;

	for (size_t i = 0; g->options->strip[i]; i++)
		if (ends_with(release, g->options->strip[i]))
			return arena_strndup(g->arena, release,
					     strlen(release) - strlen(g->options->strip[i]));
	return release;
}

/* One allowed name, its fields filled in. */
static const char *expand(const struct guard *g, const char *pattern)
{
	static const char version[] = "{version}", release[] = "{release}";
	char *name = arena_strdup(g->arena, "");

	while (*pattern) {
		if (starts_with(pattern, version)) {
			name = arena_printf(g->arena, "%s%s", name, g->kernel.version);
			pattern += strlen(version);
		} else if (starts_with(pattern, release)) {
			name = arena_printf(g->arena, "%s%s", name, stripped(g));
			pattern += strlen(release);
		} else {
			name = arena_printf(g->arena, "%s%c", name, *pattern++);
		}
	}
	return name;
}

static bool allowed(const struct guard *g, const char *const *patterns, const char *name)
{
	for (size_t i = 0; patterns[i]; i++)
		if (streq(expand(g, patterns[i]), name))
			return true;
	return false;
}

bool guard_allows(const struct guard *guard, const char *name)
{
	return allowed(guard, guard->options->allow, name);
}

/* ---- headers ----------------------------------------------------------------------------------*/

char *guard_title(Header h)
{
	const char *name = headerGetString(h, RPMTAG_NAME), *arch = headerGetString(h, RPMTAG_ARCH);
	const char *version = headerGetString(h, RPMTAG_VERSION);
	const char *release = headerGetString(h, RPMTAG_RELEASE);

	return xasprintf("%s.%s:%u:%s-%s", name ? name : "", arch ? arch : "",
			 (unsigned int)headerGetNumber(h, RPMTAG_EPOCH), version ? version : "",
			 release ? release : "");
}

/* The first text of a list that begins with one of @prefixes, or NULL. To be freed. */
static char *find_prefix(Header h, rpmTagVal tag, const char *const *prefixes)
{
	struct rpmtd_s list;
	const char *text;
	char *found = NULL;

	if (!headerGet(h, tag, &list, HEADERGET_EXT))
		return NULL;
	while (!found && (text = rpmtdNextString(&list)))
		for (size_t i = 0; prefixes[i] && !found; i++)
			if (starts_with(text, prefixes[i]))
				found = xstrdup(text);
	rpmtdFreeData(&list);
	return found;
}

static int check_not_a_kernel(Header h, const char *title, struct err *err)
{
	static const char *const capabilities[] = { "kernel-uname-r", "kernel-core", NULL };
	static const char *const folders[] = { "/boot", "/lib/modules/", "/usr/lib/modules/",
					       NULL };
	_cleanup_free_ char *provides = find_prefix(h, RPMTAG_PROVIDENAME, capabilities);
	_cleanup_free_ char *file = find_prefix(h, RPMTAG_FILENAMES, folders);

	if (provides)
		return err_set(err, EXIT_STATUS_DATA, "%s: it is a kernel (it provides %s)", title,
			       provides);
	if (file)
		return err_set(err, EXIT_STATUS_DATA, "%s: it has %s", title, file);
	return 0;
}

/* 1: exactly this build is installed. */
static int check_installed(rpmts ts, Header h, const char *title, bool kernel, struct err *err)
{
	rpmdbMatchIterator it = rpmtsInitIterator(ts, RPMDBI_PACKAGES, NULL, 0);
	const char *name = headerGetString(h, RPMTAG_NAME);
	const char *arch = headerGetString(h, RPMTAG_ARCH);
	Header other;
	int r = 0;

	while (r == 0 && (other = rpmdbNextIterator(it))) {
		const char *its = headerGetString(other, RPMTAG_ARCH);
		int order;

		if (!streq_null(headerGetString(other, RPMTAG_NAME), name) ||
		    !streq_null(its, arch))
			continue;
		order = rpmVersionCompare(other, h);
		if (order == 0) {
			r = 1;
		} else if (order > 0 && !kernel) {
			_cleanup_free_ char *newer = guard_title(other);

			r = err_set(err, EXIT_STATUS_DATA, "%s: a newer build is installed: %s",
				    title, newer);
		}
	}
	rpmdbFreeIterator(it);
	return r;
}

int guard_package(struct guard *guard, rpmts ts, Header h, const char *title, bool *ret_kernel,
		  struct err *err)
{
	const char *name = headerGetString(h, RPMTAG_NAME), *arch = headerGetString(h, RPMTAG_ARCH);
	_cleanup_free_ char *is = guard_title(h);
	bool kernel = name && allowed(guard, guard->options->allow_kernel, name);

	if (!streq(is, title))
		return err_set(err, EXIT_STATUS_DATA, "%s: the file is another package: %s", title,
			       is);
	if (headerIsSource(h))
		return err_set(err, EXIT_STATUS_DATA, "%s: it is a source package", title);
	if (!kernel && !guard_allows(guard, name))
		return err_set(err, EXIT_STATUS_DATA,
			       "%s: packages of this name may not be installed by klpd on kernel "
			       "%s; klpd(8) says how klpd-apply@.service is told otherwise",
			       title, guard->release);
	if (!streq(arch, "noarch") && guard->kernel.arch && !streq(arch, guard->kernel.arch))
		return err_set(err, EXIT_STATUS_DATA, "%s: it is for %s, this node is %s", title,
			       arch, guard->kernel.arch);
	if (!kernel && check_not_a_kernel(h, title, err) < 0)
		return -1;
	*ret_kernel = kernel;
	return check_installed(ts, h, title, kernel, err);
}

int guard_removal(const struct guard *guard, Header h, const char *title, struct err *err)
{
	const char *name = headerGetString(h, RPMTAG_NAME);

	for (size_t i = 0; guard->options->allow_erase[i]; i++)
		if (fnmatch(guard->options->allow_erase[i], name, FNM_NOESCAPE) == 0)
			return check_not_a_kernel(h, title, err);
	return err_set(err, EXIT_STATUS_DATA, "%s: klpd may not remove packages of this name",
		       title);
}

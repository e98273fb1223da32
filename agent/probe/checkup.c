// SPDX-License-Identifier: Apache-2.0
#include "probe/checkup.h"

#include "base/fsx.h"
#include "probe/probe.h"
#include "probe/rpmdb.h"
#include "probe/tracefs.h"

#include <errno.h>

#define FLAG_BYTES_MAX	 ((size_t)256)
#define CONFIG_BYTES_MAX ((size_t)1024 * 1024)

#define KPATCH_DIR	 "var/lib/kpatch"
#define LOCKDOWN_FILE	 "sys/kernel/security/lockdown"
#define CONFIG_ENFORCED	 "\nCONFIG_MODULE_SIG_FORCE=y\n"

/* Files with one character that says yes or no. */
static const struct {
	const char *path;
	size_t member;
} flags[] = {
	{ "sys/module/module/parameters/sig_enforce",
	  offsetof(struct diagnosis, signatures_enforced) },
	{ "proc/sys/kernel/modules_disabled", offsetof(struct diagnosis, modules_disabled) },
	{ "proc/sys/kernel/ftrace_enabled", offsetof(struct diagnosis, ftrace_enabled) },
};

/* ---- modules ----------------------------------------------------------------------------------*/

static enum tristate read_flag(int root, const char *path)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fsx_read_at(root, path, FLAG_BYTES_MAX, &text, &len) < 0)
		return TRISTATE_UNKNOWN;
	if (*text == '1' || *text == 'Y')
		return TRISTATE_YES;
	return *text == '0' || *text == 'N' ? TRISTATE_NO : TRISTATE_UNKNOWN;
}

/* "none [integrity] confidentiality": the word in brackets. */
static const char *read_lockdown(int root, struct arena *arena)
{
	_cleanup_free_ char *text = NULL;
	const char *start;
	size_t len;

	if (fsx_read_at(root, LOCKDOWN_FILE, FLAG_BYTES_MAX, &text, &len) < 0)
		return NULL;
	start = strchr(text, '[');
	return start && strchr(start, ']')
		       ? arena_strndup(arena, start + 1, strcspn(start + 1, "]"))
		       : NULL;
}

/* How the kernel was configured, where it does not run or does not tell. */
static enum tristate configured_to_enforce(int root, const char *kernel)
{
	_cleanup_free_ char *path = kernel ? xasprintf("boot/config-%s", kernel) : NULL;
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (!path || fsx_read_at(root, path, CONFIG_BYTES_MAX, &text, &len) < 0)
		return TRISTATE_UNKNOWN;
	return strstr(text, CONFIG_ENFORCED) ? TRISTATE_YES : TRISTATE_NO;
}

static void read_modules(int root, const struct node *node, struct arena *arena,
			 struct diagnosis *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		*(enum tristate *)((char *)d + flags[i].member) = read_flag(root, flags[i].path);
	if (d->signatures_enforced == TRISTATE_UNKNOWN)
		d->signatures_enforced = configured_to_enforce(root, node->kernel);
	d->lockdown = read_lockdown(root, arena);
}

struct texts {
	const char **items;
	size_t n;
};

/* ---- leftovers --------------------------------------------------------------------------------*/

/* The modules that belong in the folder of one kernel come with the livepatches for it. */
static bool is_packaged(const struct node *node, const char *livepatch, const char *module)
{
	for (size_t i = 0; i < node->n_installed; i++) {
		const struct installed *item = &node->installed[i];

		if (livepatch && !streq(item->nevra.name, livepatch))
			continue;
		for (size_t k = 0; k < item->n_modules; k++)
			if (streq(item->modules[k], module))
				return true;
	}
	return false;
}

static const char *livepatch_for(const struct platform *platform, const char *kernel,
				 struct arena *arena)
{
	struct kernel_release release;

	return platform && kernel_release_parse(kernel, arena, &release) == 0
		       ? platform_livepatch_name(platform, &release, arena)
		       : NULL;
}

static int list_leftovers(int root, const struct node *node, const struct platform *platform,
			  const char *kernel, struct arena *arena, struct texts *ret)
{
	_cleanup_free_ char *folder = xasprintf("%s/%s", KPATCH_DIR, kernel);
	const char *livepatch = livepatch_for(platform, kernel, arena);
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;
	int r = fsx_list_at(root, folder, NULL, &names);

	if (r == -ENOTDIR)
		return 0;
	for (size_t i = 0; r == 0 && i < names->n; i++) {
		const char *module = rpmdb_module_name(arena, names->items[i]);

		if (module && !is_packaged(node, livepatch, module))
			*ARENA_PUSH(arena, ret->items, ret->n) =
				arena_printf(arena, "%s/%s", kernel, names->items[i]);
	}
	return r;
}

static void read_leftovers(int root, const struct node *node, const struct platform *platform,
			   struct arena *arena, struct diagnosis *d)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *kernels = NULL;
	struct texts leftovers = { 0 };
	int r = fsx_list_at(root, KPATCH_DIR, NULL, &kernels);

	d->leftovers_read = node->rpmdb_read && (r == 0 || r == -ENOENT);
	for (size_t i = 0; r == 0 && i < kernels->n; i++)
		if (list_leftovers(root, node, platform, kernels->items[i], arena, &leftovers) < 0)
			d->leftovers_read = false;
	d->leftovers = leftovers.items;
	d->n_leftovers = leftovers.n;
}

/* ---- all of it --------------------------------------------------------------------------------*/

void checkup_read(int root, const struct node *node, const struct platform *platform,
		  struct arena *arena, struct diagnosis *d)
{
	struct tracefs t;

	read_modules(root, node, arena, d);
	tracefs_read(root, arena, &t);
	d->tracing = t.users;
	d->functions_read = t.functions_read;
	d->kprobes_read = t.kprobes_read;
	d->tracing_forbidden = t.forbidden;
	read_leftovers(root, node, platform, arena, d);
	d->scan_timer = probe_unit_enabled(root, "klpd-scan.timer");
	d->install_timer = probe_unit_enabled(root, "klpd-install.timer");
	d->ssm_present = probe_unit_present(root, "amazon-ssm-agent.service");
	d->ssm_enabled = probe_unit_enabled(root, "amazon-ssm-agent.service");
}

// SPDX-License-Identifier: Apache-2.0
#include "apply/load.h"

#include "apply/run.h"
#include "base/alloc.h"
#include "base/fsx.h"

#include <rpm/header.h>
#include <rpm/rpmtd.h>

#define SUFFIX	    ".ko"
#define MODULES_MAX 64

/* "/x/klp-a.ko" -> "klp_a". To be freed. */
static char *module_name(const char *file)
{
	const char *base = strrchr(file, '/') + 1;
	char *name = xstrndup(base, strlen(base) - strlen(SUFFIX));

	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	return name;
}

/* Calls @fn with the path of each; it returns how many of it failed, or -1. */
static int each_module(const struct guard *guard, Header h, int (*fn)(const char *file, void *),
		       void *userdata)
{
	_cleanup_free_ char *folder = xasprintf("/%s/", guard->release);
	struct rpmtd_s files;
	const char *file;
	int failed = 0, r = 0;

	if (!headerGet(h, RPMTAG_FILENAMES, &files, HEADERGET_EXT))
		return 0;
	while (r >= 0 && (file = rpmtdNextString(&files)))
		if (ends_with(file, SUFFIX) && strstr(file, folder)) {
			r = fn(file, userdata);
			failed += r > 0;
		}
	rpmtdFreeData(&files);
	return r < 0 ? -1 : failed;
}

static int count(const char *file _unused_, void *userdata _unused_)
{
	return 1;
}

bool load_has_modules(const struct guard *guard, Header h)
{
	return each_module(guard, h, count, NULL) > 0;
}

struct work {
	struct channel *channel;
	const struct guard *guard;
	int root;
	struct err *err;
	/* of unloading */
	char *modules[MODULES_MAX];
	size_t n_modules;
};

/* "1", "0", or "" where the kernel does not know it. To be freed. */
static char *enabled_text(int root, const char *module)
{
	_cleanup_free_ char *path = xasprintf("sys/kernel/livepatch/%s/enabled", module);
	char *text = NULL;
	size_t len;

	return fsx_read_at(root, path, 64, &text, &len) == 0 ? text : xstrdup("");
}

static bool is_loaded(int root, const char *module)
{
	_cleanup_free_ char *text = enabled_text(root, module);

	return *text == '1';
}

static bool is_gone(int root, const char *module)
{
	_cleanup_free_ char *text = enabled_text(root, module);

	return !*text;
}

/* LOADER VERB WHAT, then a look at the kernel: 0, 1 when @reached says no, or -1 with @err. */
static int ask_loader(const struct work *w, const char *verb, const char *what, const char *module,
		      bool (*reached)(int root, const char *module))
{
	const struct options *o = w->guard->options;
	const char *const argv[] = { o->loader, verb, what, NULL };
	_cleanup_free_ char *said = NULL;
	size_t len;
	int unused;

	said = run_program(w->channel, w->root, argv, o->load_wait, &unused, w->err);
	if (!said)
		return -1;
	if (reached(w->root, module)) {
		channel_tell(w->channel, APPLY_MODULE, module, 0, "");
		return 0;
	}
	len = strlen(said);
	channel_tell(w->channel, APPLY_MODULE, module, EXIT_STATUS_FAILED,
		     len < APPLY_TEXT_MAX ? said : said + len - APPLY_TEXT_MAX + 1);
	return 1;
}

static int load_module(const char *file, void *userdata)
{
	const struct work *w = userdata;
	_cleanup_free_ char *module = module_name(file);

	if (is_loaded(w->root, module)) {
		channel_tell(w->channel, APPLY_MODULE, module, 0, "it was loaded already");
		return 0;
	}
	return ask_loader(w, "load", file, module, is_loaded);
}

int load_package(struct channel *channel, const struct guard *guard, int root, Header h,
		 struct err *err)
{
	struct work w = { .channel = channel, .guard = guard, .root = root, .err = err };

	return each_module(guard, h, load_module, &w);
}

static int remember_module(const char *file, void *userdata)
{
	struct work *w = userdata;
	char *module = module_name(file);

	if (w->n_modules == MODULES_MAX || is_gone(w->root, module))
		free(module);
	else
		w->modules[w->n_modules++] = module;
	return 0;
}

/* Where its line stands in /proc/modules: the kernel puts what was loaded last first. */
static size_t place_of(const char *modules, const char *module)
{
	_cleanup_free_ char *word = xasprintf("\n%s ", module);
	const char *at = strstr(modules, word);

	return at ? (size_t)(at - modules) : SIZE_MAX;
}

/* The one that was loaded last; of those that cannot be told, the last of the file list. */
static size_t last_loaded(const struct work *w, const char *modules)
{
	size_t best = 0;

	for (size_t i = 1; i < w->n_modules; i++)
		if (place_of(modules, w->modules[i]) <= place_of(modules, w->modules[best]))
			best = i;
	return best;
}

int load_unload_packages(struct channel *channel, const struct guard *guard, int root,
			 const Header *headers, size_t n, struct err *err)
{
	struct work w = { .channel = channel, .guard = guard, .root = root, .err = err };
	_cleanup_free_ char *text = NULL, *modules = NULL;
	int failed = 0, r = 0;
	size_t len;

	if (fsx_read_at(root, "proc/modules", 4 * 1024 * 1024, &text, &len) < 0)
		text = xstrdup("");
	modules = xasprintf("\n%s", text);
	for (size_t i = 0; i < n; i++)
		(void)!each_module(guard, headers[i], remember_module, &w);
	while (w.n_modules) {
		size_t i = last_loaded(&w, modules);

		if (r >= 0)
			r = ask_loader(&w, "unload", w.modules[i], w.modules[i], is_gone);
		failed += r > 0;
		free(w.modules[i]);
		memmove(&w.modules[i], &w.modules[i + 1],
			(--w.n_modules - i) * sizeof(w.modules[0]));
	}
	return r < 0 ? -1 : failed;
}

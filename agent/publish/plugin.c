// SPDX-License-Identifier: Apache-2.0
#include "publish/plugin.h"

#include "base/alloc.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/* With a newer klpd a plugin may lack what came after its own header, never what was there first.
 */
#define SIZE_MIN (offsetof(struct klpd_plugin, close) + sizeof(void (*)(void *)))

static int check_writers(const char *path, bool folder, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return err_set_errno(err, EXIT_STATUS_CONFIG, errno, "plugin %s", path);
	if (folder ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
		return err_set(err, EXIT_STATUS_CONFIG, "plugin %s: is no %s", path,
			       folder ? "directory" : "regular file");
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return err_set(err, EXIT_STATUS_CONFIG,
			       "plugin %s: somebody else than root may write it; chown root and "
			       "chmod go-w it",
			       path);
	return 0;
}

static char *find_folder(struct err *err)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0) {
		err_set_errno(err, EXIT_STATUS_SOFTWARE, errno, "/proc/self/exe");
		return NULL;
	}
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	return xasprintf("%s/plugins", self);
}

static bool is_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && len <= PLUGIN_NAME_MAX && !name[len];
}

static const struct klpd_plugin *find_ops(const char *name, const char *path, struct err *err)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct klpd_plugin *ops = handle ? dlsym(handle, "klpd_plugin") : NULL;

	if (!handle) {
		err_set(err, EXIT_STATUS_CONFIG, "plugin %s cannot be loaded: %s", name, dlerror());
		return NULL;
	}
	if (!ops || ops->abi != KLPD_PLUGIN_ABI || ops->size < SIZE_MIN || !ops->open ||
	    !ops->publish) {
		err_set(err, EXIT_STATUS_CONFIG,
			"plugin %s: %s is none, or one for another version of klpd", name, path);
		return NULL;
	}
	return ops;
}

const struct klpd_plugin *plugin_load(const char *name, struct err *err)
{
	_cleanup_free_ char *folder = find_folder(err), *path = NULL;

	if (!folder)
		return NULL;
	if (!is_name(name)) {
		err_set(err, EXIT_STATUS_CONFIG, "plugin '%s': no plugin has such a name", name);
		return NULL;
	}
	path = xasprintf("%s/%s.so", folder, name);
	if (access(path, F_OK) < 0) {
		err_set(err, EXIT_STATUS_CONFIG,
			"plugin %s is not installed: there is no %s; install it, or take it out of "
			"the settings",
			name, path);
		return NULL;
	}
	if (check_writers(folder, true, err) < 0 || check_writers(path, false, err) < 0)
		return NULL;
	return find_ops(name, path, err);
}

// SPDX-License-Identifier: Apache-2.0
#include "klpctl/ssh.h"

#include "base/alloc.h"

#define HOST_MAX 255

/* Nothing that ssh would take for an option, or a shell for more than a word. */
static bool is_host(const char *host)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-:[]%@";
	const char *at = strrchr(host, '@'), *name = at ? at + 1 : host;
	size_t len = strlen(host);

	return *name && at != host && host[0] != '-' && name[0] != '-' && len <= HOST_MAX &&
	       strspn(host, allowed) == len;
}

int ssh_each_host(const char *hosts, int (*fn)(const char *host, void *userdata), void *userdata,
		  struct err *err)
{
	for (const char *at = hosts;; at++) {
		size_t len = strcspn(at, ",");
		_cleanup_free_ char *host = xstrndup(at, len);

		if (!is_host(host))
			return err_set(
				err, EXIT_STATUS_USAGE,
				"--host=%s: '%s' is not [USER@]HOST; several are separated by "
				"commas",
				hosts, host);
		if (fn && fn(host, userdata) < 0)
			return -1;
		at += len;
		if (!*at)
			return 0;
	}
}

bool ssh_are_several(const char *hosts)
{
	return strchr(hosts, ',') != NULL;
}

char **ssh_command(const char *host)
{
	const char *program = getenv(SSH_VARIABLE);
	const char *const words[] = { program && *program ? program : "ssh",
				      "-T",
				      "-o",
				      isatty(STDIN_FILENO) ? "BatchMode=no" : "BatchMode=yes",
				      "--",
				      host,
				      "klpctl",
				      "bridge" };
	char **argv = xcalloc(ARRAY_SIZE(words) + 1, sizeof(*argv));

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		argv[i] = xstrdup(words[i]);
	return argv;
}

void ssh_command_free(char **argv)
{
	for (size_t i = 0; argv && argv[i]; i++)
		free(argv[i]);
	free(argv);
}

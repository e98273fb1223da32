// SPDX-License-Identifier: Apache-2.0
#include "klpd/options.h"

#include "base/alloc.h"

#include <errno.h>

/* One option: how it is spelled, what it wants, what it sets. */
struct option_row {
	const char *name, *value, *text;
	int (*set)(struct options *options, const char *value);
};

static int set_listen(struct options *options, const char *value)
{
	if (options->n_listen == OPTIONS_LISTEN_MAX)
		return -E2BIG;
	options->listen[options->n_listen++] = value;
	return 0;
}

static int whole_number(const char *text, int64_t max, int64_t *ret)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || end == text || *end || n < 0 || n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}

static int set_fd(struct options *options, const char *value)
{
	int64_t n = -1;

	if (whole_number(value, INT32_MAX, &n) < 0 || n <= STDERR_FILENO)
		return -EINVAL;
	options->fd = (int)n;
	return 0;
}

static int set_exit_idle(struct options *options, const char *value)
{
	return whole_number(value, 7 * 24 * 3600, &options->exit_idle_sec);
}

#define SET_TEXT(member)                                                                           \
	static int set_##member(struct options *options, const char *value)                        \
	{                                                                                          \
		options->member = value;                                                           \
		return *value ? 0 : -EINVAL;                                                       \
	}
SET_TEXT(root)
SET_TEXT(cache_dir)
SET_TEXT(state_dir)
SET_TEXT(apply)
SET_TEXT(wishes)
SET_TEXT(config)
SET_TEXT(kernel)

static int set_help(struct options *options, const char *value _unused_)
{
	options->help = true;
	return 0;
}

static int set_version(struct options *options, const char *value _unused_)
{
	options->version = true;
	return 0;
}

static const struct option_row option_rows[] = {
	{ "listen", "PATH", "serve a new socket at PATH (may be repeated)", set_listen },
	{ "fd", "N", "serve the connected socket N; end when it closes", set_fd },
	{ "root", "DIR", "the directory that stands for the machine (/)", set_root },
	{ "cache-dir", "DIR", "where metadata is kept", set_cache_dir },
	{ "state-dir", "DIR", "where reports are kept", set_state_dir },
	{ "apply", "PATH", "socket of klpd-apply, instead of starting it", set_apply },
	{ "wishes", "DIR", "leave the wish for a reboot there", set_wishes },
	{ "config", "FILE", "configuration instead of etc/klpd/klpd.yaml", set_config },
	{ "kernel", "RELEASE", "running kernel of a root without /proc", set_kernel },
	{ "exit-idle", "SECONDS", "end after this time without callers and work", set_exit_idle },
	{ "help", NULL, "this text", set_help },
	{ "version", NULL, "the version", set_version },
};

static const char help_head[] =
	"usage: klpd [OPTIONS]\n"
	"\n"
	"The daemon of klpd: looks at the node, judges, keeps reports, answers klpctl.\n"
	"\n";

static const char help_tail[] =
	"\n"
	"Sockets that systemd has opened are served too, see systemd.socket(5).\n"
	"\n"
	"Metadata is kept in ROOT/var/cache/klpd and reports in ROOT/var/lib/klpd. Who\n"
	"may not write there gets $XDG_CACHE_HOME/klpd/ROOT/cache and .../state instead\n"
	"(~/.cache where that is not set), with ROOT's path escaped to one name.\n"
	"\n"
	"See klpctl(8).\n";

char *options_help(void)
{
	char *text = xstrdup(help_head);

	for (size_t i = 0; i < ARRAY_SIZE(option_rows); i++) {
		const struct option_row *row = &option_rows[i];
		_cleanup_free_ char *before = text;
		_cleanup_free_ char *name = xasprintf("--%s%s%s", row->name, row->value ? "=" : "",
						      row->value ? row->value : "");

		text = xasprintf("%s  %-20s  %s\n", before, name, row->text);
	}
	{
		_cleanup_free_ char *before = text;

		return xasprintf("%s%s", before, help_tail);
	}
}

static const struct option_row *find_row(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(option_rows); i++)
		if (strlen(option_rows[i].name) == len &&
		    memcmp(option_rows[i].name, name, len) == 0)
			return &option_rows[i];
	return NULL;
}

/* Reads argv[*at], with its value if that is the next word, and moves *at beyond. */
static int parse_one(int argc, char *argv[], int *at, struct options *options, struct err *err)
{
	const char *word = argv[(*at)++], *name = word + 2, *value;
	const struct option_row *row;
	size_t len;

	if (!starts_with(word, "--"))
		return err_set(err, EXIT_STATUS_USAGE, "%s is not expected here; see klpd --help",
			       word);
	len = strcspn(name, "=");
	row = find_row(name, len);
	if (!row)
		return err_set(err, EXIT_STATUS_USAGE, "there is no option %.*s; see klpd --help",
			       (int)len + 2, word);
	value = name[len] == '=' ? name + len + 1 : NULL;
	if (value && !row->value)
		return err_set(err, EXIT_STATUS_USAGE, "--%s takes no value", row->name);
	if (!value && row->value)
		value = *at < argc ? argv[(*at)++] : NULL;
	if (row->value && (!value || row->set(options, value) < 0))
		return err_set(err, EXIT_STATUS_USAGE, "--%s=%s is expected, see klpd --help",
			       row->name, row->value);
	return row->value ? 0 : row->set(options, NULL);
}

int options_parse(int argc, char *argv[], struct options *ret, struct err *err)
{
	struct options options = { .fd = -1, .root = "/", .exit_idle_sec = -1 };

	for (int at = 1; at < argc;)
		if (parse_one(argc, argv, &at, &options, err) < 0)
			return -1;
	*ret = options;
	return 0;
}

int options_check(const struct options *options, size_t n_sockets, struct err *err)
{
	if (options->fd < 0 && options->n_listen == 0 && n_sockets == 0)
		return err_set(err, EXIT_STATUS_USAGE,
			       "nobody to serve: --listen=PATH or --fd=N is expected, or sockets "
			       "of systemd's");
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "klpctl/options.h"

#include "base/alloc.h"
#include "klpctl/ssh.h"

#include <ctype.h>
#include <errno.h>

/* Fetching may take its five minutes and a stalled node its own; then somebody should look. */
#define TIMEOUT_DEFAULT_SEC 900
#define TIMEOUT_MAX_SEC	    86400

static int set_flag(struct options *o, const struct option_row *row, const char *value _unused_,
		    struct err *err _unused_)
{
	*(bool *)((char *)o + row->offset) = true;
	return 0;
}

static int set_text(struct options *o, const struct option_row *row, const char *value,
		    struct err *err)
{
	if (!*value)
		return err_set(err, EXIT_STATUS_USAGE, "--%s: the value is empty", row->name);
	*(const char **)((char *)o + row->offset) = value;
	return 0;
}

static int set_json(struct options *o, const struct option_row *row, const char *value,
		    struct err *err)
{
	static const char *const words[] = { "off", "short", "pretty" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (streq(words[i], value)) {
			o->json = (enum json_mode)i;
			return 0;
		}
	}
	return err_set(err, EXIT_STATUS_USAGE, "--%s=%s: one of short, pretty, off is expected",
		       row->name, value);
}

static int set_json_auto(struct options *o, const struct option_row *row _unused_,
			 const char *value _unused_, struct err *err _unused_)
{
	o->json = JSON_MODE_AUTO;
	return 0;
}

static int set_trigger(struct options *o, const struct option_row *row, const char *value,
		       struct err *err)
{
	if (!streq(value, "manual") && !streq(value, "timer") && !streq(value, "remote"))
		return err_set(err, EXIT_STATUS_USAGE,
			       "--%s=%s: one of manual, timer, remote is expected", row->name,
			       value);
	o->trigger = value;
	return 0;
}

/* A parameter of Patch Manager, which passes what was not given as an empty text. */
static int set_parameter(struct options *o, const struct option_row *row, const char *value,
			 struct err *err _unused_)
{
	*(const char **)((char *)o + row->offset) = *value ? value : NULL;
	return 0;
}

static int set_operation(struct options *o, const struct option_row *row, const char *value,
			 struct err *err)
{
	if (!streq(value, "Scan") && !streq(value, "Install"))
		return err_set(err, EXIT_STATUS_USAGE, "--%s=%s: one of Scan, Install is expected",
			       row->name, value);
	o->operation = value;
	return 0;
}

static int set_configure(struct options *o, const struct option_row *row, const char *value,
			 struct err *err)
{
	if (!streq(value, "Enable") && !streq(value, "Disable"))
		return err_set(err, EXIT_STATUS_USAGE,
			       "--%s=%s: one of Enable, Disable is expected", row->name, value);
	o->configure = value;
	return 0;
}

static const char guid_like[] = "01234567-89ab-cdef-0123-456789abcdef";

bool options_is_guid(const char *text)
{
	bool fits = strlen(text) == strlen(guid_like);

	for (size_t i = 0; fits && guid_like[i]; i++)
		fits = guid_like[i] == '-' ? text[i] == '-' : isxdigit((unsigned char)text[i]);
	return fits;
}

static int set_snapshot_id(struct options *o, const struct option_row *row, const char *value,
			   struct err *err)
{
	if (*value && !options_is_guid(value))
		return err_set(err, EXIT_STATUS_USAGE, "--%s=%s: a GUID such as %s is expected",
			       row->name, value, guid_like);
	o->snapshot_id = *value ? value : NULL;
	return 0;
}

static int set_reboot_option(struct options *o, const struct option_row *row, const char *value,
			     struct err *err)
{
	if (*value && !streq(value, "NoReboot") && !streq(value, "RebootIfNeeded"))
		return err_set(err, EXIT_STATUS_USAGE,
			       "--%s=%s: one of NoReboot, RebootIfNeeded is expected", row->name,
			       value);
	return set_parameter(o, row, value, err);
}

static int set_hosts(struct options *o, const struct option_row *row, const char *value,
		     struct err *err)
{
	if (o->hosts)
		return err_set(err, EXIT_STATUS_USAGE,
			       "--%s is given twice; several hosts are separated by commas",
			       row->name);
	o->hosts = value;
	return ssh_each_host(value, NULL, NULL, err);
}

static int set_time(struct options *o, const struct option_row *row, const char *value,
		    struct err *err)
{
	if (timex_parse(value, &o->as_of) < 0)
		return err_set(err, EXIT_STATUS_USAGE,
			       "--%s=%s: a UTC time such as 2025-11-16T18:00:00Z is expected",
			       row->name, value);
	return 0;
}

static int set_seconds(struct options *o, const struct option_row *row, const char *value,
		       struct err *err)
{
	char *end = NULL;
	long n;

	errno = 0;
	n = strtol(value, &end, 10);
	if (errno || end == value || *end || n < 1 || n > TIMEOUT_MAX_SEC)
		return err_set(err, EXIT_STATUS_USAGE,
			       "--%s=%s: a number of seconds from 1 to %d is expected", row->name,
			       value, TIMEOUT_MAX_SEC);
	o->timeout_sec = (int)n;
	return 0;
}

static int set_duration(struct options *o, const struct option_row *row, const char *value,
			struct err *err)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = { { 'm', 60 }, { 'h', 3600 }, { 'd', SEC_PER_DAY } };
	char *end = NULL;
	long n;

	errno = 0;
	n = strtol(value, &end, 10);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!errno && end != value && n > 0 && n <= 366 * 24 * 60 &&
		    *end == units[i].letter && !end[1] &&
		    n * units[i].seconds <= 366 * SEC_PER_DAY) {
			*(int64_t *)((char *)o + row->offset) = n * units[i].seconds;
			return 0;
		}
	return err_set(
		err, EXIT_STATUS_USAGE,
		"--%s=%s: a duration such as 30m, 12h or 3d is expected, of 366 days at most",
		row->name, value);
}

#define AT(member) offsetof(struct options, member)

static const char reach[] = "Where to ask", judge[] = "How to judge",
		  install[] = "How to change the node", manager[] = "Patch Manager's parameters",
		  show[] = "How to show";

#define ONLY(...) ((const char *const[]){ __VA_ARGS__, NULL })

const struct option_row options_table[] = {
	{ "root", 0, "DIR", reach, NULL, "the node is DIR, an image or a mounted system", set_text,
	  AT(root) },
	{ "direct", 0, NULL, reach, NULL, "start an agent of one's own for this call", set_flag,
	  AT(direct) },
	{ "socket", 0, "PATH", reach, NULL, "where the system's agent listens", set_text,
	  AT(socket) },
	{ "host", 'H', "HOST[,HOST]", reach, NULL, "over ssh, [USER@]HOST; several at once",
	  set_hosts, AT(hosts) },
	{ "allow", 0, "METHODS", reach, ONLY("bridge"), "carry only these calls", set_text,
	  AT(allow) },
	{ "cache-dir", 0, "DIR", reach, NULL, "repository metadata is kept in DIR", set_text,
	  AT(cache_dir) },
	{ "state-dir", 0, "DIR", reach, NULL, "reports are kept in DIR", set_text, AT(state_dir) },
	{ "config", 0, "FILE", reach, NULL, "settings instead of /etc/klpd/klpd.yaml", set_text,
	  AT(config) },
	{ "timeout", 0, "SECONDS", reach, NULL, "give up after that time; 900", set_seconds, 0 },

	{ "baseline", 0, "FILE|NAME", judge, NULL, "judge by this patch baseline", set_text,
	  AT(baseline) },
	{ "as-of", 0, "TIME", judge, NULL, "judge as of TIME (UTC) instead of now", set_time, 0 },
	{ "kernel", 0, "RELEASE", judge, NULL, "the kernel that runs, for an image", set_text,
	  AT(kernel) },
	{ "cached", 0, NULL, judge, NULL, "use the metadata at hand, fetch nothing", set_flag,
	  AT(cached) },
	{ "refresh", 0, NULL, judge, NULL, "fetch metadata even if it is fresh", set_flag,
	  AT(refresh) },
	{ "trigger", 0, "WORD", judge, NULL, "who asks: manual, timer or remote", set_trigger, 0 },
	{ "spread", 0, "DURATION", judge, ONLY("scan", "install"),
	  "begin at this node's moment of it", set_duration, AT(spread_sec) },
	{ "all", 'a', NULL, judge, ONLY("list"), "with what does not apply to this node", set_flag,
	  AT(all) },
	{ "output", 'o', "FILE", judge, ONLY("capture", "export", "report"), "write to FILE",
	  set_text, AT(output) },

	{ "dry-run", 0, NULL, install, ONLY("install", "enable", "disable", "clean"),
	  "show the plan, change nothing", set_flag, AT(dry_run) },
	{ "with-kernel", 0, NULL, install, ONLY("install", "enable"),
	  "also a newer kernel, where one is needed", set_flag, AT(with_kernel) },
	{ "reboot-option", 0, "WORD", install, ONLY("install", "enable", "disable", "run"),
	  "NoReboot or RebootIfNeeded", set_reboot_option, AT(reboot_option) },
	{ "override-list", 0, "FILE", install, ONLY("install"), "install what FILE names", set_text,
	  AT(overrides) },
	{ "unload", 0, NULL, install, ONLY("disable"), "also out of the running kernel, if it lets",
	  set_flag, AT(unload) },
	{ "ssm", 0, NULL, install, ONLY("install", "enable", "disable", "run"),
	  "for Run Command: brief, 194", set_flag, AT(ssm) },
	{ "retry-quarantined", 0, NULL, install, ONLY("install"), "also what a crash followed",
	  set_flag, AT(retry_quarantined) },
	{ "for", 0, "DURATION", install, ONLY("pause"), "end the pause after that time",
	  set_duration, AT(duration_sec) },

	{ "operation", 0, "WORD", manager, ONLY("run"), "Scan or Install", set_operation, 0 },
	{ "configure", 0, "WORD", manager, ONLY("run"), "Enable or Disable", set_configure, 0 },
	{ "snapshot-id", 0, "GUID", manager, ONLY("run"),
	  "of the baseline, where Patch Manager has it", set_snapshot_id, 0 },
	{ "baseline-override", 0, "FILE|URL", manager, ONLY("run"), "judge by this patch baseline",
	  set_parameter, AT(baseline_override) },
	{ "install-override-list", 0, "FILE|URL", manager, ONLY("run"),
	  "install what the list names", set_parameter, AT(install_overrides) },

	{ "json", 0, "MODE", show, NULL, "print JSON: short, pretty or off", set_json, 0 },
	{ "", 'j', NULL, show, NULL, "JSON: pretty on a terminal, else short", set_json_auto, 0 },
	{ "html", 0, NULL, show, ONLY("report"), "one page, for a browser", set_flag, AT(html) },
	{ "quiet", 'q', NULL, show, NULL, "no progress; nothing but the exit status", set_flag,
	  AT(quiet) },
	{ "no-legend", 0, NULL, show, NULL, "tables without headings and counts", set_flag,
	  AT(no_legend) },
	{ "no-pager", 0, NULL, show, NULL, "accepted; no pager is ever started", set_flag,
	  AT(no_pager) },
	{ "help", 'h', NULL, show, NULL, "this text", set_flag, AT(help) },
	{ "version", 0, NULL, show, NULL, "the version", set_flag, AT(version) },
	{ NULL },
};

_Static_assert(ARRAY_SIZE(options_table) <= 64, "options.given has a bit for every row");

static uint64_t bit_of(const struct option_row *row)
{
	return UINT64_C(1) << (row - options_table);
}

/* @value: NULL if it takes none. */
static int take(struct options *o, const struct option_row *row, const char *value, struct err *err)
{
	o->given |= bit_of(row);
	return row->set(o, row, value, err);
}

/* The row for a long name of length @len, or for a letter. */
static const struct option_row *find_long(const char *name, size_t len)
{
	for (const struct option_row *row = options_table; row->name; row++)
		if (len > 0 && strlen(row->name) == len && memcmp(row->name, name, len) == 0)
			return row;
	return NULL;
}

static const struct option_row *find_letter(char letter)
{
	for (const struct option_row *row = options_table; row->name; row++)
		if (row->letter == letter)
			return row;
	return NULL;
}

/* @i: index of the word with the option; moved on when the next word is its value. */
static int parse_long(struct options *o, int argc, char *argv[], int *i, struct err *err)
{
	const char *name = argv[*i] + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct option_row *row = find_long(name, len);

	if (!row)
		return err_set(err, EXIT_STATUS_USAGE,
			       "no option is called --%.*s; see klpctl --help", (int)len, name);
	if (!row->argument && equals)
		return err_set(err, EXIT_STATUS_USAGE, "--%s takes no value", row->name);
	if (!row->argument || equals)
		return take(o, row, equals ? equals + 1 : NULL, err);
	if (*i + 1 >= argc)
		return err_set(err, EXIT_STATUS_USAGE, "--%s needs a value: --%s=%s", row->name,
			       row->name, row->argument);
	return take(o, row, argv[++*i], err);
}

static int parse_letters(struct options *o, int argc, char *argv[], int *i, struct err *err)
{
	for (const char *p = argv[*i] + 1; *p; p++) {
		const struct option_row *row = find_letter(*p);

		if (!row)
			return err_set(err, EXIT_STATUS_USAGE,
				       "no option is called -%c; see klpctl --help", *p);
		if (!row->argument) {
			if (take(o, row, NULL, err) < 0)
				return -1;
			continue;
		}
		if (!p[1] && *i + 1 >= argc)
			return err_set(err, EXIT_STATUS_USAGE, "-%c needs a value: -%c %s", *p, *p,
				       row->argument);
		return take(o, row, p[1] ? p + 1 : argv[++*i], err);
	}
	return 0;
}

static int check_pairs(const struct options *o, struct err *err)
{
	if (o->cached && o->refresh)
		return err_set(err, EXIT_STATUS_USAGE,
			       "--cached and --refresh contradict each other");
	if (o->hosts && (o->direct || o->root || o->socket || o->config || o->kernel ||
			 o->cache_dir || o->state_dir))
		return err_set(
			err, EXIT_STATUS_USAGE,
			"--host asks the agent of another host; --direct, --root, --socket, "
			"--config, --kernel, --cache-dir and --state-dir are about this one");
	if (o->socket &&
	    (o->direct || o->root || o->config || o->kernel || o->cache_dir || o->state_dir))
		return err_set(err, EXIT_STATUS_USAGE,
			       "--socket names an agent that runs; --direct, --root, --config, "
			       "--kernel, --cache-dir and --state-dir start another one");
	return 0;
}

int options_parse(struct options *o, int argc, char *argv[], struct err *err)
{
	bool only_words = false;

	*o = (struct options){ .as_of = TIME_UNSET, .timeout_sec = TIMEOUT_DEFAULT_SEC };
	o->words = xcalloc((size_t)argc + 1, sizeof(*o->words));
	for (int i = 1; i < argc; i++) {
		int r = 0;

		if (only_words || argv[i][0] != '-' || !argv[i][1])
			o->words[o->n_words++] = argv[i];
		else if (streq(argv[i], "--"))
			only_words = true;
		else if (argv[i][1] == '-')
			r = parse_long(o, argc, argv, &i, err);
		else
			r = parse_letters(o, argc, argv, &i, err);
		if (r < 0)
			return -1;
	}
	return check_pairs(o, err);
}

/* The commands of a row with @between between them, and @last before the last one. To be freed. */
static char *join_commands(const struct option_row *row, const char *between, const char *last)
{
	char *joined = xstrdup(row->only[0]);

	for (size_t i = 1; row->only[i]; i++) {
		char *longer = xasprintf("%s%s%s", joined, row->only[i + 1] ? between : last,
					 row->only[i]);

		free(joined);
		joined = longer;
	}
	return joined;
}

char *options_commands(const struct option_row *row)
{
	return row->only ? join_commands(row, ", ", ", ") : NULL;
}

static bool belongs_to(const struct option_row *row, const char *command)
{
	for (size_t i = 0; row->only && row->only[i]; i++)
		if (streq(row->only[i], command))
			return true;
	return !row->only;
}

int options_check_command(const struct options *o, const char *command, struct err *err)
{
	for (const struct option_row *row = options_table; row->name; row++) {
		_cleanup_free_ char *commands = NULL;

		if (!(o->given & bit_of(row)) || belongs_to(row, command))
			continue;
		commands = join_commands(row, ", klpctl ", " and klpctl ");
		return err_set(err, EXIT_STATUS_USAGE, "--%s belongs to klpctl %s only", row->name,
			       commands);
	}
	return 0;
}

void options_deinit(struct options *o)
{
	free(o->words);
}

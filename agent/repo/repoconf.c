// SPDX-License-Identifier: Apache-2.0
/*
 * librepo parses the .repo files and substitutes variables. Three things it leaves to us, in 1.8.1
 * as in 1.14: it opens files by name, where links would lead out of the root (so it gets a prepared
 * copy); it does not know lines that start with ";", nor says in which line a mistake is (so the
 * lines are looked at first); and it knows neither timeout, retries and excludepkgs, nor the
 * numbers and words that yum accepts and it does not (metadata_expire=300, "never", "on"), nor
 * [main]. These are read with GLib's key file parser, which is also what is inside librepo's.
 */
#include "repo/repoconf.h"

#include "base/fsx.h"
#include "repo/glib.h"

#include <errno.h>
#include <fcntl.h>
#include <librepo/librepo.h>
#include <stdio.h>

#define FILE_BYTES_MAX	  ((size_t)1024 * 1024)
#define VARIABLE_SIZE_MAX ((size_t)4096)
#define TIMEOUT_DEFAULT	  30
#define BLANKS		  " \t\r"

static const char *const conf_files[] = { "etc/yum.conf", "etc/dnf/dnf.conf" };
static const char *const repo_dirs[] = { "etc/yum.repos.d", "etc/distro.repos.d",
					 "etc/yum/repos.d" };
static const char *const var_dirs[] = { "etc/yum/vars", "etc/dnf/vars" };
/* Not configuration, but what $releasever comes from. */
static const char *const identity[] = { "etc/system-release", "etc/os-release",
					"usr/lib/os-release" };

/* What uname -m calls a machine and $basearch calls it otherwise. */
static const struct {
	const char *arch, *basearch;
} basearches[] = {
	{ "i386", "i386" }, { "i486", "i386" },	    { "i586", "i386" },
	{ "i686", "i386" }, { "armv7l", "armhfp" }, { "armv8l", "armhfp" },
};

enum kind {
	KIND_TEXT,
	KIND_LIST, /* separated by blanks or commas; a key that comes twice adds to it */
	KIND_BOOL,
	KIND_SECONDS,
	KIND_COUNT,
};

#define NOT_LIBREPO -1
#define AT(member)  offsetof(struct repoconf_section, member)

/*
 * One row per key. @option is librepo's name of it, for texts and lists in .repo files. The rows
 * with @in_main are also read from [main], as what sections start from.
 */
static const struct row {
	const char *key;
	int option;
	enum kind kind;
	size_t offset;
	bool in_main;
} rows[] = {
	{ "enabled", NOT_LIBREPO, KIND_BOOL, AT(enabled), false },
	{ "baseurl", LR_YRC_BASEURL, KIND_LIST, AT(baseurls), false },
	{ "mirrorlist", LR_YRC_MIRRORLIST, KIND_TEXT, AT(mirrorlist), false },
	{ "metalink", LR_YRC_METALINK, KIND_TEXT, AT(metalink), false },
	{ "gpgcheck", NOT_LIBREPO, KIND_BOOL, AT(gpgcheck), true },
	{ "repo_gpgcheck", NOT_LIBREPO, KIND_BOOL, AT(repo_gpgcheck), true },
	{ "gpgkey", LR_YRC_GPGKEY, KIND_LIST, AT(gpgkeys), false },
	{ "skip_if_unavailable", NOT_LIBREPO, KIND_BOOL, AT(skip_if_unavailable), true },
	{ "metadata_expire", NOT_LIBREPO, KIND_SECONDS, AT(metadata_expire), true },
	{ "exclude", LR_YRC_EXCLUDE, KIND_LIST, AT(excludes), true },
	{ "excludepkgs", NOT_LIBREPO, KIND_LIST, AT(excludes), true },
	{ "proxy", LR_YRC_PROXY, KIND_TEXT, AT(proxy), true },
	{ "proxy_username", LR_YRC_PROXY_USERNAME, KIND_TEXT, AT(proxy_username), true },
	{ "proxy_password", LR_YRC_PROXY_PASSWORD, KIND_TEXT, AT(proxy_password), true },
	{ "username", LR_YRC_USERNAME, KIND_TEXT, AT(username), true },
	{ "password", LR_YRC_PASSWORD, KIND_TEXT, AT(password), true },
	{ "sslverify", NOT_LIBREPO, KIND_BOOL, AT(sslverify), true },
	{ "sslcacert", LR_YRC_SSLCACERT, KIND_TEXT, AT(sslcacert), true },
	{ "sslclientcert", LR_YRC_SSLCLIENTCERT, KIND_TEXT, AT(sslclientcert), true },
	{ "sslclientkey", LR_YRC_SSLCLIENTKEY, KIND_TEXT, AT(sslclientkey), true },
	{ "timeout", NOT_LIBREPO, KIND_SECONDS, AT(timeout), true },
	{ "retries", NOT_LIBREPO, KIND_COUNT, AT(retries), true },
};

struct reading {
	int root;
	struct arena *arena;
	struct findings *findings;
	struct repoconf *conf;
	LrUrlVars *vars;
	struct repoconf_section defaults; /* what [main] says */
	struct repoconf_list dirs;	  /* reposdir=, or empty */
};

/* A file that was read: its lines put into GLib's form. */
struct source {
	const char *path;
	char *text;
	size_t len;
	GKeyFile *keys;
};

static void source_clear(struct source *s)
{
	free(s->text);
	if (s->keys)
		g_key_file_free(s->keys);
}

static void list_add(struct arena *arena, struct repoconf_list *list, const char *item)
{
	*ARENA_PUSH(arena, list->items, list->n) = item;
}

/* ---- files ------------------------------------------------------------------------------------*/

/*
 * Comments and empty lines get a "#" in front, "key: value" its "=". Return: 0, or the number of a
 * line that means nothing, with @why.
 */
static unsigned int prepare_lines(char *text, const char **why)
{
	bool in_section = false, has_key = false;
	unsigned int number = 1;

	for (char *line = text; *line; number++) {
		size_t len = strcspn(line, "\n"), blank = strspn(line, BLANKS);
		char *next = line + len + (line[len] == '\n');
		char *sign = line + strcspn(line, "=:\n");

		if (blank >= len || *line == '#' || *line == ';') {
			if (len)
				*line = '#';
		} else if (*line == '[') {
			if (memchr(line, ']', len) <= (void *)(line + 1))
				return *why = "the section has no name", number;
			in_section = true;
			has_key = false;
		} else if (!in_section) {
			return *why = "it stands before the first section", number;
		} else if (blank > 0 && has_key) {
			; /* continues the value of the line before */
		} else if (sign < line + len && sign > line) {
			*sign = '=';
			has_key = true;
		} else {
			return *why = "it is neither a section, a key=value nor a comment", number;
		}
		line = next;
	}
	return 0;
}

/*
 * Where GLib wants a value in one line, yum allows indented lines to go on with it, comments
 * between them included.
 */
static void join_continuations(char *text)
{
	char *out = text;

	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");
		const char *next = line + len + (line[len] == '\n');

		if (len && *line != '#') {
			if ((*line == ' ' || *line == '\t') && out > text)
				out[-1] = ' ';
			memmove(out, line, (size_t)(next - line));
			out += next - line;
		}
		line = next;
	}
	*out = '\0';
}

/* The finding says why. */
static int leave_out(struct reading *r)
{
	r->conf->unread = true;
	return -1;
}

/* Takes over @text. The source is cleared by the caller in any case. */
static int source_take(struct reading *r, const char *path, char *text, size_t len,
		       struct source *s)
{
	_cleanup_(gerror_freep)
	GError *error = NULL;
	const char *why = NULL;
	unsigned int line;

	*s = (struct source){ .path = path, .text = text, .len = len };
	line = strlen(s->text) == s->len ? prepare_lines(s->text, &why) : 0;
	if (strlen(s->text) != s->len)
		why = "it holds NUL bytes";
	join_continuations(s->text);
	s->len = strlen(s->text);
	s->keys = g_key_file_new();
	if (!why && !g_key_file_load_from_data(s->keys, s->text, s->len, G_KEY_FILE_NONE, &error))
		why = error->message;
	if (!why)
		return 0;
	if (line)
		finding_add(r->findings, FINDING_ERROR, "repository-file-malformed", path,
			    "/%s:%u: %s; the whole file is left out until this line is corrected",
			    path, line, why);
	else
		finding_add(r->findings, FINDING_ERROR, "repository-file-malformed", path,
			    "/%s: %s; the whole file is left out until this is corrected", path,
			    why);
	return leave_out(r);
}

static int source_open(struct reading *r, const char *path, struct source *s)
{
	char *text = NULL;
	size_t len;
	int ret = fsx_read_at(r->root, path, FILE_BYTES_MAX, &text, &len);

	if (ret == 0)
		return source_take(r, path, text, len, s);
	finding_add(r->findings, FINDING_ERROR, "repository-file-unreadable", path,
		    "/%s cannot be read (%s): the repositories in it are not looked at; check its "
		    "permissions",
		    path, strerror(-ret));
	return leave_out(r);
}

/* ---- values -----------------------------------------------------------------------------------*/

static const char *substituted(struct reading *r, const char *text)
{
	_cleanup_(gfreep)
	char *value = lr_url_substitute(text, r->vars);

	return arena_strdup(r->arena, value);
}

static void split_list(struct reading *r, const char *text, struct repoconf_list *list)
{
	static const char separators[] = " \t\r\n,;";

	for (text += strspn(text, separators); *text; text += strspn(text, separators)) {
		size_t len = strcspn(text, separators);
		_cleanup_free_ char *item = xstrndup(text, len);

		list_add(r->arena, list, substituted(r, item));
		text += len;
	}
}

static int parse_bool(const char *text, bool *ret)
{
	static const char *const words[] = { "0", "no", "false", "off", "1", "yes", "true", "on" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*ret = i >= ARRAY_SIZE(words) / 2;
			return 0;
		}
	}
	return -1;
}

/* "300", "90s", "1.5h", "2d"; "never" and -1 */
static int parse_seconds(const char *text, int64_t *ret)
{
	static const struct {
		const char *suffix;
		double factor;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	double value;
	char *end;

	if (strcasecmp(text, "never") == 0 || streq(text, "-1")) {
		*ret = REPOCONF_EXPIRE_NEVER;
		return 0;
	}
	value = g_ascii_strtod(text, &end);
	for (size_t i = 0; i < ARRAY_SIZE(units) && end != text; i++) {
		if (strcasecmp(end, units[i].suffix) != 0)
			continue;
		if (!(value >= 0 && value <= 1e9))
			return -1;
		*ret = (int64_t)(value * units[i].factor);
		return 0;
	}
	return -1;
}

static int set_value(struct reading *r, const struct row *row, const char *text,
		     struct repoconf_section *into)
{
	void *member = (char *)into + row->offset;
	char *end;

	switch (row->kind) {
	case KIND_TEXT:
		*(const char **)member = *text ? substituted(r, text) : NULL;
		return 0;
	case KIND_LIST:
		split_list(r, text, member);
		return 0;
	case KIND_BOOL:
		return parse_bool(text, member);
	case KIND_SECONDS:
		return parse_seconds(text, member);
	case KIND_COUNT:
		errno = 0;
		*(int64_t *)member = strtol(text, &end, 10);
		return errno || end == text || *end || *(int64_t *)member < 0 ? -1 : 0;
	}
	return -1;
}

/* The text of a key, by librepo if it knows it. NULL: not set. To be freed with g_free(). */
static char *value_of(const struct source *s, LrYumRepoConf *conf, const char *section,
		      const struct row *row)
{
	_cleanup_(gstrvp)
	char **list = NULL;
	char *text = NULL;

	if (!conf || row->option == NOT_LIBREPO) {
		text = g_key_file_get_value(s->keys, section, row->key, NULL);
	} else if (row->kind == KIND_LIST) {
		if (lr_yum_repoconf_getinfo(conf, NULL, (LrYumRepoConfOption)row->option, &list) &&
		    list)
			text = g_strjoinv(" ", list);
	} else if (!lr_yum_repoconf_getinfo(conf, NULL, (LrYumRepoConfOption)row->option, &text)) {
		text = NULL;
	}
	return text ? g_strstrip(text) : NULL;
}

static void read_keys(struct reading *r, const struct source *s, LrYumRepoConf *conf,
		      const char *section, struct repoconf_section *into)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(gfreep)
		char *text = NULL;

		if (!conf && !rows[i].in_main)
			continue;
		text = value_of(s, conf, section, &rows[i]);
		if (text && set_value(r, &rows[i], text, into) < 0)
			finding_add(r->findings, FINDING_WARNING, "repository-key-invalid", s->path,
				    "/%s: [%s] %s=%s is not understood and therefore left at its "
				    "default; correct it",
				    s->path, section, rows[i].key, text);
	}
}

/* ---- [main] and variables ---------------------------------------------------------------------*/

static void read_main(struct reading *r, const char *path)
{
	_cleanup_(source_clear)
	struct source s = { 0 };
	_cleanup_(gfreep)
	char *dirs = NULL;

	list_add(r->arena, &r->conf->inputs, path);
	if (!fsx_exists_at(r->root, path) || source_open(r, path, &s) < 0)
		return;
	read_keys(r, &s, NULL, "main", &r->defaults);
	r->defaults.file = path;
	dirs = g_key_file_get_value(s.keys, "main", "reposdir", NULL);
	if (dirs) {
		r->dirs.n = 0;
		split_list(r, dirs, &r->dirs);
	}
}

static void set_variable(struct reading *r, const char *name, const char *value)
{
	if (value)
		r->vars = lr_urlvars_set(r->vars, name, value);
}

static void read_variables(struct reading *r, const char *dir)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;

	list_add(r->arena, &r->conf->inputs, dir);
	if (fsx_list_at(r->root, dir, NULL, &names) < 0)
		return;
	for (size_t i = 0; i < names->n; i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", dir, names->items[i]);
		_cleanup_free_ char *text = NULL;
		size_t len;
		int ret = fsx_read_at(r->root, path, VARIABLE_SIZE_MAX, &text, &len);

		if (ret < 0) {
			finding_add(r->findings, FINDING_WARNING, "repository-file-unreadable",
				    path, "/%s cannot be read (%s): the variable $%s has no value",
				    path, strerror(-ret), names->items[i]);
			continue;
		}
		/* The files of Amazon Linux end in a newline, which is not part of the value. */
		text[strcspn(text, "\r\n")] = '\0';
		set_variable(r, names->items[i], text);
	}
}

static void set_builtin(struct reading *r, const struct repoconf_builtin *builtin)
{
	const char *basearch = builtin->arch;

	for (size_t i = 0; basearch && i < ARRAY_SIZE(basearches); i++)
		if (streq(builtin->arch, basearches[i].arch))
			basearch = basearches[i].basearch;
	set_variable(r, "releasever", builtin->releasever);
	set_variable(r, "arch", builtin->arch);
	set_variable(r, "basearch", basearch);
}

/* ---- sections ---------------------------------------------------------------------------------*/

/* The name of the first variable left in a URL. */
static const char *find_variable(struct reading *r, const char *url)
{
	const char *sign = url ? strchr(url, '$') : NULL;

	if (!sign)
		return NULL;
	sign += 1 + (sign[1] == '{');
	return arena_strndup(r->arena, sign,
			     strspn(sign, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789_"));
}

static void check_urls(struct reading *r, struct repoconf_section *section)
{
	section->unresolved = find_variable(r, section->mirrorlist);
	if (!section->unresolved)
		section->unresolved = find_variable(r, section->metalink);
	for (size_t i = 0; i < section->baseurls.n && !section->unresolved; i++)
		section->unresolved = find_variable(r, section->baseurls.items[i]);
}

static bool is_known(const struct repoconf *conf, const char *id, const char **ret_file)
{
	for (size_t i = 0; i < conf->n_sections; i++) {
		if (streq(conf->sections[i].id, id)) {
			*ret_file = conf->sections[i].file;
			return true;
		}
	}
	return false;
}

/* How yum's configuration says that there is none. */
static void settle_proxy(struct repoconf_section *section)
{
	if (section->proxy && streq(section->proxy, "_none_"))
		section->proxy = NULL;
}

static void add_section(struct reading *r, const struct source *s, LrYumRepoConf *conf)
{
	_cleanup_(gfreep)
	char *id = NULL;
	struct repoconf_section *section;
	const char *other;

	if (!lr_yum_repoconf_getinfo(conf, NULL, LR_YRC_ID, &id) || streq(id, "main"))
		return;
	if (is_known(r->conf, id, &other)) {
		finding_add(r->findings, FINDING_WARNING, "repository-duplicate", id,
			    "the repository %s is in /%s and again in /%s, which is left out; "
			    "remove one of them",
			    id, other, s->path);
		return;
	}
	section = ARENA_PUSH(r->arena, r->conf->sections, r->conf->n_sections);
	*section = r->defaults;
	section->id = arena_strdup(r->arena, id);
	section->file = s->path;
	/* Lists that [main] started are continued, not shared. */
	section->excludes = (struct repoconf_list){ 0 };
	for (size_t i = 0; i < r->defaults.excludes.n; i++)
		list_add(r->arena, &section->excludes, r->defaults.excludes.items[i]);
	read_keys(r, s, conf, id, section);
	settle_proxy(section);
	check_urls(r, section);
}

/* librepo reads files by name only. */
static bool parse_with_librepo(const struct source *s, LrYumRepoConfs *confs, GError **error)
{
	_cleanup_free_ char *path = xasprintf("%s/klpd-repo-XXXXXX", g_get_tmp_dir());
	_cleanup_close_ int fd = mkostemp(path, O_CLOEXEC);
	_cleanup_free_ char *open_file = xasprintf("/proc/self/fd/%d", fd);
	ssize_t n;

	if (fd < 0 || unlink(path) < 0) {
		g_set_error(error, G_FILE_ERROR, 0, "%s: %s", path, strerror(errno));
		return false;
	}
	n = pwrite(fd, s->text, s->len, 0);
	if (n < 0 || (size_t)n != s->len) {
		g_set_error(error, G_FILE_ERROR, 0, "%s: not enough room", path);
		return false;
	}
	return lr_yum_repoconfs_parse(confs, open_file, error);
}

static void read_source(struct reading *r, const struct source *s)
{
	_cleanup_(gerror_freep)
	GError *error = NULL;
	LrYumRepoConfs *confs = lr_yum_repoconfs_init();

	if (parse_with_librepo(s, confs, &error)) {
		for (GSList *l = lr_yum_repoconfs_get_list(confs, NULL); l; l = l->next)
			add_section(r, s, l->data);
	} else {
		finding_add(r->findings, FINDING_ERROR, "repository-file-malformed", s->path,
			    "/%s: %s; the whole file is left out", s->path, error->message);
		(void)leave_out(r);
	}
	lr_yum_repoconfs_free(confs);
}

static void read_repo_file(struct reading *r, const char *path)
{
	_cleanup_(source_clear)
	struct source s = { 0 };

	if (source_open(r, path, &s) == 0)
		read_source(r, &s);
}

/* What klpd would make where no file has it. */
static void read_builtin_repo(struct reading *r, const struct repoconf_builtin *builtin)
{
	_cleanup_(source_clear)
	struct source s = { 0 };
	size_t before = r->conf->n_sections;
	const char *unused;

	if (!builtin->repo_text || r->conf->unread ||
	    is_known(r->conf, builtin->repo_id, &unused) ||
	    source_take(r, builtin->repo_id, xstrdup(builtin->repo_text),
			strlen(builtin->repo_text), &s) < 0)
		return;
	read_source(r, &s);
	for (size_t i = before; i < r->conf->n_sections; i++) {
		r->conf->sections[i].file = NULL;
		r->conf->sections[i].enabled = false;
	}
}

static void read_repo_dir(struct reading *r, const char *dir)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;
	int ret;

	dir += strspn(dir, "/");
	list_add(r->arena, &r->conf->inputs, dir);
	ret = fsx_list_at(r->root, dir, ".repo", &names);
	if (ret < 0 && ret != -ENOENT) {
		finding_add(r->findings, FINDING_ERROR, "repository-file-unreadable", dir,
			    "/%s cannot be looked at (%s): the repositories in it are not known; "
			    "check its permissions",
			    dir, strerror(-ret));
		(void)leave_out(r);
	}
	if (ret < 0)
		return;
	for (size_t i = 0; i < names->n; i++)
		read_repo_file(r, arena_printf(r->arena, "%s/%s", dir, names->items[i]));
}

struct repoconf *repoconf_read(int root, const struct repoconf_builtin *builtin,
			       struct findings *findings)
{
	struct reading r = {
		.root = root,
		.arena = findings->arena,
		.findings = findings,
		.conf = arena_alloc(findings->arena, sizeof(*r.conf)),
		.defaults = { .file = conf_files[0],
			      .enabled = true,
			      .sslverify = true,
			      .metadata_expire = REPOCONF_EXPIRE_DEFAULT,
			      .timeout = TIMEOUT_DEFAULT },
	};

	/* A variable's file wins over what is built in: AL2023 is unlocked by vars/releasever. */
	set_builtin(&r, builtin);
	for (size_t i = 0; i < ARRAY_SIZE(var_dirs); i++)
		read_variables(&r, var_dirs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(conf_files); i++)
		read_main(&r, conf_files[i]);
	settle_proxy(&r.defaults);
	r.conf->main = r.defaults;
	for (size_t i = 0; i < ARRAY_SIZE(identity); i++)
		list_add(r.arena, &r.conf->inputs, identity[i]);
	for (size_t i = 0; i < r.dirs.n; i++)
		read_repo_dir(&r, r.dirs.items[i]);
	for (size_t i = 0; i < ARRAY_SIZE(repo_dirs) && r.dirs.n == 0; i++)
		read_repo_dir(&r, repo_dirs[i]);
	read_builtin_repo(&r, builtin);
	lr_urlvars_free(r.vars);
	return r.conf;
}

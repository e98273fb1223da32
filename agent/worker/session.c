// SPDX-License-Identifier: Apache-2.0
#include "worker/session.h"

#include "base/fsx.h"
#include "base/yaml.h"
#include "codec/snapshot.h"
#include "core/builtin.h"
#include "probe/probe.h"
#include "solv/digest.h"
#include "worker/gather.h"

#include <errno.h>
#include <fcntl.h>

/*
 * Names below the node's root, so that an image carries its own settings. What stands there takes
 * the place of what is built in.
 */
#define CONFIG_FILE  "etc/klpd/klpd.yaml"
#define PLATFORM_DIR "etc/klpd/platforms"
#define BASELINE_DIR "etc/klpd/baselines"
#define SUFFIX	     ".yaml"

/* Ruling 1: where nothing else is said. */
#define DEFAULT_BASELINE "AWS-AmazonLinux2DefaultPatchBaseline"

struct session *session_new(void)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->arena = arena_new();
	s->root = -1;
	s->snapshot = snapshot_new();
	return s;
}

void session_close(struct session *s)
{
	if (!s)
		return;
	snapshot_free(s->snapshot);
	arena_free(s->arena);
	closep(&s->root);
	free(s);
}

/* @dir may be AT_FDCWD for a file that the caller named. The text is kept in the session. */
static int read_text(struct session *s, int dir, const char *path, size_t max, const char **ret,
		     size_t *ret_len, struct err *err)
{
	_cleanup_free_ char *data = NULL;
	char *copy;
	size_t len;
	int r = fsx_read_at(dir, path, max, &data, &len);

	if (r < 0)
		return err_set_errno(err, EXIT_STATUS_CONFIG, -r, "%s", path);
	copy = arena_alloc(s->arena, len + 1);
	memcpy(copy, data, len + 1); /* NUL bytes in it are the parser's to refuse */
	*ret = copy;
	*ret_len = len;
	return 0;
}

int session_read_doc(struct session *s, int dir, const char *path, const struct doc **ret,
		     struct err *err)
{
	const char *text;
	size_t len;

	if (read_text(s, dir, path, YAML_BYTES_MAX, &text, &len, err) < 0)
		return -1;
	return yaml_parse(text, len, path, s->arena, ret, err);
}

int session_open(struct session *s, struct err *err)
{
	const struct request *q = &s->request;
	const char *file = q->config ? q->config : CONFIG_FILE;

	s->root = open(q->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->root < 0)
		return err_set_errno(err, EXIT_STATUS_USAGE, errno, "root directory %s", q->root);
	if (!q->config && !fsx_exists_at(s->root, CONFIG_FILE))
		return config_from_doc(NULL, &s->config, err);
	if (session_read_doc(s, q->config ? AT_FDCWD : s->root, file, &s->config_doc, err) < 0)
		return -1;
	s->config_file = file;
	return config_from_doc(s->config_doc, &s->config, err);
}

/* ---- platform ------------------------------------------------------------------------------ */

static int try_platform(struct session *s, const struct doc *doc, struct err *err)
{
	const struct node *node = &s->snapshot->node;
	const struct platform *platform;

	if (platform_from_doc(doc, s->arena, &platform, err) < 0)
		return -1;
	if (!s->platform && node->os_id &&
	    platform_matches(platform, node->os_id, node->os_version))
		s->platform = platform;
	return 0;
}

/* The administrator's profiles first, in name order: the first that fits the node counts. */
static int own_platforms(struct session *s, struct err *err)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;
	int r = fsx_list_at(s->root, PLATFORM_DIR, SUFFIX, &names);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set_errno(err, EXIT_STATUS_CONFIG, -r, "%s", PLATFORM_DIR);
	for (size_t i = 0; i < names->n; i++) {
		const char *path = arena_printf(s->arena, "%s/%s", PLATFORM_DIR, names->items[i]);
		const struct doc *doc;

		if (session_read_doc(s, s->root, path, &doc, err) < 0 ||
		    try_platform(s, doc, err) < 0)
			return -1;
	}
	return 0;
}

static int builtin_platform(struct session *s, struct err *err)
{
	size_t n;
	const struct builtin_text *texts = builtin_platforms(&n);

	for (size_t i = 0; i < n && !s->platform; i++) {
		const struct doc *doc;

		if (yaml_parse(texts[i].text, texts[i].len, texts[i].name, s->arena, &doc, err) <
			    0 ||
		    try_platform(s, doc, err) < 0)
			return -1;
	}
	return 0;
}

static int choose_platform(struct session *s, struct err *err)
{
	if (own_platforms(s, err) < 0)
		return -1;
	return s->platform ? 0 : builtin_platform(s, err);
}

int session_identify(struct session *s, struct err *err)
{
	struct snapshot *snap = s->snapshot;

	snap->captured = s->request.now;
	if (probe_os(s->root, snap->arena, &snap->node, err) < 0)
		return -1;
	return choose_platform(s, err);
}

/* ---- baseline ------------------------------------------------------------------------------ */

static bool is_path(const char *name)
{
	return strchr(name, '/') || ends_with(name, ".yaml") || ends_with(name, ".json");
}

static const struct builtin_text *find_builtin(const char *name)
{
	size_t n;
	const struct builtin_text *texts = builtin_baselines(&n);

	for (size_t i = 0; i < n; i++)
		if (streq(texts[i].name, name))
			return &texts[i];
	return NULL;
}

/* The caller's own; or a file; or a name: below BASELINE_DIR first, then built in. */
static int baseline_text(struct session *s, const char *name, const char **ret_source,
			 const char **ret_text, size_t *ret_len, struct err *err)
{
	const struct builtin_text *builtin;
	const char *path;

	*ret_source = name;
	if (s->request.baseline_text) {
		*ret_text = s->request.baseline_text;
		*ret_len = strlen(*ret_text);
		return 0;
	}
	if (starts_with(name, CONFIG_PLUGIN))
		return err_set(err, EXIT_STATUS_CONFIG,
			       "the baseline is that of %s, which only klpd asks", name);
	if (strstr(name, "://"))
		return err_set(err, EXIT_STATUS_CONFIG,
			       "the setting 'baseline' is a file or a name, not a URL; download it "
			       "and give its path");
	if (is_path(name))
		return read_text(s, AT_FDCWD, name, YAML_BYTES_MAX, ret_text, ret_len, err);
	path = arena_printf(s->arena, "%s/%s%s", BASELINE_DIR, name, SUFFIX);
	if (fsx_exists_at(s->root, path)) {
		*ret_source = path;
		return read_text(s, s->root, path, YAML_BYTES_MAX, ret_text, ret_len, err);
	}
	builtin = find_builtin(name);
	if (!builtin)
		return err_set(
			err, EXIT_STATUS_CONFIG,
			"no baseline is called %s: neither a file %s nor one of the shipped ones",
			name, path);
	*ret_source = arena_printf(s->arena, "built-in:%s", name);
	*ret_text = builtin->text;
	*ret_len = builtin->len;
	return 0;
}

int session_load_baseline(struct session *s, struct err *err)
{
	const struct platform *p = s->platform;
	const char *name = s->request.baseline, *source, *text;
	struct baseline *baseline;
	const struct doc *doc;
	size_t len;

	if (!name)
		name = s->config.baseline;
	if (!name)
		name = p && p->default_baseline ? p->default_baseline : DEFAULT_BASELINE;
	if (baseline_text(s, name, &source, &text, &len, err) < 0 ||
	    yaml_parse(text, len, source, s->arena, &doc, err) < 0 ||
	    baseline_from_doc(doc, p ? p->aws_operating_system : NULL, s->arena, &baseline,
			      &s->snapshot->findings, err) < 0)
		return -1;
	baseline->source = source;
	baseline->sha256 = digest_sha256_hex(s->arena, text, len);
	if (p)
		baseline_check_rejected(baseline, p->livepatch_prefix, &s->snapshot->findings);
	s->baseline = baseline;
	return 0;
}

/* ---- what an Install is told to install, instead of what is approved ---------------------- */

static int load_overrides(struct session *s, struct err *err)
{
	const char *name = s->request.overrides, *text = s->request.overrides_text;
	struct override_list *list;
	const struct doc *doc;

	if (!name)
		return 0;
	if ((text ? yaml_parse(text, strlen(text), name, s->arena, &doc, err)
		  : session_read_doc(s, AT_FDCWD, name, &doc, err)) < 0 ||
	    override_from_doc(doc, s->arena, &list, &s->snapshot->findings, err) < 0)
		return -1;
	list->source = name;
	s->overrides = list;
	return 0;
}

/* ---- all together -------------------------------------------------------------------------- */

static int replay(struct session *s, struct err *err)
{
	struct snapshot *snapshot;
	const char *text;
	size_t len;

	if (read_text(s, AT_FDCWD, s->request.snapshot, SNAPSHOT_BYTES_MAX, &text, &len, err) < 0) {
		err->status = err->status == EXIT_STATUS_CONFIG ? EXIT_STATUS_DATA : err->status;
		return -1;
	}
	if (codec_snapshot_parse(text, len, s->request.snapshot, &snapshot, err) < 0)
		return -1;
	snapshot_free(s->snapshot);
	s->snapshot = snapshot;
	/* A replay answers as of the capture, so that it answers the same tomorrow. */
	if (!s->request.as_of_given && snapshot->captured != TIME_UNSET)
		s->request.now = snapshot->captured;
	return choose_platform(s, err);
}

int session_prepare(struct session *s, struct evaluation *ret, struct err *err)
{
	if (s->request.snapshot) {
		if (replay(s, err) < 0)
			return -1;
	} else {
		if (session_identify(s, err) < 0)
			return -1;
		gather(s);
	}
	if (session_load_baseline(s, err) < 0 || load_overrides(s, err) < 0)
		return -1;
	*ret = (struct evaluation){
		.snapshot = s->snapshot,
		.platform = s->platform,
		.baseline = s->baseline,
		.config = &s->config,
		.operation = s->request.operation,
		.overrides = s->overrides,
		.reboot_option = s->request.reboot_option,
		.trigger = s->request.trigger,
		.now = s->request.now,
	};
	return 0;
}

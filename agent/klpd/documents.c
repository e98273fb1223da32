// SPDX-License-Identifier: Apache-2.0
/*
 * STATE_DOCUMENTS: one thing after another is brought, each continues at documents_bring(), until
 * nothing is wanted any more. job->documents has what came: a name for people, and the text.
 */
#include "klpd/documents.h"

#include "base/alloc.h"
#include "base/fsx.h"
#include "base/log.h"
#include "base/timex.h"
#include "klpd/finish.h"
#include "klpd/plugin.h"
#include "klpd/scan.h"
#include "klpd/state.h"
#include "klpd/store.h"

#include <errno.h>
#include <fcntl.h>

#define DOCUMENT_MAX ((size_t)2 * 1024 * 1024) /* as klpd-fetch has it */
#define S3	     "s3://"
#define S3_PLUGIN    "ssm"

/* What a request may name by URL. */
static const struct {
	const char *key, *text_key, *name;
} documents[] = {
	{ "baseline", "baseline_text", "the baseline" },
	{ "overrides", "overrides_text", "the list of overrides" },
};

static const char *asked(const struct job *job, const char *key)
{
	return json_string_value(json_object_get(job->request.ask, key));
}

/* The URL of documents[@i] if it begins with @scheme and is not here yet, or NULL. */
static const char *wanted(const struct job *job, size_t i, const char *scheme)
{
	const char *url = asked(job, documents[i].key);
	bool here = asked(job, documents[i].text_key) ||
		    json_object_get(job->documents, documents[i].text_key);

	return url && !here && starts_with(url, scheme) ? url : NULL;
}

/* For messages and reports: a query and what stands before the host may be credentials. */
static char *public_url(const char *url)
{
	const char *host = strstr(url, "://") + strlen("://");
	const char *end = host + strcspn(host, "?#");
	const char *at = memrchr(host, '@', strcspn(host, "/?#"));

	if (at)
		return xasprintf("%.*s%.*s", (int)(host - url), url, (int)(end - at - 1), at + 1);
	return xstrndup(url, (size_t)(end - url));
}

/* @text is consumed; NULL: it is not UTF-8. */
static int take(struct job *job, size_t i, const char *shown, json_t *text, struct err *err)
{
	if (!text)
		return err_set(err, EXIT_STATUS_DATA, "%s is not text in UTF-8", shown);
	json_object_set_new(job->documents, documents[i].text_key, text);
	json_object_set_new(job->documents, documents[i].key, json_string(shown));
	return 0;
}

static enum job_event fault(struct job *job, struct err *err)
{
	enum job_event event = job_fault(job, err);

	err_clear(err);
	return event;
}

/* ---- by https://, with klpd-fetch -------------------------------------------------------------*/

static int take_file(struct job *job, size_t i, const char *path, struct err *err)
{
	_cleanup_free_ char *shown = public_url(asked(job, documents[i].key)), *text = NULL;
	size_t len = 0;
	int r = path ? fsx_read_at(AT_FDCWD, path, DOCUMENT_MAX, &text, &len) : -ENOENT;

	if (r < 0)
		return err_set_errno(err, EXIT_STATUS_IO, -r, "%s, as it was downloaded", shown);
	return take(job, i, shown, memchr(text, '\0', len) ? NULL : json_stringn(text, len), err);
}

static enum job_event downloaded(struct job *job, json_t *answer)
{
	json_t *list = json_object_get(answer, "documents"), *row;
	struct err err = ERR_INIT;
	size_t i;

	job->bytes_fetched += job_number(json_object_get(answer, "downloaded"), "bytes", 0);
	json_array_foreach(list, i, row)
	{
		for (size_t k = 0; k < ARRAY_SIZE(documents); k++)
			if (streq(state_text(row, "name"), documents[k].name) &&
			    take_file(job, k, json_string_value(json_object_get(row, "path")),
				      &err) < 0)
				return fault(job, &err);
	}
	return documents_bring(job);
}

/* All at once; NULL: there are none. */
static json_t *wanted_by_https(const struct job *job)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		const char *url = wanted(job, i, "https://");

		if (url)
			json_array_append_new(list, json_pack("{s:s,s:s}", "url", url, "name",
							      documents[i].name));
	}
	if (json_array_size(list))
		return list;
	json_decref(list);
	return NULL;
}

/* ---- from a plugin ----------------------------------------------------------------------------*/

static enum job_event ask_plugin(struct job *job, const char *name, const char *what, json_t *with,
				 enum job_event (*after)(struct job *job, json_t *answer),
				 enum job_event (*otherwise)(struct job *job,
							     const struct err *err))
{
	const struct config *config = &job->spec->settings->config;
	json_auto_t *settings = plugin_settings(doc_get(config->plugins, name)), *kept = with;
	struct tool_spec spec;
	struct err err = ERR_INIT;

	if (plugin_tool(job->spec->place,
			&(struct plugin_call){ .plugin = name,
					       .settings = settings,
					       .what = what,
					       .with = kept,
					       .timeout = config->publish_timeout },
			&spec, &err) < 0)
		return fault(job, &err);
	return job_run_else(job, spec, after, otherwise);
}

/* What came of it: the text, or NULL with *@ret_why. */
static json_t *text_of(json_t *answer, const char **ret_why)
{
	json_t *published = json_object_get(answer, "published");
	bool ok = streq(state_text(published, "result"), "ok");
	json_t *text = ok ? json_object_get(published, "text") : NULL;

	*ret_why = ok ? "it gave none" : state_text(published, "message");
	return json_is_string(text) ? text : NULL;
}

/* ---- by s3:// ---------------------------------------------------------------------------------*/

static size_t first_by_s3(const struct job *job)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(documents) && !wanted(job, i, S3))
		i++;
	return i;
}

static enum job_event got_object(struct job *job, json_t *answer)
{
	size_t i = first_by_s3(job);
	_cleanup_free_ char *shown = public_url(asked(job, documents[i].key));
	const char *why;
	json_t *text = text_of(answer, &why);
	struct err err = ERR_INIT;

	if (!text)
		err_set(&err, EXIT_STATUS_UNAVAILABLE, "%s, %s, cannot be had: %s", shown,
			documents[i].name, why);
	else
		(void)!take(job, i, shown, json_incref(text), &err);
	return err.message ? fault(job, &err) : documents_bring(job);
}

static enum job_event get_object(struct job *job, size_t i)
{
	const struct doc *plugins = job->spec->settings->config.plugins;
	struct err err = ERR_INIT;

	if (plugins && doc_get(plugins, S3_PLUGIN))
		return ask_plugin(job, S3_PLUGIN, "document",
				  json_pack("{s:s,s:I}", "url", asked(job, documents[i].key), "max",
					    (json_int_t)DOCUMENT_MAX),
				  got_object, NULL);
	err_set(&err, EXIT_STATUS_CONFIG,
		"%s, an object of S3, needs the plugin " S3_PLUGIN "; add to klpd.yaml: plugins: "
		"{" S3_PLUGIN ": {publish: no}}, or give an https URL",
		documents[i].name);
	return fault(job, &err);
}

/* ---- baseline: plugin:NAME --------------------------------------------------------------------*/

static bool wants_plugins_baseline(const struct job *job)
{
	const char *name = job->spec->settings->config.baseline;

	return job_judges(job) && !asked(job, "baseline") && name &&
	       starts_with(name, CONFIG_PLUGIN);
}

static char *file_of(const char *plugin)
{
	return xasprintf("baseline-%s.json", plugin);
}

/* The one that was chosen: the settings may be others by the time it answers. */
static const char *chosen(const struct job *job)
{
	return state_text(job->documents, "baseline") + strlen(CONFIG_PLUGIN);
}

/* False: nothing is kept. @ret_since: when it was said. */
static bool take_kept(struct job *job, char since[static TIMEX_TEXT_MAX])
{
	_cleanup_free_ char *file = file_of(chosen(job));
	json_auto_t *kept = state_read(job->spec->place, file);
	json_t *text = json_object_get(kept, "text");

	if (!json_is_string(text))
		return false;
	timex_format(job_number(kept, "fetched", 0), since);
	json_object_set(job->documents, "baseline_text", text);
	return true;
}

static void keep(const struct job *job, json_t *text)
{
	_cleanup_free_ char *file = file_of(chosen(job));
	json_auto_t *kept =
		json_pack("{s:I,s:O}", "fetched", (json_int_t)timex_now(), "text", text);

	if (state_write(job->spec->place, file, kept) < 0)
		log_warning("the baseline cannot be kept: %s", file);
}

/* Judging by what was valid yesterday is right, and has to be said. */
static enum job_event not_got(struct job *job, const char *why)
{
	const char *plugin = chosen(job);
	char since[TIMEX_TEXT_MAX];
	struct err err = ERR_INIT;

	if (take_kept(job, since)) {
		json_array_append_new(
			job->findings,
			json_pack("{s:s,s:s,s:s,s:o}", "code", "baseline-kept", "severity",
				  "warning", "subject", plugin, "message",
				  state_printf("the baseline is the one that plugin %s gave at %s; "
					       "now it gives none: %s",
					       plugin, since, why)));
		return documents_bring(job);
	}
	err_set(&err, EXIT_STATUS_UNAVAILABLE,
		"plugin %s gives no baseline (%s), and none is kept from before; without one "
		"nothing can be judged",
		plugin, why);
	return fault(job, &err);
}

static enum job_event baseline_failed(struct job *job, const struct err *err)
{
	return not_got(job, err->message);
}

static enum job_event got_baseline(struct job *job, json_t *answer)
{
	const char *why;
	json_t *text = text_of(answer, &why);

	if (!text)
		return not_got(job, why);
	keep(job, text);
	json_object_set(job->documents, "baseline_text", text);
	return documents_bring(job);
}

/* What is known before anything was looked at: the node as the last report has it. */
static json_t *node_for_plugin(const struct job *job)
{
	json_auto_t *last = NULL;
	char id[FINISH_ID_MAX];
	json_t *node =
		json_pack("{s:s,s:s,s:{}}", "schema", "klpd.report/1", "id", finish_id(id), "node");

	if (job->request.origin)
		json_object_set(node, "origin", job->request.origin);
	if (store_latest(job->spec->place->state_fd, &last, NULL) == 1)
		json_object_set(node, "node", json_object_get(last, "node"));
	return node;
}

static enum job_event get_baseline(struct job *job)
{
	bool here = job->spec->place->running_system;
	bool ask = here && !job->request.cached;
	char since[TIMEX_TEXT_MAX];

	job_set_text(job->documents, "baseline", job->spec->settings->config.baseline);
	/* a question is answered by what the last report was judged by */
	if ((!ask || job_flow(job) == FLOW_ASK) && take_kept(job, since))
		return EVENT_DONE;
	if (!ask)
		return not_got(job,
			       here ? "it is not asked with --cached"
				    : "it knows nothing of a directory that stands for a node");
	return ask_plugin(job, chosen(job), "baseline_for", node_for_plugin(job), got_baseline,
			  baseline_failed);
}

/* ---- all of them ------------------------------------------------------------------------------*/

enum job_event documents_bring(struct job *job)
{
	size_t object = first_by_s3(job);
	json_t *list = wanted_by_https(job);

	if (list)
		return scan_start_fetch(job, json_pack("{s:{},s:o}", "roles", "documents", list),
					downloaded);
	if (object < ARRAY_SIZE(documents))
		return get_object(job, object);
	if (wants_plugins_baseline(job) && !json_object_get(job->documents, "baseline_text"))
		return get_baseline(job);
	return EVENT_DONE;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * klpd-publish: one call of one plugin
 *
 * One JSON object on standard input says which; the answer is one on standard output. See README.md
 * in this folder. Short-lived: whatever a plugin does to this process ends with it.
 */
#include "base/lockdown.h"
#include "base/log.h"
#include "base/timex.h"
#include "publish/plugin.h"
#include "publish/report.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUEST_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct run {
	struct arena *arena;
	json_t *request;
	const struct klpd_plugin *plugin;
	struct klpd_host host;
	struct klpd_report report; /* or what is known of the node before there is one */
	json_t *document;	   /* {url, max}, borrowed */
	const struct call *call;   /* NULL: the settings are checked, nothing else */
	int result;		   /* KLPD_OK, ... */
	char *text;		   /* what was fetched */
	size_t len;
};

/* A member of the request, and the plugin's operation for it. */
struct call {
	const char *member;
	bool is_report;
	bool (*able)(const struct klpd_plugin *plugin);
	int (*make)(struct run *run, void *state);
};

/* The ABI's callbacks have no argument of their own: one process, one plugin. */
static char *explanation;

static void explain(const char *message)
{
	free(explanation);
	explanation = xstrdup(message);
}

static void log_for_plugin(const char *severity, const char *message)
{
	log_line(streq(severity, "error")     ? LOG_LEVEL_ERROR
		 : streq(severity, "warning") ? LOG_LEVEL_WARNING
					      : LOG_LEVEL_INFO,
		 "%s", message);
}

static int read_request(struct run *run, struct err *err)
{
	char *text = xmalloc(REQUEST_BYTES_MAX + 1);
	size_t len = 0;
	json_error_t why;
	ssize_t n;

	while ((n = read(STDIN_FILENO, text + len, REQUEST_BYTES_MAX + 1 - len)) > 0)
		len += (size_t)n;
	if (n == 0 && len <= REQUEST_BYTES_MAX)
		run->request = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	free(text);
	return json_is_object(run->request)
		       ? 0
		       : err_set(err, EXIT_STATUS_USAGE, "the request cannot be read");
}

static const char *text_in(const struct run *run, const char *key)
{
	const char *text = json_string_value(json_object_get(run->request, key));

	return text ? text : "";
}

/* Every value is a text to a plugin. */
static const struct klpd_setting *settings(const struct run *run, size_t *ret_n)
{
	struct klpd_setting *all = NULL;
	const char *key;
	json_t *value;

	*ret_n = 0;
	json_object_foreach(json_object_get(run->request, "settings"), key, value) *
		ARENA_PUSH(run->arena, all, *ret_n) =
		(struct klpd_setting){ key, json_string_value(value) };
	return all;
}

/* ---- calls ------------------------------------------------------------------------------------*/

static bool can_publish(const struct klpd_plugin *plugin _unused_)
{
	return true; /* plugin_load() has seen to it */
}

static int publish(struct run *run, void *state)
{
	return run->plugin->publish(state, &run->report);
}

static bool has_baseline(const struct klpd_plugin *plugin)
{
	return plugin->fetch_baseline != NULL;
}

static int fetch_baseline(struct run *run, void *state)
{
	int r = run->plugin->fetch_baseline(state, &run->report, &run->text);

	run->len = r == KLPD_OK && run->text ? strlen(run->text) : 0;
	return r;
}

static bool has_documents(const struct klpd_plugin *plugin)
{
	return KLPD_HAS(plugin, fetch_document) && plugin->fetch_document;
}

static int fetch_document(struct run *run, void *state)
{
	const char *url = json_string_value(json_object_get(run->document, "url"));
	json_int_t max = json_integer_value(json_object_get(run->document, "max"));

	return run->plugin->fetch_document(state, url ? url : "", (size_t)max, &run->text,
					   &run->len);
}

static const struct call calls[] = {
	{ "report", true, can_publish, publish },
	{ "baseline_for", true, has_baseline, fetch_baseline },
	{ "document", false, has_documents, fetch_document },
};

/* Finds out which, and reads what it is about. */
static int read_call(struct run *run, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		json_t *member = json_object_get(run->request, calls[i].member);

		if (!member)
			continue;
		run->call = &calls[i];
		run->document = member;
		return calls[i].is_report ? report_view(member, run->arena, &run->report, err) : 0;
	}
	return 0;
}

/* ---- from the request to the answer -----------------------------------------------------------*/

static enum lockdown_program lockdown_for(const struct klpd_plugin *plugin)
{
	return plugin->needs & KLPD_NEEDS_PROGRAMS  ? LOCKDOWN_START
	       : plugin->needs & KLPD_NEEDS_NETWORK ? LOCKDOWN_UPLOAD
						    : LOCKDOWN_PUBLISH;
}

static int prepare(struct run *run, struct err *err)
{
	if (read_request(run, err) < 0 || read_call(run, err) < 0)
		return -1;
	run->host = (struct klpd_host){
		.size = sizeof(run->host),
		.version = KLPD_VERSION,
		.directory = text_in(run, "directory"),
		.deadline =
			timex_now() + json_integer_value(json_object_get(run->request, "timeout")),
		.log = log_for_plugin,
		.explain = explain,
	};
	if (*run->host.directory && mkdir(run->host.directory, 0700) < 0 && errno != EEXIST)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "directory %s",
				     run->host.directory);
	run->plugin = plugin_load(text_in(run, "plugin"), err);
	return run->plugin ? lockdown_enter(lockdown_for(run->plugin), err) : -1;
}

static void hand_over(struct run *run)
{
	size_t n;
	const struct klpd_setting *all = settings(run, &n);
	void *state = NULL;

	run->result = run->plugin->open(&run->host, all, n, &state);
	if (run->result != KLPD_OK)
		return;
	if (run->call && !run->call->able(run->plugin)) {
		explain("the plugin has nothing of that kind to give");
		run->result = KLPD_WRONG;
	} else if (run->call) {
		run->result = run->call->make(run, state);
	}
	if (run->plugin->close)
		run->plugin->close(state);
}

static const char *result_word(int result)
{
	static const struct {
		int result;
		const char *word;
	} rows[] = {
		{ KLPD_OK, "ok" },
		{ KLPD_DROP, "drop" },
		{ KLPD_WRONG, "wrong" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].result == result)
			return rows[i].word;
	return "retry"; /* also what a plugin of another time may say */
}

/* @object is consumed. */
static void print_line(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	json_decref(object);
	if (text && puts(text) >= 0)
		fflush(stdout);
	free(text);
}

static void print_answer(struct run *run)
{
	bool fetched = run->text && run->result == KLPD_OK;
	json_t *text = fetched ? json_stringn(run->text, run->len) : NULL, *said;

	if (fetched && (!text || memchr(run->text, '\0', run->len))) {
		explain("what the plugin gives is not text in UTF-8");
		run->result = KLPD_DROP;
		json_decref(text);
		text = NULL;
	}
	said = json_pack("{s:s,s:s}", "result", result_word(run->result), "message",
			 explanation ? explanation : "");
	if (text)
		json_object_set_new(said, "text", text);
	print_line(json_pack("{s:o}", "published", said));
}

int main(void)
{
	struct run run = { .arena = arena_new() };
	struct err err = ERR_INIT;
	int status = EXIT_STATUS_OK;

	log_init("klpd-publish", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	json_set_alloc_funcs(xmalloc, free);
	if (prepare(&run, &err) < 0) {
		status = err.status;
		print_line(json_pack("{s:{s:i,s:s}}", "error", "status", err.status, "message",
				     err.message));
	} else {
		hand_over(&run);
		print_answer(&run);
	}
	free(run.text);
	free(explanation);
	json_decref(run.request);
	arena_free(run.arena);
	err_clear(&err);
	return status;
}

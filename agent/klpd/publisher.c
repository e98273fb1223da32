// SPDX-License-Identifier: Apache-2.0
#include "klpd/publisher.h"

#include "base/alloc.h"
#include "base/fsx.h"
#include "base/log.h"
#include "klpd/plugin.h"
#include "klpd/state.h"

#include <fcntl.h>
#include <unistd.h>

#define FAILURES    "publish.json"
#define SPOOL	    "spool"
#define SUFFIX	    ".json"
#define BYTES_MAX   ((size_t)8 * 1024 * 1024)
#define MSEC	    ((int64_t)1000)

#define PAUSE_FIRST ((int64_t)60)
#define PAUSE_MAX   ((int64_t)3600)

struct publisher {
	struct publisher_spec spec;
	struct loop_timer *turn; /* the next report starts from here */
	bool due, stopping;	 /* the turn comes at once; or there is none any more */
	struct tool *tool;
	char *plugin, *file; /* that @tool is for */
	json_t *failures;    /* {PLUGIN: {since, next, failures, message, result, dropped}} */
};

/* ---- spools -----------------------------------------------------------------------------------*/

static int open_spool(const struct publisher *p, const char *plugin)
{
	_cleanup_close_ int spool = state_folder(p->spec.place->state_fd, SPOOL);

	return spool < 0 ? spool : state_folder(spool, plugin);
}

static struct fsx_names *list_spool(int spool)
{
	struct fsx_names *names = NULL;

	return fsx_list_at(spool, ".", SUFFIX, &names) < 0 ? NULL : names;
}

/* ---- failures ---------------------------------------------------------------------------------*/

static json_t *failure_of(const struct publisher *p, const char *plugin)
{
	return json_object_get(p->failures, plugin);
}

static void save_failures(struct publisher *p)
{
	if (state_write(p->spec.place, FAILURES, p->failures) < 0)
		log_warning("which plugins failed cannot be written down");
}

static int64_t number_in(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* Remembers why, and when to try again. */
static void note_failure(struct publisher *p, const char *plugin, const char *result,
			 const char *message)
{
	json_t *old = failure_of(p, plugin);
	int64_t failures = number_in(old, "failures"), pause = PAUSE_FIRST, now = timex_now();
	int64_t since = old ? number_in(old, "since") : now;

	for (int64_t i = 0; i < failures && pause < PAUSE_MAX; i++)
		pause *= 2;
	json_object_set_new(p->failures, plugin,
			    json_pack("{s:I,s:I,s:I,s:s,s:s}", "since", (json_int_t)since, "next",
				      (json_int_t)(now + (pause < PAUSE_MAX ? pause : PAUSE_MAX)),
				      "failures", (json_int_t)failures + 1, "result", result,
				      "message", message));
	log_warning("plugin %s: %s", plugin, message);
	save_failures(p);
}

static void forget_failure(struct publisher *p, const char *plugin)
{
	if (failure_of(p, plugin) && json_object_del(p->failures, plugin) == 0)
		save_failures(p);
}

/* ---- taking -----------------------------------------------------------------------------------*/

/* A sink that is down for long must not fill the disk: the oldest go. */
static void shorten(const struct publisher *p, const char *plugin, int spool)
{
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = list_spool(spool);

	for (size_t i = 0; names && i + PUBLISHER_SPOOL_MAX < names->n; i++) {
		log_warning("plugin %s: report %s was never handed over; the spool is full", plugin,
			    names->items[i]);
		unlinkat(spool, names->items[i], 0);
	}
	(void)p;
}

static void keep_for(struct publisher *p, const char *plugin, const char *id, const char *text)
{
	_cleanup_close_ int spool = open_spool(p, plugin);
	_cleanup_free_ char *name = xasprintf("%s" SUFFIX, id);
	_cleanup_close_ int file = -1;
	int r = spool < 0 ? spool : fsx_write_atomic_at(spool, name, text, strlen(text), 0600);

	if (r < 0) {
		log_warning("plugin %s: report %s cannot be kept for it: %s", plugin, id,
			    strerror(-r));
		return;
	}
	file = openat(spool, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (file >= 0)
		state_adopt(spool, file);
	shorten(p, plugin, spool);
}

void publisher_take(struct publisher *publisher, json_t *report)
{
	const struct doc *plugins = publisher->spec.settings->config.plugins;
	_cleanup_free_ char *text = NULL;

	if (!plugins || !publisher->spec.place->running_system)
		return;
	text = json_dumps(report, JSON_COMPACT | JSON_PRESERVE_ORDER);
	DOC_FOREACH(plugin, plugins)
		keep_for(publisher, plugin->key, state_text(report, "id"), text);
	publisher_go(publisher);
}

/* ---- handing over -----------------------------------------------------------------------------*/

static void finished(struct publisher *p, const char *result, const char *message)
{
	bool over = streq(result, "ok") || streq(result, "drop");
	_cleanup_close_ int spool = open_spool(p, p->plugin);

	if (over && spool >= 0)
		unlinkat(spool, p->file, 0);
	if (streq(result, "ok"))
		forget_failure(p, p->plugin);
	else
		note_failure(p, p->plugin, result, message);
	tool_free(TAKE_PTR(p->tool));
	free(TAKE_PTR(p->plugin));
	free(TAKE_PTR(p->file));
	p->due = true;
	loop_timer_set(p->turn, 0);
}

static void on_done(json_t *answer, const struct err *err, const struct tool_usage *usage _unused_,
		    void *userdata)
{
	json_t *published = json_object_get(answer, "published");
	_cleanup_free_ char *message = NULL;

	if (err) {
		message = xstrdup(err->message);
		finished(userdata, err->status == EXIT_STATUS_CONFIG ? "wrong" : "retry", message);
		return;
	}
	message = xstrdup(state_text(published, "message"));
	finished(userdata, state_text(published, "result"),
		 *message ? message : "it did not say why");
}

static void start(struct publisher *p, const struct doc *plugin, const char *file, json_t *report)
{
	json_auto_t *settings = plugin_settings(plugin);
	struct tool_spec spec;
	struct err err = ERR_INIT;

	p->plugin = xstrdup(plugin->key);
	p->file = xstrdup(file);
	if (plugin_tool(
		    p->spec.place,
		    &(struct plugin_call){ .plugin = plugin->key,
					   .settings = settings,
					   .what = "report",
					   .with = report,
					   .timeout = p->spec.settings->config.publish_timeout },
		    &spec, &err) == 0) {
		spec.on_done = on_done;
		spec.userdata = p;
		(void)!tool_start(p->spec.loop, &spec, &p->tool, &err);
	}
	if (err.message)
		finished(p, "retry", err.message);
	err_clear(&err);
}

/* The oldest report that @plugin does not have, as JSON; what cannot be read is none. */
static json_t *oldest(struct publisher *p, const char *plugin, char **ret_file)
{
	_cleanup_close_ int spool = open_spool(p, plugin);
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = spool < 0 ? NULL : list_spool(spool);

	for (size_t i = 0; names && i < names->n; i++) {
		_cleanup_free_ char *text = NULL;
		size_t len = 0;
		json_t *report = NULL;

		if (fsx_read_at(spool, names->items[i], BYTES_MAX, &text, &len) == 0)
			report = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
		if (report) {
			*ret_file = xstrdup(names->items[i]);
			return report;
		}
		log_warning("plugin %s: %s in the spool is no report", plugin, names->items[i]);
		unlinkat(spool, names->items[i], 0);
	}
	return NULL;
}

/* One that may be tried now and has something to do; else when to look again. */
static bool start_next(struct publisher *p, int64_t *ret_next)
{
	int64_t now = timex_now();

	*ret_next = TIME_UNSET;
	DOC_FOREACH(plugin, p->spec.settings->config.plugins) {
		int64_t next = number_in(failure_of(p, plugin->key), "next");
		_cleanup_free_ char *file = NULL;
		json_auto_t *report = NULL;

		if (next > now && next <= now + PAUSE_MAX) { /* a clock that was set is no pause */
			if (*ret_next == TIME_UNSET || next < *ret_next)
				*ret_next = next;
			continue;
		}
		report = oldest(p, plugin->key, &file);
		if (report) {
			start(p, plugin, file, report);
			return true;
		}
	}
	return false;
}

static void on_turn(void *userdata)
{
	struct publisher *p = userdata;
	int64_t next = TIME_UNSET;

	p->due = false;
	if (p->tool)
		return;
	if (!p->stopping && p->spec.settings->config.plugins && start_next(p, &next))
		return;
	if (next != TIME_UNSET)
		loop_timer_set(p->turn, (next - timex_now()) * MSEC);
	p->spec.on_idle(p->spec.userdata);
}

void publisher_go(struct publisher *publisher)
{
	if (publisher->tool || !publisher->spec.place->running_system)
		return;
	publisher->due = true;
	loop_timer_set(publisher->turn, 0);
}

bool publisher_busy(const struct publisher *publisher)
{
	return publisher->tool || publisher->due;
}

void publisher_stop(struct publisher *publisher)
{
	publisher->stopping = true;
}

/* ---- telling ----------------------------------------------------------------------------------*/

static size_t count_waiting(const struct publisher *p, const char *plugin)
{
	_cleanup_close_ int spool = open_spool(p, plugin);
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = spool < 0 ? NULL : list_spool(spool);

	return names ? names->n : 0;
}

void publisher_tell(const struct publisher *publisher, json_t *findings)
{
	const char *plugin;
	json_t *failure;

	json_object_foreach(publisher->failures, plugin, failure)
	{
		bool wrong = streq(state_text(failure, "result"), "wrong");
		size_t waiting = count_waiting(publisher, plugin);
		char since[TIMEX_TEXT_MAX];

		timex_format(number_in(failure, "since"), since);
		json_array_append_new(
			findings,
			json_pack("{s:s,s:s,s:s,s:o}", "code",
				  wrong ? "plugin-wrong" : "publish-failed", "severity",
				  wrong ? "error" : "warning", "subject", plugin, "message",
				  state_printf(
					  "plugin %s could not hand over reports since %s: %s; "
					  "%zu wait for it",
					  plugin, since, state_text(failure, "message"), waiting)));
	}
}

/* ---- life -------------------------------------------------------------------------------------*/

struct publisher *publisher_new(const struct publisher_spec *spec)
{
	struct publisher *p = xcalloc(1, sizeof(*p));

	p->spec = *spec;
	p->turn = loop_timer_new(spec->loop, on_turn, p);
	p->failures = state_read(spec->place, FAILURES);
	if (!json_is_object(p->failures)) {
		json_decref(p->failures);
		p->failures = json_object();
	}
	return p;
}

void publisher_free(struct publisher *publisher)
{
	if (!publisher)
		return;
	tool_free(publisher->tool);
	loop_timer_free(publisher->turn);
	json_decref(publisher->failures);
	free(publisher->plugin);
	free(publisher->file);
	free(publisher);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Each host gets a klpctl of its own, called as we were but for that one host and --json=short:
 * what holds for one host holds for many, and no host can keep another from answering.
 */
#include "klpctl/fleet.h"

#include "base/alloc.h"
#include "base/child.h"
#include "klpctl/pick.h"
#include "klpctl/ssh.h"
#include "klpctl/table.h"

#define AT_ONCE	   32
#define SELF	   "/proc/self/exe"
#define ANSWER_MAX ((size_t)8 * 1024 * 1024)

/* From best to worst, for the exit status of all. What is not here is worse still. */
static const int ranks[] = {
	EXIT_STATUS_OK,	     EXIT_STATUS_SSM_REBOOT,  EXIT_STATUS_REBOOT,
	EXIT_STATUS_MISSING, EXIT_STATUS_SSM_NO_BOOT, EXIT_STATUS_TEMPFAIL,
	EXIT_STATUS_FAILED,  EXIT_STATUS_UNAVAILABLE, EXIT_STATUS_DATA,
	EXIT_STATUS_IO,	     EXIT_STATUS_NOPERM,      EXIT_STATUS_CONFIG,
	EXIT_STATUS_USAGE,   EXIT_STATUS_SOFTWARE,
};

struct host {
	struct fleet *fleet;
	char *name;
	struct child *child;
	json_t *answer; /* NULL: none */
	char *error;	/* NULL: none */
	int status;
};

struct fleet {
	const struct options *options;
	char **argv; /* ours */
	int argc;
	struct loop *loop;
	struct host *hosts;
	size_t n, next, running;
};

static void fleet_deinit(struct fleet *f)
{
	for (size_t i = 0; i < f->n; i++) {
		child_free(f->hosts[i].child);
		json_decref(f->hosts[i].answer);
		free(f->hosts[i].name);
		free(f->hosts[i].error);
	}
	free(f->hosts);
	loop_free(f->loop);
}

static int add_host(const char *name, void *userdata)
{
	struct fleet *f = userdata;

	f->hosts = xreallocarray(f->hosts, f->n + 1, sizeof(*f->hosts));
	f->hosts[f->n++] = (struct host){ .fleet = f, .name = xstrdup(name) };
	return 0;
}

static int start_next(struct fleet *f, struct err *err);

/* The last line of what a klpctl said, without its own name. */
static char *last_words(const char *errors)
{
	size_t end = strlen(errors), begin;

	while (end > 0 && errors[end - 1] == '\n')
		end--;
	begin = end;
	while (begin > 0 && errors[begin - 1] != '\n')
		begin--;
	if (starts_with(errors + begin, "klpctl: "))
		begin += strlen("klpctl: ");
	return xstrndup(errors + begin, end - begin);
}

static void on_answer(const struct child_result *result, void *userdata)
{
	struct host *host = userdata;
	struct fleet *f = host->fleet;
	struct err err = ERR_INIT;

	if (result->end == CHILD_EXITED) {
		host->status = result->code;
		host->answer = json_loadb(result->output, result->output_len, 0, NULL);
	} else {
		child_describe("klpctl", result, &err);
		host->status = err.status;
		host->error = xstrdup(err.message);
		err_clear(&err);
	}
	if (!host->answer && !host->error)
		host->error = last_words(result->errors);
	f->running--;
	if (start_next(f, &err) < 0) { /* that host has it; the others go on */
		f->hosts[f->next - 1].error = xstrdup(err.message);
		f->hosts[f->next - 1].status = err.status;
		err_clear(&err);
	}
	if (f->running == 0)
		loop_stop(f->loop);
}

/*
 * How many words of ours, from @i on, name the hosts: --host=A,B, --host A,B, or letters that end
 * in H (and its value). @ret_rest: the letters before it, to be freed; NULL: none.
 */
static int host_words(const struct fleet *f, int i, char **ret_rest)
{
	const char *word = f->argv[i];
	const char *letter = word[0] == '-' && word[1] != '-' ? strchr(word, 'H') : NULL;

	*ret_rest = NULL;
	if (letter) {
		if (letter > word + 1)
			*ret_rest = xstrndup(word, (size_t)(letter - word));
		return letter[1] ? 1 : 2;
	}
	return streq(word, "--host") ? 2 : starts_with(word, "--host=");
}

/* Our own words for one of the hosts; to be freed, and each of them. */
static char **words_for(const struct fleet *f, const char *host)
{
	char **words = xcalloc((size_t)f->argc + 4, sizeof(*words));
	size_t n = 0;

	words[n++] = xstrdup(SELF);
	words[n++] = xasprintf("--host=%s", host);
	for (int i = 1; i < f->argc;) {
		char *rest;
		int skip = host_words(f, i, &rest);

		if (rest)
			words[n++] = rest;
		if (skip == 0)
			words[n++] = xstrdup(f->argv[i]);
		i += skip ? skip : 1;
	}
	words[n++] = xstrdup("--json=short"); /* the last one counts */
	return words;
}

static int start_next(struct fleet *f, struct err *err)
{
	struct host *host;
	_cleanup_(ssh_commandp_free)
	char **words = NULL;
	int r;

	if (f->next == f->n)
		return 0;
	host = &f->hosts[f->next++];
	words = words_for(f, host->name);
	r = child_spawn(f->loop,
			&(struct child_spec){ .argv = (const char *const *)words,
					      .our_environment = true,
					      .output_max = ANSWER_MAX,
					      .deadline_msec = LOOP_TIMER_OFF,
					      .on_done = on_answer,
					      .userdata = host },
			&host->child, err);
	if (r == 0)
		f->running++;
	return r;
}

/* ---- what is shown ----------------------------------------------------------------------------*/

static size_t rank_of(int status)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(ranks) && ranks[i] != status)
		i++;
	return i;
}

static int worst_of(const struct fleet *f)
{
	int worst = EXIT_STATUS_OK;

	for (size_t i = 0; i < f->n; i++)
		if (rank_of(f->hosts[i].status) > rank_of(worst))
			worst = f->hosts[i].status;
	return worst;
}

/* `status` has the report one level deeper. */
static const json_t *report_of(const struct host *host)
{
	const json_t *inner = pick_member(host->answer, "report");

	return json_is_object(inner) ? inner : host->answer;
}

static char *result_text(const struct host *host, const json_t *report)
{
	const char *result = pick_text(report, "outcome.result");
	const char *message = pick_text_or(report, "outcome.message", "");
	int64_t missing = pick_number(report, "summary.missing");

	if (host->error)
		return xstrdup(host->error);
	if (result)
		return xasprintf("%s%s%s", result, *message ? ": " : "", message);
	return missing > 0 ? xasprintf("%lld missing", (long long)missing) : xstrdup("");
}

static void show_table(const struct fleet *f, struct screen *screen)
{
	static const char *const heads[] = { "HOST",   "VERDICT", "LIVEPATCH",
					     "KERNEL", "STATUS",  "RESULT" };
	_cleanup_(table_freep)
	struct table *table = table_new(heads, ARRAY_SIZE(heads));

	for (size_t i = 0; i < f->n; i++) {
		const struct host *host = &f->hosts[i];
		const json_t *report = report_of(host);
		const char *verdict = pick_text(report, "compliance.overall");
		_cleanup_free_ char *text = result_text(host, report);
		_cleanup_free_ char *clean = screen_clean(text);

		table_cell(table, SCREEN_PLAIN, host->name);
		table_cell(table, verdict ? screen_style_of(verdict) : SCREEN_PLAIN, verdict);
		table_cell(table, SCREEN_PLAIN, pick_text(report, "compliance.livepatch"));
		table_cell(table, SCREEN_PLAIN, pick_text(report, "compliance.kernel"));
		table_cellf(table, "%d", host->status);
		table_cell(table, host->error ? SCREEN_BAD : SCREEN_PLAIN, clean);
	}
	table_print(table, screen);
}

static void show_json(const struct fleet *f, struct screen *screen)
{
	json_auto_t *list = json_array();

	for (size_t i = 0; i < f->n; i++) {
		const struct host *host = &f->hosts[i];
		json_t *row = json_pack("{s:s,s:i}", "host", host->name, "status", host->status);

		if (host->answer)
			json_object_set(row, "answer", host->answer);
		if (host->error)
			json_object_set_new(row, "error", json_string(host->error));
		json_array_append_new(list, row);
	}
	screen_put_json(screen, list, f->options->json);
}

int fleet_run(const struct options *options, int argc, char *argv[], struct screen *screen,
	      struct err *err)
{
	_cleanup_(fleet_deinit)
	struct fleet f = { .options = options, .argc = argc, .argv = argv };

	if (ssh_each_host(options->hosts, add_host, &f, err) < 0 || loop_new(&f.loop, err) < 0)
		return -1;
	for (size_t i = 0; i < AT_ONCE && f.next < f.n; i++)
		if (start_next(&f, err) < 0)
			return -1;
	if (loop_run(f.loop, err) < 0)
		return -1;
	if (options->json != JSON_MODE_OFF)
		show_json(&f, screen);
	else if (!options->quiet)
		show_table(&f, screen);
	return worst_of(&f);
}

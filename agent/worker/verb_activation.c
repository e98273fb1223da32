// SPDX-License-Identifier: Apache-2.0
#include "worker/verb.h"

#include "base/loop.h"
#include "codec/jsonx.h"
#include "core/activation.h"
#include "probe/probe.h"
#include "probe/transition.h"
#include "worker/gather.h"

#include <stdio.h>
#include <time.h>

/*
 * What the kernel does with the installed livepatches of the running kernel, after waiting for a
 * transition if asked to. One line of progress for each module when it is first waited for, and
 * whenever its state changes:
 *
 *	{"progress": {"phase": "activation", "subject": MODULE, "done": n, "total": n}}
 *
 * where done counts the modules of its package that need nothing more.
 */

#define POLL_MSEC     200
#define NAMED_IN_TEXT 3

/* One look at sysfs, in an arena of its own: a long wait has many. */
struct look {
	struct session *s;
	struct arena *arena;
	struct node node;
	struct activation_list list;
};

static void look_now(struct look *l)
{
	struct arena *arena = arena_new();

	l->node.modules = NULL;
	l->node.n_modules = 0;
	probe_livepatch(l->s->root, &l->node, arena);
	l->list = activation_of(&l->node, l->s->platform, &l->list, arena);
	arena_free(l->arena);
	l->arena = arena;
}

/* ---- waiting ----------------------------------------------------------------------------------*/

static size_t count_done(const struct activation_package *p)
{
	size_t done = 0;

	for (size_t i = 0; i < p->n_modules; i++)
		done += p->modules[i].state == ACTIVATION_ACTIVE ||
			p->modules[i].state == ACTIVATION_SUPERSEDED;
	return done;
}

static void print_progress(const struct activation_package *p, const struct activation_module *m)
{
	json_auto_t *line = json_pack("{s:{s:s,s:o,s:I,s:I}}", "progress", "phase", "activation",
				      "subject", jsonx_text(m->name), "done",
				      (json_int_t)count_done(p), "total", (json_int_t)p->n_modules);

	if (json_dumpf(line, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF)
		fflush(stdout);
}

static bool is_on_its_way(enum activation state)
{
	return state == ACTIVATION_LOADING || state == ACTIVATION_TRANSITIONING;
}

/*
 * What need not be told of the modules, in their order, which does not change while we wait: the
 * state they are in, but for those that are waited for.
 */
static enum activation *told_before(const struct activation_list *list)
{
	enum activation *told = NULL;
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		for (size_t k = 0; k < list->items[i].n_modules; k++) {
			enum activation state = list->items[i].modules[k].state;

			told = xreallocarray(told, n + 1, sizeof(*told));
			told[n++] = is_on_its_way(state) ? ACTIVATION_ABSENT : state;
		}
	return told;
}

static void tell_changes(const struct activation_list *list, enum activation *told)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		for (size_t k = 0; k < list->items[i].n_modules; k++, n++) {
			if (list->items[i].modules[k].state == told[n])
				continue;
			told[n] = list->items[i].modules[k].state;
			print_progress(&list->items[i], &list->items[i].modules[k]);
		}
}

static void pause_for(int64_t msec)
{
	struct timespec t = { .tv_sec = msec / 1000, .tv_nsec = msec % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static void wait_until_settled(struct look *l)
{
	int64_t deadline = loop_now() + l->s->request.wait * 1000, left;
	_cleanup_free_ enum activation *told = told_before(&l->list);

	while (!activation_is_settled(&l->list) && (left = deadline - loop_now()) > 0) {
		tell_changes(&l->list, told);
		pause_for(left < POLL_MSEC ? left : POLL_MSEC);
		look_now(l);
	}
	if (l->s->request.wait)
		tell_changes(&l->list, told);
}

/* ---- the answer -------------------------------------------------------------------------------*/

/* The tasks that hold up one of the package's modules. */
static struct transition blocking(const struct look *l, const struct activation_package *p)
{
	for (size_t i = 0; i < p->n_modules; i++)
		if (p->modules[i].transition == 1)
			return transition_read(l->s->root,
					       p->modules[i].enabled == 0 ? TRANSITION_UNPATCHED
									  : TRANSITION_PATCHED,
					       l->arena);
	return (struct transition){ 0 };
}

/* What is the matter, and who is in the way. */
static const char *message_of(const struct look *l, const struct activation_package *p,
			      const struct transition *t)
{
	const char *text = activation_message(p, &l->node, l->arena), *names = "";

	if (t->total == 0 && t->unreadable)
		return arena_printf(l->arena,
				    "%s; which tasks are in the way cannot be seen from here: as "
				    "root, look at /proc/*/task/*/patch_state",
				    text);
	if (t->total == 0)
		return text;
	for (size_t i = 0; i < t->n && i < NAMED_IN_TEXT; i++)
		names = arena_printf(l->arena, "%s%s%s (%d)", names, i ? ", " : "",
				     t->tasks[i].comm, (int)t->tasks[i].tid);
	return arena_printf(l->arena, "%s; %zu task%s in the way: %s%s", text, t->total,
			    t->total == 1 ? " is" : "s are", names,
			    t->total > NAMED_IN_TEXT ? ", ..." : "");
}

static json_t *modules_json(const struct activation_package *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n_modules; i++) {
		const struct activation_module *m = &p->modules[i];

		json_array_append_new(
			list, json_pack("{s:o,s:s,s:o,s:o}", "name", jsonx_text(m->name), "state",
					activation_name(m->state), "enabled",
					jsonx_tristate((enum tristate)m->enabled), "transition",
					jsonx_tristate((enum tristate)m->transition)));
	}
	return list;
}

static json_t *tasks_json(const struct transition *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->n; i++)
		json_array_append_new(list, json_pack("{s:i,s:i,s:o}", "pid", (int)t->tasks[i].pid,
						      "tid", (int)t->tasks[i].tid, "comm",
						      jsonx_text(t->tasks[i].comm)));
	return list;
}

static json_t *package_json(const struct look *l, const struct activation_package *p)
{
	struct transition t = blocking(l, p);

	return json_pack("{s:o,s:s,s:o,s:o,s:o,s:o}", "package",
			 jsonx_text(nevra_title(l->arena, &p->nevra)), "state",
			 activation_name(p->state), "modules", modules_json(p), "blocking",
			 tasks_json(&t), "blocking_total",
			 t.unreadable ? json_null() : json_integer((json_int_t)t.total), "message",
			 jsonx_text(message_of(l, p, &t)));
}

int verb_activation(struct session *s, json_t **ret, struct err *err)
{
	struct look l = { .s = s };
	json_t *livepatches;

	if (session_identify(s, err) < 0)
		return -1;
	gather_node(s);
	l.node = s->snapshot->node;
	if (!s->platform)
		return err_set(err, EXIT_STATUS_DATA,
			       "no platform profile fits this system, so which packages are "
			       "livepatches is not known; add one below /etc/klpd/platforms");
	if (!l.node.kernel)
		return err_set(err, EXIT_STATUS_DATA,
			       "the running kernel's release is not known, so which livepatches "
			       "are for it is not either; name it with --kernel=RELEASE");
	if (!l.node.rpmdb_read)
		return err_set(err, EXIT_STATUS_DATA,
			       "the package database could not be read, so which livepatches are "
			       "installed is not known; see klpctl scan");
	look_now(&l);
	wait_until_settled(&l);
	livepatches = json_array();
	for (size_t i = 0; i < l.list.n; i++)
		json_array_append_new(livepatches, package_json(&l, &l.list.items[i]));
	*ret = json_pack("{s:{s:o,s:b}}", "activation", "livepatches", livepatches, "complete",
			 activation_is_complete(&l.list));
	arena_free(l.arena);
	return 0;
}

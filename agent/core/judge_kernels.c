// SPDX-License-Identifier: Apache-2.0
#include "core/judge.h"

/*
 * Kernels that the node could boot, and which of them to boot at the next planned reboot
 *
 * Known are installed kernels, and those that notices (or packages, where they were read) of the
 * enabled repositories tell of; no other metadata is read for this. One may be chosen if it
 *
 *   - gets livepatches now: its line does, on this architecture; it is not older than the first
 *     patchable one; its window is open. Everything else leads out of live patching.
 *   - is newer than the running one, when both are of one series: so it has all its fixes and more.
 *     Of fixes across series nothing can be told.
 *   - can be had: installed, or offered and not hidden by an exclude; and the baseline does not
 *     reject it.
 *
 * Of those the recommended one is
 *
 *   1. of the running series. Another series is a bigger step (drivers, interfaces), which only
 * pays when the running series has nothing to boot and the running kernel's own window is closed.
 *      Then it is the newest series that has one. It may be an older series than the running one:
 *      where 5.15 gets no livepatches, the way to have them is 5.10.
 *   2. one that the baseline approves, or that is installed (the next boot takes it anyway). That
 *      ranks after the series, since approval comes with the days and a series stays.
 *   3. the newest, as that has the longest window.
 */

/* Listed at most, for each series. The choice is made among all. */
#define LISTED_MAX 8

struct option {
	struct kernel_choice choice;
	const struct platform_kernel *line; /* NULL: the profile knows none */
	const struct build *build;	    /* NULL: no repository tells of it */
	const char *obstacle;		    /* why it may not be chosen, or NULL */
};

struct options {
	struct judge *j;
	struct option *items; /* newest first, when sorted */
	size_t n;
	const char *series; /* of the running kernel, or NULL */
	const struct option *chosen;
};

/* ---- which kernels there are -----------------------------------------------------------------*/

static struct option *add(struct options *o, const struct nevra *nevra)
{
	struct option *option = ARENA_PUSH(o->j->arena, o->items, o->n);

	option->choice = (struct kernel_choice){
		.nevra = *nevra,
		.series = kernel_series(o->j->arena, nevra->evr.version),
		.built = TIME_UNSET,
		.released = TIME_UNSET,
		.window_ends = TIME_UNSET,
	};
	return option;
}

static struct option *find_or_add(struct options *o, const struct nevra *nevra)
{
	for (size_t i = 0; i < o->n; i++)
		if (nevra_equal(&o->items[i].choice.nevra, nevra))
			return &o->items[i];
	return add(o, nevra);
}

static int64_t earliest_notice(const struct build *build)
{
	int64_t earliest = TIME_UNSET;

	for (size_t i = 0; i < build->n_notices; i++) {
		const struct advisory_date *dates[] = { &build->notices[i]->issued,
							&build->notices[i]->updated };

		for (size_t k = 0; k < ARRAY_SIZE(dates); k++)
			if (dates[k]->state == NOTICE_DATE_VALID &&
			    (earliest == TIME_UNSET || dates[k]->at < earliest))
				earliest = dates[k]->at;
	}
	return earliest;
}

static void add_offered(struct options *o, const char *name)
{
	struct judge *j = o->j;
	struct builds builds = j->kernel_builds;

	if (!streq_null(j->kernel_name, name))
		builds = builds_collect(&j->approval, &j->in->snapshot->catalogue, name, j->arch,
					BUILDS_NOTICED, j->arena);
	for (size_t i = 0; i < builds.n; i++) {
		struct option *option = add(o, &builds.items[i].nevra);

		option->build = &builds.items[i];
		option->choice.released = earliest_notice(option->build);
		if (option->build->available)
			option->choice.built = option->build->available->build_time;
	}
}

static void add_installed(struct options *o, const char *name)
{
	const struct node *node = &o->j->in->snapshot->node;

	for (size_t i = 0; i < node->n_installed; i++) {
		const struct installed *p = &node->installed[i];
		struct option *option;

		if (!streq(p->nevra.name, name) || !streq(p->nevra.arch, o->j->arch))
			continue;
		option = find_or_add(o, &p->nevra);
		option->choice.installed = true;
		if (p->build_time != TIME_UNSET)
			option->choice.built = p->build_time;
	}
}

/* Of a kernel whose line is not known only the installed package tells that it runs. */
static void mark_running(struct options *o)
{
	struct judge *j = o->j;

	j->running_evr = (struct evr){ 0, j->running.version, j->running.release };
	for (size_t i = 0; i < o->n; i++) {
		struct kernel_choice *c = &o->items[i].choice;

		if (!streq(c->nevra.evr.version, j->running.version) ||
		    !streq(c->nevra.evr.release, j->running.release))
			continue;
		c->running = true;
		j->running_evr = c->nevra.evr;
		o->series = c->series;
	}
}

static void add_running(struct options *o)
{
	const struct judge *j = o->j;
	struct nevra nevra = { j->kernel_name, j->running_evr, j->arch };
	struct option *option;

	if (!j->kernel_name) {
		mark_running(o);
		return;
	}
	option = find_or_add(o, &nevra);
	option->choice.running = true;
	if (j->build_date != TIME_UNSET)
		option->choice.built = j->build_date;
	o->series = option->choice.series;
}

/* Lines may share a package's name, as all of Amazon Linux 2 do. */
static void add_all(struct options *o)
{
	const struct platform *p = o->j->in->platform;
	const char **names = NULL;
	size_t n_names = 0;

	for (size_t i = 0; i < p->n_kernels; i++) {
		const struct installed *installed;
		const char *name = judge_kernel_package(o->j, &p->kernels[i], &installed);
		bool known = !name;

		for (size_t k = 0; k < n_names && !known; k++)
			known = streq(names[k], name);
		if (known)
			continue;
		*ARENA_PUSH(o->j->arena, names, n_names) = name;
		add_offered(o, name);
		add_installed(o, name);
	}
	add_running(o);
}

/* By series, since epochs of packages with different names do not compare; then by EVR. */
static int newest_first(const void *a, const void *b)
{
	const struct kernel_choice *x = &((const struct option *)a)->choice;
	const struct kernel_choice *y = &((const struct option *)b)->choice;
	int by_series = evr_vercmp(y->series, x->series);

	return by_series ? by_series : evr_compare(&y->nevra.evr, &x->nevra.evr);
}

/* ---- what is true of each --------------------------------------------------------------------*/

/* Why no livepatches are made for it, or NULL. */
static const char *unpatched(const struct judge *j, const struct option *option,
			     const struct kernel_release *kernel)
{
	const struct platform_kernel *line = option->line;

	if (!line)
		return "the profile knows no line of such kernels";
	if (!line->livepatch)
		return arena_printf(j->arena, "the %s line gets no livepatches",
				    option->choice.series);
	if (!platform_line_has_arch(line, j->arch))
		return arena_printf(j->arena, "the %s line gets no livepatches on %s",
				    option->choice.series, j->arch);
	if (platform_line_is_before(line, kernel, j->arena))
		return arena_printf(j->arena,
				    "older than %s, the first kernel of its line with livepatches",
				    line->minimum);
	return NULL;
}

static void reckon_window(const struct judge *j, struct option *option)
{
	const struct platform *p = j->in->platform;
	struct kernel_choice *c = &option->choice;
	bool built = c->built != TIME_UNSET;
	struct lifecycle l =
		lifecycle_of(p, option->line, built ? c->built : c->released, j->in->now);

	c->window_ends = l.supported_until;
	c->window_estimated = !built && p->support_months > 0 && l.supported_until != TIME_UNSET;
	c->open = l.supported;
	/* no window and no end are known: then nothing says that livepatches stop */
	if (p->support_months == 0 && c->open == TRISTATE_UNKNOWN)
		c->open = TRISTATE_YES;
}

static const char *closed(const struct judge *j, const struct option *option)
{
	const struct kernel_choice *c = &option->choice;
	char buf[TIMEX_TEXT_MAX];

	if (c->open == TRISTATE_UNKNOWN)
		return "when it was built is not known, nor until when it gets livepatches";
	if (c->open == TRISTATE_YES)
		return NULL;
	timex_format_date(c->window_ends, buf);
	if (c->window_ends == option->line->ends)
		return arena_printf(j->arena, "livepatches of the %s line ended on %s", c->series,
				    buf);
	return arena_printf(j->arena, "its livepatches ended on %s%s", buf,
			    c->window_estimated ? " at the latest" : "");
}

/* Why it is not one to move to, or NULL. */
static const char *unfit(const struct options *o, const struct option *option)
{
	const struct judge *j = o->j;
	const struct kernel_choice *c = &option->choice;
	const char *entry = approval_rejected_by(j->in->baseline, &c->nevra);

	if (streq_null(o->series, c->series) && evr_compare(&c->nevra.evr, &j->running_evr) <= 0)
		return "older than the running kernel";
	if (entry)
		return arena_printf(j->arena, "rejected by the baseline's entry %s", entry);
	if (c->installed)
		return NULL;
	if (option->build->approval.hold == HOLD_REJECTED)
		return option->build->approval.reason;
	if (option->build->excluded)
		return "an exclude= line of the repository configuration hides it";
	return NULL;
}

static bool is_accepted(const struct option *option)
{
	return option->choice.installed || (option->build && option->build->approval.approved);
}

static void describe(const struct options *o, struct option *option)
{
	const struct judge *j = o->j;
	struct kernel_choice *c = &option->choice;
	const struct kernel_release kernel = { .version = c->nevra.evr.version,
					       .release = c->nevra.evr.release,
					       .arch = j->arch };

	option->line = platform_kernel_line(j->in->platform, &kernel);
	option->obstacle = unpatched(j, option, &kernel);
	c->livepatches = !option->obstacle;
	c->approved = is_accepted(option);
	if (c->livepatches) {
		reckon_window(j, option);
		option->obstacle = closed(j, option);
	}
	if (c->running)
		option->obstacle =
			option->obstacle ? arena_printf(j->arena, "runs now; %s", option->obstacle)
					 : "runs now";
	else if (!option->obstacle)
		option->obstacle = unfit(o, option);
}

/* ---- the choice ------------------------------------------------------------------------------*/

/* The newest accepted one of @series (NULL: any), else the newest. */
static const struct option *best_of(const struct options *o, const char *series)
{
	const struct option *best = NULL;

	for (size_t i = 0; i < o->n; i++) {
		const struct option *option = &o->items[i];

		if (option->obstacle || (series && !streq(option->choice.series, series)))
			continue;
		if (is_accepted(option))
			return option;
		if (!best)
			best = option;
	}
	return best;
}

/* True if nothing presses the node to leave the running kernel. */
static bool is_well(const struct judge *j)
{
	return j->livepatch_applies && j->lifecycle.supported != TRISTATE_NO;
}

static const struct option *choose(const struct options *o)
{
	const struct option *best = o->series ? best_of(o, o->series) : NULL;

	return best || is_well(o->j) ? best : best_of(o, NULL);
}

static const struct kernel_choice *find_last_resort(const struct options *o)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct option *option = &o->items[i];

		if (option->choice.livepatches && option->choice.approved &&
		    !option->choice.running && !unfit(o, option))
			return &option->choice;
	}
	return NULL;
}

static const char *why_chosen(const struct options *o, const struct option *option)
{
	const struct judge *j = o->j;
	const struct kernel_choice *c = &option->choice;
	const char *text;

	if (c->installed)
		text = arena_printf(j->arena,
				    "the newest of the %s line that is installed or approved",
				    c->series);
	else if (is_accepted(option))
		text = arena_printf(j->arena, "the newest of the %s line that is approved",
				    c->series);
	else
		text = arena_printf(j->arena, "the newest of the %s line, not approved: %s",
				    c->series, option->build->approval.reason);
	if (!o->series || streq(o->series, c->series))
		return text;
	return arena_printf(j->arena, "%s; %s series than the running %s, which has none to offer",
			    text, evr_vercmp(c->series, o->series) > 0 ? "a newer" : "an older",
			    o->series);
}

static const char *why_not(const struct options *o, const struct option *option)
{
	const struct option *chosen = o->chosen;

	if (option->obstacle)
		return option->obstacle;
	if (!chosen || !streq(chosen->choice.series, option->choice.series))
		return "another series; not needed for livepatches now";
	if (!is_accepted(option))
		return option->build->approval.reason;
	return "older than the recommended one";
}

/* ---- why there is none -----------------------------------------------------------------------*/

/* "4.14 (until 2025-10-31)": each line with livepatches on this architecture. */
static const char *lines_text(const struct judge *j, bool ended, size_t *ret_n)
{
	const struct platform *p = j->in->platform;
	const char *text = "";
	char buf[TIMEX_TEXT_MAX];

	*ret_n = 0;
	for (size_t i = 0; i < p->n_kernels; i++) {
		const struct platform_kernel *line = &p->kernels[i];
		struct lifecycle l = lifecycle_of(p, line, TIME_UNSET, j->in->now);

		if (!line->livepatch || !platform_line_has_arch(line, j->arch) ||
		    (l.supported == TRISTATE_NO) != ended)
			continue;
		timex_format_date(line->ends, buf);
		text = arena_printf(j->arena, "%s%s%s%s%s", text, (*ret_n)++ ? ", " : "",
				    line->series,
				    !*buf   ? ""
				    : ended ? " on "
					    : " until ",
				    buf);
	}
	return text;
}

static bool sees_kernels(const struct judge *j)
{
	const struct catalogue *c = &j->in->snapshot->catalogue;

	for (size_t i = 0; i < c->n_repositories; i++)
		if (judge_should_see(j, &c->repositories[i], REPO_ROLE_KERNEL) &&
		    repository_usable(&c->repositories[i]))
			return true;
	return false;
}

/* The newest build of the running series that is newer than the running kernel, or NULL. */
static const struct option *newest_of_series(const struct options *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (streq_null(o->items[i].choice.series, o->series))
			return o->items[i].choice.running ? NULL : &o->items[i];
	return NULL;
}

static const char *why_none(const struct options *o)
{
	const struct judge *j = o->j;
	const struct node *node = &j->in->snapshot->node;
	const struct option *newer = newest_of_series(o);
	const char *ended, *lines;
	size_t n_ended, n_lines;

	ended = lines_text(j, true, &n_ended);
	lines = lines_text(j, false, &n_lines);
	if (n_ended > 0 && n_lines == 0)
		return arena_printf(j->arena,
				    "livepatches of %s have ended (%s); a kernel that gets "
				    "livepatches is in another release of the system only",
				    node->os_name ? node->os_name : j->in->platform->name, ended);
	if (!sees_kernels(j))
		return "which kernels there are is not known, no repository that has them could be "
		       "looked at";
	if (is_well(j) && newer)
		return arena_printf(j->arena, "stay with the running kernel; the newer %s: %s",
				    nevra_text(j->arena, &newer->choice.nevra), newer->obstacle);
	if (is_well(j))
		return "stay with the running kernel; none that is known is newer";
	if (n_lines == 0)
		return "no kernel line of this platform gets livepatches on this architecture";
	return arena_printf(j->arena,
			    "no enabled repository offers a kernel with livepatches to come; lines "
			    "that get them: %s",
			    lines);
}

/* ---- the list --------------------------------------------------------------------------------*/

/*
 * Listed is what a choice is made between: what is installed; of the running series what is newer
 * and gets livepatches; and the newest of each other one that is worth a thought.
 */
static bool is_worth_listing(const struct options *o, const struct option *option, bool newest)
{
	const struct kernel_choice *c = &option->choice;

	if (c->installed || c->running || option == o->chosen)
		return true;
	if (streq_null(o->series, c->series))
		return evr_compare(&c->nevra.evr, &o->j->running_evr) > 0 &&
		       (newest || c->open == TRISTATE_YES);
	if (o->series && evr_vercmp(c->series, o->series) < 0 && is_well(o->j))
		return false;
	return newest;
}

static void list(struct options *o)
{
	struct report *r = o->j->report;
	const char *series = NULL;
	size_t listed = 0;

	for (size_t i = 0; i < o->n; i++) {
		const struct option *option = &o->items[i];
		bool newest = !streq_null(series, option->choice.series);
		struct kernel_choice *c;

		if (newest)
			listed = 0;
		series = option->choice.series;
		if (!is_worth_listing(o, option, newest) ||
		    (listed >= LISTED_MAX && !option->choice.installed && option != o->chosen))
			continue;
		listed++;
		c = ARENA_PUSH(o->j->arena, r->kernels, r->n_kernels);
		*c = option->choice;
		c->recommended = option == o->chosen;
		c->reason = c->recommended ? why_chosen(o, option) : why_not(o, option);
	}
}

/* A kernel without livepatches may still be the better one to run. */
static const char *mention_fixes(const struct judge *j, const char *text)
{
	const struct report_coverage *c = &j->report->coverage;

	if (!c->kernel_candidate || c->covered)
		return text;
	return arena_printf(j->arena, "%s; %s has fixes that the running kernel lacks", text,
			    c->kernel_candidate);
}

void judge_kernels(struct judge *j)
{
	struct options o = { .j = j };

	j->report->next_boot = "which kernels fit this node is not known";
	if (!j->in->platform || !j->arch)
		return;
	add_all(&o);
	if (o.n)
		qsort(o.items, o.n, sizeof(*o.items), newest_first);
	for (size_t i = 0; i < o.n; i++)
		describe(&o, &o.items[i]);
	o.chosen = choose(&o);
	j->kernel_last_resort = find_last_resort(&o);
	j->report->next_boot = o.chosen ? why_chosen(&o, o.chosen) : mention_fixes(j, why_none(&o));
	list(&o);
}

const struct kernel_choice *judge_kernel_to_move_to(const struct judge *j)
{
	for (size_t i = 0; i < j->report->n_kernels; i++)
		if (j->report->kernels[i].recommended)
			return &j->report->kernels[i];
	return NULL;
}

const struct kernel_choice *judge_kernel_way_out(const struct judge *j)
{
	const struct kernel_choice *recommended = judge_kernel_to_move_to(j);

	return recommended ? recommended : j->kernel_last_resort;
}

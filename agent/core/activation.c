// SPDX-License-Identifier: Apache-2.0
#include "core/activation.h"

#include <strings.h>

#define LINE_MAX_BYTES 300

/* The higher rank decides when the modules of a package differ. */
static const struct {
	const char *name;
	int rank;
} states[] = {
	[ACTIVATION_ABSENT] = { "absent", 7 },
	[ACTIVATION_INSTALLED] = { "installed", 4 },
	[ACTIVATION_LOADING] = { "loading", 3 },
	[ACTIVATION_TRANSITIONING] = { "transitioning", 2 },
	[ACTIVATION_ACTIVE] = { "active", 0 },
	[ACTIVATION_DISABLED] = { "disabled", 5 },
	[ACTIVATION_FAILED] = { "failed", 6 },
	[ACTIVATION_SUPERSEDED] = { "superseded", 1 },
};

const char *activation_name(enum activation state)
{
	return states[state].name;
}

/* ---- which packages ---------------------------------------------------------------------------*/

struct scope {
	const struct node *node;
	const struct platform *platform;
	const char *name, *arch; /* of the running kernel's livepatches */
};

static bool find_scope(struct scope *s, struct arena *arena)
{
	struct kernel_release running;

	if (!s->platform || !s->node->kernel ||
	    kernel_release_parse(s->node->kernel, arena, &running) < 0)
		return false;
	s->name = platform_livepatch_name(s->platform, &running, arena);
	s->arch = running.arch ? running.arch : s->node->arch;
	return s->name && s->arch;
}

static bool is_in_scope(const struct scope *s, const struct nevra *nevra)
{
	return streq(nevra->name, s->name) && streq(nevra->arch, s->arch) &&
	       !platform_is_marker(s->platform, nevra);
}

/* ---- one module -------------------------------------------------------------------------------*/

static const struct livepatch_module *find_loaded(const struct node *node, const char *name)
{
	for (size_t i = 0; i < node->n_modules; i++)
		if (streq(node->modules[i].name, name))
			return &node->modules[i];
	return NULL;
}

/* A kernel without the transition attribute (before 4.12) has no transitions. */
static bool is_active(const struct livepatch_module *m)
{
	return m->enabled == 1 && m->transition != 1;
}

/* An active module of @p takes the place of all that were loaded before it. */
static bool replaces_others(const struct node *node, const struct installed *p)
{
	for (size_t i = 0; i < p->n_modules; i++) {
		const struct livepatch_module *m = find_loaded(node, p->modules[i]);

		if (m && m->replace == 1 && is_active(m))
			return true;
	}
	return false;
}

static const struct nevra *find_newer(const struct scope *s, const struct installed *p)
{
	for (size_t i = 0; i < s->node->n_installed; i++) {
		const struct installed *other = &s->node->installed[i];

		if (is_in_scope(s, &other->nevra) &&
		    evr_compare(&other->nevra.evr, &p->nevra.evr) > 0 &&
		    replaces_others(s->node, other))
			return &other->nevra;
	}
	return NULL;
}

/* Whether the module was on its way the last time, or had failed already. */
static bool was_on_its_way(const struct activation_list *before, const struct nevra *nevra,
			   const char *module)
{
	for (size_t i = 0; before && i < before->n; i++) {
		const struct activation_package *p = &before->items[i];

		for (size_t k = 0; nevra_equal(&p->nevra, nevra) && k < p->n_modules; k++) {
			enum activation state = p->modules[k].state;

			if (streq(p->modules[k].name, module))
				return state == ACTIVATION_LOADING ||
				       state == ACTIVATION_TRANSITIONING ||
				       state == ACTIVATION_FAILED;
		}
	}
	return false;
}

/* @m is NULL when the kernel does not have the module. */
static enum activation state_of(const struct livepatch_module *m, bool superseded, bool on_its_way)
{
	if (!m || m->enabled == 0) {
		if (superseded)
			return ACTIVATION_SUPERSEDED;
		if (on_its_way)
			return ACTIVATION_FAILED;
		return m ? ACTIVATION_DISABLED : ACTIVATION_INSTALLED;
	}
	if (m->transition == 1)
		return ACTIVATION_TRANSITIONING;
	return is_active(m) ? ACTIVATION_ACTIVE : ACTIVATION_LOADING;
}

/* ---- packages ---------------------------------------------------------------------------------*/

static void fill_package(const struct scope *s, const struct installed *p,
			 const struct activation_list *before, struct activation_package *ret,
			 struct arena *arena)
{
	*ret = (struct activation_package){
		.nevra = p->nevra,
		.state = p->n_modules ? ACTIVATION_ACTIVE : ACTIVATION_INSTALLED,
		.newer = find_newer(s, p),
	};
	for (size_t i = 0; i < p->n_modules; i++) {
		const char *name = p->modules[i];
		const struct livepatch_module *m = find_loaded(s->node, name);
		struct activation_module *module = ARENA_PUSH(arena, ret->modules, ret->n_modules);

		*module = (struct activation_module){
			.name = name,
			.state = state_of(m, ret->newer, was_on_its_way(before, &p->nevra, name)),
			.enabled = m ? m->enabled : -1,
			.transition = m ? m->transition : -1,
		};
		if (states[module->state].rank > states[ret->state].rank)
			ret->state = module->state;
	}
}

struct activation_list activation_of(const struct node *node, const struct platform *platform,
				     const struct activation_list *before, struct arena *arena)
{
	struct scope s = { .node = node, .platform = platform };
	struct activation_list list = { 0 };

	if (!find_scope(&s, arena))
		return list;
	for (size_t i = 0; i < node->n_installed; i++)
		if (is_in_scope(&s, &node->installed[i].nevra))
			fill_package(&s, &node->installed[i], before,
				     ARENA_PUSH(arena, list.items, list.n), arena);
	return list;
}

enum activation activation_find(const struct activation_list *list, const struct nevra *nevra)
{
	for (size_t i = 0; i < list->n; i++)
		if (nevra_equal(&list->items[i].nevra, nevra))
			return list->items[i].state;
	return ACTIVATION_ABSENT;
}

bool activation_is_settled(const struct activation_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		for (size_t k = 0; k < list->items[i].n_modules; k++) {
			enum activation state = list->items[i].modules[k].state;

			if (state == ACTIVATION_LOADING || state == ACTIVATION_TRANSITIONING)
				return false;
		}
	return true;
}

bool activation_is_complete(const struct activation_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].state != ACTIVATION_ACTIVE &&
		    list->items[i].state != ACTIVATION_SUPERSEDED)
			return false;
	return true;
}

/* ---- sentences --------------------------------------------------------------------------------*/

/* The module that decided the package's state. */
static const struct activation_module *decisive(const struct activation_package *package)
{
	for (size_t i = 0; i < package->n_modules; i++)
		if (package->modules[i].state == package->state)
			return &package->modules[i];
	return NULL;
}

const char *activation_message(const struct activation_package *package, const struct node *node,
			       struct arena *arena)
{
	const struct activation_module *m = decisive(package);
	const char *text = NULL;

	if (!node->livepatch_sysfs)
		return "there is no /sys/kernel below this root, so what its kernel runs cannot be "
		       "told";
	if (!m)
		return "it contains no kernel module, so whether it is active cannot be told";
	switch (package->state) {
	case ACTIVATION_ABSENT:
		return "it is not installed";
	case ACTIVATION_ACTIVE:
		return "the kernel runs it";
	case ACTIVATION_SUPERSEDED:
		return arena_printf(arena, "%s is active and takes its place",
				    nevra_text(arena, package->newer));
	case ACTIVATION_INSTALLED:
		text = "is not loaded; load it with kpatch load, or look at the kernel log for why "
		       "it was refused";
		break;
	case ACTIVATION_LOADING:
		text = "is in the kernel, which does not say whether it is enabled; look again "
		       "shortly";
		break;
	case ACTIVATION_TRANSITIONING:
		text = "is in transition; it is active once every task has left the old code";
		break;
	case ACTIVATION_DISABLED:
		text = m->transition == 1 ? "is being disabled; look again shortly"
					  : "is loaded but disabled; enable it with kpatch load";
		break;
	case ACTIVATION_FAILED:
		text = "was on its way and did not become active; look at the kernel log, then "
		       "load it again with kpatch load";
		break;
	}
	return arena_printf(arena, "%s %s", m->name, text);
}

/* ---- what a loader says -----------------------------------------------------------------------*/

#define SIGNATURE                                                                                  \
	"the kernel does not trust the module's signature; install the livepatch that the "        \
	"distribution signed, or enrol the key that signed this one"
#define LOCKDOWN                                                                                   \
	"the kernel allows nobody, or not this caller, to load the module; load it as root, and "  \
	"where the kernel is locked down only with a signature that it trusts"
#define OTHER_KERNEL                                                                               \
	"the module was built for another kernel or architecture than the running one; install "   \
	"the livepatch that is named for what uname -r prints"
#define BUSY                                                                                       \
	"the kernel is busy with another livepatch, or has this one already; wait until no "       \
	"module in /sys/kernel/livepatch is in transition, then load it again"
#define SYMBOL                                                                                     \
	"the module needs a symbol that the running kernel does not have; look at the kernel log " \
	"for its name, and install a newer build of the livepatch"
#define PARAMETERS                                                                                 \
	"the kernel found the module not to fit its code; look at the kernel log for what it "     \
	"refused, and install a newer build of the livepatch"
#define MISSING                                                                                    \
	"the module or its loader is not there; reinstall the livepatch's package and the one "    \
	"with the loader (kpatch-runtime)"
#define MEMORY "the kernel has not enough memory for the module; free some, then load it again"
#define STALLED                                                                                    \
	"some tasks did not leave the old code in time; load it again when the node is less "      \
	"busy, or restart the tasks that sleep in it, and do not force it"

/* The first row whose text occurs counts: what decides comes before what is only mentioned. */
static const struct {
	const char *text, *sentence;
} reasons[] = {
	{ "Required key not available", SIGNATURE },
	{ "Key was rejected by service", SIGNATURE },
	{ "Lockdown", LOCKDOWN },
	{ "Operation not permitted", LOCKDOWN },
	{ "version magic", OTHER_KERNEL },
	{ "Invalid module format", OTHER_KERNEL },
	{ "Exec format error", OTHER_KERNEL },
	{ "Device or resource busy", BUSY },
	{ "File exists", BUSY },
	{ "Unknown symbol", SYMBOL },
	{ "Invalid parameters", PARAMETERS },
	{ "Cannot allocate memory", MEMORY },
	{ "No such file", MISSING },
	/* The kernel may say this and load the module all the same. */
	{ "module verification failed", SIGNATURE },
	{ "stalled", STALLED },
	{ "was stopped after", STALLED }, /* klpd-apply, of a loader that took too long */
	{ "transition", STALLED },
};

static bool contains(const char *text, const char *part)
{
	size_t len = strlen(part);

	for (; *text; text++)
		if (strncasecmp(text, part, len) == 0)
			return true;
	return false;
}

/* The last line that has more than blanks, as text; NULL if there is none. */
static const char *last_line(const char *output, struct arena *arena)
{
	const char *end = output + strlen(output), *start;
	char *line;

	while (end > output && (unsigned char)end[-1] <= ' ')
		end--;
	for (start = end; start > output && start[-1] != '\n' && start[-1] != '\r';)
		start--;
	start += strspn(start, " \t");
	if (start >= end)
		return NULL;
	if (end - start > LINE_MAX_BYTES)
		end = start + LINE_MAX_BYTES;
	line = arena_strndup(arena, start, (size_t)(end - start));
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return line;
}

const char *activation_explain(const char *output, struct arena *arena)
{
	const char *line = output ? last_line(output, arena) : NULL;

	if (!line)
		return "the loader did not say why; look at the kernel log";
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (contains(output, reasons[i].text))
			return reasons[i].sentence;
	return line;
}

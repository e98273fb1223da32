/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin ABI of klpd: where reports go
 *
 * The one header that a plugin includes. A plugin is a shared object PLUGINDIR/NAME.so that exports
 *
 *	const struct klpd_plugin klpd_plugin = {
 *		.abi = KLPD_PLUGIN_ABI, .size = sizeof(klpd_plugin), .text = "...", ... };
 *
 * klpd-publish loads it when the settings name it (plugins: {NAME: {key: value}}), one process for
 * each plugin and report, as an unprivileged user in a sandbox, with a limited time. So a plugin
 * may block, and what it leaks or breaks is its own. It keeps nothing between reports but files in
 * the directory that host->directory names, its own.
 *
 * Nothing here is ever changed, only added to: structures grow at their end. Each says how large it
 * is for whoever made it, and what lies behind that size is not there. Arrays come with the size of
 * one element as their maker knows it: go from one to the next by KLPD_NEXT().
 *
 * All texts are UTF-8, NUL-terminated, never NULL where not said otherwise, and live as long as the
 * call. Times are seconds since 1970 in UTC, KLPD_NO_TIME where there is none.
 *
 * plugins/README.md shows how to write one.
 */
#ifndef KLPD_PLUGIN_H
#define KLPD_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#define KLPD_PLUGIN_ABI 1
#define KLPD_NO_TIME	INT64_MIN

/* Whether a member of @object, which has a `size`, is there. */
#define KLPD_HAS(object, member)                                                                   \
	((object)->size >= offsetof(__typeof__(*(object)), member) + sizeof((object)->member))
/* The element behind @element, of an array whose elements have @stride bytes. */
#define KLPD_NEXT(element, stride)                                                                 \
	((const __typeof__(*(element)) *)(const void *)((const char *)(element) + (stride)))

struct klpd_setting {
	const char *key, *value;
};

/* One patch, a livepatch or a kernel. Spellings are those of AWS Patch Manager. */
struct klpd_patch {
	const char *id;		      /* "name.arch" */
	const char *title;	      /* "name.arch:epoch:version-release" */
	const char *kind;	      /* "livepatch", "kernel" */
	const char *state;	      /* "Installed", "Missing", ... */
	const char *classification;   /* "Security", ...; "" none */
	const char *severity;	      /* of its notices: "Important", ...; "" none */
	const char *compliance_level; /* of the rule: "UNSPECIFIED", "CRITICAL", ... */
	const char *const *cves;      /* of those that it would fix, or fixes */
	size_t n_cves;
	const char *reason;	/* one sentence */
	int64_t installed_time; /* KLPD_NO_TIME: it is not installed */
	int active;		/* the kernel runs it: 1, 0, or -1 where that is not known */
};

struct klpd_finding {
	const char *code;     /* stable, for programs */
	const char *severity; /* "info", "warning", "error" */
	const char *subject, *message;
};

struct klpd_report {
	size_t size;
	const char *json; /* all of it: schema klpd.report/1 */
	size_t json_len;

	const char *id;	       /* a UUID; the same report has the same whenever it is published */
	const char *operation; /* "Scan", "Install", "Configure" */
	const char *reboot_option; /* "NoReboot", "RebootIfNeeded" */
	int64_t started, finished, as_of;

	const char *os, *os_version, *arch, *kernel; /* "" not known */
	const char *instance_id, *region;	     /* of the cloud; "" not known */
	const char *baseline_id, *baseline_name;     /* "" none */

	const char *overall, *livepatch, *kernel_verdict; /* "COMPLIANT", "UNKNOWN", ... */
	const char *reboot;				  /* "no", "no-kernel-covered", "yes" */
	int enabled;					  /* live patching: 1 or 0 */
	int64_t supported_until; /* last day of livepatches for the kernel, or KLPD_NO_TIME */

	const struct klpd_patch *patches;
	size_t patch_size, n_patches;
	const struct klpd_finding *findings;
	size_t finding_size, n_findings;

	int64_t transition_msec; /* that the kernel took to run what this job loaded; -1: nothing
				    was */

	/* Of who asked, "" not known or none. */
	const char *command_id;	 /* of AWS Systems Manager */
	const char *snapshot_id; /* of the baseline that was meant */
	const char *overrides;	 /* the InstallOverrideList: where it came from */
};

/* What klpd-publish does for a plugin. */
struct klpd_host {
	size_t size;
	const char *version;   /* of klpd */
	const char *directory; /* absolute, the plugin's own, mode 0700; what is in it stays */
	int64_t deadline;      /* when the process is killed */
	/* For people. @severity: "info", "warning", "error". No secret may be in it. */
	void (*log)(const char *severity, const char *message);
	/* Why the call that is under way fails: one sentence, copied. */
	void (*explain)(const char *message);
};

/* What a call returns. */
#define KLPD_OK	   0
#define KLPD_RETRY (-1) /* not now: the report is kept and handed over again, in its turn */
#define KLPD_DROP  (-2) /* never: this report is given up, the next one may fare better */
#define KLPD_WRONG (-3) /* the settings are wrong: only a person can help */

/* What the sandbox must leave to a plugin; all else is forbidden before its first call. */
#define KLPD_NEEDS_NETWORK  UINT32_C(1) /* sockets, of the Internet and of this machine */
#define KLPD_NEEDS_PROGRAMS UINT32_C(2) /* to start others */

struct klpd_plugin {
	uint32_t abi; /* KLPD_PLUGIN_ABI */
	uint32_t needs;
	size_t size;
	const char *text; /* what it is, in a line */

	/*
	 * Checks the settings: KLPD_OK with whatever *@ret_state is to be, or KLPD_WRONG. Also
	 * called to check a configuration, so it changes nothing and talks to nobody. @host
	 * outlives the state.
	 */
	int (*open)(const struct klpd_host *host, const struct klpd_setting *settings, size_t n,
		    void **ret_state);
	/* Reports come in the order in which they were made, one at a time. */
	int (*publish)(void *state, const struct klpd_report *report);
	/*
	 * A baseline for this node: KLPD_OK with *@ret, its text (YAML or JSON, as klpd.yaml's
	 * `baseline` takes it), from malloc(). NULL: this plugin has none. @node has an id for this
	 * call, who asks, and the node as the last report had it; nothing that was judged.
	 */
	int (*fetch_baseline)(void *state, const struct klpd_report *node, char **ret);
	void (*close)(void *state); /* NULL: nothing to do */
	/*
	 * A document that only this plugin can get, such as s3://...: KLPD_OK with *@ret of at most
	 * @max bytes, from malloc(). NULL: it has none.
	 */
	int (*fetch_document)(void *state, const char *url, size_t max, char **ret,
			      size_t *ret_len);
};

/* What a plugin exports, also where it is compiled with -fvisibility=hidden. */
extern const struct klpd_plugin klpd_plugin __attribute__((visibility("default")));

#endif

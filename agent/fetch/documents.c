// SPDX-License-Identifier: Apache-2.0
#include "fetch/documents.h"

#include "base/lockdown.h"
#include "base/loop.h"
#include "fetch/clock.h"

#define MSEC ((int64_t)1000)

/* What to do; the other sentences say it themselves. */
static const char *advice(int status)
{
	switch (status) {
	case EXIT_STATUS_UNAVAILABLE:
		return "; check the URL (a presigned one ends with its time), the network and the "
		       "proxy";
	case EXIT_STATUS_TEMPFAIL:
		return "; check the network and try again";
	case EXIT_STATUS_IO:
		return "; make room in the cache";
	default:
		return "";
	}
}

static int bring(struct fetch *fetch, const struct document_route *route, struct document *d,
		 struct arena *arena, struct err *err)
{
	struct err why = ERR_INIT;

	if (document_fetch(fetch, route, d, arena, &why) < 0)
		err_set(err, why.status, "%s cannot be had: %s%s", d->label, why.message,
			advice(why.status));
	err_clear(&why);
	return d->path ? 0 : -1;
}

int documents(struct fetch *fetch, const struct request *request,
	      const volatile sig_atomic_t *stopped, struct err *err)
{
	const struct repoconf_builtin builtin = { request->releasever, request->arch };
	int64_t deadline = loop_now() + request->timeout * MSEC;
	struct findings findings = { .arena = request->arena };
	const struct repoconf *conf = repoconf_read(fetch->root, &builtin, &findings);
	struct document_route route = document_find_route(&conf->main, request->arena);
	_cleanup_close_ int lock = cache_lock(fetch->cache, request->timeout * MSEC, err);
	int r = 0;

	if (lock < 0 || fetch_make_scratch(fetch->cache_path, err) < 0 ||
	    lockdown_forbid_programs(err) < 0)
		return -1;
	clock_start(deadline - loop_now());
	for (size_t i = 0; i < request->n_documents && r == 0; i++)
		r = bring(fetch, &route, &request->documents[i], request->arena, err);
	clock_stop();
	if (*stopped)
		r = err_set(err, EXIT_STATUS_TEMPFAIL, "fetching was stopped");
	document_prune(fetch->cache, request->now);
	cache_prune(fetch->cache, NULL);
	return r;
}

// SPDX-License-Identifier: Apache-2.0
#include "rpm/transaction.h"

#include "base/alloc.h"
#include "rpm/messages.h"

#include <unistd.h>

#include <rpm/rpmcallback.h>
#include <rpm/rpmlib.h>
#include <rpm/rpmlog.h>
#include <rpm/rpmps.h>
#include <rpm/rpmte.h>

#define PROBLEMS_MAX 600 /* bytes of a sentence */

struct run {
	const struct transaction_package *packages;
	size_t n;
	const struct transaction_events *events; /* NULL: nobody listens */
	FD_t open;				 /* the package that rpm reads */
	const char *failed;			 /* label of a package that could not be unpacked */
};

/* The problems in one sentence; NULL when there are none. To be freed. */
static char *problems_text(rpmts ts)
{
	rpmps ps = rpmtsProblems(ts);
	rpmpsi it = rpmpsInitIterator(ps);
	char *text = NULL;

	while (rpmpsNextIterator(it) >= 0) {
		_cleanup_free_ char *one = rpmProblemString(rpmpsGetProblem(it));
		char *longer;

		if (text && strlen(text) + strlen(one) > PROBLEMS_MAX)
			break;
		longer = xasprintf("%s%s%s", text ? text : "", text ? "; " : "", one);
		free(text);
		text = longer;
	}
	rpmpsFreeIterator(it);
	rpmpsFree(ps);
	return text;
}

static int fail(rpmts ts, const char *what, struct err *err)
{
	_cleanup_free_ char *problems = problems_text(ts);

	return err_set(err, EXIT_STATUS_DATA, "%s: %s", what,
		       problems ? problems : messages_take());
}

static bool is_among(const struct transaction_package *packages, size_t n, rpmte te)
{
	for (size_t i = 0; i < n; i++)
		if (streq(rpmteN(te), headerGetString(packages[i].header, RPMTAG_NAME)) &&
		    !packages[i].beside)
			return true;
	return false;
}

/* rpm removes what a package obsoletes without asking. */
static int check_removals(rpmts ts, const struct transaction_package *packages, size_t n,
			  struct err *err)
{
	rpmtsi it = rpmtsiInit(ts);
	rpmte te;
	int r = 0;

	while (r == 0 && (te = rpmtsiNext(it, TR_REMOVED)))
		if (!is_among(packages, n, te))
			r = err_set(err, EXIT_STATUS_DATA,
				    "%s would be removed; klpd never removes packages that way",
				    rpmteNEVRA(te));
	rpmtsiFree(it);
	return r;
}

static void *notify(const void *header _unused_, const rpmCallbackType what,
		    const rpm_loff_t amount, const rpm_loff_t total, fnpyKey key,
		    rpmCallbackData data)
{
	struct run *run = data;
	const struct transaction_package *package = key;

	switch ((int)what) {
	case RPMCALLBACK_INST_OPEN_FILE:
		lseek(package->fd, 0, SEEK_SET);
		run->open = fdDup(package->fd);
		return run->open;
	case RPMCALLBACK_INST_CLOSE_FILE:
		Fclose(run->open);
		run->open = NULL;
		break;
	case RPMCALLBACK_INST_PROGRESS:
		if (run->events && package)
			run->events->progress((size_t)(package - run->packages), amount, total,
					      run->events->userdata);
		break;
	case RPMCALLBACK_UNPACK_ERROR:
	case RPMCALLBACK_CPIO_ERROR:
		if (package)
			run->failed = package->label;
		break;
	default:
		break;
	}
	return NULL;
}

/* What was added fits together, and into this node. */
static int check(rpmts ts, struct run *run, struct err *err)
{
	_cleanup_free_ char *problems = NULL;

	if (rpmtsCheck(ts) != 0)
		return err_set(err, EXIT_STATUS_IO, "the rpm database cannot be read: %s",
			       messages_take());
	problems = problems_text(ts);
	if (problems)
		return err_set(err, EXIT_STATUS_DATA, "the packages do not fit this node: %s",
			       problems);
	rpmtsOrder(ts);
	rpmtsClean(ts);
	rpmtsSetNotifyCallback(ts, notify, run);
	rpmtsSetFlags(ts, RPMTRANS_FLAG_TEST);
	if (rpmtsRun(ts, NULL, RPMPROB_FILTER_NONE) != 0)
		return fail(ts, "rpm refuses in a test run", err);
	return 0;
}

int transaction_test(rpmts ts, const struct transaction_package *packages, size_t n,
		     struct err *err)
{
	struct run run = { .packages = packages, .n = n };

	messages_begin();
	for (size_t i = 0; i < n; i++)
		if (rpmtsAddInstallElement(ts, packages[i].header, &packages[i],
					   !packages[i].beside, NULL) != 0)
			return err_set(err, EXIT_STATUS_DATA, "%s: rpm does not take it: %s",
				       packages[i].label, messages_take());
	if (check_removals(ts, packages, n, err) < 0)
		return -1;
	return check(ts, &run, err);
}

int transaction_erase_test(rpmts ts, const Header *headers, size_t n, struct err *err)
{
	struct run run = { .n = 0 };

	messages_begin();
	for (size_t i = 0; i < n; i++)
		if (rpmtsAddEraseElement(ts, headers[i], -1) != 0)
			return err_set(err, EXIT_STATUS_DATA, "rpm does not remove it: %s",
				       messages_take());
	return check(ts, &run, err);
}

/* What was tested. */
static int carry_out(rpmts ts, struct run *run, int output_fd, struct err *err)
{
	FD_t output = fdDup(output_fd);
	int r;

	messages_begin();
	rpmtsSetScriptFd(ts, output);
	rpmtsSetNotifyCallback(ts, notify, run);
	rpmtsSetFlags(ts, RPMTRANS_FLAG_NONE);
	r = rpmtsRun(ts, NULL, RPMPROB_FILTER_NONE);
	rpmtsSetScriptFd(ts, NULL);
	Fclose(output);
	if (run->failed)
		return err_set(err, EXIT_STATUS_DATA, "%s could not be unpacked: %s", run->failed,
			       messages_take());
	return r == 0 ? 0 : fail(ts, "the transaction failed", err);
}

int transaction_run(rpmts ts, const struct transaction_package *packages, size_t n,
		    const struct transaction_events *events, int output_fd, struct err *err)
{
	struct run run = { .packages = packages, .n = n, .events = events };

	return carry_out(ts, &run, output_fd, err);
}

int transaction_erase(rpmts ts, int output_fd, struct err *err)
{
	struct run run = { .n = 0 };

	return carry_out(ts, &run, output_fd, err);
}

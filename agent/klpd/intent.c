// SPDX-License-Identifier: Apache-2.0
#include "klpd/intent.h"

#include "base/fsx.h"
#include "base/log.h"
#include "klpd/state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#define INTENT	   "intent.json"
#define QUARANTINE "quarantine.json"
#define REBOOT	   "reboot.json"
#define LOCK	   "lock"
#define WISH	   "reboot"

/* Of the root; "" where there is none to ask. To be freed. */
static char *boot_id(const struct place *place)
{
	char *text = NULL;
	size_t len;

	if (fsx_read_at(place->root_fd, "proc/sys/kernel/random/boot_id", 128, &text, &len) < 0)
		return xstrdup("");
	text[strcspn(text, "\n")] = '\0';
	return text;
}

int intent_lock(const struct place *place, struct err *err)
{
	_cleanup_close_ int fd =
		openat(place->state_fd, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "%s/" LOCK, place->state);
	state_adopt(place->state_fd, fd);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, EXIT_STATUS_TEMPFAIL,
			       "another agent is installing on this node; try again when it has "
			       "ended");
	return TAKE_FD(fd);
}

int intent_write(const struct place *place, const char *command, json_t *plan, struct err *err)
{
	_cleanup_free_ char *boot = boot_id(place);
	json_auto_t *intent = json_pack("{s:s,s:o,s:s,s:O}", "command", command, "started",
					state_time(timex_now()), "boot_id", boot, "plan", plan);
	int r = state_write(place, INTENT, intent);

	return r < 0 ? err_set_errno(err, EXIT_STATUS_IO, -r,
				     "what is going to be done cannot be written down, so it is "
				     "not done")
		     : 0;
}

static void add_finding(json_t *findings, const char *code, const char *subject, char *message)
{
	json_array_append_new(findings,
			      json_pack("{s:s,s:s,s:s,s:s}", "code", code, "severity", "warning",
					"subject", subject, "message", message));
	log_warning("%s", message);
	free(message);
}

/* An intent is told until a report that stays has told of it. */
static bool is_in(json_t *list, const char *package)
{
	json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		if (streq(state_text(row, "package"), package))
			return true;
	}
	return false;
}

/* The livepatches that an intent was going to install or load. False: there are none. */
static bool quarantine(const struct place *place, json_t *plan, const char *started)
{
	static const char *const lists[] = { "steps", "loads" };
	json_auto_t *list = intent_quarantine(place);
	bool any = false;

	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		json_t *row;
		size_t i;

		json_array_foreach(json_object_get(plan, lists[k]), i, row)
		{
			const char *kind = state_text(row, "kind");

			if (*kind && !streq(kind, "livepatch"))
				continue;
			any = true;
			if (is_in(list, state_text(row, "package")))
				continue;
			json_array_append_new(
				list, json_pack("{s:s,s:o}", "package", state_text(row, "package"),
						"reason",
						state_printf("its installation of %s was followed "
							     "by a boot that it did not ask for",
							     started)));
		}
	}
	if (any && state_write(place, QUARANTINE, list) < 0)
		log_warning("the quarantine cannot be written");
	return any;
}

void intent_tell(const struct place *place, json_t *findings)
{
	json_auto_t *intent = state_read(place, INTENT);
	_cleanup_free_ char *boot = boot_id(place);
	json_t *plan = json_object_get(intent, "plan");
	const char *started = state_text(intent, "started"), *id = state_text(plan, "id");
	const char *command = state_text(intent, "command");
	bool same_boot;

	if (!intent)
		return;
	same_boot = streq(state_text(intent, "boot_id"), boot);
	if (same_boot || !quarantine(place, plan, started)) {
		add_finding(
			findings, "interrupted", id,
			xasprintf("klpctl %s (plan %s), begun %s, was %s; this report says what is "
				  "there now, klpctl %s goes on",
				  command, id, started,
				  same_boot ? "interrupted"
					    : "followed by a boot that it did not ask for",
				  command));
		return;
	}
	add_finding(findings, "quarantined", id,
		    xasprintf("klpctl %s (plan %s), begun %s, was followed by a boot that it did "
			      "not ask for; its livepatches are not loaded again until klpctl "
			      "install --retry-quarantined",
			      command, id, started));
}

void intent_clear(const struct place *place)
{
	unlinkat(place->state_fd, INTENT, 0);
}

int64_t intent_ask_reboot(const struct place *place, bool required)
{
	json_auto_t *marker = state_read(place, REBOOT), *next = NULL;
	_cleanup_free_ char *boot = boot_id(place);
	json_int_t asked = 0;

	if (!required) {
		unlinkat(place->state_fd, REBOOT, 0);
		return 0;
	}
	if (streq(state_text(marker, "boot_id"), boot))
		asked = json_integer_value(json_object_get(marker, "asked"));
	next = json_pack("{s:s,s:I}", "boot_id", boot, "asked", asked + 1);
	if (state_write(place, REBOOT, next) < 0)
		log_warning("that a reboot was asked for cannot be written down");
	return asked + 1;
}

void intent_wish_reboot(const char *directory, const char *what)
{
	_cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *text = what ? xasprintf("%s\n", what) : NULL;
	int r = fd < 0 ? -errno : 0;

	if (r == 0 && text)
		r = fsx_write_atomic_at(fd, WISH, text, strlen(text), 0644);
	else if (r == 0 && unlinkat(fd, WISH, 0) < 0 && errno != ENOENT)
		r = -errno;
	if (r < 0)
		log_warning("the wish for a reboot cannot be left in %s: %s", directory,
			    strerror(-r));
}

json_t *intent_quarantine(const struct place *place)
{
	json_t *list = state_read(place, QUARANTINE);

	if (json_is_array(list))
		return list;
	json_decref(list);
	return json_array();
}

void intent_release(const struct place *place)
{
	unlinkat(place->state_fd, QUARANTINE, 0);
}

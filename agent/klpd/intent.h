// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * What klpd means to do, written down before it is done
 *
 *   STATE/intent.json      a change that has begun and has not been reported yet
 *   STATE/lock             held by whoever changes the node
 *   STATE/reboot.json      how often a reboot was asked for since the last boot
 *   STATE/quarantine.json  livepatches whose installation was followed by a boot that nobody asked
 *                          for: they may have brought the kernel down, and are not loaded again
 *                          until someone says so
 *
 * Whatever ends klpd in between (a kill, a power cut, a panic of the kernel), the next one finds
 * the intent: after the same boot the installation was interrupted; after another one, quarantine.
 */

#include "base/err.h"
#include "klpd/place.h"

#include <jansson.h>

/*
 * Keeps other agents with this state directory from installing, until the descriptor is closed. -1
 * with @err (TEMPFAIL) when one does.
 */
_must_check_ int intent_lock(const struct place *place, struct err *err);
/* Writes the intent to carry out @plan, durably. @command: "install". 0, or -1 with @err (IO). */
_must_check_ int intent_write(const struct place *place, const char *command, json_t *plan,
			      struct err *err);
/* Appends to @findings what an intent left by someone else means; quarantines what it must. */
void intent_tell(const struct place *place, json_t *findings);
/* The installation was reported. */
void intent_clear(const struct place *place);

/*
 * Counts a reboot that is @required: how often it was asked for since the last boot, this time
 * included. 0, and counting begins anew, when none is.
 */
int64_t intent_ask_reboot(const struct place *place, bool required);
/* Leaves the wish for a reboot in the directory that klpd-reboot.path watches; @what NULL: takes an
 * earlier one back. */
void intent_wish_reboot(const char *directory, const char *what);

/* [{package, reason}]; a new reference. */
json_t *intent_quarantine(const struct place *place);
/* Lets every livepatch out. */
void intent_release(const struct place *place);

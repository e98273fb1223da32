// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * klpd.yaml as far as klpd itself heeds it: who may change the node and when, how long things may
 * take, how much is kept
 *
 * The file belongs to root. It is read again whenever it has changed, so that klpd and klpd-worker,
 * which reads it for every job, never differ. One that cannot be understood does not keep klpd from
 * answering: the defaults hold, nobody but root changes anything, and every job fails with the
 * sentence that klpd-worker has for the same file.
 */

#include "core/config.h"
#include "klpd/place.h"

#include <sys/stat.h>

struct settings {
	struct config config;
	bool has_group;
	gid_t group;
	const struct place *place;
	const struct options *options;
	struct arena *arena; /* of the texts in it */
	struct stat file;    /* as it was when it was read; all zero: there was none */
};

/* Reads the file; what is wrong with it is logged. Both stay the caller's, and must stay. */
void settings_open(struct settings *settings, const struct place *place,
		   const struct options *options);
/* Reads it again if it is not what it was. Texts of the old one are gone then. */
void settings_refresh(struct settings *settings);
void settings_close(struct settings *settings);

// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Other package managers: klpd waits for them, and says for whom
 */

#include "base/err.h"

/* "yum (pid 123)": who holds a lock of a package manager below @root, or NULL. To be freed. */
char *lock_holder(int root);

/*
 * Waits until neither yum, dnf nor rpm holds its lock below @root. @on_wait is called when the
 * waiting begins, and for each other holder. 0, or -1 with @err (TEMPFAIL, naming the holder) after
 * @seconds.
 */
_must_check_ int lock_wait(int root, int64_t seconds, void (*on_wait)(const char *holder, void *),
			   void *userdata, struct err *err);

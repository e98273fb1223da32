// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * May this package file be believed? (librpm, 4.11.3 to 4.20)
 *
 * rpm itself takes an unsigned package whose digests are good (al2-facts 5.4), so the rule is ours:
 * every signature and digest in the file is good, by a key that the node trusts, and there is at
 * least one signature. Trusted are the keys in the rpm database and in the keys folder.
 */

#include "base/err.h"

#include <rpm/rpmts.h>

/* Keys of the rpm database and of every file in ROOT/@folder into @ts. 0, or -1 with @err. */
_must_check_ int verify_load_keys(rpmts ts, int root, const char *folder, struct err *err);

/**
 * verify_package() - check a file and read its header
 * @fd:    the file; read from its beginning, offset moved
 * @label: what to call it in messages
 * @allow_unsigned: a package without any signature passes if its digests are good
 * @ret:   the header; headerFree() it
 *
 * Return: 0, or -1 with @err (DATA) saying what is wrong with which signature.
 */
_must_check_ int verify_package(rpmts ts, int fd, const char *label, bool allow_unsigned,
				Header *ret, struct err *err);

// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Other hosts, through ssh: `ssh HOST klpctl bridge` there, Varlink on its standard streams
 *
 * Who may log in, and whether he may do more than that, is sshd's to say (klpctl(8), REMOTE).
 */

#include "base/err.h"

/* The program, from PATH or by its path; for tests and for who needs options of his own. */
#define SSH_VARIABLE "KLPCTL_SSH"

/* Hosts in "a,[USER@]b": calls @fn for each, stops when it fails. 0, or -1 with @err (USAGE). */
_must_check_ int ssh_each_host(const char *hosts, int (*fn)(const char *host, void *userdata),
			       void *userdata, struct err *err);
bool ssh_are_several(const char *hosts);

/*
 * The words of the command line, to be freed; NULL-terminated. Without a terminal, where nobody
 * could answer, ssh asks nothing.
 */
char **ssh_command(const char *host);
void ssh_command_free(char **argv);
static inline void ssh_commandp_free(char ***argv)
{
	ssh_command_free(*argv);
}

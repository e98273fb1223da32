// SPDX-License-Identifier: Apache-2.0

/*
 * Leaks that are not ours, for LeakSanitizer. Linked into everything that is built with
 * AddressSanitizer, because klpd starts its programs without the variables of its environment.
 */

#define EXPORTED __attribute__((visibility("default")))

EXPORTED const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return
		/* librpm's sqlite backend forgets the connection when a damaged database ends it */
		"leak:libsqlite3.so\n"
		/* librepo forgets the headers of a transfer that is interrupted */
		"leak:libcurl\n";
}

EXPORTED const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}

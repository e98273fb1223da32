// SPDX-License-Identifier: Apache-2.0
#include "apply/options.h"

#include <errno.h>

#define WAIT_MAX 3600

enum kind {
	KIND_FLAG,    /* bool */
	KIND_PATH,    /* const char *, absolute */
	KIND_TEXT,    /* const char * */
	KIND_NAMES,   /* const char *[OPTIONS_NAMES_MAX + 1], given several times */
	KIND_SECONDS, /* int64_t */
};

#define AT(member) offsetof(struct options, member)

static const struct {
	const char *name;
	enum kind kind;
	size_t offset;
} rows[] = {
	{ "--root=", KIND_PATH, AT(root) },
	{ "--kernel=", KIND_TEXT, AT(kernel) },
	{ "--allow=", KIND_NAMES, AT(allow) },
	{ "--allow-kernel=", KIND_NAMES, AT(allow_kernel) },
	{ "--strip=", KIND_NAMES, AT(strip) },
	{ "--allow-erase=", KIND_NAMES, AT(allow_erase) },
	{ "--service=", KIND_NAMES, AT(services) },
	{ "--repository=", KIND_NAMES, AT(repositories) },
	{ "--loader=", KIND_PATH, AT(loader) },
	{ "--keys=", KIND_TEXT, AT(keys) },
	{ "--allow-unsigned", KIND_FLAG, AT(allow_unsigned) },
	{ "--lock-wait=", KIND_SECONDS, AT(lock_wait) },
	{ "--load-wait=", KIND_SECONDS, AT(load_wait) },
};

static bool take(enum kind kind, const char *value, void *member)
{
	const char **names = member;
	char *end;
	long seconds;

	switch (kind) {
	case KIND_FLAG:
		*(bool *)member = true;
		return !*value;
	case KIND_PATH:
	case KIND_TEXT:
		*names = value;
		return kind == KIND_PATH ? *value == '/' : *value != '\0';
	case KIND_NAMES:
		for (size_t n = 0; n < OPTIONS_NAMES_MAX && *value; n++)
			if (!names[n]) {
				names[n] = value;
				return true;
			}
		return false;
	case KIND_SECONDS:
		errno = 0;
		seconds = strtol(value, &end, 10);
		*(int64_t *)member = seconds;
		return !errno && end != value && !*end && seconds >= 0 && seconds <= WAIT_MAX;
	}
	return false;
}

static bool understand(const char *arg, struct options *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (starts_with(arg, rows[i].name))
			return take(rows[i].kind, arg + strlen(rows[i].name),
				    (char *)o + rows[i].offset);
	return false;
}

bool options_name(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (streq(*names, name))
			return true;
	return false;
}

int options_parse(int argc, char *argv[], struct options *ret, struct err *err)
{
	*ret = (struct options){ .root = "/",
				 .loader = "/usr/sbin/kpatch",
				 .keys = "etc/klpd/keys.d",
				 .lock_wait = 120,
				 .load_wait = 300 };
	for (int i = 1; i < argc; i++)
		if (!understand(argv[i], ret))
			return err_set(err, EXIT_STATUS_USAGE, "option '%s' is not understood",
				       argv[i]);
	return 0;
}

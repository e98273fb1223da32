// SPDX-License-Identifier: Apache-2.0

/*
 * dump_updateinfo [PREFIX]: updateinfo.xml on standard input, what is kept on standard output
 *
 * One line per value, its fields separated by tabs, so that another reader can be compared with it.
 * With PREFIX only packages whose name begins with it are wanted.
 */

#include "metadata/updateinfo.h"

#include <stdio.h>

static bool begins(void *userdata, const char *name)
{
	return starts_with(name, userdata);
}

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

static void print_date(const char *which, const struct advisory_date *date)
{
	static const char *const states[] = { "absent", "valid", "invalid" };
	char buf[TIMEX_TEXT_MAX];

	printf("%s\t%s\t%s\n", which, states[date->state], timex_format(date->at, buf));
}

static void print_advisory(const struct advisory *a)
{
	printf("notice\t%s\t%s\t%s\t%s\t%s\n", a->id, or_dash(a->type), or_dash(a->severity),
	       or_dash(a->status), or_dash(a->title));
	print_date("issued", &a->issued);
	print_date("updated", &a->updated);
	for (size_t i = 0; i < a->n_refs; i++)
		printf("ref\t%s\t%s\n", a->refs[i].type, a->refs[i].id);
	for (size_t i = 0; i < a->n_packages; i++) {
		const struct nevra *p = &a->packages[i];

		printf("package\t%s\t%u\t%s\t%s\t%s\n", p->name, p->evr.epoch, p->evr.version,
		       p->evr.release, p->arch);
	}
}

int main(int argc, char **argv)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct findings findings = { .arena = arena };
	const struct wanted wanted = { begins, argv[1] };
	const struct updateinfo_options options = { .repo_id = "repo",
						    .wanted = argc > 1 ? &wanted : NULL,
						    .arena = arena,
						    .findings = &findings };
	_cleanup_(updateinfo_freep)
	struct updateinfo *reader = updateinfo_new(&options);
	struct advisory *advisories;
	struct err err = ERR_INIT;
	char buf[4096];
	size_t n;
	int r = 0;

	while (r == 0 && (n = fread(buf, 1, sizeof(buf), stdin)) > 0)
		r = updateinfo_feed(reader, buf, n, &err);
	if (r == 0)
		r = updateinfo_finish(reader, &advisories, &n, &err);
	for (size_t i = 0; i < findings.n; i++)
		printf("finding\t%s\t%s\n", findings.items[i].code, findings.items[i].message);
	if (r < 0) {
		printf("error\t%d\t%s\n", err.status, err.message);
		err_clear(&err);
		return 1;
	}
	for (size_t i = 0; i < n; i++)
		print_advisory(&advisories[i]);
	return 0;
}

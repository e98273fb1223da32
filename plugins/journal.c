// SPDX-License-Identifier: Apache-2.0
/*
 * journal: one entry for each report, with fields to look for
 *
 *   json: true     the whole report too, in KLPD_REPORT, if it is not larger than 256 KiB
 *
 * klpd itself writes events; this is for whoever collects the journal and wants verdicts. The
 * journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): fields in one datagram, or where
 * that is too large in a sealed file that is handed over.
 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef F_ADD_SEALS /* of Linux 3.17, whatever the C library's headers say */
#define F_ADD_SEALS   1033
#define F_SEAL_SEAL   1
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW   4
#define F_SEAL_WRITE  8
#endif

#define SOCKET	   "/run/systemd/journal/socket"
#define REPORT_MAX ((size_t)256 * 1024)
/* klpd.catalog has its text. */
#define MESSAGE_ID "0f1ab4a9d9d84c0e8f7b5a6c3d2e1f00"

struct journal {
	const struct klpd_host *host;
	int json;
};

static int open_journal(const struct klpd_host *host, const struct klpd_setting *settings, size_t n,
			void **ret)
{
	static const char *const keys[] = { "json", NULL };
	static struct journal journal;
	const char *json = common_setting(settings, n, "json", "false");

	journal.host = host;
	journal.json = strcmp(json, "true") == 0;
	*ret = &journal;
	if (common_check_keys(host, settings, n, keys) < 0)
		return KLPD_WRONG;
	if (!journal.json && strcmp(json, "false") != 0)
		return common_explain(host, KLPD_WRONG, "json: true or false is needed");
	return KLPD_OK;
}

/* A value with line breaks goes with its length before it. */
static void put(FILE *out, const char *name, const char *value)
{
	size_t len = strlen(value);

	if (!strchr(value, '\n')) {
		fprintf(out, "%s=%s\n", name, value);
		return;
	}
	fprintf(out, "%s\n", name);
	for (int i = 0; i < 8; i++)
		fputc((int)(len >> (8 * i) & 0xff), out);
	fprintf(out, "%s\n", value);
}

static size_t count(const struct klpd_report *r, const char *state)
{
	const struct klpd_patch *p = r->patches;
	size_t n = 0;

	for (size_t i = 0; i < r->n_patches; i++, p = KLPD_NEXT(p, r->patch_size))
		n += strcmp(p->state, state) == 0;
	return n;
}

static int is_bad(const struct klpd_report *r)
{
	return strcmp(r->overall, "NON_COMPLIANT") == 0 || strcmp(r->overall, "UNKNOWN") == 0;
}

static char *entry_of(const struct journal *j, const struct klpd_report *r, size_t *ret_len)
{
	char *text = NULL, number[32];
	FILE *out = open_memstream(&text, ret_len);
	const struct {
		const char *name, *value;
	} fields[] = {
		{ "MESSAGE_ID", MESSAGE_ID },	       { "SYSLOG_IDENTIFIER", "klpd" },
		{ "PRIORITY", is_bad(r) ? "4" : "6" }, { "KLPD_JOB", r->id },
		{ "KLPD_OPERATION", r->operation },    { "KLPD_STATE", r->overall },
		{ "KLPD_LIVEPATCH", r->livepatch },    { "KLPD_KERNEL", r->kernel_verdict },
		{ "KLPD_REBOOT", r->reboot },	       { "KLPD_RELEASE", r->kernel },
		{ "KLPD_BASELINE", r->baseline_name },
	};

	if (!out)
		return NULL;
	fprintf(out, "MESSAGE=%s: %s, livepatch %s, kernel %s, %zu missing\n", r->operation,
		r->overall, r->livepatch, r->kernel_verdict, count(r, "Missing"));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		put(out, fields[i].name, fields[i].value);
	snprintf(number, sizeof(number), "%zu", count(r, "Missing"));
	put(out, "KLPD_MISSING", number);
	if (j->json && r->json_len <= REPORT_MAX)
		put(out, "KLPD_REPORT", r->json);
	fclose(out);
	return text;
}

static int send_datagram(int fd, const char *text, size_t len)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET };

	return sendto(fd, text, len, MSG_NOSIGNAL, (struct sockaddr *)&address, sizeof(address)) < 0
		       ? -errno
		       : 0;
}

/* A file that nobody can change any more, as journald wants it. */
static int send_file(int fd, const char *text, size_t len)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct msghdr message = { .msg_name = &address,
				  .msg_namelen = sizeof(address),
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	/* glibc 2.26 knows the system call, not the function */
	int file = (int)syscall(SYS_memfd_create, "klpd-report", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = 0;

	if (file < 0)
		return -errno;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &file, sizeof(int));
	if (write(file, text, len) != (ssize_t)len ||
	    fcntl(file, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) <
		    0 ||
	    sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
		r = -errno;
	close(file);
	return r;
}

static int publish(void *state, const struct klpd_report *report)
{
	const struct journal *j = state;
	size_t len = 0;
	char *text = entry_of(j, report, &len);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (!text || fd < 0)
		r = -errno;
	else
		r = send_datagram(fd, text, len);
	if (r == -EMSGSIZE || r == -ENOBUFS)
		r = send_file(fd, text, len);
	free(text);
	if (fd >= 0)
		close(fd);
	return r == 0 ? KLPD_OK
		      : common_explain(j->host, KLPD_RETRY,
				       "the journal at " SOCKET " does not take it: %s",
				       strerror(-r));
}

const struct klpd_plugin klpd_plugin = {
	.abi = KLPD_PLUGIN_ABI,
	.needs = KLPD_NEEDS_NETWORK,
	.size = sizeof(klpd_plugin),
	.text = "one entry in the journal for each report",
	.open = open_journal,
	.publish = publish,
};

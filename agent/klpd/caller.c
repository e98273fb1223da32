// SPDX-License-Identifier: Apache-2.0
#include "klpd/caller.h"

#include "base/alloc.h"
#include "base/fsx.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>

#define PROC_MAX 4096

/* Of a name that anybody may choose: plain ASCII. */
static void set_text(char to[CALLER_TEXT_MAX], const char *text, size_t len)
{
	if (len >= CALLER_TEXT_MAX)
		len = CALLER_TEXT_MAX - 1;
	for (size_t i = 0; i < len; i++)
		to[i] = text[i] > ' ' && text[i] <= '~' ? text[i] : '?';
	to[len] = '\0';
}

static char *read_proc(int64_t pid, const char *name)
{
	_cleanup_free_ char *path = xasprintf("/proc/%lld/%s", (long long)pid, name);
	char *text = NULL;
	size_t len;

	return fsx_read_at(AT_FDCWD, path, PROC_MAX, &text, &len) < 0 ? NULL : text;
}

/* "12:cpu:/a\n1:name=systemd:/user.slice/session-3.scope\n", or with cgroup2 "0::/a/b". */
static void find_unit(const char *text, char to[CALLER_TEXT_MAX])
{
	static const char *const marks[] = { ":name=systemd:", "0::" };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		const char *at = strstr(text, marks[i]), *end, *slash;

		if (!at)
			continue;
		at += strlen(marks[i]);
		end = at + strcspn(at, "\n");
		slash = memrchr(at, '/', (size_t)(end - at));
		at = slash ? slash + 1 : at;
		if (*at != '.') /* ".." is beyond what a container sees */
			set_text(to, at, (size_t)(end - at));
		if (*to)
			return;
	}
}

void caller_read(const struct varlink_call *call, const struct settings *settings,
		 struct caller *ret)
{
	struct varlink_peer peer = { .uid = -1, .pid = -1 };
	_cleanup_free_ char *program = NULL, *cgroup = NULL;
	const struct passwd *user;

	*ret = (struct caller){ .trusted = varlink_call_trusted(call), .user = "?" };
	ret->known = varlink_call_peer(call, &peer);
	ret->uid = peer.uid;
	ret->pid = peer.pid;
	if (!ret->known)
		return;
	user = getpwuid((uid_t)peer.uid);
	if (user)
		set_text(ret->user, user->pw_name, strlen(user->pw_name));
	else
		snprintf(ret->user, sizeof(ret->user), "%lld", (long long)peer.uid);
	program = read_proc(peer.pid, "comm");
	cgroup = read_proc(peer.pid, "cgroup");
	if (program)
		set_text(ret->program, program, strcspn(program, "\n"));
	if (cgroup)
		find_unit(cgroup, ret->unit);
	ret->is_member = settings->has_group && varlink_call_in_group(call, settings->group);
}

bool caller_may_change(const struct caller *caller)
{
	return caller->trusted || caller->is_member ||
	       (caller->known && (caller->uid == 0 || caller->uid == geteuid()));
}

char *caller_text(const struct caller *caller)
{
	if (!caller->known)
		return xstrdup("an unknown caller");
	return xasprintf("%s (uid %lld), %s, pid %lld%s%s", caller->user, (long long)caller->uid,
			 *caller->program ? caller->program : "a program that has ended",
			 (long long)caller->pid, *caller->unit ? ", " : "", caller->unit);
}

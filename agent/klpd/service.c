// SPDX-License-Identifier: Apache-2.0
#include "klpd/service.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct {
	int fd;
	struct loop_timer *pulse;
	int64_t pulse_msec;
} service = { .fd = -1 };

/* A number that systemd set for this very process: @pid_name says for which. -1: none. */
static int64_t number_for_us(const char *name, const char *pid_name)
{
	const char *text = getenv(name), *pid = getenv(pid_name);
	char *end;
	long long n;

	if (!text || (pid && atoll(pid) != getpid()))
		return -1;
	errno = 0;
	n = strtoll(text, &end, 10);
	return errno || end == text || *end || n < 0 ? -1 : n;
}

size_t service_sockets(void)
{
	int64_t n = getenv("LISTEN_PID") ? number_for_us("LISTEN_FDS", "LISTEN_PID") : -1;

	for (int64_t i = 0; i < n; i++)
		if (fcntl(SERVICE_FIRST_FD + (int)i, F_SETFD, FD_CLOEXEC) < 0)
			return (size_t)i;
	return n < 0 ? 0 : (size_t)n;
}

static void notify(const char *text)
{
	if (service.fd >= 0)
		(void)!send(service.fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void on_pulse(void *userdata _unused_)
{
	notify("WATCHDOG=1");
	loop_timer_set(service.pulse, service.pulse_msec);
}

static void connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	service.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (service.fd >= 0 &&
	    connect(service.fd, (const struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0) {
		close(service.fd);
		service.fd = -1;
	}
}

void service_begin(struct loop *loop)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int64_t usec = number_for_us("WATCHDOG_USEC", "WATCHDOG_PID");

	if (path)
		connect_to(path);
	if (service.fd < 0 || usec < 2000)
		return;
	service.pulse_msec = usec / 1000 / 2; /* as sd_watchdog_enabled(3) recommends */
	service.pulse = loop_timer_new(loop, on_pulse, NULL);
	on_pulse(NULL);
}

void service_end(void)
{
	loop_timer_free(TAKE_PTR(service.pulse));
	closep(&service.fd);
	service.fd = -1;
}

void service_ready(void)
{
	notify("READY=1");
}

void service_reloading(void)
{
	notify("RELOADING=1");
}

void service_stopping(void)
{
	notify("STOPPING=1");
}

void service_status(const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL, *line = NULL;
	va_list ap;

	if (service.fd < 0)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	text[strcspn(text, "\n")] = '\0';
	line = xasprintf("STATUS=%s", text);
	notify(line);
}

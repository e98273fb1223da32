// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * klpd as a service of systemd: sockets that were opened for us, readiness, status, watchdog
 *
 * Three environment variables and one datagram (sd_listen_fds(3), sd_notify(3),
 * sd_watchdog_enabled(3)); why not libsystemd: see klpd/journal.h. Without systemd all of it does
 * nothing.
 */

#include "base/loop.h"

/* The number of listening sockets we were given, from SERVICE_FIRST_FD on; marked close-on-exec. */
#define SERVICE_FIRST_FD 3
size_t service_sockets(void);

/* Finds the notification socket and starts the watchdog's pulse. */
void service_begin(struct loop *loop);
void service_end(void);

void service_ready(void);
void service_reloading(void);
void service_stopping(void);
/* One line for `systemctl status`. */
_printf_(1, 2) void service_status(const char *fmt, ...);

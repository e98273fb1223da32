// SPDX-License-Identifier: Apache-2.0
/*
 * klpd: the daemon
 *
 * Serves io.klpd.Agent and runs the programs that do the work; it parses neither XML nor YAML and
 * never talks to the network itself. See README.md in this folder.
 */

#include "base/alloc.h"
#include "base/log.h"
#include "ipc/frame.h"
#include "klpd/actions.h"
#include "klpd/journal.h"
#include "klpd/methods.h"
#include "klpd/service.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

struct klpd {
	struct options options;
	struct loop *loop;
	struct place place;
	struct settings settings;
	struct jobs *jobs;
	struct publisher *publisher;
	struct varlink_server *server;
	struct loop_timer *idle;
	struct loop_signal *on_term, *on_int, *on_hup;
	struct agent agent;
	size_t n_sockets; /* that systemd gave us */
	size_t n_connections;
	bool served; /* set up: connections count from here on */
	bool left;   /* the only caller of a private daemon is gone */
	bool ending; /* as soon as nothing runs any more */
};

static void klpd_deinit(struct klpd *k)
{
	plugincheck_free(k->agent.check);
	varlink_server_free(k->server); /* before the jobs: calls outlive their connections */
	jobs_free(k->jobs);
	publisher_free(k->publisher);
	loop_timer_free(k->idle);
	loop_signal_free(k->on_term);
	loop_signal_free(k->on_int);
	loop_signal_free(k->on_hup);
	service_end();
	journal_close();
	settings_close(&k->settings);
	place_close(&k->place);
	loop_free(k->loop);
}

/* Started by its only caller, for as long as that one wants. */
static bool is_private(const struct klpd *k)
{
	return k->options.fd >= 0 && k->options.n_listen == 0 && k->n_sockets == 0;
}

static void on_idle_time(void *userdata)
{
	struct klpd *k = userdata;

	loop_stop(k->loop);
}

/* Runs the idle clock while there is neither a caller nor a job, and nothing is published. */
static void watch_idleness(struct klpd *k)
{
	bool busy = publisher_busy(k->publisher);
	bool idle = k->n_connections == 0 && jobs_idle(k->jobs) && !busy;

	if (!busy && (k->left || (k->ending && jobs_idle(k->jobs))))
		loop_stop(k->loop);
	if (k->options.exit_idle_sec >= 0)
		loop_timer_set(k->idle, idle ? k->options.exit_idle_sec * 1000 : LOOP_TIMER_OFF);
}

static void on_connections(size_t n, void *userdata)
{
	struct klpd *k = userdata;

	k->n_connections = n;
	if (k->served && n == 0 &&
	    is_private(k)) /* whatever it is doing, but for what is reported */
		k->left = true;
	watch_idleness(k);
}

static void on_become_idle(void *userdata)
{
	watch_idleness(userdata);
}

/* What changes the node is carried through; everything else can be asked for again. */
static void on_end_signal(int signo _unused_, void *userdata)
{
	struct klpd *k = userdata;

	k->ending = true;
	service_stopping();
	jobs_stop(k->jobs);
	if (!is_private(k)) /* whose caller waits for it, but not long */
		publisher_stop(k->publisher);
	watch_idleness(k);
}

static void on_reload_signal(int signo _unused_, void *userdata)
{
	struct klpd *k = userdata;

	service_reloading();
	settings_refresh(&k->settings);
	service_ready();
}

static int serve(struct klpd *k, struct err *err)
{
	const struct options *options = &k->options;

	k->server = varlink_server_new(k->loop, &(struct varlink_server_spec){
							.vendor = "klpd",
							.product = "klpd",
							.version = KLPD_VERSION,
							.url = "https://varlink.org",
							.interface = "io.klpd.Agent",
							.methods = methods,
							.idle_msec = FRAME_IDLE_MSEC,
							.userdata = &k->agent,
							.on_connections = on_connections,
							.watcher = k,
						});
	for (size_t i = 0; i < k->n_sockets; i++)
		if (varlink_server_adopt(k->server, SERVICE_FIRST_FD + (int)i, err) < 0)
			return -1;
	for (size_t i = 0; i < options->n_listen; i++)
		if (varlink_server_listen(k->server, options->listen[i], err) < 0)
			return -1;
	if (options->fd >= 0 && varlink_server_add(k->server, options->fd, err) < 0)
		return -1;
	k->served = true;
	return 0;
}

static int setup(struct klpd *k, struct err *err)
{
	if (options_check(&k->options, k->n_sockets, err) < 0 ||
	    place_open(&k->options, &k->place, err) < 0 || loop_new(&k->loop, err) < 0 ||
	    loop_signal_new(k->loop, SIGTERM, on_end_signal, k, &k->on_term, err) < 0 ||
	    loop_signal_new(k->loop, SIGINT, on_end_signal, k, &k->on_int, err) < 0 ||
	    loop_signal_new(k->loop, SIGHUP, on_reload_signal, k, &k->on_hup, err) < 0)
		return -1;
	service_begin(k->loop);
	settings_open(&k->settings, &k->place, &k->options);
	k->idle = loop_timer_new(k->loop, on_idle_time, k);
	k->publisher = publisher_new(&(struct publisher_spec){
		.loop = k->loop,
		.place = &k->place,
		.settings = &k->settings,
		.on_idle = on_become_idle,
		.userdata = k,
	});
	k->jobs = jobs_new(&(struct jobs_spec){
		.loop = k->loop,
		.actions = actions,
		.options = &k->options,
		.place = &k->place,
		.settings = &k->settings,
		.publisher = k->publisher,
		.on_idle = on_become_idle,
		.userdata = k,
	});
	k->agent = (struct agent){ .place = &k->place,
				   .settings = &k->settings,
				   .jobs = k->jobs,
				   .loop = k->loop,
				   .is_private = is_private(k) };
	return serve(k, err);
}

static int run(struct klpd *k, struct err *err)
{
	if (setup(k, err) < 0)
		return -1;
	watch_idleness(k);
	publisher_go(k->publisher); /* what an earlier one could not hand over */
	service_ready();
	service_status("idle");
	return loop_run(k->loop, err);
}

static int print(char *text)
{
	_cleanup_free_ char *owned = text;

	return fputs(owned, stdout) == EOF || fflush(stdout) == EOF ? EXIT_STATUS_IO
								    : EXIT_STATUS_OK;
}

int main(int argc, char *argv[])
{
	_cleanup_(klpd_deinit)
	struct klpd k = { .place = PLACE_INIT };
	struct err err = ERR_INIT;
	int status;

	log_init("klpd", LOG_LEVEL_INFO);
	journal_open();
	umask(022);
	json_set_alloc_funcs(xmalloc, free);
	if (options_parse(argc, argv, &k.options, &err) == 0) {
		if (k.options.help)
			return print(options_help());
		if (k.options.version)
			return print(xstrdup("klpd " KLPD_VERSION "\n"));
		k.n_sockets = service_sockets();
		if (is_private(&k)) /* its caller is told, and speaks for itself */
			log_init("klpd", LOG_LEVEL_ERROR);
		if (run(&k, &err) == 0)
			return EXIT_STATUS_OK;
	}
	status = log_err(&err);
	err_clear(&err);
	return status;
}

// SPDX-License-Identifier: Apache-2.0
#include "klpctl/client.h"

#include "base/alloc.h"
#include "base/fsx.h"
#include "ipc/varlink_client.h"
#include "klpctl/progress.h"
#include "klpctl/screen.h"
#include "klpctl/ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Fits into a request (ipc/frame.h), escaped as JSON. */
#define DOCUMENT_MAX ((size_t)32 * 1024)
#define AGENT_FD     3 /* the number that the private agent's end of the socket gets */

/* Exit statuses of ssh(1) itself and of a shell that does not find a program. */
#define SSH_FAILED	255
#define SHELL_NOT_FOUND 127

struct client {
	const struct options *options;
	const char *config;
	bool private_agent;
	struct err err;			/* what the next call fails with */
	struct varlink_client *varlink; /* NULL: not yet */
	pid_t pid;			/* of the private agent or ssh; 0: none */
	FILE *said;			/* its stderr: a file, so that it never waits for us */
};

struct client *client_new(const struct options *o)
{
	struct client *client = xcalloc(1, sizeof(*client));

	client->options = o;
	client->config = o->config;
	/* What only an agent of one's own can do needs no --direct beside it. */
	client->private_agent =
		o->direct || o->root || o->config || o->kernel || o->cache_dir || o->state_dir;
	return client;
}

/* The connection is closed, so a private agent ends now. Its wait status, or -1. */
static int reap(struct client *client)
{
	int status = -1;
	pid_t pid = client->pid;

	client->pid = 0;
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

/* A line without what marks its urgency and origin ("<3>klpd: ", and "klpctl: " of a bridge). */
static char *strip_line(char *line)
{
	line[strcspn(line, "\r\n")] = '\0';
	if (line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>')
		line += 3;
	if (starts_with(line, "klpctl: "))
		return line + strlen("klpctl: ");
	return starts_with(line, "klpd: ") ? line + strlen("klpd: ") : line;
}

/* Passes on what the agent has said on stderr; keeps the last line back in @ret_last if given. */
static void pass_on(struct client *client, char **ret_last)
{
	_cleanup_free_ char *line = NULL, *last = NULL;
	FILE *said = TAKE_PTR(client->said);
	size_t size = 0;

	if (!said)
		return;
	rewind(said);
	while (getline(&line, &size, said) >= 0) {
		if (last)
			fprintf(stderr, "klpctl: %s\n", last);
		free(last);
		last = screen_clean(strip_line(line));
	}
	fclose(said);
	if (ret_last)
		*ret_last = TAKE_PTR(last);
	else if (last)
		fprintf(stderr, "klpctl: %s\n", last);
}

void client_free(struct client *client)
{
	if (!client)
		return;
	varlink_client_free(client->varlink);
	reap(client);
	pass_on(client, NULL);
	err_clear(&client->err);
	free(client);
}

void client_want_private(struct client *client)
{
	client->private_agent = true;
}

void client_use_config(struct client *client, const char *file)
{
	client->config = file;
	client->private_agent = true;
}

/* ---- a private agent ------------------------------------------------------------------------- */

/* klpd lies beside this program, or where it was installed to. */
static char *find_agent(void)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len > 0) {
		char *slash;

		self[len] = '\0';
		slash = strrchr(self, '/');
		if (slash) {
			_cleanup_free_ char *path =
				xasprintf("%.*s/klpd", (int)(slash - self), self);

			if (access(path, X_OK) == 0)
				return TAKE_PTR(path);
		}
	}
	return xstrdup(KLPD_LIBEXECDIR "/klpd");
}

/* The options that a private agent is started with. */
struct agent_arguments {
	const char *argv[10];
	char *owned[10];
	size_t n;
};

static void add_argument(struct agent_arguments *a, const char *name, const char *value)
{
	if (!value)
		return;
	a->owned[a->n] = xasprintf("--%s=%s", name, value);
	a->argv[a->n] = a->owned[a->n];
	a->n++;
}

static void free_arguments(struct agent_arguments *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->owned[i]);
}

/* Starts @argv with @actions; its stderr goes to a file of ours. 0 or an errno. */
static int spawn(struct client *client, const char *const *argv,
		 posix_spawn_file_actions_t *actions)
{
	posix_spawnattr_t attributes;
	sigset_t pipe;
	int r;

	client->said = tmpfile();
	if (client->said)
		fcntl(fileno(client->said), F_SETFD, FD_CLOEXEC);
	if (client->said)
		posix_spawn_file_actions_adddup2(actions, fileno(client->said), STDERR_FILENO);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &pipe);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	r = posix_spawnp(&client->pid, argv[0], actions, &attributes, (char *const *)argv, environ);
	posix_spawnattr_destroy(&attributes);
	if (r)
		client->pid = 0;
	return r;
}

/*
 * A socket to a program that is to be started; @ret_theirs is its end, not AGENT_FD itself, since
 * dup2() to the same number would leave it close-on-exec.
 */
static int make_pair(struct client *client, int *ret_theirs, struct err *err)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_set_errno(err, EXIT_STATUS_IO, errno, "cannot make a socket");
	client->varlink = varlink_client_from_fd(fds[0]);
	*ret_theirs = fcntl(fds[1], F_DUPFD_CLOEXEC, AGENT_FD + 1);
	close(fds[1]);
	return *ret_theirs < 0 ? err_set_errno(err, EXIT_STATUS_IO, EMFILE, "cannot make a socket")
			       : 0;
}

static int start_ssh(struct client *client, struct err *err)
{
	_cleanup_(ssh_commandp_free)
	char **argv = ssh_command(client->options->hosts);
	_cleanup_close_ int theirs = -1;
	posix_spawn_file_actions_t actions;
	int r;

	if (make_pair(client, &theirs, err) < 0)
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, theirs, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, theirs, STDOUT_FILENO);
	r = spawn(client, (const char *const *)argv, &actions);
	posix_spawn_file_actions_destroy(&actions);
	return r ? err_set_errno(err, EXIT_STATUS_UNAVAILABLE, r, "cannot start %s", argv[0]) : 0;
}

static int start_agent(struct client *client, struct err *err)
{
	const struct options *o = client->options;
	_cleanup_free_ char *path = find_agent();
	_cleanup_close_ int theirs = -1;
	_cleanup_(free_arguments)
	struct agent_arguments a = { .argv = { path }, .n = 1 };
	posix_spawn_file_actions_t actions;
	int r;

	if (make_pair(client, &theirs, err) < 0)
		return -1;
	add_argument(&a, "fd", "3");
	add_argument(&a, "root", o->root);
	add_argument(&a, "config", client->config);
	add_argument(&a, "kernel", o->kernel);
	add_argument(&a, "cache-dir", o->cache_dir);
	add_argument(&a, "state-dir", o->state_dir);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	/* stdout is for the answer only */
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, theirs, AGENT_FD);
	r = spawn(client, a.argv, &actions);
	posix_spawn_file_actions_destroy(&actions);
	return r ? err_set_errno(err, EXIT_STATUS_SOFTWARE, r, "cannot start %s", path) : 0;
}

/*
 * The program at the other end ended instead of answering: how it ended says more than the closed
 * socket.
 */
static int explain_end(struct client *client, struct err *err)
{
	const char *host = client->options->hosts, *program = host ? "ssh" : "klpd";
	_cleanup_free_ char *last = NULL;
	int status;

	varlink_client_free(client->varlink);
	client->varlink = NULL;
	status = reap(client);
	if (status == -1)
		return -1;
	pass_on(client, &last);
	if (WIFSIGNALED(status))
		return err_set(err, EXIT_STATUS_SOFTWARE, "%s was killed by signal %d (%s)",
			       program, WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WIFEXITED(status) && WEXITSTATUS(status) == SSH_FAILED && host)
		return err_set(err, EXIT_STATUS_UNAVAILABLE, "%s cannot be reached: %s", host,
			       last ? last : "ssh says nothing");
	if (WIFEXITED(status) && WEXITSTATUS(status) == SHELL_NOT_FOUND && host)
		return err_set(err, EXIT_STATUS_UNAVAILABLE, "%s has no klpctl: %s", host,
			       last ? last : "install klpd there");
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		return err_set(err, WEXITSTATUS(status), "%s%s%s", host ? host : "",
			       host ? ": " : "",
			       last ? last : "the program at the other end failed to start");
	return -1;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static int reach(struct client *client, struct err *err)
{
	const char *path = client->options->socket;

	if (client->varlink)
		return 0;
	if (client->options->hosts)
		return start_ssh(client, err);
	if (client->private_agent)
		return start_agent(client, err);
	return varlink_client_connect(path ? path : VARLINK_AGENT_SOCKET, &client->varlink, err);
}

int client_call(struct client *client, const char *method, json_t *parameters, bool show,
		json_t **ret, struct err *err)
{
	_cleanup_free_ char *name = xasprintf("io.klpd.Agent.%s", method);
	_cleanup_(progress_freep)
	struct progress *progress = NULL;
	int r;

	if (client->err.message) {
		json_decref(parameters);
		return err_set(err, client->err.status, "%s", client->err.message);
	}
	if (reach(client, err) < 0) {
		json_decref(parameters);
		return -1;
	}
	if (show && !client->options->quiet)
		progress = progress_new();
	r = varlink_client_call(client->varlink, name, parameters, client->options->timeout_sec,
				progress ? progress_show : NULL, progress, ret, err);
	if (r < 0 && client->pid > 0 && err->status == EXIT_STATUS_UNAVAILABLE &&
	    !varlink_client_error(client->varlink))
		return explain_end(client, err);
	return r;
}

bool client_was_held(const struct client *client)
{
	return client->varlink &&
	       streq_null(varlink_client_error(client->varlink), "io.klpd.Agent.Held");
}

bool client_is_path(const char *name)
{
	return !strstr(name, "://") &&
	       (strchr(name, '/') || ends_with(name, ".yaml") || ends_with(name, ".json"));
}

char *client_absolute_path(const char *path)
{
	char here[PATH_MAX];

	if (path[0] == '/' || !getcwd(here, sizeof(here)))
		return xstrdup(path);
	return xasprintf("%s/%s", here, path);
}

static void put_text(struct client *client, json_t *object, const char *key, const char *path)
{
	_cleanup_free_ char *member = xasprintf("%s_text", key), *text = NULL;
	size_t len = 0;
	int r = fsx_read_at(AT_FDCWD, path, DOCUMENT_MAX, &text, &len);
	json_t *value = r < 0 ? NULL : json_stringn(text, len);

	if (r == -EFBIG)
		err_set(&client->err, EXIT_STATUS_DATA,
			"%s has more than the %zu KiB that can be sent; have it installed on the "
			"node, below /etc/klpd/baselines, and give its name; or use --direct",
			path, DOCUMENT_MAX / 1024);
	else if (r < 0)
		err_set_errno(&client->err, EXIT_STATUS_CONFIG, -r, "%s", path);
	else if (!value || memchr(text, '\0', len))
		err_set(&client->err, EXIT_STATUS_DATA, "%s is not text in UTF-8", path);
	else
		json_object_set(object, member, value);
	json_decref(value);
}

void client_put_document(struct client *client, json_t *object, const char *key, const char *name)
{
	_cleanup_free_ char *path = client_absolute_path(name);

	if (strstr(name, "://")) {
		json_object_set_new(object, key, json_string(name));
		return;
	}
	json_object_set_new(object, key, json_string(path));
	if (!client->private_agent)
		put_text(client, object, key, path);
}

json_t *client_scan_options(struct client *client)
{
	const struct options *o = client->options;
	json_t *json = json_object();
	char buf[TIMEX_TEXT_MAX];

	if (o->as_of != TIME_UNSET)
		json_object_set_new(json, "as_of", json_string(timex_format(o->as_of, buf)));
	if (o->baseline && client_is_path(o->baseline))
		client_put_document(client, json, "baseline", o->baseline);
	else if (o->baseline)
		json_object_set_new(json, "baseline", json_string(o->baseline));
	if (o->cached)
		json_object_set_new(json, "cached", json_true());
	if (o->refresh)
		json_object_set_new(json, "refresh", json_true());
	if (o->trigger || o->hosts)
		json_object_set_new(json, "trigger",
				    json_string(o->trigger ? o->trigger : "remote"));
	return json;
}

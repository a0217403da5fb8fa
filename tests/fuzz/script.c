/* SPDX-License-Identifier: MIT */
/* script.c - the lines of a script, its clients and its clock; see script.h. */
#include "script.h"
#include "command/command.h"
#include "host/log.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_SERVERS 8
#define MOST_TURNS 20000  /* of the loop, before it is busy for ever */
#define MOST_SENT 200000  /* bytes of one line */
#define MOST_WAIT 3600000 /* milliseconds of one line */
#define STEP 50		  /* milliseconds */
#define MOST_STEPS 100

typedef struct {
	const char *module, *name;
	const char *const *pairs;
	guint port;
} Server;

static Server servers[MOST_SERVERS];
static guint server_count;
static int clients[SCRIPT_CLIENTS] = { -1, -1, -1, -1 };
static gboolean paused[SCRIPT_CLIENTS];
static int listener = -1;
static char *folder;
static const ScriptTarget *script;
static const BpPluginInfo *served;
extern const BpPluginInfo commands_plugin_info;

/* --- the clock: it stands for the system's in everything that is linked here --- */

static gint64 offset;

gint64 g_get_monotonic_time(void)
{
	static gint64 begun;
	struct timespec now;

	if (!begun) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		begun = (gint64)now.tv_sec * G_USEC_PER_SEC;
	}
	return begun + offset;
}

static void trace(const char *arrow, guint client, gconstpointer data, gsize size)
{
	static gint wanted = -1;
	g_autofree char *text = NULL;

	if (wanted < 0)
		wanted = g_getenv("FUZZ_TRACE") != NULL;
	if (!wanted)
		return;
	text = bp_bytes_text(data, size);
	g_printerr("%u %s %s\n", client, arrow, text);
}

static void listen_to_clients(void)
{
	guint8 bytes[65536];

	for (guint i = 0; i < SCRIPT_CLIENTS; i++) {
		gssize got;

		while (clients[i] >= 0 && !paused[i] && (got = read(clients[i], bytes, sizeof(bytes))) > 0) {
			trace("<", i, bytes, (gsize)got);
			if (script->heard)
				script->heard(i, bytes, (gsize)got);
		}
	}
}

void script_turn(void)
{
	guint turns = 0;

	do {
		listen_to_clients();
		g_assert(++turns < MOST_TURNS);
	} while (g_main_context_iteration(NULL, FALSE));
	listen_to_clients();
}

void script_wait(guint64 milliseconds)
{
	guint64 step = MAX(milliseconds / MOST_STEPS, STEP);

	while (milliseconds) {
		guint64 part = MIN(step, milliseconds);

		offset += (gint64)part * 1000;
		milliseconds -= part;
		script_turn();
	}
}

/* --- clients --- */

static void drop_client(guint client, gboolean reset)
{
	struct linger linger = { .l_onoff = 1 };

	if (clients[client] < 0)
		return;
	if (reset)
		setsockopt(clients[client], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(clients[client]);
	clients[client] = -1;
}

static void take_client(guint client, int fd)
{
	int one = 1;

	drop_client(client, TRUE);
	clients[client] = fd;
	paused[client] = FALSE;
	if (fd < 0)
		return;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (script->connected)
		script->connected(client);
}

static void connect_client(guint client, guint server)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons((guint16)servers[server % server_count].port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd); /* it was closed by this script */
		fd = -1;
	}
	take_client(client, fd);
}

void script_send(guint client, gconstpointer data, gsize size)
{
	const guint8 *at = data;

	trace(">", client, data, size);
	while (size && clients[client] >= 0) {
		gssize sent = send(clients[client], at, size, MSG_NOSIGNAL);

		/* What does not fit is lost when the other side does not read on. */
		if (sent < 0 && errno == EAGAIN) {
			script_turn();
			sent = send(clients[client], at, size, MSG_NOSIGNAL);
		}
		if (sent <= 0)
			return;
		at += sent;
		size -= (gsize)sent;
	}
}

static void fill(guint client, guint64 most, const guint8 *text, gsize size)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();

	most = MIN(most, MOST_SENT);
	while (size && bytes->len < most)
		g_byte_array_append(bytes, text, (guint)MIN(size, most - bytes->len));
	script_send(client, bytes->data, bytes->len);
}

guint script_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);

	if (listener < 0) {
		listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		g_assert(bind(listener, (struct sockaddr *)&at, size) == 0 && listen(listener, 64) == 0);
	}
	g_assert(getsockname(listener, (struct sockaddr *)&at, &size) == 0);
	return ntohs(at.sin_port);
}

/* --- servers --- */

static BpServer *server_of(const char *name)
{
	g_autoptr(GPtrArray) list = bp_server_list();

	for (guint i = 0; i < list->len; i++)
		if (strcmp(bp_plugin_name(bp_server_instance(list->pdata[i])), name) == 0)
			return list->pdata[i];
	return NULL;
}

static void open_server(Server *server)
{
	g_autoptr(GError) error = NULL;
	BpValues *values;

	if (bp_instance_find(server->name))
		return;
	values = bp_values_new(bp_module_find(server->module)->params);
	if (!bp_values_set_pairs(values, server->pairs, &error) ||
	    !bp_module_open(server->module, server->name, "/", values, &error))
		g_error("%s: %s", server->name, error->message);
	server->port = bp_server_port(server_of(server->name));
}

void script_serve(const char *module, const char *name, const char *const *pairs)
{
	g_assert(server_count < MOST_SERVERS);
	servers[server_count] = (Server){ module, name, pairs, 0 };
	open_server(&servers[server_count++]);
}

static void close_server(guint number)
{
	BpInstance *instance = bp_instance_find(servers[number % server_count].name);

	if (instance)
		bp_instance_close(instance, "a script closes it");
}

/* --- lines --- */

static GByteArray *unescape(const char *text, gsize size)
{
	static const char letters[] = "rnt0\\", meant[] = "\r\n\t\0\\";
	GByteArray *bytes = g_byte_array_new();

	for (gsize i = 0; i < size; i++) {
		const char *letter = text[i] == '\\' && i + 1 < size && text[i + 1] ? strchr(letters, text[i + 1])
										    : NULL;
		guint8 byte = (guint8)text[i];

		if (letter) {
			byte = (guint8)meant[letter - letters];
			i++;
		} else if (text[i] == '\\' && i + 3 < size && text[i + 1] == 'x' && g_ascii_isxdigit(text[i + 2]) &&
			   g_ascii_isxdigit(text[i + 3])) {
			byte = (guint8)(g_ascii_xdigit_value(text[i + 2]) << 4 | g_ascii_xdigit_value(text[i + 3]));
			i += 3;
		}
		g_byte_array_append(bytes, &byte, 1);
	}
	return bytes;
}

/* Digits, and a blank behind them. */
static guint64 take_number(const char **at, const char *end)
{
	guint64 number = 0;

	for (; *at < end && g_ascii_isdigit(**at); ++*at)
		number = MIN(number * 10 + (guint64)(**at - '0'), G_MAXUINT32);
	if (*at < end && **at == ' ')
		++*at;
	return number;
}

static gboolean act(char letter, guint client, const char *at, const char *end)
{
	g_autoptr(GByteArray) text = NULL;
	guint64 number = 0;

	if (strchr("cf", letter))
		number = take_number(&at, end);
	text = unescape(at, (gsize)(end - at));
	switch (letter) {
	case 'c':
		connect_client(client, (guint)number);
		return TRUE;
	case 's':
		script_send(client, text->data, text->len);
		return TRUE;
	case 'f':
		fill(client, number, text->data, text->len);
		return TRUE;
	case 'h':
		if (clients[client] >= 0)
			shutdown(clients[client], SHUT_WR);
		return TRUE;
	case 'e':
		drop_client(client, FALSE);
		return TRUE;
	case 'r':
		drop_client(client, TRUE);
		return TRUE;
	case 'p':
	case 'g':
		paused[client] = letter == 'p';
		return TRUE;
	case 'a':
		if (listener >= 0)
			take_client(client, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
		return TRUE;
	default:
		return script->act &&
		       script->act(letter, client, text->data ? text->data : (const guint8 *)"", text->len);
	}
}

static gboolean is_end(const char *at, const char *end)
{
	return at >= end;
}

/* A line that is of the loop, and of no client. */
static gboolean act_alone(char letter, guint64 number)
{
	switch (letter) {
	case 't':
		script_turn();
		return TRUE;
	case 'w':
		script_wait(MIN(number, MOST_WAIT));
		return TRUE;
	case 'j':
		offset += (gint64)MIN(number, MOST_WAIT) * 1000;
		return TRUE;
	case 'x':
		close_server((guint)number);
		return TRUE;
	default:
		return FALSE;
	}
}

static void run_line(const char *line, gsize size, guint *last)
{
	const char *end = line + size, *at = line + 1;
	g_autoptr(GByteArray) raw = NULL;
	guint64 number;

	if (size && *line && strchr("twjx", *line)) {
		number = take_number(&at, end);
		if (is_end(at, end) && act_alone(*line, number))
			return;
	} else if (size > 1 && g_ascii_islower(*line) && g_ascii_isdigit(line[1])) {
		guint client = (guint)(line[1] - '0') % SCRIPT_CLIENTS;

		at = line + 2;
		if (at < end && *at == ' ')
			at++;
		*last = client;
		if (act(*line, client, at, end))
			return;
	}
	raw = unescape(line, size);
	script_send(*last, raw->data, raw->len);
}

/* With all servers closed every channel of theirs and of their sessions is gone. */
static void check_rest(void)
{
	static guint at_rest;
	g_autoptr(GPtrArray) sessions = bp_session_list(), channels = bp_channel_list(NULL);

	/* (The kernel has a session of its own, which is of no server.) */
	for (guint i = 0; i < sessions->len; i++)
		g_assert_cmpstr(bp_session_server(sessions->pdata[i]), ==, "");
	if (!at_rest)
		at_rest = channels->len;
	g_assert_cmpuint(channels->len, ==, at_rest);
}

void script_run(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	guint last = 0;

	if (served && !bp_plugin_find(served->name)) /* a script has unloaded it */
		g_assert(bp_plugin_add(served, NULL));
	for (guint i = 0; i < server_count; i++)
		open_server(&servers[i]);
	while (at < end) {
		const char *newline = memchr(at, '\n', (gsize)(end - at));
		const char *stop = newline ? newline : end;

		run_line(at, (gsize)(stop - at), &last);
		at = stop + 1;
	}
	script_turn();
	if (script->finish)
		script->finish();
	for (guint i = 0; i < SCRIPT_CLIENTS; i++)
		drop_client(i, TRUE);
	script_turn();
	script_wait(600000);
	for (guint i = 0; i < server_count; i++) {
		BpServer *server = server_of(servers[i].name);

		if (server)
			g_assert_cmpuint(bp_server_stats(server).connections, ==, 0);
		close_server(i);
	}
	script_turn();
	check_rest();
	for (int fd; listener >= 0 && (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
		close(fd);
}

/* --- the beginning --- */

static void remove_folder(void)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(folder, name, NULL);

		g_remove(path);
	}
	g_rmdir(folder);
}

const char *script_folder(void)
{
	return folder;
}

/* What a script types may be anything: what ends the program, names files or opens servers is not there. */
static void remove_commands(void)
{
	static const char *const harmless[] = { "alias",
						"channel info",
						"channel link",
						"channel list",
						"channel send",
						"channel unlink",
						"channel unwatch",
						"channel watch",
						"echo",
						"exit",
						"find",
						"help",
						"loop",
						"schedule",
						"session",
						"session list",
						"status",
						"threaded",
						"timer",
						"version",
						"wait",
						NULL };
	g_autoptr(GPtrArray) commands = bp_command_list();

	for (guint i = 0; i < commands->len; i++) {
		const BpCommand *command = commands->pdata[i];
		g_autofree char *path = g_strconcat("command/", command->name, NULL);

		if (!g_strv_contains(harmless, command->name))
			bp_registry_remove(command_owner(command), path);
	}
}

static void stop(void)
{
	bp_kernel_stop();
	remove_folder();
}

void script_start(const BpPluginInfo *plugin, const ScriptTarget *target)
{
	static const BpKernelOptions options;
	g_autoptr(GError) error = NULL;

	script = target;
	served = plugin;
	folder = g_dir_make_tmp("backplane-fuzz-XXXXXX", NULL);
	/* What a script types may name files. */
	g_assert(folder && chdir(folder) == 0);
	if (!bp_kernel_start(&options, &error) || !bp_plugin_add(&commands_plugin_info, &error) ||
	    (plugin && !bp_plugin_add(plugin, &error)))
		g_error("%s", error->message);
	bp_log_set_stderr(0);
	remove_commands();
	atexit(stop);
}

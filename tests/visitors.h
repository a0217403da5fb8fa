/* SPDX-License-Identifier: MIT */
/* visitors.h - for tests of what clients leave behind: clients that say something over a real socket and leave, over any
 * transport of a server in this process; and a list of all that every owner has.
 */
#pragma once
#define _GNU_SOURCE
#include <stdlib.h>
#include <backplane/host.h>
#include "bus/owner.h"
#include "peers.h"

#define AT_ONCE 16
#define FEW 100

static char *server_refusal(BpPlugin *self, BpServer *of, const char *why, gpointer user)
{
	return NULL;
}

static void server_accept(BpPlugin *self, BpServer *of, BpStream *stream, gpointer user)
{
}

/* --- what there is --- */

/* But for the one that is kept for when there are no more. */
static inline void count_descriptors(GString *text)
{
	GDir *folder = g_dir_open("/proc/self/fd", 0, NULL);
	const char *name;
	guint count = 0;

	while ((name = g_dir_read_name(folder))) {
		g_autofree char *path = g_build_filename("/proc/self/fd", name, NULL);
		g_autofree char *link = g_file_read_link(path, NULL);

		count += g_strcmp0(link, "/dev/null") != 0;
	}
	g_dir_close(folder);
	g_string_append_printf(text, "process descriptor %u\n", count);
}

static inline void count_owned(const BpPlugin *owner, const char *kind, gpointer counts)
{
	char *key = g_strdup_printf("%s%s %s", owner->parent ? "" : "plugin ", owner->name, kind);

	g_hash_table_insert(counts, key, GUINT_TO_POINTER(GPOINTER_TO_UINT(g_hash_table_lookup(counts, key)) + 1));
}

/* A line for each owner and kind. */
static inline char *everything(void)
{
	g_autoptr(GHashTable) counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GPtrArray) channels = bp_channel_list(NULL);
	BpLoopStats stats = bp_loop_stats(bp_loop_main());
	GString *text = g_string_new(NULL);
	GHashTableIter iter;
	gpointer key, count;

	g_string_append_printf(text, "process channel %u\nprocess timer %u\n", channels->len, stats.timers);
	count_descriptors(text);
	bp_owner_each(count_owned, counts);
	g_hash_table_iter_init(&iter, counts);
	while (g_hash_table_iter_next(&iter, &key, &count))
		g_string_append_printf(text, "%s %u\n", (char *)key, GPOINTER_TO_UINT(count));
	return g_string_free(text, FALSE);
}

/* The same when nothing is under way. Yours. */
static inline char *at_rest(void)
{
	CU_ASSERT(suite_settle());
	return everything();
}

static inline void print_lines_not_in(const char *other, const char *text, const char *name, const char *when)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_auto(GStrv) others = g_strsplit(other, "\n", -1);

	for (char **line = lines; *line; line++)
		if (!g_strv_contains((const char *const *)others, *line))
			g_printerr("  %s: %s: %s\n", name, when, *line);
}

/* In any order. */
static inline gboolean is_same(const char *one, const char *two)
{
	g_auto(GStrv) first = g_strsplit(one, "\n", -1);
	g_auto(GStrv) second = g_strsplit(two, "\n", -1);

	if (g_strv_length(first) != g_strv_length(second))
		return FALSE;
	for (char **line = first; *line; line++)
		if (!g_strv_contains((const char *const *)second, *line))
			return FALSE;
	return TRUE;
}

static inline gboolean is_as_before(gpointer before)
{
	g_autofree char *now = everything();

	return is_same(before, now);
}

static inline void expect_as_before(const char *name, char *before)
{
	/* Events are kept for half a minute, to be resumed. */
	gboolean same = suite_wait_until(is_as_before, before, 45);
	g_autofree char *now = everything();

	CU_ASSERT(same);
	if (!same) {
		print_lines_not_in(now, before, name, "before");
		print_lines_not_in(before, now, name, "after");
	}
}

/* --- clients --- */

typedef struct {
	const char *name, *server; /* the instance */
	const char *says;
	gsize size;
	const char *until; /* it leaves when that has come; NULL: the server ends */
	gsize until_size;
	enum { IN_ORDER, GONE, RESET } leaves; /* half closed and waiting; its socket closed; with a reset */
	guint at_once;			       /* 0: AT_ONCE */
	gboolean many;
} Kind;

static struct {
	const Kind *kind;
	BpAddress address;
	guint count, left, here; /* clients: all, still to come, present */
	guint served;		 /* that had what they wait for */
	gboolean stays;		 /* they do not leave then */
	guint cut;		 /* by the server, before they had what they wait for */
} crowd;

typedef struct {
	GByteArray *seen;
	gboolean left;
} Visitor;

static inline void come(void);

static inline void leave(BpStream *stream, Visitor *visitor)
{
	if (visitor->left)
		return;
	visitor->left = TRUE;
	crowd.served++;
	if (crowd.stays)
		return;
	if (crowd.kind->leaves == IN_ORDER)
		bp_stream_close(stream);
	else
		bp_stream_abort(stream, NULL);
}

static inline void on_data(BpPlugin *self, BpStream *stream, const guint8 *data, gsize size, gpointer user)
{
	Visitor *visitor = user;
	const Kind *kind = crowd.kind;

	g_byte_array_append(visitor->seen, data, (guint)size);
	if (kind->until && memmem(visitor->seen->data, visitor->seen->len, kind->until, kind->until_size))
		leave(stream, visitor);
}

static inline void on_ready(BpPlugin *self, BpStream *stream, gpointer user)
{
	const Kind *kind = crowd.kind;
	struct linger now = { 1, 0 };

	if (kind->leaves == RESET)
		setsockopt(bp_stream_fd(stream), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (kind->size)
		CU_ASSERT(send(bp_stream_fd(stream), kind->says, kind->size, 0) == (gssize)kind->size);
	if (kind->until && !kind->until_size)
		leave(stream, user);
}

static inline void on_closed(BpPlugin *self, BpStream *stream, const GError *why, gpointer user)
{
	Visitor *visitor = user;

	crowd.cut += crowd.kind->until_size && !visitor->left;
	g_byte_array_unref(visitor->seen);
	g_free(visitor);
	crowd.here--;
	come();
}

static const BpStreamEvents visitor_events = {
	.size = sizeof(visitor_events), .data = on_data, .closed = on_closed, .ready = on_ready
};

static inline void come(void)
{
	while (crowd.left && crowd.here < (crowd.kind->at_once ? crowd.kind->at_once : AT_ONCE)) {
		Visitor *visitor = g_new0(Visitor, 1);

		visitor->seen = g_byte_array_new();
		crowd.left--;
		crowd.here++;
		bp_stream_connect(bp_kernel(), &crowd.address, 10 * G_USEC_PER_SEC, NULL, &visitor_events, visitor);
	}
}

static inline gboolean is_empty(gpointer data)
{
	return !crowd.left && !crowd.here;
}

static inline BpServer *server_of(const char *instance)
{
	g_autoptr(GPtrArray) servers = bp_server_list();
	BpServer *found = NULL;

	for (guint i = 0; i < servers->len; i++)
		if (strcmp(bp_plugin_name(bp_server_instance(servers->pdata[i])), instance) == 0)
			found = servers->pdata[i];
	CU_ASSERT_PTR_NOT_NULL_FATAL(found);
	return found;
}

static inline BpAddress address_of(const char *instance)
{
	BpServer *of = server_of(instance);
	BpAddress address;

	CU_ASSERT_FATAL(bp_address_parse(&address, bp_server_port(of) ? "127.0.0.1" : bp_server_addresses(of),
					 bp_server_port(of), NULL));
	return address;
}

static inline guint64 arrived(void)
{
	BpServerStats stats = bp_server_stats(server_of(crowd.kind->server));

	return stats.accepted + stats.refused;
}

static inline gboolean all_have_arrived(gpointer before)
{
	return arrived() >= *(guint64 *)before + crowd.count;
}

/* All come, and are seen by the server. */
static inline void visit(guint count)
{
	guint64 before = arrived();

	crowd.left = crowd.count = count;
	crowd.cut = crowd.served = 0;
	suite_go_on();
	come();
	CU_ASSERT_FATAL(suite_wait_until(is_empty, NULL, 50));
	CU_ASSERT(suite_wait_until(all_have_arrived, &before, 20));
	CU_ASSERT_EQUAL(crowd.cut, 0);
	if (crowd.cut)
		g_printerr("%s: the server ended %u of %u\n", crowd.kind->name, crowd.cut, count);
}

static inline void on_run(BpPlugin *self, guint failed, gpointer data)
{
	CU_ASSERT_EQUAL(failed, 0);
	*(gboolean *)data = TRUE;
}

static inline void run(const char *line)
{
	gboolean done = FALSE;

	bp_session_run(bp_kernel(), bp_session_system(), line, on_run, &done);
	CU_ASSERT_FATAL(suite_wait(&done, 10));
}

#define BYTES(text) text, sizeof(text) - 1

/* A WebSocket from a client: the mask is 0. */
#define UPGRADE(path) \
	"GET " path " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define FRAME(kind, size, text) kind size "\0\0\0\0" text

static inline int run_with_plugins(const char *name, const SuiteTest *tests, int argc, char **argv)
{
	const char *build = g_getenv("BUILD");
	g_autofree char *folder = g_build_filename(build ? build : ".", "plugins", NULL);
	const char *const paths[] = { folder, NULL };
	BpKernelOptions options = { .plugin_path = paths };
	int failed;

	if (!bp_kernel_start(&options, NULL) || bp_plugin_load_all())
		return 2;
	failed = suite_run(name, tests, argc, argv);
	return bp_kernel_stop() ? 1 : failed;
}

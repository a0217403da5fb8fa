/* SPDX-License-Identifier: MIT */
/* test-address.c - reading, writing and resolving addresses. */
#include <string.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <backplane/backplane.h>
#include <backplane/net.h>
#include <backplane/kernel.h>
#include "suite.h"

typedef struct {
	const char *host;
	guint port;
	const char *text, *tuple; /* NULL: refused */
	gboolean loopback;
} Row;

static const Row rows[] = {
	{ "127.0.0.1", 2323, "127.0.0.1:2323", "('127.0.0.1', 2323)", TRUE },
	{ "127.5.6.7", 0, "127.5.6.7:0", "('127.5.6.7', 0)", TRUE },
	{ "192.0.2.7", 65535, "192.0.2.7:65535", "('192.0.2.7', 65535)", FALSE },
	{ "*", 80, "0.0.0.0:80", "('0.0.0.0', 80)", FALSE },
	{ "", 80, "0.0.0.0:80", "('0.0.0.0', 80)", FALSE },
	{ NULL, 80, "0.0.0.0:80", "('0.0.0.0', 80)", FALSE },
	{ "::1", 23, "[::1]:23", "('::1', 23, 0, 0)", TRUE },
	{ "[::1]", 23, "[::1]:23", "('::1', 23, 0, 0)", TRUE },
	{ "2001:DB8::1", 23, "[2001:db8::1]:23", "('2001:db8::1', 23, 0, 0)", FALSE },
	{ "::ffff:127.0.0.1", 23, "[::ffff:127.0.0.1]:23", "('::ffff:127.0.0.1', 23, 0, 0)", TRUE },
	{ "::", 23, "[::]:23", "('::', 23, 0, 0)", FALSE },
	{ "fe80::1%lo", 23, "[fe80::1%lo]:23", "('fe80::1', 23, 0, 1)", FALSE },
	{ "fe80::1%1", 23, "[fe80::1%lo]:23", NULL, FALSE },
	{ "/run/x.sock", 23, "/run/x.sock", "'/run/x.sock'", TRUE },
	{ "unix:/run/x.sock", 0, "/run/x.sock", "'/run/x.sock'", TRUE },
	{ "unix:here.sock", 0, "unix:here.sock", "'here.sock'", TRUE },
	{ "unix:@hidden", 0, "unix:@hidden", "'@hidden'", TRUE },
	{ "127.0.0.1", 65536, NULL, NULL, FALSE },
	{ "127.1", 1, NULL, NULL, FALSE },
	{ "127.0.0.1.", 1, NULL, NULL, FALSE },
	{ "0177.0.0.1", 1, NULL, NULL, FALSE },
	{ "256.0.0.1", 1, NULL, NULL, FALSE },
	{ "[127.0.0.1]", 1, NULL, NULL, FALSE },
	{ "[::1", 1, NULL, NULL, FALSE },
	{ "::1]", 1, NULL, NULL, FALSE },
	{ "[]", 1, NULL, NULL, FALSE },
	{ "localhost", 1, NULL, NULL, FALSE },
	{ "fe80::1%nosuch0", 1, NULL, NULL, FALSE },
	{ "fe80::1%", 1, NULL, NULL, FALSE },
	{ "%", 1, NULL, NULL, FALSE },
	{ "unix:", 1, NULL, NULL, FALSE },
	{ " 127.0.0.1", 1, NULL, NULL, FALSE },
};

static void test_rows(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		const Row *row = &rows[i];
		g_autoptr(GError) error = NULL;
		g_autofree char *text = NULL, *tuple = NULL;
		BpAddress address;
		gboolean good;

		MARK(address);
		good = bp_address_parse(&address, row->host, row->port, &error);
		if (good != (row->text != NULL))
			g_printerr("%s: %s\n", row->host, error ? error->message : "taken");
		CU_ASSERT_EQUAL(good, row->text != NULL);
		CU_ASSERT_EQUAL(good, error == NULL);
		if (!good) {
			CU_ASSERT(IS_MARKED(address));
			continue;
		}
		text = bp_address_format(&address);
		tuple = bp_address_format_tuple(&address);
		CU_ASSERT_STRING_EQUAL(text, row->text);
		if (row->tuple)
			CU_ASSERT_STRING_EQUAL(tuple, row->tuple);
		CU_ASSERT_EQUAL(bp_address_is_loopback(&address), row->loopback);
		CU_ASSERT_EQUAL(bp_address_port(&address), address.storage.ss_family == AF_UNIX ? 0 : row->port);
		CU_ASSERT(bp_address_equal(&address, &address));
	}
}

static void test_long_names(void)
{
	g_autofree char *fits = g_strnfill(107, 'x'), *too_long = g_strnfill(108, 'x'),
			*endless = g_strnfill(100000, '1');
	g_autofree char *good = g_strconcat("unix:", fits, NULL), *bad = g_strconcat("unix:", too_long, NULL);
	g_autofree char *text = NULL;
	BpAddress address;

	CU_ASSERT(bp_address_parse(&address, good, 0, NULL));
	text = bp_address_format(&address);
	CU_ASSERT_STRING_EQUAL(text, good);
	MARK(address);
	CU_ASSERT_FALSE(bp_address_parse(&address, bad, 0, NULL));
	CU_ASSERT_FALSE(bp_address_parse(&address, endless, 0, NULL));
	CU_ASSERT(IS_MARKED(address));
}

static void test_equal(void)
{
	BpAddress a, b;

	bp_address_parse(&a, "127.0.0.1", 1, NULL);
	bp_address_parse(&b, "127.0.0.1", 2, NULL);
	CU_ASSERT_FALSE(bp_address_equal(&a, &b));
	bp_address_parse(&b, "127.0.0.2", 1, NULL);
	CU_ASSERT_FALSE(bp_address_equal(&a, &b));
	bp_address_parse(&b, "::ffff:127.0.0.1", 1, NULL);
	CU_ASSERT_FALSE(bp_address_equal(&a, &b));
	bp_address_parse(&a, "fe80::1%1", 1, NULL);
	bp_address_parse(&b, "fe80::1%2", 1, NULL);
	CU_ASSERT_FALSE(bp_address_equal(&a, &b));
	bp_address_parse(&a, "/run/a", 0, NULL);
	bp_address_parse(&b, "/run/b", 0, NULL);
	CU_ASSERT_FALSE(bp_address_equal(&a, &b));
	bp_address_parse(&b, "/run/a", 0, NULL);
	b.size--; /* as some calls of the system give it */
	CU_ASSERT(bp_address_equal(&a, &b));
	bp_address_parse(&a, "unix:@name", 0, NULL);
	bp_address_parse(&b, "unix:name", 0, NULL);
	CU_ASSERT_FALSE(bp_address_equal(&a, &b));
	/* Without a name, as the other end of a pair has it. */
	memset(&a, 0, sizeof(a));
	a.size = sizeof(sa_family_t);
	a.storage.ss_family = AF_UNIX;
	CU_ASSERT_FALSE(bp_address_equal(&a, &b));
}

static void test_bind_list(void)
{
	static const struct {
		const char *bind, *first, *second;
	} lists[] = {
		{ "localhost", "127.0.0.1:7", "[::1]:7" },
		{ "LocalHost", "127.0.0.1:7", "[::1]:7" },
		{ "*", "0.0.0.0:7", "[::]:7" },
		{ "", "0.0.0.0:7", "[::]:7" },
		{ "127.0.0.3", "127.0.0.3:7", NULL },
		{ "/run/y", "/run/y", NULL },
	};
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
		g_autoptr(GArray) list = bp_address_bind_list(lists[i].bind, 7, NULL);
		g_autofree char *first = NULL, *second = NULL;

		CU_ASSERT_PTR_NOT_NULL_FATAL(list);
		CU_ASSERT_EQUAL_FATAL(list->len, lists[i].second ? 2 : 1);
		first = bp_address_format(&g_array_index(list, BpAddress, 0));
		CU_ASSERT_STRING_EQUAL(first, lists[i].first);
		if (!lists[i].second)
			continue;
		second = bp_address_format(&g_array_index(list, BpAddress, 1));
		CU_ASSERT_STRING_EQUAL(second, lists[i].second);
	}
	CU_ASSERT_PTR_NULL(bp_address_bind_list("workshop", 7, &error));
	CU_ASSERT_STRING_EQUAL(error->message, "\"workshop\" is not an address: give an IPv4 or IPv6 address, *, "
					       "localhost or /path/of.socket");
}

typedef struct {
	gboolean done;
	guint calls;
	char *first;
	GError *error;
} Answer;

static void on_resolved(BpPlugin *self, GArray *addresses, const GError *error, gpointer data)
{
	Answer *answer = data;

	answer->done = TRUE;
	answer->calls++;
	if (addresses)
		answer->first = bp_address_format(&g_array_index(addresses, BpAddress, 0));
	answer->error = error ? g_error_copy(error) : NULL;
}

static Answer ask(const char *host, guint port)
{
	Answer answer = { FALSE };

	bp_address_resolve(bp_kernel(), host, port, on_resolved, &answer);
	CU_ASSERT_FALSE(answer.done); /* never from inside */
	CU_ASSERT(suite_wait(&answer.done, 30));
	CU_ASSERT_EQUAL(answer.calls, 1);
	return answer;
}

static void answer_clear(Answer *answer)
{
	g_free(answer->first);
	g_clear_error(&answer->error);
}

static void test_resolve(void)
{
	Answer answer = ask("192.0.2.1", 99);

	CU_ASSERT_STRING_EQUAL(answer.first, "192.0.2.1:99");
	answer_clear(&answer);
	answer = ask("localhost", 99);
	CU_ASSERT(g_strcmp0(answer.first, "127.0.0.1:99") == 0 || g_strcmp0(answer.first, "[::1]:99") == 0);
	answer_clear(&answer);
	answer = ask("nothing.invalid", 99);
	CU_ASSERT_PTR_NOT_NULL_FATAL(answer.error);
	CU_ASSERT(g_str_has_prefix(answer.error->message, "nothing.invalid has no address: "));
	answer_clear(&answer);
	answer = ask("localhost", 70000);
	CU_ASSERT_PTR_NOT_NULL(answer.error);
	answer_clear(&answer);
	answer = ask("", 7);
	CU_ASSERT_PTR_NOT_NULL(answer.error);
	answer_clear(&answer);
}

/* Who asked has gone: nobody is told. */
static void test_resolve_for_nobody(void)
{
	static const BpPluginInfo info = { BP_PLUGIN_BUILT, .name = "asker", .version = "1", .summary = "test" };
	BpPlugin *asker = bp_plugin_add(&info, NULL);
	Answer answer = { FALSE }, other;

	bp_address_resolve(asker, "localhost", 1, on_resolved, &answer);
	bp_address_resolve(asker, "127.0.0.1", 1, on_resolved, &answer);
	bp_plugin_unload(asker, NULL, NULL);
	other = ask("localhost", 1);
	answer_clear(&other);
	CU_ASSERT_EQUAL(answer.calls, 0);
}

static void wait_for_gate(BpJob *job, gpointer gate)
{
	g_mutex_lock(gate);
	g_mutex_unlock(gate);
}

static void test_resolve_with_too_many_jobs(void)
{
	static GMutex gate;
	Answer answer;

	g_mutex_lock(&gate);
	while (bp_job_add(bp_kernel(), "waits", wait_for_gate, NULL, &gate, NULL))
		;
	answer = ask("localhost", 99);
	g_mutex_unlock(&gate);
	CU_ASSERT_PTR_NOT_NULL_FATAL(answer.error);
	CU_ASSERT_STRING_EQUAL(answer.error->message, "localhost is not looked up: too many jobs wait");
	answer_clear(&answer);
}

static const SuiteTest tests[] = {
	{ "rows", test_rows },
	{ "long names", test_long_names },
	{ "equal", test_equal },
	{ "bind list", test_bind_list },
	{ "resolve", test_resolve },
	{ "resolve for nobody", test_resolve_for_nobody },
	{ "resolve with too many jobs", test_resolve_with_too_many_jobs },
	{ NULL },
};

int main(int argc, char **argv)
{
	static const BpKernelOptions options;
	int failed;

	if (!bp_kernel_start(&options, NULL))
		return 2;
	failed = suite_run("address", tests, argc, argv);
	return bp_kernel_stop() ? 1 : failed;
}

/* SPDX-License-Identifier: MIT */
/* test-closing.c - a module that closes while clients are there leaves nothing behind, and they are told by the end of their
 * connections. The sanitizers find what its owner does not count.
 */
#include "visitors.h"
#include <fcntl.h>

static gboolean all_are_served(gpointer data)
{
	return !crowd.left && crowd.served + crowd.cut >= GPOINTER_TO_UINT(data);
}

/* Its server is open; `close` closes it. */
static void stay(const Kind *kind, char *before, const char *close)
{
	guint count = kind->at_once ? kind->at_once : AT_ONCE;

	crowd.kind = kind;
	crowd.address = address_of(kind->server);
	crowd.stays = TRUE;
	crowd.left = count;
	crowd.served = crowd.cut = 0;
	suite_go_on();
	come();
	CU_ASSERT(suite_wait_until(all_are_served, GUINT_TO_POINTER(count), 20));
	CU_ASSERT_EQUAL(crowd.served, count);
	if (crowd.served != count)
		g_printerr("  %s: %u of %u were served\n", kind->name, crowd.served, count);
	run(close);
	CU_ASSERT_FATAL(suite_wait_until(is_empty, NULL, 20));
	crowd.stays = FALSE;
	expect_as_before(kind->name, before);
}

/* The kind comes last, so that it may have commas. */
#define STAY(open, close, ...) \
	do { \
		static const Kind kind = { __VA_ARGS__ }; \
		g_autofree char *before = at_rest(); \
\
		run(open); \
		stay(&kind, before, close); \
	} while (0)

static void test_sessions(void)
{
	g_autofree char *control = g_strdup_printf("module open ControlServer ctl bind=%s/control", suite_folder());

	STAY("module open TelnetServer tel port=0", "module close tel", "lines", "tel", BYTES("echo hi\n"),
	     BYTES("hi"));
	STAY("module open TelnetServer tel port=0", "module close tel", "busy", "tel", BYTES("echo go|wait 60\n"),
	     BYTES("go"));
	STAY("module open TelnetServer tel port=0", "module close tel", "negotiating", "tel", BYTES(""),
	     BYTES("\xff\xfd\x18"));
	STAY("module open TCPServer app port=0 handler=console", "module close app", "watching", "app",
	     BYTES("channel watch -f hall\n"), BYTES("atching"));
	STAY("module open TCPServer lab port=0|module open Echo back on=lab", "module close back|module close lab",
	     "bytes", "lab", BYTES("bytes"), BYTES("bytes"));
	STAY("module open WebSocketServer ws port=0 handler=console enable_monitoring=yes", "module close ws", "lines",
	     "ws", BYTES(UPGRADE("/ws") "\r\n" FRAME("\x81", "\x87", "echo hi")), BYTES("hi"));
	STAY("module open WebSocketServer ws port=0 handler=echo enable_monitoring=yes", "module close ws", "monitor",
	     "ws", BYTES(UPGRADE("/monitor") "\r\n"), BYTES("active_sessions"));
	STAY("module open WebSocketTelnetServer wst port=0 handler=echo", "module close wst", "telnet inside", "wst",
	     BYTES(UPGRADE("/ws_telnet") "\r\n" FRAME("\x82", "\x84", "hi\r\n")), BYTES("Echo: hi"));
	STAY(control, "module close ctl", "attached", "ctl", BYTES("backplane-control 1 attach 80 24 xterm\n"),
	     BYTES("backplane>"));
	STAY(control, "module close ctl", "a command", "ctl", BYTES("backplane-control 1 run 0\necho go|wait 60\n"),
	     BYTES("go"));
}

static void test_web(void)
{
	static const char open[] = "module open WebServer web port=0 quiet=yes", close[] = "module close web";

	STAY(open, close, "kept alive", "web", BYTES("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
	     BYTES("ok\n"));
	STAY(open, close, "half a head", "web", BYTES("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /"),
	     BYTES("ok\n"));
	STAY(open, close, "a command", "web",
	     BYTES("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /?cmd=wait+60 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
	     BYTES("ok\n"));
	STAY(open, close, "events", "web", BYTES("GET /api/v1/events?watch=* HTTP/1.1\r\nHost: localhost\r\n\r\n"),
	     BYTES("retry"));
	STAY(open, close, "operations", "web",
	     BYTES(UPGRADE("/ws") "\r\n" FRAME("\x81", "\x9d", "{\"op\":\"watch\",\"channel\":\"h*\"}")
			   FRAME("\x81", "\xa7", "{\"op\":\"run\",\"id\":1,\"command\":\"wait 60\"}")),
	     BYTES("hello"));
}

static void test_protocols(void)
{
	STAY("endpoint add late -- wait 60|module open EndpointServer ep port=0 server_name=w max_clients=100",
	     "module close ep|endpoint remove late", "a request under way", "ep",
	     BYTES("{\"request\":\"ping\"}\n{\"endpoint\":\"late\"}\n"), BYTES("pong"));
	STAY("module open Peer p port=0 server_name=here enable_discovery=no export=*", "module close p", "an original",
	     "p",
	     BYTES("{\"type\":\"peer_handshake\",\"node_id\":\"there\",\"name\":\"there\",\"project_id\":\"default\","
		   "\"hash\":\"1608ea132b3bebbb\",\"timestamp\":\"2026-11-21T08:13:21.659887\"}\n"),
	     BYTES("peer_handshake_ack"), .at_once = 1);
	STAY("mesh open gate -p 0 -w 0 recv=line/recv send=line/send", "mesh close gate", "a listener", "gate",
	     BYTES("[syn]\0"), BYTES("[ack]"));
	STAY("mesh open gate -p 0 -w 0 recv=line/recv send=line/send", "mesh close gate", "a dashboard", "gate-pages",
	     BYTES(UPGRADE("/v1") "\r\n"), BYTES("networkStatus"));
}

static void test_uarts(void)
{
	int device = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	g_autofree char *open = NULL, *open_term = NULL;

	CU_ASSERT_FATAL(device >= 0 && !grantpt(device) && !unlockpt(device));
	open = g_strdup_printf("uart open %s root|module open UARTServer rfc uart=root port=0", ptsname(device));
	open_term = g_strdup_printf("uart open %s root|module open TCPServer con port=0 handler=console",
				    ptsname(device));
	STAY(open, "module close rfc|uart close root", "RFC 2217", "rfc",
	     BYTES("\xff\xfb\x2c\xff\xfa\x2c\1\0\0\xe1\0\xff\xf0"), BYTES("\xff\xfa\x2c\x65"));
	STAY(open, "uart close root|module close rfc", "its UART goes first", "rfc",
	     BYTES("\xff\xfb\x2c\xff\xfa\x2c\1\0\0\xe1\0\xff\xf0"), BYTES("\xff\xfa\x2c\x65"));
	STAY(open_term, "module close con|uart close root", "a terminal", "con", BYTES("uart term root\n"),
	     BYTES("q ends"));
	STAY(open_term, "uart close root|module close con", "a terminal whose UART goes first", "con",
	     BYTES("uart term root\n"), BYTES("q ends"));
	close(device);
}

static const SuiteTest tests[] = {
	{ "sessions", test_sessions },
	{ "web", test_web },
	{ "protocols", test_protocols },
	{ "uarts", test_uarts },
	{ NULL },
};

int main(int argc, char **argv)
{
	return run_with_plugins("closing", tests, argc, argv);
}

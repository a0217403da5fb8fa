/* SPDX-License-Identifier: MIT */
/* test-leaks.c - a connection or session leaves nothing behind, whatever carries it.
 *
 * For each transport: so many clients come and go, and what every owner has, kind by kind, is then what it was before the
 * first. Of the main ones 20,000 come, and the memory is what it was after 2,000.
 */
#include "visitors.h"
#include <fcntl.h>
#include <malloc.h>
#include <termios.h>

#define WARM 2000
#define MANY 20000
#define GROWTH (256 * 1024) /* that much freed memory malloc keeps as if it were in use */

static gsize allocated(void)
{
	struct mallinfo2 memory = mallinfo2();

	return memory.uordblks + memory.hblkhd;
}

static void try(const Kind *kind)
{
	g_autofree char *before = NULL;
	gsize memory = 0;

	crowd.kind = kind;
	crowd.address = address_of(kind->server);
	before = at_rest();
	visit(FEW);
	expect_as_before(kind->name, before);
	/* The sanitizers keep memory of their own, and mallinfo2 knows of none. */
	if (!kind->many || !allocated())
		return;
	visit(WARM);
	expect_as_before(kind->name, before);
	memory = allocated();
	for (guint i = 0; i < MANY; i += WARM)
		visit(WARM);
	expect_as_before(kind->name, before);
	CU_ASSERT(allocated() < memory + GROWTH);
	if (allocated() >= memory + GROWTH)
		g_printerr("%s: %zu bytes more after %u sessions\n", kind->name, allocated() - memory, MANY);
}

#define TRY(...) \
	do { \
		static const Kind kind = { __VA_ARGS__ }; \
		try(&kind); \
	} while (0)

/* --- sessions --- */

static void test_telnet(void)
{
	run("module open TelnetServer tel port=0 max_connections=0");
	TRY("lines", "tel", BYTES("echo hi\nexit\n"), .many = TRUE);
	TRY("a terminal", "tel",
	    BYTES("\xff\xfd\1\xff\xfd\3\xff\xfb\x18\xff\xfb\x1f\xff\xfa\x1f\0\x64\0\x20\xff\xf0\xff\xfa\x18\0XTERM\xff\xf0"),
	    BYTES("backplane>"), .many = TRUE);
	TRY("cut", "tel", BYTES("echo hi\n"), BYTES("hi"), .leaves = RESET);
	TRY("cut while it negotiates", "tel", BYTES("\xff\xfd\1\xff\xfb"), BYTES(""), .leaves = RESET);
	TRY("silent", "tel", BYTES(""), BYTES(""));
	TRY("busy", "tel", BYTES("echo go|wait 60\n"), BYTES("go"), .leaves = RESET);
	run("module close tel");
}

static void test_tcp(void)
{
	run("module open TCPServer app port=0 max_connections=0 handler=console");
	TRY("lines", "app", BYTES("echo hi\nexit\n"), .many = TRUE);
	TRY("watches", "app", BYTES("channel watch -f hall\n"), BYTES("atching"));
	TRY("runs beside", "app", BYTES("threaded wait 60\n"), BYTES("background"), .leaves = RESET);
	TRY("a long line", "app", BYTES("half a"), BYTES(""));
	run("module close app");
	run("module open TCPServer echo port=0 max_connections=0 handler=echo");
	TRY("echo", "echo", BYTES("hi\nquit\n"));
	run("module close echo");
}

static void test_tcp_channels(void)
{
	run("module open TCPServer lab port=0 max_connections=0");
	run("module open Echo back on=lab");
	TRY("bytes", "lab", BYTES("bytes"), BYTES("bytes"), .many = TRUE);
	run("channel watch -f lab/*");
	TRY("watched", "lab", BYTES("bytes"), BYTES("bytes"));
	run("channel unwatch lab/*");
	run("module close back");
	run("module close lab");
	run("module open TCPServer lab port=0 rate_limit=1");
	TRY("refused", "lab", BYTES(""), BYTES(""));
	run("module close lab");
}

#define GOODBYE FRAME("\x88", "\x82", "\3\xe8")

static void test_websocket(void)
{
	run("module open WebSocketServer ws port=0 max_connections=0 handler=console enable_monitoring=yes");
	TRY("lines", "ws", BYTES(UPGRADE("/ws") "\r\n" FRAME("\x81", "\x84", "exit") GOODBYE), .many = TRUE);
	TRY("cut", "ws", BYTES(UPGRADE("/ws") "\r\n" FRAME("\x81", "\x87", "echo hi")), BYTES("hi"), .leaves = RESET);
	TRY("compressed", "ws",
	    BYTES(UPGRADE("/ws") "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n" FRAME("\x81", "\x84", "help")),
	    BYTES("101"), .leaves = RESET);
	TRY("monitor", "ws", BYTES(UPGRADE("/monitor") "\r\n"), BYTES("active_sessions"));
	TRY("refused", "ws", BYTES(UPGRADE("/nowhere") "\r\n"), BYTES("404"));
	run("module close ws");
	run("module open WebSocketTelnetServer wst port=0 max_connections=0 handler=echo");
	TRY("telnet inside", "wst", BYTES(UPGRADE("/ws_telnet") "\r\n" FRAME("\x82", "\x86", "quit\r\n") GOODBYE),
	    .many = TRUE);
	TRY("cut while it negotiates", "wst", BYTES(UPGRADE("/ws_telnet") "\r\n" FRAME("\x82", "\x81", "\xff")),
	    BYTES("101"));
	run("module close wst");
}

static void test_control(void)
{
	g_autofree char *line = g_strdup_printf("module open ControlServer ctl max_connections=0 bind=%s/control",
						suite_folder());

	run(line);
	TRY("a command", "ctl", BYTES("backplane-control 1 run 0\necho hi\nexit\n"), .many = TRUE);
	TRY("cut", "ctl", BYTES("backplane-control 1 run 0\nwait 60\n"), BYTES(""), .leaves = GONE);
	TRY("attached", "ctl", BYTES("backplane-control 1 attach 80 24 xterm\n"), BYTES("backplane>"));
	TRY("silent", "ctl", BYTES(""), BYTES(""));
	TRY("nonsense", "ctl", BYTES("hello\n"));
	run("module close ctl");
}

/* --- the web --- */

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
#define POST(path, type, size, body) \
	"POST " path " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/" type \
	"\r\nContent-Length: " size "\r\n\r\n" body

static void test_web(void)
{
	run("module open WebServer web port=0 max_connections=0 quiet=yes");
	TRY("cmd", "web", BYTES(GET("/?cmd=echo+hi")), .many = TRUE);
	TRY("cmd posted", "web", BYTES(POST("/", "x-www-form-urlencoded", "11", "cmd=echo+hi")));
	TRY("exit", "web", BYTES(GET("/?cmd=exit")));
	TRY("run", "web", BYTES(POST("/api/v1/commands/run", "json", "21", "{\"command\":\"echo hi\"}")));
	TRY("a list", "web", BYTES(GET("/api/v1/instances")));
	TRY("an action", "web", BYTES(POST("/api/v1/sessions/999999/kill", "json", "2", "{}")));
	TRY("the page", "web", BYTES(GET("/")));
	TRY("metrics", "web", BYTES(GET("/metrics")));
	TRY("nothing there", "web", BYTES(GET("/nowhere")));
	TRY("nonsense", "web", BYTES("nonsense\r\n\r\n"));
	TRY("a head cut", "web", BYTES("GET / HT"), BYTES(""));
	TRY("operations", "web",
	    BYTES(UPGRADE("/ws") "\r\n" FRAME("\x81", "\x9d", "{\"op\":\"watch\",\"channel\":\"h*\"}")
			  FRAME("\x81", "\xa6", "{\"op\":\"run\",\"id\":1,\"command\":\"echo x\"}")),
	    BYTES("\"status\":0"), .many = TRUE);
	run("module close web");
}

static void test_web_cut(void)
{
	run("module open WebServer web port=0 max_connections=0 quiet=yes");
	TRY("left while its command runs", "web", BYTES(GET("/?cmd=wait+60")), BYTES(""), .leaves = GONE);
	TRY("events", "web", BYTES(GET("/api/v1/events?watch=*")), BYTES("retry"), .leaves = GONE);
	TRY("operations cut", "web",
	    BYTES(UPGRADE("/ws") "\r\n" FRAME("\x81", "\xa7", "{\"op\":\"run\",\"id\":1,\"command\":\"wait 60\"}")),
	    BYTES("hello"), .leaves = RESET);
	run("module close web");
}

/* --- protocols --- */

static gboolean is_saved(gpointer unused)
{
	g_autofree char *text = everything();

	return !strstr(text, "plugin kernel timer");
}

/* They wait a moment for others that may be set, which is not to end while it is counted. */
static void expect_settings_saved(void)
{
	CU_ASSERT(suite_wait_until(is_saved, NULL, 10));
}

static void test_endpoints(void)
{
	run("module open EndpointServer ep port=0 max_clients=1000 server_name=w endpoint_timeout=50ms");
	run("endpoint add greet -- echo hello");
	run("endpoint add late -- wait 60");
	expect_settings_saved();
	TRY("ping", "ep", BYTES("{\"request\":\"ping\"}\n"), BYTES("pong"), .many = TRUE);
	TRY("a command", "ep", BYTES("{\"endpoint\":\"greet\"}\n"), BYTES("hello"));
	TRY("left while its command runs", "ep", BYTES("{\"endpoint\":\"late\"}\n"), BYTES(""), .leaves = RESET);
	TRY("half a line", "ep", BYTES("{\"req"), BYTES(""));
	run("endpoint remove greet");
	run("endpoint remove late");
	run("module close ep");
}

static void test_peers(void)
{
	run("module open Peer p port=0 max_connections=0 server_name=here enable_discovery=no export=*");
	expect_settings_saved();
	TRY("an original", "p",
	    BYTES("{\"type\":\"peer_handshake\",\"node_id\":\"there\",\"name\":\"there\",\"project_id\":\"default\","
		  "\"hash\":\"1608ea132b3bebbb\",\"timestamp\":\"2026-11-21T08:13:21.659887\"}\n"),
	    BYTES("peer_handshake_ack"), .at_once = 1, .many = TRUE);
	TRY("a stranger", "p",
	    BYTES("{\"type\":\"peer_handshake\",\"node_id\":\"x\",\"name\":\"x\",\"project_id\":\"other\",\"hash\":\"1\"}\n"),
	    BYTES("error"));
	TRY("half a handshake", "p", BYTES("{\"type"), BYTES(""));
	run("module close p");
}

static void test_mesh(void)
{
	run("mesh open gate -p 0 -w 0 recv=line/recv send=line/send listener=optional");
	TRY("a listener", "gate", BYTES("[syn]\0"), BYTES("[ack]"), .many = TRUE);
	TRY("a request", "gate", BYTES("ACT-C\0\0"));
	TRY("half a request", "gate", BYTES("AC"), BYTES(""));
	TRY("a dashboard", "gate-pages", BYTES(UPGRADE("/v1") "\r\n"), BYTES("networkStatus"), .many = TRUE);
	run("mesh close gate");
}

static void on_pty(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
	char scrap[4096];

	if (read(fd, scrap, sizeof(scrap)) < 0)
		return;
}

static void test_uarts(void)
{
	int device = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	g_autofree char *line = NULL;
	BpFd *drain;

	CU_ASSERT_FATAL(device >= 0 && !grantpt(device) && !unlockpt(device));
	line = g_strdup_printf("uart open %s root", ptsname(device));
	run(line);
	drain = bp_fd_add(bp_kernel(), device, BP_IN, on_pty, NULL, NULL);
	run("module open UARTServer raw uart=root port=0 max_connections=0 mode=raw writers=many");
	run("module open UARTServer rfc uart=root port=0 max_connections=0");
	run("module open TCPServer con port=0 max_connections=0 handler=console");
	TRY("bytes", "raw", BYTES("x"), BYTES(""));
	TRY("RFC 2217", "rfc", BYTES("\xff\xfb\x2c\xff\xfa\x2c\1\0\0\xe1\0\xff\xf0"), BYTES("\xff\xfa\x2c\x65"),
	    .many = TRUE);
	TRY("a terminal", "con", BYTES("uart term root\nx"), BYTES("q ends"));
	TRY("a terminal that ends", "con", BYTES("uart term root\nx\x1dqexit\n"));
	run("module close con");
	run("module close rfc");
	run("module close raw");
	run("uart close root");
	bp_fd_remove(drain);
	close(device);
}

/* --- datagrams --- */

static void send_datagram(const BpAddress *to)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CU_ASSERT(sendto(fd, "x", 1, 0, (const struct sockaddr *)&to->storage, to->size) == 1);
	close(fd);
}

static gboolean all_have_come(gpointer recv)
{
	return bp_channel_stats(recv).messages >= FEW;
}

static void test_udp(void)
{
	g_autoptr(GPtrArray) channels = NULL;
	g_autoptr(BpChannel) recv = NULL;
	g_autofree char *before = NULL;
	BpAddress to;

	run("module open UDPServer u port=0 peer_timeout=20ms");
	run("channel watch -f u/recv");
	channels = bp_channel_list("server-udp-*");
	CU_ASSERT_FATAL(channels->len == 1);
	bp_address_parse(&to, "127.0.0.1", (guint)atoi(strrchr(bp_channel_name(channels->pdata[0]), '-') + 1), NULL);
	before = at_rest();
	recv = bp_channel_find("u/recv");
	for (guint i = 0; i < FEW; i++)
		send_datagram(&to);
	CU_ASSERT(suite_wait_until(all_have_come, recv, 20));
	expect_as_before("senders", before);
	run("module close u");
	run("channel unwatch u/recv");
}

/* --- */

static const SuiteTest tests[] = {
	{ "telnet", test_telnet },
	{ "tcp", test_tcp },
	{ "tcp_channels", test_tcp_channels },
	{ "websocket", test_websocket },
	{ "control", test_control },
	{ "web", test_web },
	{ "web_cut", test_web_cut },
	{ "endpoints", test_endpoints },
	{ "peers", test_peers },
	{ "mesh", test_mesh },
	{ "uarts", test_uarts },
	{ "udp", test_udp },
	{ NULL },
};

int main(int argc, char **argv)
{
	return run_with_plugins("leaks", tests, argc, argv);
}

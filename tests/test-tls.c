/* SPDX-License-Identifier: MIT */
/* test-tls.c - encrypted streams and servers, with good and bad certificates on both sides. */
#include <glib-unix.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include "certificates.h"
#include "peers.h"

#define DAY (24 * 3600L)

static Identity *authority, *stranger, *good, *expired, *other_name, *foreign, *client, *foreign_client;
static Peer *near; /* the server's end of the last connection */
static guint accepted;
static GString *said;
static BpWatch *watch;

static void server_accept(BpPlugin *self, BpServer *of, BpStream *stream, gpointer user)
{
	accepted++;
	near->stream = stream;
	bp_stream_set_user(stream, &peer_events, near);
}

static char *server_refusal(BpPlugin *self, BpServer *of, const char *why, gpointer user)
{
	return NULL;
}

static void on_event(BpPlugin *self, BpMessage *message, gpointer data)
{
	g_string_append_printf(said, "%s\n", (const char *)bp_message_data(message));
}

static BpInstance *begin(const Identity *identity, const char *more, GError **error)
{
	g_autofree char *cert = g_strconcat("tls_cert=", identity->cert_file, NULL);
	g_autofree char *key = g_strconcat("tls_key=", identity->key_file, NULL);
	const char *pairs[] = { "tls=yes", cert, key, more, NULL };

	near = peer_new();
	accepted = 0;
	said = g_string_new(NULL);
	watch = bp_channel_watch(bp_kernel(), bp_channel(bp_kernel(), "server-test"), on_event, NULL, NULL);
	return server_open(error, pairs);
}

static void end(BpInstance *instance)
{
	peer_free(near);
	bp_instance_close(instance, NULL);
	bp_watch_remove(watch);
	g_string_free(said, TRUE);
}

static Peer *connect_as(const char *name)
{
	Peer *peer = peer_new();
	BpAddress address = server_address();

	peer->stream = bp_stream_connect(bp_kernel(), &address, 5 * G_USEC_PER_SEC, name, &peer_events, peer);
	CU_ASSERT(suite_wait_until(is_ready, peer, 10));
	return peer;
}

static gboolean was_accepted(gpointer data)
{
	return accepted > 0;
}

static gboolean none_open(gpointer data)
{
	return bp_server_stats(server).connections == 0;
}

static void test_echo(void)
{
	BpInstance *instance = begin(good, NULL, NULL);
	Peer *peer = connect_as("localhost");
	GString *sent = g_string_new(NULL);

	CU_ASSERT_EQUAL(peer->ready, 1);
	CU_ASSERT(suite_wait_until(was_accepted, NULL, 5));
	CU_ASSERT(g_str_has_prefix(bp_stream_tls(peer->stream), "TLSv1.3 TLS_"));
	CU_ASSERT(g_str_has_prefix(bp_stream_tls(near->stream), "TLSv1.3 TLS_"));
	CU_ASSERT_STRING_EQUAL(bp_stream_tls_peer(near->stream), "");
	CU_ASSERT_STRING_EQUAL(bp_stream_tls_peer(peer->stream), "CN=good");
	near->echo = TRUE;
	/* Small ones that share a record, and large ones that take several. */
	for (guint i = 0; i < 300; i++) {
		gsize size = i % 50 == 49 ? 40000 : i + 1;
		g_autofree char *bytes = g_malloc(size);
		g_autoptr(BpMessage) message = NULL;

		for (gsize k = 0; k < size; k++)
			bytes[k] = (char)('a' + (i + k * 7) % 26);
		g_string_append_len(sent, bytes, (gssize)size);
		message = bp_message_new(bytes, size, BP_BINARY);
		if (i % 2)
			bp_stream_send(peer->stream, message);
		else
			bp_stream_write(peer->stream, bytes, size);
	}
	CU_ASSERT(wait_size(peer, sent->len));
	CU_ASSERT_EQUAL(peer->got->len, sent->len);
	CU_ASSERT_STRING_EQUAL(peer->got->str, sent->str);
	CU_ASSERT_EQUAL(bp_stream_stats(near->stream).bytes_in, sent->len);
	bp_stream_close(peer->stream);
	CU_ASSERT(suite_wait_until(is_closed, near, 5));
	CU_ASSERT_PTR_NULL(near->why);
	CU_ASSERT_EQUAL(near->ended, 1);
	CU_ASSERT(suite_wait_until(is_closed, peer, 5));
	CU_ASSERT_PTR_NULL(peer->why);
	g_string_free(sent, TRUE);
	peer_free(peer);
	end(instance);
}

/* Both ends of a connection have the same one, and no other connection has it. */
static void test_binding(void)
{
	BpInstance *instance = begin(good, NULL, NULL);
	guint8 here[2][32] = { 0 }, there[2][32] = { 0 };

	for (guint i = 0; i < 2; i++) {
		Peer *peer = connect_as("localhost");

		CU_ASSERT(suite_wait_until(was_accepted, NULL, 5));
		CU_ASSERT_TRUE(bp_stream_tls_binding(peer->stream, here[i]));
		CU_ASSERT_TRUE(bp_stream_tls_binding(near->stream, there[i]));
		CU_ASSERT_EQUAL(memcmp(here[i], there[i], 32), 0);
		peer_free(peer);
		CU_ASSERT(suite_wait_until(is_closed, near, 5));
		accepted = 0;
		peer_free(near);
		near = peer_new();
	}
	CU_ASSERT_NOT_EQUAL(memcmp(here[0], here[1], 32), 0);
	end(instance);
}

#define HUGE_SIZE (6 * 1024 * 1024)

static void write_more(BpStream *stream, gpointer data)
{
	Peer *peer = data;
	guint32 numbers[1500];
	gboolean more = TRUE;

	while (more && peer->done < HUGE_SIZE / sizeof(guint32)) {
		gsize count = MIN(G_N_ELEMENTS(numbers), HUGE_SIZE / sizeof(guint32) - peer->done);

		for (gsize i = 0; i < count; i++)
			numbers[i] = (guint32)(peer->done + i);
		peer->done += count;
		more = bp_stream_write(stream, numbers, count * sizeof(guint32)) == BP_SENT;
	}
}

/* A reader that stops now and then: records stay half sent, and nothing is lost or doubled. */
static void test_huge(void)
{
	BpInstance *instance = begin(good, "backlog_limit=100K", NULL);
	Peer *peer = connect_as("127.0.0.1");
	gsize wrong = 0;

	CU_ASSERT(suite_wait_until(was_accepted, NULL, 5));
	near->on_drained = write_more;
	bp_stream_set_reading(peer->stream, FALSE);
	write_more(near->stream, near);
	CU_ASSERT(suite_settle());
	for (guint i = 0; i < 20; i++) {
		bp_stream_set_reading(peer->stream, TRUE);
		CU_ASSERT(wait_size(peer, peer->size + 1));
		bp_stream_set_reading(peer->stream, FALSE);
		CU_ASSERT(suite_settle());
	}
	bp_stream_set_reading(peer->stream, TRUE);
	CU_ASSERT(wait_size(peer, HUGE_SIZE));
	CU_ASSERT(near->drained > 10);
	for (guint32 i = 0; i < peer->got->len / sizeof(guint32); i++)
		wrong += memcmp(peer->got->str + i * sizeof(i), &i, sizeof(i)) != 0;
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(bp_stream_queued(near->stream), 0);
	peer_free(peer);
	end(instance);
}

static void pause_it(BpStream *stream, gpointer data)
{
	bp_stream_set_reading(stream, FALSE);
}

/* What was decrypted in advance is not forgotten: no event of the socket will tell of it. */
static void test_rest_of_a_read(void)
{
	g_autofree char *bytes = g_malloc0(300000);
	BpInstance *instance = begin(good, NULL, NULL);
	Peer *peer = connect_as("");
	gsize total = 0;

	CU_ASSERT(suite_wait_until(was_accepted, NULL, 5));
	peer->on_data = pause_it;
	for (gsize size = 65400; size < 66500; size += 61) {
		bp_stream_set_reading(peer->stream, FALSE);
		bp_stream_write(near->stream, bytes, size);
		CU_ASSERT(suite_settle());
		total += size;
		while (peer->size < total) {
			bp_stream_set_reading(peer->stream, TRUE);
			CU_ASSERT_FATAL(wait_size(peer, peer->size + 1));
		}
		CU_ASSERT_EQUAL_FATAL(peer->size, total);
	}
	peer_free(peer);
	end(instance);
}

/* Messages lost to the policy are whole, also when one waits encrypted. */
static void test_drop_oldest(void)
{
	BpInstance *instance = begin(good, "backlog_policy=drop-oldest", NULL);
	Peer *peer = connect_as("");
	guint32 last = 0, torn = 0;
	guint64 drops;

	CU_ASSERT(suite_wait_until(was_accepted, NULL, 5));
	bp_stream_set_backlog(near->stream, 100000, BP_BACKLOG_DROP_OLDEST);
	bp_stream_set_reading(peer->stream, FALSE);
	for (guint32 i = 1; i <= 60000; i++) {
		guint32 message[50];

		for (guint k = 0; k < 50; k++)
			message[k] = i;
		bp_stream_write(near->stream, message, sizeof(message));
		if (i % 1000 == 0)
			CU_ASSERT(suite_settle());
	}
	drops = bp_stream_stats(near->stream).drops;
	CU_ASSERT(drops > 1000);
	bp_stream_set_reading(peer->stream, TRUE);
	CU_ASSERT(wait_size(peer, (60000 - (gsize)drops) * 200));
	for (gsize at = 0; at + 200 <= peer->got->len; at += 200) {
		const guint32 *message = (const guint32 *)(peer->got->str + at);

		for (guint k = 0; k < 50; k++)
			torn += message[k] != message[0];
		torn += message[0] <= last;
		last = message[0];
	}
	CU_ASSERT_EQUAL(torn, 0);
	CU_ASSERT_EQUAL(last, 60000);
	peer_free(peer);
	end(instance);
}

static void expect_fault(const Identity *identity, const char *name, const char *fault)
{
	BpInstance *instance = begin(identity, NULL, NULL);
	Peer *peer = connect_as(name);

	CU_ASSERT_EQUAL(peer->ready, 0);
	CU_ASSERT_EQUAL(peer->closed, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peer->why);
	if (!strstr(peer->why->message, fault))
		g_printerr("%s\n", peer->why->message);
	CU_ASSERT_PTR_NOT_NULL(strstr(peer->why->message, fault));
	CU_ASSERT(suite_wait_until(none_open, NULL, 5));
	CU_ASSERT_EQUAL(accepted, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(said->str, "was closed: TLS: "));
	peer_free(peer);
	end(instance);
}

static void test_bad_servers(void)
{
	expect_fault(good, "elsewhere.example", "hostname mismatch");
	expect_fault(good, "127.0.0.2", "IP address mismatch");
	expect_fault(other_name, "localhost", "hostname mismatch");
	expect_fault(expired, "localhost", "certificate has expired");
	expect_fault(foreign, "localhost", "unable to get local issuer certificate");
}

static void test_any_certificate(void)
{
	BpInstance *instance = begin(foreign, NULL, NULL);
	Peer *peer = connect_as("");

	CU_ASSERT_EQUAL(peer->ready, 1);
	peer_free(peer);
	end(instance);
}

static void expect_no_server(const char *const *pairs, const char *sentence)
{
	g_autoptr(GError) error = NULL;

	CU_ASSERT_PTR_NULL(server_open(&error, pairs));
	CU_ASSERT_PTR_NOT_NULL_FATAL(error);
	if (!strstr(error->message, sentence))
		g_printerr("%s\n", error->message);
	CU_ASSERT_PTR_NOT_NULL(strstr(error->message, sentence));
}

#define NO_SERVER(sentence, ...) \
	expect_no_server((const char *const[]){ "tls=yes", __VA_ARGS__ __VA_OPT__(, ) NULL }, sentence)

static void test_bad_files(void)
{
	g_autofree char *cert = g_strconcat("tls_cert=", good->cert_file, NULL);
	g_autofree char *key = g_strconcat("tls_key=", good->key_file, NULL);
	g_autofree char *other_key = g_strconcat("tls_key=", expired->key_file, NULL);
	g_autofree char *rubbish = suite_file("rubbish", "no certificate\n"), *locked = suite_file("locked", "");
	g_autofree char *rubbish_cert = g_strconcat("tls_cert=", rubbish, NULL);
	g_autofree char *rubbish_key = g_strconcat("tls_key=", rubbish, NULL);
	g_autofree char *rubbish_ca = g_strconcat("tls_client_ca=", rubbish, NULL);
	g_autofree char *locked_key = g_strconcat("tls_key=", locked, NULL);
	FILE *file = fopen(locked, "w");

	PEM_write_PrivateKey(file, good->key, EVP_aes_128_cbc(), (const guchar *)"secret", 6, NULL, NULL);
	fclose(file);
	NO_SERVER("tls needs a certificate");
	NO_SERVER("tls_key needs tls_cert", key);
	NO_SERVER("the certificate /nowhere.crt cannot be read: No such file", "tls_cert=/nowhere.crt", key);
	NO_SERVER("the key /nowhere.key cannot be read: No such file", cert, "tls_key=/nowhere.key");
	NO_SERVER("cannot be used: ", rubbish_cert, key);
	NO_SERVER("cannot be used: ", cert, rubbish_key);
	NO_SERVER("cannot be used: ", cert); /* no key in the certificate's file */
	NO_SERVER("does not belong to the certificate", cert, other_key);
	NO_SERVER("needs a passphrase", cert, locked_key);
	NO_SERVER("the authority file /nowhere.ca cannot be read", cert, key, "tls_client_ca=/nowhere.ca");
	NO_SERVER("the authority file", cert, key, rubbish_ca);
}

/* --- a client of OpenSSL's own, which can do what ours cannot --- */

typedef struct {
	SSL_CTX *context;
	SSL *ssl;
	int fd;
	BpFd *source;
	int result; /* of the last call, as SSL_get_error has it */
	gboolean heard;
	char got[64];
} Raw;

static void on_raw(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
}

static Raw *raw_open(const Identity *identity, int most)
{
	Raw *raw = g_new0(Raw, 1);
	BpAddress address = server_address();

	raw->context = SSL_CTX_new(TLS_client_method());
	if (most) {
		SSL_CTX_set_security_level(raw->context, 0);
		SSL_CTX_set_min_proto_version(raw->context, TLS1_VERSION);
		SSL_CTX_set_max_proto_version(raw->context, most);
	}
	if (identity) {
		SSL_CTX_use_certificate(raw->context, identity->certificate);
		SSL_CTX_use_PrivateKey(raw->context, identity->key);
	}
	raw->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert(connect(raw->fd, (struct sockaddr *)&address.storage, address.size) == 0);
	g_unix_set_fd_nonblocking(raw->fd, TRUE, NULL);
	raw->source = bp_fd_add(bp_kernel(), raw->fd, BP_IN, on_raw, raw, NULL);
	raw->ssl = SSL_new(raw->context);
	SSL_set_fd(raw->ssl, raw->fd);
	SSL_set_connect_state(raw->ssl);
	return raw;
}

static void raw_free(Raw *raw)
{
	bp_fd_remove(raw->source);
	SSL_free(raw->ssl);
	SSL_CTX_free(raw->context);
	close(raw->fd);
	g_free(raw);
	ERR_clear_error();
}

/* Until the server has answered, or refused. */
static gboolean raw_hears(gpointer data)
{
	Raw *raw = data;

	if (!raw->heard) {
		int result;

		ERR_clear_error();
		result = SSL_read(raw->ssl, raw->got, sizeof(raw->got) - 1);
		raw->result = SSL_get_error(raw->ssl, result);
		raw->heard = raw->result != SSL_ERROR_WANT_READ && raw->result != SSL_ERROR_WANT_WRITE;
	}
	return raw->heard;
}

static gboolean raw_is_let_in(const Identity *identity, int most)
{
	Raw *raw = raw_open(identity, most);
	gboolean in;

	near->echo = TRUE;
	while (SSL_do_handshake(raw->ssl) != 1 && SSL_get_error(raw->ssl, -1) == SSL_ERROR_WANT_READ)
		g_main_context_iteration(NULL, TRUE);
	SSL_write(raw->ssl, "hello", 5);
	CU_ASSERT(suite_wait_until(raw_hears, raw, 5));
	in = raw->result == SSL_ERROR_NONE && g_str_equal(raw->got, "hello");
	raw_free(raw);
	CU_ASSERT(suite_wait_until(none_open, NULL, 5));
	return in;
}

/* A client that does not tie the secret to the handshake (as one in between would wish) gets none. */
static void test_no_binding(void)
{
	BpInstance *instance = begin(good, NULL, NULL);
	guint8 binding[32];

	for (guint i = 0; i < 2; i++) {
		Raw *raw = raw_open(NULL, TLS1_2_VERSION);

		if (i)
			SSL_set_options(raw->ssl, SSL_OP_NO_EXTENDED_MASTER_SECRET);
		while (!accepted) {
			SSL_do_handshake(raw->ssl);
			g_main_context_iteration(NULL, TRUE);
		}
		CU_ASSERT_EQUAL(bp_stream_tls_binding(near->stream, binding), !i);
		raw_free(raw);
		CU_ASSERT(suite_wait_until(is_closed, near, 5));
		accepted = 0;
		peer_free(near);
		near = peer_new();
	}
	end(instance);
}

static void test_client_certificates(void)
{
	g_autofree char *ca = g_strconcat("tls_client_ca=", authority->cert_file, NULL);
	BpInstance *instance = begin(good, ca, NULL);
	Raw *raw;

	CU_ASSERT_FALSE(raw_is_let_in(NULL, 0));
	CU_ASSERT_PTR_NOT_NULL(strstr(said->str, "was closed: TLS: peer did not return a certificate."));
	CU_ASSERT_FALSE(raw_is_let_in(foreign_client, 0));
	CU_ASSERT_FALSE(raw_is_let_in(expired, 0));
	CU_ASSERT_FALSE(raw_is_let_in(NULL, TLS1_2_VERSION));
	CU_ASSERT_EQUAL(accepted, 0);
	raw = raw_open(client, 0);
	while (!accepted) {
		SSL_do_handshake(raw->ssl);
		g_main_context_iteration(NULL, TRUE);
	}
	CU_ASSERT_STRING_EQUAL(bp_stream_tls_peer(near->stream), "CN=client");
	raw_free(raw);
	CU_ASSERT(suite_wait_until(is_closed, near, 5));
	end(instance);
}

static void test_versions(void)
{
	BpInstance *instance = begin(good, NULL, NULL);

	CU_ASSERT_FALSE(raw_is_let_in(NULL, TLS1_1_VERSION));
	CU_ASSERT_EQUAL(accepted, 0);
	CU_ASSERT(raw_is_let_in(NULL, TLS1_2_VERSION));
	end(instance);
}

static void test_plain_client(void)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	BpInstance *instance = begin(good, NULL, NULL);
	Peer *peer = peer_connect();

	bp_stream_write(peer->stream, request, sizeof(request) - 1);
	CU_ASSERT(suite_wait_until(is_closed, peer, 5));
	CU_ASSERT(suite_wait_until(none_open, NULL, 5));
	CU_ASSERT_PTR_NOT_NULL(strstr(said->str, "was closed: TLS: http request."));
	CU_ASSERT_EQUAL(accepted, 0);
	CU_ASSERT_PTR_NULL(strstr(said->str, "Socket Connected"));
	peer_free(peer);
	end(instance);
}

/* Bytes that are no record, at any time, end that connection and nothing else. */
static void test_rubbish(void)
{
	BpInstance *instance = begin(good, NULL, NULL);
	Raw *raw = raw_open(NULL, 0);
	g_autofree char *rubbish = g_strnfill(5000, 'x');

	while (!accepted) {
		SSL_do_handshake(raw->ssl);
		g_main_context_iteration(NULL, TRUE);
	}
	CU_ASSERT_EQUAL(send(raw->fd, rubbish, 5000, 0), 5000);
	CU_ASSERT(suite_wait_until(is_closed, near, 5));
	CU_ASSERT(near->why && g_str_has_prefix(near->why->message, "TLS: "));
	raw_free(raw);
	end(instance);
}

static gboolean raw_sees(const char *subject)
{
	Raw *raw = raw_open(NULL, 0);
	X509 *shown;
	char name[100] = "";

	while (SSL_do_handshake(raw->ssl) != 1)
		g_main_context_iteration(NULL, TRUE);
	shown = SSL_get1_peer_certificate(raw->ssl);
	X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof(name));
	X509_free(shown);
	raw_free(raw);
	return g_str_equal(name, subject);
}

static void copy_file(const char *from, const char *to)
{
	g_autofree char *contents = NULL;

	g_assert(g_file_get_contents(from, &contents, NULL, NULL) && g_file_set_contents(to, contents, -1, NULL));
}

static void test_reload(void)
{
	Identity used = { .cert_file = suite_file("used.crt", ""), .key_file = suite_file("used.key", "") };
	g_autoptr(GError) error = NULL;
	BpInstance *instance;
	Peer *peer, *first;

	copy_file(good->cert_file, used.cert_file);
	copy_file(good->key_file, used.key_file);
	instance = begin(&used, NULL, NULL);
	peer = connect_as("localhost");
	CU_ASSERT(suite_wait_until(was_accepted, NULL, 5));
	first = near;
	near = peer_new();
	copy_file(other_name->cert_file, used.cert_file);
	CU_ASSERT_FALSE(bp_server_reload_tls(server, &error)); /* the key is still the old one */
	CU_ASSERT_PTR_NOT_NULL(error);
	CU_ASSERT(raw_sees("good"));
	copy_file(other_name->key_file, used.key_file);
	CU_ASSERT(bp_server_reload_tls(server, NULL));
	peer_free(near);
	near = peer_new();
	CU_ASSERT(raw_sees("other"));
	bp_stream_write(peer->stream, "still here", 10);
	CU_ASSERT(wait_size(first, 10));
	peer_free(first);
	peer_free(peer);
	end(instance);
	g_free(used.cert_file);
	g_free(used.key_file);
}

static const SuiteTest tests[] = {
	{ "echo", test_echo },
	{ "binding", test_binding },
	{ "no binding", test_no_binding },
	{ "huge", test_huge },
	{ "rest of a read", test_rest_of_a_read },
	{ "drop oldest", test_drop_oldest },
	{ "bad servers", test_bad_servers },
	{ "any certificate", test_any_certificate },
	{ "bad files", test_bad_files },
	{ "client certificates", test_client_certificates },
	{ "versions", test_versions },
	{ "plain client", test_plain_client },
	{ "rubbish", test_rubbish },
	{ "reload", test_reload },
	{ NULL },
};

int main(int argc, char **argv)
{
	Identity **all[] = { &authority, &stranger, &good, &expired, &other_name, &foreign, &client, &foreign_client };
	int failed;

	authority = identity_new("authority", NULL, NULL, 0, DAY);
	stranger = identity_new("stranger", NULL, NULL, 0, DAY);
	good = identity_new("good", authority, "DNS:localhost,IP:127.0.0.1", 0, DAY);
	expired = identity_new("expired", authority, "DNS:localhost", -2 * DAY, -DAY);
	other_name = identity_new("other", authority, "DNS:other.example", 0, DAY);
	foreign = identity_new("foreign", stranger, "DNS:localhost", 0, DAY);
	client = identity_new("client", authority, NULL, 0, DAY);
	foreign_client = identity_new("foreign-client", stranger, NULL, 0, DAY);
	/* What our own clients trust; read when the first one connects. */
	g_setenv("SSL_CERT_FILE", authority->cert_file, TRUE);
	failed = run_with_kernel("tls", tests, argc, argv);
	for (guint i = 0; i < G_N_ELEMENTS(all); i++)
		identity_free(*all[i]);
	return failed;
}

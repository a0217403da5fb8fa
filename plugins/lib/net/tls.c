/* SPDX-License-Identifier: MIT */
/* tls.c - encrypted streams, on the same descriptor and with the same queue as plain ones.
 *
 * OpenSSL reads and writes the socket itself (which lets the kernel encrypt where it can). Small messages are
 * gathered into one record. A record that the system did not take must be offered again unchanged, so it is
 * kept aside: the queue may lose its oldest messages meanwhile.
 */
#include <errno.h>
#include <string.h>
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "tls.h"

#define RECORD 16384

struct StreamTls {
	SSL *ssl;
	BpEvents wants;	 /* of the handshake */
	gboolean more;	 /* to be read without the socket becoming ready */
	guint8 *pending; /* a record on its way */
	gsize pending_size;
	char *text, *peer;
};

static GPrivate record_memory = G_PRIVATE_INIT(g_free);
static __thread guint8 *record; /* gathers small messages; one a loop; in record_memory too, which frees it */

/* --- beginning --- */

static gboolean begin(BpStream *stream, TlsContext *context, GError **error)
{
	StreamTls *tls = g_new0(StreamTls, 1);

	ERR_clear_error();
	tls->ssl = SSL_new(context);
	if (!tls->ssl || SSL_set_fd(tls->ssl, stream->fd) != 1) {
		g_propagate_error(error, tls_error(BP_FAILED, "TLS cannot be begun"));
		tls_free(tls);
		return FALSE;
	}
	stream->tls = tls;
	stream->shaking = TRUE;
	return TRUE;
}

gboolean tls_serve(BpStream *stream, TlsContext *context, GError **error)
{
	if (!begin(stream, context, error))
		return FALSE;
	SSL_set_accept_state(stream->tls->ssl);
	stream->tls->wants = BP_IN;
	return TRUE;
}

static gboolean expect_name(SSL *ssl, const char *name)
{
	guint8 bytes[sizeof(struct in6_addr)];

	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	if (inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
	return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

static gboolean connect_with(BpStream *stream, TlsContext *context, const char *name, GError **error)
{
	if (!context || !begin(stream, context, error))
		return FALSE;
	SSL_set_connect_state(stream->tls->ssl);
	stream->tls->wants = BP_OUT;
	if (!*name || expect_name(stream->tls->ssl, name))
		return TRUE;
	g_set_error(error, BP_IO_ERROR, BP_INVALID, "\"%.80s\" cannot be the name of a certificate", name);
	ERR_clear_error();
	return FALSE;
}

gboolean tls_connect(BpStream *stream, const char *name, GError **error)
{
	return connect_with(stream, tls_context_for_clients(error), name, error);
}

void bp_stream_start_tls(BpStream *stream, const BpTlsClient *client)
{
	BpTlsClient options = { 0 };
	GError *error = NULL;
	TlsContext *context;

	g_return_if_fail(stream && client && !stream->tls && !stream->connecting);
	if (stream->finished || stream->closing)
		return;
	bp_struct_copy(&options, sizeof(options), client);
	context = tls_context_for_client(&options, &error);
	if (context && connect_with(stream, context, options.name ? options.name : "", &error)) {
		stream->announce = TRUE;
		stream->blocked = FALSE;
		stream_set_timer(stream, TLS_HANDSHAKE_TIME);
		stream_poll(stream);
	} else {
		stream_finish(stream, error);
	}
	if (context)
		tls_context_unref(context);
}

/* --- handshake --- */

static GError *shake_error(StreamTls *tls, int result, int number)
{
	long verified = SSL_get_verify_result(tls->ssl);

	if (result == SSL_ERROR_SYSCALL && ERR_peek_error() == 0)
		return number ? stream_error("TLS", number)
			      : g_error_new_literal(BP_IO_ERROR, BP_FAILED, "TLS: the other side went away");
	if (verified != X509_V_OK && ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
		ERR_clear_error();
		return g_error_new(BP_IO_ERROR, BP_NOT_PERMITTED, "TLS: the certificate is not good: %s",
				   X509_verify_cert_error_string(verified));
	}
	return tls_error(BP_FAILED, "TLS");
}

void tls_shake(BpStream *stream)
{
	StreamTls *tls = stream->tls;
	int done, result;

	ERR_clear_error();
	errno = 0;
	done = SSL_do_handshake(tls->ssl);
	if (done == 1) {
		tls->more = SSL_has_pending(tls->ssl);
		stream_become_ready(stream);
		return;
	}
	result = SSL_get_error(tls->ssl, done);
	if (result == SSL_ERROR_WANT_READ || result == SSL_ERROR_WANT_WRITE) {
		tls->wants = result == SSL_ERROR_WANT_READ ? BP_IN : BP_OUT;
		stream_poll(stream);
		return;
	}
	stream_finish(stream, shake_error(tls, result, errno));
}

BpEvents tls_wanted(const BpStream *stream)
{
	return stream->tls->wants;
}

/* --- reading --- */

static gssize read_failed(BpStream *stream, int result, int number)
{
	switch (result) {
	case SSL_ERROR_WANT_WRITE:
		stream->blocked = TRUE; /* an answer of the protocol's own waits */
		stream_poll(stream);
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_WANT_READ:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		errno = number ? number : ECONNRESET;
		return number ? -1 : 0;
	default:
		/* Many peers end without saying so first. */
		if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
			ERR_clear_error();
			return 0;
		}
		stream_finish(stream, tls_error(BP_FAILED, "TLS"));
		errno = EPROTO;
		return -1;
	}
}

gssize tls_read(BpStream *stream, guint8 *buffer, gsize size)
{
	StreamTls *tls = stream->tls;
	gsize got = 0;
	int result, number;

	ERR_clear_error();
	do {
		int one;

		errno = 0;
		one = SSL_read(tls->ssl, buffer + got, (int)(size - got));
		number = errno;
		result = SSL_get_error(tls->ssl, one);
		if (one <= 0)
			break;
		got += (gsize)one;
	} while (got < size && SSL_has_pending(tls->ssl));
	if (!got) {
		tls->more = FALSE;
		return read_failed(stream, result, number);
	}
	/* An end that was received together with the data is only returned by another call, for which no event comes. */
	tls->more = result == SSL_ERROR_NONE ? SSL_has_pending(tls->ssl) : result != SSL_ERROR_WANT_READ;
	ERR_clear_error();
	return (gssize)got;
}

gboolean tls_has_more(const BpStream *stream)
{
	return stream->tls->more;
}

/* --- writing --- */

/* The next bytes of the queue as one piece; directly from a message if that fills a record or is alone. */
static const guint8 *gather(BpStream *stream, gsize *size)
{
	StreamQueue *queue = &stream->queue;
	StreamItem *item = &queue->items[queue->head];
	const guint8 *data = (const guint8 *)bp_message_data(item->message) + queue->sent;
	gsize left = item->used - queue->sent, filled = 0;

	*size = MIN(left, RECORD);
	if (queue->count == 1 || left >= RECORD)
		return data;
	if (G_UNLIKELY(!record)) {
		record = g_malloc(RECORD);
		g_private_set(&record_memory, record);
	}
	for (guint32 i = 0; i < queue->count && filled < RECORD; i++) {
		gsize part;

		item = &queue->items[(queue->head + i) & (queue->size - 1)];
		data = (const guint8 *)bp_message_data(item->message) + (i ? 0 : queue->sent);
		part = MIN(item->used - (i ? 0 : queue->sent), RECORD - filled);
		memcpy(record + filled, data, part);
		filled += part;
	}
	*size = filled;
	return record;
}

static void keep_pending(BpStream *stream, const guint8 *data, gsize size)
{
	StreamTls *tls = stream->tls;

	tls->pending = g_memdup2(data, size);
	tls->pending_size = size;
	queue_consume(stream, size);
	stream->queued += size; /* it is still here */
}

static void take_pending(BpStream *stream, gsize size)
{
	StreamTls *tls = stream->tls;

	stream->queued -= size;
	tls->pending_size -= size;
	if (tls->pending_size)
		memmove(tls->pending, tls->pending + size, tls->pending_size);
	else
		g_clear_pointer(&tls->pending, g_free);
}

void tls_flush(BpStream *stream)
{
	StreamTls *tls = stream->tls;

	while (tls->pending || stream->queue.count) {
		gsize size = tls->pending_size;
		const guint8 *data = tls->pending ? tls->pending : gather(stream, &size);
		int given, result, number;

		ERR_clear_error();
		errno = 0;
		given = SSL_write(tls->ssl, data, (int)size);
		number = errno;
		if (given > 0) {
			stream->stats.bytes_out += (guint64)given;
			if (tls->pending)
				take_pending(stream, (gsize)given);
			else
				queue_consume(stream, (gsize)given);
			continue;
		}
		result = SSL_get_error(tls->ssl, given);
		if (result == SSL_ERROR_WANT_WRITE || result == SSL_ERROR_WANT_READ) {
			if (!tls->pending)
				keep_pending(stream, data, size);
			stream->blocked = TRUE;
		} else if (result == SSL_ERROR_SYSCALL) {
			ERR_clear_error();
			stream_finish(stream, stream_error("cannot send", number ? number : EPIPE));
		} else {
			stream_finish(stream, tls_error(BP_FAILED, "TLS"));
		}
		return;
	}
}

/* --- the end --- */

void tls_end(BpStream *stream)
{
	ERR_clear_error();
	SSL_shutdown(stream->tls->ssl);
	ERR_clear_error();
}

void tls_free(StreamTls *tls)
{
	SSL_free(tls->ssl);
	g_free(tls->pending);
	g_free(tls->text);
	g_free(tls->peer);
	g_free(tls);
}

/* --- what was agreed --- */

const char *bp_stream_tls(const BpStream *stream)
{
	StreamTls *tls = stream->tls;

	if (!tls || !SSL_is_init_finished(tls->ssl))
		return "";
	if (!tls->text)
		tls->text = g_strdup_printf("%s %s%s", SSL_get_version(tls->ssl), SSL_get_cipher_name(tls->ssl),
					    BIO_get_ktls_send(SSL_get_wbio(tls->ssl)) ? " ktls" : "");
	return tls->text;
}

static char *subject_of(SSL *ssl)
{
	X509 *certificate = SSL_get1_peer_certificate(ssl);
	BIO *text = BIO_new(BIO_s_mem());
	char *bytes, *subject = NULL;
	long size;

	if (certificate && text &&
	    X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0) {
		size = BIO_get_mem_data(text, &bytes);
		subject = g_strndup(bytes, (gsize)MAX(size, 0));
	}
	BIO_free(text);
	X509_free(certificate);
	return subject ? subject : g_strdup("");
}

const char *bp_stream_tls_peer(const BpStream *stream)
{
	StreamTls *tls = stream->tls;

	if (!tls || !SSL_is_init_finished(tls->ssl))
		return "";
	if (!tls->peer)
		tls->peer = subject_of(tls->ssl);
	return tls->peer;
}

gboolean bp_stream_tls_binding(const BpStream *stream, guint8 binding[32])
{
	static const char label[] = "EXPORTER-Channel-Binding";
	SSL *ssl = stream->tls ? stream->tls->ssl : NULL;
	guint8 bytes[32];

	/* Before 1.3 two connections could be brought to one secret, unless it covers the whole handshake. */
	if (!ssl || !SSL_is_init_finished(ssl) ||
	    (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1))
		return FALSE;
	if (SSL_export_keying_material(ssl, bytes, sizeof(bytes), label, sizeof(label) - 1, NULL, 0, 0) != 1) {
		ERR_clear_error();
		return FALSE;
	}
	memcpy(binding, bytes, sizeof(bytes));
	return TRUE;
}

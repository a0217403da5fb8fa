/* SPDX-License-Identifier: MIT */
/* tls-context.c - certificates, keys and authorities, read from files; every fault is a sentence with the file.
 *
 * TLS 1.3, and 1.2 with forward secrecy and authenticated encryption only (no exchange by RSA, no CBC), in the server's order; no
 * renegotiation, no compression, the kernel's TLS where it has one. A key that needs a
 * passphrase is refused: nobody is there to be asked.
 */
#include <string.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <backplane/file.h>
#include "tls.h"

GError *tls_error(BpErrorCode code, const char *before)
{
	unsigned long number = ERR_get_error();
	const char *reason = number ? ERR_reason_error_string(number) : NULL;
	GError *error;

	/* System errors carry errno and have no text of their own. */
	if (number && ERR_SYSTEM_ERROR(number))
		reason = g_strerror(ERR_GET_REASON(number));
	error = g_error_new(BP_IO_ERROR, code, "%s: %s", before, reason ? reason : "the other side went away");
	ERR_clear_error();
	return error;
}

/* OpenSSL opens by name, and would wait for ever at a FIFO. */
static gboolean is_readable(const char *what, const char *file, GError **error)
{
	g_autoptr(GError) why = NULL;
	int fd = bp_file_open(file, BP_FILE_READ, &why);

	if (fd < 0)
		g_set_error(error, BP_IO_ERROR, why->code, "%s %s cannot be read: %s", what, file,
			    bp_file_why(why, file));
	else
		close(fd);
	return fd >= 0;
}

static gboolean fail(GError **error, const char *what, const char *file)
{
	g_autofree char *before = g_strdup_printf("%s %s cannot be used", what, file);

	g_propagate_error(error, tls_error(BP_INVALID, before));
	return FALSE;
}

static int refuse_passphrase(char *buffer, int size, int writing, void *data)
{
	*(gboolean *)data = TRUE;
	return -1;
}

static gboolean load_pair(SSL_CTX *context, const char *cert, const char *key, GError **error)
{
	gboolean locked = FALSE;

	if (!key || !*key)
		key = cert;
	if (!is_readable("the certificate", cert, error) || !is_readable("the key", key, error))
		return FALSE;
	SSL_CTX_set_default_passwd_cb(context, refuse_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(context, &locked);
	if (SSL_CTX_use_certificate_chain_file(context, cert) != 1)
		return fail(error, "the certificate", cert);
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
		if (locked) {
			ERR_clear_error();
			g_set_error(error, BP_IO_ERROR, BP_INVALID,
				    "the key %s needs a passphrase; store it without one, readable by this user only",
				    key);
			return FALSE;
		}
		/* OpenSSL compares with the certificate while it loads. */
		if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
		    ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH) {
			ERR_clear_error();
			g_set_error(error, BP_IO_ERROR, BP_INVALID, "the key %s does not belong to the certificate %s",
				    key, cert);
			return FALSE;
		}
		return fail(error, "the key", key);
	}
	SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
	if (SSL_CTX_check_private_key(context) == 1)
		return TRUE;
	ERR_clear_error();
	g_set_error(error, BP_IO_ERROR, BP_INVALID, "the key %s does not belong to the certificate %s", key, cert);
	return FALSE;
}

static gboolean load_authorities(SSL_CTX *context, const char *file, GError **error)
{
	return is_readable("the authority file", file, error) &&
	       (SSL_CTX_load_verify_locations(context, file, NULL) == 1 || fail(error, "the authority file", file));
}

static gboolean ask_clients(SSL_CTX *context, const char *file, GError **error)
{
	STACK_OF(X509_NAME) * names;

	if (!load_authorities(context, file, error))
		return FALSE;
	names = SSL_load_client_CA_file(file);
	if (!names)
		return fail(error, "the authority file", file);
	SSL_CTX_set_client_CA_list(context, names);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return TRUE;
}

#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!PSK" /* of TLS 1.2 */

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *size, const unsigned char *offered,
			   unsigned int offered_size, void *name)
{
	gsize length = strlen(name);

	for (guint at = 0; at < offered_size; at += 1u + offered[at]) {
		if (offered[at] != length || at + 1 + length > offered_size ||
		    memcmp(offered + at + 1, name, length) != 0)
			continue;
		*out = offered + at + 1;
		*size = (unsigned char)length;
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

void tls_context_set_protocol(TlsContext *context, const char *name)
{
	if (name)
		SSL_CTX_set_alpn_select_cb(context, choose_protocol, (void *)name);
}

static SSL_CTX *context_new(const SSL_METHOD *method, GError **error)
{
	static const unsigned char id[] = "backplane";
	SSL_CTX *context = SSL_CTX_new(method);

	if (!context) {
		g_propagate_error(error, tls_error(BP_FAILED, "TLS cannot be set up"));
		return NULL;
	}
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_ENABLE_KTLS |
					     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	/* One system call for as much as there is, instead of two for each record. */
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_session_id_context(context, id, sizeof(id) - 1);
	return context;
}

TlsContext *tls_context_new(const char *cert, const char *key, const char *client_ca, GError **error)
{
	SSL_CTX *context = context_new(TLS_server_method(), error);

	if (!context)
		return NULL;
	if (SSL_CTX_set_cipher_list(context, CIPHERS) != 1 || !tls_tickets_rotate(context))
		g_propagate_error(error, tls_error(BP_FAILED, "TLS cannot be set up"));
	else if (load_pair(context, cert, key, error) &&
		 (!client_ca || !*client_ca || ask_clients(context, client_ca, error)))
		return context;
	SSL_CTX_free(context);
	return NULL;
}

void tls_context_unref(TlsContext *context)
{
	SSL_CTX_free(context);
}

TlsContext *tls_context_for_clients(GError **error)
{
	static GMutex lock;
	static SSL_CTX *context;

	g_mutex_lock(&lock);
	if (!context) {
		context = context_new(TLS_client_method(), error);
		if (context)
			SSL_CTX_set_default_verify_paths(context);
	}
	g_mutex_unlock(&lock);
	return context;
}

TlsContext *tls_context_for_client(const BpTlsClient *client, GError **error)
{
	gboolean has_ca = client->ca && *client->ca, has_cert = client->cert && *client->cert;
	SSL_CTX *context = has_ca || has_cert ? context_new(TLS_client_method(), error)
					      : tls_context_for_clients(error);

	if (!has_ca && !has_cert) {
		if (context)
			SSL_CTX_up_ref(context);
		return context;
	}
	if (!context)
		return NULL;
	if (!has_ca)
		SSL_CTX_set_default_verify_paths(context);
	if ((!has_ca || load_authorities(context, client->ca, error)) &&
	    (!has_cert || load_pair(context, client->cert, client->key, error)))
		return context;
	SSL_CTX_free(context);
	return NULL;
}

gboolean bp_tls_check_client(const BpTlsClient *client, GError **error)
{
	BpTlsClient options = { 0 };
	TlsContext *context;

	bp_struct_copy(&options, sizeof(options), client);
	context = tls_context_for_client(&options, error);
	if (context)
		tls_context_unref(context);
	return context != NULL;
}

gboolean bp_tls_check_files(const char *cert, const char *key, const char *client_ca, GError **error)
{
	TlsContext *context = tls_context_new(cert, key, client_ca, error);

	if (context)
		tls_context_unref(context);
	return context != NULL;
}

/* SPDX-License-Identifier: MIT */
/* mqtt-tls.c - the TLS context of a client: authorities, its certificate, the name of the broker. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <backplane/address.h>
#include <backplane/plugin.h>
#include "mqtt-client.h"

/* The library takes OpenSSL's errors away, so the reason is noted while the certificate is checked. */
static int on_verify(int good, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	BpMqtt *mqtt = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (!good)
		mqtt->untrusted = X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
	return good;
}

/* --- files, or PEM as a text --- */

static BIO *bio_of(const char *text)
{
	return strstr(text, "-----BEGIN ") ? BIO_new_mem_buf(text, -1) : NULL;
}

/* A password would be asked for on the terminal. */
static int no_password(char *buffer, int size, int writing, void *data)
{
	return 0;
}

static gboolean load_authorities(SSL_CTX *tls, const char *text)
{
	BIO *bio = bio_of(text);
	X509 *one;
	guint count = 0;

	if (!bio)
		return SSL_CTX_load_verify_locations(tls, text, NULL) == 1;
	while ((one = PEM_read_bio_X509(bio, NULL, no_password, NULL))) {
		X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), one);
		X509_free(one);
		count++;
	}
	BIO_free(bio);
	return count > 0;
}

static gboolean load_chain(SSL_CTX *tls, const char *text)
{
	BIO *bio = bio_of(text);
	X509 *one;
	gboolean good;

	if (!bio)
		return SSL_CTX_use_certificate_chain_file(tls, text) == 1;
	one = PEM_read_bio_X509(bio, NULL, no_password, NULL);
	good = one && SSL_CTX_use_certificate(tls, one) == 1;
	X509_free(one);
	while (good && (one = PEM_read_bio_X509(bio, NULL, no_password, NULL)))
		if (SSL_CTX_add0_chain_cert(tls, one) != 1)
			X509_free(one);
	BIO_free(bio);
	return good;
}

static gboolean load_key(SSL_CTX *tls, const char *text)
{
	BIO *bio = bio_of(text);
	EVP_PKEY *key;
	gboolean good;

	if (!bio)
		return SSL_CTX_use_PrivateKey_file(tls, text, SSL_FILETYPE_PEM) == 1;
	key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	good = key && SSL_CTX_use_PrivateKey(tls, key) == 1;
	EVP_PKEY_free(key);
	BIO_free(bio);
	return good;
}

static const char *name_of(const char *text)
{
	return strstr(text, "-----BEGIN ") ? "the given PEM" : text;
}

SSL_CTX *mqtt_tls_new(const BpMqttOptions *options, GError **error)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	const char *name = options->tls_name ? options->tls_name : options->host, *bad = NULL;
	X509_VERIFY_PARAM *check = SSL_CTX_get0_param(tls);
	BpAddress address;

	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	if (strcmp(name, "*") != 0) {
		SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, on_verify);
		if (bp_address_parse(&address, name, 0, NULL))
			X509_VERIFY_PARAM_set1_ip_asc(check, name);
		else
			X509_VERIFY_PARAM_set1_host(check, name, 0);
	}
	if (!options->ca)
		SSL_CTX_set_default_verify_paths(tls);
	else if (!load_authorities(tls, options->ca))
		bad = options->ca;
	if (!bad && options->cert && !load_chain(tls, options->cert))
		bad = options->cert;
	if (!bad && options->key && !load_key(tls, options->key))
		bad = options->key;
	if (!bad)
		return tls;
	bp_fail(error, BP_INVALID, "%s cannot be used for TLS: %s", name_of(bad),
		ERR_reason_error_string(ERR_peek_last_error()));
	ERR_clear_error();
	SSL_CTX_free(tls);
	return NULL;
}

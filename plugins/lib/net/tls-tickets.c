/* SPDX-License-Identifier: MIT */
/* tls-tickets.c - the keys of session tickets, of one context each, so that a ticket of one server is none of another's.
 *
 * Whoever learns such a key can read the sessions of its time: a new one is made every hour, and the one before it is known
 * for another hour. OpenSSL's own key stays as long as its context does. The wall clock is used, as for the tickets' own
 * age; a step of it only makes a new key early.
 */
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include "tls.h"

#define KEY_LIFE (3600 * G_TIME_SPAN_SECOND)

typedef struct {
	guint8 name[16], cipher[32], mac[32];
	gint64 made;
} TicketKey;

typedef struct {
	GMutex lock;
	TicketKey keys[2]; /* the present one, and the one before */
} TicketKeys;

static int keys_index = -1;

static void keys_free(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
	TicketKeys *keys = ptr;

	if (!keys)
		return;
	g_mutex_clear(&keys->lock);
	OPENSSL_cleanse(keys->keys, sizeof(keys->keys));
	g_free(keys);
}

static gboolean make_key(TicketKey *key, gint64 now)
{
	key->made = now;
	return RAND_bytes(key->name, sizeof(key->name)) == 1 &&
	       RAND_priv_bytes(key->cipher, sizeof(key->cipher)) == 1 &&
	       RAND_priv_bytes(key->mac, sizeof(key->mac)) == 1;
}

static gboolean rotate(TicketKeys *keys)
{
	gint64 now = g_get_real_time(), age = ABS(now - keys->keys[0].made);

	if (age < KEY_LIFE)
		return TRUE;
	keys->keys[1] = keys->keys[0];
	return make_key(&keys->keys[0], now) && (age < 2 * KEY_LIFE || make_key(&keys->keys[1], now));
}

static gboolean use_key(const TicketKey *key, const guint8 *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_CipherInit_ex2(cipher, EVP_aes_256_cbc(), key->cipher, iv, encrypt, NULL) == 1 &&
	       EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* 1: good; 2: good, and the client gets a new ticket; 0: none of ours, so that the handshake is a whole one. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
		     int encrypt)
{
	TicketKeys *keys = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), keys_index);
	int result = encrypt ? -1 : 0;

	g_mutex_lock(&keys->lock);
	if (!rotate(keys)) {
		result = -1;
	} else if (encrypt) {
		memcpy(name, keys->keys[0].name, sizeof(keys->keys[0].name));
		if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
		    use_key(&keys->keys[0], iv, cipher, mac, TRUE))
			result = 1;
	} else {
		for (guint i = 0; i < G_N_ELEMENTS(keys->keys); i++)
			if (!memcmp(name, keys->keys[i].name, sizeof(keys->keys[i].name)))
				result = use_key(&keys->keys[i], iv, cipher, mac, FALSE) ? 1 + (int)i : -1;
	}
	g_mutex_unlock(&keys->lock);
	return result;
}

gboolean tls_tickets_rotate(TlsContext *context)
{
	static gsize once;
	TicketKeys *keys = g_new0(TicketKeys, 1);
	gint64 now = g_get_real_time();

	if (g_once_init_enter(&once)) {
		keys_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, keys_free);
		g_once_init_leave(&once, 1);
	}
	g_mutex_init(&keys->lock);
	if (keys_index < 0 || !make_key(&keys->keys[0], now) || !make_key(&keys->keys[1], now) ||
	    SSL_CTX_set_ex_data(context, keys_index, keys) != 1) {
		keys_free(NULL, keys, NULL, 0, 0, NULL);
		return FALSE;
	}
	return SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket) == 1;
}

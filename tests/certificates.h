/* SPDX-License-Identifier: MIT */
/* certificates.h - certificates made on the spot: authorities, servers, clients, with the faults that are asked for. */
#pragma once
#include <stdio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include "suite.h"

typedef struct {
	X509 *certificate;
	EVP_PKEY *key;
	char *cert_file, *key_file;
} Identity;

static inline void add_extension(X509 *certificate, X509 *issuer, int id, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, id, value);
	g_assert(extension);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

/* Valid from now + `from` to now + `to` seconds; `issuer` NULL: signs itself, an authority; `names` are the alternative
 * names. The files are NAME.crt and NAME.key in the suite's folder. */
static inline Identity *identity_new(const char *name, const Identity *issuer, const char *names, long from, long to)
{
	static long serial;
	Identity *identity = g_new0(Identity, 1);
	g_autofree char *cert = g_strconcat(name, ".crt", NULL), *key = g_strconcat(name, ".key", NULL);
	X509 *one = X509_new();
	FILE *file;

	identity->key = EVP_EC_gen("P-256");
	identity->certificate = one;
	X509_set_version(one, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(one), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(one), from);
	X509_gmtime_adj(X509_getm_notAfter(one), to);
	X509_set_pubkey(one, identity->key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(one), "CN", MBSTRING_UTF8, (const guchar *)name, -1, -1, 0);
	X509_set_issuer_name(one, X509_get_subject_name(issuer ? issuer->certificate : one));
	add_extension(one, issuer ? issuer->certificate : one, NID_basic_constraints,
		      issuer ? "CA:FALSE" : "critical,CA:TRUE");
	if (names)
		add_extension(one, issuer->certificate, NID_subject_alt_name, names);
	g_assert(X509_sign(one, issuer ? issuer->key : identity->key, EVP_sha256()));
	identity->cert_file = suite_file(cert, "");
	identity->key_file = suite_file(key, "");
	file = fopen(identity->cert_file, "w");
	g_assert(file && PEM_write_X509(file, one));
	fclose(file);
	file = fopen(identity->key_file, "w");
	g_assert(file && PEM_write_PrivateKey(file, identity->key, NULL, NULL, 0, NULL, NULL));
	fclose(file);
	return identity;
}

static inline void identity_free(Identity *identity)
{
	X509_free(identity->certificate);
	EVP_PKEY_free(identity->key);
	g_free(identity->cert_file);
	g_free(identity->key_file);
	g_free(identity);
}

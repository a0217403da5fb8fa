/* SPDX-License-Identifier: MIT */
/* tls-self.c - the certificate of a host that was given none: made once, kept in the state folder, with a key on P-256.
 *
 * Nobody has signed it, so that clients compare its fingerprint or trust its file. It is made anew a month before it ends.
 */
#include <string.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <backplane/file.h>
#include <backplane/host.h>
#include <backplane/kernel.h>
#include "tls.h"

#define DAYS 3650
#define RENEW (30 * 86400)
#define SIZE_MAX_OF_FILE (64 * 1024)

static char *own_fingerprint; /* of the one that was used last */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)

static char *fingerprint(const X509 *certificate)
{
	guint8 digest[EVP_MAX_MD_SIZE];
	GString *text = g_string_new(NULL);
	guint size = 0;

	X509_digest(certificate, EVP_sha256(), digest, &size);
	for (guint i = 0; i < size; i++)
		g_string_append_printf(text, "%s%02X", i ? ":" : "", digest[i]);
	return g_string_free(text, FALSE);
}

/* That of the file, unless it ends soon; NULL: there is none that can be used. */
static X509 *load(const char *path)
{
	gsize size = 0;
	g_autofree char *text = bp_file_load(path, SIZE_MAX_OF_FILE, BP_FILE_READ, &size, NULL);
	g_autoptr(BIO) bio = text ? BIO_new_mem_buf(text, (int)size) : NULL;
	g_autoptr(X509) certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	time_t soon = time(NULL) + RENEW;

	ERR_clear_error();
	if (!certificate || X509_cmp_time(X509_get0_notAfter(certificate), &soon) <= 0)
		return NULL;
	return g_steal_pointer(&certificate);
}

static gboolean add_extension(X509 *certificate, int number, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, number, value);
	gboolean good = extension && X509_add_ext(certificate, extension, -1);

	X509_EXTENSION_free(extension);
	return good;
}

static X509 *make(EVP_PKEY *key)
{
	g_autoptr(X509) certificate = X509_new();
	X509_NAME *name = certificate ? X509_get_subject_name(certificate) : NULL;
	g_autofree char *host = g_strcanon(g_strdup(g_get_host_name()), G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-.",
					   '-');
	g_autofree char *names = g_strdup_printf("DNS:%s,DNS:%s.local,DNS:localhost,IP:127.0.0.1,IP:::1", host, host);

	if (!certificate || !X509_set_version(certificate, 2) ||
	    !ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), g_get_real_time()) ||
	    !X509_gmtime_adj(X509_getm_notBefore(certificate), -86400) ||
	    !X509_gmtime_adj(X509_getm_notAfter(certificate), DAYS * 86400L) || !X509_set_pubkey(certificate, key) ||
	    !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const guint8 *)host, (int)MIN(strlen(host), 64), -1,
					0) ||
	    !X509_set_issuer_name(certificate, name) || !add_extension(certificate, NID_subject_alt_name, names) ||
	    !add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") ||
	    !X509_sign(certificate, key, EVP_sha256()))
		return NULL;
	return g_steal_pointer(&certificate);
}

static gboolean keep(const char *path, X509 *certificate, EVP_PKEY *key, GError **error)
{
	g_autofree char *fresh = g_strconcat(path, ".new", NULL);
	g_autoptr(BIO) bio = BIO_new(BIO_s_mem());
	char *text;
	long size;

	if (!bio || !PEM_write_bio_X509(bio, certificate) ||
	    !PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) {
		g_propagate_error(error, tls_error(BP_FAILED, "a certificate cannot be made"));
		return FALSE;
	}
	size = BIO_get_mem_data(bio, &text);
	(void)unlink(fresh);
	return bp_file_create(fresh, text, (gsize)size, error) && bp_file_rename(fresh, path, error);
}

char *tls_self_signed(GError **error)
{
	const char *folder = bp_kernel_state_folder();
	g_autofree char *path = folder ? g_build_filename(folder, "tls.pem", NULL) : NULL;
	g_autoptr(EVP_PKEY) key = NULL;
	g_autoptr(X509) certificate = NULL;

	if (!path) {
		g_set_error(error, BP_IO_ERROR, BP_INVALID,
			    "tls needs a certificate, and there is no state folder to keep one; give tls_cert=FILE");
		return NULL;
	}
	certificate = load(path);
	g_clear_pointer(&own_fingerprint, g_free);
	if (certificate) {
		own_fingerprint = fingerprint(certificate);
		return g_steal_pointer(&path);
	}
	key = EVP_EC_gen("P-256");
	certificate = key ? make(key) : NULL;
	if (!certificate) {
		g_propagate_error(error, tls_error(BP_FAILED, "a certificate cannot be made"));
		return NULL;
	}
	if (!keep(path, certificate, key, error)) {
		g_prefix_error(error, "tls needs a certificate, and %s cannot be written: ", path);
		return NULL;
	}
	own_fingerprint = fingerprint(certificate);
	bp_log(bp_kernel(), BP_LOG_NOTICE, "tls: made the certificate %s; its fingerprint is SHA256 %s", path,
	       own_fingerprint);
	return g_steal_pointer(&path);
}

const char *bp_tls_own_fingerprint(void)
{
	return own_fingerprint;
}

/* SPDX-License-Identifier: MIT */
/* resolve.c - names to addresses, on a pool thread, since the system's resolver blocks.
 *
 * A numeric address is answered without a thread, but never before bp_address_resolve has returned.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <backplane/loop.h>
#include <backplane/address.h>

typedef struct {
	char *host;
	guint port;
	BpResolved done;
	gpointer data;
	GArray *addresses; /* written by the job, read when it is done */
	GError *error;
} ResolveRequest;

/* More than anybody tries in turn. */
#define MOST_ANSWERS 32

static void request_free(gpointer data)
{
	ResolveRequest *request = data;

	g_free(request->host);
	g_clear_pointer(&request->addresses, g_array_unref);
	g_clear_error(&request->error);
	g_free(request);
}

static void keep_answers(ResolveRequest *request, const struct addrinfo *answers)
{
	for (const struct addrinfo *at = answers; at && request->addresses->len < MOST_ANSWERS; at = at->ai_next) {
		BpAddress address = { .size = at->ai_addrlen };

		if (at->ai_addrlen > sizeof(address.storage))
			continue;
		memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
		if (at->ai_family == AF_INET)
			((struct sockaddr_in *)&address.storage)->sin_port = htons((guint16)request->port);
		else if (at->ai_family == AF_INET6)
			((struct sockaddr_in6 *)&address.storage)->sin6_port = htons((guint16)request->port);
		else
			continue;
		g_array_append_val(request->addresses, address);
	}
}

static void ask_system(BpJob *job, gpointer data)
{
	ResolveRequest *request = data;
	/* One entry an address; ADDRCONFIG would hide ::1 on a machine without network. */
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *answers = NULL;
	int result = getaddrinfo(request->host, NULL, &hints, &answers);

	if (result == 0) {
		keep_answers(request, answers);
		freeaddrinfo(answers);
	}
	if (request->addresses->len == 0)
		g_set_error(&request->error, BP_IO_ERROR, BP_NOT_FOUND, "%s has no address: %s", request->host,
			    result ? gai_strerror(result) : "the name is known, but not for IPv4 or IPv6");
}

static void on_job_done(BpPlugin *self, gboolean cancelled, gpointer data)
{
	ResolveRequest *request = data;

	/* A job is cancelled when its owner goes: then there is nobody to tell. */
	if (!cancelled)
		request->done(self, request->error ? NULL : request->addresses, request->error, request->data);
}

static void answer_numeric(BpPlugin *self, gpointer data)
{
	on_job_done(self, FALSE, data);
}

static ResolveRequest *request_new(const char *host, guint port, BpResolved done, gpointer data)
{
	ResolveRequest *request = g_new0(ResolveRequest, 1);

	request->host = g_strdup(host);
	request->port = port;
	request->done = done;
	request->data = data;
	request->addresses = g_array_new(FALSE, FALSE, sizeof(BpAddress));
	return request;
}

void bp_address_resolve(BpPlugin *self, const char *host, guint port, BpResolved done, gpointer data)
{
	ResolveRequest *request;
	BpAddress address;

	g_return_if_fail(self && host && done);
	request = request_new(host, port, done, data);
	if (port > 65535 || strlen(host) > 1024 || *host == '\0') {
		g_set_error(&request->error, BP_IO_ERROR, BP_INVALID, "%.80s port %u cannot be an address", host, port);
		bp_defer(self, answer_numeric, request, request_free);
	} else if (!g_str_equal(host, "*") && bp_address_parse(&address, host, port, NULL)) {
		g_array_append_val(request->addresses, address);
		bp_defer(self, answer_numeric, request, request_free);
	} else if (!bp_job_add(self, "resolve", ask_system, on_job_done, request, request_free)) {
		request = request_new(host, port, done, data); /* the other one is gone */
		g_set_error(&request->error, BP_IO_ERROR, BP_LIMIT, "%s is not looked up: too many jobs wait", host);
		bp_defer(self, answer_numeric, request, request_free);
	}
}

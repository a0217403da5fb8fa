/* SPDX-License-Identifier: MIT */
/* resolve.c - names to addresses, on a pool thread, since the system's resolver blocks.
 *
 * What is numeric already is answered without a thread, but never from inside the question.
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
} Question;

/* More than anybody tries in turn. */
#define MOST_ANSWERS 32

static void question_free(gpointer data)
{
	Question *question = data;

	g_free(question->host);
	g_clear_pointer(&question->addresses, g_array_unref);
	g_clear_error(&question->error);
	g_free(question);
}

static void keep_answers(Question *question, const struct addrinfo *answers)
{
	for (const struct addrinfo *at = answers; at && question->addresses->len < MOST_ANSWERS; at = at->ai_next) {
		BpAddress address = { .size = at->ai_addrlen };

		if (at->ai_addrlen > sizeof(address.storage))
			continue;
		memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
		if (at->ai_family == AF_INET)
			((struct sockaddr_in *)&address.storage)->sin_port = htons((guint16)question->port);
		else if (at->ai_family == AF_INET6)
			((struct sockaddr_in6 *)&address.storage)->sin6_port = htons((guint16)question->port);
		else
			continue;
		g_array_append_val(question->addresses, address);
	}
}

static void ask_system(BpJob *job, gpointer data)
{
	Question *question = data;
	/* One entry an address; ADDRCONFIG would hide ::1 on a machine without network. */
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *answers = NULL;
	int result = getaddrinfo(question->host, NULL, &hints, &answers);

	if (result == 0) {
		keep_answers(question, answers);
		freeaddrinfo(answers);
	}
	if (question->addresses->len == 0)
		g_set_error(&question->error, BP_IO_ERROR, BP_NOT_FOUND, "%s has no address: %s", question->host,
			    result ? gai_strerror(result) : "the name is known, but not for IPv4 or IPv6");
}

static void on_job_done(BpPlugin *self, gboolean cancelled, gpointer data)
{
	Question *question = data;

	/* A job is cancelled when its owner goes: then there is nobody to tell. */
	if (!cancelled)
		question->done(self, question->error ? NULL : question->addresses, question->error, question->data);
}

static void answer_numeric(BpPlugin *self, gpointer data)
{
	on_job_done(self, FALSE, data);
}

static Question *question_new(const char *host, guint port, BpResolved done, gpointer data)
{
	Question *question = g_new0(Question, 1);

	question->host = g_strdup(host);
	question->port = port;
	question->done = done;
	question->data = data;
	question->addresses = g_array_new(FALSE, FALSE, sizeof(BpAddress));
	return question;
}

void bp_address_resolve(BpPlugin *self, const char *host, guint port, BpResolved done, gpointer data)
{
	Question *question;
	BpAddress address;

	g_return_if_fail(self && host && done);
	question = question_new(host, port, done, data);
	if (port > 65535 || strlen(host) > 1024 || *host == '\0') {
		g_set_error(&question->error, BP_IO_ERROR, BP_INVALID, "%.80s port %u cannot be an address", host,
			    port);
		bp_defer(self, answer_numeric, question, question_free);
	} else if (!g_str_equal(host, "*") && bp_address_parse(&address, host, port, NULL)) {
		g_array_append_val(question->addresses, address);
		bp_defer(self, answer_numeric, question, question_free);
	} else if (!bp_job_add(self, "resolve", ask_system, on_job_done, question, question_free)) {
		question = question_new(host, port, done, data); /* the other one is gone */
		g_set_error(&question->error, BP_IO_ERROR, BP_LIMIT, "%s is not looked up: too many jobs wait", host);
		bp_defer(self, answer_numeric, question, question_free);
	}
}

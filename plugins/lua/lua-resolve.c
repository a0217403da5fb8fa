/* SPDX-License-Identifier: MIT */
/* lua-resolve.c - names to addresses for the sockets of scripts. The answer may come when the run or its socket has ended, so the question
 * belongs to the Script and names the socket by its number. */
#include "lua.h"
#include <backplane/address.h>

typedef struct {
	BpInstance *self;
	Script *script;
	guint serial;
	gint64 id;
	ResolveDone done;
} Question;

void question_free(gpointer question)
{
	g_free(question);
}

static void on_resolved(BpPlugin *self, GArray *addresses, const GError *error, gpointer data)
{
	Question question = *(Question *)data;
	Run *run = question.script->live;

	g_hash_table_remove(question.script->questions, data);
	if (run && run->serial == question.serial)
		question.done(run, addresses, error, question.id);
}

void resolve_start(Run *run, const char *host, guint port, ResolveDone done, gint64 id)
{
	Question *question = g_new0(Question, 1);

	*question = (Question){ run->self, run->script, run->serial, id, done };
	g_hash_table_add(run->script->questions, question);
	bp_address_resolve(question->self, host, port, on_resolved, question);
}

/* SPDX-License-Identifier: MIT */
/* shared-history.c - the histories of the sessions that are open now: one for each file. */
#include <backplane/kernel.h>
#include "history.h"

#define HISTORY_LINES 1000

typedef struct {
	char *file;
	guint users;
	History *history;
} SharedHistory;

static GPtrArray *histories;

History *history_share(const char *file)
{
	const char *folder = bp_kernel_state_folder();
	g_autofree char *path = folder ? g_build_filename(folder, file, NULL) : NULL;
	SharedHistory *shared;

	if (!histories)
		histories = g_ptr_array_new();
	for (guint i = 0; i < histories->len; i++) {
		shared = histories->pdata[i];
		if (!g_strcmp0(shared->file, file)) {
			shared->users++;
			return shared->history;
		}
	}
	shared = g_new0(SharedHistory, 1);
	shared->file = g_strdup(file);
	shared->users = 1;
	shared->history = history_open(path, HISTORY_LINES);
	g_ptr_array_add(histories, shared);
	return shared->history;
}

void history_unshare(History *history)
{
	SharedHistory *shared;
	guint at = 0;

	do
		shared = histories->pdata[at++];
	while (shared->history != history);
	if (--shared->users)
		return;
	g_ptr_array_remove(histories, shared);
	if (!histories->len)
		g_clear_pointer(&histories, g_ptr_array_unref);
	history_free(shared->history);
	g_free(shared->file);
	g_free(shared);
}

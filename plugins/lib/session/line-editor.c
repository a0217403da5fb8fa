/* SPDX-License-Identifier: MIT */
/* line-editor.c - the line editor as the kernel's sessions know it, with the history that all of them share. */
#include <backplane/sessions.h>
#include <backplane/kernel.h>
#include "editor.h"

#define HISTORY_LINES 1000

/* Of the editors that are open now: one history for each file. */
typedef struct {
	char *file;
	guint editors;
	History *history;
} SharedHistory;

typedef struct {
	LineEditor *editor;
	SharedHistory *shared; /* NULL: it keeps none */
} SessionEditor;

static GPtrArray *histories;

static SharedHistory *history_share(const char *file)
{
	const char *folder = bp_kernel_state_folder();
	g_autofree char *path = folder ? g_build_filename(folder, file, NULL) : NULL;
	SharedHistory *shared;

	if (!histories)
		histories = g_ptr_array_new();
	for (guint i = 0; i < histories->len; i++) {
		shared = histories->pdata[i];
		if (!g_strcmp0(shared->file, file)) {
			shared->editors++;
			return shared;
		}
	}
	shared = g_new0(SharedHistory, 1);
	shared->file = g_strdup(file);
	shared->editors = 1;
	shared->history = history_open(path, HISTORY_LINES);
	g_ptr_array_add(histories, shared);
	return shared;
}

static void history_unshare(SharedHistory *shared)
{
	if (--shared->editors)
		return;
	g_ptr_array_remove(histories, shared);
	if (!histories->len)
		g_clear_pointer(&histories, g_ptr_array_unref);
	history_free(shared->history);
	g_free(shared->file);
	g_free(shared);
}

static gpointer create(const BpEditorEvents *events, gpointer data, const char *history)
{
	SessionEditor *self = g_new0(SessionEditor, 1);

	self->editor = line_editor_new(events, data);
	if (history) {
		self->shared = history_share(history);
		line_editor_set_history(self->editor, self->shared->history);
	}
	return self;
}

/* It may be one of the editor's own events that frees it; the editor then ends itself when it has returned. */
static void destroy(gpointer editor)
{
	SessionEditor *self = editor;

	line_editor_set_history(self->editor, NULL);
	line_editor_free(self->editor);
	if (self->shared)
		history_unshare(self->shared);
	g_free(self);
}

static gsize feed(gpointer editor, const char *bytes, gsize size)
{
	return line_editor_feed(((SessionEditor *)editor)->editor, bytes, size);
}

static void show(gpointer editor)
{
	line_editor_show(((SessionEditor *)editor)->editor);
}

static gboolean hide(gpointer editor)
{
	return line_editor_hide(((SessionEditor *)editor)->editor);
}

static gboolean is_shown(gconstpointer editor)
{
	return line_editor_is_shown(((const SessionEditor *)editor)->editor);
}

static void set_prompt(gpointer editor, const char *prompt)
{
	line_editor_set_prompt(((SessionEditor *)editor)->editor, prompt);
}

static void set_columns(gpointer editor, guint columns)
{
	line_editor_set_columns(((SessionEditor *)editor)->editor, columns);
}

static void set_echo(gpointer editor, gboolean on)
{
	line_editor_set_echo(((SessionEditor *)editor)->editor, on);
}

static void set_limit(gpointer editor, gsize bytes)
{
	line_editor_set_limit(((SessionEditor *)editor)->editor, bytes);
}

const BpEditorClass bp_line_editor = {
	.size = sizeof(BpEditorClass),
	.create = create,
	.free = destroy,
	.feed = feed,
	.show = show,
	.hide = hide,
	.is_shown = is_shown,
	.set_prompt = set_prompt,
	.set_columns = set_columns,
	.set_echo = set_echo,
	.set_limit = set_limit,
	.begin = LINE_EDITOR_PASTE_ON,
	.end = LINE_EDITOR_PASTE_OFF,
};

/* SPDX-License-Identifier: MIT */
/* conserver-words.c - conserver.cf as blocks. */
#include "conserver-words.h"
#include <string.h>
#include <backplane/file.h>

enum { DEEPEST = 10, FILE_LIMIT = 1024 * 1024 };

typedef struct {
	const char *path, *at;
	guint line, depth;
	GPtrArray *blocks;
	ConserverFault fault;
	gpointer data;
} Reader;

/* "#include FILE" in column 0, relative to this file. */
static void include(Reader *self, const char *name)
{
	g_autofree char *folder = g_path_get_dirname(self->path);
	char *path = g_path_is_absolute(name) ? g_strdup(name) : g_build_filename(folder, name, NULL);
	g_autoptr(GError) error = NULL;
	g_autofree char *text = self->depth < DEEPEST ? bp_file_load(path, FILE_LIMIT, 0, NULL, &error) : NULL;

	if (text)
		conserver_read(path, text, self->depth + 1, self->blocks, self->fault, self->data);
	else
		self->fault(self->data, self->path, self->line, error ? error->message : "files include each other");
}

static void skip_blanks(Reader *self)
{
	for (; *self->at; self->at++) {
		if (*self->at == '#') {
			gboolean is_first = self->at[-1] == '\n' || self->at[-1] == 0;
			gsize size = strcspn(self->at, "\n");

			if (is_first && g_str_has_prefix(self->at, "#include")) {
				g_autofree char *name = g_strndup(self->at + 8, size - 8);

				include(self, g_strstrip(name));
			}
			self->at += size;
			if (!*self->at)
				return;
		}
		if (*self->at == '\n')
			self->line++;
		else if (!g_ascii_isspace(*self->at))
			return;
	}
}

/* Up to one of `ends`, which is not taken; blanks at both ends go away unless quoted. Yours. */
static char *take_word(Reader *self, const char *ends)
{
	GString *out = g_string_new(NULL);
	gsize kept = 0; /* bytes that blanks at the end do not count against */
	gboolean quoted = FALSE;

	skip_blanks(self);
	for (; *self->at; self->at++) {
		if (*self->at == '\\' && self->at[1]) {
			char next = *++self->at;

			/* Inside quotes only the quote and the backslash are taken for themselves. */
			if (quoted && next != '"' && next != '\\')
				g_string_append_c(out, '\\');
			g_string_append_c(out, next);
			kept = out->len;
			self->line += next == '\n';
			continue;
		}
		if (*self->at == '"') {
			quoted = !quoted;
			kept = out->len;
			continue;
		}
		if (!quoted && strchr(ends, *self->at))
			break;
		if (!quoted && *self->at == '#') {
			self->at += strcspn(self->at, "\n") - 1;
			continue;
		}
		self->line += *self->at == '\n';
		g_string_append_c(out, *self->at);
		if (quoted || !g_ascii_isspace(*self->at))
			kept = out->len;
	}
	return g_string_free(g_string_truncate(out, kept), FALSE);
}

static void complain(Reader *self, guint line, const char *text)
{
	self->fault(self->data, self->path, line, text);
}

static void take_entries(Reader *self, Block *block)
{
	for (;;) {
		Entry *entry;

		skip_blanks(self);
		if (!*self->at) {
			complain(self, self->line, "the file ends inside a block");
			return;
		}
		if (*self->at == '}' || *self->at == ';') {
			if (*self->at++ == '}')
				return;
			continue;
		}
		entry = g_new0(Entry, 1);
		entry->line = self->line;
		entry->key = g_ascii_strdown(take_word(self, " \t\r\n;{}"), -1);
		entry->value = take_word(self, ";{}");
		g_ptr_array_add(block->entries, entry);
		if (*self->at == ';') {
			self->at++;
		} else if (*self->at == '{') {
			complain(self, self->line, "{ inside a block");
			self->at++;
		} else if (*self->at == '}') {
			complain(self, self->line, "; is missing");
		}
	}
}

void conserver_read(const char *path, const char *text, guint depth, GPtrArray *blocks, ConserverFault fault,
		    gpointer data)
{
	g_autofree char *copy = g_strconcat("\n", text, NULL); /* so that there is a byte before the first one */
	Reader self = {
		.path = path, .at = copy + 1, .line = 1, .depth = depth, .blocks = blocks, .fault = fault, .data = data
	};

	for (skip_blanks(&self); *self.at; skip_blanks(&self)) {
		Block *block;

		if (strchr(";}", *self.at)) {
			self.at++;
			continue;
		}
		block = g_new0(Block, 1);
		block->entries = g_ptr_array_new();
		block->path = path;
		block->line = self.line;
		block->type = g_ascii_strdown(take_word(&self, " \t\r\n;{}"), -1);
		block->name = take_word(&self, "{};");
		if (*self.at != '{') {
			complain(&self, self.line, "{ is missing");
			continue;
		}
		self.at++;
		take_entries(&self, block);
		g_ptr_array_add(blocks, block);
	}
}

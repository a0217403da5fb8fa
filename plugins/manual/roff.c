/* SPDX-License-Identifier: MIT */
/* roff.c - what roff would take for its own is escaped; no line is longer than 78 bytes, and each sentence begins one: mandoc -T lint. */
#include "roff.h"
#include <string.h>

enum { WIDTH = 78 };

/* Nothing that a space in front would not part is cut. Yours. */
static char *escape(const char *text, gsize size)
{
	GString *out = g_string_new(NULL);

	for (const char *at = text; at < text + size;) {
		gunichar character = g_utf8_get_char(at);

		if (character == '\\')
			g_string_append(out, "\\e");
		else if (character == '-')
			g_string_append(out, "\\-");
		else if (character == '^')
			g_string_append(out, "\\(ha");
		else if (character == '~')
			g_string_append(out, "\\(ti");
		else if (character == '\'')
			g_string_append(out, "\\(aq");
		else if (character == '`')
			g_string_append(out, "\\(ga");
		else if (character == '"')
			g_string_append(out, "\\(dq");
		else if (character < 128)
			g_string_append_c(out, (char)character);
		else
			g_string_append_printf(out, "\\[u%04X]", character);
		at = g_utf8_next_char(at);
	}
	return g_string_free(out, FALSE);
}

static gboolean ends_sentence(const char *word)
{
	gsize size = strlen(word);

	while (size && strchr(")\"'", word[size - 1]))
		size--;
	return size && strchr(".!?", word[size - 1]);
}

static void end_line(GString *page)
{
	if (page->len && page->str[page->len - 1] != '\n')
		g_string_append_c(page, '\n');
}

/* A word with its `code` in bold. `*bold`: inside of some that began before. Yours. */
static char *styled(const char *word, gboolean *bold)
{
	GString *out = g_string_new(NULL);

	for (const char *at = word; *at;) {
		gsize size = strcspn(at, "`");
		g_autofree char *part = escape(at, size);

		g_string_append(out, part);
		at += size;
		if (*at == '`') {
			*bold = !*bold;
			g_string_append(out, *bold ? "\\fB" : "\\fR");
			at++;
		}
	}
	return g_string_free(out, FALSE);
}

void roff_text(GString *page, const char *text)
{
	g_auto(GStrv) words = g_strsplit_set(text, " \n\t", -1);
	gboolean bold = FALSE, begins = TRUE;
	gsize column = 0;

	end_line(page);
	for (char **word = words; *word; word++) {
		g_autofree char *made = styled(*word, &bold);
		gsize size = strlen(made);

		if (!size)
			continue;
		if (!begins && column + 1 + size > WIDTH) {
			g_string_append_c(page, '\n');
			begins = TRUE;
		}
		if (begins)
			column = 0;
		if (begins && strchr(".'", *made))
			g_string_append(page, "\\&");
		g_string_append_printf(page, "%s%s", begins ? "" : " ", made);
		column += size + !begins;
		begins = ends_sentence(*word) && !bold;
		if (begins)
			g_string_append_c(page, '\n');
	}
	if (bold)
		g_string_append(page, "\\fR");
	end_line(page);
}

/* Longer lines go on, indented: as typed they would be one. */
static void literal_line(GString *page, const char *line)
{
	g_autofree char *made = NULL;
	gsize size = strlen(line);

	while (size && line[size - 1] == ' ')
		size--;
	if (size > 70) {
		gsize cut = 70;

		while (cut > 30 && line[cut] != ' ')
			cut--;
		if (line[cut] == ' ') {
			g_autofree char *first = g_strndup(line, cut);
			g_autofree char *rest = g_strdup_printf("        %.*s", (int)(size - cut - 1), line + cut + 1);

			literal_line(page, first);
			literal_line(page, rest);
			return;
		}
	}
	made = escape(line, size);
	g_string_append_printf(page, "%s%s\n", *made && strchr(".'", *made) ? "\\&" : "", made);
}

/* Unless a heading or another one stands right before it. */
static void begin_paragraph(GString *page)
{
	const char *last;

	end_line(page);
	last = g_strrstr_len(page->str, (gssize)page->len - 1, "\n");
	if (!last || (!g_str_has_prefix(last + 1, ".S") && strcmp(last + 1, ".PP\n")))
		g_string_append(page, ".PP\n");
}

void roff_block(GString *page, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	gsize indent = 8;

	for (char **line = lines; *line; line++)
		if (**line)
			indent = MIN(indent, strspn(*line, " "));
	begin_paragraph(page);
	g_string_append(page, ".nf\n.RS 4\n");
	for (char **line = lines; *line; line++) {
		g_autofree char *wide = NULL;
		g_auto(GStrv) parts = g_strsplit(*line, "\t", -1); /* a tab stop is none here */

		wide = g_strjoinv("        ", parts);
		if (*wide)
			literal_line(page, wide + MIN(strspn(wide, " "), indent));
		else if (line[1])
			g_string_append(page, "\\&\n");
	}
	g_string_append(page, ".RE\n.fi\n");
}

void roff_paragraphs(GString *page, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(GString) part = g_string_new(NULL);
	gboolean is_block = FALSE;

	for (char **line = lines;; line++) {
		gboolean indented = *line && **line && (g_str_has_prefix(*line, "  ") || **line == '\t');
		gboolean ends = !*line || (!**line && !is_block) || (**line && part->len && indented != is_block);

		if (ends && part->len) {
			while (part->len && part->str[part->len - 1] == '\n')
				g_string_truncate(part, part->len - 1);
			if (is_block)
				roff_block(page, part->str);
			else {
				begin_paragraph(page);
				roff_text(page, part->str);
			}
			g_string_truncate(part, 0);
		}
		if (!*line)
			return;
		if (**line || is_block) {
			if (!part->len)
				is_block = indented;
			if (**line || part->len)
				g_string_append_printf(part, "%s\n", *line);
		}
	}
}

void roff_begin(GString *page, const char *name, const char *section, const char *date, const char *version,
		const char *summary)
{
	g_autofree char *upper = g_ascii_strup(name, -1), *title = escape(upper, strlen(upper)),
			*shown = escape(name, strlen(name));
	g_autofree char *line = NULL;

	g_string_append_printf(page, ".\\\" Made from the tables of the program.\n.TH %s %s %s \"%s\"\n.SH NAME\n",
			       title, section, date, version);
	line = g_strdup_printf("%s \xe2\x80\x91 %s", name, summary); /* (a hyphen that is none of ours yet) */
	roff_text(page, line);
	g_string_replace(page, "\\[u2011]", "\\-", 1);
}

static void heading(GString *page, const char *macro, const char *title)
{
	g_autofree char *made = escape(title, strlen(title));

	end_line(page);
	g_string_append_printf(page, "%s %s\n", macro, made);
}

void roff_section(GString *page, const char *title)
{
	heading(page, ".SH", title);
}

void roff_subsection(GString *page, const char *title)
{
	heading(page, ".SS", title);
}

void roff_bold(GString *page, const char *text)
{
	g_autofree char *made = escape(text, strlen(text));

	end_line(page);
	g_string_append_printf(page, ".B %s\n", made);
}

void roff_item(GString *page, const char *tag, const char *text)
{
	end_line(page);
	g_string_append(page, ".TP\n");
	roff_bold(page, tag);
	roff_text(page, *text ? text : "-");
}

/* SPDX-License-Identifier: MIT */
/* roff.h - text as the source of a manual page, in the macros of man(7). */
#pragma once
#include <glib.h>

/* .TH and NAME. */
void roff_begin(GString *page, const char *name, const char *section, const char *date, const char *version,
		const char *summary);
void roff_section(GString *page, const char *title);
void roff_subsection(GString *page, const char *title);
/* Running text: a new line for each sentence; what stands in `backticks` is bold. */
void roff_text(GString *page, const char *text);
/* The same with paragraphs parted by empty lines; indented lines stay as they are. */
void roff_paragraphs(GString *page, const char *text);
/* A literal block. */
void roff_block(GString *page, const char *text);
/* A tagged paragraph; the tag is bold. */
void roff_item(GString *page, const char *tag, const char *text);
/* Bold, on a line of its own. */
void roff_bold(GString *page, const char *text);

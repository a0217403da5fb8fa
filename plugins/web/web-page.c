/* SPDX-License-Identifier: MIT */
/* web-page.c - what a command printed, within the page: where <!--OUTPUT--> stands, so that it is read without scripts
 * too. */
#include <string.h>
#include "web.h"

#define PLACE "<!--OUTPUT-->"

static void add_escaped(GString *page, const char *text)
{
	g_autofree char *safe = g_markup_escape_text(text, -1);

	g_string_append(page, safe);
}

static void add_output(GString *page, const char *command, gboolean failed, const char *output)
{
	g_string_append_printf(
		page, "<section id=\"output\" aria-label=\"Output\">\n<p role=\"status\" class=\"%s\">%s: <code>",
		failed ? "notice error" : "notice", failed ? "Command failed" : "Command executed");
	add_escaped(page, command);
	g_string_append(page, "</code></p>\n<pre>");
	add_escaped(page, output);
	g_string_append(page, "</pre>\n</section>");
}

void web_serve_result(WebServer *server, BpHttpExchange *exchange, const char *command, gboolean failed,
		      const char *output)
{
	g_autoptr(GString) page = g_string_new(NULL);
	gsize size = 0;
	const char *index = g_bytes_get_data(web_index(), &size);
	const char *place = g_strstr_len(index, (gssize)size, PLACE);
	gsize before = place ? (gsize)(place - index) : size;

	g_string_append_len(page, index, (gssize)before);
	add_output(page, command, failed, output);
	if (place)
		g_string_append_len(page, place + strlen(PLACE), (gssize)(size - before - strlen(PLACE)));
	bp_http_respond(exchange, 200, "text/html; charset=utf-8", page->str, page->len);
}

/* SPDX-License-Identifier: MIT */
/* web-page.c - what a command printed, as a page that needs no script. */
#include <string.h>
#include "web.h"

static void add_escaped(GString *page, const char *text)
{
	g_autofree char *safe = g_markup_escape_text(text, -1);

	g_string_append(page, safe);
}

void web_serve_result(WebServer *server, BpHttpExchange *exchange, const char *command, gboolean failed, const char *output)
{
	g_autoptr(GString) page = g_string_new("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
					       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
					       "<title>Backplane: command</title>\n"
					       "<link rel=\"stylesheet\" href=\"/assets/style.css\">\n</head>\n<body>\n<main>\n");

	g_string_append_printf(page, "<h1>%s</h1>\n<p role=\"status\">%s: <code>", bp_kernel_version(),
			       failed ? "Command failed" : "Command executed");
	add_escaped(page, command);
	g_string_append(page, "</code></p>\n<pre>");
	add_escaped(page, output);
	g_string_append(page, "</pre>\n<form method=\"post\" action=\"/\">\n<label for=\"cmd\">Commands, one a line</label>\n"
			      "<p><textarea id=\"cmd\" name=\"cmd\" rows=\"5\" cols=\"60\"></textarea></p>\n"
			      "<p><button>Execute</button></p>\n</form>\n<p><a href=\"/\">Overview</a></p>\n"
			      "</main>\n</body>\n</html>\n");
	bp_http_respond(exchange, 200, "text/html; charset=utf-8", page->str, page->len);
}

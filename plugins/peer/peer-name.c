/* SPDX-License-Identifier: MIT */
/* peer-name.c - the name under which another host is known here: that which it gives itself, as far as nobody else has it. */
#include <string.h>
#include "peer.h"

/* Another host that is connected under that name. */
PeerLink *peer_link_named_alike(const PeerLink *link, const char *name)
{
	for (GList *at = link->net->links.head; at; at = at->next) {
		PeerLink *other = at->data;

		if (other != link && peer_link_is_up(other) && g_strcmp0(other->name, name) == 0 &&
		    g_strcmp0(other->id, link->id) != 0)
			return other;
	}
	return NULL;
}

/* The name as a part of channels' names, unique among the hosts. */
void peer_link_name(PeerLink *link)
{
	GString *name = g_string_new(NULL);

	for (const char *at = link->handshake->name; *at && name->len < 64; at = g_utf8_next_char(at)) {
		gunichar letter = g_utf8_get_char(at);

		if (g_unichar_isgraph(letter) && !(letter < 128 && strchr("*?[]/", (int)letter)))
			g_string_append_unichar(name, letter);
		else
			g_string_append_c(name, '_');
	}
	link->name = g_string_free(name, FALSE);
	link->renamed = *link->name && peer_link_named_alike(link, link->name);
	if (link->renamed || !*link->name || strcmp(link->name, link->net->server->name) == 0) {
		char *longer = g_strdup_printf("%s-%.8s", link->name, link->id);

		g_free(link->name);
		link->name = longer;
	}
	link->origin = g_ref_string_new(link->name);
}

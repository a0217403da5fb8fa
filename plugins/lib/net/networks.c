/* SPDX-License-Identifier: MIT */
/* networks.c - which addresses may come. */
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <backplane/networks.h>

#define MOST 1000

const BpParam bp_networks_params[] = {
	{ "allow", .many = 1, .help = "addresses and networks that may come, as 192.168.1.0/24; all if left out" },
	{ "deny", .many = 1, .help = "addresses and networks that may not come" },
	{ NULL },
};

/* IPv4 addresses as those of IPv6 that stand for them: ::ffff:a.b.c.d. */
typedef struct {
	guint8 bytes[16];
	guint bits;
} Network;

struct BpNetworks {
	GArray *allow, *deny; /* of Network */
};

static const guint8 mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static gboolean parse(const char *text, Network *network)
{
	const char *slash = strchr(text, '/');
	g_autofree char *host = slash ? g_strndup(text, (gsize)(slash - text)) : g_strdup(text);
	guint64 bits;
	guint whole;

	if (inet_pton(AF_INET, host, network->bytes + 12) == 1) {
		memcpy(network->bytes, mapped, sizeof(mapped));
		whole = 32;
	} else if (inet_pton(AF_INET6, host, network->bytes) == 1) {
		whole = 128;
	} else {
		return FALSE;
	}
	bits = whole;
	if (slash && !g_ascii_string_to_unsigned(slash + 1, 10, 0, whole, &bits, NULL))
		return FALSE;
	network->bits = (guint)bits + 128 - whole;
	return TRUE;
}

static GArray *read_list(BpInstance *self, const char *name, GError **error)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(Network));

	for (const char *const *text = bp_values_list(bp_instance_values(self), name); text && *text; text++) {
		Network network;

		if (!parse(*text, &network) || list->len >= MOST) {
			g_set_error(
				error, BP_IO_ERROR, BP_INVALID,
				"%s: \"%s\" is no address and no network; write it as 192.168.1.7, 192.168.1.0/24 or fd00::/8",
				name, *text);
			return NULL;
		}
		g_array_append_val(list, network);
	}
	return g_steal_pointer(&list);
}

gboolean bp_networks_of(BpInstance *self, BpNetworks **networks, GError **error)
{
	g_autoptr(GArray) allow = NULL, deny = NULL;

	*networks = NULL;
	if (!bp_param_find(bp_values_table(bp_instance_values(self)), "allow"))
		return TRUE;
	allow = read_list(self, "allow", error);
	deny = allow ? read_list(self, "deny", error) : NULL;
	if (!deny)
		return FALSE;
	if (allow->len || deny->len) {
		*networks = g_new(BpNetworks, 1);
		**networks = (BpNetworks){ g_steal_pointer(&allow), g_steal_pointer(&deny) };
	}
	return TRUE;
}

static gboolean has(const GArray *list, const guint8 bytes[16])
{
	for (guint i = 0; i < list->len; i++) {
		const Network *network = &g_array_index(list, Network, i);
		guint whole = network->bits / 8, rest = network->bits % 8;
		guint8 mask = (guint8)(0xff00 >> rest);

		if (memcmp(network->bytes, bytes, whole) == 0 &&
		    (!rest || (network->bytes[whole] & mask) == (bytes[whole] & mask)))
			return TRUE;
	}
	return FALSE;
}

gboolean bp_networks_allow(const BpNetworks *networks, const BpAddress *address)
{
	guint8 bytes[16];

	if (!networks || address->storage.ss_family == AF_UNIX)
		return TRUE;
	if (address->storage.ss_family == AF_INET) {
		memcpy(bytes, mapped, sizeof(mapped));
		memcpy(bytes + 12, &((const struct sockaddr_in *)&address->storage)->sin_addr, 4);
	} else if (address->storage.ss_family == AF_INET6) {
		memcpy(bytes, &((const struct sockaddr_in6 *)&address->storage)->sin6_addr, 16);
	} else {
		return FALSE;
	}
	return !has(networks->deny, bytes) && (!networks->allow->len || has(networks->allow, bytes));
}

void bp_networks_free(BpNetworks *networks)
{
	if (!networks)
		return;
	g_array_unref(networks->allow);
	g_array_unref(networks->deny);
	g_free(networks);
}

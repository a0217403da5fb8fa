/* SPDX-License-Identifier: MIT */
/* address.c - reading and writing socket addresses; nothing here asks the network.
 *
 * "*" and "" are any address (IPv4; a bind list has both families), "localhost" both loopbacks,
 * "unix:@NAME" a name in the kernel's abstract space, "/PATH" and "unix:PATH" a socket file.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <backplane/address.h>

G_STATIC_ASSERT(sizeof(struct sockaddr_un) <= sizeof(struct sockaddr_storage));

static const struct sockaddr_in *as_v4(const BpAddress *address)
{
	return (const struct sockaddr_in *)&address->storage;
}

static const struct sockaddr_in6 *as_v6(const BpAddress *address)
{
	return (const struct sockaddr_in6 *)&address->storage;
}

static const struct sockaddr_un *as_unix(const BpAddress *address)
{
	return (const struct sockaddr_un *)&address->storage;
}

static gboolean parse_unix(BpAddress *address, const char *name, GError **error)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&address->storage;
	gsize length = strlen(name);

	if (length == 0 || length >= sizeof(un->sun_path)) {
		g_set_error(error, BP_IO_ERROR, BP_INVALID,
			    "\"%.40s%s\" cannot name a Unix socket: it must have 1 to %zu bytes", name,
			    length > 40 ? "..." : "", sizeof(un->sun_path) - 1);
		return FALSE;
	}
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, name, length);
	address->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
	if (name[0] == '@') {
		un->sun_path[0] = '\0';
		address->size--;
	}
	return TRUE;
}

static gboolean parse_v4(BpAddress *address, const char *host, guint port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&address->storage;

	if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
		return FALSE;
	in->sin_family = AF_INET;
	in->sin_port = htons((guint16)port);
	address->size = sizeof(*in);
	return TRUE;
}

/* An interface by name or by number. */
static gboolean parse_scope(const char *scope, guint32 *number)
{
	guint64 value = if_nametoindex(scope);

	if (!value && !g_ascii_string_to_unsigned(scope, 10, 1, G_MAXINT32, &value, NULL))
		return FALSE;
	*number = (guint32)value;
	return TRUE;
}

static gboolean parse_v6(BpAddress *address, const char *host, guint port, GError **error)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->storage;
	char text[INET6_ADDRSTRLEN];
	const char *scope = strchr(host, '%');
	gsize length = scope ? (gsize)(scope - host) : strlen(host);

	if (length > 2 && !scope && host[0] == '[' && host[length - 1] == ']') {
		host++;
		length -= 2;
	}
	if (length >= sizeof(text))
		return FALSE;
	memcpy(text, host, length);
	text[length] = '\0';
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
		return FALSE;
	if (scope && !parse_scope(scope + 1, &in6->sin6_scope_id)) {
		g_set_error(error, BP_IO_ERROR, BP_NOT_FOUND,
			    "%s: there is no network interface \"%.40s\"; see \"ip link\"", text, scope + 1);
		return FALSE;
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((guint16)port);
	address->size = sizeof(*in6);
	return TRUE;
}

/* What fails may leave a part of it in the address. */
static gboolean parse(BpAddress *address, const char *host, guint port, GError **error)
{
	g_autoptr(GError) scope = NULL;

	if (!host || !*host || g_str_equal(host, "*"))
		host = "0.0.0.0";
	if (g_str_has_prefix(host, "unix:"))
		return parse_unix(address, host + 5, error);
	if (host[0] == '/')
		return parse_unix(address, host, error);
	if (port > 65535) {
		g_set_error(error, BP_IO_ERROR, BP_INVALID, "%u is not a port: ports are 0 to 65535", port);
		return FALSE;
	}
	if (parse_v4(address, host, port) || parse_v6(address, host, port, &scope))
		return TRUE;
	if (scope)
		g_propagate_error(error, g_steal_pointer(&scope));
	else
		g_set_error(
			error, BP_IO_ERROR, BP_INVALID,
			"\"%.80s\" is not an address: give an IPv4 or IPv6 address, *, localhost or /path/of.socket",
			host);
	return FALSE;
}

gboolean bp_address_parse(BpAddress *address, const char *host, guint port, GError **error)
{
	BpAddress parsed = { 0 };

	g_return_val_if_fail(address, FALSE);
	if (!parse(&parsed, host, port, error))
		return FALSE;
	*address = parsed;
	return TRUE;
}

static char *format_host(const BpAddress *address, gboolean with_scope)
{
	char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];

	if (address->storage.ss_family == AF_INET) {
		inet_ntop(AF_INET, &as_v4(address)->sin_addr, text, sizeof(text));
	} else {
		guint32 scope = with_scope ? as_v6(address)->sin6_scope_id : 0;
		gsize length;

		inet_ntop(AF_INET6, &as_v6(address)->sin6_addr, text, INET6_ADDRSTRLEN);
		length = strlen(text);
		if (scope) {
			text[length++] = '%';
			if (!if_indextoname(scope, text + length))
				g_snprintf(text + length, IF_NAMESIZE, "%u", scope);
		}
	}
	return g_strdup(text);
}

/* "@name" for an abstract one, "" for one without name. */
static char *format_unix(const BpAddress *address)
{
	const struct sockaddr_un *un = as_unix(address);
	gsize length = address->size > offsetof(struct sockaddr_un, sun_path)
			       ? address->size - offsetof(struct sockaddr_un, sun_path)
			       : 0;
	char *text;

	if (length == 0)
		return g_strdup("");
	length = MIN(length, sizeof(un->sun_path));
	if (un->sun_path[0])
		return g_strndup(un->sun_path, length);
	text = g_strndup("@", length + 1);
	memcpy(text + 1, un->sun_path + 1, length - 1);
	return text;
}

char *bp_address_format(const BpAddress *address)
{
	g_autofree char *host = NULL;

	switch (address->storage.ss_family) {
	case AF_UNIX:
		host = format_unix(address);
		if (*host == '/')
			return g_steal_pointer(&host);
		return *host ? g_strconcat("unix:", host, NULL) : g_strdup("unix");
	case AF_INET:
		host = format_host(address, TRUE);
		return g_strdup_printf("%s:%u", host, bp_address_port(address));
	case AF_INET6:
		host = format_host(address, TRUE);
		return g_strdup_printf("[%s]:%u", host, bp_address_port(address));
	default:
		return g_strdup("");
	}
}

char *bp_address_format_tuple(const BpAddress *address)
{
	g_autofree char *host = NULL;

	switch (address->storage.ss_family) {
	case AF_UNIX:
		host = format_unix(address);
		return g_strdup_printf("'%s'", host);
	case AF_INET:
		host = format_host(address, FALSE);
		return g_strdup_printf("('%s', %u)", host, bp_address_port(address));
	case AF_INET6:
		host = format_host(address, FALSE);
		return g_strdup_printf("('%s', %u, %u, %u)", host, bp_address_port(address),
				       ntohl(as_v6(address)->sin6_flowinfo), as_v6(address)->sin6_scope_id);
	default:
		return g_strdup("''");
	}
}

gboolean bp_address_is_loopback(const BpAddress *address)
{
	switch (address->storage.ss_family) {
	case AF_UNIX:
		return TRUE;
	case AF_INET:
		return (ntohl(as_v4(address)->sin_addr.s_addr) >> 24) == 127;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&as_v6(address)->sin6_addr) ||
		       (IN6_IS_ADDR_V4MAPPED(&as_v6(address)->sin6_addr) &&
			as_v6(address)->sin6_addr.s6_addr[12] == 127);
	default:
		return FALSE;
	}
}

guint bp_address_port(const BpAddress *address)
{
	switch (address->storage.ss_family) {
	case AF_INET:
		return ntohs(as_v4(address)->sin_port);
	case AF_INET6:
		return ntohs(as_v6(address)->sin6_port);
	default:
		return 0;
	}
}

gboolean bp_address_equal(const BpAddress *a, const BpAddress *b)
{
	if (a->storage.ss_family != b->storage.ss_family)
		return FALSE;
	switch (a->storage.ss_family) {
	case AF_INET:
		return as_v4(a)->sin_port == as_v4(b)->sin_port &&
		       as_v4(a)->sin_addr.s_addr == as_v4(b)->sin_addr.s_addr;
	case AF_INET6:
		return as_v6(a)->sin6_port == as_v6(b)->sin6_port &&
		       as_v6(a)->sin6_scope_id == as_v6(b)->sin6_scope_id &&
		       memcmp(&as_v6(a)->sin6_addr, &as_v6(b)->sin6_addr, sizeof(struct in6_addr)) == 0;
	default: {
		/* The system gives names of socket files with and without their NUL. */
		g_autofree char *left = format_unix(a), *right = format_unix(b);

		return g_str_equal(left, right);
	}
	}
}

GArray *bp_address_bind_list(const char *bind, guint port, GError **error)
{
	static const char *const both_loopbacks[] = { "127.0.0.1", "::1", NULL };
	static const char *const any[] = { "0.0.0.0", "::", NULL };
	const char *one[] = { bind, NULL };
	const char *const *hosts = one;
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(BpAddress));

	if (!bind || !*bind || g_str_equal(bind, "*"))
		hosts = any;
	else if (g_ascii_strcasecmp(bind, "localhost") == 0)
		hosts = both_loopbacks;
	for (; *hosts; hosts++) {
		BpAddress address;

		if (!bp_address_parse(&address, *hosts, port, error))
			return NULL;
		g_array_append_val(list, address);
	}
	return g_steal_pointer(&list);
}

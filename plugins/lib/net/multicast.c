/* SPDX-License-Identifier: MIT */
/* multicast.c - broadcast and groups of datagram sockets, for IPv4 and IPv6. */
#define _GNU_SOURCE
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include "datagram.h"

static gboolean set_option(BpDatagram *datagram, int level, int name, gconstpointer value, socklen_t size,
			   const char *what, GError **error)
{
	int fd = datagram_fd(datagram);

	if (fd >= 0 && setsockopt(fd, level, name, value, size) == 0)
		return TRUE;
	g_set_error(error, BP_IO_ERROR, BP_FAILED, "%s: %s", what, g_strerror(fd < 0 ? EBADF : errno));
	return FALSE;
}

/* 0 for NULL: the system's choice. */
static gboolean find_interface(const char *name, unsigned int *index, GError **error)
{
	unsigned int found = name && *name ? if_nametoindex(name) : 0;

	if (name && *name && !found) {
		g_set_error(error, BP_IO_ERROR, BP_NOT_FOUND,
			    "there is no network interface \"%.40s\"; see \"ip link\"", name);
		return FALSE;
	}
	*index = found;
	return TRUE;
}

gboolean bp_datagram_set_broadcast(BpDatagram *datagram, gboolean on, GError **error)
{
	int value = on ? 1 : 0;

	return set_option(datagram, SOL_SOCKET, SO_BROADCAST, &value, sizeof(value), "broadcast cannot be set", error);
}

static gboolean is_group(const BpAddress *group)
{
	if (group->storage.ss_family == AF_INET)
		return IN_MULTICAST(ntohl(((const struct sockaddr_in *)&group->storage)->sin_addr.s_addr));
	return group->storage.ss_family == AF_INET6 &&
	       IN6_IS_ADDR_MULTICAST(&((const struct sockaddr_in6 *)&group->storage)->sin6_addr);
}

static gboolean change_group(BpDatagram *datagram, const BpAddress *group, const char *interface, gboolean join,
			     GError **error)
{
	struct group_req request = { .gr_interface = 0 };
	g_autofree char *text = bp_address_format(group);
	g_autofree char *what = g_strdup_printf("the group %s cannot be %s", text, join ? "joined" : "left");
	unsigned int index;

	if (!is_group(group) || group->storage.ss_family != bp_datagram_local(datagram)->storage.ss_family) {
		g_set_error(error, BP_IO_ERROR, BP_INVALID, "%s: %s", what,
			    is_group(group) ? "the socket is of the other IP version"
					    : "groups are 224.0.0.0 to 239.255.255.255 and ff00::/8");
		return FALSE;
	}
	if (!find_interface(interface, &index, error))
		return FALSE;
	request.gr_interface = index;
	if (!index && group->storage.ss_family == AF_INET6)
		request.gr_interface = ((const struct sockaddr_in6 *)&group->storage)->sin6_scope_id;
	request.gr_group = group->storage;
	return set_option(datagram, group->storage.ss_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
			  join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, &request, sizeof(request), what, error);
}

gboolean bp_datagram_join(BpDatagram *datagram, const BpAddress *group, const char *interface, GError **error)
{
	return change_group(datagram, group, interface, TRUE, error);
}

gboolean bp_datagram_leave(BpDatagram *datagram, const BpAddress *group, const char *interface, GError **error)
{
	return change_group(datagram, group, interface, FALSE, error);
}

gboolean bp_datagram_set_multicast(BpDatagram *datagram, guint ttl, gboolean loop, const char *interface,
				   GError **error)
{
	static const char what[] = "multicast cannot be set";
	gboolean v4 = bp_datagram_local(datagram)->storage.ss_family == AF_INET;
	int level = v4 ? IPPROTO_IP : IPPROTO_IPV6, hops = (int)ttl, echo = loop ? 1 : 0;
	unsigned int index;

	if (ttl > 255) {
		g_set_error(error, BP_IO_ERROR, BP_INVALID, "%u is no time to live: it is 0 to 255", ttl);
		return FALSE;
	}
	if (!find_interface(interface, &index, error))
		return FALSE;
	if (v4 && index) {
		struct ip_mreqn request = { .imr_ifindex = (int)index };

		if (!set_option(datagram, level, IP_MULTICAST_IF, &request, sizeof(request), what, error))
			return FALSE;
	} else if (index && !set_option(datagram, level, IPV6_MULTICAST_IF, &index, sizeof(index), what, error)) {
		return FALSE;
	}
	return set_option(datagram, level, v4 ? IP_MULTICAST_TTL : IPV6_MULTICAST_HOPS, &hops, sizeof(hops), what,
			  error) &&
	       set_option(datagram, level, v4 ? IP_MULTICAST_LOOP : IPV6_MULTICAST_LOOP, &echo, sizeof(echo), what,
			  error);
}

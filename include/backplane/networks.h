/* SPDX-License-Identifier: MIT */
/* networks.h - which addresses may come: lists of addresses and networks (CIDR, RFC 4632), as "192.168.1.0/24" or "fd00::/8".
 *
 * Every server with bp_server_params has `allow` and `deny`, and so have the modules of UDP. An address may come if no network of
 * `deny` has it, and `allow` is empty or has it. Sockets of this machine that have a path are not asked. Link with backplane-net.
 */
#pragma once
#include <backplane/address.h>
#include <backplane/module.h>

G_BEGIN_DECLS

/* allow and deny, for modules with a table of their own. */
BP_API extern const BpParam bp_networks_params[];

typedef struct BpNetworks BpNetworks;
/* Those of the parameters of `self`. `*networks` NULL: all may come. FALSE: one cannot be read. */
BP_API gboolean bp_networks_of(BpInstance *self, BpNetworks **networks, GError **error);
BP_API gboolean bp_networks_allow(const BpNetworks *networks, const BpAddress *address);
BP_API void bp_networks_free(BpNetworks *networks); /* NULL too */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BpNetworks, bp_networks_free)

G_END_DECLS

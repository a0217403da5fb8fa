/* SPDX-License-Identifier: MIT */
/* peer-table.h - the rows of the command table: their parameters and functions. */
#pragma once
#include <backplane/command.h>

extern const BpParam discovery_discover_params[];
extern const BpParam endpoint_add_params[];
extern const BpParam endpoint_remove_params[];
extern const BpParam peer_broadcast_params[];
extern const BpParam peer_connect_params[];
extern const BpParam peer_export_params[];
extern const BpParam peer_import_params[];
extern const BpParam peer_instance_params[];
extern const BpParam peer_send_params[];
gboolean discovery_run_discover(BpPlugin *self, BpCall *call, GError **error);
gboolean discovery_run_list(BpPlugin *self, BpCall *call, GError **error);
gboolean endpoint_run_add(BpPlugin *self, BpCall *call, GError **error);
gboolean endpoint_run_list(BpPlugin *self, BpCall *call, GError **error);
gboolean endpoint_run_remove(BpPlugin *self, BpCall *call, GError **error);
gboolean peer_run_broadcast(BpPlugin *self, BpCall *call, GError **error);
gboolean peer_run_connect(BpPlugin *self, BpCall *call, GError **error);
gboolean peer_run_export(BpPlugin *self, BpCall *call, GError **error);
gboolean peer_run_import(BpPlugin *self, BpCall *call, GError **error);
gboolean peer_run_info(BpPlugin *self, BpCall *call, GError **error);
gboolean peer_run_list(BpPlugin *self, BpCall *call, GError **error);
gboolean peer_run_send(BpPlugin *self, BpCall *call, GError **error);

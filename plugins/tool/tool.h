/* SPDX-License-Identifier: MIT */
/* tool.h - what the commands for scripts share. */
#pragma once
#include <backplane/backplane.h>
#include <backplane/host.h>
#include <backplane/json.h>
#include <backplane/kernel.h>
#include <backplane/session.h>

extern const BpParam tool_watch_params[], tool_send_params[], tool_wait_params[], tool_top_params[],
	tool_doctor_params[];
gboolean tool_run_watch(BpPlugin *self, BpCall *call, GError **error);
gboolean tool_run_send(BpPlugin *self, BpCall *call, GError **error);
gboolean tool_run_wait(BpPlugin *self, BpCall *call, GError **error);
gboolean tool_run_top(BpPlugin *self, BpCall *call, GError **error);
gboolean tool_run_renew(BpPlugin *self, BpCall *call, GError **error);
gboolean tool_run_doctor(BpPlugin *self, BpCall *call, GError **error);

/* Prints an object on a line. */
void tool_print_json(BpCall *call, json_t *take_object);
/* What follows is for standard error: a script that reads the output does not get it. See backplane/control.h. */
void tool_mark_error(BpCall *call);

void tool_renew_load(void);
/* Takes note of the file of a plugin that has been loaded. */
void tool_renew_look(const char *name);
void tool_renew_unload(void);

/* SPDX-License-Identifier: MIT */
/* automation.c - commands that run commands: again and again, for each number of a range, at every start. */
#include <string.h>
#include "automation.h"

static const char manual[] =
	"  timerbeat 0 60 status                       every minute, for ever; timerbeat off ends it\n"
	"  loop 1 8 channel send relay{loop}/send on   for each number of a range\n"
	"  batch add consoleserver -p 2323             at every start\n"
	"  rule add hot --channel thermo/recv --above 30 --problem \"{value} degrees\"   when a message says so\n";

/* The program says so when everything is loaded and open. */
static void on_signal(BpPlugin *self, BpMessage *message, gpointer data)
{
	if (!strcmp(bp_message_data(message), BP_SIGNAL_START))
		rules_open(self), batch_run_all(self);
}

static gboolean load(BpPlugin *self, GError **error)
{
	static const BpRole role = BP_ADMIN; /* a rule runs commands */

	bp_channel_watch(self, bp_channel(self, BP_SIGNALS), on_signal, NULL, NULL);
	return bp_command_add(self, timer_commands, error) && bp_command_add(self, loop_commands, error) &&
	       bp_command_add(self, batch_commands, error) && bp_command_add(self, keep_commands, error) &&
	       bp_command_add(self, rule_commands, error) &&
	       bp_registry_add(self, BP_MODULE_ROLE "Rule", &role, error) &&
	       bp_registry_add(self, "resource/rules", &rules_resource, error);
}

BP_PLUGIN(.name = "automation", .version = "1.0", .summary = "Commands that run again and again, or at every start",
	  .manual = manual, .modules = rule_modules, .load = load);

/* SPDX-License-Identifier: MIT */
/* owned.c - the command `owned`: what each plugin and instance owns, for those who look for leaks. */
#include <dirent.h>
#include <malloc.h>
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/host.h>
#include <backplane/owner.h>

static const char manual[] =
	"owned prints a line for each owner and kind of thing: OWNER KIND COUNT. An owner is an instance, plugin/NAME,\n"
	"kernel, or process, whose lines are the sums: channels, sessions, timers and watched descriptors of the main\n"
	"loop, open descriptors and allocated bytes. When the clients of a server have gone, it owns what it did\n"
	"before them.\n";

typedef struct {
	const BpPlugin *owner;
	const char *kind;
	guint count;
} OwnedCount;

static void count(const BpPlugin *owner, const char *kind, gpointer data)
{
	GArray *rows = data;
	OwnedCount fresh = { owner, kind, 1 };

	for (guint i = 0; i < rows->len; i++) {
		OwnedCount *row = &g_array_index(rows, OwnedCount, i);

		if (row->owner == owner && strcmp(row->kind, kind) == 0) {
			row->count++;
			return;
		}
	}
	g_array_append_val(rows, fresh);
}

static guint open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	guint number = 0;

	while (folder && readdir(folder))
		number++;
	if (folder)
		closedir(folder);
	return number > 3 ? number - 3 : 0; /* ".", ".." and the folder's own */
}

static void print_sums(BpCall *call)
{
	g_autoptr(GPtrArray) channels = bp_channel_list(NULL);
	g_autoptr(GPtrArray) sessions = bp_session_list();
	BpLoopStats stats = bp_loop_stats(bp_loop_main());
	struct mallinfo2 memory = mallinfo2();

	bp_call_printf(call, "process channel %u", channels->len);
	bp_call_printf(call, "process session %u", sessions->len);
	bp_call_printf(call, "process timer %u", stats.timers);
	bp_call_printf(call, "process watched-descriptor %u", stats.fds);
	bp_call_printf(call, "process descriptor %u", open_descriptors());
	bp_call_printf(call, "process allocated-byte %zu", memory.uordblks + memory.hblkhd);
}

static gboolean run_owned(BpPlugin *self, BpCall *call, GError **error)
{
	g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(OwnedCount));

	bp_owner_each(count, rows);
	print_sums(call);
	for (guint i = 0; i < rows->len; i++) {
		const OwnedCount *row = &g_array_index(rows, OwnedCount, i);
		const char *name = bp_plugin_name(row->owner);
		gboolean is_plugin = row->owner != bp_kernel() && bp_plugin_find(name) == row->owner;
		g_autofree char *kind = g_strdelimit(g_strdup(row->kind), " ", '-');

		bp_call_printf(call, "%s%s %s %u", is_plugin ? "plugin/" : "", name, kind, row->count);
	}
	return TRUE;
}

static const BpCommand commands[] = {
	{ "owned", .help = "what each plugin and instance owns: lines of owner, kind and count", .run = run_owned,
	  .group = "plugin" },
	{ NULL },
};

BP_PLUGIN(.name = "owned", .version = "1.0", .summary = "What each plugin and instance owns", .manual = manual,
	  .commands = commands);

/* SPDX-License-Identifier: MIT */
/* leftovers.c - finds what a plugin that is unloaded has left behind, so that its code stays in memory; and whether the file of a plugin
 * is whole, before it is loaded.
 *
 * There is nothing to be done with it: the program loads it, and the kernel asks it (leftovers.h). Found are sources on the
 * default context, threads, GIO calls that nobody holds the plugin for, types, names of quarks, handlers of signals, and
 * functions that are to run at the exit of the process. Sources and handlers are removed too.
 *
 * After each load it also looks whether the plugin has changed the handling of signals that the program uses itself, and
 * restores it.
 */
#include "leftovers.h"
#include <stdarg.h>
#include <string.h>

#define SIGNALS 65

static const char manual[] =
	"When a plugin is unloaded, what it has made past its handle stays: a source on GLib's context, a thread, a\n"
	"call of GIO that it is not held for, a type, a handler of a signal. This plugin finds it, and the log says\n"
	"what it was; the code of such a plugin stays in memory, because it would be called again.\n"
	"\n"
	"A file that is written just now, or is damaged, is refused before it is loaded.\n"
	"\n"
	"  plugin unload NAME\n";

/* One block. */
typedef struct {
	const BpLeftovers *made_by; /* another build of this plugin may have another layout */
	guint source;
	guint64 ticks;
	struct sigaction actions[SIGNALS];
	sigset_t blocked;
	gsize count, brought; /* mapped objects: before, and added since */
	guintptr bases[];
} Snapshot;

extern const BpLeftovers left_table;

void left_add(GPtrArray *found, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_ptr_array_add(found, g_strdup_vprintf(format, args));
	va_end(args);
}

static gpointer before(BpPlugin *self, guint source)
{
	g_autoptr(GArray) bases = left_objects();
	Snapshot *state = g_malloc0(sizeof(*state) + bases->len * sizeof(guintptr));

	state->made_by = &left_table;
	state->source = source;
	state->ticks = left_ticks();
	for (int number = 1; number < SIGNALS; number++)
		sigaction(number, NULL, &state->actions[number]);
	pthread_sigmask(SIG_BLOCK, NULL, &state->blocked);
	state->count = bases->len;
	memcpy(state->bases, bases->data, bases->len * sizeof(guintptr));
	return state;
}

/* --- signals that are the program's --- */

static gconstpointer handler_of(const struct sigaction *action)
{
	return action->sa_flags & SA_SIGINFO ? (gconstpointer)action->sa_sigaction : (gconstpointer)action->sa_handler;
}

static gboolean is_used(const Snapshot *state, int number)
{
	return sigismember(&state->blocked, number) == 1 ||
	       handler_of(&state->actions[number]) != (gconstpointer)SIG_DFL;
}

static void restore_signals(BpPlugin *self, const Snapshot *state, const char *name)
{
	g_autoptr(GString) changed = g_string_new(NULL);
	struct sigaction now;
	sigset_t blocked;

	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	for (int number = 1; number < SIGNALS; number++) {
		if (!is_used(state, number) || sigaction(number, NULL, &now))
			continue;
		if (handler_of(&now) == handler_of(&state->actions[number]) &&
		    sigismember(&blocked, number) >= sigismember(&state->blocked, number))
			continue;
		sigaction(number, &state->actions[number], NULL);
		g_string_append_printf(changed, "%sSIG%s", changed->len ? ", " : "",
				       sigabbrev_np(number) ? sigabbrev_np(number) : "RT");
	}
	pthread_sigmask(SIG_BLOCK, &state->blocked, NULL);
	if (changed->len)
		bp_log(self, BP_LOG_WARNING, "%s has changed what %s does; it does again what it did before", name,
		       changed->str);
}

/* --- the object --- */

static gboolean was_there(const Snapshot *state, guintptr base)
{
	for (gsize i = 0; i < state->count; i++)
		if (state->bases[i] == base)
			return TRUE;
	return FALSE;
}

static gpointer loaded(BpPlugin *self, gpointer take_before, const char *name)
{
	Snapshot *state = take_before;
	g_autoptr(GArray) bases = NULL;

	if (state->made_by != &left_table)
		return state;
	if (state->brought) { /* the second time: what has been mapped since is not its own */
		restore_signals(self, state, name);
		return state;
	}
	bases = left_objects();
	state = g_realloc(state, sizeof(*state) + (state->count + bases->len) * sizeof(guintptr));
	for (guint i = 0; i < bases->len; i++) {
		guintptr base = g_array_index(bases, guintptr, i);

		if (!was_there(state, base))
			state->bases[state->count + state->brought++] = base;
	}
	return state;
}

static void find_handlers(const LeftMapping *mapping, const Snapshot *state, GPtrArray *found)
{
	struct sigaction now;

	for (int number = 1; number < SIGNALS; number++) {
		if (sigaction(number, NULL, &now) || !left_is_in(mapping, handler_of(&now)))
			continue;
		sigaction(number, &state->actions[number], NULL);
		left_add(found, "a handler of SIG%s, which is removed",
			 sigabbrev_np(number) ? sigabbrev_np(number) : "RT");
	}
}

/* What is registered with atexit runs when the file is unmapped; with these it would run after that. */
static void find_exits(const Snapshot *state, GPtrArray *found)
{
	static const char *const names[] = { "on_exit", "g_atexit" };

	for (gsize i = 0; i < state->brought; i++)
		for (guint j = 0; j < G_N_ELEMENTS(names); j++)
			if (left_imports(state->bases[state->count + i], names[j]))
				left_add(found, "a function for the end of the process (%s)", names[j]);
}

static char *find(BpPlugin *self, gpointer given, guint source)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
	const Snapshot *state = given;
	LeftMapping mapping;

	if (state->made_by != &left_table || !state->brought)
		return NULL;
	left_mapping_open(&mapping, state->bases + state->count, state->brought);
	if (mapping.ranges->len) {
		left_find_sources(&mapping, state->source, source, found);
		find_handlers(&mapping, state, found);
		left_find_threads(&mapping, state->ticks, found);
		left_find_calls(&mapping, found);
		left_find_names(&mapping, found);
		find_exits(state, found);
	}
	left_mapping_close(&mapping);
	if (!found->len)
		return NULL;
	g_ptr_array_add(found, NULL);
	return g_strjoinv(", ", (char **)found->pdata);
}

const BpLeftovers left_table = { .before = before, .loaded = loaded, .find = find };

static gboolean load(BpPlugin *self, GError **error)
{
	static const BpPluginCheck check = { .size = sizeof(check), .damage = left_damage };

	left_watch_memory(self);
	return bp_registry_add(self, "host/leftovers", &left_table, error) &&
	       bp_registry_add(self, "host/damage", &check, error);
}

BP_PLUGIN(.name = "leftovers", .version = "1.0", .summary = "Finds what an unloaded plugin has left behind",
	  .manual = manual, .load = load);

/* SPDX-License-Identifier: MIT */
/* glib.c - what GLib, GObject and GIO still know of a plugin: sources, names, types, calls that have not come back.
 *
 * GObject and GIO are used only if they are loaded already.
 */
#include "leftovers.h"
#include <dlfcn.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define MOST_SOURCES (1u << 20)
#define LARGEST_AREA (G_GUINT64_CONSTANT(4) << 30) /* larger ones are a sanitizer's */
#define PIECE (1u << 18)
#define BEFORE_OBJECT 32 /* words that may be private to it */

/* --- sources --- */

/* A function or data of the plugin that it uses. */
static gconstpointer function_in(const LeftMapping *mapping, GSource *source)
{
	const GSourceFuncs *funcs = source->source_funcs;
	GSourceFunc func = NULL;
	gpointer data = NULL;
	guintptr words[10];
	gsize count = 0;

	if (source->callback_funcs)
		source->callback_funcs->get(source->callback_data, source, &func, &data);
	words[count++] = (guintptr)func;
	words[count++] = (guintptr)data;
	words[count++] = (guintptr)funcs->dispatch;
	words[count++] = (guintptr)funcs->finalize;
	words[count++] = (guintptr)funcs;
	if (data && func && func == funcs->closure_callback)
		count += left_copy(words + count, (guintptr)data, sizeof(GCClosure) / sizeof(*words));
	return left_find_word(mapping, words, count);
}

void left_find_sources(const LeftMapping *mapping, guint from, guint to, GPtrArray *found)
{
	if (to - from > MOST_SOURCES)
		left_add(found, "perhaps a GLib source (%u were made meanwhile)", to - from);
	for (guint id = from; id != to && to - from <= MOST_SOURCES; id++) {
		GSource *source = g_main_context_find_source_by_id(NULL, id);
		gconstpointer function = source ? function_in(mapping, source) : NULL;
		g_autoptr(GString) name = NULL;

		if (!function)
			continue;
		name = g_string_new(NULL);
		left_append_name(name, function);
		left_add(found, "a GLib source (%s), which is removed", name->str);
		g_source_destroy(source);
	}
}

/* --- GObject --- */

static struct {
	gpointer library;
	GType (*fundamental_next)(void);
	GType *(*children)(GType type, guint *count);
	const char *(*name)(GType type);
	GType (*from_name)(const char *name);
	gpointer (*class_peek)(GType type);
	void (*query)(GType type, GTypeQuery *query);
} types;

static gboolean has_types(void)
{
	if (!types.library)
		types.library = dlopen("libgobject-2.0.so.0", RTLD_LAZY | RTLD_NOLOAD);
	if (!types.library)
		return FALSE;
	types.fundamental_next = (GType(*)(void))dlsym(types.library, "g_type_fundamental_next");
	types.children = (GType * (*)(GType, guint *)) dlsym(types.library, "g_type_children");
	types.name = (const char *(*)(GType))dlsym(types.library, "g_type_name");
	types.from_name = (GType(*)(const char *))dlsym(types.library, "g_type_from_name");
	types.class_peek = (gpointer(*)(GType))dlsym(types.library, "g_type_class_peek");
	types.query = (void (*)(GType, GTypeQuery *))dlsym(types.library, "g_type_query");
	return types.fundamental_next && types.children && types.name && types.from_name && types.class_peek &&
	       types.query;
}

/* A name that was copied is somewhere in the plugin too. */
static gboolean has_text(const LeftMapping *mapping, const char *text)
{
	for (guint i = 0; i < mapping->ranges->len; i++) {
		const LeftRange *range = &g_array_index(mapping->ranges, LeftRange, i);

		gsize words = (range->end - range->start) / sizeof(guintptr);
		g_autofree guintptr *copy = g_new(guintptr, words);

		words = left_copy(copy, range->start, words);
		if (memmem(copy, words * sizeof(*copy), text, strlen(text) + 1))
			return TRUE;
	}
	return FALSE;
}

static gboolean is_ours(const LeftMapping *mapping, GType type)
{
	const char *name = types.name(type);
	gpointer class = types.class_peek(type);
	GTypeQuery query;
	Dl_info info;

	if (left_is_in(mapping, name))
		return TRUE;
	types.query(type, &query);
	if (class && left_find_word(mapping, class, query.class_size / sizeof(guintptr)))
		return TRUE;
	return !class && !dladdr(name, &info) && has_text(mapping, name);
}

static void look_at_type(const LeftMapping *mapping, GType type, GPtrArray *found)
{
	g_autofree GType *children = types.children(type, NULL);

	if (is_ours(mapping, type))
		left_add(found, "type %s", types.name(type));
	for (GType *child = children; child && *child; child++)
		look_at_type(mapping, *child, found);
}

/* A static string of the plugin that has become a name for the whole process is compared with whatever comes. */
static void look_at_strings(const LeftMapping *mapping, GPtrArray *found)
{
	const char *text;
	guint count = 0;

	for (GQuark quark = 1; (text = g_quark_to_string(quark)); quark++) {
		if (!left_is_in(mapping, text) || (types.library && types.from_name(text)))
			continue;
		if (!count++)
			left_add(found, "the name \"%s\" of a quark", text);
	}
	if (count > 1)
		left_add(found, "%u more such names", count - 1);
}

void left_find_names(const LeftMapping *mapping, GPtrArray *found)
{
	gboolean typed = has_types();

	look_at_strings(mapping, found);
	for (gsize i = 1; typed && i < types.fundamental_next() >> G_TYPE_FUNDAMENTAL_SHIFT; i++)
		if (types.name((GType)(i << G_TYPE_FUNDAMENTAL_SHIFT)))
			look_at_type(mapping, (GType)(i << G_TYPE_FUNDAMENTAL_SHIFT), found);
}

/* --- calls: each has a GTask, somewhere in memory --- */

typedef struct {
	const LeftMapping *mapping;
	guintptr class; /* of GTask */
	gsize size;	/* of a GTask, in words */
	GHashTable *classes;
	GPtrArray *found;
} TaskSearch;

static void add_classes(GType type, GHashTable *classes)
{
	g_autofree GType *children = types.children(type, NULL);
	gpointer class = types.class_peek(type);

	if (class)
		g_hash_table_insert(classes, class, (gpointer)type);
	for (GType *child = children; child && *child; child++)
		add_classes(*child, classes);
}

/* A stream keeps the function of its caller itself, in what is private to it: that stands before the object. */
static gconstpointer look_at_object(const TaskSearch *search, guintptr place)
{
	guintptr words[2 * BEFORE_OBJECT], class;
	GType type = left_copy(&class, place, 1) ? (GType)g_hash_table_lookup(search->classes, (gpointer) class) : 0;
	GTypeQuery query;
	gsize got;

	if (!type)
		return NULL;
	types.query(type, &query);
	got = left_copy(words, place - BEFORE_OBJECT * sizeof(*words),
			BEFORE_OBJECT + MIN(query.instance_size / sizeof(*words), BEFORE_OBJECT));
	return left_find_word(search->mapping, words, got);
}

/* A GObject: its class, then its count of references. One that was freed has no class. */
static void look_at_task(const TaskSearch *search, guintptr place)
{
	guintptr task[64];
	gsize got = left_copy(task, place, MIN(search->size, G_N_ELEMENTS(task)));
	gconstpointer function;
	g_autoptr(GString) name = NULL;

	if (got < 3 || task[0] != search->class || (guint32)task[1] == 0 || (guint32)task[1] > 1000)
		return;
	function = left_find_word(search->mapping, task + 2, got - 2);
	for (gsize i = 2; !function && i < got; i++)
		if (task[i] && task[i] % sizeof(*task) == 0)
			function = look_at_object(search, task[i]);
	if (!function)
		return;
	name = g_string_new(NULL);
	left_append_name(name, function);
	left_add(search->found, "a GIO call that was not held for (%s)", name->str);
}

static void look_at_area(const TaskSearch *search, guintptr start, guintptr end, guintptr *piece)
{
	for (guintptr at = start; at < end; at += PIECE) {
		gsize got = left_copy(piece, at, MIN(PIECE, end - at) / sizeof(*piece));

		for (gsize i = 0; i < got; i++)
			if (piece[i] == search->class)
				look_at_task(search, at + i * sizeof(*piece));
	}
}

/* The piece is no part of the memory that is searched, or copies would be found in it. */
void left_find_calls(const LeftMapping *mapping, GPtrArray *found)
{
	GType type = has_types() ? types.from_name("GTask") : 0;
	TaskSearch search = { .mapping = mapping,
			      .class = type ? (guintptr)types.class_peek(type) : 0,
			      .found = found };
	g_autofree char *maps = left_maps();
	g_auto(GStrv) lines = NULL;
	GTypeQuery query;
	gpointer piece;

	if (!search.class || !maps)
		return;
	piece = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (piece == MAP_FAILED)
		return;
	types.query(type, &query);
	search.size = query.instance_size / sizeof(guintptr);
	search.classes = g_hash_table_new(NULL, NULL);
	add_classes(G_TYPE_OBJECT, search.classes);
	lines = g_strsplit(maps, "\n", -1);
	for (char **line = lines; *line; line++) {
		unsigned long long start, end;
		unsigned long inode;
		char mode[5];

		if (sscanf(*line, "%llx-%llx %4s %*x %*s %lu", &start, &end, mode, &inode) == 4 && !inode &&
		    g_str_has_prefix(mode, "rw") && end - start <= LARGEST_AREA && !strstr(*line, "[stack"))
			look_at_area(&search, (guintptr)start, (guintptr)end, piece);
	}
	g_hash_table_unref(search.classes);
	munmap(piece, PIECE);
}

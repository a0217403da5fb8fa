/* SPDX-License-Identifier: MIT */
/* manual.c - the plugin manual, for the build alone: writes the manual pages from the tables that `help` shows. */
#include <string.h>
#include <backplane/backplane.h>
#include <backplane/context.h>
#include <backplane/file.h>
#include <backplane/host.h>
#include <backplane/kernel.h>
#include "roff.h"

static const char manual[] = "The build writes the manual pages with it: `manual write FOLDER SOURCES HELP DATE`.\n";

enum { FILE_LIMIT = 1024 * 1024 };

typedef struct {
	const char *folder, *sources, *help, *date;
	GError **error;
	gboolean failed;
} Writer;

static void write_page(Writer *writer, const char *name, const char *section, const GString *page)
{
	g_autofree char *path = g_strdup_printf("%s/%s.%s", writer->folder, name, section),
			*new = g_strconcat(path, ".new", NULL);

	if (!writer->failed)
		writer->failed = !bp_file_create(new, page->str, page->len, writer->error) ||
				 !bp_file_rename(new, path, writer->error);
}

static char *load(Writer *writer, const char *path)
{
	g_autofree char *whole = g_path_is_absolute(path) ? g_strdup(path)
							  : g_build_filename(writer->sources, path, NULL);
	char *text = writer->failed ? NULL : bp_file_load(whole, FILE_LIMIT, BP_FILE_READ, NULL, writer->error);

	writer->failed = writer->failed || !text;
	return text ? text : g_strdup("");
}

/* --- tables --- */

static char *tag_of(const BpParam *param)
{
	g_autofree char *value = g_ascii_strup(param->name, -1);
	gboolean flag = param->type == BP_BOOL;

	if (param->kind == BP_ARGUMENT)
		return g_strdup(value);
	return param->letter ? g_strdup_printf("-%c, --%s%s%s", param->letter, param->name, flag ? "" : " ",
					       flag ? "" : value)
			     : g_strdup_printf("--%s%s%s", param->name, flag ? "" : " ", flag ? "" : value);
}

/* "port to listen on. A number 0..65535; 2323 if left out." */
static char *about_of(const BpParam *param)
{
	GString *text = g_string_new(param->help ? param->help : "");
	g_autofree char *type = bp_param_describe(param);
	const char *more = "; ";

	g_string_append_printf(text, "%s(%s", text->len ? " " : "", type);
	if (param->required)
		g_string_append_printf(text, "%srequired", more);
	else if (param->setting)
		g_string_append_printf(text, "%sthe setting %s%s%s", more, param->setting,
				       param->fallback ? ", else " : "", param->fallback ? param->fallback : "");
	else if (param->fallback && *param->fallback)
		g_string_append_printf(text, "%s%s if not given", more, param->fallback);
	if (param->many)
		g_string_append_printf(text, "%smay be given again", more);
	g_string_append(text, ").");
	return g_string_free(text, FALSE);
}

static void add_rows(GString *page, const BpParam *table, gboolean as_keys)
{
	guint count = 0;
	g_autofree const BpParam **rows = table ? bp_param_rows(table, &count) : NULL;

	for (guint i = 0; i < count; i++) {
		g_autofree char *tag = as_keys ? g_strdup(rows[i]->name) : tag_of(rows[i]), *about = about_of(rows[i]);

		if (!rows[i]->hidden)
			roff_item(page, tag, about);
	}
}

static void add_command(GString *page, const BpCommand *command)
{
	static const char *const roles[] = {
		[BP_OBSERVER] = "observers", [BP_OPERATOR] = "operators", [BP_ADMIN] = "admins"
	};
	g_autofree char *about = g_strdup_printf("%s (for %s).", command->help ? command->help : "",
						 roles[command->role]);

	roff_subsection(page, command->name);
	roff_text(page, about);
	add_rows(page, command->params, FALSE);
	if (command->manual) {
		g_string_append(page, ".PP\n");
		roff_paragraphs(page, command->manual);
	}
	if (command->example) {
		g_string_append(page, ".PP\nExample:\n");
		roff_block(page, command->example);
	}
}

static void add_commands(GString *page, const char *plugin)
{
	g_autoptr(GPtrArray) list = bp_command_list();
	gboolean begun = FALSE;

	for (guint i = 0; i < list->len; i++) {
		const BpCommand *command = list->pdata[i];

		if (command->hidden || g_strcmp0(bp_command_plugin(command), plugin))
			continue;
		if (!begun)
			roff_section(page, "COMMANDS");
		begun = TRUE;
		add_command(page, command);
	}
}

static void see_also(GString *page, const char *more)
{
	roff_section(page, "SEE ALSO");
	g_string_append_printf(page, ".BR backplane (1),\n.BR backplane.yaml (5)%s\n", more);
}

/* --- pages --- */

static void write_plugin(Writer *writer, BpPlugin *plugin)
{
	const BpPluginInfo *info = bp_plugin_info_of(plugin);
	g_autofree char *name = g_strdup_printf("backplane-%s", bp_plugin_name(plugin));
	g_autoptr(GString) page = g_string_new(NULL);

	if (!info || !strcmp(info->name, "manual"))
		return;
	roff_begin(page, name, "7", writer->date, bp_kernel_version(), info->summary ? info->summary : info->name);
	roff_section(page, "DESCRIPTION");
	if (info->manual)
		roff_paragraphs(page, info->manual);
	else
		roff_text(page, info->summary);
	if (info->modules && info->modules->name) {
		roff_section(page, "MODULES");
		for (const BpModule *module = info->modules; module->name; module++) {
			g_autofree char *about = g_strdup_printf("%s.", module->help ? module->help : "");

			roff_subsection(page, module->name);
			roff_text(page, about);
			add_rows(page, module->params, TRUE);
		}
	}
	add_commands(page, info->name);
	see_also(page, ",\n.BR backplane\\-plugin (7)");
	write_page(writer, name, "7", page);
}

/* Commands of no plugin. */
static void write_kernel(Writer *writer)
{
	g_autoptr(GString) page = g_string_new(NULL);

	roff_begin(page, "backplane-kernel", "7", writer->date, bp_kernel_version(), "commands that every host has");
	roff_section(page, "DESCRIPTION");
	roff_text(page, "These commands are part of the program itself, whatever plugins are loaded.");
	add_commands(page, "kernel");
	see_also(page, "");
	write_page(writer, "backplane-kernel", "7", page);
}

/* Commands of the kernel, and the groups of commands whose name is not that of a plugin: `man backplane-channel`. */
static void write_groups(Writer *writer)
{
	g_autoptr(GPtrArray) list = bp_command_list();
	g_autoptr(GHashTable) done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < list->len; i++) {
		const BpCommand *command = list->pdata[i];
		g_autofree char *word = g_strndup(command->name, strcspn(command->name, " "));
		g_autofree char *name = g_strdup_printf("backplane-%s", word), *summary = NULL;
		g_autoptr(GString) page = g_string_new(NULL);
		gboolean alone = TRUE;

		/* backplane-plugin is about writing them. */
		if (command->hidden || !strcmp(word, "plugin") || bp_plugin_find(word) ||
		    word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-")] ||
		    !g_hash_table_add(done, g_strdup(word)))
			continue;
		for (guint j = 0; j < list->len; j++) {
			const BpCommand *other = list->pdata[j];

			alone = alone && (other == command || !g_str_has_prefix(other->name, word) ||
					  other->name[strlen(word)] != ' ');
		}
		summary = alone ? g_strdup(command->help) : g_strdup_printf("the commands %s", word);
		roff_begin(page, name, "7", writer->date, bp_kernel_version(), summary);
		roff_section(page, "COMMANDS");
		for (guint j = 0; j < list->len; j++) {
			const BpCommand *other = list->pdata[j];
			gsize size = strlen(word);

			if (!other->hidden && !strncmp(other->name, word, size) &&
			    (!other->name[size] || other->name[size] == ' '))
				add_command(page, other);
		}
		see_also(page, "");
		write_page(writer, name, "7", page);
	}
}

/* "  -c, --config=FILE            Read this configuration", from --help. */
static void add_options(GString *page, const char *help)
{
	g_auto(GStrv) lines = g_strsplit(help, "\n", -1);

	for (char **line = lines; *line; line++) {
		char *start = *line + strspn(*line, " "), *gap = strstr(start, "  ");

		if (*start != '-' || !gap)
			continue;
		*gap = 0;
		g_autofree char *about = g_strdup_printf("%s.", g_strstrip(gap + 1));

		roff_item(page, start, about);
	}
}

static void add_all_commands(GString *page)
{
	g_autoptr(GPtrArray) list = bp_command_list();

	for (guint i = 0; i < list->len; i++) {
		const BpCommand *command = list->pdata[i];
		g_autofree char *about = g_strdup_printf("%s.", command->help);

		if (!command->hidden && g_strcmp0(bp_command_plugin(command), "manual"))
			roff_item(page, command->name, about);
	}
}

static void add_modules(GString *page)
{
	g_autoptr(GPtrArray) list = bp_module_list();

	for (guint i = 0; i < list->len; i++) {
		const BpModule *module = list->pdata[i];
		g_autofree char *about = g_strdup_printf("%s.", module->help ? module->help : "");

		roff_subsection(page, module->name);
		roff_text(page, about);
		add_rows(page, module->params, TRUE);
	}
}

static void add_settings(GString *page)
{
	g_autoptr(GPtrArray) list = bp_setting_rows(bp_context("/"));

	for (guint i = 0; i < list->len; i++) {
		const BpParam *row = list->pdata[i];
		g_autofree char *about = about_of(row);

		roff_item(page, row->name, about);
	}
}

/* The comment that a header begins with: its manual. */
static void add_header(Writer *writer, GString *page, const char *name)
{
	g_autofree char *path = g_strdup_printf("include/backplane/%s", name), *text = load(writer, path);
	char *begin = strstr(text, "\n/* "), *end = begin ? strstr(begin, "*/") : NULL;
	g_autoptr(GString) about = g_string_new(NULL);

	if (!end)
		return;
	*end = 0;
	for (char *line = begin + 4, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (line != begin + 4)
			line += g_str_has_prefix(line, " * ") ? 3 : strlen(line);
		g_string_append_printf(about, "%s\n", line);
	}
	roff_subsection(page, name);
	roff_paragraphs(page, about->str);
}

static int by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_headers(Writer *writer, GString *page)
{
	g_autofree char *folder = g_build_filename(writer->sources, "include", "backplane", NULL);
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

	for (const char *name; dir && (name = g_dir_read_name(dir));)
		if (g_str_has_suffix(name, ".h"))
			g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, by_name);
	for (guint i = 0; i < names->len; i++)
		add_header(writer, page, names->pdata[i]);
}

/* A page whose fixed part is a template: @NAME@ on a line is replaced. */
static void write_template(Writer *writer, const char *name, const char *section)
{
	g_autofree char *path = g_strdup_printf("data/man/%s.%s.in", name, section), *text = load(writer, path);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(GString) page = g_string_new(NULL);

	for (char **line = lines; *line && (**line || line[1]); line++) {
		g_autofree char *example = NULL, *help = NULL;

		if (!strcmp(*line, "@OPTIONS@")) {
			help = load(writer, writer->help);
			add_options(page, help);
		} else if (!strcmp(*line, "@COMMANDS@")) {
			add_all_commands(page);
		} else if (!strcmp(*line, "@MODULES@")) {
			add_modules(page);
		} else if (!strcmp(*line, "@SETTINGS@")) {
			add_settings(page);
		} else if (!strcmp(*line, "@HEADERS@")) {
			add_headers(writer, page);
		} else if (g_str_has_prefix(*line, "@FILE ")) {
			example = load(writer, g_strchomp(*line + strlen("@FILE ")));
			roff_block(page, example);
		} else {
			g_autoptr(GString) made = g_string_new(*line);

			g_string_replace(made, "@DATE@", writer->date, 0);
			g_string_replace(made, "@VERSION@", bp_kernel_version(), 0);
			g_string_append_printf(page, "%s\n", made->str);
		}
	}
	write_page(writer, name, section, page);
}

static gboolean run_write(BpPlugin *self, BpCall *call, GError **error)
{
	Writer writer = { .folder = bp_call_string(call, "folder"),
			  .sources = bp_call_string(call, "sources"),
			  .help = bp_call_string(call, "help"),
			  .date = bp_call_string(call, "date"),
			  .error = error };
	g_autoptr(GPtrArray) plugins = bp_plugin_list();

	for (guint i = 0; i < plugins->len; i++)
		write_plugin(&writer, plugins->pdata[i]);
	write_kernel(&writer);
	write_groups(&writer);
	write_template(&writer, "backplane", "1");
	write_template(&writer, "backplane-import", "1");
	write_template(&writer, "backplane.yaml", "5");
	write_template(&writer, "backplane-plugin", "7");
	return !writer.failed;
}

static const BpParam write_params[] = {
	{ "folder", .kind = BP_ARGUMENT, .required = 1, .help = "where the pages go" },
	{ "sources", .kind = BP_ARGUMENT, .required = 1, .help = "folder of the sources" },
	{ "help", .kind = BP_ARGUMENT, .required = 1, .help = "file with the output of --help" },
	{ "date", .kind = BP_ARGUMENT, .required = 1, .help = "date of the pages" },
	{ NULL },
};

static const BpCommand commands[] = {
	{ "manual write", .params = write_params, .run = run_write, .role = BP_ADMIN, .hidden = 1,
	  .help = "write the manual pages" },
	{ NULL },
};

BP_PLUGIN(.name = "manual", .version = "0.1", .summary = "Manual pages from the tables", .manual = manual,
	  .commands = commands);

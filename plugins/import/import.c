/* SPDX-License-Identifier: MIT */
/* import.c - `backplane import`: reads the configuration of another program and writes ours. A program of its own, without a kernel. */
#include "import.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backplane/file.h>

enum { FILE_LIMIT = 1024 * 1024, EXIT_USAGE = 2 };

typedef struct {
	const char *name, *title;
	void (*read)(Import *import, char *text);
} Format;

static const Format formats[] = {
	{ "ser2net.yaml", "ser2net 4", import_ser2net_yaml },
	{ "ser2net.conf", "ser2net 3", import_ser2net_conf },
	{ "conserver.cf", "conserver", import_conserver },
	{ "conserver.passwd", "users of conserver", import_conserver_passwd },
	{ "mosquitto", "bridges of mosquitto", import_mosquitto },
	{ "tio2", "tio 2", import_tio2 },
	{ "tio3", "tio 3", import_tio3 },
	{ NULL, NULL, NULL },
};

static struct {
	char *from, *output;
	gboolean insecure, force;
	char **rest;
} options;

static const GOptionEntry entries[] = {
	{ "from", 'f', 0, G_OPTION_ARG_STRING, &options.from,
	  "Its format, if it is not found out: ser2net.yaml, ser2net.conf, conserver.cf, conserver.passwd, mosquitto, tio2, tio3",
	  "FORMAT" },
	{ "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output, "Write to a new file instead of standard output",
	  "FILE" },
	{ "insecure", 0, 0, G_OPTION_ARG_NONE, &options.insecure,
	  "What listened on every address may do so here, without login", NULL },
	{ "force", 0, 0, G_OPTION_ARG_NONE, &options.force, "Write what could be read also if there are faults", NULL },
	{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.rest, NULL, "FILE" },
	{ NULL, 0, 0, 0, NULL, NULL, NULL },
};

static gboolean matches(const char *text, const char *pattern)
{
	return g_regex_match_simple(pattern, text, G_REGEX_MULTILINE | G_REGEX_CASELESS, 0);
}

static const char *guess(const char *path, const char *text)
{
	if (g_str_has_suffix(path, ".passwd"))
		return "conserver.passwd";
	if (matches(text, "^(connection|connections|define|defines|default|admin|rotator)[ \\t]*:[ \\t]*(&|$)"))
		return "ser2net.yaml";
	if (matches(text, "^[ \\t]*(console|default|access|group|config|break|task)[ \\t\"][^\\n{;=]*\\{"))
		return "conserver.cf";
	if (matches(text, "^[ \\t]*connection[ \\t]+\\S"))
		return "mosquitto";
	if (matches(text, "^([^#\\s:]*,)?(\\S+,)?\\d+:(raw|rawlp|telnet|off):") ||
	    matches(text, "^(BANNER|CONTROLPORT|ROTATOR|DEVICE|DEFAULT|TRACEFILE):"))
		return "ser2net.conf";
	if (matches(text, "^[ \\t]*\\[(default|include [^]]*)\\]") ||
	    matches(text,
		    "^[ \\t]*(no-reconnect|auto-connect|log-directory|log-append|input-mode|output-mode|script|exec|mute|exclude-[a-z]+|"
		    "timestamp-timeout)[ \\t]*="))
		return "tio3";
	return matches(text, "^[ \\t]*[a-z0-9-]+[ \\t]*=") ? "tio2" : NULL;
}

static const Format *find_format(const char *name)
{
	for (const Format *format = formats; name && format->name; format++)
		if (!strcmp(format->name, name))
			return format;
	return NULL;
}

static int complain(int status, const char *text)
{
	fprintf(stderr, "backplane import: %s\n", text);
	return status;
}

/* A new file; what is there already is left as it is. */
static gboolean write_new(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	gboolean done = fd >= 0 && bp_file_write(fd, text, strlen(text));

	if (!done)
		fprintf(stderr, "backplane import: %s: %s\n", path, g_strerror(errno));
	if (fd >= 0)
		close(fd);
	return done;
}

static gboolean write_secrets(const Import *import)
{
	g_autofree char *folder = options.output ? g_path_get_dirname(options.output) : NULL;
	GHashTableIter iter;
	gpointer name, secret;

	g_hash_table_iter_init(&iter, import->secrets);
	while (g_hash_table_iter_next(&iter, &name, &secret)) {
		g_autofree char *path = folder ? g_build_filename(folder, name, NULL) : NULL;

		if (!path)
			fprintf(stderr,
				"backplane import: the password is not shown: write it to %s, mode 0600, or use -o FILE\n",
				(char *)name);
		else if (!write_new(path, secret, 0600))
			return FALSE;
	}
	return TRUE;
}

static int import_file(const char *path)
{
	Import import = { .path = path, .insecure = options.insecure };
	g_autoptr(GError) error = NULL;
	g_autofree char *text = bp_file_load(path, FILE_LIMIT, 0, NULL, &error), *result = NULL;
	const Format *format;

	if (!text)
		return complain(1, error->message);
	format = find_format(options.from ? options.from : guess(path, text));
	if (!format)
		return complain(EXIT_USAGE,
				options.from ? "there is no such format; backplane import --help lists them"
					     : "what wrote this file is not known; name its format with --from FORMAT");
	import.items = g_ptr_array_new();
	import.notes = g_ptr_array_new();
	import.commands = g_ptr_array_new();
	import.faults = g_ptr_array_new();
	import.secrets = g_hash_table_new(g_str_hash, g_str_equal);
	format->read(&import, text);
	for (guint i = 0; i < import.faults->len; i++)
		fprintf(stderr, "%s\n", (char *)import.faults->pdata[i]);
	if (import.faults->len && !options.force) {
		fprintf(stderr, "backplane import: nothing is written; --force writes what could be read\n");
		return 1;
	}
	result = import_text(&import, format->title);
	if (options.output ? !write_new(options.output, result, 0640) : fputs(result, stdout) < 0 || fflush(stdout))
		return 1;
	return !write_secrets(&import) || import.faults->len;
}

#ifdef __SANITIZE_ADDRESS__
/* It ends when the file is written: what was read is not freed one by one. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}
#endif

int main(int argc, char **argv)
{
	g_autoptr(GOptionContext)
		context = g_option_context_new("- writes the configuration of another program as one of Backplane");
	g_autoptr(GError) error = NULL;

	g_set_prgname("backplane import");
	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_summary(context,
				     "Reads configurations of ser2net, conserver and tio, and bridges of mosquitto.");
	if (!g_option_context_parse(context, &argc, &argv, &error))
		return complain(EXIT_USAGE, error->message);
	if (!options.rest || options.rest[1])
		return complain(EXIT_USAGE, "it wants one file; backplane import --help tells more");
	return import_file(options.rest[0]);
}

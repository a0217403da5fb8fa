/* SPDX-License-Identifier: MIT */
/* doctor.c - tool doctor: looks for what usually goes wrong, and says what to type. It looks from inside: with the rights, the groups and the
 * limits that the host itself has. */
#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>
#include <backplane/file.h>
#include "tool.h"

enum { FEW_DESCRIPTORS = 4096, SOON_DAYS = 30, FILE_LIMIT = 1024 * 1024, LEAST_SPACE = 64 * 1024 * 1024 };

const BpParam tool_doctor_params[] = {
	{ "json", .type = BP_BOOL, .help = "an object for each finding" },
	{ "all", 'a', BP_BOOL, .help = "also what is good" },
	{ NULL },
};

typedef enum { GOOD, WARNING, BAD } Level;

/* It is filled in a job, since it asks the disk. */
typedef struct {
	BpCall *call;
	GPtrArray *findings;	 /* of Finding */
	GPtrArray *certificates; /* "MODULE\tPATH" */
	char *state;
	gboolean ended;
} Doctor;

typedef struct {
	Level level;
	char *subject, *text, *advice; /* advice: what to type, or NULL */
} Finding;

static void finding_free(gpointer data)
{
	Finding *finding = data;

	g_free(finding->subject);
	g_free(finding->text);
	g_free(finding->advice);
	g_free(finding);
}

static Finding *find(Doctor *doctor, Level level, const char *subject, const char *format, ...) G_GNUC_PRINTF(4, 5);

static Finding *find(Doctor *doctor, Level level, const char *subject, const char *format, ...)
{
	Finding *finding = g_new0(Finding, 1);
	va_list arguments;

	va_start(arguments, format);
	finding->text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	finding->level = level;
	finding->subject = g_strdup(subject);
	g_ptr_array_add(doctor->findings, finding);
	return finding;
}

/* --- devices: there, but not for us --- */

static char *group_name(gid_t gid)
{
	g_autofree char *text = bp_file_load("/etc/group", FILE_LIMIT, BP_FILE_READ, NULL, NULL);
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) fields = g_strsplit(*line, ":", -1);

		if (g_strv_length(fields) >= 3 && (gid_t)g_ascii_strtoull(fields[2], NULL, 10) == gid)
			return g_strdup(fields[0]);
	}
	return g_strdup_printf("%u", gid);
}

static void look_at_device(Doctor *doctor, const char *path)
{
	g_autofree char *group = NULL;
	struct stat file;
	Finding *finding;

	if (!access(path, R_OK | W_OK) || stat(path, &file))
		return;
	group = group_name(file.st_gid);
	finding = find(doctor, BAD, path, "a serial port that this user may not open: %s",
		       g_strerror(errno == EACCES ? EACCES : errno));
	if ((file.st_mode & 060) == 060)
		finding->advice = g_strdup_printf(
			"sudo usermod -aG %s %s, and log in again; for the service: SupplementaryGroups=%s", group,
			g_get_user_name(), group);
	else
		finding->advice = g_strdup_printf(
			"its mode is %04o: a rule of udev sets it, GROUP=\"dialout\", MODE=\"0660\"",
			file.st_mode & 07777);
}

static void look_at_devices(Doctor *doctor)
{
	static const char *const patterns[] = { "/dev/ttyUSB*", "/dev/ttyACM*", "/dev/ttyAMA*", "/dev/rfcomm*" };
	guint count = 0, before = doctor->findings->len;

	for (gsize i = 0; i < G_N_ELEMENTS(patterns); i++) {
		glob_t paths = { 0 };

		if (!glob(patterns[i], 0, NULL, &paths))
			for (gsize j = 0; j < paths.gl_pathc; j++, count++)
				look_at_device(doctor, paths.gl_pathv[j]);
		globfree(&paths);
	}
	if (doctor->findings->len == before)
		find(doctor, GOOD, "devices", "%u serial ports of USB and boards, and all can be opened", count);
}

/* --- certificates --- */

static void look_at_certificate(Doctor *doctor, const char *module, const char *path)
{
	g_autoptr(GError) error = NULL;
	gsize size = 0;
	g_autofree char *text = bp_file_load(path, FILE_LIMIT, BP_FILE_READ, &size, &error);
	BIO *bio = text ? BIO_new_mem_buf(text, (int)size) : NULL;
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	int days = 0, seconds = 0;

	if (!text)
		find(doctor, BAD, module, "%s", error->message);
	else if (!certificate || !ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)))
		find(doctor, BAD, module, "%s is no certificate", path);
	else if (days < 0 || seconds < 0)
		find(doctor, BAD, module, "the certificate %s has ended %d days ago", path, -days)->advice = g_strdup(
			"renew it, then config reload");
	else if (days < SOON_DAYS)
		find(doctor, WARNING, module, "the certificate %s ends in %d days", path, days)->advice = g_strdup(
			"renew it, then config reload");
	else
		find(doctor, GOOD, module, "the certificate %s is good for %d days", path, days);
	X509_free(certificate);
	BIO_free(bio);
}

/* --- the system --- */

static void look_at_limits(Doctor *doctor)
{
	struct rlimit limit;
	struct statvfs disk;
	struct timex clock = { 0 };

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < FEW_DESCRIPTORS)
		find(doctor, WARNING, "limits", "at most %lu descriptors: so many connections and files at once",
		     (gulong)limit.rlim_cur)
			->advice = g_strdup("LimitNOFILE=65536 in the unit; ulimit -n 65536 in a shell");
	else
		find(doctor, GOOD, "limits", "%lu descriptors", (gulong)limit.rlim_cur);
	if (doctor->state && !statvfs(doctor->state, &disk)) {
		guint64 space = (guint64)disk.f_bavail * disk.f_frsize;

		find(doctor, space < LEAST_SPACE ? BAD : GOOD, "disk", "%" G_GUINT64_FORMAT " MiB free for %s",
		     space >> 20, doctor->state);
	}
	if (doctor->state && access(doctor->state, W_OK))
		find(doctor, BAD, "state", "%s cannot be written: %s; settings are lost at the end", doctor->state,
		     g_strerror(errno))
			->advice = g_strdup_printf("chown -R %s %s", g_get_user_name(), doctor->state);
	if (g_get_real_time() / G_USEC_PER_SEC < 1735689600) /* 2025 */
		find(doctor, BAD, "clock", "the clock is wrong: certificates fail, and records have wrong times")
			->advice = g_strdup("timedatectl set-ntp true");
	else if (adjtimex(&clock) == TIME_ERROR && clock.status & STA_UNSYNC)
		find(doctor, WARNING, "clock", "nothing sets the clock (NTP)")->advice = g_strdup(
			"timedatectl set-ntp true");
	else
		find(doctor, GOOD, "clock", "it is set by the network");
}

static void look(BpJob *job, gpointer data)
{
	Doctor *doctor = data;

	look_at_devices(doctor);
	for (guint i = 0; i < doctor->certificates->len; i++) {
		g_auto(GStrv) parts = g_strsplit(doctor->certificates->pdata[i], "\t", 2);

		look_at_certificate(doctor, parts[0], parts[1]);
	}
	look_at_limits(doctor);
}

/* --- the host itself, on its loop --- */

static void look_at_instances(Doctor *doctor)
{
	g_autoptr(GPtrArray) list = bp_instance_list(NULL);
	guint bad = 0;

	for (guint i = 0; i < list->len; i++) {
		BpInstance *instance = list->pdata[i];
		BpInstanceState state = bp_instance_state(instance);
		const BpParam *table = bp_instance_module(instance)->params;
		const char *certificate = table && bp_param_find(table, "tls_cert")
						  ? bp_instance_string(instance, "tls_cert")
						  : NULL;
		Finding *finding;

		if (certificate)
			g_ptr_array_add(doctor->certificates,
					g_strdup_printf("%s\t%s", bp_plugin_name(instance), certificate));
		if (state.state == BP_STATE_OK)
			continue;
		bad++;
		finding = find(doctor, state.state == BP_STATE_FAILED ? BAD : WARNING, bp_plugin_name(instance),
			       "%s: %s", bp_state_text(state.state), state.reason);
		if (strstr(state.reason, "Address already in use"))
			finding->advice = g_strdup("ss -ltnp shows who has the port; port=0 takes a free one");
		else if (strstr(state.reason, "No such file"))
			finding->advice = g_strdup("ls -l /dev/serial/by-id shows what is plugged in");
		else
			finding->advice = g_strdup_printf("module info %s", bp_plugin_name(instance));
	}
	if (!bad)
		find(doctor, GOOD, "modules", "%u open, none waits or has failed", list->len);
}

static void look_at_plugins(Doctor *doctor)
{
	g_autoptr(GPtrArray) list = bp_plugin_list();
	guint before = doctor->findings->len;

	for (guint i = 0; i < list->len; i++) {
		const char *file = bp_plugin_file(list->pdata[i]), *name = bp_plugin_name(list->pdata[i]);
		struct stat status;

		if (!file)
			continue;
		if (stat(file, &status))
			find(doctor, WARNING, name, "its file is not there any more: %s", file);
		else if (status.st_mtime * G_USEC_PER_SEC > bp_kernel_started())
			find(doctor, WARNING, name, "its file is newer than the host: %s", file)->advice =
				g_strdup_printf("plugin reload %s", name);
	}
	if (doctor->findings->len == before)
		find(doctor, GOOD, "plugins", "%u loaded, as they are on the disk", list->len);
}

static void print_finding(const Doctor *doctor, const Finding *finding)
{
	static const char *const words[] = { "good", "warning", "problem" };
	static const BpStyle styles[] = { BP_GOOD, BP_WARN, BP_BAD };

	if (finding->level == GOOD && !bp_call_bool(doctor->call, "all"))
		return;
	if (bp_call_bool(doctor->call, "json")) {
		json_t *object = json_pack("{s:s, s:s, s:s}", "level", words[finding->level], "subject",
					   finding->subject, "text", finding->text);

		if (finding->advice)
			json_object_set_new(object, "advice", json_string(finding->advice));
		tool_print_json(doctor->call, object);
		return;
	}
	bp_call_styled(doctor->call, styles[finding->level], "%s: %s: %s", words[finding->level], finding->subject,
		       finding->text);
	if (finding->advice)
		bp_call_printf(doctor->call, "    %s", finding->advice);
}

static int compare_levels(gconstpointer a, gconstpointer b)
{
	return (int)(*(Finding *const *)b)->level - (int)(*(Finding *const *)a)->level;
}

static void finish(Doctor *doctor)
{
	guint bad = 0;
	GError *error = NULL;

	g_ptr_array_sort(doctor->findings, compare_levels);
	for (guint i = 0; i < doctor->findings->len; i++) {
		print_finding(doctor, doctor->findings->pdata[i]);
		bad += ((Finding *)doctor->findings->pdata[i])->level == BAD;
	}
	if (bad) {
		tool_mark_error(doctor->call);
		bp_fail(&error, BP_FAILED, "%u problem%s", bad, bad > 1 ? "s" : "");
	}
	bp_call_done(doctor->call, error);
}

static void on_looked(BpPlugin *self, gboolean cancelled, gpointer data)
{
	if (!cancelled)
		finish(data);
}

static void doctor_free(gpointer data)
{
	Doctor *doctor = data;

	g_ptr_array_unref(doctor->findings);
	g_ptr_array_unref(doctor->certificates);
	g_free(doctor->state);
	g_free(doctor);
}

static void on_cancel(BpPlugin *self, gpointer data)
{
	bp_call_done(data, NULL);
}

gboolean tool_run_doctor(BpPlugin *self, BpCall *call, GError **error)
{
	Doctor *doctor = g_new0(Doctor, 1);

	doctor->call = call;
	doctor->findings = g_ptr_array_new_with_free_func(finding_free);
	doctor->certificates = g_ptr_array_new_with_free_func(g_free);
	doctor->state = g_strdup(bp_kernel_state_folder());
	look_at_instances(doctor);
	look_at_plugins(doctor);
	bp_call_hold(call, on_cancel, call);
	if (!bp_job_add(bp_call_scope(call), "doctor", look, on_looked, doctor, doctor_free))
		bp_call_done(call, NULL);
	return TRUE;
}

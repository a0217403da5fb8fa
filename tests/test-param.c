/* SPDX-License-Identifier: MIT */
/* test-param.c - tables of parameters, reading values strictly, sentences that help, sets of values. */
#include <string.h>
#include <backplane/context.h>
#include <backplane/json.h>
#include <backplane/param.h>
#include "bus/owner.h"
#include "host/param.h"
#include "host/settings.h"
#include "suite.h"

static const BpParam deep[] = {
	{ "keepalive", .type = BP_BOOL, .fallback = "yes" },
	{ NULL },
};

static const BpParam server[] = {
	{ "bind", .fallback = "127.0.0.1", .alias = "udp_address|bind_address" },
	{ "max_connections", .type = BP_INT, .fallback = "100", .min = 1, .max = 100000 },
	{ .include = deep },
	{ "port", .type = BP_INT, .fallback = "1" },
	{ NULL },
};

static const BpParam table[] = {
	{ "port", 'p', BP_INT, .fallback = "2323", .min = 0, .max = 65535, .help = "port to listen on" },
	{ "mode", .type = BP_CHOICE, .choices = "close|drop-oldest", .fallback = "close" },
	{ .include = server },
	{ "gain", .type = BP_DOUBLE, .fallback = "1.5" },
	{ "wait", .type = BP_DURATION, .fallback = "10", .max = 3600 },
	{ "limit", .type = BP_BYTES, .fallback = "64K" },
	{ "word", .many = TRUE },
	{ "password", .secret = TRUE },
	{ "ghost", .hidden = TRUE },
	{ "name", .required = TRUE, .help = "what to call it" },
	{ NULL },
};

#define ASSERT_TEXT(take, wanted) \
	do { \
		g_autofree char *text_ = (take); \
		if (g_strcmp0(text_, wanted)) \
			g_printerr("\n  got: %s\n  not: %s\n", text_, wanted); \
		CU_ASSERT_STRING_EQUAL(text_, wanted); \
	} while (0)

/* The sentence that a text is refused with; NULL: taken. */
static char *refusal(const BpParam *param, const char *text)
{
	g_autoptr(GError) error = NULL;

	if (bp_param_check(param, text, &error))
		return NULL;
	g_assert(error);
	return g_strdup(error->message);
}

static gboolean takes(BpType type, const char *text)
{
	const BpParam param = { "x", .type = type };

	return bp_param_check(&param, text, NULL);
}

static void test_rows(void)
{
	guint count;
	g_autofree const BpParam **rows = bp_param_rows(table, &count);

	CU_ASSERT_EQUAL(count, 12);
	CU_ASSERT_PTR_NULL(rows[count]);
	CU_ASSERT_STRING_EQUAL(rows[2]->name, "bind");
	CU_ASSERT_STRING_EQUAL(rows[4]->name, "keepalive");
	CU_ASSERT_STRING_EQUAL(rows[5]->name, "gain"); /* the included port is hidden by our own */
	CU_ASSERT_PTR_EQUAL(bp_param_find(table, "port"), &table[0]);
	CU_ASSERT_PTR_EQUAL(bp_param_find(table, "max-connections"), &server[1]);
	CU_ASSERT_PTR_EQUAL(bp_param_find(table, "udp-address"), &server[0]);
	CU_ASSERT_PTR_EQUAL(bp_param_find(table, "bind_address"), &server[0]);
	CU_ASSERT_PTR_NULL(bp_param_find(table, "bind_addres"));
	CU_ASSERT_PTR_NULL(bp_param_find(table, "udp_address|bind_address"));
	CU_ASSERT_PTR_NULL(bp_param_find(table, ""));
}

static void test_nearest(void)
{
	static const char *const words[] = { "close", "drop-oldest", "TCPServer", "set", "session", NULL };
	g_autofree char *endless = g_strnfill(100000, 'a');

	CU_ASSERT_STRING_EQUAL(bp_nearest("clsoe", words), "close");
	CU_ASSERT_STRING_EQUAL(bp_nearest("c", words), "close");
	CU_ASSERT_STRING_EQUAL(bp_nearest("tcpserver", words), "TCPServer");
	CU_ASSERT_STRING_EQUAL(bp_nearest("drop_odlest", words), "drop-oldest");
	CU_ASSERT_STRING_EQUAL(bp_nearest("se", words), "set");
	CU_ASSERT_PTR_NULL(bp_nearest("s", words));
	CU_ASSERT_PTR_NULL(bp_nearest("x", words));
	CU_ASSERT_PTR_NULL(bp_nearest("", words));
	CU_ASSERT_PTR_NULL(bp_nearest("clxyz", words));
	CU_ASSERT_PTR_NULL(bp_nearest(endless, words));
	CU_ASSERT_STRING_EQUAL(bp_param_nearest(table, "prot"), "port");
	CU_ASSERT_STRING_EQUAL(bp_param_nearest(table, "udp_adress"), "bind");
	CU_ASSERT_PTR_NULL(bp_param_nearest(table, "ghosd"));
}

static void test_numbers(void)
{
	static const char *const whole[] = {
		"0", "-1", "007", "0x1F", "-0x10", "9223372036854775807", "-9223372036854775808", NULL
	};
	static const char *const not_whole[] = {
		"",
		"-",
		"+1",
		" 1",
		"1 ",
		"1x",
		"0x",
		"1.0",
		"1e3",
		"--1",
		"9223372036854775808",
		"-9223372036854775809",
		"0xfffffffffffffffff",
		"one",
		NULL,
	};
	static const char *const real[] = { "0", "-1.5", ".5", "5.", "1e3", "1E-3", "1e+3", "1e-400", NULL };
	static const char *const not_real[] = { "",    ".",  "-",  "nan", "inf", "-inf",  "1e400", "0x10",
						"1,5", " 1", "1 ", "1e",  "1e+", "1.5.5", NULL };

	for (guint i = 0; whole[i]; i++)
		CU_ASSERT(takes(BP_INT, whole[i]));
	for (guint i = 0; not_whole[i]; i++)
		CU_ASSERT_FALSE(takes(BP_INT, not_whole[i]));
	for (guint i = 0; real[i]; i++)
		CU_ASSERT(takes(BP_DOUBLE, real[i]));
	for (guint i = 0; not_real[i]; i++)
		CU_ASSERT_FALSE(takes(BP_DOUBLE, not_real[i]));
	CU_ASSERT_PTR_NULL(refusal(&table[0], "65535"));
	ASSERT_TEXT(refusal(&table[0], "70000"), "port must be a whole number from 0 to 65535, not \"70000\"");
	ASSERT_TEXT(refusal(&table[0], "-1"), "port must be a whole number from 0 to 65535, not \"-1\"");
	ASSERT_TEXT(refusal(&table[0], "80\n\xff"),
		    "port must be a whole number from 0 to 65535, not \"80\\x0a\\xff\"");
}

static void test_scaled(void)
{
	static const char *const good[] = {
		"0", "10", "10s", "250ms", "5m", "2h", "1d", "1.5s", "0.0001", "7us", NULL
	};
	static const char *const bad[] = {
		"", "s", "-1s", "10x", "10 s", "1.s", ".5s", "1e3", "99999999999999999999", "9999999999999d", "5M", NULL
	};
	static const char *const sizes[] = { "0", "512", "64K", "64k", "8M", "1G", "2T", NULL };
	static const char *const no_sizes[] = { "", "K", "-1", "1.5M", "64 K", "64KK", "9000000T", "1P", NULL };
	static const BpParam at_least = { "size", .type = BP_BYTES, .min = 1024 };

	for (guint i = 0; good[i]; i++)
		CU_ASSERT(takes(BP_DURATION, good[i]));
	for (guint i = 0; bad[i]; i++)
		CU_ASSERT_FALSE(takes(BP_DURATION, bad[i]));
	for (guint i = 0; sizes[i]; i++)
		CU_ASSERT(takes(BP_BYTES, sizes[i]));
	for (guint i = 0; no_sizes[i]; i++)
		CU_ASSERT_FALSE(takes(BP_BYTES, no_sizes[i]));
	ASSERT_TEXT(refusal(bp_param_find(table, "wait"), "2h"), "wait must be a duration from 0 to 1h, not \"2h\"");
	ASSERT_TEXT(refusal(bp_param_find(table, "limit"), "big"),
		    "limit must be a size such as 512, 64K, 8M or 1G, not \"big\"");
	ASSERT_TEXT(refusal(&at_least, "1000"), "size must be a size of 1K or more, not \"1000\"");
}

static void test_words(void)
{
	static const BpParam three = { "x", .type = BP_CHOICE, .choices = "a1|b22|c333" };
	static const BpParam pin = { "pin", .type = BP_INT, .secret = TRUE };
	g_autofree char *longest = g_strnfill(65536, 'a');
	g_autofree char *too_long = g_strnfill(65537, 'a');

	CU_ASSERT(takes(BP_BOOL, "on") && takes(BP_BOOL, "False") && takes(BP_BOOL, "1") && takes(BP_BOOL, "no"));
	CU_ASSERT_FALSE(takes(BP_BOOL, "2") || takes(BP_BOOL, "") || takes(BP_BOOL, "y"));
	ASSERT_TEXT(refusal(&table[1], "clos"), "mode must be close or drop-oldest, not \"clos\"; did you mean close?");
	ASSERT_TEXT(refusal(&three, "zz"), "x must be a1, b22 or c333, not \"zz\"");
	ASSERT_TEXT(refusal(&deep[0], "ture"), "keepalive must be true or false, not \"ture\"; did you mean true?");
	ASSERT_TEXT(refusal(&pin, "hunter2"), "pin must be a whole number");
	CU_ASSERT(takes(BP_STRING, "") && takes(BP_STRING, longest));
	CU_ASSERT_FALSE(takes(BP_STRING, too_long));
	CU_ASSERT_FALSE(takes(BP_REST, too_long));
	CU_ASSERT_FALSE(takes(BP_INT, too_long));
}

static void test_described(void)
{
	ASSERT_TEXT(bp_param_describe(&table[0]), "int 0..65535");
	ASSERT_TEXT(bp_param_describe(&table[1]), "close|drop-oldest");
	ASSERT_TEXT(bp_param_describe(bp_param_find(table, "gain")), "number");
	ASSERT_TEXT(bp_param_describe(bp_param_find(table, "wait")), "duration 0..1h");
	ASSERT_TEXT(bp_param_describe(bp_param_find(table, "word")), "text...");
	ASSERT_TEXT(bp_param_describe(&deep[0]), "true|false");
}

static void test_fallbacks(void)
{
	g_autoptr(BpValues) values = bp_values_new(table);

	CU_ASSERT_EQUAL(bp_values_int(values, "port"), 2323);
	CU_ASSERT_STRING_EQUAL(bp_values_string(values, "port"), "2323");
	CU_ASSERT_EQUAL(bp_values_double(values, "gain"), 1.5);
	CU_ASSERT(bp_values_bool(values, "keepalive"));
	CU_ASSERT_STRING_EQUAL(bp_values_string(values, "keepalive"), "true");
	CU_ASSERT_EQUAL(bp_values_duration(values, "wait"), 10 * G_USEC_PER_SEC);
	CU_ASSERT_EQUAL(bp_values_int(values, "limit"), 65536);
	CU_ASSERT_PTR_NULL(bp_values_string(values, "name"));
	CU_ASSERT_PTR_NULL(bp_values_list(values, "word")[0]);
	CU_ASSERT_FALSE(bp_values_is_set(values, "port"));
	ASSERT_TEXT(bp_values_describe(values), "");
}

/* A fallback beyond the limits is the author's word for "none": no user can say it, and its number is there. */
static void test_fallback_out_of_range(void)
{
	static const BpParam params[] = {
		{ "limit", .type = BP_INT, .fallback = "-1", .min = 1, .max = 9 },
		{ "gain", .type = BP_DOUBLE, .fallback = "-1.5", .min = 1, .max = 9 },
		{ "wait", .type = BP_DURATION, .fallback = "0", .min = 1, .max = 9 },
		{ "odd", .type = BP_INT, .fallback = "none" },
		{ NULL },
	};
	g_autoptr(BpValues) values = bp_values_new(params);
	BpPlugin plugin = { 0 };

	CU_ASSERT_EQUAL(bp_values_int(values, "limit"), -1);
	CU_ASSERT_EQUAL(bp_values_double(values, "gain"), -1.5);
	CU_ASSERT_EQUAL(bp_values_duration(values, "wait"), 0);
	CU_ASSERT_EQUAL(bp_values_int(values, "odd"), 0);
	CU_ASSERT_STRING_EQUAL(bp_values_string(values, "odd"), "none");
	CU_ASSERT_FALSE(bp_values_set(values, "limit", "-1", NULL));
	owner_init(&plugin, NULL, "test");
	bp_setting_declare(&plugin, bp_context("/"), params);
	CU_ASSERT_EQUAL(bp_setting_int(bp_context("/"), "limit"), -1);
	CU_ASSERT_EQUAL(bp_setting_int(bp_context("/"), "odd"), 0);
	owner_drop_all(&plugin);
	owner_clear(&plugin);
	settings_stop();
}

static void test_untouched(void)
{
	static const struct {
		BpParam param;
		const char *text;
	} cases[] = {
		{ { "x", .type = BP_INT, .min = 1, .max = 9 }, "10" },
		{ { "x", .type = BP_INT }, "12x" },
		{ { "x", .type = BP_INT }, "99999999999999999999" },
		{ { "x", .type = BP_DOUBLE, .min = 1, .max = 9 }, "0.5" },
		{ { "x", .type = BP_DOUBLE }, "1e999" },
		{ { "x", .type = BP_DOUBLE }, "1.5 " },
		{ { "x", .type = BP_DURATION, .min = 1, .max = 9 }, "10s" },
		{ { "x", .type = BP_DURATION }, "9223372036854.775807s" },
		{ { "x", .type = BP_DURATION }, "9223372036854.9s" },
		{ { "x", .type = BP_BYTES, .max = 9 }, "1K" },
		{ { "x", .type = BP_BYTES }, "5X" },
		{ { "x", .type = BP_BOOL }, "maybe" },
		{ { "x", .type = BP_CHOICE, .choices = "a|b" }, "c" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		ParamValue value;

		MARK(value);
		if (param_parse(&cases[i].param, cases[i].text, &value, NULL))
			g_free(value.text);
		else
			CU_ASSERT(IS_MARKED(value));
	}
}

static void test_set(void)
{
	g_autoptr(BpValues) values = bp_values_new(table);
	g_autoptr(GError) error = NULL;

	CU_ASSERT(bp_values_set(values, "max-connections", "5", NULL));
	CU_ASSERT_EQUAL(bp_values_int(values, "max_connections"), 5);
	CU_ASSERT(bp_values_set(values, "udp_address", "::1", NULL));
	CU_ASSERT_STRING_EQUAL(bp_values_string(values, "bind"), "::1");
	CU_ASSERT(bp_values_set(values, "mode", "Drop_Oldest", NULL));
	CU_ASSERT_STRING_EQUAL(bp_values_string(values, "mode"), "drop-oldest");
	CU_ASSERT(bp_values_set(values, "wait", "250ms", NULL));
	CU_ASSERT_EQUAL(bp_values_duration(values, "wait"), 250000);
	CU_ASSERT(bp_values_set(values, "port", "0x10", NULL));
	CU_ASSERT_EQUAL(bp_values_int(values, "port"), 16);
	CU_ASSERT_FALSE(bp_values_set(values, "port", "70000", NULL));
	CU_ASSERT_EQUAL(bp_values_int(values, "port"), 16);
	CU_ASSERT(bp_values_set(values, "port", NULL, NULL));
	CU_ASSERT_EQUAL(bp_values_int(values, "port"), 2323);
	CU_ASSERT_FALSE(bp_values_set(values, "prot", "1", &error));
	CU_ASSERT_STRING_EQUAL(error->message, "there is no parameter \"prot\"; did you mean port?");
	CU_ASSERT(g_error_matches(error, BP_HOST_ERROR, BP_NOT_FOUND));
}

static void test_many(void)
{
	g_autoptr(BpValues) values = bp_values_new(table);
	g_autoptr(BpValues) copy = NULL;

	CU_ASSERT_PTR_NULL(bp_values_list(values, "word")[0]);
	CU_ASSERT(bp_values_set(values, "word", "a", NULL));
	CU_ASSERT(bp_values_set(values, "word", "b c", NULL));
	CU_ASSERT_STRING_EQUAL(bp_values_list(values, "word")[0], "a");
	CU_ASSERT_STRING_EQUAL(bp_values_list(values, "word")[1], "b c");
	CU_ASSERT_PTR_NULL(bp_values_list(values, "word")[2]);
	ASSERT_TEXT(bp_values_describe(values), "word=a word=\"b c\"");
	copy = bp_values_copy(values);
	CU_ASSERT(bp_values_equal(values, copy));
	CU_ASSERT(bp_values_set(copy, "word", "d", NULL));
	CU_ASSERT_FALSE(bp_values_equal(values, copy));
	CU_ASSERT_PTR_NULL(bp_values_list(values, "word")[2]);
}

static void test_pairs(void)
{
	static const char *const good[] = { "port=80", "keepalive", "name=a=b", "word=", NULL };
	static const char *const bare[] = { "port", NULL };
	static const char *const nameless[] = { "=5", NULL };
	static const char *const unknown[] = { "moed=close", NULL };
	g_autoptr(BpValues) values = bp_values_new(table);
	g_autoptr(GError) error = NULL;

	CU_ASSERT(bp_values_set_pairs(values, good, NULL));
	CU_ASSERT_EQUAL(bp_values_int(values, "port"), 80);
	CU_ASSERT_STRING_EQUAL(bp_values_string(values, "name"), "a=b");
	CU_ASSERT_STRING_EQUAL(bp_values_list(values, "word")[0], "");
	CU_ASSERT(bp_values_is_set(values, "keepalive"));
	CU_ASSERT_FALSE(bp_values_set_pairs(values, bare, &error));
	CU_ASSERT_STRING_EQUAL(error->message, "port has no value: write port=VALUE");
	g_clear_error(&error);
	CU_ASSERT_FALSE(bp_values_set_pairs(values, nameless, &error));
	CU_ASSERT_STRING_EQUAL(error->message, "\"=5\" has no name: write NAME=VALUE");
	g_clear_error(&error);
	CU_ASSERT_FALSE(bp_values_set_pairs(values, unknown, &error));
	CU_ASSERT_STRING_EQUAL(error->message, "there is no parameter \"moed\"; did you mean mode?");
}

static void test_required(void)
{
	g_autoptr(BpValues) values = bp_values_new(table);
	g_autoptr(GError) error = NULL;

	CU_ASSERT_FALSE(bp_values_complete(values, &error));
	CU_ASSERT_STRING_EQUAL(error->message, "name is missing: what to call it");
	CU_ASSERT(bp_values_set(values, "name", "x", NULL));
	CU_ASSERT(bp_values_complete(values, NULL));
}

/* The console's own quoting is tested where it is read; here it is read back in a few lines. */
static char *typed(const char *line)
{
	GString *text;

	if (*line != '"')
		return g_strdup(line);
	text = g_string_new(NULL);
	for (line++; *line && *line != '"'; line++) {
		if (*line != '\\')
			g_string_append_c(text, *line);
		else if (*++line == 'n' || *line == 't')
			g_string_append_c(text, *line == 'n' ? '\n' : '\t');
		else if (*line == 'x')
			g_string_append_c(text, (char)g_ascii_strtoull((char[]){ line[1], line[2], 0 }, NULL, 16)),
				line += 2;
		else
			g_string_append_c(text, *line);
	}
	g_assert(!line[0] || !line[1]);
	return g_string_free(text, FALSE);
}

static void test_describe_round_trip(void)
{
	static const char *const texts[] = {
		"plain",       "",	   "two words",		  "a\"b\\c", "x|y", "#no", "don't",
		"caf\xc3\xa9", "\xff\xc3", "line\nline\t\x1b[0m", "a=b",     NULL,
	};
	for (guint i = 0; texts[i]; i++) {
		g_autoptr(BpValues) values = bp_values_new(table);
		g_autofree char *line = NULL;
		g_autofree char *back = NULL;

		CU_ASSERT(bp_values_set(values, "name", texts[i], NULL));
		line = bp_values_describe(values);
		CU_ASSERT(g_str_has_prefix(line, "name=") && !strpbrk(line, "\n\x1b"));
		back = typed(line + 5);
		CU_ASSERT_STRING_EQUAL(back, texts[i]);
	}
}

static void test_secret(void)
{
	g_autoptr(BpValues) values = bp_values_new(table);
	json_auto_t *json = NULL;

	CU_ASSERT(bp_values_set(values, "password", "hunter2", NULL));
	ASSERT_TEXT(bp_values_describe(values), "password=***");
	CU_ASSERT_STRING_EQUAL(bp_values_string(values, "password"), "hunter2");
	json = bp_values_json(values);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json, "password")), "***");
}

static void test_equal(void)
{
	g_autoptr(BpValues) a = bp_values_new(table);
	g_autoptr(BpValues) b = bp_values_new(table);

	CU_ASSERT(bp_values_equal(a, b));
	CU_ASSERT(bp_values_set(a, "wait", "60", NULL));
	CU_ASSERT_FALSE(bp_values_equal(a, b));
	CU_ASSERT(bp_values_set(b, "wait", "1m", NULL));
	CU_ASSERT(bp_values_equal(a, b));
	CU_ASSERT(bp_values_set(b, "name", "x", NULL));
	CU_ASSERT_FALSE(bp_values_equal(a, b));
}

static void test_setting_gives_fallback(void)
{
	static const BpParam settings[] = {
		{ "default_telnet_port", .type = BP_INT, .fallback = "23" },
		{ NULL },
	};
	static const BpParam params[] = {
		{ "port", .type = BP_INT, .fallback = "7", .max = 65535, .setting = "default_telnet_port" },
		{ NULL },
	};
	g_autoptr(BpValues) first = bp_values_new(params);
	g_autoptr(BpValues) opened = NULL, set = NULL, odd = NULL;
	BpPlugin plugin = { 0 };

	CU_ASSERT_EQUAL(bp_values_int(first, "port"), 7);
	owner_init(&plugin, NULL, "test");
	bp_setting_declare(&plugin, bp_context("/"), settings);
	opened = bp_values_new(params);
	CU_ASSERT_EQUAL(bp_values_int(opened, "port"), 23);
	CU_ASSERT(bp_setting_set(bp_context("/"), "default_telnet_port", "2000", NULL));
	CU_ASSERT_EQUAL(bp_values_int(opened, "port"), 23); /* what it was opened with stays true */
	set = bp_values_copy(opened);
	CU_ASSERT_EQUAL(bp_values_int(set, "port"), 2000);
	CU_ASSERT_FALSE(bp_values_is_set(set, "port"));
	CU_ASSERT(bp_values_set(set, "port", "99", NULL));
	CU_ASSERT_EQUAL(bp_values_int(set, "port"), 99);
	CU_ASSERT(bp_setting_set(bp_context("/"), "default_telnet_port", "70000", NULL));
	odd = bp_values_new(params);
	CU_ASSERT_EQUAL(bp_values_int(odd, "port"), 7); /* a setting that does not fit is passed over */
	owner_drop_all(&plugin);
	owner_clear(&plugin);
	settings_stop();
}

static const SuiteTest tests[] = {
	{ "rows", test_rows },
	{ "nearest", test_nearest },
	{ "numbers", test_numbers },
	{ "scaled", test_scaled },
	{ "words", test_words },
	{ "described", test_described },
	{ "fallbacks", test_fallbacks },
	{ "fallback-out-of-range", test_fallback_out_of_range },
	{ "untouched", test_untouched },
	{ "set", test_set },
	{ "many", test_many },
	{ "pairs", test_pairs },
	{ "required", test_required },
	{ "describe-round-trip", test_describe_round_trip },
	{ "secret", test_secret },
	{ "equal", test_equal },
	{ "setting-gives-fallback", test_setting_gives_fallback },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("param", tests, argc, argv);
}

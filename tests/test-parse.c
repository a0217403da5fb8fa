/* SPDX-License-Identifier: MIT */
/* test-parse.c - tables of what is typed: commands, words, completion, binding to parameters,
 * usage. */
#include <string.h>
#include "command/bind.h"
#include "command/parse.h"
#include "../plugins/commands/usage.h"
#include "suite.h"

/* --- commands --- */

/* "[silent.][line:]text@offset", parted by blanks and bars. */
static char *commands_text(const char *text, gsize size)
{
	g_autoptr(GPtrArray) commands = parse_commands(text, size);
	GString *all = g_string_new(NULL);

	for (guint i = 0; i < commands->len; i++) {
		const ParsedCommand *command = commands->pdata[i];

		g_string_append_printf(all, "%s%u%s{%s}", i ? " " : "", command->line, command->silent ? "." : "",
				       command->text);
		if (strncmp(text + command->offset, command->text, strlen(command->text)) != 0)
			g_string_append(all, "BAD OFFSET");
	}
	return g_string_free(all, FALSE);
}

static void test_commands(void)
{
	static const struct {
		const char *text, *commands;
	} cases[] = {
		{ "", "" },
		{ "help", "1{help}" },
		{ "  help \t\r\n", "1{help}" },
		{ "a|b | c", "1{a} 1{b} 1{c}" },
		{ "a\nb|c\n\nd", "1{a} 2{b} 2{c} 4{d}" },
		{ "||| |", "" },
		{ "a||b", "1{a} 1{b}" },
		{ ".a|.b", "1.{a} 1.{b}" },
		{ " . a", "1.{a}" },
		{ ".", "" },
		{ "..a", "1.{.a}" },
		{ "echo \"a|b\" | c", "1{echo \"a|b\"} 1{c}" },
		{ "echo 'a|b' | c", "1{echo 'a|b'} 1{c}" },
		{ "echo a\\|b|c", "1{echo a\\|b} 1{c}" },
		{ "echo \"a\\\"|b\"|c", "1{echo \"a\\\"|b\"} 1{c}" },
		{ "echo 'a\\'|b", "1{echo 'a\\'} 1{b}" },
		{ "echo don't | b", "1{echo don't} 1{b}" },
		{ "echo k='a|b'|c", "1{echo k='a|b'} 1{c}" },
		{ "echo \"open|b\nc", "1{echo \"open|b} 2{c}" },
		{ "# all | of this\nb", "2{b}" },
		{ "a # b | c\nd", "1{a} 2{d}" },
		{ "a#b | #c | d", "1{a#b}" },
		{ "a \"#b\" \\#c", "1{a \"#b\" \\#c}" },
		{ ".# x\nb", "2{b}" },
		{ ". # x\nb", "2{b}" },
		{ "a\\ ", "1{a\\ }" },
		{ "a\\\\ ", "1{a\\\\}" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *got = commands_text(cases[i].text, strlen(cases[i].text));

		CU_ASSERT_STRING_EQUAL(got, cases[i].commands);
		if (strcmp(got, cases[i].commands) != 0)
			g_printerr("%s: %s\n", cases[i].text, got);
	}
}

static void test_commands_nul(void)
{
	g_autofree char *got = commands_text("a\0b\xff", 4);

	CU_ASSERT_STRING_EQUAL(got, "1{a} 2{b\xff}");
}

/* --- words --- */

static char *words_text(const ParsedWords *words)
{
	GString *all = g_string_new(NULL);

	for (guint i = 0; i < words->count; i++)
		g_string_append_printf(all, "%s{%s}%s", i ? " " : "", words->words[i].text,
				       words->words[i].quoted ? "q" : "");
	if (words->error)
		g_string_append_printf(all, " %u! %s", (guint)words->error_at, words->error->message);
	return g_string_free(all, FALSE);
}

static void test_words(void)
{
	static const struct {
		const char *command, *words;
	} cases[] = {
		{ "", "" },
		{ "a b\tc", "{a} {b} {c}" },
		{ "  a   b  ", "{a} {b}" },
		{ "\"a b\" c", "{a b}q {c}" },
		{ "'a \"b\\' c", "{a \"b\\}q {c}" },
		{ "a\"b c\"d", "{ab cd}" },
		{ "--name=\"a b\"", "{--name=a b}" },
		{ "--name='a b'", "{--name=a b}" },
		{ "don't it's", "{don't} {it's}" },
		{ "\"a\"'b c'", "{ab c}q" },
		{ "\"\" ''", "{}q {}q" },
		{ "\"\\\"\\\\\\n\\t\\x41\\q\"", "{\"\\\n\tA\\q}q" },
		{ "a\\ b \\-p \\\"", "{a b} {-p}q {\"}q" },
		{ "\"-p\"", "{-p}q" },
		{ "a # b", "{a}" },
		{ "a#b", "{a#b}" },
		{ "a \"b c", "{a} 2! the quote \" at column 3 is not closed" },
		{ "a b'c 'd", "{a} {b'c} 6! the quote ' at column 7 is not closed" },
		{ "a xy\"z", "{a} 2! the quote \" at column 5 is not closed" },
		{ "a \"\\\"", "{a} 2! the quote \" at column 3 is not closed" },
		{ "a b\\", "{a} 2! the backslash at the end escapes nothing; type \\\\ for a backslash" },
		{ "a \"\\x4\" b", "{a} 2! \\x at column 4 needs two hexadecimal digits" },
		{ "a \"\\x00\"", "{a} 2! \\x00 at column 4 cannot be part of a word" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(ParsedWords) words = parse_words(cases[i].command);
		g_autofree char *got = words_text(words);

		CU_ASSERT_STRING_EQUAL(got, cases[i].words);
		if (strcmp(got, cases[i].words) != 0)
			g_printerr("%s: %s\n", cases[i].command, got);
	}
}

static void test_word_places(void)
{
	g_autoptr(ParsedWords) words = parse_words("one  \"two x\" \\ y");

	CU_ASSERT_EQUAL_FATAL(words->count, 3);
	CU_ASSERT_EQUAL(words->words[0].end, 3);
	CU_ASSERT_EQUAL(words->words[1].start, 5);
	CU_ASSERT_EQUAL(words->words[1].end, 12);
	CU_ASSERT_EQUAL(words->words[2].start, 13);
	CU_ASSERT_EQUAL(words->words[2].end, 16);
	CU_ASSERT_EQUAL(words->error_at, G_MAXSIZE);
}

static void test_quote(void)
{
	static const char *const words[] = {
		"plain", "two words", "",	   "a\"b",	"a\\b", "it's",	 "a|b",
		"#x",	 ".x",	      "tab\there", "new\nline", "\x01", "x=y z",
	};
	g_autofree char *plain = bp_quote("plain", 0), *single = bp_quote("a b", '\'');

	CU_ASSERT_STRING_EQUAL(plain, "plain");
	CU_ASSERT_STRING_EQUAL(single, "'a b'");
	for (guint i = 0; i < 3 * G_N_ELEMENTS(words); i++) {
		g_autofree char *typed = bp_quote(words[i / 3], "\0\"'"[i % 3]);
		g_autofree char *line = g_strconcat("x ", typed, " y", NULL);
		g_autoptr(GPtrArray) commands = parse_commands(line, strlen(line));
		g_autoptr(ParsedWords) parsed = NULL;

		CU_ASSERT_EQUAL_FATAL(commands->len, 1);
		parsed = parse_words(((ParsedCommand *)commands->pdata[0])->text);
		CU_ASSERT_EQUAL_FATAL(parsed->count, 3);
		CU_ASSERT_STRING_EQUAL(parsed->words[1].text, words[i / 3]);
	}
}

static void test_cursor(void)
{
	static const struct {
		const char *line; /* with ^ where the cursor is */
		guint command, words, start;
		const char *partial;
		char quote;
		gboolean comment;
	} cases[] = {
		{ "^", 0, 0, 0, "", 0, FALSE },
		{ "cha^nnel list", 0, 0, 0, "cha", 0, FALSE },
		{ "channel ^", 0, 1, 8, "", 0, FALSE },
		{ "channel li^", 0, 1, 8, "li", 0, FALSE },
		{ "channel  open  x^", 0, 2, 15, "x", 0, FALSE },
		{ "a | .chan^", 5, 0, 5, "chan", 0, FALSE },
		{ "a|b c|^", 6, 0, 6, "", 0, FALSE },
		{ "a \"b c^", 0, 1, 2, "b c", '"', FALSE },
		{ "a 'b|c^", 0, 1, 2, "b|c", '\'', FALSE },
		{ "a \"b\"^", 0, 1, 2, "b", 0, FALSE },
		{ "a b\\ c^", 0, 1, 2, "b c", 0, FALSE },
		{ "a b\\^", 0, 1, 2, "b", 0, FALSE },
		{ "a --x=\"y^", 0, 1, 2, "--x=y", '"', FALSE },
		{ "a # b^", 0, 1, 2, "", 0, TRUE },
		{ ".^", 1, 0, 1, "", 0, FALSE },
		{ "  a^", 2, 0, 2, "a", 0, FALSE },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		const char *mark = strchr(cases[i].line, '^');
		g_autofree char *line = g_strdup_printf("%.*s%s", (int)(mark - cases[i].line), cases[i].line, mark + 1);
		g_autoptr(ParsedCursor) cursor = parse_cursor(line, (gsize)(mark - cases[i].line));
		gboolean good = cursor->command == cases[i].command && cursor->words->count == cases[i].words &&
				(cases[i].comment ||
				 (cursor->start == cases[i].start && strcmp(cursor->partial, cases[i].partial) == 0)) &&
				cursor->quote == cases[i].quote && cursor->comment == cases[i].comment;

		CU_ASSERT(good);
		if (!good)
			g_printerr("%s: command %u, %u words, start %u, \"%s\", quote %d\n", cases[i].line,
				   (guint)cursor->command, cursor->words->count, (guint)cursor->start, cursor->partial,
				   cursor->quote);
	}
}

/* --- binding --- */

static const BpParam server[] = {
	{ "port", 'p', BP_INT, .fallback = "23", .min = 0, .max = 65535, .help = "port to listen on" },
	{ "address", 'b', BP_STRING, .alias = "bind|host", .help = "where to listen" },
	{ "silent", 's', BP_BOOL, .help = "does not see the console" },
	{ "quit", 'q', BP_BOOL, .help = "closes it" },
	{ NULL },
};

static const BpParam mixed[] = {
	{ .include = server },
	{ "mode", .type = BP_CHOICE, .choices = "close|drop-oldest", .fallback = "close",
	  .help = "what happens to a reader that is too slow to follow" },
	{ "tag", 't', BP_STRING, .many = 1, .help = "any word" },
	{ "password", 'P', BP_STRING, .secret = 1, .help = "not shown" },
	{ "channel", .kind = BP_ARGUMENT, .required = 1, .help = "name" },
	{ "count", .kind = BP_ARGUMENT, .type = BP_INT },
	{ "word", .kind = BP_ARGUMENT, .many = 1 },
	{ NULL },
};

static const BpParam timer[] = {
	{ "quiet", 'q', BP_BOOL, .help = "says nothing" },
	{ "off", 'o', BP_BOOL, .help = "ends it" },
	{ "times", .kind = BP_ARGUMENT, .type = BP_INT, .required = 1 },
	{ "line", .kind = BP_ARGUMENT, .type = BP_REST },
	{ NULL },
};

static const BpParam echo[] = { { "text", .kind = BP_ARGUMENT, .type = BP_REST }, { NULL } };

static const BpParam digits[] = {
	{ "five", '5', BP_BOOL, .help = "a digit" },
	{ "key", 'k', BP_STRING, .required = 1 },
	{ NULL },
};

static const struct {
	const BpParam *table;
	const char *typed, *values, *error;
} bindings[] = {
	{ server, "", "", NULL },
	{ server, "-p 2323", "port=2323", NULL },
	{ server, "-p2323", "port=2323", NULL },
	{ server, "-p=2323", "port=2323", NULL },
	{ server, "--port 2323", "port=2323", NULL },
	{ server, "--port=2323", "port=2323", NULL },
	{ server, "--port=\"2323\"", "port=2323", NULL },
	{ server, "--host ::1 --bind=x", "address=x", NULL },
	{ server, "-sq", "silent=true quit=true", NULL },
	{ server, "-sqp 5", "port=5 silent=true quit=true", NULL },
	{ server, "-sqp5", "port=5 silent=true quit=true", NULL },
	{ server, "--silent=no -q=off", "silent=false quit=false", NULL },
	{ server, "-b -5", "address=-5", NULL },
	{ server, "-b \"-s\"", "address=-s", NULL },
	{ server, "-b=", "address=\"\"", NULL },
	{ server, "--", "", NULL },
	{ server, "--prot 1", NULL, "x has no option --prot; did you mean --port?" },
	{ server, "--zzzzzz", NULL, "x has no option --zzzzzz; see help x" },
	{ server, "-z", NULL, "x has no option -z; see help x" },
	{ server, "-sz", NULL, "x has no option -z; see help x" },
	{ server, "-port 5", NULL, "port must be a whole number from 0 to 65535, not \"ort\"" },
	{ server, "-quit", NULL, "x has no option -u; see help x" },
	{ server, "-host 1", NULL, "x has no option -host; did you mean --address?" },
	{ server, "y", NULL, "x takes no argument \"y\"; see help x" },
	{ server, "-5", NULL, "x takes no argument \"-5\"; see help x" },
	{ server, "\"a\033[2Jb\"", NULL, "x takes no argument \"a\\x1b[2Jb\"; see help x" },
	{ server, "-p", NULL, "--port needs a value" },
	{ server, "--port", NULL, "--port needs a value" },
	{ server, "--port -s", NULL, "--port needs a value" },
	{ server, "-p \"5", NULL, "the quote \" at column 6 is not closed" },
	{ server, "-s \"5", NULL, "the quote \" at column 6 is not closed" },
	{ server, "--help", NULL, "x has no option --help; see help x" },
	{ mixed, "", NULL, "x needs CHANNEL; type help x" },
	{ mixed, "-s", NULL, "x needs CHANNEL; type help x" },
	{ mixed, "a", "channel=a", NULL },
	{ mixed, "-s a -p 5 7 -q b c", "port=5 silent=true quit=true channel=a count=7 word=b word=c", NULL },
	{ mixed, "a -5 -- -s -- --port", "channel=a count=-5 word=-s word=-- word=--port", NULL },
	{ mixed, "a 1 \"-s\" - b", "channel=a count=1 word=-s word=- word=b", NULL },
	{ mixed, "-t a -t b --tag=c d", "tag=a tag=b tag=c channel=d", NULL },
	{ mixed, "-P pw a", "password=*** channel=a", NULL },
	{ mixed, "a --mode drop_oldest", "mode=drop-oldest channel=a", NULL },
	{ timer, "-q 3 echo -x  \"a b\" | c ", "quiet=true times=3 line=\"echo -x  \\\"a b\\\" | c\"", NULL },
	{ timer, "3", "times=3", NULL },
	{ timer, "3 -o", "off=true times=3", NULL },
	{ timer, "3 -q echo -q", "quiet=true times=3 line=\"echo -q\"", NULL },
	{ timer, "3 -- -q", "times=3 line=-q", NULL },
	{ timer, "3 --quite x", NULL, "x has no option --quite; did you mean --quiet?" },
	{ timer, "3 'tis -x", "times=3 line=\"'tis -x\"", NULL },
	{ timer, "'tis", NULL, "the quote ' at column 3 is not closed" },
	{ echo, "-x --y \"z", "text=\"-x --y \\\"z\"", NULL },
	{ echo, "-- --help", "text=\"-- --help\"", NULL },
	{ echo, "a\\\\b   c", "text=\"a\\\\\\\\b   c\"", NULL },
	{ echo, "", "", NULL },
	{ digits, "-5 -kv", "five=true key=v", NULL },
	{ digits, "-5", NULL, "x needs --key; type help x" },
	{ NULL, "", "", NULL },
	{ NULL, "y", NULL, "x takes no argument \"y\"; see help x" },
};

static void test_bind(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(bindings); i++) {
		g_autofree char *line = g_strconcat("x ", bindings[i].typed, NULL);
		g_autoptr(ParsedWords) words = parse_words(line);
		g_autoptr(GError) error = NULL;
		g_autoptr(BpValues) values = bind_words("x", bindings[i].table, words, 1, &error);
		g_autofree char *got = values ? bp_values_describe(values) : NULL;
		gboolean good = bindings[i].error ? error && strcmp(error->message, bindings[i].error) == 0
						  : got && strcmp(got, bindings[i].values) == 0;

		CU_ASSERT((values == NULL) == (error != NULL));
		CU_ASSERT(good);
		if (!good)
			g_printerr("%s: %s%s\n", line, got ? got : "", error ? error->message : "");
	}
}

static gboolean asks_help(const BpParam *table, const char *line)
{
	g_autoptr(ParsedWords) words = parse_words(line);

	return bind_asks_help(table, words, 1, &(gboolean){ FALSE });
}

static gboolean has_secret(const BpParam *table, const char *line)
{
	g_autoptr(ParsedWords) words = parse_words(line);

	return bind_has_secret(table, words, 1);
}

static void test_questions(void)
{
	CU_ASSERT(asks_help(server, "x --help"));
	CU_ASSERT(asks_help(server, "x -s --help -z"));
	CU_ASSERT(asks_help(mixed, "x a 1 --help"));
	CU_ASSERT(asks_help(timer, "timer 3 --help"));
	CU_ASSERT(asks_help(NULL, "x --help"));
	CU_ASSERT_FALSE(asks_help(server, "x -- --help"));
	CU_ASSERT_FALSE(asks_help(server, "x \"--help\""));
	CU_ASSERT_FALSE(asks_help(timer, "timer 3 echo --help"));
	CU_ASSERT_FALSE(asks_help(echo, "echo --help"));
	CU_ASSERT(has_secret(mixed, "x a -P pw"));
	CU_ASSERT(has_secret(mixed, "x a -sPpw"));
	CU_ASSERT(has_secret(mixed, "x a --pasword pw"));
	CU_ASSERT_FALSE(has_secret(mixed, "x a -s"));
	CU_ASSERT_FALSE(has_secret(server, "x --nonsense"));
}

static void test_next(void)
{
	static const struct {
		const BpParam *table;
		const char *line, *partial, *value;
		gboolean options;
		guint prefix;
	} cases[] = {
		{ server, "x", "", NULL, TRUE, 0 },
		{ server, "x -p", "", "port", FALSE, 0 },
		{ server, "x --port", "2", "port", FALSE, 0 },
		{ server, "x -s", "--port=2", "port", FALSE, 7 },
		{ server, "x -s", "--nosuch=2", NULL, TRUE, 0 },
		{ server, "x --nosuch", "", NULL, FALSE, 0 },
		{ mixed, "x", "a", "channel", TRUE, 0 },
		{ mixed, "x a", "", "count", TRUE, 0 },
		{ mixed, "x a 1 b c", "", "word", TRUE, 0 },
		{ mixed, "x a --", "", "count", FALSE, 0 },
		{ timer, "x 3", "", "line", TRUE, 0 },
		{ timer, "x 3 echo", "", "line", FALSE, 0 },
		{ NULL, "x", "", NULL, TRUE, 0 },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(ParsedWords) words = parse_words(cases[i].line);
		BindNext next = bind_next(cases[i].table, words, 1, cases[i].partial);

		CU_ASSERT_EQUAL(g_strcmp0(next.value ? next.value->name : NULL, cases[i].value), 0);
		CU_ASSERT_EQUAL(next.options, cases[i].options);
		CU_ASSERT_EQUAL(next.prefix, cases[i].prefix);
		CU_ASSERT_EQUAL(next.rest_start == G_MAXSIZE, strstr(cases[i].line, "echo") == NULL);
	}
}

/* --- usage --- */

static void test_usage_line(void)
{
	g_autofree char *one = usage_line("consoleserver", server), *two = usage_line("x", mixed);
	g_autofree char *three = usage_line("timer", timer), *four = usage_line("x", digits),
			*five = usage_line("x", NULL);

	CU_ASSERT_STRING_EQUAL(one, "consoleserver [-sq] [-p PORT] [-b ADDRESS]");
	CU_ASSERT_STRING_EQUAL(two, "x [-sq] [-p PORT] [-b ADDRESS] [--mode MODE] [-t TAG]... [-P PASSWORD] "
				    "CHANNEL [COUNT] [WORD...]");
	CU_ASSERT_STRING_EQUAL(three, "timer [-qo] TIMES [LINE...]");
	CU_ASSERT_STRING_EQUAL(four, "x [-5] -k KEY");
	CU_ASSERT_STRING_EQUAL(five, "x");
}

static void test_usage_params(void)
{
	g_autofree char *text = usage_params(mixed, 60), *none = usage_params(NULL, 0);

	CU_ASSERT_STRING_EQUAL(none, "");
	CU_ASSERT_STRING_EQUAL(text, "  CHANNEL                  name (required)\n"
				     "  COUNT                    (int)\n"
				     "  WORD...                  (may be given again)\n"
				     "  -p, --port PORT          port to listen on (int 0..65535;\n"
				     "                           23 if not given)\n"
				     "  -b, --address ADDRESS    where to listen\n"
				     "  -s, --silent             does not see the console\n"
				     "  -q, --quit               closes it\n"
				     "      --mode MODE          what happens to a reader that is\n"
				     "                           too slow to follow\n"
				     "                           (close|drop-oldest; close if not\n"
				     "                           given)\n"
				     "  -t, --tag TAG            any word (may be given again)\n"
				     "  -P, --password PASSWORD  not shown\n");
}

static const SuiteTest tests[] = {
	{ "commands", test_commands },
	{ "commands-nul", test_commands_nul },
	{ "words", test_words },
	{ "word-places", test_word_places },
	{ "quote", test_quote },
	{ "cursor", test_cursor },
	{ "bind", test_bind },
	{ "questions", test_questions },
	{ "next", test_next },
	{ "usage-line", test_usage_line },
	{ "usage-params", test_usage_params },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("parse", tests, argc, argv);
}

/* SPDX-License-Identifier: MIT */
/* test-editor.c - the line editor against a small terminal (terminal.h). Every case runs at
 * widths 10, 20 and 80, fed whole and byte by byte; then keys by chance against a plain
 * buffer. */
#include "terminal.h"

/* --- one table of keys --- */

typedef struct {
	const char *keys, *line, *log;
	int cursor; /* bytes; -1: at the end */
} Case;

static const Case cases[] = {
	{ "abc", "abc", "", -1 },
	{ "abc\r", "", "<abc>", -1 },
	{ "a\r\nb\nc\rd\r\n\r\n", "", "<a><b><c><d><>", -1 },
	{ "abc" LEFT LEFT "X", "aXbc", "", 2 },
	{ "abc\002\002\006X", "abXc", "", 3 },
	{ "abc" HOME "X" END "Y", "XabcY", "", -1 },
	{ "abc\033[HX\033[FY", "XabcY", "", -1 },
	{ "abc\033OHX\033OFY", "XabcY", "", -1 },
	{ "abc\033[1~X\033[4~Y\033[7~Z\033[8~", "ZXabcY", "", -1 },
	{ "abc\033OD\033OD\033OCX", "abXc", "", 3 },
	{ "abc\010\177", "a", "", -1 },
	{ "\010\177\033[3~x", "x", "", -1 },
	{ "abc" HOME "\033[3~\004", "c", "", 0 },
	{ "one two three\027", "one two ", "", -1 },
	{ "one two three\027\027\027\027", "", "", -1 },
	{ "one two\027\031\031", "one twotwo", "", -1 },
	{ "one two" LEFT LEFT "\013", "one t", "", -1 },
	{ "one two" LEFT LEFT "\025", "wo", "", 0 },
	{ "one two\025\031!", "one two!", "", -1 },
	{ "one two\033b\033bX\033fY", "XoneY two", "", 5 },
	{ "one-two\033[1;5DX\033[1;5D\033[1;3CY", "one-XtwoY", "", -1 },
	{ "one two" HOME "\033d", " two", "", 0 },
	{ "one-two\033\177", "one-", "", -1 },
	{ "abc\024", "acb", "", -1 },
	{ "abc" LEFT LEFT "\024", "bac", "", 2 },
	{ "a\024", "a", "", -1 },
	{ HOME LEFT RIGHT END "\013\025\027\024\033b\033f\033d\031", "", "", -1 },
	{ "abc\003d", "d", "^C", -1 },
	{ "\003\003", "", "^c^c", -1 },
	{ "\004", "", "^D", -1 },
	{ "ab\014c", "abc", "", -1 },
	{ "0123456789", "0123456789", "", -1 },
	{ "01234567890123456789012345", "01234567890123456789012345", "", -1 },
	{ "01234567890123456789012345" HOME "X", "X01234567890123456789012345", "", 1 },
	{ "01234567890123456789" HOME "\013ab", "ab", "", -1 },
	{ "0123456789012345\177\177\177\177\177\177\177\177\177\177", "012345", "", -1 },
	{ "01234567\r", "", "<01234567>", -1 },
	{ "012345678901234567\r\r", "", "<012345678901234567><>", -1 },
	{ "a" WIDE "b" WIDE, "a" WIDE "b" WIDE, "", -1 },
	{ WIDE WIDE WIDE WIDE WIDE WIDE WIDE HOME "a", "a" WIDE WIDE WIDE WIDE WIDE WIDE WIDE, "", 1 },
	{ "abcde" WIDE WIDE WIDE LEFT LEFT LEFT "z", "abcdez" WIDE WIDE WIDE, "", 6 },
	{ "abcdez" WIDE WIDE LEFT LEFT "\010", "abcde" WIDE WIDE, "", 5 },
	{ "e" ACCENT "x" LEFT LEFT "y", "ye" ACCENT "x", "", 1 },
	{ "ae" ACCENT "\010", "a", "", -1 },
	{ "ae" ACCENT LEFT "\033[3~", "a", "", -1 },
	{ "abcdefgh" ACCENT "i", "abcdefgh" ACCENT "i", "", -1 },
	{ "abcdefgh" ACCENT "i" HOME "x", "xabcdefgh" ACCENT "i", "", 1 },
	{ "abcdef" WIDE ACCENT "\177", "abcdef", "", -1 },
	{ ACCENT LEFT RIGHT "a", ACCENT "a", "", -1 },
	{ A_UMLAUT "\xc3", A_UMLAUT, "", -1 },
	{ "a\377b\303c\355\240\200d\365", "a" BAD "b" BAD "c" BAD "d" BAD, "", -1 },
	{ "a\xe4\xb8\r", "", "<a" BAD ">", -1 },
	{ "\xc0\x80\xe0\x80\x80", BAD BAD BAD, "", -1 },
	{ "a\302\233b\001\002\016\017\020\026\030\034\035\036\037c", "cab", "", 1 },
	{ "a\033[5~\033[15;2~\033[[A\033[200;1R\033[99999999999~\033[?1;2c\033OPb", "ab", "", -1 },
	{ "a\033xb\033\033[Dc", "acb", "", 2 },
	{ "a\033[1\003b", "b", "^C", -1 },
	{ "a\033[1\rb", "b", "<a>", -1 },
	{ "\033[200~one\ntwo\r\nthree\tx\033[201~\n", "", "<one><two><three x>", -1 },
	{ "\033[200~a\001\004\025\033[Ab\177c\033[201~\001d", "dabc", "", 1 },
	{ "\033[200~abc\003\001d", "d", "^C", -1 },
};

static void test_cases(void)
{
	static const guint widths[] = { 10, 20, 80 };

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
		for (guint w = 0; w < G_N_ELEMENTS(widths); w++) {
			const Case *one = &cases[i];
			Term *whole = term_new(widths[w], "$ "), *split = term_new(widths[w], "$ ");
			g_autofree char *screen = NULL, *screen_split = NULL;
			gboolean good;

			term_feed(whole, one->keys, strlen(one->keys), FALSE);
			term_feed(split, one->keys, strlen(one->keys), TRUE);
			screen = screen_text(&whole->screen);
			screen_split = screen_text(&split->screen);
			good = strcmp(line_editor_text(whole->editor), one->line) == 0 &&
			       strcmp(whole->log->str, one->log) == 0 && strcmp(split->log->str, one->log) == 0 &&
			       line_editor_cursor(whole->editor) ==
				       (one->cursor < 0 ? strlen(one->line) : (gsize)one->cursor) &&
			       strcmp(line_editor_text(split->editor), one->line) == 0 &&
			       line_editor_cursor(split->editor) == line_editor_cursor(whole->editor) &&
			       layout_holds(whole) && layout_holds(split) && strcmp(screen, screen_split) == 0;
			CU_ASSERT(good);
			if (!good)
				g_printerr("case %u, width %u: \"%s\" at %u, log \"%s\"\n%s\n%s\n", i, widths[w],
					   line_editor_text(whole->editor), (guint)line_editor_cursor(whole->editor),
					   whole->log->str, screen, screen_split);
			term_free(whole);
			term_free(split);
		}
}

/* NUL cannot stand in the table. */
static void test_cr_nul(void)
{
	Term *term = term_new(20, "$ ");

	term_feed(term, "a\r\0b\0c\r\0\r", 9, FALSE);
	CU_ASSERT_STRING_EQUAL(term->log->str, "<a><bc><>");
	term_feed(term, "a\r\0b\r\0", 6, TRUE);
	CU_ASSERT_STRING_EQUAL(term->log->str, "<a><bc><><a><b>");
	term_free(term);
}

/* --- a plain buffer as the reference --- */

typedef struct {
	gunichar text[200];
	guint size, cursor;
} Plain;

static void plain_insert(Plain *plain, gunichar character)
{
	memmove(plain->text + plain->cursor + 1, plain->text + plain->cursor,
		(plain->size - plain->cursor) * sizeof(gunichar));
	plain->text[plain->cursor++] = character;
	plain->size++;
}

static void plain_remove(Plain *plain, guint from, guint to)
{
	memmove(plain->text + from, plain->text + to, (plain->size - to) * sizeof(gunichar));
	plain->size -= to - from;
	plain->cursor = from;
}

static const gunichar alphabet[] = { 'a', 'b', ' ', '-', 0xe4, 0x4e2d, 0x1f600, 'x' };

/* Presses one key on both; gives its bytes. */
static const char *plain_press(Plain *plain, guint32 random, char *bytes)
{
	gunichar character = alphabet[random / 64 % G_N_ELEMENTS(alphabet)];

	switch (random % 16) {
	case 0:
		plain->cursor -= plain->cursor ? 1 : 0;
		return LEFT;
	case 1:
		plain->cursor += plain->cursor < plain->size ? 1 : 0;
		return RIGHT;
	case 2:
		plain->cursor = 0;
		return HOME;
	case 3:
		plain->cursor = plain->size;
		return END;
	case 4:
	case 5:
		if (plain->cursor)
			plain_remove(plain, plain->cursor - 1, plain->cursor);
		return "\177";
	case 6:
		if (plain->cursor < plain->size)
			plain_remove(plain, plain->cursor, plain->cursor + 1);
		return "\033[3~";
	case 7:
		if (random / 1024 % 8)
			return "\014";
		plain_remove(plain, plain->cursor, plain->size);
		return "\013";
	default:
		if (plain->size >= 190)
			return "";
		plain_insert(plain, character);
		bytes[g_unichar_to_utf8(character, bytes)] = '\0';
		return bytes;
	}
}

static void test_random_keys(void)
{
	GRand *rand = g_rand_new_with_seed(4711);

	for (guint round = 0; round < 60; round++) {
		Term *term = term_new((const guint[]){ 10, 20, 80 }[round % 3], round % 2 ? "prompt> " : "");
		Plain plain = { .size = 0 };

		for (guint i = 0; i < 300; i++) {
			char bytes[8];
			const char *keys = plain_press(&plain, g_rand_int(rand), bytes);
			g_autofree char *expected = NULL;
			gsize cursor;

			term_feed(term, keys, strlen(keys), round % 4 == 0);
			/* Sometimes several keys are drawn at once; sometimes a message comes
			 * in between. */
			if (i % 37 == 0) {
				gboolean shown = line_editor_hide(term->editor);

				CU_ASSERT(shown && term->screen.col == 0);
				line_editor_show(term->editor);
			}
			expected = g_ucs4_to_utf8(plain.text, plain.size, NULL, NULL, NULL);
			cursor = (gsize)(g_utf8_offset_to_pointer(expected, plain.cursor) - expected);
			if (strcmp(expected, line_editor_text(term->editor)) != 0 ||
			    cursor != line_editor_cursor(term->editor) || !layout_holds(term)) {
				g_autofree char *screen = screen_text(&term->screen);

				g_printerr("round %u, key %u: \"%s\" is \"%s\"; %s\n", round, i, expected,
					   line_editor_text(term->editor), screen);
				CU_FAIL_FATAL("screen or line differ");
			}
		}
		CU_ASSERT(plain.size > 0);
		term_free(term);
	}
	g_rand_free(rand);
}

/* Pasting into the middle, drawn in one go. */
static void test_random_batches(void)
{
	GRand *rand = g_rand_new_with_seed(42);

	for (guint round = 0; round < 40; round++) {
		Term *term = term_new(round % 2 ? 10 : 20, "> ");
		Plain plain = { .size = 0 };

		for (guint i = 0; i < 40; i++) {
			g_autoptr(GString) keys = g_string_new(NULL);

			for (guint k = 0; k < 9; k++) {
				char bytes[8];

				g_string_append(keys, plain_press(&plain, g_rand_int(rand), bytes));
			}
			term_type(term, keys->str);
			if (!layout_holds(term))
				CU_FAIL_FATAL("layout differs");
		}
		term_free(term);
	}
	g_rand_free(rand);
}

/* --- economy and shape --- */

static void test_economy(void)
{
	Term *term = term_new(20, "$ ");

	term->written = 0;
	term_type(term, "a");
	term_type(term, "b");
	CU_ASSERT_EQUAL(term->written, 2);
	term_type(term, LEFT);
	CU_ASSERT_EQUAL(term->written, 3);
	term_type(term, HOME LEFT);
	CU_ASSERT_EQUAL(term->written, 4);
	term_type(term, END "\177");
	CU_ASSERT(term->written < 12);
	term_free(term);
}

static void test_colour_in_prompt(void)
{
	Term *term = term_new(10, "12345[2J678");

	line_editor_set_prompt(term->editor, "\033[1;32m12345\033[0m\033[2J\a678");
	term_type(term, "abc");
	CU_ASSERT(layout_holds(term));
	term->prompt = "ok ";
	line_editor_set_prompt(term->editor, "ok ");
	CU_ASSERT(layout_holds(term));
	line_editor_set_prompt(term->editor, NULL);
	term->prompt = "";
	CU_ASSERT(layout_holds(term));
	term_free(term);
}

static void test_messages_between(void)
{
	Term *term = term_new(10, "$ ");
	g_autofree char *screen = NULL;

	CU_ASSERT(line_editor_is_shown(term->editor));
	term_type(term, "0123456789012345" LEFT LEFT LEFT);
	CU_ASSERT(line_editor_hide(term->editor));
	CU_ASSERT_FALSE(line_editor_hide(term->editor));
	on_write(term, "news\r\n", 6);
	/* Typed while hidden: seen afterwards. */
	term_type(term, "X");
	line_editor_show(term->editor);
	CU_ASSERT(layout_holds(term));
	screen = screen_text(&term->screen);
	CU_ASSERT_STRING_EQUAL(screen, "news/$ 01234567/89012X345");
	term_free(term);
}

static void test_resize(void)
{
	Term *term = term_new(20, "$ ");
	g_autofree char *screen = NULL;

	term_type(term, "0123456789");
	/* The terminal lets its rows flow anew. */
	term->screen.columns = 10;
	screen_clear(&term->screen, 0, 0);
	term->screen.row = term->screen.col = 0;
	screen_write(&term->screen, "$ 0123456789", 12);
	line_editor_set_columns(term->editor, 10);
	CU_ASSERT(layout_holds(term));
	screen = screen_text(&term->screen);
	CU_ASSERT_STRING_EQUAL(screen, "$ 01234567/89");
	line_editor_set_columns(term->editor, 1);
	line_editor_set_columns(term->editor, 4000000000u);
	line_editor_set_columns(term->editor, 0);
	term_free(term);
}

static void test_echo_off(void)
{
	History *history = history_open(NULL, 0);
	Term *term = term_new(20, "password: ");
	g_autofree char *screen = NULL;

	line_editor_set_history(term->editor, history);
	line_editor_set_echo(term->editor, FALSE);
	term_type(term, "hunter3\1772\022\t" UP "\r");
	CU_ASSERT_STRING_EQUAL(term->log->str, "<hunter2>");
	term_type(term, "unseen\025");
	line_editor_set_echo(term->editor, TRUE);
	term_type(term, "\031x");
	CU_ASSERT_STRING_EQUAL(line_editor_text(term->editor), "x");
	CU_ASSERT_EQUAL(history_end(history), 0);
	CU_ASSERT_EQUAL(term->completions, 0);
	screen = screen_text(&term->screen);
	CU_ASSERT_STRING_EQUAL(screen, "password:/password: x");
	term_free(term);
	history_free(history);
}

static void test_limit(void)
{
	Term *term = term_new(20, "$ ");
	g_autofree char *much = g_strnfill(1 << 20, 'x');

	line_editor_set_limit(term->editor, 10);
	term_type(term, "123456789" WIDE "abcd");
	CU_ASSERT_STRING_EQUAL(line_editor_text(term->editor), "123456789a");
	CU_ASSERT_STRING_EQUAL(term->log->str, "!");
	term_type(term, "\rshort\r");
	CU_ASSERT_STRING_EQUAL(term->log->str, "!<123456789a><short>");
	line_editor_set_limit(term->editor, 0);
	line_editor_hide(term->editor);
	term_feed(term, much, 1 << 20, FALSE);
	CU_ASSERT_EQUAL(strlen(line_editor_text(term->editor)), 65536);
	CU_ASSERT_STRING_EQUAL(term->log->str, "!<123456789a><short>!");
	term_free(term);
}

/* --- the editor's life --- */

static void test_stops(void)
{
	Term *term = term_new(20, "$ ");

	term->refuse = TRUE;
	CU_ASSERT_EQUAL(line_editor_feed(term->editor, "one\ntwo\n", 8), 4);
	CU_ASSERT_STRING_EQUAL(term->log->str, "<one>");
	CU_ASSERT_FALSE(line_editor_is_shown(term->editor));
	term->refuse = FALSE;
	line_editor_show(term->editor);
	CU_ASSERT_EQUAL(line_editor_feed(term->editor, "two\n", 4), 4);
	CU_ASSERT_STRING_EQUAL(term->log->str, "<one><two>");
	CU_ASSERT(line_editor_is_shown(term->editor));
	term_free(term);
}

static void test_freed_in_line(void)
{
	Term *term = term_new(20, "$ ");

	term->free_in_line = TRUE;
	CU_ASSERT_EQUAL(line_editor_feed(term->editor, "one\ntwo\n", 8), 4);
	CU_ASSERT_STRING_EQUAL(term->log->str, "<one>");
	term->editor = NULL;
	term_free(term);
}

static void test_freed_in_write(void)
{
	static const char *const keys[] = { "abc", "abc\rdef\r", "abc\003def", "\004", "\014", "a" LEFT "\177" };

	for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
		Term *term = term_new(20, "$ ");

		term->free_in_write = TRUE;
		line_editor_feed(term->editor, keys[i], strlen(keys[i]));
		CU_ASSERT_FALSE(term->free_in_write);
		CU_ASSERT_STRING_EQUAL(term->log->str, "");
		term->editor = NULL;
		term_free(term);
	}
}

static const SuiteTest tests[] = {
	{ "cases", test_cases },
	{ "cr-nul", test_cr_nul },
	{ "random-keys", test_random_keys },
	{ "random-batches", test_random_batches },
	{ "economy", test_economy },
	{ "colour-in-prompt", test_colour_in_prompt },
	{ "messages-between", test_messages_between },
	{ "resize", test_resize },
	{ "echo-off", test_echo_off },
	{ "limit", test_limit },
	{ "stops", test_stops },
	{ "freed-in-line", test_freed_in_line },
	{ "freed-in-write", test_freed_in_write },
	{ NULL },
};

int main(int argc, char **argv)
{
	return suite_run("editor", tests, argc, argv);
}

/* SPDX-License-Identifier: MIT */
/* guess.c - a guessing game: somebody of 24 is thought of; ten questions, then a guess.
 *
 * Handler `guess`, which shows what a handler can do: memory for each session, a prompt that changes, completion with Tab.
 *
 *	serve guess --transport telnet --port 8001
 */
#include <string.h>
#include <backplane/backplane.h>

#define MOST_QUESTIONS 10

static const char manual[] =
	"Handler `guess`: somebody of 24 is thought of, who is it? Ten of the thirteen yes-or-no questions may be\n"
	"asked, then guess.\n"
	"\n"
	"  serve guess --transport telnet --port 8001\n";

/* One bit a question, in the order of the questions. */
enum {
	WOMAN = 1 << 0,
	GLASSES = 1 << 1,
	HAT = 1 << 2,
	BEARD = 1 << 3,
	BALD = 1 << 4,
	DARK = 1 << 5,
	FAIR = 1 << 6,
	RED = 1 << 7,
	LONG = 1 << 8,
	CURLS = 1 << 9,
	EARRINGS = 1 << 10,
	SMILE = 1 << 11,
	SCARF = 1 << 12,
};

static const char *const questions[] = {
	"Is it a woman?",      "Are there glasses?", "Is there a hat?",	  "Is there a beard?", "Is the head bald?",
	"Is the hair dark?",   "Is the hair fair?",  "Is the hair red?",  "Is the hair long?", "Is the hair curly?",
	"Are there earrings?", "Is that a smile?",   "Is there a scarf?",
};

static const struct {
	const char *name;
	guint traits;
} people[] = {
	{ "Anton", DARK | BEARD | GLASSES },  { "Berta", WOMAN | FAIR | LONG | EARRINGS },
	{ "Carlo", DARK | CURLS | SMILE },    { "Dagmar", WOMAN | RED | GLASSES | SCARF },
	{ "Emil", BALD | BEARD | SMILE },     { "Fatima", WOMAN | DARK | LONG | SCARF | SMILE },
	{ "Gustav", FAIR | HAT | GLASSES },   { "Hanna", WOMAN | FAIR | CURLS | SMILE },
	{ "Igor", BALD | GLASSES | SCARF },   { "Julia", WOMAN | DARK | CURLS | EARRINGS },
	{ "Kwame", DARK | HAT | SMILE },      { "Lena", WOMAN | RED | LONG | SMILE },
	{ "Mateo", RED | BEARD | HAT },	      { "Nora", WOMAN | DARK | GLASSES | EARRINGS },
	{ "Oskar", FAIR | BEARD | LONG },     { "Priya", WOMAN | DARK | LONG | EARRINGS | GLASSES },
	{ "Quentin", RED | CURLS | GLASSES }, { "Rosa", WOMAN | HAT | DARK | EARRINGS },
	{ "Samir", DARK | BEARD | SCARF },    { "Tove", WOMAN | FAIR | HAT | SCARF },
	{ "Umberto", BALD | HAT | BEARD },    { "Vera", WOMAN | RED | CURLS | EARRINGS | SMILE },
	{ "Willem", FAIR | SMILE | SCARF },   { "Yuki", WOMAN | DARK | HAT | LONG },
};

typedef struct {
	gboolean playing;
	guint secret; /* index into people */
	guint asked;
} Game;

static void print_questions(BpSession *session)
{
	for (guint i = 0; i < G_N_ELEMENTS(questions); i++)
		bp_session_printf(session, "  %2u  %s", i + 1, questions[i]);
}

static void print_people(BpSession *session)
{
	g_autoptr(GString) line = g_string_new(NULL);

	for (guint i = 0; i < G_N_ELEMENTS(people); i++) {
		g_string_append_printf(line, "%-10s", people[i].name);
		if (i % 6 == 5) {
			bp_session_print(session, g_strchomp(line->str));
			g_string_truncate(line, 0);
		}
	}
}

static void print_help(BpSession *session)
{
	bp_session_print(session, "  start         think of somebody new");
	bp_session_print(session, "  list          who it may be, and what may be asked");
	bp_session_print(session, "  1 to 13       ask that question");
	bp_session_print(session, "  guess NAME    say who it is");
	bp_session_print(session, "  quit          leave");
}

static void show_state(BpSession *session)
{
	Game *game = bp_session_data(session);
	char prompt[32] = "guess> ";

	if (game->playing)
		g_snprintf(prompt, sizeof(prompt), "%u left> ", MOST_QUESTIONS - game->asked);
	bp_session_set_prompt(session, prompt);
}

static void start(BpSession *session)
{
	Game *game = bp_session_data(session);

	*game = (Game){ .playing = TRUE, .secret = (guint)g_random_int_range(0, G_N_ELEMENTS(people)) };
	print_people(session);
	bp_session_printf(session, "I am thinking of one of these. You have %u questions; 'list' shows them.",
			  MOST_QUESTIONS);
}

static void ask(BpSession *session, guint number)
{
	Game *game = bp_session_data(session);

	if (!game->playing) {
		bp_session_print(session, "Type 'start' first.");
	} else if (number < 1 || number > G_N_ELEMENTS(questions)) {
		bp_session_printf(session, "There are questions 1 to %u; 'list' shows them.",
				  (guint)G_N_ELEMENTS(questions));
	} else if (game->asked >= MOST_QUESTIONS) {
		bp_session_print(session, "No questions are left: 'guess NAME'.");
	} else {
		game->asked++;
		bp_session_printf(session, "%s %s", questions[number - 1],
				  people[game->secret].traits & (1u << (number - 1)) ? "Yes." : "No.");
	}
}

static void guess(BpSession *session, const char *name)
{
	Game *game = bp_session_data(session);
	guint i;

	if (!game->playing) {
		bp_session_print(session, "Type 'start' first.");
		return;
	}
	for (i = 0; i < G_N_ELEMENTS(people); i++)
		if (g_ascii_strcasecmp(people[i].name, name) == 0)
			break;
	if (i == G_N_ELEMENTS(people)) {
		bp_session_print(session, "Nobody here has that name; 'list' shows them all.");
		return;
	}
	game->playing = FALSE;
	if (i == game->secret)
		bp_session_printf(session, "%s it is! You asked %u questions. 'start' plays again.", people[i].name,
				  game->asked);
	else
		bp_session_printf(session, "No, it was %s. 'start' plays again.", people[game->secret].name);
}

static gboolean guess_line(BpPlugin *self, BpSession *session, const char *line, gsize size)
{
	g_autofree char *text = g_strstrip(g_strdup(line));

	if (g_ascii_strcasecmp(text, "quit") == 0 || g_ascii_strcasecmp(text, "exit") == 0 ||
	    g_ascii_strcasecmp(text, "q") == 0) {
		bp_session_end(session, BP_END_HANDLER, "Thanks for playing! Goodbye!");
		return TRUE;
	}
	if (g_ascii_strcasecmp(text, "start") == 0) {
		start(session);
	} else if (g_ascii_strcasecmp(text, "list") == 0) {
		print_people(session);
		print_questions(session);
	} else if (g_ascii_strcasecmp(text, "help") == 0) {
		print_help(session);
	} else if (g_ascii_strncasecmp(text, "guess ", 6) == 0) {
		guess(session, g_strchug(text + 6));
	} else if (g_ascii_isdigit(*text)) {
		ask(session, (guint)MIN(g_ascii_strtoull(text, NULL, 10), 99));
	} else if (*text) {
		bp_session_print(session, "That is not a command here; 'help' lists them.");
	}
	show_state(session);
	return TRUE;
}

static void guess_welcome(BpPlugin *self, BpSession *session)
{
	bp_session_print(session, "Who is it? I think of one of 24 people, you find out whom.");
	print_help(session);
}

/* The commands, and names behind `guess `. */
static char **guess_complete(BpPlugin *self, BpSession *session, const char *line, gsize cursor, gsize *start_of_word)
{
	static const char *const commands[] = { "start", "list", "help", "guess", "quit" };
	gboolean of_name = g_ascii_strncasecmp(line, "guess ", 6) == 0 && cursor >= 6;
	GPtrArray *words = g_ptr_array_new();

	*start_of_word = of_name ? 6 : 0;
	for (guint i = 0; i < (of_name ? G_N_ELEMENTS(people) : G_N_ELEMENTS(commands)); i++) {
		const char *word = of_name ? people[i].name : commands[i];

		if (g_ascii_strncasecmp(word, line + *start_of_word, cursor - *start_of_word) == 0)
			g_ptr_array_add(words, g_strdup(word));
	}
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

static const BpHandler handlers[] = {
	{ "guess", .help = "a guessing game", .prompt = "guess> ", .size = sizeof(Game), .welcome = guess_welcome,
	  .line = guess_line, .complete = guess_complete },
	{ NULL },
};

BP_PLUGIN(.name = "guess", .version = "1.0", .summary = "A guessing game", .manual = manual, .handlers = handlers);

/* SPDX-License-Identifier: MIT */
/* nearest.c - what did they mean? The word of a list that is nearest to a mistyped one.
 *
 * Near is the only word that begins like it, or one within 1 + length / 4 slips (a letter too many, too
 * few, another, or two swapped), but never so many that nothing of the word is left. Upper and lower
 * case, '-' and '_' are the same. Words over 64 bytes have no neighbours: the work is bounded.
 */
#include <backplane/param.h>
#include <string.h>

#define WORD_MAX 64

static char fold(char c)
{
	return c == '_' ? '-' : g_ascii_tolower(c);
}

static gboolean begins(const char *word, const char *start)
{
	while (*start && fold(*word) == fold(*start)) {
		word++;
		start++;
	}
	return !*start;
}

/* Damerau-Levenshtein in its usual form, where a swapped pair is not edited again. */
static guint distance(const char *a, const char *b)
{
	guint rows[3][WORD_MAX + 1];
	guint *before = rows[0], *last = rows[1], *now = rows[2];
	gsize columns = strlen(b);

	for (gsize j = 0; j <= columns; j++)
		last[j] = (guint)j;
	for (gsize i = 1; a[i - 1]; i++) {
		guint *spare = before;

		now[0] = (guint)i;
		for (gsize j = 1; j <= columns; j++) {
			char x = fold(a[i - 1]), y = fold(b[j - 1]);

			now[j] = MIN(MIN(last[j], now[j - 1]) + 1, last[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == fold(b[j - 2]) && y == fold(a[i - 2]))
				now[j] = MIN(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[columns];
}

const char *bp_nearest(const char *word, const char *const *words)
{
	const char *best = NULL, *longer = NULL;
	guint best_distance = G_MAXUINT, beginners = 0;
	gsize length;

	g_return_val_if_fail(word && words, NULL);
	length = strlen(word);
	if (!length || length > WORD_MAX)
		return NULL;
	for (; *words; words++) {
		guint d;

		if (begins(*words, word)) {
			longer = *words;
			beginners++;
		}
		if (strlen(*words) > WORD_MAX)
			continue;
		d = distance(word, *words);
		if (d <= 1 + length / 4 && d < length && d < best_distance) {
			best = *words;
			best_distance = d;
		}
	}
	return beginners == 1 && best_distance > 0 ? longer : best;
}

/* SPDX-License-Identifier: MIT */
/* frame.c - the frames of a thread, put into words without a lock or an allocation. */
#include "bus/frame.h"
#include <string.h>
#include <time.h>
#include "bus/owner.h"

__thread FrameStack frame_stack;
GMutex frame_lock;

/* Frames are popped before what they name is freed, so a watcher that takes the lock after this does not see them. */
void frame_quiesce(void)
{
	g_mutex_lock(&frame_lock);
	g_mutex_unlock(&frame_lock);
}

void frame_append(char *text, gsize size, const char *more)
{
	gsize at = strlen(text);

	for (; *more && at + 1 < size; at++, more++)
		text[at] = (guchar)*more < ' ' ? '?' : *more;
	if ((*more & 0xc0) == 0x80) /* do not cut a UTF-8 sequence */
		while (at && (text[--at] & 0xc0) == 0x80)
			;
	text[at] = 0;
}

void frame_append_number(char *text, gsize size, guint64 number, guint base)
{
	char digits[24] = "";
	guint at = sizeof(digits) - 1;

	do
		digits[--at] = "0123456789abcdef"[number % base];
	while (number /= base);
	frame_append(text, size, digits + at);
}

BpPlugin *frame_describe(const FrameStack *stack, char *text, gsize size)
{
	guint depth = MIN(__atomic_load_n(&stack->depth, __ATOMIC_ACQUIRE), FRAME_LIMIT);
	const Frame *frame = &stack->frames[depth ? depth - 1 : 0];
	BpPlugin *owner = depth ? __atomic_load_n(&frame->owner, __ATOMIC_RELAXED) : NULL;
	const char *kind = __atomic_load_n(&frame->kind, __ATOMIC_RELAXED);
	const char *detail = __atomic_load_n(&frame->detail, __ATOMIC_RELAXED);
	gboolean of_kernel = !owner || owner == bus_kernel;

	*text = 0;
	frame_append(text, size, depth ? of_kernel ? "the kernel" : "plugin " : "the kernel or a source of GLib");
	if (!of_kernel)
		frame_append(text, size, owner->parent ? owner->parent->name : owner->name);
	if (!of_kernel && owner->parent) {
		frame_append(text, size, ", instance ");
		frame_append(text, size, owner->name);
	}
	if (!depth)
		return NULL;
	frame_append(text, size, ", ");
	frame_append(text, size, kind);
	if (!detail)
		return owner;
	frame_append(text, size, " \"");
	frame_append(text, size - 1, detail);
	frame_append(text, size, "\"");
	return owner;
}

void frame_mark(void)
{
	FrameStack *stack = &frame_stack;
	struct timespec time;
	gint64 now, took;

	if (!stack->mark)
		return;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
	now = (gint64)time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000;
	took = now - stack->mark;
	if (took <= 0)
		return;
	stack->mark = now;
	if (took > stack->worst) {
		stack->worst = took;
		frame_describe(stack, stack->worst_text, sizeof(stack->worst_text));
	}
}

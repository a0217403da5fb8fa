/* SPDX-License-Identifier: MIT */
/* frame.h - whose code runs on this thread, innermost last.
 *
 * A frame is pushed wherever the kernel calls code of a plugin, and popped when the call returns. The thread writes
 * without a lock. The watcher of turns reads on another thread with frame_lock, the crash handler on this thread. Pointers in a frame are
 * valid as long as the frame. frame_quiesce is called before an owner, a channel or the code of a plugin is freed, so that the watcher
 * does not read freed memory.
 */
#pragma once
#include <backplane/types.h>

/* A sanitizer has handlers of signals of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#define FRAME_LIMIT 32
#define FRAME_TEXT 160

typedef struct {
	BpPlugin *owner;
	const char *kind, *detail; /* "channel" and its name; `kind` is static, `detail` may be NULL */
} Frame;

typedef struct {
	guint depth; /* atomic */
	/* Which code took longest in a turn, by the coarse clock (4 ns to read; it ticks every 4 ms). */
	gint64 mark; /* what came before is accounted for; 0: no turn is measured */
	gint64 worst;
	char worst_text[FRAME_TEXT];
	Frame frames[FRAME_LIMIT + 1]; /* the last one is overwritten by deeper frames and not read */
} FrameStack;

extern __thread FrameStack frame_stack __attribute__((tls_model("initial-exec")));
extern GMutex frame_lock;

void frame_quiesce(void);
/* `plugin echo, channel "door"`. Of another thread: with frame_lock only. Gives the owner; NULL: nobody's code runs. */
BpPlugin *frame_describe(const FrameStack *stack, char *text, gsize size);
/* Charges the time since the last mark to the innermost frame. Each outermost frame ends with a mark; code that may take long inside
 * another frame begins and ends with one. */
void frame_mark(void);
/* For text in a handler of signals: appends what fits. */
void frame_append(char *text, gsize size, const char *more);
void frame_append_number(char *text, gsize size, guint64 number, guint base);

static inline Frame *frame_push(BpPlugin *owner, const char *kind, const char *detail)
{
	FrameStack *stack = &frame_stack;
	guint depth = stack->depth;
	Frame *frame = &stack->frames[MIN(depth, FRAME_LIMIT)];

	__atomic_store_n(&frame->owner, owner, __ATOMIC_RELAXED);
	__atomic_store_n(&frame->kind, kind, __ATOMIC_RELAXED);
	__atomic_store_n(&frame->detail, detail, __ATOMIC_RELAXED);
	__atomic_store_n(&stack->depth, depth + 1, __ATOMIC_RELEASE);
	return frame;
}

/* For a walk that calls many owners in one frame; NULL as soon as a call has returned. */
static inline void frame_set_owner(Frame *frame, BpPlugin *owner)
{
	__atomic_store_n(&frame->owner, owner, __ATOMIC_RELAXED);
}

static inline void frame_pop(void)
{
	guint depth = frame_stack.depth - 1;

	if (!depth && frame_stack.mark)
		frame_mark();
	__atomic_store_n(&frame_stack.depth, depth, __ATOMIC_RELEASE);
}

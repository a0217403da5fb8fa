/* SPDX-License-Identifier: MIT */
/* tsan.c - tells ThreadSanitizer of GLib's locks.
 *
 * GLib's mutexes are futexes of its own in a library that is not instrumented, so the sanitizer sees no order in
 * what they guard and reports races that are none. These stand before GLib's functions, call them and say what
 * they order.
 */
#include <dlfcn.h>
#include <glib.h>
#include <sanitizer/tsan_interface.h>

#define REAL(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))
#define ONCE(function) \
	static __typeof__(&function) real; \
	if (!__atomic_load_n(&real, __ATOMIC_RELAXED)) \
	__atomic_store_n(&real, REAL(function), __ATOMIC_RELAXED)

void(g_mutex_lock)(GMutex *mutex)
{
	ONCE(g_mutex_lock);
	real(mutex);
	__tsan_acquire(mutex);
}

gboolean(g_mutex_trylock)(GMutex *mutex)
{
	ONCE(g_mutex_trylock);
	gboolean got = real(mutex);

	if (got)
		__tsan_acquire(mutex);
	return got;
}

void(g_mutex_unlock)(GMutex *mutex)
{
	ONCE(g_mutex_unlock);
	__tsan_release(mutex);
	real(mutex);
}

void(g_cond_wait)(GCond *cond, GMutex *mutex)
{
	ONCE(g_cond_wait);
	__tsan_release(mutex);
	real(cond, mutex);
	__tsan_acquire(mutex);
}

gboolean(g_cond_wait_until)(GCond *cond, GMutex *mutex, gint64 end_time)
{
	ONCE(g_cond_wait_until);
	__tsan_release(mutex);
	gboolean signalled = real(cond, mutex, end_time);

	__tsan_acquire(mutex);
	return signalled;
}

/* Work that goes from one thread to another. */
void(g_async_queue_push)(GAsyncQueue *queue, gpointer data)
{
	ONCE(g_async_queue_push);
	__tsan_release(queue);
	real(queue, data);
}

gpointer(g_async_queue_pop)(GAsyncQueue *queue)
{
	ONCE(g_async_queue_pop);
	gpointer data = real(queue);

	__tsan_acquire(queue);
	return data;
}

gpointer(g_async_queue_try_pop)(GAsyncQueue *queue)
{
	ONCE(g_async_queue_try_pop);
	gpointer data = real(queue);

	__tsan_acquire(queue);
	return data;
}

typedef struct {
	GFunc func;
	gpointer user_data;
} Work;

static void work(gpointer data, gpointer user_data)
{
	const Work *told = user_data;

	__tsan_acquire(data);
	told->func(data, told->user_data);
}

/* What is told here lasts as long as the process: a pool's threads may outlive it. */
GThreadPool *(g_thread_pool_new)(GFunc func, gpointer user_data, gint max_threads, gboolean exclusive, GError **error)
{
	ONCE(g_thread_pool_new);
	Work *told = g_new(Work, 1);

	told->func = func;
	told->user_data = user_data;
	return real(work, told, max_threads, exclusive, error);
}

gboolean(g_thread_pool_push)(GThreadPool *pool, gpointer data, GError **error)
{
	ONCE(g_thread_pool_push);
	__tsan_release(data);
	return real(pool, data, error);
}

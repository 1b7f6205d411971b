/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright 2026 the gspawn authors
 *
 * Tells the thread sanitizer, which does not see into an installed GLib, how GLib's functions order
 * threads. Included by the compiler before every file of a build with -Db_sanitize=thread, and of no
 * other. */
#pragma once

#if defined(__SANITIZE_THREAD__) && !defined(__ASSEMBLER__) && __has_include(<glib.h>)
#include <glib.h>

void __tsan_acquire (void *address);
void __tsan_release (void *address);

/* glib.h has made macros of these. */
#undef g_once_init_enter
#undef g_once_init_leave
#undef g_atomic_ref_count_dec

#define g_once_init_enter(location) \
  (__extension__ ({ \
    gboolean tsan_enter = (g_once_init_enter) (location); \
    __tsan_acquire ((void *) (location)); \
    tsan_enter; \
  }))
#define g_once_init_leave(location, result) \
  (__tsan_release ((void *) (location)), (g_once_init_leave) ((location), (gsize) (result)))

/* Who gives the last reference back sees what all others have done before they gave theirs. */
#define g_atomic_ref_count_dec(count) \
  (__extension__ ({ \
    gboolean tsan_last; \
    __tsan_release (count); \
    tsan_last = (g_atomic_ref_count_dec) (count); \
    __tsan_acquire (count); \
    tsan_last; \
  }))

#define g_mutex_lock(mutex) \
  ((g_mutex_lock) (mutex), __tsan_acquire (mutex))
#define g_mutex_unlock(mutex) \
  (__tsan_release (mutex), (g_mutex_unlock) (mutex))
#define g_cond_wait(cond, mutex) \
  (__tsan_release (mutex), (g_cond_wait) ((cond), (mutex)), __tsan_acquire (mutex))
#define g_cond_wait_until(cond, mutex, end_time) \
  (__extension__ ({ \
    gboolean tsan_signalled; \
    __tsan_release (mutex); \
    tsan_signalled = (g_cond_wait_until) ((cond), (mutex), (end_time)); \
    __tsan_acquire (mutex); \
    tsan_signalled; \
  }))
#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// ThreadSanitizer does not see what GLib and GStreamer, built without it, do with their locks and
// reference counts. These stand in front of the functions that our code calls and tell it.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define E2EE_TSAN
#endif
#elif defined(__SANITIZE_THREAD__)
#define E2EE_TSAN
#endif

#ifdef E2EE_TSAN
#include <dlfcn.h>
#include <gst/gst.h>

extern "C" {
void __tsan_acquire(void *);
void __tsan_release(void *);
}

namespace {

template <typename Function>
Function *next(const char *name) {
  return reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#define NEXT(function) static const auto real = next<decltype(function)>(#function)

extern "C" {

void g_mutex_lock(GMutex *mutex) {
  NEXT(g_mutex_lock);
  real(mutex);
  __tsan_acquire(mutex);
}

void g_mutex_unlock(GMutex *mutex) {
  NEXT(g_mutex_unlock);
  __tsan_release(mutex);
  real(mutex);
}

// The last reference goes after all others: each release happens before the object's end.
void(g_object_unref)(gpointer object) {
  NEXT(g_object_unref);
  __tsan_release(object);
  __tsan_acquire(object);
  real(object);
}

gpointer(g_object_ref)(gpointer object) {
  NEXT(g_object_ref);
  __tsan_acquire(object);
  return real(object);
}

void gst_mini_object_unref(GstMiniObject *object) {
  NEXT(gst_mini_object_unref);
  __tsan_release(object);
  __tsan_acquire(object);
  real(object);
}

void gst_object_unref(gpointer object) {
  NEXT(gst_object_unref);
  __tsan_release(object);
  __tsan_acquire(object);
  real(object);
}
}
#endif

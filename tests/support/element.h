/* SPDX-License-Identifier: LGPL-2.1-or-later */
// An element between two test pads.
#pragma once

#include <gst/check/gstharness.h>

#include <optional>
#include <string>

#include "support/bus.h"
#include "support/frames.h"
#include "support/providers.h"

namespace e2ee::test {

class Element {
 public:
  Element(const char *factory, const Provider &provider);
  /// With the string form of a provider, as a launch line sets it.
  Element(const char *factory, const std::string &provider);
  ~Element();
  Element(const Element &) = delete;
  Element &operator=(const Element &) = delete;

  /// Between two test pads and to PLAYING; asserts that this works.
  Element &start(const char *caps);
  void set_caps(const char *caps) { gst_harness_set_src_caps_str(harness_, caps); }

  /// From text, as a launch line sets it.
  Element &set(const char *property, const std::string &value);
  GstElement *get() const { return element_; }
  GstHarness *harness() const { return harness_; }

  /// Gives an event to the sink pad itself: gst_pad_push_event() takes any sticky one.
  bool send_event(GstEvent *event);
  bool send_caps(const char *caps);

  GstFlowReturn push(Buffer buffer) { return gst_harness_push(harness_, buffer.release()); }
  GstFlowReturn push(const Bytes &bytes) { return push(buffer_of(bytes)); }
  Buffer pull() { return Buffer(gst_harness_try_pull(harness_)); }
  /// Pushes a frame and takes out what became of it; none when it was dropped.
  std::optional<Bytes> pass(const Bytes &frame);

  guint64 stat(const char *name) const { return stat_of(element_, name); }
  std::string text_stat(const char *name) const { return text_stat_of(element_, name); }
  /// All `dropped-` counters together.
  guint64 dropped() const { return dropped_of(element_); }

  BusLog bus() { return drain(bus_); }
  /// GstForceKeyUnit events that went upstream since the last call.
  unsigned key_unit_requests();

 private:
  explicit Element(const char *factory);

  GstElement *element_;
  GstBus *bus_;
  GstHarness *harness_ = nullptr;
};

/// An element of one participant, running.
class End : public Element {
 public:
  End(const char *factory, const Provider &provider, const char *who, const char *caps = kOpus,
      guint64 key_wait = 0)
      : Element(factory, provider) {
    g_object_set(get(), "participant", who, nullptr);
    if (key_wait != 0)
      g_object_set(get(), "key-wait", key_wait, nullptr);
    start(caps);
  }
};

/// Encrypts a frame with an element of its own. `provider` has a current key.
Bytes seal(const Provider &provider, const char *caps, const Bytes &frame);
/// Decrypts one; none when it was dropped. `provider` has the key that the frame names.
std::optional<Bytes> open(const Provider &provider, const char *caps, const Bytes &frame);
/// The same for a participant.
Bytes sealed_by(const char *who, const Provider &provider, const Bytes &plain);
/// Whether what one encrypts the other decrypts.
bool same_key(const Provider &a, const Provider &b);

}  // namespace e2ee::test

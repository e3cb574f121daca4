/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What tests of elements share: an element between two test pads, frames, providers, the bus.
#pragma once

#include <gst/check/gstharness.h>
#include <gst/e2ee/e2ee.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace elements {

using Bytes = std::vector<guint8>;

struct Unref {
  void operator()(GstBuffer *buffer) const { gst_buffer_unref(buffer); }
  void operator()(GstCaps *caps) const { gst_caps_unref(caps); }
  void operator()(GstStructure *structure) const { gst_structure_free(structure); }
  void operator()(GError *error) const { g_error_free(error); }
  void operator()(gchar *text) const { g_free(text); }
  void operator()(GBytes *bytes) const { g_bytes_unref(bytes); }
  void operator()(GstE2EEKeyMaterial *material) const { gst_e2ee_key_material_unref(material); }
};
using Buffer = std::unique_ptr<GstBuffer, Unref>;
using Caps = std::unique_ptr<GstCaps, Unref>;
using Structure = std::unique_ptr<GstStructure, Unref>;
using Text = std::unique_ptr<gchar, Unref>;

/// Receives a GError; `error.at()` goes where a GError ** is asked for.
class Error {
 public:
  ~Error() { g_clear_error(&error_); }
  GError **at() {
    g_clear_error(&error_);
    return &error_;
  }
  bool is(GstE2EEError code) const { return g_error_matches(error_, GST_E2EE_ERROR, code); }
  explicit operator bool() const { return error_ != nullptr; }
  std::string text() const { return error_ ? error_->message : ""; }

 private:
  GError *error_ = nullptr;
};

// ---- keys ---------------------------------------------------------------------------------------

using Provider = std::shared_ptr<GstE2EEKeyProvider>;

/// Takes the reference.
template <typename Object>
Provider own(Object *object) {
  return Provider(reinterpret_cast<GstE2EEKeyProvider *>(object), [](GstE2EEKeyProvider *provider) {
    if (provider != nullptr)
      g_object_unref(provider);
  });
}

inline GstE2EESharedKeyProvider *shared(const Provider &provider) {
  return GST_E2EE_SHARED_KEY_PROVIDER(provider.get());
}

Provider empty_provider();
/// 32 bytes of `fill`: derived without PBKDF2, so that tests are quick.
Provider raw_provider(guint8 fill, guint index = 0);
/// From the string form, which has to be right.
Provider parsed(const std::string &text);
Provider passphrase_provider(const char *passphrase, guint index = 0);
void set_raw(const Provider &provider, guint8 fill, guint index);
GstE2EEKeyMaterial *raw_material(guint8 fill, guint64 key_id);

using Material = std::unique_ptr<GstE2EEKeyMaterial, Unref>;

// ---- frames -------------------------------------------------------------------------------------

constexpr gsize kOverhead = 30;  // tag 16, IV 12, its length, key index
inline const char *const kVp8 = "video/x-vp8, width=320, height=240, framerate=30/1";
inline const char *const kVp9 = "video/x-vp9, width=320, height=240, framerate=30/1";
inline const char *const kH264 = "video/x-h264, stream-format=byte-stream, alignment=au";
inline const char *const kH265 = "video/x-h265, stream-format=byte-stream, alignment=au";
inline const char *const kOpus = "audio/x-opus, channel-mapping-family=0, channels=2, rate=48000";

Bytes noise(gsize size, unsigned seed);
/// Noise behind the header that a frame of VP8 has in the clear.
Bytes vp8_key(gsize size, unsigned seed = 1);
Bytes vp8_delta(gsize size, unsigned seed = 1);

Buffer buffer_of(const Bytes &bytes);
Bytes bytes_of(GstBuffer *buffer);

/// Memory that outlives its GstMemory, so that a test can look at what was left in it.
class Region {
 public:
  explicit Region(Bytes bytes) : bytes_(std::move(bytes)) {}
  /// One memory, `size` bytes of it in view.
  Buffer wrap(gsize size, GstMemoryFlags flags = static_cast<GstMemoryFlags>(0));
  Buffer wrap() { return wrap(bytes_.size()); }
  const Bytes &bytes() const { return bytes_; }
  bool released() const { return released_; }

 private:
  Bytes bytes_;
  bool released_ = false;
};

/// Whether any eight bytes of `secret`, from a multiple of eight on, are found in `where`.
bool holds_any_of(const Bytes &where, const Bytes &secret);

struct Encoded {
  std::string caps;
  std::vector<Buffer> frames;
};
/// What a launch line of source and encoder makes. `set_up` gets the element named "encoder".
Encoded encode(const std::string &source_and_encoder, void (*set_up)(GstElement *) = nullptr,
               gsize at_least = 40);
extern const char *const kVideoSource;
extern const char *const kAudioSource;

// ---- elements -----------------------------------------------------------------------------------

struct State {
  std::string state;
  std::string participant;
  guint64 key_id = 0;
  guint64 count = 0;
};

struct BusLog {
  std::vector<State> states;
  std::vector<std::string> warnings;  // text and debug text
  std::vector<std::string> errors;

  const State *find(const char *state) const;
  guint64 total(const char *state) const;
};

/// All that is on a bus, taken off it.
BusLog drain(GstBus *bus);

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

  void set(const char *property, const std::string &value) {
    gst_util_set_object_arg(G_OBJECT(element_), property, value.c_str());
  }
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

  guint64 stat(const char *name) const;
  std::string text_stat(const char *name) const;
  /// All `dropped-` counters together.
  guint64 dropped() const;

  BusLog bus() { return drain(bus_); }
  /// GstForceKeyUnit events that went upstream since the last call.
  unsigned key_unit_requests();

 private:
  explicit Element(const char *factory);

  GstElement *element_;
  GstBus *bus_;
  GstHarness *harness_ = nullptr;
};

/// Encrypts a frame with an element of its own. `provider` has a current key.
Bytes seal(const Provider &provider, const char *caps, const Bytes &frame);
/// Decrypts one; none when it was dropped. `provider` has the key that the frame names.
std::optional<Bytes> open(const Provider &provider, const char *caps, const Bytes &frame);
/// Whether what one encrypts the other decrypts.
bool same_key(const Provider &a, const Provider &b);

/// Looks every few milliseconds; false after `limit`.
bool wait_for(const std::function<bool()> &condition,
              std::chrono::milliseconds limit = std::chrono::seconds(10));

void sleep_ms(unsigned ms);

/// Waits until every other thread of the process has nothing to do: what workers derive ahead is
/// derived then, however busy the machine is.
void let_workers_finish();

/// How many threads the library has for keys.
unsigned worker_threads();

}  // namespace elements

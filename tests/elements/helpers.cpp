/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "helpers.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>
#include <unordered_set>

#include "sanitizer.h"

namespace elements {

const char *const kVideoSource =
    "videotestsrc num-buffers=40 pattern=ball ! "
    "video/x-raw, format=I420, width=320, height=240, framerate=30/1 ! ";
const char *const kAudioSource =
    "audiotestsrc num-buffers=60 samplesperbuffer=960 ! "
    "audio/x-raw, rate=48000, channels=2 ! ";

// ---- keys ---------------------------------------------------------------------------------------

Provider empty_provider() {
  return own(gst_e2ee_shared_key_provider_new());
}

void set_raw(const Provider &provider, guint8 fill, guint index) {
  const Bytes key(32, fill);
  const std::unique_ptr<GBytes, Unref> bytes(g_bytes_new(key.data(), key.size()));
  Error error;
  EXPECT_TRUE(
      gst_e2ee_shared_key_provider_set_key(shared(provider), bytes.get(), index, error.at()))
      << error.text();
}

Provider parsed(const std::string &text) {
  Error error;
  Provider provider = own(gst_e2ee_key_provider_new_from_string(text.c_str(), error.at()));
  EXPECT_TRUE(provider) << text << ": " << error.text();
  return provider;
}

Provider raw_provider(guint8 fill, guint index) {
  Provider provider = empty_provider();
  set_raw(provider, fill, index);
  return provider;
}

Provider passphrase_provider(const char *passphrase, guint index) {
  Provider provider = empty_provider();
  Error error;
  EXPECT_TRUE(
      gst_e2ee_shared_key_provider_set_passphrase(shared(provider), passphrase, index, error.at()))
      << error.text();
  return provider;
}

GstE2EEKeyMaterial *raw_material(guint8 fill, guint64 key_id) {
  const Bytes key(32, fill);
  const std::unique_ptr<GBytes, Unref> bytes(g_bytes_new(key.data(), key.size()));
  return gst_e2ee_key_material_new_raw(bytes.get(), key_id, nullptr);
}

// ---- frames -------------------------------------------------------------------------------------

Bytes noise(gsize size, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (guint8 &byte : bytes)
    byte = static_cast<guint8>(random() >> 7);
  return bytes;
}

Bytes vp8_key(gsize size, unsigned seed) {
  static const guint8 header[] = {0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00};
  Bytes frame = noise(size, seed);
  std::copy_n(header, std::min(size, sizeof header), frame.begin());
  return frame;
}

Bytes vp8_delta(gsize size, unsigned seed) {
  static const guint8 header[] = {0x31, 0x02, 0x00};
  Bytes frame = noise(size, seed);
  std::copy_n(header, std::min(size, sizeof header), frame.begin());
  return frame;
}

Buffer buffer_of(const Bytes &bytes) {
  return Buffer(bytes.empty() ? gst_buffer_new()
                              : gst_buffer_new_memdup(bytes.data(), bytes.size()));
}

Bytes bytes_of(GstBuffer *buffer) {
  Bytes bytes(gst_buffer_get_size(buffer));
  if (!bytes.empty())
    gst_buffer_extract(buffer, 0, bytes.data(), bytes.size());
  return bytes;
}

Buffer Region::wrap(gsize size, GstMemoryFlags flags) {
  released_ = false;
  GstBuffer *buffer = gst_buffer_new();
  gst_buffer_append_memory(
      buffer,
      gst_memory_new_wrapped(flags, bytes_.data(), bytes_.size(), 0, size, this,
                             [](gpointer self) { static_cast<Region *>(self)->released_ = true; }));
  return Buffer(buffer);
}

bool holds_any_of(const Bytes &where, const Bytes &secret) {
  const auto word_at = [](const Bytes &bytes, gsize at) {
    guint64 word;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    return word;
  };
  std::unordered_set<guint64> words;
  for (gsize i = 0; i + sizeof(guint64) <= secret.size(); i += sizeof(guint64))
    words.insert(word_at(secret, i));
  for (gsize i = 0; i + sizeof(guint64) <= where.size(); ++i) {
    if (words.count(word_at(where, i)) != 0)
      return true;
  }
  return false;
}

Encoded encode(const std::string &source_and_encoder, void (*set_up)(GstElement *),
               gsize at_least) {
  Encoded encoded;
  Error error;
  GstElement *pipeline = gst_parse_launch(
      (source_and_encoder + " ! fakesink name=sink signal-handoffs=true sync=false").c_str(),
      error.at());
  EXPECT_FALSE(error) << error.text();
  GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  if (set_up != nullptr) {
    GstElement *encoder = gst_bin_get_by_name(GST_BIN(pipeline), "encoder");
    set_up(encoder);
    gst_object_unref(encoder);
  }
  const auto on_frame = +[](GstElement *, GstBuffer *buffer, GstPad *pad, Encoded *out) {
    out->frames.emplace_back(gst_buffer_ref(buffer));
    if (out->caps.empty()) {
      const Caps caps(gst_pad_get_current_caps(pad));
      out->caps = Text(gst_caps_to_string(caps.get())).get();
    }
  };
  g_signal_connect(sink, "handoff", G_CALLBACK(on_frame), &encoded);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered(
      bus, 30 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  EXPECT_TRUE(message != nullptr && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS);
  gst_clear_message(&message);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  EXPECT_GE(encoded.frames.size(), at_least);
  return encoded;
}

// ---- the bus ------------------------------------------------------------------------------------

const State *BusLog::find(const char *state) const {
  for (const State &each : states) {
    if (each.state == state)
      return &each;
  }
  return nullptr;
}

guint64 BusLog::total(const char *state) const {
  guint64 sum = 0;
  for (const State &each : states) {
    if (each.state == state)
      sum += each.count;
  }
  return sum;
}

namespace {

std::string text_of(GstMessage *message, void (*parse)(GstMessage *, GError **, gchar **)) {
  Error error;
  gchar *debug = nullptr;
  parse(message, error.at(), &debug);
  const std::string text = error.text() + "\n" + (debug ? debug : "");
  g_free(debug);
  return text;
}

// Asserts the types of all four fields.
State state_of(const GstStructure *content) {
  State state;
  EXPECT_EQ(gst_structure_n_fields(content), 4);
  EXPECT_TRUE(gst_structure_has_field_typed(content, "participant", G_TYPE_STRING));
  EXPECT_TRUE(gst_structure_has_field_typed(content, "state", G_TYPE_STRING));
  EXPECT_TRUE(gst_structure_get_uint64(content, "key-id", &state.key_id));
  EXPECT_TRUE(gst_structure_get_uint64(content, "count", &state.count));
  const gchar *participant = gst_structure_get_string(content, "participant");
  state.participant = participant ? participant : "";
  const gchar *text = gst_structure_get_string(content, "state");
  state.state = text ? text : "";
  return state;
}

}  // namespace

BusLog drain(GstBus *bus) {
  BusLog log;
  while (GstMessage *message = gst_bus_pop(bus)) {
    switch (GST_MESSAGE_TYPE(message)) {
      case GST_MESSAGE_ERROR:
        log.errors.push_back(text_of(message, gst_message_parse_error));
        break;
      case GST_MESSAGE_WARNING:
        log.warnings.push_back(text_of(message, gst_message_parse_warning));
        break;
      case GST_MESSAGE_ELEMENT:
        if (gst_message_has_name(message, "GstE2EEState"))
          log.states.push_back(state_of(gst_message_get_structure(message)));
        break;
      default:
        break;
    }
    gst_message_unref(message);
  }
  return log;
}

// ---- elements -----------------------------------------------------------------------------------

Element::Element(const char *factory)
    : element_(gst_element_factory_make(factory, nullptr)), bus_(gst_bus_new()) {
  ignore_startup_leak();
  if (element_ == nullptr) {
    ADD_FAILURE() << "no element " << factory << ": is GST_PLUGIN_PATH set?";
    std::abort();
  }
  gst_object_ref_sink(element_);
  gst_element_set_bus(element_, bus_);
}

Element::Element(const char *factory, const Provider &provider) : Element(factory) {
  if (provider)
    g_object_set(element_, "key-provider", provider.get(), nullptr);
}

Element::Element(const char *factory, const std::string &provider) : Element(factory) {
  gst_util_set_object_arg(G_OBJECT(element_), "key-provider", provider.c_str());
}

Element::~Element() {
  if (harness_ != nullptr)
    gst_harness_teardown(harness_);
  gst_element_set_bus(element_, nullptr);
  gst_element_set_state(element_, GST_STATE_NULL);
  gst_object_unref(element_);
  gst_bus_set_flushing(bus_, TRUE);
  gst_object_unref(bus_);
}

Element &Element::start(const char *caps) {
  harness_ = gst_harness_new_with_element(element_, "sink", "src");
  if (caps != nullptr)
    set_caps(caps);
  return *this;
}

bool Element::send_event(GstEvent *event) {
  GstPad *pad = gst_element_get_static_pad(element_, "sink");
  const bool taken = gst_pad_send_event(pad, event);
  gst_object_unref(pad);
  return taken;
}

bool Element::send_caps(const char *text) {
  const Caps caps(gst_caps_from_string(text));
  return send_event(gst_event_new_caps(caps.get()));
}

std::optional<Bytes> Element::pass(const Bytes &frame) {
  EXPECT_EQ(push(frame), GST_FLOW_OK);
  const Buffer out = pull();
  return out ? std::optional(bytes_of(out.get())) : std::nullopt;
}

guint64 Element::stat(const char *name) const {
  GstStructure *stats = nullptr;
  g_object_get(element_, "stats", &stats, nullptr);
  const Structure owned(stats);
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(stats, name, &value)) << name;
  return value;
}

std::string Element::text_stat(const char *name) const {
  GstStructure *stats = nullptr;
  g_object_get(element_, "stats", &stats, nullptr);
  const Structure owned(stats);
  const gchar *value = gst_structure_get_string(stats, name);
  return value ? value : "";
}

guint64 Element::dropped() const {
  GstStructure *stats = nullptr;
  g_object_get(element_, "stats", &stats, nullptr);
  const Structure owned(stats);
  guint64 sum = 0;
  for (gint i = 0; i < gst_structure_n_fields(stats); ++i) {
    const gchar *name = gst_structure_nth_field_name(stats, static_cast<guint>(i));
    guint64 value = 0;
    if (g_str_has_prefix(name, "dropped-") && gst_structure_get_uint64(stats, name, &value))
      sum += value;
  }
  return sum;
}

unsigned Element::key_unit_requests() {
  unsigned found = 0;
  while (GstEvent *event = gst_harness_try_pull_upstream_event(harness_)) {
    if (gst_event_has_name(event, "GstForceKeyUnit"))
      ++found;
    gst_event_unref(event);
  }
  return found;
}

namespace {

// With patience for derivations that take longer than an element waits for them, as they do on a
// busy machine under a sanitizer. That the first frame finds its key is tested elsewhere.
std::optional<Bytes> pass_once_ready(Element &element, const Bytes &frame) {
  std::optional<Bytes> out = element.pass(frame);
  wait_for([&] {
    if (!out && element.stat("dropped-missing-key") == element.dropped())
      out = element.pass(frame);
    return out || element.stat("dropped-missing-key") != element.dropped();
  });
  return out;
}

}  // namespace

Bytes seal(const Provider &provider, const char *caps, const Bytes &frame) {
  Element encryptor("e2eeencrypt", provider);
  std::optional<Bytes> sealed = pass_once_ready(encryptor.start(caps), frame);
  EXPECT_TRUE(sealed.has_value());
  return sealed.value_or(Bytes{});
}

std::optional<Bytes> open(const Provider &provider, const char *caps, const Bytes &frame) {
  Element decryptor("e2eedecrypt", provider);
  return pass_once_ready(decryptor.start(caps), frame);
}

bool same_key(const Provider &a, const Provider &b) {
  const Bytes frame = noise(50, 4711);
  return open(b, kOpus, seal(a, kOpus, frame)) == frame;
}

bool wait_for(const std::function<bool()> &condition, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    sleep_ms(5);
  }
  return true;
}

void sleep_ms(unsigned ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

namespace {

// The third field of /proc/PID/task/TID/stat, behind the name in parentheses.
bool is_running(const std::filesystem::path &task) {
  std::ifstream file(task / "stat");
  std::string text;
  std::getline(file, text);
  const std::size_t at = text.rfind(')');
  return at != std::string::npos && at + 2 < text.size() && text[at + 2] == 'R';
}

bool others_rest() {
  const std::string self = std::to_string(gettid());
  std::error_code error;
  for (const auto &task : std::filesystem::directory_iterator("/proc/self/task", error)) {
    if (task.path().filename() != self && is_running(task.path()))
      return false;
  }
  return true;
}

}  // namespace

void let_workers_finish() {
  // A thread may wait for a lock for a moment.
  unsigned rested = 0;
  EXPECT_TRUE(wait_for(
      [&] {
        rested = others_rest() ? rested + 1 : 0;
        return rested >= 4;
      },
      std::chrono::seconds(60)));
}

unsigned worker_threads() {
  unsigned count = 0;
  for (const auto &thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(thread.path() / "comm"), name);
    count += name == "e2ee-keys";
  }
  return count;
}

}  // namespace elements

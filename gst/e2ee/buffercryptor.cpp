/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffercryptor.h"

#include <algorithm>

#include "gste2eemeta.h"

namespace e2ee {

namespace {

struct Told {
  GstE2EEError code;
  const char *text;
  bool names_key;
};
constexpr Told kTold[kReasonCount] = {
    /* ok */ {},
    /* missing_key */
    {GST_E2EE_ERROR_MISSING_KEY,
     "the key is not there yet: call prepare() or set one, and try again", true},
    /* auth_failed */
    {GST_E2EE_ERROR_AUTH,
     "the frame does not verify: the key is not the sender's, or the frame was changed", true},
    /* malformed */
    {GST_E2EE_ERROR_MALFORMED, "this is no whole frame of the scheme and codec", false},
    /* replayed */
    {GST_E2EE_ERROR_REPLAYED, "the frame was accepted before, or the replay window has passed it",
     true},
    /* plaintext */
    {GST_E2EE_ERROR_MALFORMED, "the media server made this frame: it is not encrypted", false},
    /* unsupported */
    {GST_E2EE_ERROR_UNSUPPORTED,
     "the scheme has no rule for such a frame, or no caps were set before it", false},
    /* key_limit */
    {GST_E2EE_ERROR_LIMIT, "the key has been used as often as AES-GCM allows: set another one",
     true},
    /* held_too_long */ {},
    /* internal */
    {GST_E2EE_ERROR_CRYPTO, "OpenSSL failed, or there is no memory", false},
};

void count(std::atomic<guint64> &counter, guint64 by = 1) {
  counter.fetch_add(by, std::memory_order_relaxed);
}

// To a caller who may not want it.
void hand_out(GstCaps **to, GstCaps *caps) {
  if (to != nullptr)
    *to = caps;
  else
    gst_caps_unref(caps);
}

// The caps of a codec made of NAL units name what a buffer is.
bool has_whole_frames(const GstStructure *caps) {
  const gchar *alignment = gst_structure_get_string(caps, "alignment");
  return nal_codec_of(caps) == nullptr || alignment == nullptr || g_str_equal(alignment, "au");
}

}  // namespace

/// A thread at work in one direction.
class BufferCryptor::Turn {
 public:
  explicit Turn(Direction &direction) : lock_(direction.mutex), direction_(direction) {
    direction.worker = std::this_thread::get_id();
  }
  ~Turn() { direction_.worker = std::thread::id(); }
  Turn(const Turn &) = delete;
  Turn &operator=(const Turn &) = delete;

 private:
  std::lock_guard<std::mutex> lock_;
  Direction &direction_;
};

BufferCryptor::BufferCryptor(const Settings &settings)
    : settings_(settings),
      has_valid_trailer_(parse_server_trailer(settings.server_trailer, server_trailer_)) {
  sealing_.options = settings.options;
  sealing_.options.encrypts = true;
  sealing_.options.plain_kids = false;
  opening_.options = settings.options;
  opening_.options.encrypts = false;
  opening_.options.sframe_kid.reset();
  open(sealing_, nullptr);
  open(opening_, nullptr);
}

BufferCryptor::~BufferCryptor() {
  close();
}

// Whoever listens is let go first: a removal that waits for a turn ends with that turn.
void BufferCryptor::close() {
  closed_ = true;
  for (Direction *direction : {&sealing_, &opening_}) {
    std::shared_ptr<FrameCryptor> cryptor;
    {
      const Turn turn(*direction);
      cryptor.swap(direction->cryptor);
    }
    if (cryptor) {
      cryptor->on_keys_changed({});
      cryptor->on_keys_withdrawn({});
    }
  }
}

// A provider that was not ready before may be now. In a turn, and never in two: a removal waits for
// turns while it keeps others from opening.
bool BufferCryptor::open(Direction &direction, GError **error) {
  if (G_LIKELY(direction.cryptor))
    return true;
  if (closed_) {
    g_set_error_literal(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_OPTION,
                        "the frame cryptor was disposed of: make another one");
    return false;
  }
  if (settings_.provider == nullptr) {
    g_set_error_literal(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_OPTION,
                        "there is no key provider: set key-provider");
    return false;
  }
  if (!has_valid_trailer_) {
    g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_INVALID_OPTION,
                "server-trailer: must be hex digits, at least %" G_GSIZE_FORMAT " bytes",
                kMinServerTrailer);
    return false;
  }
  direction.cryptor = open_frame_cryptor(settings_.provider, direction.options, error);
  if (!direction.cryptor)
    return false;
  if (!direction.options.encrypts) {
    direction.cryptor->set_replay_window(settings_.replay_window);
    if (server_trailer_.empty()) {
      const ByteView known = direction.cryptor->server_trailer();
      server_trailer_.assign(known.begin(), known.end());
    }
  }
  direction.cryptor->on_keys_changed([this] {
    std::lock_guard lock(keys_mutex_);
    keys_changed_.notify_all();
  });
  // No frame is handed out by a turn that began before a removal and outlasts it.
  direction.cryptor->on_keys_withdrawn([&direction] {
    if (direction.worker != std::this_thread::get_id())
      std::lock_guard lock(direction.mutex);
  });
  return true;
}

std::shared_ptr<FrameCryptor> BufferCryptor::opened(Direction &direction, GError **error) {
  const Turn turn(direction);
  open(direction, error);
  return direction.cryptor;
}

bool BufferCryptor::set_caps(GstCaps *caps, GstCaps **encrypted, GstCaps **decrypted,
                             GError **error) {
  for (GstCaps **output : {encrypted, decrypted}) {
    if (output != nullptr)
      *output = nullptr;
  }
  if (!opened(opening_, error))
    return false;
  const std::scoped_lock lock(sealing_.mutex, opening_.mutex);
  if (!open(opening_, error))  // closed meanwhile
    return false;
  const GstStructure *fields = gst_caps_get_structure(caps, 0);
  const CodecRule *codec = codec_for_media_type(gst_structure_get_name(fields));
  codec_ = nullptr;
  if (codec == nullptr || !opening_.cryptor->supports(*codec)) {
    g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_UNSUPPORTED,
                "the scheme does not carry %s: %s",
                codec != nullptr ? codec->name : gst_structure_get_name(fields),
                opening_.cryptor->carries());
    return false;
  }
  if (!has_whole_frames(fields)) {
    g_set_error_literal(error, GST_E2EE_ERROR, GST_E2EE_ERROR_UNSUPPORTED,
                        "a buffer must be a whole frame: the caps need alignment=au");
    return false;
  }
  if (!sealer_.input().set_caps(caps) || !opener_.set_caps(caps)) {
    g_set_error_literal(error, GST_E2EE_ERROR, GST_E2EE_ERROR_PARSE,
                        "the codec_data of the caps cannot be read");
    return false;
  }
  codec_ = codec;
  sealer_.output().reset();
  const bool nal_units = codec->nal != nullptr;
  hand_out(encrypted, nal_units ? sealer_.output().choose(caps, false) : gst_caps_ref(caps));
  hand_out(decrypted, nal_units ? byte_stream_caps(caps) : gst_caps_ref(caps));
  return true;
}

bool BufferCryptor::prepare(std::chrono::milliseconds limit, GError **error) {
  using Steady = std::chrono::steady_clock;
  const auto until = Steady::now() + limit;
  const std::shared_ptr<FrameCryptor> opening = opened(opening_, error);
  if (!opening)
    return false;
  const std::shared_ptr<FrameCryptor> sealing = opened(sealing_, nullptr);
  for (FrameCryptor *cryptor : {opening.get(), sealing.get()}) {
    const auto left = std::max(until - Steady::now(), Steady::duration::zero());
    if (cryptor != nullptr)
      cryptor->wait_ready(std::chrono::duration_cast<std::chrono::milliseconds>(left));
  }
  std::unique_lock lock(keys_mutex_);
  if (keys_changed_.wait_until(lock, until, [&] { return opening->has_key(); }))
    return true;
  const std::vector<std::string> notices = opening->take_notices();  // as of keys that do not fit
  g_set_error(error, GST_E2EE_ERROR, GST_E2EE_ERROR_MISSING_KEY, "no key came in time: %s",
              notices.empty() ? "set one, or wait longer" : notices.front().c_str());
  return false;
}

// Takes the buffer. Returns null.
GstBuffer *BufferCryptor::fail(GstBuffer *buffer, Reason reason, std::uint64_t key_id,
                               GError **error) {
  const Told &told = kTold[static_cast<std::size_t>(reason)];
  count(counters_.dropped[static_cast<std::size_t>(reason)]);
  if (told.names_key)
    g_set_error(error, GST_E2EE_ERROR, told.code, "key %" G_GUINT64_FORMAT ": %s", key_id,
                told.text);
  else
    g_set_error_literal(error, GST_E2EE_ERROR, told.code, told.text);
  gst_buffer_unref(buffer);
  return nullptr;
}

GstBuffer *BufferCryptor::finish(Direction &direction, GstBuffer *buffer,
                                 const FrameCryptor::Result &result, GError **error) {
  if (result.reason != Reason::ok)
    return fail(buffer, result.reason, result.key_id, error);
  if (!result.passage.is_open()) {
    gst_buffer_memset(buffer, 0, 0, gst_buffer_get_size(buffer));
    return fail(buffer, Reason::missing_key, result.key_id, error);
  }
  last_ = &direction;
  count(counters_.ratchet_steps, result.ratchet_steps);
  return pass(buffer);
}

GstBuffer *BufferCryptor::pass(GstBuffer *buffer) {
  count(counters_.frames_out);
  count(counters_.bytes_out, gst_buffer_get_size(buffer));
  return buffer;
}

// Whether there is something to do with a buffer that came; takes it when not.
bool BufferCryptor::begin(Direction &direction, GstBuffer *buffer, GError **error) {
  count(counters_.bytes_in, gst_buffer_get_size(buffer));
  if (!open(direction, error)) {
    count(counters_.frames_in);
    fail(buffer, Reason::missing_key, 0, nullptr);
    return false;
  }
  if (codec_ != nullptr)
    return true;
  count(counters_.frames_in);
  fail(buffer, Reason::unsupported, 0, error);
  return false;
}

GstBuffer *BufferCryptor::encrypt(GstBuffer *buffer, GError **error) {
  const Turn turn(sealing_);
  if (!begin(sealing_, buffer, error))
    return nullptr;
  const auto taken = codec_->nal != nullptr ? sealer_.take(buffer) : BufferSealer::Taken::frame;
  if (taken == BufferSealer::Taken::part) {
    gst_buffer_unref(buffer);
    return nullptr;
  }
  count(counters_.frames_in);
  if (taken == BufferSealer::Taken::nothing)
    return fail(buffer, Reason::malformed, 0, error);
  if (gst_buffer_get_size(buffer) == 0)
    return pass(buffer);
  return finish(sealing_, buffer, sealer_.seal(*sealing_.cryptor, *codec_, buffer), error);
}

// A frame that the server made, in the clear. It passes without its trailer, and marked, if the
// user said so.
GstBuffer *BufferCryptor::server_frame(GstBuffer *buffer, const Tail &tail, GError **error) {
  count(counters_.server_frames);
  if (!may_pass(tail, settings_.server_frames))
    return fail(buffer, Reason::plaintext, 0, error);
  count(counters_.passed_plaintext);
  buffer = without_tail(buffer, tail.server_trailer);
  if (!gst_e2ee_buffer_is_unprotected(buffer))
    gst_e2ee_buffer_add_unprotected_meta(buffer);
  return pass(buffer);
}

GstBuffer *BufferCryptor::decrypt(GstBuffer *buffer, GError **error) {
  const Turn turn(opening_);
  if (!begin(opening_, buffer, error))
    return nullptr;
  count(counters_.frames_in);
  if (!opener_.take(buffer))
    return fail(buffer, Reason::malformed, 0, error);
  if (gst_buffer_get_size(buffer) == 0)
    return pass(buffer);
  if (!server_trailer_.empty()) {
    const Tail tail = look_at_tail(buffer, server_trailer_);
    if (tail.from_server)
      return server_frame(buffer, tail, error);
  }
  return finish(opening_, buffer, opener_.open(*opening_.cryptor, *codec_, buffer), error);
}

GstStructure *BufferCryptor::stats() {
  Direction *last = last_;
  const std::shared_ptr<FrameCryptor> cryptor = opened(last != nullptr ? *last : opening_, nullptr);
  return counters_.to_structure(cryptor ? cryptor->key_info() : KeyInfo{});
}

}  // namespace e2ee

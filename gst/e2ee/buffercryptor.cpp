/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffercryptor.h"

#include <algorithm>

#include "buffers/sframertp.h"
#include "errors.h"
#include "reasonerror.h"

namespace e2ee {

namespace {

// To a caller who may not want it.
void hand_out(GstCaps **to, GstCaps *caps) {
  if (to != nullptr)
    *to = caps;
  else
    gst_caps_unref(caps);
}

}  // namespace

BufferCryptor::BufferCryptor(GstE2EEKeyProvider *provider, const FrameSettings &settings)
    : provider_(provider),
      replay_window_(settings.replay_window),
      nal_format_(settings.nal_format) {
  GError *error = nullptr;
  if (provider == nullptr)
    e2ee::fail(&error, GST_E2EE_ERROR_INVALID_OPTION, "there is no key provider: set key-provider");
  else
    server_frames_.configure(settings.server_frames, settings.server_trailer, &error);
  refused_.reset(error);
  sealing_.options = settings.options;
  sealing_.options.encrypts = true;
  sealing_.options.plain_kids = false;
  opening_.options = settings.options;
  opening_.options.encrypts = false;
  opening_.options.sframe_kid.reset();
  for (Direction *direction : {&sealing_, &opening_})
    opened(*direction, nullptr);
}

BufferCryptor::~BufferCryptor() {
  close();
}

void BufferCryptor::close() {
  closed_ = true;
  for (Direction *direction : {&sealing_, &opening_}) {
    std::shared_ptr<FrameCryptor> cryptor;
    {
      const std::lock_guard lock(direction->mutex);
      cryptor.swap(direction->cryptor);
    }
    if (cryptor)
      cryptor->on(FrameCryptor::Event::keys_changed, {});
  }
}

// The direction's mutex held. A provider that was not ready before may be now.
bool BufferCryptor::open(Direction &direction, GError **error) {
  if (G_LIKELY(direction.cryptor))
    return true;
  if (closed_)
    return e2ee::fail(error, GST_E2EE_ERROR_INVALID_OPTION,
                      "the frame cryptor was disposed of: make another one");
  if (refused_) {
    g_propagate_error(error, g_error_copy(refused_.get()));
    return false;
  }
  direction.cryptor = open_frame_cryptor(provider_, direction.options, error);
  if (!direction.cryptor)
    return false;
  if (!direction.options.encrypts) {
    direction.cryptor->set_replay_window(replay_window_);
    server_frames_.set_scheme_trailer(direction.cryptor->facts.server_trailer);
  }
  direction.cryptor->on(FrameCryptor::Event::keys_changed, [this] {
    std::lock_guard lock(keys_mutex_);
    keys_changed_.notify_all();
  });
  return true;
}

std::shared_ptr<FrameCryptor> BufferCryptor::opened(Direction &direction, GError **error) {
  const std::lock_guard lock(direction.mutex);
  open(direction, error);
  return direction.cryptor;
}

// The mutexes of both directions held. False, with an error, when these caps cannot be worked with.
bool BufferCryptor::check_caps(const GstStructure *fields, const CodecRule *codec, GError **error) {
  if (codec == nullptr || !opening_.cryptor->supports(*codec))
    return e2ee::fail(error, GST_E2EE_ERROR_UNSUPPORTED, "the scheme does not carry %s: %s",
                      codec != nullptr ? codec->name : gst_structure_get_name(fields),
                      opening_.cryptor->facts.carries);
  if (!has_whole_frames(fields, *codec))
    return e2ee::fail(error, GST_E2EE_ERROR_UNSUPPORTED,
                      "a buffer must be a whole frame: the caps need alignment=%s",
                      codec->alignment);
  guint ssrc = 0;
  if (!opening_.options.per_ssrc || opening_.options.ssrc)
    return true;
  if (!gst_structure_get_uint(fields, "ssrc", &ssrc))
    return e2ee::fail(error, GST_E2EE_ERROR_INVALID_OPTION,
                      "sframe-per-ssrc: set sframe-ssrc, or give the caps a field ssrc");
  opening_.cryptor->set_ssrc(ssrc);
  return true;
}

bool BufferCryptor::set_caps(GstCaps *caps, GstCaps **encrypted, GstCaps **decrypted,
                             GError **error) {
  for (GstCaps **output : {encrypted, decrypted}) {
    if (output != nullptr)
      *output = nullptr;
  }
  const std::scoped_lock lock(sealing_.mutex, opening_.mutex);
  if (!open(opening_, error))
    return false;
  const GstStructure *fields = gst_caps_get_structure(caps, 0);
  const CodecRule *codec = codec_of_caps(fields);
  codec_ = nullptr;
  if (!check_caps(fields, codec, error))
    return false;
  const CapsPtr clear(without_sframe_rtp(caps));
  if (!sealer_.input().set_caps(clear.get()) || !opener_.set_caps(caps))
    return e2ee::fail(error, GST_E2EE_ERROR_PARSE, "the codec_data of the caps cannot be read");
  codec_ = codec;
  packets_ = has_sframe_packets(fields);
  opener_.set_payload(packets_, nal_format_);
  sealer_.set_nal_format(nal_format_);
  sealer_.input().sets().learn_all(codec->whole);
  sealer_.output().reset();
  const bool nal_units = codec->nal != nullptr && !packets_;
  const CapsPtr frames(nal_units ? byte_stream_caps(clear.get()) : gst_caps_ref(clear.get()));
  if (codec->whole)
    hand_out(encrypted, with_sframe_rtp(frames.get()));
  else
    hand_out(encrypted, nal_units ? sealer_.output().choose(caps, false) : gst_caps_ref(caps));
  hand_out(decrypted, gst_caps_ref(frames.get()));
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
  return e2ee::fail(error, GST_E2EE_ERROR_MISSING_KEY, "no key came in time: %s",
                    notices.empty() ? "set one, or wait longer" : notices.front().c_str());
}

// Takes the buffer. Returns null.
GstBuffer *BufferCryptor::fail(Direction &direction, GstBuffer *buffer, Reason reason,
                               std::optional<std::uint64_t> key_id, GError **error) {
  direction.counters.dropped(reason);
  if (reason == Reason::malformed && direction.options.encrypts)
    e2ee::fail(error, GST_E2EE_ERROR_MALFORMED,
               "this is not a whole frame of the codec in the caps: put a parser in front");
  else if (reason == Reason::unsupported && codec_ == nullptr)
    e2ee::fail(error, GST_E2EE_ERROR_UNSUPPORTED, "what the frames are is not known: set the caps");
  else
    set_reason_error(error, reason, key_id);
  gst_buffer_unref(buffer);
  return nullptr;
}

// A removal waits for the passage a while, and not for what the application does when memory of its
// own is let go: the passage is asked after that.
GstBuffer *BufferCryptor::finish(Direction &direction, GstBuffer *buffer,
                                 const FrameCryptor::Result &result, GError **error) {
  if (result.reason == Reason::missing_key && direction.options.encrypts)
    return fail(direction, buffer, result.reason, {}, error);
  if (result.reason != Reason::ok)
    return fail(direction, buffer, result.reason, result.key_id, error);
  if (!result.passage.is_open()) {
    gst_buffer_memset(buffer, 0, 0, gst_buffer_get_size(buffer));
    return fail(direction, buffer, Reason::missing_key, result.key_id, error);
  }
  last_.store(&direction, std::memory_order_relaxed);
  if (G_UNLIKELY(result.ratchet_steps != 0))
    direction.counters.ratcheted(result.ratchet_steps);
  return pass(direction, buffer);
}

GstBuffer *BufferCryptor::pass(Direction &direction, GstBuffer *buffer) {
  direction.counters.left(gst_buffer_get_size(buffer));
  return buffer;
}

// Whether there is something to do with a buffer that came; takes it when not.
bool BufferCryptor::begin(Direction &direction, GstBuffer *buffer, GError **error) {
  direction.counters.came(gst_buffer_get_size(buffer));
  const bool is_open = open(direction, error);
  if (is_open && codec_ != nullptr)
    return true;
  direction.counters.frame_came();
  if (is_open)
    fail(direction, buffer, Reason::unsupported, {}, error);
  else
    fail(direction, buffer, Reason::missing_key, {}, nullptr);
  return false;
}

GstBuffer *BufferCryptor::encrypt(GstBuffer *buffer, GError **error) {
  const std::lock_guard lock(sealing_.mutex);
  if (!begin(sealing_, buffer, error))
    return nullptr;
  if (packets_) {
    sealing_.counters.frame_came();
    return fail(sealing_, buffer, Reason::unsupported, {}, error);
  }
  const auto taken = codec_->nal != nullptr ? sealer_.take(buffer) : BufferSealer::Taken::frame;
  if (taken == BufferSealer::Taken::part) {
    gst_buffer_unref(buffer);
    return nullptr;
  }
  sealing_.counters.frame_came();
  if (taken == BufferSealer::Taken::nothing)
    return fail(sealing_, buffer, Reason::malformed, {}, error);
  if (gst_buffer_get_size(buffer) == 0)
    return pass(sealing_, buffer);
  const FrameCryptor::Result result = sealer_.seal(*sealing_.cryptor, *codec_, buffer);
  return finish(sealing_, buffer, result, error);  // which may be another buffer now
}

GstBuffer *BufferCryptor::decrypt(GstBuffer *buffer, GError **error) {
  const std::lock_guard lock(opening_.mutex);
  if (!begin(opening_, buffer, error))
    return nullptr;
  opening_.counters.frame_came();
  if (!opener_.take(buffer))
    return fail(opening_, buffer, Reason::malformed, {}, error);
  if (gst_buffer_get_size(buffer) == 0)
    return pass(opening_, buffer);
  switch (server_frames_.take(buffer, opening_.counters)) {
    case ServerFrames::Kind::unwanted:
      return fail(opening_, buffer, Reason::plaintext, {}, error);
    case ServerFrames::Kind::wanted:
      return pass(opening_, mark_unprotected(buffer, opening_.counters));
    case ServerFrames::Kind::no:
      break;
  }
  const FrameCryptor::Result result = opener_.open(*opening_.cryptor, *codec_, buffer);
  return finish(opening_, buffer, result, error);  // likewise
}

GstStructure *BufferCryptor::stats() {
  Direction *last = last_;
  const std::shared_ptr<FrameCryptor> cryptor = opened(last != nullptr ? *last : opening_, nullptr);
  Counters both;
  both.include(sealing_.counters);
  both.include(opening_.counters);
  return both.to_structure(cryptor ? cryptor->key_info() : KeyInfo{});
}

}  // namespace e2ee

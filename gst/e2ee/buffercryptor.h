/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The C++ side of GstE2EEFrameCryptor.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "buffers/bufferopener.h"
#include "buffers/buffersealer.h"
#include "buffers/clearframes.h"
#include "buffers/framesettings.h"
#include "owned.h"

namespace e2ee {

/// Encrypts and decrypts buffers of one participant, as e2eeencrypt and e2eedecrypt do. All methods
/// may be called on any thread; the two directions do not wait for each other.
class BufferCryptor {
 public:
  /// Has the keys looked up. What cannot be done as set is said by the methods. The owner keeps a
  /// reference on the provider, which may be null, until close().
  BufferCryptor(GstE2EEKeyProvider *provider, const FrameSettings &settings);
  ~BufferCryptor();
  BufferCryptor(const BufferCryptor &) = delete;
  BufferCryptor &operator=(const BufferCryptor &) = delete;

  /// What buffers are from now on. `encrypted` and `decrypted`, which may be null: what comes out
  /// then; the caller owns it.
  bool set_caps(GstCaps *caps, GstCaps **encrypted, GstCaps **decrypted, GError **error);

  /// Waits until there is a key and those that were set are derived, at most `limit`.
  bool prepare(std::chrono::milliseconds limit, GError **error);

  /// Takes the buffer. Null without an error: it was a part of the next frame and is kept for that.
  GstBuffer *encrypt(GstBuffer *buffer, GError **error);
  GstBuffer *decrypt(GstBuffer *buffer, GError **error);

  GstStructure *stats();

  /// Lets go of the keys: nothing works afterwards.
  void close();

 private:
  struct Direction {
    std::mutex mutex;  // held by a call at work with the cryptor
    CryptorOptions options;
    std::shared_ptr<FrameCryptor> cryptor;  // null: it could not be made yet
    Counters counters;
  };
  bool open(Direction &direction, GError **error);
  bool check_caps(const GstStructure *fields, const CodecRule *codec, GError **error);
  std::shared_ptr<FrameCryptor> opened(Direction &direction, GError **error);
  bool begin(Direction &direction, GstBuffer *buffer, GError **error);
  GstBuffer *fail(Direction &direction, GstBuffer *buffer, Reason reason,
                  std::optional<std::uint64_t> key_id, GError **error);
  GstBuffer *finish(Direction &direction, GstBuffer *buffer, const FrameCryptor::Result &result,
                    GError **error);
  GstBuffer *pass(Direction &direction, GstBuffer *buffer);

  GstE2EEKeyProvider *const provider_;
  const guint replay_window_;
  const GstE2EENalFormat nal_format_;
  ErrorPtr refused_;  // why the settings cannot be used
  ServerFrames server_frames_;
  std::atomic<bool> closed_{false};
  Direction sealing_;
  Direction opening_;
  BufferSealer sealer_;
  BufferOpener opener_;
  const CodecRule *codec_ = nullptr;        // changes with both mutexes held
  bool packets_ = false;                    // likewise: RTP packets, which are only decrypted
  std::atomic<Direction *> last_{nullptr};  // in which a frame has passed

  std::mutex keys_mutex_;
  std::condition_variable keys_changed_;
};

}  // namespace e2ee

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <random>

#include "core/cryptor.h"
#include "core/nal.h"
#include "core/trailer.h"
#include "support/vectors.h"

namespace e2ee::test {

/// The last of them.
inline const std::size_t kSframeId = schemes().size() - 1;

const Scheme &livekit();
/// A trailer scheme, by the name that records have.
const Scheme &scheme_named(const std::string &name);
const Scheme &sframe(unsigned suite = 4, bool plain_kids = false, bool clear_header = true);

/// Those that the scheme carries.
std::vector<const CodecRule *> codecs_of(const Scheme &scheme = livekit());

/// The rule for a codec as the vectors name it; null where this build has none.
const CodecRule *codec_named(const std::string &name);
const CodecRule &vp8();
const CodecRule &vp9();
const CodecRule &opus();

/// Why a record of this codec cannot be run; empty where it can.
std::string why_not(const std::string &codec, const Scheme &scheme = livekit());
/// The rule to run a record with. A peer that was told no codec guessed one from the NAL units: for
/// these it is what was guessed. Null where this build has none.
const CodecRule *codec_of(const std::string &name, const std::string &id);
const CodecRule &h264();
const CodecRule &h265();

/// Clear bytes of a frame as this build receives it.
std::size_t clear_bytes_of(const CodecRule &codec, const Bytes &frame,
                           const Scheme &scheme = livekit());

Material material_of(const vectors::KeySpec &spec);

/// Derives the key of `spec`, `ratchets` steps on; null on failure.
KeyRef key_of(const vectors::KeySpec &spec, unsigned ratchets, const Scheme &scheme = livekit());
inline KeyRef key_of(const vectors::KeySpec &spec, const Scheme &scheme = livekit()) {
  return key_of(spec, spec.ratchets, scheme);
}

/// A key from 32 bytes of `fill`; no PBKDF2.
KeyRef raw_key(std::uint8_t fill, std::uint64_t id = 0, unsigned bits = 128,
               const Scheme &scheme = livekit());

/// The key of some bytes, any number of ratchet steps on.
KeyRef key_from(const Scheme &scheme, const Bytes &base, std::uint64_t id,
                std::uint64_t generation = 0);

/// The largest KID, and the largest counter.
inline constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();

/// The SFrame header behind `clear` bytes of a frame.
SframeHeader header_of(const Bytes &frame, std::size_t clear = 0);

KeyRing ring_of(std::initializer_list<KeyRef> keys);

struct Sealed {
  Reason reason = Reason::ok;
  Bytes frame;
};
Sealed seal(Sealer &sealer, const KeyRef &key, const CodecRule &codec, FrameType type,
            const Bytes &frame, const Scheme &scheme = livekit());

/// A packet of Opus, noise(20), as an SFrame.
Bytes sealed_by(Sealer &sealer, const KeyRef &key, const Scheme &scheme = sframe());

/// What opening did. `memory` is all of the output, whatever the result; for out of place it was
/// filled with kFill before.
struct Outcome {
  Reason reason = Reason::ok;
  struct {
    std::size_t offset = 0;
    std::size_t size = 0;
    KeyRef key;
    std::uint64_t key_id = 0;
  } opened;
  Bytes memory;
  Bytes plaintext() const {
    const auto from = memory.begin() + static_cast<std::ptrdiff_t>(opened.offset);
    return Bytes(from, from + static_cast<std::ptrdiff_t>(opened.size));
  }
};
inline constexpr std::uint8_t kFill = 0xa5;
enum class Place { in_place, apart };
Outcome open(Opener &opener, const KeyRing &ring, const CodecRule &codec, const Bytes &frame,
             Place place);

/// Opening `frame` fails both ways and leaves neither `plaintext` nor anything else decrypted.
/// Gives the reason.
Reason expect_refused(const KeyRing &ring, const CodecRule &codec, const Bytes &frame,
                      const Bytes &plaintext, const Scheme &scheme = livekit());

/// Opens to `plaintext` both ways.
void expect_opens(const KeyRing &ring, const CodecRule &codec, const Bytes &frame,
                  const Bytes &plaintext, const Scheme &scheme = livekit());

/// A frame of VP8 with this many bytes behind the header of its kind.
Bytes vp8_frame(FrameType type, std::size_t beyond_header, unsigned seed = 1);

/// Bytes of which most are what emulation prevention looks at.
Bytes zero_heavy(std::size_t size, std::mt19937 &random);

/// A RandomFn that hands out `iv` at each call.
RandomFn fixed_random(const Bytes &iv);
bool broken_random(ByteSpan out);

/// The AEAD back ends that this machine has.
std::vector<const AeadBackend *> usable_backends();

Iv iv_from(const Bytes &bytes);
inline Bytes bytes_from(ByteView view) {
  return Bytes(view.begin(), view.end());
}

/// Runs `body` in a forked child; true when it returned true. Says nothing of the child's own
/// GoogleTest failures: `body` must use plain conditions.
bool in_child(const std::function<bool()> &body);

}  // namespace e2ee::test

namespace e2ee {
inline std::ostream &operator<<(std::ostream &to, Reason reason) {
  return to << names_of(reason).state;
}
}  // namespace e2ee

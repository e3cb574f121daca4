// SPDX-License-Identifier: LGPL-2.1-or-later
#include "opener.h"

namespace recorder {

using examples::CharPtr;
using examples::Error;
using examples::StructurePtr;

namespace {

// An SFrame receiver looks at fifty KIDs at once that have not proved themselves; reading a file
// is faster than the fifty a second that it goes on with.
constexpr unsigned kTriesOfSFrame = 40;

// PBKDF2 takes some 30 ms, on a machine that has nothing else to do.
constexpr GstClockTime kPatience = 60 * GST_SECOND;

ProviderPtr new_provider(const Sealing &sealing) {
  auto *provider =
      g_object_new(sealing.has_own_keys ? GST_TYPE_E2EE_PARTICIPANT_KEY_PROVIDER
                                        : GST_TYPE_E2EE_SHARED_KEY_PROVIDER,
                   "keyring-size", sealing.seal.largest_ring(), "ratchet-window", 0u, nullptr);
  return ProviderPtr(GST_E2EE_KEY_PROVIDER(provider));
}

}  // namespace

// ---- one decryptor ------------------------------------------------------------------------------

Decryptor::Decryptor(const Sealing &sealing, GstE2EEKeyProvider *provider, GstCaps *caps,
                     const std::string &server_frames)
    : sealing_(sealing),
      is_sframe_(sealing.seal.is_sframe()),
      provider_(provider),
      in_(gst_caps_ref(caps)),
      server_frames_(server_frames) {
  start();
}

// The new one is there before the old one goes: it takes over its keys.
void Decryptor::start() {
  CryptorPtr fresh = sealing_.seal.new_cryptor(provider_, sealing_.participant, server_frames_);
  Error error;
  GstCaps *out = nullptr;
  gst_e2ee_frame_cryptor_set_caps(fresh.get(), in_.get(), nullptr, &out, error.out());
  error.check();
  out_.reset(out);
  cryptor_ = std::move(fresh);
}

void Decryptor::derive() {
  Error error;
  gst_e2ee_frame_cryptor_prepare(cryptor_.get(), kPatience, error.out());
  error.check();
}

BufferPtr Decryptor::open(GstBuffer *frame) {
  if (is_sframe_ && failures_ >= kTriesOfSFrame) {
    start();
    failures_ = 0;
  }
  // A copy shares the memory, which is therefore not written to.
  BufferPtr opened(gst_e2ee_frame_cryptor_decrypt(cryptor_.get(), gst_buffer_copy(frame), nullptr));
  if (!opened)
    ++failures_;
  return opened;
}

guint64 Decryptor::count(const char *stat) const {
  GstStructure *stats = nullptr;
  g_object_get(cryptor_.get(), "stats", &stats, nullptr);
  const StructurePtr owner(stats);
  guint64 value = 0;
  gst_structure_get_uint64(stats, stat, &value);
  return value;
}

// ---- one generation -----------------------------------------------------------------------------

OpenerKey::OpenerKey(const Sealing &sealing, GstE2EEKeyMaterial *material)
    : sealing_(sealing),
      provider_(new_provider(sealing)),
      key_id_(static_cast<unsigned>(gst_e2ee_key_material_get_key_id(material))),
      generation_(gst_e2ee_key_material_get_generation(material)) {
  const std::string trouble = "key " + std::to_string(key_id_) + " cannot be used";
  if (key_id_ >= sealing.seal.largest_ring())
    throw Failure(trouble + ": the scheme " + sealing.seal.scheme + " has key indices below " +
                  std::to_string(sealing.seal.largest_ring()));
  Error error;
  if (sealing.has_own_keys)
    gst_e2ee_participant_key_provider_set_material(
        GST_E2EE_PARTICIPANT_KEY_PROVIDER(provider_.get()), sealing.participant.c_str(), material,
        error.out());
  else
    gst_e2ee_shared_key_provider_set_material(GST_E2EE_SHARED_KEY_PROVIDER(provider_.get()),
                                              material, error.out());
  error.check(trouble);
}

Decryptor &OpenerKey::decryptor(unsigned track, GstCaps *caps) {
  auto &slot = decryptors_[track];
  if (slot)
    return *slot;
  auto decryptor = std::make_unique<Decryptor>(sealing_, provider_.get(), caps);
  decryptor->derive();
  const char *participant = sealing_.has_own_keys ? sealing_.participant.c_str() : nullptr;
  const CharPtr text(gst_e2ee_key_provider_get_fingerprint(provider_.get(), participant, key_id_));
  if (!text)
    throw Failure("key " + std::to_string(key_id_) + " cannot be derived");
  fingerprint_ = text.get();
  return *(slot = std::move(decryptor));
}

BufferPtr OpenerKey::open(unsigned track, GstCaps *caps, GstBuffer *frame) {
  return decryptor(track, caps).open(frame);
}

MaterialPtr OpenerKey::ratchet(unsigned track, GstCaps *caps) {
  decryptor(track, caps);  // material of the next generation is there while it is in use
  Error error;
  const char *who = sealing_.has_own_keys ? sealing_.participant.c_str() : nullptr;
  if (who != nullptr)
    gst_e2ee_participant_key_provider_ratchet(GST_E2EE_PARTICIPANT_KEY_PROVIDER(provider_.get()),
                                              who, key_id_, error.out());
  else
    gst_e2ee_shared_key_provider_ratchet(GST_E2EE_SHARED_KEY_PROVIDER(provider_.get()), key_id_,
                                         error.out());
  error.check("key " + std::to_string(key_id_) + " cannot be ratcheted");
  // What a look-up gives can be used and not be read, whether the key is exportable or not.
  return MaterialPtr(gst_e2ee_key_provider_lookup(provider_.get(), who, key_id_, nullptr));
}

}  // namespace recorder

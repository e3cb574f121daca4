// SPDX-License-Identifier: LGPL-2.1-or-later
#include "opener.h"

#include "common/elements.h"

namespace recorder {

using examples::CharPtr;
using examples::Error;
using examples::ObjectPtr;
using examples::StructurePtr;

namespace {

// An SFrame receiver looks at fifty KIDs at once that have not proved themselves; reading a file
// is faster than the fifty a second that it goes on with.
constexpr unsigned kTriesOfSFrame = 40;

// PBKDF2 takes some 30 ms, on a machine that has nothing else to do.
constexpr int kPatienceMs = 60'000;

template <typename Object>
ObjectPtr<Object> sunk(Object *object) {
  return ObjectPtr<Object>(object ? static_cast<Object *>(gst_object_ref_sink(object)) : nullptr);
}

// What an element says of keys that its scheme cannot use is a warning.
std::string complaint_on(GstBus *bus) {
  const auto kinds = static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
  const examples::MessagePtr message(gst_bus_pop_filtered(bus, kinds));
  if (!message)
    return {};
  GError *error = nullptr;
  if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR)
    gst_message_parse_error(message.get(), &error, nullptr);
  else
    gst_message_parse_warning(message.get(), &error, nullptr);
  return examples::ErrorPtr(error)->message;
}

ProviderPtr new_provider(const Sealing &sealing) {
  const bool fixed_ring = sealing.seal.scheme == "jitsi" || sealing.seal.scheme == "realtimekit";
  auto *provider =
      g_object_new(sealing.has_own_keys ? GST_TYPE_E2EE_PARTICIPANT_KEY_PROVIDER
                                        : GST_TYPE_E2EE_SHARED_KEY_PROVIDER,
                   "keyring-size", fixed_ring ? 16u : 256u, "ratchet-window", 0u, nullptr);
  return ProviderPtr(GST_E2EE_KEY_PROVIDER(provider));
}

}  // namespace

// ---- one element --------------------------------------------------------------------------------

Decryptor::Decryptor(const Sealing &sealing, GstE2EEKeyProvider *provider, GstCaps *caps,
                     const std::string &server_frames)
    : element_(sunk(gst_element_factory_make("e2eedecrypt", nullptr))),
      in_(sunk(gst_pad_new("frames", GST_PAD_SRC))),
      out_(sunk(gst_pad_new("opened", GST_PAD_SINK))),
      caps_(gst_caps_ref(caps)),
      restarts_(sealing.sframe()) {
  if (!element_)
    throw Failure("e2eedecrypt cannot be made");
  sealing.seal.apply_to(element_.get());
  g_object_set(element_.get(), "key-provider", provider, nullptr);
  gst_util_set_object_arg(G_OBJECT(element_.get()), "server-frames", server_frames.c_str());
  if (!sealing.participant.empty())
    g_object_set(element_.get(), "participant", sealing.participant.c_str(), nullptr);
  gst_pad_set_element_private(out_.get(), this);
  gst_pad_set_chain_function(out_.get(), took);
  gst_pad_link(in_.get(), examples::static_pad(element_.get(), "sink").get());
  gst_pad_link(examples::static_pad(element_.get(), "src").get(), out_.get());
  try {
    start();
  } catch (...) {
    stop();
    throw;
  }
}

Decryptor::~Decryptor() {
  stop();
}

// Its messages are read while it starts; nobody needs those that come later.
void Decryptor::start() {
  const ObjectPtr<GstBus> bus(gst_bus_new());
  gst_element_set_bus(element_.get(), bus.get());
  gst_pad_set_active(out_.get(), TRUE);
  gst_pad_set_active(in_.get(), TRUE);
  bool started =
      gst_element_set_state(element_.get(), GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
  if (started) {
    send(gst_event_new_stream_start("sealed"));
    started = gst_pad_push_event(in_.get(), gst_event_new_caps(caps_.get()));
  }
  gst_element_set_bus(element_.get(), nullptr);
  const std::string complaint = complaint_on(bus.get());
  if (!started || !complaint.empty())
    throw Failure(complaint.empty() ? "the decryptor does not start" : complaint);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  send(gst_event_new_segment(&segment));
}

void Decryptor::stop() {
  gst_element_set_state(element_.get(), GST_STATE_NULL);
  gst_pad_set_active(in_.get(), FALSE);
  gst_pad_set_active(out_.get(), FALSE);
}

void Decryptor::send(GstEvent *event) {
  gst_pad_push_event(in_.get(), event);
}

GstFlowReturn Decryptor::took(GstPad *pad, GstObject *, GstBuffer *buffer) {
  static_cast<Decryptor *>(gst_pad_get_element_private(pad))->opened_.reset(buffer);
  return GST_FLOW_OK;
}

BufferPtr Decryptor::open(GstBuffer *frame) {
  if (restarts_ && failures_ >= kTriesOfSFrame) {
    stop();
    start();
    failures_ = 0;
  }
  opened_.reset();
  // A copy shares the memory, which is therefore not written to.
  gst_pad_push(in_.get(), gst_buffer_copy(frame));
  if (!opened_)
    ++failures_;
  return std::move(opened_);
}

SharedCaps Decryptor::caps() const {
  return SharedCaps(gst_pad_get_current_caps(out_.get()));
}

guint64 Decryptor::count(const char *stat) const {
  GstStructure *stats = nullptr;
  g_object_get(element_.get(), "stats", &stats, nullptr);
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
  Error error;
  if (sealing.has_own_keys)
    gst_e2ee_participant_key_provider_set_material(
        GST_E2EE_PARTICIPANT_KEY_PROVIDER(provider_.get()), sealing.participant.c_str(), material,
        error.out());
  else
    gst_e2ee_shared_key_provider_set_material(GST_E2EE_SHARED_KEY_PROVIDER(provider_.get()),
                                              material, error.out());
  error.check("key " + std::to_string(key_id_) + " cannot be used");
}

// Elements wait for a key for two seconds only: here nothing else is to be done meanwhile.
Decryptor &OpenerKey::decryptor(unsigned track, GstCaps *caps) {
  auto &slot = decryptors_[track];
  if (slot)
    return *slot;
  slot = std::make_unique<Decryptor>(sealing_, provider_.get(), caps);
  const char *participant = sealing_.has_own_keys ? sealing_.participant.c_str() : nullptr;
  for (int waited = 0; fingerprint_.empty() && waited < kPatienceMs; ++waited) {
    const CharPtr text(
        gst_e2ee_key_provider_get_fingerprint(provider_.get(), participant, key_id_));
    if (text)
      fingerprint_ = text.get();
    else
      g_usleep(1000);
  }
  if (fingerprint_.empty())
    throw Failure("key " + std::to_string(key_id_) + " cannot be derived");
  return *slot;
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// The properties of both shipped providers.
#include "properties.h"
#include "providerstate.h"
#include "ringprovider.h"

namespace e2ee {

namespace {

enum RingProperty : guint {
  kKeyringSize = 1,
  kKeySize,
  kKdf,
  kRatchetSalt,
  kRatchetWindow,
  kFailureTolerance,
  kExportable,
  kSharedCount,
  kRatchetInterval = kSharedCount,  // of participants
  kRatchetFrames,
  kKeysFile,
  kCount,
};

// Of those that are for keys set afterwards; false for others.
bool set_option(KeyStore::Options &options, guint id, const GValue *value) {
  MaterialDefaults &defaults = options.defaults;
  switch (id) {
    case kKeyringSize:
      options.ring_size = g_value_get_uint(value);
      return true;
    case kKeySize:
      defaults.key_bits = g_value_get_uint(value);
      return true;
    case kKdf:
      defaults.kdf = static_cast<Kdf>(g_value_get_enum(value));
      return true;
    case kRatchetSalt:
      defaults.salt.reset();
      if (const gchar *salt = g_value_get_string(value))
        defaults.salt = salt;
      return true;
    case kRatchetWindow:
      defaults.ratchet_window = g_value_get_uint(value);
      return true;
    case kExportable:
      defaults.exportable = g_value_get_boolean(value);
      return true;
    default:
      return false;
  }
}

}  // namespace

bool RingProvider::set_property(guint id, const GValue *value) {
  bool is_option = false;
  store_.change_options(
      [&](KeyStore::Options &options) { is_option = set_option(options, id, value); });
  if (is_option)
    return true;
  ProviderState &state = *ProviderState::of(provider_);
  switch (id) {
    case kFailureTolerance:
      state.set_failure_tolerance(g_value_get_int(value));
      return true;
    case kRatchetInterval:
      state.set_ratchet_interval(g_value_get_uint64(value));
      return true;
    case kRatchetFrames:
      state.set_ratchet_frames(g_value_get_uint64(value));
      return true;
    default:
      return false;
  }
}

bool RingProvider::get_property(guint id, GValue *value) {
  const KeyStore::Options options = store_.options();
  const MaterialDefaults &defaults = options.defaults;
  switch (id) {
    case kKeyringSize:
      g_value_set_uint(value, options.ring_size);
      break;
    case kKeySize:
      g_value_set_uint(value, defaults.key_bits);
      break;
    case kKdf:
      g_value_set_enum(value, static_cast<gint>(defaults.kdf));
      break;
    case kRatchetSalt:
      g_value_set_string(value, defaults.salt ? defaults.salt->c_str() : nullptr);
      break;
    case kRatchetWindow:
      g_value_set_uint(value, defaults.ratchet_window);
      break;
    case kFailureTolerance:
      g_value_set_int(value, ProviderState::of(provider_)->failure_tolerance());
      break;
    case kExportable:
      g_value_set_boolean(value, defaults.exportable);
      break;
    case kRatchetInterval:
      g_value_set_uint64(value, ProviderState::of(provider_)->ratchet_interval());
      break;
    case kRatchetFrames:
      g_value_set_uint64(value, ProviderState::of(provider_)->ratchet_frames());
      break;
    case kKeysFile:
      g_value_take_string(value, file_keys_.copy_path());
      break;
    default:
      return false;
  }
  return true;
}

namespace {

void add_common_properties(GParamSpec **properties, guint default_window) {
  properties[kKeyringSize] =
      g_param_spec_uint("keyring-size", "Key ring size",
                        "Number of key indices, 1 to 256; those of keys set afterwards must be "
                        "below it. LiveKit and Jitsi use 16, Element Call 256",
                        1, 256, 16, kReadWrite);
  properties[kKeySize] = g_param_spec_uint("key-size", "Key size",
                                           "Bits of the AES keys that are derived, 128 or 256; "
                                           "for keys set afterwards",
                                           128, 256, 128, kReadWrite);
  properties[kKdf] = g_param_spec_enum("kdf", "Key derivation",
                                       "How keys set afterwards are derived; auto: PBKDF2 for "
                                       "passphrases, HKDF for raw bytes",
                                       GST_TYPE_E2EE_KDF, GST_E2EE_KDF_AUTO, kReadWrite);
  properties[kRatchetSalt] =
      g_param_spec_string("ratchet-salt", "Ratchet salt",
                          "Salt (UTF-8, may be empty) that keys set afterwards are derived and "
                          "ratcheted with; unset: the scheme's own",
                          nullptr, kReadWrite);
  properties[kRatchetWindow] =
      g_param_spec_uint("ratchet-window", "Ratchet window",
                        "How many ratchet steps a receiver looks ahead when a frame does not "
                        "verify, 0 to 64; for keys set afterwards",
                        0, kMaxRatchetWindow, default_window, kReadWrite);
  properties[kFailureTolerance] =
      g_param_spec_int("failure-tolerance", "Failure tolerance",
                       "Failures in a row after which looking ahead and messages become rare; -1: "
                       "never. Frames that verify with the present key always pass",
                       -1, G_MAXINT, -1, kReadWrite);
  properties[kExportable] =
      g_param_spec_boolean("exportable", "Exportable",
                           "Whether get_material() hands out keys set afterwards; no key that "
                           "comes from a provider which does not",
                           FALSE, kReadWrite);
}

void add_participant_properties(GParamSpec **properties) {
  properties[kRatchetInterval] =
      g_param_spec_uint64("ratchet-interval", "Ratchet interval",
                          "Nanoseconds, at least 10 ms, after which a participant who sends here "
                          "ratchets its current key; 0: never",
                          0, G_MAXUINT64, 0, kReadWrite);
  properties[kRatchetFrames] =
      g_param_spec_uint64("ratchet-frames", "Ratchet frames",
                          "Frames, audio and video together, after which a participant who sends "
                          "here ratchets its current key; 0: never",
                          0, G_MAXUINT64, 0, kReadWrite);
  properties[kKeysFile] = g_param_spec_string(
      "keys-file", "Keys file",
      "The keys.ini file that was to be loaded last, whether it could be read or not", nullptr,
      kReadOnly);
}

}  // namespace

void RingProvider::notify_keys_file() {
  const ForeignCall call;
  g_object_notify(G_OBJECT(provider_), "keys-file");
}

void ring_class_init(GObjectClass *klass, const RingKind &kind) {
  klass->set_property = [](GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
    if (!ring_of(object).set_property(id, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  };
  klass->get_property = [](GObject *object, guint id, GValue *value, GParamSpec *pspec) {
    if (!ring_of(object).get_property(id, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  };
  klass->finalize = [](GObject *object) {
    delete static_cast<RingObject *>(static_cast<gpointer>(object))->ring;
    // Neither class is derived from: what is above the object's own is above this one.
    G_OBJECT_CLASS(g_type_class_peek_parent(G_OBJECT_GET_CLASS(object)))->finalize(object);
  };
  GParamSpec *properties[kCount] = {};
  add_common_properties(properties, kind.default_window);
  if (!kind.shared)
    add_participant_properties(properties);
  g_object_class_install_properties(klass, kind.shared ? kSharedCount : kCount, properties);
}

}  // namespace e2ee

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "carried_codecs.h"

#include <algorithm>

#include "common/program.h"

namespace recorder {

using examples::CapsPtr;
using examples::Failure;
using examples::ObjectPtr;
using examples::Refused;

namespace {

// With the sizes of the other one: the scheme may have them fixed.
ObjectPtr<GstE2EEKeyProvider> without_keys(GstE2EEKeyProvider *provider) {
  ObjectPtr<GstE2EEKeyProvider> empty(GST_E2EE_KEY_PROVIDER(gst_e2ee_shared_key_provider_new()));
  for (const char *size : {"keyring-size", "key-size"}) {
    if (!g_object_class_find_property(G_OBJECT_GET_CLASS(provider), size))
      continue;
    guint value = 0;
    g_object_get(provider, size, &value, nullptr);
    g_object_set(empty.get(), size, value, nullptr);
  }
  return empty;
}

}  // namespace

CarriedCodecs::CarriedCodecs(const WireFormat &format, GstE2EEKeyProvider *provider)
    : scheme_(format.scheme),
      options_(format.is_sframe() ? "--scheme or --sframe-suite" : "--scheme") {
  if (!provider)
    return;
  const auto empty = without_keys(provider);
  const CryptorPtr cryptor = format.new_cryptor(empty.get(), "", "drop");
  for (const Codec &codec : codecs()) {
    const CapsPtr caps(gst_caps_from_string(codec.frames ? codec.frames : codec.media_type));
    examples::Error error;
    if (gst_e2ee_frame_cryptor_set_caps(cryptor.get(), caps.get(), nullptr, nullptr, error.out()))
      codecs_.push_back(&codec);
    else if (!error.is(GST_E2EE_ERROR, GST_E2EE_ERROR_UNSUPPORTED))
      error.check<Refused>();
  }
}

void CarriedCodecs::check(const Codec &codec) const {
  if (std::ranges::find(codecs_, &codec) == codecs_.end())
    throw Failure("the scheme " + scheme_ + " does not carry " + codec.title +
                  ": the sender has to use " + titles_of(codecs_) + ", or everybody another " +
                  options_);
}

}  // namespace recorder

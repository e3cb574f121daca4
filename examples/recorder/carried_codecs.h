// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

#include "codecs.h"
#include "wire_format.h"

namespace recorder {

// Which codecs a scheme carries, as the library says. No key is looked up or derived for that.
class CarriedCodecs {
 public:
  // Throws Refused where the library does not take the format, or for this scheme the sizes of the
  // provider's ring and keys. Without a provider nothing is decrypted: no codec is carried.
  CarriedCodecs(const WireFormat &format, GstE2EEKeyProvider *provider);

  // Throws Failure for a codec that is not carried, with what the sender can do.
  void check(const Codec &codec) const;

 private:
  const std::string scheme_, options_;  // what names it, and what chooses it
  std::vector<const Codec *> codecs_;
};

}  // namespace recorder

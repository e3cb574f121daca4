/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/layout.h"

#include "core/trailer.h"

namespace e2ee {

std::unique_ptr<LayoutSealer> sframe_sealer(const SealerParts &parts);
std::unique_ptr<LayoutOpener> sframe_opener(const OpenerParts &parts);

std::unique_ptr<LayoutSealer> make_sealer(const SealerParts &parts) {
  if (parts.scheme.layout == Layout::sframe)
    return sframe_sealer(parts);
  if (parts.codec.nal != nullptr)
    return nal_sealer(parts);
  return std::make_unique<TrailerSealer>(parts);
}

std::unique_ptr<LayoutOpener> make_opener(const OpenerParts &parts) {
  if (parts.scheme.layout == Layout::sframe)
    return sframe_opener(parts);
  if (parts.codec.nal != nullptr)
    return nal_opener(parts);
  return std::make_unique<TrailerOpener>(parts);
}

}  // namespace e2ee

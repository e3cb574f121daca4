/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/aead.h"

namespace e2ee {

extern const AeadBackend kOpensslBackend;

std::span<const AeadBackend> aead_backends() {
  static const AeadBackend table[] = {kOpensslBackend};
  return table;
}

std::unique_ptr<Aead> make_aead(ByteView key, Direction direction) {
  for (const AeadBackend &backend : aead_backends()) {
    if (backend.usable())
      return backend.create(key, direction);
  }
  return nullptr;
}

}  // namespace e2ee

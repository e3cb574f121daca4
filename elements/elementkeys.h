/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Where an element has its keys from: its key provider, and the cryptor that works with it.
#pragma once

#include "gste2eebase.h"

namespace e2ee {

/// Makes the cryptor unless it is there. With neither provider nor need for one it stays away.
/// False, with an error posted, when it cannot be made.
bool open_cryptor(GstE2EEBase *self, bool required);

/// The cryptor, for a thread other than the streaming thread; null when there is none.
std::shared_ptr<FrameCryptor> ref_cryptor(Base &base);

/// A setting of the cryptor changes: the next state change opens it with what is set then.
void close_cryptor(Base &base);

/// Posts the error, which it takes. False.
bool refuse(GstE2EEBase *self, GError *error);

/// Posts what the key provider wants the user to know.
void post_notices(GstE2EEBase *self);

}  // namespace e2ee

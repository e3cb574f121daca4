/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Keys and passphrases as people keep them in files: hex digits, base64, lines of text.
#pragma once

#include "core/secret.h"

namespace e2ee {

/// Hex digits. White space is ignored. False on anything else, an odd number of digits, or none.
bool decode_hex(ByteView text, Secret &bytes);

/// Base64 of RFC 4648 in either alphabet, with or without padding. White space is ignored. False on
/// anything else, or none.
bool decode_base64(ByteView text, Secret &bytes);

/// Text without the UTF-8 byte order mark that some editors put in front of it.
ByteView without_bom(ByteView text);

/// Text without one newline at its end, which may be that of Windows.
ByteView without_newline(ByteView text);

bool ends_in_white_space(ByteView text);

/// The suffix that the name of a key file should have: ".hex" or ".b64" when the file holds a key
/// as text, null when its bytes are the key.
const char *suffix_for(ByteView contents);

}  // namespace e2ee

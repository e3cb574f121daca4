/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keytext.h"

#include <glib.h>

#include <algorithm>

namespace e2ee {

namespace {

constexpr std::size_t kShortestKey = 16;

bool is_space(std::uint8_t c) {
  return g_ascii_isspace(static_cast<gchar>(c));
}

// 0 to 63; -1 for what is no digit of base64.
int base64_digit(std::uint8_t c) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  if (c == '+' || c == '-')
    return 62;
  return c == '/' || c == '_' ? 63 : -1;
}

}  // namespace

bool decode_hex(ByteView text, Secret &bytes) {
  Secret decoded(text.size() / 2 + 1);
  std::size_t digits = 0;
  for (std::uint8_t c : text) {
    if (is_space(c))
      continue;
    const gint digit = g_ascii_xdigit_value(static_cast<gchar>(c));
    if (digit < 0)
      return false;
    std::uint8_t &byte = decoded.span()[digits++ / 2];
    byte = static_cast<std::uint8_t>(byte << 4 | digit);
  }
  if (digits == 0 || digits % 2 != 0)
    return false;
  bytes = Secret(decoded.view().first(digits / 2));
  return true;
}

bool decode_base64(ByteView text, Secret &bytes) {
  Secret decoded(text.size() / 4 * 3 + 3);
  std::size_t size = 0;
  std::size_t digits = 0;
  std::size_t padding = 0;
  unsigned bits = 0;  // those that make no byte yet are its lowest
  for (std::uint8_t c : text) {
    if (is_space(c))
      continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const int digit = base64_digit(c);
    if (digit < 0 || padding > 0)
      return false;
    bits = bits << 6 | static_cast<unsigned>(digit);
    if (++digits % 4 != 1)
      decoded.span()[size++] = static_cast<std::uint8_t>(bits >> (6 - 2 * ((digits - 1) % 4)));
  }
  const unsigned rest = digits % 4;
  const unsigned unused = rest == 2 ? bits & 0xf : rest == 3 ? bits & 0x3 : 0;
  if (size == 0 || rest == 1 || unused != 0 ||
      (padding != 0 && (padding > 2 || (digits + padding) % 4 != 0)))
    return false;
  bytes = Secret(decoded.view().first(size));
  return true;
}

ByteView without_bom(ByteView text) {
  constexpr std::uint8_t kMark[] = {0xef, 0xbb, 0xbf};
  const bool marked =
      text.size() >= sizeof kMark && std::equal(std::begin(kMark), std::end(kMark), text.begin());
  return marked ? text.subspan(sizeof kMark) : text;
}

ByteView without_newline(ByteView text) {
  if (!text.empty() && text.back() == '\n')
    text = text.first(text.size() - 1);
  if (!text.empty() && text.back() == '\r')
    text = text.first(text.size() - 1);
  return text;
}

bool ends_in_white_space(ByteView text) {
  return !text.empty() && is_space(text.back());
}

// Random bytes do not look like hex digits or base64. A word that someone uses as a key is valid
// base64, too: a newline or `=` at the end shows that a program wrote it.
const char *suffix_for(ByteView contents) {
  Secret key;
  if (decode_hex(without_bom(contents), key) && key.view().size() >= kShortestKey)
    return ".hex";
  const bool written = !contents.empty() && (contents.back() == '\n' || contents.back() == '=');
  if (written && decode_base64(without_bom(contents), key) && key.view().size() >= kShortestKey)
    return ".b64";
  return nullptr;
}

}  // namespace e2ee

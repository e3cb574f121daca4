// SPDX-License-Identifier: LGPL-2.1-or-later
#include "seal.h"

#include <algorithm>
#include <limits>

#include "common/json.h"

namespace recorder {

using namespace examples;
namespace {

constexpr char kFormat[] = "gst-e2ee sealed recording";

// What is read may come from anywhere.
constexpr std::size_t kMaxText = 1 << 20;

// ---- reading ------------------------------------------------------------------------------------

[[noreturn]] void refuse(const std::string &why) {
  throw Failure("the metadata of the sealed recording cannot be used: " + why);
}

// Reads members of an object: those it does not know stay unread, those of a wrong type are an
// error.
class Reader {
 public:
  explicit Reader(JsonObject *object) : object_(object) {}

  bool has(const char *name) const { return json_object_has_member(object_, name); }

  void read(const char *name, std::string &value) const {
    if (!has(name))
      return;
    const auto text = member_text(object_, name);
    if (!text)
      refuse(std::string("\"") + name + "\" is not a text");
    value = *text;
  }

  void read(const char *name, unsigned &value) const {
    if (!has(name))
      return;
    const auto number = member_number(object_, name);
    if (!number)
      refuse(std::string("\"") + name + "\" is not a whole number");
    if (*number < 0 || *number > std::numeric_limits<int>::max())
      refuse(std::string("\"") + name + "\" is out of range");
    value = static_cast<unsigned>(*number);
  }

  void one_of(const char *name, std::string &value, const std::vector<std::string> &words) {
    read(name, value);
    if (!is_one_of(value, words))
      refuse(std::string("\"") + name + "\" is \"" + value +
             "\", which this version does not know; use a newer e2ee-unseal");
  }

  void within(const char *name, unsigned &value, unsigned least, unsigned most) {
    read(name, value);
    if (value < least || value > most)
      refuse(std::string("\"") + name + "\" is " + std::to_string(value) + ", not " +
             std::to_string(least) + " to " + std::to_string(most));
  }

 private:
  JsonObject *object_;
};

// Whose file it is comes first: what follows may be of another time.
unsigned read_version(const Reader &reader) {
  std::string format;
  unsigned version = 0;
  reader.read("format", format);
  if (format != kFormat)
    refuse(std::string("it is not that of a sealed recording (\"format\" is not \"") + kFormat +
           "\")");
  reader.read("version", version);
  if (version == 0)
    refuse("it has no \"version\"");
  if (version > static_cast<unsigned>(Seal::kVersion))
    refuse("it is of version " + std::to_string(version) + ", this program reads up to version " +
           std::to_string(Seal::kVersion) + ": use a newer e2ee-unseal");
  return version;
}

std::vector<std::string> codec_names() {
  std::vector<std::string> names;
  for (const Codec &codec : codecs())
    names.emplace_back(codec.name);
  return names;
}

std::vector<Seal::Stream> read_streams(JsonObject *object) {
  std::vector<Seal::Stream> streams;
  JsonNode *node = json_object_get_member(object, "streams");
  if (!node)
    return streams;
  if (!JSON_NODE_HOLDS_ARRAY(node))
    refuse("\"streams\" is not a list");
  const std::vector<JsonObject *> elements = member_objects(object, "streams");
  if (elements.size() != json_array_get_length(json_node_get_array(node)))
    refuse("\"streams\" holds something else than streams");
  for (JsonObject *element : elements) {
    Reader reader(element);
    Seal::Stream stream;
    reader.one_of("media", stream.media, {"video", "audio"});
    reader.one_of("codec", stream.codec, codec_names());
    reader.read("caps", stream.caps);
    streams.push_back(std::move(stream));
  }
  return streams;
}

void check_hex(const std::string &text) {
  const bool digits =
      std::all_of(text.begin(), text.end(), [](char c) { return g_ascii_isxdigit(c); });
  if (!digits || text.size() % 2 != 0)
    refuse("\"server-trailer\" is not made of hex digits");
}

}  // namespace

std::string Seal::to_json() const {
  const auto number = [](unsigned value) { return std::int64_t{value}; };
  std::vector<JsonWriter> list;
  for (const Stream &stream : streams)
    list.push_back(
        JsonWriter({{"media", stream.media}, {"codec", stream.codec}, {"caps", stream.caps}}));
  return JsonWriter({{"format", kFormat},
                     {"version", std::int64_t{version}},
                     {"scheme", scheme},
                     {"identity", identity},
                     {"recorder", recorder},
                     {"room", room},
                     {"started", started},
                     {"kdf", kdf},
                     {"pbkdf2-iterations", number(pbkdf2_iterations)},
                     {"ratchet-salt", ratchet_salt},
                     {"key-size", number(key_size)},
                     {"keyring-size", number(keyring_size)},
                     {"sframe-suite", number(sframe_suite)},
                     {"sframe-kid-map", sframe_kid_map},
                     {"clear-header", clear_header},
                     {"server-trailer", server_trailer}})
      .set("streams", list)
      .line();
}

Seal Seal::from_json(const std::string &text) {
  if (text.size() > kMaxText)
    refuse("it is far larger than it could be");
  std::string why;
  const JsonNodePtr root = parse_json(text, why);
  if (!root)
    refuse("it is not JSON: " + why);
  if (!JSON_NODE_HOLDS_OBJECT(root.get()))
    refuse("it is not a JSON object");

  JsonObject *object = json_node_get_object(root.get());
  Reader reader(object);
  Seal seal;
  seal.version = static_cast<int>(read_version(reader));
  // Everything else has a usual value; the wrong scheme would only say that no tag verifies.
  if (!reader.has("scheme"))
    refuse("it has no \"scheme\"");
  reader.one_of("scheme", seal.scheme, words_of(GST_TYPE_E2EE_SCHEME));
  reader.read("identity", seal.identity);
  reader.read("recorder", seal.recorder);
  reader.read("room", seal.room);
  reader.read("started", seal.started);
  reader.one_of("kdf", seal.kdf, words_of(GST_TYPE_E2EE_KDF));
  reader.read("pbkdf2-iterations", seal.pbkdf2_iterations);
  reader.read("ratchet-salt", seal.ratchet_salt);
  reader.within("key-size", seal.key_size, 128, 256);
  reader.within("keyring-size", seal.keyring_size, 1, 256);
  reader.within("sframe-suite", seal.sframe_suite, 1, 8);
  reader.one_of("sframe-kid-map", seal.sframe_kid_map, words_of(GST_TYPE_E2EE_SFRAME_KID_MAP));
  reader.one_of("clear-header", seal.clear_header, words_of(GST_TYPE_E2EE_CLEAR_HEADER));
  reader.read("server-trailer", seal.server_trailer);
  check_hex(seal.server_trailer);
  seal.streams = read_streams(object);
  return seal;
}

}  // namespace recorder

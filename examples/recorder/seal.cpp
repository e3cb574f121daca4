// SPDX-License-Identifier: LGPL-2.1-or-later
#include "seal.h"

#include <json-glib/json-glib.h>

#include <algorithm>
#include <limits>

namespace recorder {
namespace {

using examples::CharPtr;
using examples::Error;
using examples::ObjectPtr;
using NodePtr = std::unique_ptr<JsonNode, examples::FreeWith<&json_node_unref>>;

constexpr char kFormat[] = "gst-e2ee sealed recording";

// What is read may come from anywhere: json-glib calls itself for each level.
constexpr std::size_t kMaxText = 1 << 20;
constexpr int kMaxDepth = 32;

// ---- writing ------------------------------------------------------------------------------------

void add(JsonBuilder *builder, const char *name, const std::string &value) {
  json_builder_set_member_name(builder, name);
  json_builder_add_string_value(builder, value.c_str());
}

void add(JsonBuilder *builder, const char *name, unsigned value) {
  json_builder_set_member_name(builder, name);
  json_builder_add_int_value(builder, value);
}

void add_streams(JsonBuilder *builder, const std::vector<Seal::Stream> &streams) {
  json_builder_set_member_name(builder, "streams");
  json_builder_begin_array(builder);
  for (const Seal::Stream &stream : streams) {
    json_builder_begin_object(builder);
    add(builder, "media", stream.media);
    add(builder, "codec", stream.codec);
    add(builder, "caps", stream.caps);
    json_builder_end_object(builder);
  }
  json_builder_end_array(builder);
}

// ---- reading ------------------------------------------------------------------------------------

[[noreturn]] void refuse(const std::string &why) {
  throw Failure("the metadata of the sealed recording cannot be used: " + why);
}

bool is_too_deep(const std::string &text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\')
      ++i;
    else if (c == '"')
      in_string = !in_string;
    else if (!in_string && (c == '[' || c == '{') && ++depth > kMaxDepth)
      return true;
    else if (!in_string && (c == ']' || c == '}'))
      --depth;
  }
  return false;
}

// Reads members of an object: those it does not know stay unread, those of a wrong type are an
// error.
class Reader {
 public:
  explicit Reader(JsonObject *object) : object_(object) {}

  bool has(const char *name) const { return json_object_has_member(object_, name); }

  void read(const char *name, std::string &value) const {
    if (JsonNode *node = member(name, G_TYPE_STRING))
      value = json_node_get_string(node);
  }

  void read(const char *name, unsigned &value) const {
    JsonNode *node = member(name, G_TYPE_INT64);
    if (!node)
      return;
    const gint64 number = json_node_get_int(node);
    if (number < 0 || number > std::numeric_limits<int>::max())
      refuse(std::string("\"") + name + "\" is out of range");
    value = static_cast<unsigned>(number);
  }

  void one_of(const char *name, std::string &value, std::initializer_list<const char *> words) {
    read(name, value);
    if (std::find(words.begin(), words.end(), value) == words.end())
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
  JsonNode *member(const char *name, GType type) const {
    JsonNode *node = json_object_get_member(object_, name);
    if (node && json_node_get_value_type(node) != type)
      refuse(std::string("\"") + name + "\" is not a " +
             (type == G_TYPE_STRING ? "text" : "whole number"));
    return node;
  }

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

std::vector<Seal::Stream> read_streams(JsonObject *object) {
  std::vector<Seal::Stream> streams;
  JsonNode *node = json_object_get_member(object, "streams");
  if (!node)
    return streams;
  if (!JSON_NODE_HOLDS_ARRAY(node))
    refuse("\"streams\" is not a list");
  JsonArray *array = json_node_get_array(node);
  for (guint i = 0; i < json_array_get_length(array); ++i) {
    JsonNode *element = json_array_get_element(array, i);
    if (!JSON_NODE_HOLDS_OBJECT(element))
      refuse("\"streams\" holds something else than streams");
    Reader reader(json_node_get_object(element));
    Seal::Stream stream;
    reader.one_of("media", stream.media, {"video", "audio"});
    reader.one_of("codec", stream.codec, {"vp8", "vp9", "h264", "h265", "opus"});
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
  const ObjectPtr<JsonBuilder> owner(json_builder_new());
  JsonBuilder *builder = owner.get();
  json_builder_begin_object(builder);
  add(builder, "format", kFormat);
  add(builder, "version", static_cast<unsigned>(version));
  add(builder, "scheme", scheme);
  add(builder, "identity", identity);
  add(builder, "recorder", recorder);
  add(builder, "room", room);
  add(builder, "started", started);
  add(builder, "kdf", kdf);
  add(builder, "pbkdf2-iterations", pbkdf2_iterations);
  add(builder, "ratchet-salt", ratchet_salt);
  add(builder, "key-size", key_size);
  add(builder, "keyring-size", keyring_size);
  add(builder, "sframe-suite", sframe_suite);
  add(builder, "sframe-kid-map", sframe_kid_map);
  add(builder, "clear-header", clear_header);
  add(builder, "server-trailer", server_trailer);
  add_streams(builder, streams);
  json_builder_end_object(builder);
  const NodePtr root(json_builder_get_root(builder));
  return CharPtr(json_to_string(root.get(), FALSE)).get();
}

Seal Seal::from_json(const std::string &text) {
  if (text.size() > kMaxText || is_too_deep(text) || text.find('\0') != std::string::npos)
    refuse("it is far larger than it could be");
  const ObjectPtr<JsonParser> parser(json_parser_new_immutable());
  Error error;
  if (!json_parser_load_from_data(parser.get(), text.data(), static_cast<gssize>(text.size()),
                                  error.out()))
    refuse("it is not JSON");
  JsonNode *root = json_parser_get_root(parser.get());
  if (!root || !JSON_NODE_HOLDS_OBJECT(root))
    refuse("it is not a JSON object");

  JsonObject *object = json_node_get_object(root);
  Reader reader(object);
  Seal seal;
  seal.version = static_cast<int>(read_version(reader));
  // Everything else has a usual value; the wrong scheme would only say that no tag verifies.
  if (!reader.has("scheme"))
    refuse("it has no \"scheme\"");
  reader.one_of("scheme", seal.scheme, {"livekit", "realtimekit", "jitsi", "sframe"});
  reader.read("identity", seal.identity);
  reader.read("recorder", seal.recorder);
  reader.read("room", seal.room);
  reader.read("started", seal.started);
  reader.one_of("kdf", seal.kdf, {"auto", "pbkdf2", "hkdf"});
  reader.read("pbkdf2-iterations", seal.pbkdf2_iterations);
  reader.read("ratchet-salt", seal.ratchet_salt);
  reader.within("key-size", seal.key_size, 128, 256);
  reader.within("keyring-size", seal.keyring_size, 1, 256);
  reader.within("sframe-suite", seal.sframe_suite, 1, 5);
  reader.one_of("sframe-kid-map", seal.sframe_kid_map, {"profile", "plain"});
  reader.one_of("clear-header", seal.clear_header, {"scheme", "none"});
  reader.read("server-trailer", seal.server_trailer);
  check_hex(seal.server_trailer);
  seal.streams = read_streams(object);
  return seal;
}

void Seal::apply_to(GstElement *decryptor) const {
  GObject *object = G_OBJECT(decryptor);
  gst_util_set_object_arg(object, "scheme", scheme.c_str());
  gst_util_set_object_arg(object, "sframe-kid-map", sframe_kid_map.c_str());
  gst_util_set_object_arg(object, "clear-header", clear_header.c_str());
  g_object_set(object, "sframe-suite", sframe_suite, "server-trailer",
               server_trailer.empty() ? nullptr : server_trailer.c_str(), nullptr);
}

}  // namespace recorder

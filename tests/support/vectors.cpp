/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/vectors.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <ostream>
#include <sstream>

#include "support/cipher.h"
#include "support/json.h"
#include "support/nalunits.h"

namespace e2ee::test::vectors {

namespace {

// prefix, then SHA256(seed || be32(i)) for i = 0, 1, .., cut to the length.
Bytes generate(const JsonView &recipe) {
  const std::string algo = "prefix||SHA256(seed||be32(i))*";
  if (recipe.text("algo") != algo)
    throw JsonError("unknown recipe " + recipe.text("algo"));
  const std::size_t size = recipe.unsigned_or("len", 0);
  const std::string seed = recipe.text("seed");
  Bytes bytes = recipe.bytes("prefixHex");
  for (std::uint32_t i = 0; bytes.size() < size; ++i) {
    const Bytes input = join({Bytes(seed.begin(), seed.end()), big_endian(i, 4)});
    const Bytes block = hex_or_throw(sha256_hex(input), "digest");
    bytes.insert(bytes.end(), block.begin(), block.end());
  }
  bytes.resize(size);
  return bytes;
}

// NAMEHex, or NAMELen and NAMESha256 with or without NAMEGen.
Blob read_blob(const JsonView &json, const std::string &name) {
  Blob blob;
  if (std::optional<Bytes> bytes = json.hex((name + "Hex").c_str())) {
    blob.given = blob.whole = true;
    blob.size = bytes->size();
    blob.bytes = std::move(*bytes);
  } else if (std::optional<unsigned> size = json.unsigned_of((name + "Len").c_str())) {
    blob.given = true;
    blob.size = *size;
    blob.sha256 = json.text((name + "Sha256").c_str());
    if (blob.sha256.empty())
      throw JsonError(name + " has a length and no hash");
    if (std::optional<JsonView> recipe = json.object((name + "Gen").c_str())) {
      blob.bytes = generate(*recipe);
      blob.whole = true;
      if (!blob.matches(blob.bytes))
        throw JsonError(name + ": the recipe does not give what the hash says");
    }
  }
  return blob;
}

KeySpec read_key(const JsonView &json) {
  KeySpec key;
  key.kind = json.text("kind");
  key.value = json.text("value");
  key.bytes =
      json.has("valueHex") ? json.bytes("valueHex") : Bytes(key.value.begin(), key.value.end());
  key.salt = json.text("salt");
  key.key_size = json.unsigned_or("keySize", 0);
  key.ring_size = json.unsigned_or("ringSize", 0);
  key.index = json.unsigned_or("index", 0);
  key.ratchets = json.unsigned_or("ratchets", 0);
  if (key.bytes.empty())
    throw JsonError("a key without a value");
  return key;
}

Step read_step(const JsonView &json) {
  Step step;
  step.ratchets = json.unsigned_or("ratchets", 0);
  step.material = json.bytes("materialHex");
  step.key = json.bytes("keyHex");
  step.op = json.text("op");
  step.input = json.bytes("inputHex");
  step.plaintext = json.bytes("plaintextHex");
  step.result = json.text("result");
  return step;
}

ReceiverOptions read_receiver(const JsonView &json) {
  ReceiverOptions receiver;
  receiver.start_ratchets = json.unsigned_of("startRatchets");
  receiver.ratchet_window = json.unsigned_of("ratchetWindowSize");
  if (std::optional<std::int64_t> tolerance = json.number("failureTolerance"))
    receiver.failure_tolerance = static_cast<int>(*tolerance);
  receiver.enabled = json.boolean("enabled");
  receiver.current_key_index = json.unsigned_of("currentKeyIndex");
  if (std::optional<JsonView> also = json.object("alsoHas")) {
    receiver.also_index = also->unsigned_of("index");
    receiver.also_key = also->bytes("valueHex");
  }
  return receiver;
}

Expect read_expect(const JsonView &json) {
  Expect expect;
  expect.encode = json.text("encode");
  expect.decode = json.text("decode");
  expect.unchanged = json.boolean("unchanged").value_or(false);
  expect.by_formula = json.text("byFormula");
  if (std::optional<std::int64_t> code = json.number("errorCode"))
    expect.error_code = static_cast<int>(*code);
  return expect;
}

void read_parts(const JsonView &json, Record &record) {
  if (std::optional<JsonView> key = json.object("key"))
    record.key = read_key(*key);
  if (std::optional<JsonView> derived = json.object("derived"))
    record.derived = {derived->bytes("materialHex"), derived->bytes("keyHex")};
  if (std::optional<JsonView> receiver = json.object("receiver"))
    record.receiver = read_receiver(*receiver);
  if (std::optional<JsonView> expect = json.object("expect"))
    record.expect = read_expect(*expect);
  if (std::optional<JsonView> sender = json.object("sender")) {
    record.sender.enabled = sender->boolean("enabled").value_or(true);
    record.sender.has_key = sender->boolean("hasKey").value_or(true);
    record.sender.op = sender->text("op");
  }
  json.each("steps", [&](JsonNode *step) { record.steps.push_back(read_step(JsonView(step))); });
}

void read_fields(const JsonView &json, Record &record) {
  json.each_scalar(
      [&](const std::string &name, const std::string &value) { record.fields[name] = value; });
}

Record read_record(const JsonView &json) {
  Record record;
  record.id = json.text("id");
  record.scheme = json.text("scheme");
  record.type = json.text("type");
  record.codec = json.text("codec");
  record.frame_type = json.text("frameType");
  record.base = json.text("base");
  read_parts(json, record);
  record.plaintext = read_blob(json, "plaintext");
  record.ciphertext = read_blob(json, "ciphertext");
  record.decoded = json.hex("decodedHex");
  record.iv = json.hex("ivHex");
  record.aad = json.hex("aadHex");
  record.clear_bytes = json.unsigned_of("clearBytes");
  record.trailer = json.bytes("trailerHex");
  record.ring_slot = json.unsigned_of("ringSlot");
  record.input = json.hex("inputHex");
  record.sif_trailer = json.hex("sifTrailerHex");
  read_fields(json, record);
  return record;
}

// SFrame's own files: arrays of cases without ids, in sections, one of which has sections itself.
void read_sections(JsonNode *root, const std::string &prefix, std::vector<Record> &records) {
  JsonObjectIter iter;
  const char *name = nullptr;
  JsonNode *section = nullptr;
  json_object_iter_init(&iter, json_node_get_object(root));
  while (json_object_iter_next(&iter, &name, &section)) {
    if (JSON_NODE_HOLDS_OBJECT(section))
      read_sections(section, prefix + name + "-", records);
    if (!JSON_NODE_HOLDS_ARRAY(section))
      continue;
    JsonArray *items = json_node_get_array(section);
    for (guint i = 0; i < json_array_get_length(items); ++i) {
      records.emplace_back();
      read_fields(JsonView(json_array_get_element(items, i)), records.back());
      records.back().scheme = "sframe";
      records.back().id = prefix + name + "-" + std::to_string(i);
      records.back().type = name;
    }
  }
}

std::vector<Record> read_records(const std::string &file) {
  std::vector<Record> records;
  parse_json(read_or_throw(directory() + "/" + file), [&](JsonNode *root) {
    if (!JSON_NODE_HOLDS_ARRAY(root)) {
      read_sections(root, file == "sframe-official.json" ? "official-" : "", records);
      return;
    }
    JsonArray *items = json_node_get_array(root);
    for (guint i = 0; i < json_array_get_length(items); ++i) {
      records.push_back(read_record(JsonView(json_array_get_element(items, i))));
      if (records.back().id.empty() || records.back().type.empty())
        throw JsonError("record " + std::to_string(i) + " has no id or no type");
    }
  });
  for (Record &record : records)
    record.file = file;
  return records;
}

// lk-script-vp8-with-vp8.jsonl -> lk-script-vp8
std::string capture_prefix(const std::string &file) {
  const std::string stem = file.substr(0, file.rfind('.'));
  return stem.substr(0, stem.find("-with-"));
}

Capture read_capture(const JsonView &json, const std::string &prefix) {
  Capture capture;
  capture.scheme = prefix.starts_with("rtk-") ? "realtimekit" : "livekit";
  capture.codec = json.text("codec");
  capture.n = json.unsigned_or("n", 0);
  capture.id = prefix + "-" + std::to_string(capture.n);
  capture.key = json.boolean("key").value_or(false);
  capture.size = json.unsigned_or("size", 0);
  capture.data = json.bytes("data");
  if (capture.data.size() != capture.size || capture.size == 0)
    throw JsonError(capture.id + " is not as long as it says");
  return capture;
}

template <typename T>
T failed(const std::string &file, const std::string &why) {
  T item;
  item.id = "unreadable-" + file;
  item.error = file + ": " + why;
  return item;
}

}  // namespace

bool Blob::matches(const Bytes &other) const {
  if (!given || other.size() != size)
    return false;
  return sha256.empty() ? other == bytes : sha256_hex(other) == sha256;
}

const std::string &Record::field(const std::string &name) const {
  static const std::string none;
  const auto at = fields.find(name);
  return at == fields.end() ? none : at->second;
}

std::uint64_t Record::number(const std::string &name) const {
  return std::strtoull(field(name).c_str(), nullptr, 10);
}

Bytes Record::hex(const std::string &name) const {
  const std::optional<Bytes> bytes = from_hex(field(name));
  EXPECT_TRUE(bytes) << name;
  return bytes.value_or(Bytes{});
}

std::string directory() {
  const char *given = std::getenv("E2EE_VECTORS");
  return given != nullptr ? given : VECTORS_DIR;
}

std::vector<Record> load(std::initializer_list<const char *> files,
                         std::initializer_list<const char *> types) {
  std::vector<Record> wanted;
  for (const char *file : files) {
    const std::size_t before = wanted.size();
    try {
      for (Record &record : read_records(file)) {
        if (types.size() == 0 || std::find(types.begin(), types.end(), record.type) != types.end())
          wanted.push_back(std::move(record));
      }
      if (wanted.size() == before)
        throw JsonError("holds none of these records");
    } catch (const JsonError &error) {
      wanted.push_back(failed<Record>(file, error.what()));
    }
  }
  return wanted;
}

std::vector<Capture> load_captures(std::initializer_list<const char *> files) {
  std::vector<Capture> captures;
  for (const char *file : files) {
    const std::size_t before = captures.size();
    try {
      std::istringstream lines(read_or_throw(directory() + "/captures/" + file));
      for (std::string line; std::getline(lines, line);) {
        if (!line.empty())
          parse_json(line, [&](JsonNode *root) {
            captures.push_back(read_capture(JsonView(root), capture_prefix(file)));
          });
      }
      if (captures.size() == before)
        throw JsonError("holds no frames");
    } catch (const JsonError &error) {
      captures.push_back(failed<Capture>(file, error.what()));
    }
  }
  return captures;
}

CaptureKey capture_key(const std::string &prefix) {
  CaptureKey key;
  try {
    parse_json(read_or_throw(directory() + "/captures/keys.json"), [&](JsonNode *root) {
      const JsonView json(root);
      const std::optional<JsonView> part = json.object(prefix.c_str());
      if (!part)
        throw JsonError("no key of " + prefix);
      key.password = json.text("password");
      key.salt = part->text("salt");
      key.key = part->bytes("key_hex");
    });
  } catch (const JsonError &error) {
    key.error = std::string("captures/keys.json: ") + error.what();
  }
  return key;
}

std::optional<Bytes> opened_by_hand(const Capture &capture, const Bytes &key) {
  if (capture.codec == "h264") {
    const std::size_t clear = nal::clear_bytes(capture.data, false);
    return test::opened_by_hand(key, nal::unescaped_behind(capture.data, clear), clear);
  }
  const bool vp8_header =
      capture.codec == "vp8" || (capture.codec == "vp9" && capture.scheme == "realtimekit");
  const std::size_t of_video = vp8_header ? (capture.key ? kVp8KeyHeader : kVp8DeltaHeader) : 0;
  return test::opened_by_hand(key, capture.data, capture.codec == "opus" ? 1 : of_video);
}

std::string fault_of(const Record &record) {
  constexpr std::size_t kLeast = 1 + kTag + kIv + 2;  // of Opus, as all short ones are
  const Bytes &input = record.input.value();
  if (input.empty())
    return "empty";
  if (input.size() < kLeast || input[input.size() - 2] != kIv)
    return "malformed";
  return input.back() != record.key.slot() ? "missing-key" : "auth";
}

std::string test_name(std::string_view id) {
  std::string name(id);
  for (char &c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0)
      c = '_';
  }
  return name;
}

std::ostream &operator<<(std::ostream &to, const Record &record) {
  return to << record.id;
}

std::ostream &operator<<(std::ostream &to, const Capture &capture) {
  return to << capture.id;
}

}  // namespace e2ee::test::vectors

// SPDX-License-Identifier: LGPL-2.1-or-later
// e2ee-unseal gives back what went in, for every scheme, and of damaged files what can be had.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "recorder/framechain.h"
#include "sealed.h"
#include "support/cipher.h"
#include "support/svc_encoder.h"

namespace test = e2ee::test;

namespace {

using namespace sealed;
using recorder::Seal;
using test::passphrase_provider;
using test::raw_provider;

TEST_F(Unseal, GivesBackPicturesAndSound) {
  const Provider keys = passphrase_provider("a passphrase");
  const std::vector<Stream> plain{vp8(), opus()};
  write_recording(in(), seal_of("livekit"), {encrypt(plain[0], keys), encrypt(plain[1], keys)});
  test::write_file(folder / "secret", "a passphrase\n");
  const Outcome run =
      unseal({in(), "--key-provider", "shared,passphrase-file=" + folder / "secret", "--json"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_TRUE(run.complete);
  ASSERT_EQ(run.tracks.size(), 2u);
  EXPECT_EQ(run.derivations, 1);
  const std::string out = folder / "alice.open.webm";
  expect_same(read_recording(out), plain);
  struct stat status {};
  ASSERT_EQ(stat(out.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"alice.mkv", "alice.open.webm", "secret"}));
}

TEST_F(Unseal, KeepsTheSecretToItself) {
  const Provider keys = passphrase_provider("hush-hush");
  write_recording(in(), seal_of("livekit"), {encrypt(opus(), keys)});
  const Outcome run = unseal({in(), "--key-provider", "shared,passphrase=hush-hush", "--report"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ((run.out + run.err).find("hush-hush"), std::string::npos);
  EXPECT_NE(run.out.find("60 of 60 frames"), std::string::npos) << run.out;
}

struct SchemeCase {
  const char *scheme;
  Stream (*video)();
};

class UnsealScheme : public Unseal, public testing::WithParamInterface<SchemeCase> {};

TEST_P(UnsealScheme, GivesBackWhatWentIn) {
  const Encryption how{.scheme = GetParam().scheme};
  const Provider keys = raw_provider(kFill, 3);
  const std::vector<Stream> plain{GetParam().video(), opus()};
  write_recording(in(), seal_of(how.scheme),
                  {encrypt(plain[0], keys, how), encrypt(plain[1], keys, how)});
  const Outcome run = unseal({in(), "-k", key(3), "--json", "-o", folder / "out.mkv"});
  EXPECT_EQ(run.status, 0) << run.err << run.out;
  expect_same(read_recording(folder / "out.mkv"), plain);
}

INSTANTIATE_TEST_SUITE_P(All, UnsealScheme,
                         testing::Values(SchemeCase{"livekit", vp9}, SchemeCase{"jitsi", vp8},
                                         SchemeCase{"jitsi", vp9}, SchemeCase{"sframe", vp8},
                                         SchemeCase{"sframe", vp9}, SchemeCase{"realtimekit", vp8}),
                         [](const auto &item) {
                           return std::string(item.param.scheme) + "_" +
                                  (item.param.video == vp8 ? "vp8" : "vp9");
                         });

// A chain of its own over the plain frames says what is expected.
Stream through_chain(const Stream &plain, const char *codec, const char *caps_name) {
  Stream result;
  result.caps = caps_name;
  recorder::FrameChain chain(codec, [&](GstCaps *, GstBuffer *frame) {
    result.frames.push_back(
        {test::bytes_of(frame), static_cast<std::int64_t>(GST_BUFFER_PTS(frame))});
  });
  const test::Caps caps(gst_caps_from_string(plain.caps.c_str()));
  for (const Frame &frame : plain.frames) {
    recorder::BufferPtr buffer(test::buffer_of(frame.bytes).release());
    GST_BUFFER_PTS(buffer.get()) = static_cast<GstClockTime>(frame.ns);
    chain.push(caps.get(), std::move(buffer));
  }
  chain.end();
  return result;
}

// What the decryptor gives back, which leaves notes of the encoder out.
Stream opened(const Stream &encrypted, const Provider &keys) {
  Stream result{test::kH264, encrypted.frames};
  for (Frame &frame : result.frames) {
    const auto bytes = test::open(keys, test::kH264, frame.bytes);
    EXPECT_TRUE(bytes);
    frame.bytes = bytes.value_or(Bytes());
  }
  return result;
}

TEST_F(Unseal, MakesLengthsOfH264) {
  const Stream plain = h264();
  const Provider keys = raw_provider(kFill);
  const Stream encrypted = encrypt(plain, keys);
  ASSERT_NE(encrypted.caps.find("byte-stream"), std::string::npos) << encrypted.caps;
  write_recording(in(), seal_of("livekit"), {encrypted});
  const Outcome run = unseal({in(), "-k", key(), "--json"});
  EXPECT_EQ(run.status, 0) << run.err << run.out;
  const std::vector<Stream> read = read_recording(folder / "alice.open.mkv");
  ASSERT_EQ(read.size(), 1u);
  expect_same(read, {through_chain(opened(encrypted, keys), "h264", "video/x-h264")});
}

// A resolution that changes changes the parameter sets, of which a track has one.
TEST_F(Unseal, GoesOnInAnotherFileWhenPicturesOfH264ChangeTheirSize) {
  const std::vector<Stream> pictures{h264(320, 240), h264(640, 480), h264(160, 120)};
  Stream plain{test::kH264, {}};
  std::int64_t time = 0;
  for (const Stream &part : pictures) {
    for (const Frame &frame : part.frames)
      plain.frames.push_back({frame.bytes, time += 16'000'000});
  }
  const Provider keys = raw_provider(kFill);
  const Stream sound = opus(), encrypted = encrypt(plain, keys);
  write_recording(in(), seal_of("livekit"), {encrypted, encrypt(sound, keys)});
  const Outcome run = unseal({in(), "-k", key(), "--json"});
  EXPECT_EQ(run.status, 0) << run.err << run.out;
  const std::vector<std::string> names{folder / "alice.open.mkv", folder / "alice.open.2.mkv",
                                       folder / "alice.open.3.mkv"};
  ASSERT_EQ(run.outputs, names);
  std::size_t samples = 0, begin = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    Stream part{test::kH264, {}};
    const std::size_t end = begin + pictures[i].frames.size();
    part.frames.assign(encrypted.frames.begin() + begin, encrypted.frames.begin() + end);
    begin = end;
    bool found = false;
    for (const Stream &stream : read_recording(names[i])) {
      if (stream.caps == "video/x-h264") {
        found = true;
        Stream only = stream;
        expect_same({only}, {through_chain(opened(part, keys), "h264", "video/x-h264")});
      } else {
        for (const Frame &frame : stream.frames)
          EXPECT_EQ(frame.bytes, sound.frames.at(samples++).bytes);
      }
    }
    EXPECT_TRUE(found) << names[i];
  }
  EXPECT_EQ(samples, sound.frames.size());
}

// Those before the first key frame: what they refer to is missing.
TEST_F(Unseal, SaysWhatWasOpenedAndIsNotInTheFile) {
  Stream plain = h264();
  plain.frames.erase(plain.frames.begin());
  write_recording(in(), seal_of("livekit"), {encrypt(plain, raw_provider(kFill))});
  const Outcome run = unseal({in(), "-k", key(), "--json"});
  EXPECT_EQ(run.status, 3) << run.err << run.out;
  ASSERT_EQ(run.tracks.size(), 1u);
  EXPECT_EQ(run.tracks[0].opened, 39);
  EXPECT_EQ(run.tracks[0].written, 20);
  EXPECT_NE(unseal({in(), "-k", key(), "-o", folder / "2.mkv"}).out.find("19 frames: opened, but"),
            std::string::npos);
}

// A frame as LiveKit's other clients make them, whose IV may end in 12.
Bytes h264_of_others(const Bytes &plain, const Bytes &iv) {
  const Bytes info(128), salt_text = [] {
    const std::string text = "LKFrameEncryptionKey";
    return Bytes(text.begin(), text.end());
  }();
  const Bytes key = test::hkdf(Bytes(32, kFill), salt_text, info, 16);
  const Bytes start{0, 0, 1};
  std::size_t clear = 0;
  for (auto at = plain.begin(); clear == 0;) {
    at = std::search(at, plain.end(), start.begin(), start.end()) + 3;
    const int type = *at & 0x1f;
    if (type == 1 || type == 5)
      clear = static_cast<std::size_t>(at - plain.begin()) + 2;
  }
  return test::sealed_by_hand(key, 0, plain, clear, iv);
}

bool would_be_escaped(const Bytes &bytes) {
  for (std::size_t i = bytes.size(); i-- > bytes.size() / 2 + 3;)
    if (bytes[i] <= 3 && bytes[i - 1] == 0 && bytes[i - 2] == 0)
      return true;
  return false;
}

// Key index 0 is a zero at the end of the frame, which some tools cut off. Where the IV's last byte
// is 12 as well, what is left looks like a frame of key index 12. e2eeencrypt draws no such IV.
TEST_F(Unseal, OpensFramesThatLostTheZeroAtTheirEnd) {
  constexpr guint8 kIvLength = 12;
  const Stream plain = h264();
  Stream encrypted = encrypt(plain, raw_provider(kFill));
  for (std::size_t i = 0; i < encrypted.frames.size(); ++i) {
    Bytes &frame = encrypted.frames[i].bytes;
    if (i % 4 == 3) {
      Bytes iv = test::noise(kIvLength, static_cast<unsigned>(i));
      iv.back() = kIvLength;
      frame = h264_of_others(plain.frames[i].bytes, iv);
      ASSERT_FALSE(would_be_escaped(frame)) << i;
    }
    ASSERT_EQ(frame.back(), 0);
    frame.pop_back();
  }
  write_recording(in(), seal_of("livekit"), {encrypted});
  const Outcome run = unseal({in(), "-k", key(), "--json"});
  EXPECT_EQ(run.status, 0) << run.err << run.out;
  EXPECT_EQ(run.keys, 1u);
  ASSERT_EQ(run.tracks.size(), 1u);
  EXPECT_EQ(run.tracks[0].opened, 40);
}

TEST_F(Unseal, JoinsLayersOfVp9) {
  constexpr std::int64_t kFrame = 33'000'000;
  Stream layers;
  layers.caps = test::kSvcCaps;
  const auto pictures = test::encode_svc({.spatial = 3, .pictures = 12, .key_every = 6});
  std::int64_t time = 0;
  for (const auto &picture : pictures) {
    for (const auto &layer : picture)
      layers.frames.push_back({layer.bytes, time});
    time += kFrame;
  }
  ASSERT_GT(layers.frames.size(), pictures.size());
  const Provider keys = raw_provider(kFill);
  write_recording(in(), seal_of("livekit"), {encrypt(layers, keys)});
  const Outcome run = unseal({in(), "-k", key(), "--json"});
  EXPECT_EQ(run.status, 0) << run.err << run.out;
  const std::vector<Stream> read = read_recording(folder / "alice.open.webm");
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].frames.size(), pictures.size());
  EXPECT_NE(run.out.find("\"not-written\":0"), std::string::npos) << run.out;
  expect_same(read, {through_chain(layers, "vp9", "video/x-vp9")});
}

// ---- damage -------------------------------------------------------------------------------------

TEST_F(Unseal, OpensWhatIsThereOfAFileThatWasCutOff) {
  const Provider keys = raw_provider(kFill);
  const std::vector<Stream> plain{vp8(), opus()};
  write_recording(in(), seal_of("livekit"), {encrypt(plain[0], keys), encrypt(plain[1], keys)});
  const auto size = std::filesystem::file_size(in());
  std::size_t least = plain[0].frames.size() + plain[1].frames.size();
  for (const int percent : {90, 60}) {
    std::filesystem::resize_file(in(), size * static_cast<unsigned>(percent) / 100);
    const std::string out = folder / ("out" + std::to_string(percent) + ".webm");
    const Outcome run = unseal({in(), "-k", key(), "-o", out, "--json"});
    EXPECT_EQ(run.status, 3) << run.err;
    EXPECT_FALSE(run.complete);
    ASSERT_EQ(run.notes.size(), 1u);
    EXPECT_NE(run.notes[0].find("cut off"), std::string::npos) << run.notes[0];
    std::size_t frames = 0;
    for (const Stream &read : read_recording(out)) {
      for (const Stream &stream : plain) {
        if (stream.caps.rfind(read.caps, 0) != 0)
          continue;
        ASSERT_LE(read.frames.size(), stream.frames.size());
        for (std::size_t i = 0; i < read.frames.size(); ++i)
          ASSERT_EQ(read.frames[i].bytes, stream.frames[i].bytes);
      }
      frames += read.frames.size();
    }
    EXPECT_GT(frames, 0u);
    EXPECT_LT(frames, least);
    least = frames;
  }
  std::filesystem::resize_file(in(), size / 10);
  const Outcome run = unseal({in(), "-k", key(), "-o", folder / "nothing.webm"});
  EXPECT_EQ(run.status, 2);
  EXPECT_FALSE(std::filesystem::exists(folder / "nothing.webm"));
}

TEST_F(Unseal, LeavesDamagedFramesOut) {
  const Provider keys = raw_provider(kFill);
  const Stream plain = vp8();
  Stream broken = encrypt(plain, keys);
  for (const std::size_t i : {10u, 11u, 25u})
    broken.frames[i].bytes[20] ^= 1;
  broken.frames[30].bytes.resize(5);
  write_recording(in(), seal_of("livekit"), {broken});
  const Outcome run = unseal({in(), "-k", key(), "--json"});
  EXPECT_EQ(run.status, 3);
  ASSERT_EQ(run.tracks.size(), 1u);
  EXPECT_EQ(run.tracks[0].no_match, 3);
  EXPECT_EQ(run.tracks[0].malformed, 1);
  EXPECT_EQ(run.tracks[0].opened, 36);
  Stream rest = plain;
  for (const int i : {30, 25, 11, 10})
    rest.frames.erase(rest.frames.begin() + i);
  expect_same(read_recording(folder / "alice.open.webm"), {rest});
}

TEST_F(Unseal, TellsOfAFrameThatIsThereTwice) {
  const Provider keys = raw_provider(kFill);
  const Stream plain = opus();
  Stream encrypted = encrypt(plain, keys);
  // A frame that came twice.
  Frame again = encrypted.frames[5];
  again.ns = encrypted.frames.back().ns + 20'000'000;
  encrypted.frames.push_back(again);
  write_recording(in(), seal_of("livekit"), {encrypted});
  Outcome run = unseal({in(), "-k", key(), "--json"});
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.replayed, 1);
  EXPECT_EQ(run.reused, 0);
}

}  // namespace

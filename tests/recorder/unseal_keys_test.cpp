// SPDX-License-Identifier: LGPL-2.1-or-later
// Keys of long meetings: indices that repeat, ratchets, keys that are missing.
#include <algorithm>

#include "sealed.h"

namespace {

using namespace sealed;
using elements::empty_provider;
using elements::raw_provider;
using elements::set_raw;
using recorder::Seal;

class UnsealKeys : public testing::Test {
 protected:
  void SetUp() override { seal.identity = "alice"; }
  std::string in() const { return folder.file("alice.mkv"); }

  // keys.ini of alice with the keys of rotation `first` to the last before `end`, 16 to a ring.
  std::string keys_file(unsigned first, unsigned end) {
    std::string text = "[alice]\n";
    for (unsigned i = first; i < end; ++i) {
      text += "key." + std::to_string(i % 16) + "=";
      for (int byte = 0; byte < 32; ++byte)
        text += elements::Text(g_strdup_printf("%02x", i + 1)).get();
      text += "\n";
    }
    const std::string name = "keys-" + std::to_string(first) + ".ini";
    folder.write(name, text);
    return folder.file(name);
  }

  Folder folder;
  Seal seal;
};

// Sixty keys, a new one with each frame of the tone.
Stream rotated(const Stream &plain) {
  const Provider keys = elements::own(gst_e2ee_participant_key_provider_new());
  auto *provider = GST_E2EE_PARTICIPANT_KEY_PROVIDER(keys.get());
  const auto set = [&](std::size_t i) {
    const Bytes key(32, static_cast<guint8>(i + 1));
    GBytes *bytes = g_bytes_new(key.data(), key.size());
    const auto index = static_cast<guint>(i % 16);
    EXPECT_TRUE(
        gst_e2ee_participant_key_provider_set_key(provider, "alice", bytes, index, nullptr));
    EXPECT_TRUE(
        gst_e2ee_participant_key_provider_set_current_index(provider, "alice", index, nullptr));
    g_bytes_unref(bytes);
  };
  return encrypt(plain, keys, {.participant = "alice", .before = set});
}

TEST_F(UnsealKeys, FollowsSixtyRotationsOfSixteenIndices) {
  const std::vector<Stream> plain{opus()};
  ASSERT_EQ(plain[0].frames.size(), 60u);
  write_recording(in(), seal, {rotated(plain[0])});
  const std::vector<std::string> files{keys_file(0, 16), keys_file(16, 32), keys_file(32, 48),
                                       keys_file(48, 60)};
  const auto run_with = [&](std::vector<std::string> order, const std::string &out) {
    std::vector<std::string> arguments{in(), "--json", "-o", folder.file(out), "--max-ratchet",
                                       "2"};
    for (const std::string &file : order) {
      arguments.push_back("--keys-file");
      arguments.push_back(file);
    }
    return unseal(arguments);
  };
  Outcome run = run_with(files, "ordered.webm");
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.keys, 60u);
  expect_same(read_recording(folder.file("ordered.webm")), plain);
  std::vector<std::string> reversed(files.rbegin(), files.rend());
  std::swap(reversed[0], reversed[2]);
  run = run_with(reversed, "shuffled.webm");
  EXPECT_EQ(run.status, 0) << run.err;
  expect_same(read_recording(folder.file("shuffled.webm")), plain);

  // Without the keys of the middle the rest still opens, and the report says so.
  run = run_with({files[0], files[3]}, "middle.webm");
  EXPECT_EQ(run.status, 3);
  EXPECT_EQ(run.tracks[0].opened, 28);
  EXPECT_EQ(run.tracks[0].no_match, 32);
  run = run_with({files[3]}, "end.webm");
  EXPECT_EQ(run.status, 3);
  EXPECT_EQ(run.tracks[0].opened, 12);
  EXPECT_EQ(run.tracks[0].no_key, 12);  // indices 12 to 15
}

TEST_F(UnsealKeys, NeedsToKnowWhoseKeys) {
  write_recording(in(), seal, {rotated(opus())});
  const std::string file = keys_file(0, 16);
  Outcome run = unseal({in(), "--keys-file", file, "--participant", "bob"});
  EXPECT_EQ(run.status, 1);
  Seal nobody;
  write_recording(folder.file("nobody.mkv"), nobody, {rotated(opus())});
  run = unseal({folder.file("nobody.mkv"), "--keys-file", file});
  EXPECT_EQ(run.status, 1);
  EXPECT_NE(run.err.find("--participant"), std::string::npos) << run.err;
  run = unseal({folder.file("nobody.mkv"), "--keys-file", file, "--participant", "alice",
                "--max-ratchet", "2"});
  EXPECT_EQ(run.status, 3) << run.err;
}

// ---- ratchets -----------------------------------------------------------------------------------

// The key steps before the frames that `steps` says, so many times.
Stream ratcheted(const Stream &plain, const char *scheme,
                 const std::function<unsigned(std::size_t)> &steps) {
  const Provider keys = raw_provider(1);
  const auto before = [&](std::size_t i) {
    for (unsigned step = 0; step < steps(i); ++step)
      EXPECT_TRUE(gst_e2ee_shared_key_provider_ratchet(elements::shared(keys), 0, nullptr));
  };
  return encrypt(plain, keys, {.scheme = scheme, .before = before});
}

class UnsealRatchet : public UnsealKeys, public testing::WithParamInterface<const char *> {};

TEST_P(UnsealRatchet, FollowsAHundredSteps) {
  seal.scheme = GetParam();
  const std::vector<Stream> plain{opus()};
  write_recording(
      in(), seal,
      {ratcheted(plain[0], GetParam(), [](std::size_t i) { return i < 40 ? 2u : 1u; })});
  const Outcome run = unseal({in(), "-k", key_file(folder, 1, 0), "--json"});
  EXPECT_EQ(run.status, 0) << run.err << run.out;
  EXPECT_EQ(run.keys, 60u);
  expect_same(read_recording(folder.file("alice.open.webm")), plain);
}

INSTANTIATE_TEST_SUITE_P(All, UnsealRatchet, testing::Values("livekit", "jitsi", "sframe"),
                         [](const auto &item) { return std::string(item.param); });

TEST_F(UnsealKeys, LeapsAsFarAsItIsTold) {
  const std::vector<Stream> plain{opus()};
  const auto leap = [](std::size_t i) { return i == 30 ? 70u : 0u; };
  write_recording(in(), seal, {ratcheted(plain[0], "livekit", leap)});
  const std::string key = key_file(folder, 1, 0);
  Outcome run = unseal({in(), "-k", key, "--json", "-o", folder.file("64.webm")});
  EXPECT_EQ(run.status, 3);
  EXPECT_EQ(run.tracks[0].opened, 30);
  run = unseal({in(), "-k", key, "--json", "-o", folder.file("70.webm"), "--max-ratchet", "70"});
  EXPECT_EQ(run.status, 0) << run.err;
  expect_same(read_recording(folder.file("70.webm")), plain);
}

TEST_F(UnsealKeys, DerivesNothingNewForDamagedFrames) {
  const Stream plain = opus();
  const auto derived_with = [&](std::size_t damaged, const std::string &name) {
    Stream broken = encrypt(plain, raw_provider(1));
    for (std::size_t i = 0; i < damaged; ++i)
      broken.frames[10 + i].bytes[2] ^= 1;
    write_recording(folder.file(name), seal, {broken});
    const Outcome run = unseal({folder.file(name), "-k", key_file(folder, 1, 0), "--json"});
    EXPECT_EQ(run.status, 3) << run.err;
    EXPECT_EQ(run.tracks[0].opened, static_cast<std::int64_t>(60 - damaged));
    return run.derivations;
  };
  const std::int64_t of_one = derived_with(1, "one.mkv");
  EXPECT_LE(of_one, 65);
  EXPECT_EQ(derived_with(45, "many.mkv"), of_one);
}

// Senders start anew with the key of the beginning, and sound and pictures do not step together.
TEST_F(UnsealKeys, GoesBackToEarlierGenerations) {
  const std::vector<Stream> plain{vp8(), opus()};
  const auto slow = [](std::size_t i) { return i % 10 == 9 ? 1u : 0u; };
  Stream video = ratcheted(plain[0], "livekit", slow);
  const Stream again = ratcheted(plain[0], "livekit", slow);
  std::copy(again.frames.begin(), again.frames.begin() + 20, video.frames.begin() + 20);
  Stream video_plain = plain[0];
  std::copy(plain[0].frames.begin(), plain[0].frames.begin() + 20, video_plain.frames.begin() + 20);
  for (std::size_t i = 20; i < 40; ++i)
    video.frames[i].ns = video_plain.frames[i].ns = plain[0].frames[i].ns;
  const Stream audio = ratcheted(plain[1], "livekit", [](std::size_t i) { return i % 3 == 0; });
  write_recording(in(), seal, {video, audio});
  const Outcome run = unseal({in(), "-k", key_file(folder, 1, 0), "--json"});
  EXPECT_EQ(run.status, 0) << run.err << run.out;
  expect_same(read_recording(folder.file("alice.open.webm")), {video_plain, plain[1]});
}

// Anyone on the way can put frames in, and name any key.
TEST_F(UnsealKeys, IsNotKeptFromItsWorkByKeysThatCannotBe) {
  constexpr unsigned kInjected = 4200;
  const std::vector<Stream> plain{opus()};
  seal.scheme = "sframe";
  seal.sframe_kid_map = "plain";
  Stream stream = encrypt(plain[0], raw_provider(1, 7), {.scheme = "sframe", .sframe_kid = 7});
  for (unsigned i = 0; i < kInjected; ++i) {
    const unsigned kid = 256 + i;
    Frame frame{Bytes(40, 0x55), stream.frames.back().ns + 1'000'000};
    frame.bytes[0] = 0x90;  // a KID of two bytes, counter 0
    frame.bytes[1] = static_cast<guint8>(kid >> 8);
    frame.bytes[2] = static_cast<guint8>(kid);
    stream.frames.push_back(std::move(frame));
  }
  write_recording(in(), seal, {stream});
  const Outcome run = unseal({in(), "-k", key_file(folder, 1, 7), "--json"});
  EXPECT_EQ(run.status, 3) << run.err;
  ASSERT_EQ(run.tracks.size(), 1u);
  EXPECT_EQ(run.tracks[0].opened, 60);
  EXPECT_EQ(run.tracks[0].impossible_key, kInjected);
  EXPECT_EQ(run.tracks[0].no_key, 0);
  expect_same(read_recording(folder.file("alice.open.webm")), plain);
}

// Another key of the same index opens no more of the old one's frames.
TEST_F(UnsealKeys, FindsSharedKeysThatTookThePlaceOfAnother) {
  const std::vector<Stream> plain{vp8()};
  const Provider keys = raw_provider(1);
  const auto change = [&](std::size_t i) {
    if (i == 15 || i == 30)
      set_raw(keys, static_cast<guint8>(1 + i), 0);
  };
  write_recording(in(), seal, {encrypt(plain[0], keys, {.before = change})});
  const std::string first = key_file(folder, 1, 0), second = key_file(folder, 16, 0),
                    third = key_file(folder, 31, 0);
  Outcome run = unseal({in(), "-k", first, "-k", second, "-k", third, "--json"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.keys, 3u);
  expect_same(read_recording(folder.file("alice.open.webm")), plain);
  run = unseal({in(), "-k", first, "-k", third, "--json", "-o", folder.file("gap.webm")});
  EXPECT_EQ(run.status, 3);
  EXPECT_EQ(run.tracks[0].opened, 25);
  EXPECT_EQ(run.tracks[0].no_match, 15);
}

}  // namespace

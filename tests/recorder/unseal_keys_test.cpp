// SPDX-License-Identifier: LGPL-2.1-or-later
// Keys of long meetings: indices that repeat, ratchets, keys that are missing; frames that have
// none; what the metadata says wrongly.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>

#include "sealed.h"

namespace test = e2ee::test;

namespace {

using namespace sealed;
using recorder::Seal;
using test::empty_provider;
using test::raw_provider;
using test::set_raw;

class UnsealKeys : public testing::Test {
 protected:
  void SetUp() override { seal.identity = "alice"; }
  std::string in() const { return folder / "alice.mkv"; }

  // keys.ini of alice with the keys of rotation `first` to the last before `end`, 16 to a ring.
  std::string keys_file(unsigned first, unsigned end) {
    std::string text = "[alice]\n";
    for (unsigned i = first; i < end; ++i) {
      text += "key." + std::to_string(i % 16) + "=";
      text += test::to_hex(Bytes(32, static_cast<guint8>(i + 1)));
      text += "\n";
    }
    const std::string name = "keys-" + std::to_string(first) + ".ini";
    test::write_file(folder / name, text);
    return folder / name;
  }

  Folder folder;
  Seal seal;
};

// Sixty keys, a new one with each frame of the tone.
Stream rotated(const Stream &plain) {
  const Provider keys = test::new_ring();
  const auto set = [&](std::size_t i) {
    const auto index = static_cast<guint>(i % 16);
    test::set_key(keys, "alice", static_cast<guint8>(i + 1), index);
    test::set_current(keys, "alice", index);
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
    std::vector<std::string> arguments{in(), "--json", "-o", folder / out, "--max-ratchet", "2"};
    for (const std::string &file : order) {
      arguments.push_back("--keys-file");
      arguments.push_back(file);
    }
    return unseal(arguments);
  };
  Outcome run = run_with(files, "ordered.webm");
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.keys, 60u);
  expect_same(read_recording(folder / "ordered.webm"), plain);
  std::vector<std::string> reversed(files.rbegin(), files.rend());
  std::swap(reversed[0], reversed[2]);
  run = run_with(reversed, "shuffled.webm");
  EXPECT_EQ(run.status, 0) << run.err;
  expect_same(read_recording(folder / "shuffled.webm"), plain);

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
  write_recording(folder / "nobody.mkv", nobody, {rotated(opus())});
  run = unseal({folder / "nobody.mkv", "--keys-file", file});
  EXPECT_EQ(run.status, 2);
  EXPECT_NE(run.err.find("--participant"), std::string::npos) << run.err;
  run = unseal(
      {folder / "nobody.mkv", "--keys-file", file, "--participant", "alice", "--max-ratchet", "2"});
  EXPECT_EQ(run.status, 3) << run.err;
}

// Neither Jitsi's frames nor its keys have such an index.
TEST_F(UnsealKeys, NamesAKeyThatTheSchemeDoesNotHave) {
  seal.scheme = "jitsi";
  Stream stream = encrypt(opus(), raw_provider(1), {.scheme = "jitsi"});
  for (Frame &frame : stream.frames)
    frame.bytes.back() = 20;  // the key index
  write_recording(in(), seal, {stream});
  const Outcome run = unseal({in(), "-k", key_file(folder, 1, 20) + ",keyring-size=256"});
  EXPECT_EQ(run.status, 1);
  EXPECT_NE(run.err.find("key 20 cannot be used: the scheme jitsi has key indices below 16"),
            std::string::npos)
      << run.err;
}

// ---- ratchets -----------------------------------------------------------------------------------

// The key steps before the frames that `steps` says, so many times.
Stream ratcheted(const Stream &plain, const char *scheme,
                 const std::function<unsigned(std::size_t)> &steps) {
  const Provider keys = raw_provider(1);
  const auto before = [&](std::size_t i) {
    for (unsigned step = 0; step < steps(i); ++step)
      EXPECT_TRUE(gst_e2ee_shared_key_provider_ratchet(test::shared(keys), 0, nullptr));
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
  expect_same(read_recording(folder / "alice.open.webm"), plain);
}

INSTANTIATE_TEST_SUITE_P(All, UnsealRatchet, testing::Values("livekit", "jitsi", "sframe"),
                         [](const auto &item) { return std::string(item.param); });

TEST_F(UnsealKeys, LeapsAsFarAsItIsTold) {
  const std::vector<Stream> plain{opus()};
  const auto leap = [](std::size_t i) { return i == 30 ? 70u : 0u; };
  write_recording(in(), seal, {ratcheted(plain[0], "livekit", leap)});
  const std::string key = key_file(folder, 1, 0);
  Outcome run = unseal({in(), "-k", key, "--json", "-o", folder / "64.webm"});
  EXPECT_EQ(run.status, 3);
  EXPECT_EQ(run.tracks[0].opened, 30);
  run = unseal({in(), "-k", key, "--json", "-o", folder / "70.webm", "--max-ratchet", "70"});
  EXPECT_EQ(run.status, 0) << run.err;
  expect_same(read_recording(folder / "70.webm"), plain);
}

TEST_F(UnsealKeys, DerivesNothingNewForDamagedFrames) {
  const Stream plain = opus();
  const auto derived_with = [&](std::size_t damaged, const std::string &name) {
    Stream broken = encrypt(plain, raw_provider(1));
    for (std::size_t i = 0; i < damaged; ++i)
      broken.frames[10 + i].bytes[2] ^= 1;
    write_recording(folder / name, seal, {broken});
    const Outcome run = unseal({folder / name, "-k", key_file(folder, 1, 0), "--json"});
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
  expect_same(read_recording(folder / "alice.open.webm"), {video_plain, plain[1]});
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
  expect_same(read_recording(folder / "alice.open.webm"), plain);
}

// SFrame counts from the beginning with each key, so that IVs repeat under one index.
TEST_F(UnsealKeys, DoesNotTakeKeysThatAreNotThereForABrokenSender) {
  seal.scheme = "sframe";
  seal.sframe_kid_map = "plain";
  const Stream plain = opus();
  const auto with = [&](guint8 fill, guint kid) {
    return encrypt(plain, raw_provider(fill, kid), {.scheme = "sframe", .sframe_kid = kid});
  };
  Stream stream = with(1, 7);
  std::int64_t time = stream.frames.back().ns;
  for (const Stream &other : {with(2, 8), with(3, 8)}) {
    for (const Frame &frame : other.frames)
      stream.frames.push_back({frame.bytes, time += 20'000'000});
  }
  stream.frames.push_back({stream.frames[70].bytes, time += 20'000'000});
  write_recording(in(), seal, {stream});
  Outcome run = unseal({in(), "-k", key_file(folder, 1, 7), "--json"});
  EXPECT_EQ(run.status, 3) << run.err;
  ASSERT_EQ(run.tracks.size(), 1u);
  EXPECT_EQ(run.tracks[0].opened, 60);
  EXPECT_EQ(run.tracks[0].no_key, 121);
  EXPECT_EQ(run.reused, 0);
  EXPECT_EQ(run.replayed, 1);
  // With keys that open none of them it is the same.
  run = unseal({in(), "-k", key_file(folder, 1, 7), "-k", key_file(folder, 9, 8), "--json", "-o",
                folder / "2.webm"});
  EXPECT_EQ(run.tracks[0].no_match, 121);
  EXPECT_EQ(run.reused, 0);
}

// ---- frames that have none ----------------------------------------------------------------------

Bytes from_server(Bytes payload) {
  for (const char c : std::string("LKROCKS"))
    payload.push_back(static_cast<guint8>(c));
  return payload;
}

class UnsealServerFrames : public UnsealKeys, public testing::WithParamInterface<const char *> {};

TEST_P(UnsealServerFrames, PassAsTheUserSays) {
  const std::string mode = GetParam();
  seal.scheme = "realtimekit";
  Bytes silence(80);  // as LiveKit's server makes it
  silence[0] = 0xf8, silence[1] = 0xff, silence[2] = 0xfe;
  const Bytes other = {0xf8, 1, 2, 3};
  Stream plain = opus(), sealed = encrypt(plain, raw_provider(1), {.scheme = "realtimekit"});
  std::int64_t time = plain.frames.back().ns;
  for (const Bytes &payload : {silence, other}) {
    time += 20'000'000;
    sealed.frames.push_back({from_server(payload), time});
    if (mode == "pass" || (mode == "known" && payload == silence))
      plain.frames.push_back({payload, time});
  }
  write_recording(in(), seal, {sealed});
  std::vector<std::string> arguments{in(), "-k", key_file(folder, 1, 0), "--json"};
  if (mode != "default")
    arguments.insert(arguments.end(), {"--server-frames", mode});
  const Outcome run = unseal(arguments);
  EXPECT_EQ(run.status, 0) << run.err << run.out;
  ASSERT_EQ(run.tracks.size(), 1u);
  EXPECT_EQ(run.tracks[0].opened, 60);
  EXPECT_EQ(run.tracks[0].written, static_cast<std::int64_t>(plain.frames.size()));
  EXPECT_NE(run.out.find("\"server-frames\":2"), std::string::npos) << run.out;
  expect_same(read_recording(folder / "alice.open.webm"), {plain});
}

INSTANTIATE_TEST_SUITE_P(All, UnsealServerFrames,
                         testing::Values("default", "drop", "known", "pass"),
                         [](const auto &item) { return std::string(item.param); });

// Who was muted all the time; but those of the server do not stand in for keys that fit.
TEST_F(UnsealKeys, TakesFramesOfTheServerAlone) {
  seal.scheme = "realtimekit";
  const Stream plain = opus();
  Stream sealed{plain.caps, {{from_server({0xf8, 1, 2, 3}), 0}}};
  write_recording(in(), seal, {sealed});
  const std::string key = key_file(folder, 1, 0);
  EXPECT_EQ(unseal({in(), "-k", key}).status, 1);
  const Outcome run = unseal({in(), "-k", key, "--server-frames", "pass"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_NE(run.out.find("proven by no key"), std::string::npos) << run.out;
  sealed.frames.push_back(
      {encrypt(plain, raw_provider(2), {.scheme = "realtimekit"}).frames[0].bytes, 20'000'000});
  write_recording(folder / "other.mkv", seal, {sealed});
  EXPECT_EQ(unseal({folder / "other.mkv", "-k", key, "--server-frames", "pass"}).status, 1);
}

// ---- what the metadata says wrongly -------------------------------------------------------------

// Seconds of Unix time.
std::optional<std::int64_t> date_of(const std::string &path) {
  constexpr std::int64_t kUnixTimeOf2001 = 978307200;
  std::ifstream file(path, std::ios::binary);
  const Bytes bytes{std::istreambuf_iterator<char>(file), {}};
  const Bytes id{0x44, 0x61, 0x88};  // DateUTC, eight bytes
  const auto found = std::search(bytes.begin(), bytes.end(), id.begin(), id.end());
  if (bytes.end() - found < 11)
    return {};
  std::uint64_t value = 0;
  for (auto byte = found + 3; byte != found + 11; ++byte)
    value = value << 8 | *byte;
  return static_cast<std::int64_t>(value) / 1'000'000'000 + kUnixTimeOf2001;
}

TEST_F(UnsealKeys, TakesTimesThatCannotBeForUnknown) {
  const Stream sealed = encrypt(opus(), raw_provider(1));
  const std::string key = key_file(folder, 1, 0);
  constexpr std::int64_t kMinute = 60;
  for (const std::string started :
       {"2026-01-02T03:04:05Z", "2199-12-31T23:59:59Z", "9999-12-31T23:59:59Z",
        "2500-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "soon"}) {
    SCOPED_TRACE(started);
    seal.started = started;
    const std::string name = folder / started;
    write_recording(name + ".mkv", seal, {sealed});
    const Outcome run = unseal({name + ".mkv", "-k", key, "-o", name + ".webm"});
    ASSERT_EQ(run.status, 0) << run.err;
    const auto date = date_of(name + ".webm");
    ASSERT_TRUE(date);
    if (started.starts_with("2026"))
      EXPECT_EQ(*date, 1767323045);
    else if (started.starts_with("2199"))
      EXPECT_EQ(*date, 7258118399);
    else
      EXPECT_LT(std::abs(*date - g_get_real_time() / G_USEC_PER_SEC), kMinute);
  }
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
  expect_same(read_recording(folder / "alice.open.webm"), plain);
  run = unseal({in(), "-k", first, "-k", third, "--json", "-o", folder / "gap.webm"});
  EXPECT_EQ(run.status, 3);
  EXPECT_EQ(run.tracks[0].opened, 25);
  EXPECT_EQ(run.tracks[0].no_match, 15);
}

}  // namespace

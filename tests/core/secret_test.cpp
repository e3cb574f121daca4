/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/secret.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "helpers.h"

namespace e2ee::test {

namespace {

// Looks for bytes in all writable memory of this process. It holds them masked, or it would find
// itself, and reads through a mapping of its own, which it leaves out.
class MemoryScan {
 public:
  explicit MemoryScan(ByteView wanted) {
    for (std::uint8_t byte : wanted)
      masked_.push_back(byte ^ kMask);
    void *p = mmap(nullptr, kWindow, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED)
      window_ = static_cast<std::uint8_t *>(p);
  }
  ~MemoryScan() { munmap(window_, kWindow); }
  MemoryScan(const MemoryScan &) = delete;
  MemoryScan &operator=(const MemoryScan &) = delete;

  // How often the bytes are there; -1 when memory cannot be read.
  int hits() const {
    const int fd = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    std::ifstream maps("/proc/self/maps");
    if (window_ == nullptr || fd < 0 || !maps)
      return -1;
    int found = 0;
    for (std::string line; std::getline(maps, line);) {
      std::uint64_t from = 0;
      std::uint64_t to = 0;
      char flags[5] = {};
      if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %4s", &from, &to, flags) == 3 &&
          flags[1] == 'w' && to - from <= kLargest && !holds_window(from, to))
        found += hits_between(fd, from, to);
    }
    close(fd);
    return found;
  }

 private:
  static constexpr std::uint8_t kMask = 0x5c;
  static constexpr std::size_t kWindow = 1 << 20;
  // Sanitizers' shadow memory is larger than this by far, and the arena smaller.
  static constexpr std::uint64_t kLargest = std::uint64_t{256} << 20;

  bool holds_window(std::uint64_t from, std::uint64_t to) const {
    const auto at = reinterpret_cast<std::uintptr_t>(window_);
    return at + kWindow > from && at < to;
  }

  int hits_between(int fd, std::uint64_t from, std::uint64_t to) const {
    int found = 0;
    const std::size_t step = kWindow - masked_.size() + 1;
    for (std::uint64_t at = from; at < to; at += step) {
      const ssize_t size =
          pread(fd, window_, std::min<std::uint64_t>(kWindow, to - at), static_cast<off_t>(at));
      if (size <= 0)
        break;
      found += hits_in({window_, static_cast<std::size_t>(size)});
    }
    cleanse({window_, kWindow});
    return found;
  }

  int hits_in(ByteView view) const {
    int found = 0;
    const std::uint8_t first = masked_[0] ^ kMask;
    // memchr(), since there are megabytes to go through.
    while (!view.empty()) {
      const auto *at =
          static_cast<const std::uint8_t *>(std::memchr(view.data(), first, view.size()));
      if (at == nullptr)
        break;
      view = view.subspan(static_cast<std::size_t>(at - view.data()));
      found += starts_here(view) ? 1 : 0;
      view = view.subspan(1);
    }
    return found;
  }

  bool starts_here(ByteView view) const {
    if (view.size() < masked_.size())
      return false;
    for (std::size_t i = 0; i < masked_.size(); ++i) {
      if (view[i] != (masked_[i] ^ kMask))
        return false;
    }
    return true;
  }

  Bytes masked_;
  std::uint8_t *window_ = nullptr;
};

// A field of the mapping that `p` is in, from /proc/self/smaps: kilobytes, or the flags.
std::string smaps_field(const void *p, const std::string &field) {
  std::ifstream smaps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " ", &from, &to) == 2)
      inside = reinterpret_cast<std::uintptr_t>(p) - from < to - from;
    else if (inside && line.starts_with(field + ":"))
      return line.substr(field.size() + 1) + " ";
  }
  return {};
}

bool has_flag(const void *p, const char *flag) {
  return smaps_field(p, "VmFlags").find(std::string(" ") + flag + " ") != std::string::npos;
}

// Sanitizers make mlock() do nothing and say that it worked.
bool locking_works_here() {
  const std::size_t size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void *p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED)
    return false;
  const bool works = mlock(p, size) == 0 && has_flag(p, "lo");
  munmap(p, size);
  return works;
}

}  // namespace

TEST(Secret, HoldsACopy) {
  Bytes bytes = noise(32);
  const Secret secret{ByteView(bytes)};
  const Bytes before = bytes;
  bytes[0] ^= 1;
  EXPECT_EQ(bytes_from(secret.view()), before);
  EXPECT_FALSE(secret.empty());
}

TEST(Secret, EmptyOnes) {
  EXPECT_TRUE(Secret().empty());
  EXPECT_TRUE(Secret(std::size_t{0}).empty());
  EXPECT_TRUE(Secret(ByteView{}).clone().empty());
  Secret secret;
  secret.reset();
  EXPECT_TRUE(secret.span().empty());
}

TEST(Secret, StartsZeroedWhereAnotherWas) {
  const std::uint8_t *was = nullptr;
  {
    Secret first(Bytes(64, 0xee));
    was = first.view().data();
  }
  const Secret second(64);
  // Without this the test would say nothing of reuse.
  ASSERT_EQ(second.view().data(), was) << "the arena does not use a slot again";
  EXPECT_EQ(bytes_from(second.view()), Bytes(64, 0));
}

TEST(Secret, MovesAndLeavesNothing) {
  const Bytes bytes = noise(40);
  Secret a{ByteView(bytes)};
  Secret b(std::move(a));
  EXPECT_TRUE(a.empty());  // NOLINT: that it is empty is what is tested
  EXPECT_EQ(bytes_from(b.view()), bytes);
  Secret c(noise(16, 2));
  c = std::move(b);
  EXPECT_TRUE(b.empty());  // NOLINT
  EXPECT_EQ(bytes_from(c.view()), bytes);
  Secret &same = c;
  c = std::move(same);
  EXPECT_EQ(bytes_from(c.view()), bytes);
}

TEST(Secret, IsCleansedWhenReleased) {
  // Another one keeps the region mapped, so that the memory can be looked at afterwards.
  const Secret keeper(std::size_t{16});
  Secret secret(Bytes(48, 0x77));
  const std::uint8_t *memory = secret.view().data();
  ASSERT_EQ(memory[47], 0x77);
  secret.reset();
  EXPECT_TRUE(secret.empty());
  EXPECT_TRUE(std::all_of(memory, memory + 48, [](std::uint8_t byte) { return byte == 0; }));
}

TEST(Secret, ReplacedOneIsCleansed) {
  Secret secret(Bytes(48, 0x77));
  const std::uint8_t *memory = secret.view().data();
  secret = Secret(Bytes(48, 0x78));
  EXPECT_TRUE(std::all_of(memory, memory + 48, [](std::uint8_t byte) { return byte == 0; }));
}

TEST(Secret, ManyAtOnceDoNotMeet) {
  std::vector<Secret> secrets;
  for (unsigned i = 0; i < 2000; ++i)
    secrets.emplace_back(noise(1 + i % 300, i));
  for (unsigned i = 0; i < 2000; i += 3)
    secrets[i].reset();
  for (unsigned i = 0; i < 2000; i += 3)
    secrets[i] = Secret(noise(1 + (i * 7) % 500, i + 5000));
  for (unsigned i = 0; i < 2000; ++i) {
    const Bytes expected = i % 3 == 0 ? noise(1 + (i * 7) % 500, i + 5000) : noise(1 + i % 300, i);
    ASSERT_EQ(bytes_from(secrets[i].view()), expected) << i;
  }
}

TEST(Secret, AnySize) {
  for (std::size_t size :
       {1, 63, 64, 65, 4095, 4096, 8191, 8192, 8193, 16383, 16384, 16385, 20480, 100000, 1 << 20}) {
    const Bytes bytes = noise(size);
    const Secret big{ByteView(bytes)};
    const Secret beside(Bytes(64, 0xff));
    ASSERT_EQ(bytes_from(big.view()), bytes) << size;
    ASSERT_TRUE(has_flag(big.view().data(), "dd")) << size;
    ASSERT_TRUE(has_flag(big.view().data() + size - 1, "wf")) << size;
  }
}

TEST(Secret, MemoryIsNotDumpedAndNotInherited) {
  const Secret secret(noise(32));
  EXPECT_TRUE(has_flag(secret.view().data(), "dd")) << "would be in a core dump";
  EXPECT_TRUE(has_flag(secret.view().data(), "wf")) << "would be copied to a child";
}

TEST(Secret, MemoryIsLocked) {
  if (!locking_works_here())
    GTEST_SKIP() << "RLIMIT_MEMLOCK is too low, or a sanitizer is in the way";
  const Secret secret(noise(32));
  EXPECT_TRUE(memory_lock_failed() || has_flag(secret.view().data(), "lo"))
      << "could be swapped out";
}

TEST(Secret, SecretsOfAChildAreLockedToo) {
  if (!locking_works_here())
    GTEST_SKIP() << "RLIMIT_MEMLOCK is too low, or a sanitizer is in the way";
  const Secret secret(noise(32));
  EXPECT_TRUE(in_child([] {
    const Secret made(noise(32));
    return has_flag(made.view().data(), "lo") || memory_lock_failed();
  })) << "locks are not inherited: the child's secrets can be swapped out, and nobody is told";
}

TEST(Secret, AForkedChildSeesNothing) {
  const Secret small(noise(32));
  const Secret big(noise(40000));
  Secret writable(noise(16));
  EXPECT_TRUE(in_child([&] {
    const auto zero = [](std::uint8_t byte) { return byte == 0; };
    const ByteSpan raw = writable.span();
    return small.view().empty() && big.view().empty() && writable.view().empty() &&
           std::all_of(raw.begin(), raw.end(), zero);
  }));
  EXPECT_EQ(bytes_from(small.view()), noise(32));
  EXPECT_EQ(bytes_from(big.view()), noise(40000));
}

TEST(Secret, AForkedChildHasItsOwn) {
  Secret before(noise(32));
  EXPECT_TRUE(in_child([&] {
    Secret made(noise(32, 7));
    const Secret clone = before.clone();
    Secret moved(std::move(before));
    before.reset();
    return bytes_from(made.view()) == noise(32, 7) && clone.empty() && moved.empty();
  }));
  EXPECT_EQ(bytes_from(before.view()), noise(32)) << "what the child does is its own affair";
}

TEST(Secret, EachGenerationOfChildrenCounts) {
  const Secret made(std::size_t{16});
  const unsigned here = fork_generation();
  EXPECT_TRUE(in_child([here] {
    const unsigned child = fork_generation();
    return child != here && in_child([here, child] {
             return fork_generation() != child && fork_generation() != here;
           });
  }));
  EXPECT_EQ(fork_generation(), here);
}

// Threads take and give while others fork: neither side may hang, or find a broken arena.
TEST(Secret, ThreadsAndForks) {
  std::atomic<bool> stop{false};
  std::atomic<unsigned> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint8_t fill = 1; fill <= 3; ++fill) {
    threads.emplace_back([&, fill] {
      while (!stop) {
        const Secret a(Bytes(16 + fill, fill));
        const Secret b = a.clone();
        if (!equal_secret(a.view(), b.view()) || b.view()[0] != fill)
          ++wrong;
      }
    });
  }
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(in_child([] { return !Secret(std::size_t{32}).empty(); }));
  stop = true;
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0U);
}

TEST(Secret, Comparison) {
  const Bytes a = noise(32);
  Bytes b = a;
  EXPECT_TRUE(equal_secret(a, b));
  b.back() ^= 0x80;
  EXPECT_FALSE(equal_secret(a, b));
  EXPECT_FALSE(equal_secret(a, ByteView(a).first(31)));
  EXPECT_TRUE(equal_secret({}, {}));
}

TEST(SecretScan, NothingIsLeftOfAKeyThatWasUsed) {
  KeyRef key = raw_key(0x31, 0, 256);
  ASSERT_TRUE(key);
  const MemoryScan scan(key->secret.view());
  const MemoryScan scan_next(key->next.view());
  ASSERT_GE(scan.hits(), 1) << "the scan finds nothing where something is";
  ASSERT_GE(scan_next.hits(), 1);
  {
    Sealer sealer(livekit());
    Opener opener(livekit());
    const Sealed sealed = seal(sealer, key, opus(), FrameType::delta, noise(100));
    ASSERT_EQ(sealed.reason, Reason::ok);
    KeyRing ring = ring_of({key});
    ASSERT_EQ(open(opener, ring, opus(), sealed.frame, Place::apart).reason, Reason::ok);
  }
  key.reset();
  EXPECT_EQ(scan.hits(), 0) << "of the key";
  EXPECT_EQ(scan_next.hits(), 0) << "of the material of the next generation";
}

TEST(SecretScan, NothingIsLeftOfAPassphrase) {
  Material material;
  material.bytes = Secret(std::size_t{24});
  material.passphrase = true;
  // Written where it stays: a vector would leave its own copy on the heap.
  for (std::size_t i = 0; i < 24; ++i)
    material.bytes.span()[i] = static_cast<std::uint8_t>(i * 167 + 91);
  const MemoryScan scan(material.bytes.view());
  ASSERT_EQ(scan.hits(), 1);
  KeyRef key = derive_key(livekit(), material, "");
  ASSERT_TRUE(key);
  Material clone = material.clone();
  EXPECT_EQ(scan.hits(), 2) << "deriving has left a copy, or cloning has made none";
  key.reset();
  clone = Material();
  EXPECT_EQ(scan.hits(), 1);
  material = Material();
  EXPECT_EQ(scan.hits(), 0);
}

// A schedule begins with the key. OpenSSL keeps its own in ordinary memory.
TEST(Secret, R8_KeySchedulesOfIpsecMbAreSecretsToo) {
  const AeadBackend *ipsec_mb = usable_backends().front();
  if (ipsec_mb->name != std::string("ipsec-mb"))
    GTEST_SKIP() << "no libipsec-mb";
  Bytes key = noise(16, 77);
  const MemoryScan scan(key);
  std::unique_ptr<Aead> aead = ipsec_mb->create(key, Direction::seal);
  ASSERT_TRUE(aead);
  cleanse(key);
  Bytes frame(2000);
  Bytes tag(kTagSize);
  ASSERT_TRUE(aead->seal(Iv{}, {}, frame, frame.data(), tag.data()));
  ASSERT_EQ(scan.hits(), 1) << "the schedule and nothing else";
  EXPECT_TRUE(in_child([&] { return scan.hits() == 0; })) << "in memory that a child inherits";
  aead.reset();
  EXPECT_EQ(scan.hits(), 0);
}

}  // namespace e2ee::test

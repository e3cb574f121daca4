/* SPDX-License-Identifier: LGPL-2.1-or-later */
// After a failure no memory that the element gives back holds anything decrypted.
#include <algorithm>
#include <cstring>
#include <functional>
#include <mutex>

#include "support/element.h"

// ---- an allocator that keeps what was in memory when it was freed -------------------------------

struct KeepingAllocator {
  GstAllocator parent;
};
struct KeepingAllocatorClass {
  GstAllocatorClass parent;
};

struct KeptMemory {
  GstMemory parent;
  guint8 *data;
};

static std::mutex freed_mutex;
static std::vector<e2ee::test::Bytes> freed;

G_DEFINE_TYPE(KeepingAllocator, keeping_allocator, GST_TYPE_ALLOCATOR)

static GstMemory *keeping_alloc(GstAllocator *allocator, gsize size, GstAllocationParams *params) {
  const gsize capacity = params->prefix + size + params->padding;
  auto *memory = g_new0(KeptMemory, 1);
  gst_memory_init(GST_MEMORY_CAST(memory), params->flags, allocator, nullptr, capacity, 0,
                  params->prefix, size);
  memory->data = static_cast<guint8 *>(g_malloc0(capacity + 1));
  return GST_MEMORY_CAST(memory);
}

static void keeping_free(GstAllocator *, GstMemory *base) {
  auto *memory = reinterpret_cast<KeptMemory *>(base);
  {
    std::lock_guard lock(freed_mutex);
    freed.emplace_back(memory->data, memory->data + base->maxsize);
  }
  g_free(memory->data);
  g_free(memory);
}

static void keeping_allocator_class_init(KeepingAllocatorClass *klass) {
  GST_ALLOCATOR_CLASS(klass)->alloc = keeping_alloc;
  GST_ALLOCATOR_CLASS(klass)->free = keeping_free;
}

static void keeping_allocator_init(KeepingAllocator *self) {
  GstAllocator *base = GST_ALLOCATOR_CAST(self);
  base->mem_type = "e2ee-test-kept";
  base->mem_map = [](GstMemory *memory, gsize, GstMapFlags) -> gpointer {
    return reinterpret_cast<KeptMemory *>(memory)->data;
  };
  base->mem_unmap = [](GstMemory *) {};
  GST_OBJECT_FLAG_SET(self, GST_ALLOCATOR_FLAG_CUSTOM_ALLOC);
}

namespace e2ee::test {
namespace {

// Default allocator of the process while it lives: where a buffer of several memories is mapped,
// GStreamer puts them together in memory of this allocator.
class KeepFreedMemory {
 public:
  KeepFreedMemory() : before_(gst_allocator_find(nullptr)) {
    freed.clear();
    auto *keeping =
        static_cast<GstAllocator *>(g_object_new(keeping_allocator_get_type(), nullptr));
    gst_object_ref_sink(keeping);
    gst_allocator_set_default(keeping);
  }
  ~KeepFreedMemory() { gst_allocator_set_default(before_); }

  Bytes all() const {
    std::lock_guard lock(freed_mutex);
    Bytes bytes;
    for (const Bytes &each : freed)
      bytes.insert(bytes.end(), each.begin(), each.end());
    return bytes;
  }

 private:
  GstAllocator *before_;
};

// How a sealed frame is spoilt so that decrypting it gives the whole plaintext, which only the tag
// gives away, or most of it.
struct Damage {
  const char *name;
  std::function<void(Bytes &)> apply;
};

void PrintTo(const Damage &damage, std::ostream *to) {
  *to << damage.name;
}

const Damage kDamages[] = {{"FlippedTag", [](Bytes &f) { f[f.size() - 20] ^= 1; }},
                           {"FlippedFirstTagBit", [](Bytes &f) { f[f.size() - 30] ^= 0x80; }},
                           {"FlippedCiphertext", [](Bytes &f) { f[f.size() - 31] ^= 1; }},
                           {"FlippedHeader", [](Bytes &f) { f[7] ^= 1; }}};

class Wipe : public testing::TestWithParam<Damage> {
 protected:
  void SetUp() override { decryptor.start(kVp8); }

  Bytes spoilt(const Bytes &plain) {
    Bytes frame = seal(provider, kVp8, plain);
    GetParam().apply(frame);
    return frame;
  }

  void drop(Buffer frame) {
    ASSERT_EQ(decryptor.push(std::move(frame)), GST_FLOW_OK);
    ASSERT_FALSE(decryptor.pull());
    ASSERT_EQ(decryptor.stat("dropped-auth"), 1U);
  }

  const Provider provider = raw_provider(0x41);
  const Bytes plain = vp8_key(3000, 77);
  const Bytes secret = Bytes(plain.begin() + 10, plain.end());
  Element decryptor{"e2eedecrypt", provider};
};

INSTANTIATE_TEST_SUITE_P(After, Wipe, testing::ValuesIn(kDamages),
                         [](const auto &test) { return std::string(test.param.name); });

TEST_P(Wipe, TheFramesOwnMemory) {
  Region region(spoilt(plain));
  drop(region.wrap());
  EXPECT_TRUE(region.released());
  EXPECT_FALSE(holds_any_of(region.bytes(), secret));
}

// The test would not see anything if decrypting went elsewhere.
TEST_P(Wipe, GoodFramesAreDecryptedInTheirOwnMemory) {
  Region region(seal(provider, kVp8, plain));
  ASSERT_EQ(decryptor.push(region.wrap()), GST_FLOW_OK);
  ASSERT_TRUE(decryptor.pull());
  EXPECT_TRUE(holds_any_of(region.bytes(), secret));
}

TEST_P(Wipe, MemoryThatIsHeldByOthers) {
  const Bytes frame = spoilt(plain);
  Region region(frame);
  const Buffer held = region.wrap();
  drop(Buffer(gst_buffer_copy(held.get())));
  EXPECT_EQ(region.bytes(), frame);
}

TEST_P(Wipe, SeveralMemories) {
  const Bytes frame = spoilt(plain);
  KeepFreedMemory kept;
  GstBuffer *buffer = gst_buffer_new();
  for (gsize part : {gsize{100}, gsize{1000}, frame.size() - 1100})
    gst_buffer_append_memory(buffer, gst_allocator_alloc(nullptr, part, nullptr));
  gst_buffer_fill(buffer, 0, frame.data(), frame.size());
  drop(Buffer(buffer));
  const Bytes all = kept.all();
  EXPECT_GE(all.size(), 2 * frame.size()) << "parts and whole";
  EXPECT_FALSE(holds_any_of(all, secret));
}

// Neither decrypted nor wiped where it lies. WipeBlocks looks at where it was decrypted.
TEST_P(Wipe, ReadOnlyMemory) {
  const Bytes frame = spoilt(plain);
  Region region(frame);
  drop(region.wrap(frame.size(), GST_MEMORY_FLAG_READONLY));
  EXPECT_EQ(region.bytes(), frame);
}

// ---- blocks that are used again -----------------------------------------------------------------

// Frames of two sizes that go into blocks of the same size, the second one smaller.
struct Sizes {
  gsize first, second;
};
void PrintTo(const Sizes &sizes, std::ostream *to) {
  *to << sizes.first << " and " << sizes.second;
}

class WipeBlocks : public testing::TestWithParam<Sizes> {
 protected:
  void SetUp() override { decryptor.start(kVp8); }

  // A frame that others hold is not decrypted where it lies.
  Buffer push_held(const Bytes &frame) {
    const Buffer held = buffer_of(frame);
    EXPECT_EQ(decryptor.push(Buffer(gst_buffer_ref(held.get()))), GST_FLOW_OK);
    return decryptor.pull();
  }

  // All of the block that the next frame gets.
  Bytes next_block() {
    const Bytes small = vp8_key(GetParam().second, 79);
    const Buffer opened = push_held(seal(provider, kVp8, small));
    EXPECT_TRUE(opened);
    if (!opened)
      return {};
    EXPECT_EQ(bytes_of(opened.get()), small);
    GstMemory *memory = gst_buffer_peek_memory(opened.get(), 0);
    EXPECT_GE(memory->maxsize, big.size()) << "another block: the test shows nothing";
    gst_memory_resize(memory, 0, big.size());
    return bytes_of(opened.get());
  }

  const Provider provider = raw_provider(0x41);
  const Bytes big = vp8_key(GetParam().first, 78);
  const Bytes secret = Bytes(big.begin() + 10, big.end());
  Element decryptor{"e2eedecrypt", provider};
};

INSTANTIATE_TEST_SUITE_P(OfSizes, WipeBlocks,
                         testing::Values(Sizes{800, 600}, Sizes{3500, 2000}, Sizes{200000, 140000}),
                         [](const auto &test) { return std::to_string(test.param.first); });

TEST_P(WipeBlocks, NothingIsLeftOfAFrameThatDidNotVerify) {
  ASSERT_TRUE(push_held(seal(provider, kVp8, vp8_key(GetParam().first, 80))));
  for (const Damage &damage : kDamages) {
    SCOPED_TRACE(damage.name);
    Bytes frame = seal(provider, kVp8, big);
    damage.apply(frame);
    ASSERT_FALSE(push_held(frame));
    EXPECT_FALSE(holds_any_of(next_block(), secret));
  }
}

TEST_P(WipeBlocks, NothingIsLeftOfAFrameThatWasDecrypted) {
  ASSERT_TRUE(push_held(seal(provider, kVp8, big)));
  EXPECT_FALSE(holds_any_of(next_block(), secret));
}

TEST_P(WipeBlocks, NothingIsLeftOfAFrameThatWasDecryptedInItsEncryptorsMemory) {
  Element encryptor{"e2eeencrypt", provider};
  encryptor.start(kVp8);
  Region region(big);  // has no room for more
  ASSERT_EQ(encryptor.push(region.wrap()), GST_FLOW_OK);
  ASSERT_EQ(decryptor.push(encryptor.pull()), GST_FLOW_OK);
  ASSERT_TRUE(bytes_of(decryptor.pull().get()) == big);
  EXPECT_FALSE(holds_any_of(next_block(), secret));
}

}  // namespace
}  // namespace e2ee::test

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What happens to a frame's buffer beside its bytes: flags, times, metas, memory.
#include <algorithm>

#include "support/element.h"

namespace e2ee::test {
namespace {

constexpr char kOurMeta[] = "E2eeTestMeta";

class Buffers : public testing::Test {
 protected:
  void SetUp() override {
    static const gchar *no_tags[] = {nullptr};
    if (gst_meta_get_info(kOurMeta) == nullptr)
      gst_meta_register_custom(kOurMeta, no_tags, nullptr, nullptr, nullptr);
    GstPlugin *vpx = gst_plugin_load_by_name("vpx");  // registers GstVP8Meta
    ASSERT_NE(vpx, nullptr);
    gst_object_unref(vpx);
    encryptor.start(kVp8);
    decryptor.start(kVp8);
  }

  Buffer sealed_of(Buffer frame) {
    EXPECT_EQ(encryptor.push(std::move(frame)), GST_FLOW_OK);
    Buffer sealed = encryptor.pull();
    EXPECT_TRUE(sealed);
    return sealed;
  }
  Buffer opened_of(Buffer frame) {
    EXPECT_EQ(decryptor.push(std::move(frame)), GST_FLOW_OK);
    Buffer opened = decryptor.pull();
    EXPECT_TRUE(opened);
    return opened;
  }

  Provider provider = raw_provider(0x21);
  Element encryptor{"e2eeencrypt", provider};
  Element decryptor{"e2eedecrypt", provider};
  const Bytes plain = vp8_key(500);
};

Buffer decorated(const Bytes &bytes) {
  Buffer frame = buffer_of(bytes);
  GST_BUFFER_PTS(frame.get()) = 7 * GST_SECOND;
  GST_BUFFER_DTS(frame.get()) = 6 * GST_SECOND;
  GST_BUFFER_DURATION(frame.get()) = 33 * GST_MSECOND;
  GST_BUFFER_OFFSET(frame.get()) = 123;
  GST_BUFFER_OFFSET_END(frame.get()) = 124;
  GST_BUFFER_FLAG_SET(frame.get(), GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_MARKER |
                                       GST_BUFFER_FLAG_DROPPABLE | GST_BUFFER_FLAG_HEADER);
  return frame;
}

void expect_decorated(GstBuffer *frame) {
  EXPECT_EQ(GST_BUFFER_PTS(frame), 7 * GST_SECOND);
  EXPECT_EQ(GST_BUFFER_DTS(frame), 6 * GST_SECOND);
  EXPECT_EQ(GST_BUFFER_DURATION(frame), 33 * GST_MSECOND);
  EXPECT_EQ(GST_BUFFER_OFFSET(frame), 123U);
  EXPECT_EQ(GST_BUFFER_OFFSET_END(frame), 124U);
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_DISCONT));
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_MARKER));
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_DROPPABLE));
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_HEADER));
  EXPECT_FALSE(GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_DELTA_UNIT));
}

TEST_F(Buffers, FlagsAndTimesAreKept) {
  for (bool held : {false, true}) {
    Buffer frame = decorated(plain);
    const Buffer also(held ? gst_buffer_ref(frame.get()) : nullptr);
    Buffer sealed = sealed_of(std::move(frame));
    expect_decorated(sealed.get());
    const Buffer sealed_also(held ? gst_buffer_ref(sealed.get()) : nullptr);
    expect_decorated(opened_of(std::move(sealed)).get());
  }
}

TEST_F(Buffers, MetasAreKept) {
  const Caps unix_clock(gst_caps_new_empty_simple("timestamp/x-unix"));
  for (bool held : {false, true}) {
    Buffer frame = buffer_of(plain);
    GstCustomMeta *ours = gst_buffer_add_custom_meta(frame.get(), kOurMeta);
    gst_structure_set(gst_custom_meta_get_structure(ours), "number", G_TYPE_INT, 42, nullptr);
    gst_buffer_add_reference_timestamp_meta(frame.get(), unix_clock.get(), 99 * GST_SECOND,
                                            GST_CLOCK_TIME_NONE);
    const Buffer also(held ? gst_buffer_ref(frame.get()) : nullptr);
    Buffer sealed = sealed_of(std::move(frame));
    const Buffer sealed_also(held ? gst_buffer_ref(sealed.get()) : nullptr);
    const Buffer opened = opened_of(std::move(sealed));
    ours = gst_buffer_get_custom_meta(opened.get(), kOurMeta);
    ASSERT_NE(ours, nullptr);
    gint number = 0;
    EXPECT_TRUE(gst_structure_get_int(gst_custom_meta_get_structure(ours), "number", &number));
    EXPECT_EQ(number, 42);
    const GstReferenceTimestampMeta *time =
        gst_buffer_get_reference_timestamp_meta(opened.get(), unix_clock.get());
    ASSERT_NE(time, nullptr);
    EXPECT_EQ(time->timestamp, 99 * GST_SECOND);
    EXPECT_EQ(bytes_of(opened.get()), plain);
  }
}

TEST_F(Buffers, Vp8MetaIsKeptAndGivesTheLayers) {
  Buffer frame = buffer_of(vp8_delta(200));
  GST_BUFFER_FLAG_SET(frame.get(), GST_BUFFER_FLAG_DELTA_UNIT);
  GstCustomMeta *vp8 = gst_buffer_add_custom_meta(frame.get(), "GstVP8Meta");
  gst_structure_set(gst_custom_meta_get_structure(vp8), "use-temporal-scaling", G_TYPE_BOOLEAN,
                    TRUE, "layer-id", G_TYPE_UINT, 2, "layer-sync", G_TYPE_BOOLEAN, TRUE, nullptr);
  const Buffer sealed = sealed_of(std::move(frame));
  EXPECT_NE(gst_buffer_get_custom_meta(sealed.get(), "GstVP8Meta"), nullptr);
  const GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(sealed.get());
  ASSERT_NE(meta, nullptr);
  EXPECT_TRUE(meta->has_layers);
  EXPECT_EQ(meta->temporal_layer, 2U);
  EXPECT_TRUE(meta->layer_sync);
  EXPECT_FALSE(meta->keyframe);
}

TEST_F(Buffers, FrameMetaSurvivesACopy) {
  const Buffer sealed = sealed_of(buffer_of(plain));
  const Buffer copy(gst_buffer_copy_deep(sealed.get()));
  const GstE2EEFrameMeta *meta = gst_e2ee_buffer_get_frame_meta(copy.get());
  ASSERT_NE(meta, nullptr);
  EXPECT_TRUE(meta->keyframe);
  EXPECT_EQ(meta->width, 320U);
  EXPECT_EQ(meta->height, 240U);
}

TEST_F(Buffers, ABufferThatOthersHoldStaysAsItIs) {
  Region region(plain);
  Buffer frame = region.wrap();
  const Buffer held(gst_buffer_ref(frame.get()));
  Buffer sealed = sealed_of(std::move(frame));
  EXPECT_EQ(region.bytes(), plain);
  EXPECT_EQ(bytes_of(held.get()), plain);
  EXPECT_EQ(gst_e2ee_buffer_get_frame_meta(held.get()), nullptr);

  const Bytes cipher = bytes_of(sealed.get());
  const Buffer sealed_held(gst_buffer_ref(sealed.get()));
  EXPECT_EQ(bytes_of(opened_of(std::move(sealed)).get()), plain);
  EXPECT_EQ(bytes_of(sealed_held.get()), cipher);
}

// As tee and a payloader's retransmission leave it: the buffer is ours, its memory is not.
TEST_F(Buffers, MemoryThatAnotherBufferHasStaysAsItIs) {
  Region region(plain);
  const Buffer first = region.wrap();
  Buffer sealed = sealed_of(Buffer(gst_buffer_copy(first.get())));
  EXPECT_EQ(region.bytes(), plain);

  const Bytes cipher = bytes_of(sealed.get());
  Region sealed_region(cipher);
  const Buffer second = sealed_region.wrap();
  EXPECT_EQ(bytes_of(opened_of(Buffer(gst_buffer_copy(second.get()))).get()), plain);
  EXPECT_EQ(sealed_region.bytes(), cipher);
}

TEST_F(Buffers, ReadOnlyMemoryStaysAsItIs) {
  Region region(plain);
  Buffer sealed = sealed_of(region.wrap(plain.size(), GST_MEMORY_FLAG_READONLY));
  EXPECT_EQ(region.bytes(), plain);
  Region sealed_region(bytes_of(sealed.get()));
  const Bytes cipher = sealed_region.bytes();
  EXPECT_EQ(bytes_of(opened_of(sealed_region.wrap(cipher.size(), GST_MEMORY_FLAG_READONLY)).get()),
            plain);
  EXPECT_EQ(sealed_region.bytes(), cipher);
}

TEST_F(Buffers, SlackBehindTheFrameIsUsed) {
  Bytes bytes = plain;
  bytes.resize(plain.size() + kOverhead, 0xee);
  Region region(bytes);
  Buffer sealed = sealed_of(region.wrap(plain.size()));
  EXPECT_EQ(gst_buffer_get_size(sealed.get()), plain.size() + kOverhead);
  EXPECT_EQ(bytes_of(sealed.get()), region.bytes()) << "encrypted somewhere else";
  EXPECT_EQ(bytes_of(opened_of(std::move(sealed)).get()), plain);
}

TEST_F(Buffers, LittleSlackIsNotOverrun) {
  Bytes bytes = plain;
  bytes.resize(plain.size() + kOverhead - 1, 0xee);
  Region region(bytes);
  Buffer sealed = sealed_of(region.wrap(plain.size()));
  EXPECT_EQ(region.bytes(), bytes);
  EXPECT_EQ(bytes_of(opened_of(std::move(sealed)).get()), plain);
}

// The room around a part of a larger memory belongs to the part's neighbours.
TEST_F(Buffers, APartOfALargerMemoryLeavesItsNeighboursAlone) {
  const Bytes before = noise(300, 8), behind = noise(300, 9);
  Bytes bytes = before;
  bytes.insert(bytes.end(), plain.begin(), plain.end());
  bytes.insert(bytes.end(), behind.begin(), behind.end());
  const auto part_of = [&](GstBuffer *whole, gsize size) {
    return Buffer(gst_buffer_copy_region(whole, GST_BUFFER_COPY_MEMORY, before.size(), size));
  };
  for (const bool whole_goes : {false, true}) {
    Region region(bytes);
    Buffer whole = region.wrap();
    Buffer part = part_of(whole.get(), plain.size());
    if (whole_goes)
      whole.reset();
    const Bytes cipher = bytes_of(sealed_of(std::move(part)).get());
    EXPECT_EQ(region.bytes(), bytes);

    Bytes sealed = before;
    sealed.insert(sealed.end(), cipher.begin(), cipher.end());
    sealed.insert(sealed.end(), behind.begin(), behind.end());
    Region sealed_region(sealed);
    const Buffer all = sealed_region.wrap();
    EXPECT_EQ(bytes_of(opened_of(part_of(all.get(), cipher.size())).get()), plain);
    EXPECT_EQ(sealed_region.bytes(), sealed);
  }
}

Buffer in_parts(const Bytes &bytes, std::initializer_list<gsize> cuts) {
  GstBuffer *buffer = gst_buffer_new();
  gsize from = 0;
  for (gsize to : cuts) {
    gst_buffer_append_memory(buffer, gst_allocator_alloc(nullptr, to - from, nullptr));
    from = to;
  }
  gst_buffer_append_memory(buffer, gst_allocator_alloc(nullptr, bytes.size() - from, nullptr));
  gst_buffer_fill(buffer, 0, bytes.data(), bytes.size());
  return Buffer(buffer);
}

TEST_F(Buffers, SeveralMemories) {
  for (bool held : {false, true}) {
    Buffer frame = in_parts(plain, {1, 5, 9, 11, 300});
    ASSERT_EQ(gst_buffer_n_memory(frame.get()), 6U);
    const Buffer also(held ? gst_buffer_ref(frame.get()) : nullptr);
    const Bytes cipher = bytes_of(sealed_of(std::move(frame)).get());
    EXPECT_TRUE(!also || bytes_of(also.get()) == plain);
    // The cuts go through header, ciphertext, tag, IV and trailer.
    const gsize size = cipher.size();
    Buffer sealed = in_parts(cipher, {2, 10, size - 20, size - 10, size - 2, size - 1});
    const Buffer sealed_also(held ? gst_buffer_ref(sealed.get()) : nullptr);
    EXPECT_EQ(bytes_of(opened_of(std::move(sealed)).get()), plain);
    EXPECT_TRUE(!sealed_also || bytes_of(sealed_also.get()) == cipher);
  }
}

TEST_F(Buffers, BufferListsComeThrough) {
  GstBufferList *list = gst_buffer_list_new();
  for (unsigned i = 0; i < 3; ++i)
    gst_buffer_list_add(list, buffer_of(vp8_key(100 + i, i)).release());
  ASSERT_EQ(gst_pad_push_list(encryptor.harness()->srcpad, list), GST_FLOW_OK);
  for (unsigned i = 0; i < 3; ++i) {
    Buffer sealed = encryptor.pull();
    ASSERT_TRUE(sealed);
    EXPECT_EQ(bytes_of(opened_of(std::move(sealed)).get()), vp8_key(100 + i, i));
  }
}

}  // namespace
}  // namespace e2ee::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace recorder::ebml {

using Bytes = std::vector<std::uint8_t>;

// Element ids (RFC 8794, RFC 9559), with their length markers as they stand in a file.
enum Id : std::uint32_t {
  kHeader = 0x1A45DFA3,
  kVersion = 0x4286,
  kReadVersion = 0x42F7,
  kMaxIdLength = 0x42F2,
  kMaxSizeLength = 0x42F3,
  kDocType = 0x4282,
  kDocTypeVersion = 0x4287,
  kDocTypeReadVersion = 0x4285,
  kVoid = 0xEC,
  kSegment = 0x18538067,
  kSeekHead = 0x114D9B74,
  kSeek = 0x4DBB,
  kSeekId = 0x53AB,
  kSeekPosition = 0x53AC,
  kInfo = 0x1549A966,
  kTimestampScale = 0x2AD7B1,
  kDuration = 0x4489,
  kDateUtc = 0x4461,
  kMuxingApp = 0x4D80,
  kWritingApp = 0x5741,
  kTracks = 0x1654AE6B,
  kTrackEntry = 0xAE,
  kTrackNumber = 0xD7,
  kTrackUid = 0x73C5,
  kTrackType = 0x83,
  kFlagLacing = 0x9C,
  kLanguage = 0x22B59C,
  kName = 0x536E,
  kCodecId = 0x86,
  kCodecPrivate = 0x63A2,
  kSeekPreRoll = 0x56BB,
  kVideo = 0xE0,
  kPixelWidth = 0xB0,
  kPixelHeight = 0xBA,
  kAudio = 0xE1,
  kSamplingFrequency = 0xB5,
  kChannels = 0x9F,
  kTags = 0x1254C367,
  kTag = 0x7373,
  kTargets = 0x63C0,
  kSimpleTag = 0x67C8,
  kTagName = 0x45A3,
  kTagString = 0x4487,
  kCluster = 0x1F43B675,
  kTimestamp = 0xE7,
  kSimpleBlock = 0xA3,
  kCues = 0x1C53BB6B,
  kCuePoint = 0xBB,
  kCueTime = 0xB3,
  kCueTrackPositions = 0xB7,
  kCueTrack = 0xF7,
  kCueClusterPosition = 0xF1,
};

constexpr std::uint64_t kUnknownSize = 0x00FFFFFFFFFFFFFF;

void put_id(Bytes &out, std::uint32_t id);
// `length`: how many bytes the size takes, 0 for as few as possible.
void put_size(Bytes &out, std::uint64_t size, unsigned length = 0);
void put_uint(Bytes &out, Id id, std::uint64_t value);
void put_int64(Bytes &out, Id id, std::int64_t value);
void put_float(Bytes &out, Id id, double value);
void put_string(Bytes &out, Id id, std::string_view text);
// An element with this content, also for masters.
void put(Bytes &out, Id id, std::span<const std::uint8_t> content, unsigned size_length = 0);
// Room for later: an element of this many bytes altogether, which are not 1.
void put_void(Bytes &out, std::size_t bytes);

}  // namespace recorder::ebml

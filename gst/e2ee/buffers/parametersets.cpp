/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "buffers/parametersets.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "buffers/framememory.h"

namespace e2ee {

namespace {

// Real ones are a few of some hundred bytes; a stream of nothing else must not fill the memory.
constexpr std::size_t kMaxUnits = 256;
constexpr std::size_t kMaxBytes = 64 * 1024;

void append_unit(std::vector<std::uint8_t> &to, ByteView unit) {
  append(to, kStartCode);
  append(to, unit);
}

}  // namespace

std::size_t ParameterSets::size_of(const Units &units) {
  std::size_t size = 0;
  for (const Unit &unit : units)
    size += unit.bytes.size();
  return size;
}

ParameterSets::Unit ParameterSets::unit_of(ByteView unit) const {
  return {NalBytes(unit.begin(), unit.end()), type_of(unit[0]), rule_->set_id(unit)};
}

void ParameterSets::put(Units &sets, Unit set) {
  std::erase_if(sets, [&](const Unit &old) { return set.replaces(old); });
  sets.push_back(std::move(set));
}

bool ParameterSets::fit(const Units &sets, const Units &messages) {
  return sets.size() + messages.size() <= kMaxUnits &&
         size_of(sets) + size_of(messages) <= kMaxBytes;
}

void ParameterSets::start(const NalRule *rule, const std::vector<NalBytes> &units) {
  rule_ = rule;
  known_.clear();
  waiting_ = {};
  waits_ = false;
  if (rule == nullptr)
    return;
  Units sets;
  for (const NalBytes &unit : units)
    put(sets, unit_of(unit));
  take(std::move(sets));
}

bool ParameterSets::keep(GstBuffer *buffer) {
  if (rule_ == nullptr)
    return false;
  MappedBuffer map(buffer, GST_MAP_READ);
  if (!map || first_slice(map.bytes(), *rule_))
    return false;
  const ByteView bytes = map.bytes();
  Waiting waiting = waiting_;
  bool filler = false;
  bool for_next = false;
  NalReader reader(bytes);
  for (NalUnit unit; reader.next(unit);) {
    const ByteView view = unit.of(bytes);
    const NalKind kind = rule_->kind(view[0]);
    if (kind == NalKind::parameter_set)
      put(waiting.sets, unit_of(view));
    else if (kind == NalKind::sei)
      waiting.messages.push_back(unit_of(view));
    const bool is_for_next =
        kind == NalKind::parameter_set || kind == NalKind::sei || kind == NalKind::delimiter;
    for_next = for_next || is_for_next;
    filler = filler || kind == NalKind::filler;
    if (kind == NalKind::strange_slice || !fit(waiting.sets, waiting.messages))
      return false;
  }
  if (reader.stray() || !for_next)
    return filler && !reader.stray();
  if (!GST_CLOCK_TIME_IS_VALID(waiting.pts)) {
    waiting.pts = GST_BUFFER_PTS(buffer);
    waiting.dts = GST_BUFFER_DTS(buffer);
    waiting.duration = GST_BUFFER_DURATION(buffer);
  }
  waiting.discont = waiting.discont || GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  waiting_ = std::move(waiting);
  waits_ = true;
  return true;
}

void ParameterSets::learn(GstBuffer *frame) {
  take(std::exchange(waiting_.sets, {}));
  if (known_.empty() && !learns_all_)
    return;
  MappedBuffer map(frame, GST_MAP_READ);
  if (!map || !first_slice(map.bytes(), *rule_))
    return;
  const ByteView bytes = map.bytes();
  Units sets;
  NalReader reader(bytes);
  for (NalUnit unit; reader.next(unit, rule_) && fit(sets);) {
    if (rule_->kind(bytes[unit.begin]) == NalKind::parameter_set)
      put(sets, unit_of(unit.of(bytes)));
  }
  if (fit(sets))
    take(std::move(sets));
}

// With an SPS a stream begins anew: older sets of the types that come with it are not for it.
// Where there are too many, the oldest of the last type goes: others refer to what is in front.
void ParameterSets::take(Units newer) {
  if (newer.empty())  // most frames have none
    return;
  const bool anew = std::any_of(newer.begin(), newer.end(),
                                [&](const Unit &set) { return rule_->is_sps(set.bytes[0]); });
  if (anew)
    std::erase_if(known_, [&](const Unit &old) {
      return std::any_of(newer.begin(), newer.end(),
                         [&](const Unit &set) { return set.type == old.type; });
    });
  for (Unit &set : newer)
    put(known_, std::move(set));
  std::stable_sort(known_.begin(), known_.end(),
                   [](const Unit &a, const Unit &b) { return a.type < b.type; });
  while (!fit(known_)) {
    const std::uint8_t last = known_.back().type;
    known_.erase(std::find_if(known_.begin(), known_.end(),
                              [last](const Unit &set) { return set.type == last; }));
  }
}

// Known sets that a frame does not have itself.
ParameterSets::Units ParameterSets::missing_in(ByteView frame) const {
  Units missing = known_;
  NalReader reader(frame);
  for (NalUnit unit; reader.next(unit, rule_);) {
    if (rule_->kind(frame[unit.begin]) != NalKind::parameter_set)
      continue;
    const Unit own = unit_of(unit.of(frame));
    std::erase_if(missing, [&](const Unit &known) { return own.replaces(known); });
  }
  return missing;
}

// Behind a delimiter, each of `sets` in front of those with a higher type; then what waits.
std::vector<std::uint8_t> ParameterSets::with_units(ByteView frame, const Units &sets) const {
  std::vector<std::uint8_t> out;
  out.reserve(frame.size() + size_of(sets) + size_of(waiting_.messages) +
              (sets.size() + waiting_.messages.size()) * sizeof kStartCode);
  std::size_t copied = 0;
  auto next = sets.begin();
  NalReader reader(frame);
  for (NalUnit unit; reader.next(unit, rule_);) {
    const std::uint8_t header = frame[unit.begin];
    if (rule_->kind(header) == NalKind::delimiter)
      continue;
    const bool is_set = rule_->kind(header) == NalKind::parameter_set;
    append(out, frame.subspan(copied, unit.code - copied));
    copied = unit.code;
    for (; next != sets.end() && (!is_set || next->type < type_of(header)); ++next)
      append_unit(out, next->bytes);
    if (is_set)
      continue;
    for (const Unit &message : waiting_.messages)
      append_unit(out, message.bytes);
    break;
  }
  append(out, frame.subspan(copied));
  return out;
}

bool ParameterSets::complete(GstBuffer *&frame) {
  if (known_.empty() && !waits_)
    return true;
  std::vector<std::uint8_t> out;
  {
    MappedBuffer map(frame, GST_MAP_READ);
    if (!map)
      return false;
    const ByteView bytes = map.bytes();
    const std::optional<NalUnit> slice = first_slice(bytes, *rule_);
    if (!slice)
      return true;
    Units missing;
    if (rule_->kind(bytes[slice->begin]) == NalKind::key_slice)
      missing = missing_in(bytes);
    if (!missing.empty() || !waiting_.messages.empty())
      out = with_units(bytes, missing);
  }
  if (waits_)
    end_waiting(frame);
  return out.empty() || set_contents(frame, out);
}

// Parsers give the time of a frame to its first buffer alone.
void ParameterSets::end_waiting(GstBuffer *&frame) {
  frame = gst_buffer_make_writable(frame);
  if (waiting_.discont)
    GST_BUFFER_FLAG_SET(frame, GST_BUFFER_FLAG_DISCONT);
  if (!GST_BUFFER_PTS_IS_VALID(frame)) {
    GST_BUFFER_PTS(frame) = waiting_.pts;
    GST_BUFFER_DTS(frame) = waiting_.dts;
    GST_BUFFER_DURATION(frame) = waiting_.duration;
  }
  waiting_ = {};
  waits_ = false;
}

void ParameterSets::flush() {
  take(std::move(waiting_.sets));
  waiting_ = {};
  waits_ = false;
}

}  // namespace e2ee

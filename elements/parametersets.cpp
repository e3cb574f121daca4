/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "parametersets.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "framememory.h"

namespace e2ee {

namespace {

// Real ones are a few of some hundred bytes; a stream of nothing else must not fill the memory.
constexpr std::size_t kMaxUnits = 256;
constexpr std::size_t kMaxBytes = 64 * 1024;

std::size_t size_of(const std::vector<NalBytes> &units) {
  std::size_t size = 0;
  for (const NalBytes &unit : units)
    size += unit.size();
  return size;
}

bool fit(const std::vector<NalBytes> &a, const std::vector<NalBytes> &b) {
  return a.size() + b.size() <= kMaxUnits && size_of(a) + size_of(b) <= kMaxBytes;
}

void add_new(std::vector<NalBytes> &units, ByteView unit) {
  NalBytes bytes(unit.begin(), unit.end());
  if (std::find(units.begin(), units.end(), bytes) == units.end())
    units.push_back(std::move(bytes));
}

void append_unit(std::vector<std::uint8_t> &to, ByteView unit) {
  append(to, kStartCode);
  append(to, unit);
}

}  // namespace

void ParameterSets::start(const NalRule *rule, std::vector<NalBytes> units) {
  rule_ = rule;
  known_.clear();
  waiting_ = {};
  waits_ = false;
  if (rule != nullptr)
    take(std::move(units));
}

bool ParameterSets::keep(GstBuffer *buffer) {
  if (rule_ == nullptr)
    return false;
  MappedBuffer map(buffer, GST_MAP_READ);
  if (!map || first_slice(map.bytes(), *rule_))
    return false;
  const ByteView bytes = map.bytes();
  Waiting waiting = waiting_;
  bool any = false;
  NalReader reader(bytes);
  for (NalUnit unit; reader.next(unit);) {
    const ByteView view = unit.of(bytes);
    const NalKind kind = rule_->kind(view[0]);
    if (kind == NalKind::parameter_set)
      add_new(waiting.sets, view);
    else if (kind == NalKind::sei)
      waiting.messages.emplace_back(view.begin(), view.end());
    any = any || kind == NalKind::parameter_set || kind == NalKind::sei;
    if (kind == NalKind::strange_slice || !fit(waiting.sets, waiting.messages))
      return false;
  }
  if (!any || reader.stray())
    return false;
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
  MappedBuffer map(frame, GST_MAP_READ);
  if (!map)
    return;
  take(std::exchange(waiting_.sets, {}));
  const ByteView bytes = map.bytes();
  if (known_.empty() || !first_slice(bytes, *rule_))
    return;
  std::vector<NalBytes> sets;
  NalReader reader(bytes);
  for (NalUnit unit; reader.next(unit, rule_) && fit(sets, {});) {
    if (rule_->kind(bytes[unit.begin]) == NalKind::parameter_set)
      add_new(sets, unit.of(bytes));
  }
  if (fit(sets, {}))
    take(std::move(sets));
}

// With an SPS a stream begins anew: older sets of the types that come with it are not for it.
void ParameterSets::take(std::vector<NalBytes> newer) {
  if (newer.empty())
    return;
  const bool anew = std::any_of(newer.begin(), newer.end(),
                                [&](const NalBytes &unit) { return rule_->is_sps(unit[0]); });
  std::erase_if(known_, [&](const NalBytes &old) {
    return std::any_of(newer.begin(), newer.end(), [&](const NalBytes &unit) {
      return unit == old || (anew && type_of(unit[0]) == type_of(old[0]));
    });
  });
  if (!fit(known_, newer))
    known_.clear();
  std::move(newer.begin(), newer.end(), std::back_inserter(known_));
  std::stable_sort(known_.begin(), known_.end(), [&](const NalBytes &a, const NalBytes &b) {
    return type_of(a[0]) < type_of(b[0]);
  });
}

// Known units of the types that a frame does not have itself.
std::vector<NalBytes> ParameterSets::missing_in(ByteView frame) const {
  std::vector<NalBytes> missing = known_;
  NalReader reader(frame);
  for (NalUnit unit; reader.next(unit, rule_);) {
    std::erase_if(missing, [&](const NalBytes &known) {
      return type_of(known[0]) == type_of(frame[unit.begin]);
    });
  }
  return missing;
}

// Behind a delimiter, each of `sets` in front of those with a higher type; then what waits.
std::vector<std::uint8_t> ParameterSets::with_units(ByteView frame,
                                                    const std::vector<NalBytes> &sets) const {
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
    for (; next != sets.end() && (!is_set || type_of((*next)[0]) < type_of(header)); ++next)
      append_unit(out, *next);
    if (is_set)
      continue;
    for (const NalBytes &message : waiting_.messages)
      append_unit(out, message);
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
    std::vector<NalBytes> missing;
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

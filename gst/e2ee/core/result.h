/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <utility>
#include <variant>

#include "core/reason.h"

namespace e2ee {

/// A value, or why there is none.
template <typename Value, typename Refusal = Reason>
class [[nodiscard]] Result {
 public:
  Result(Value value) : held_(std::in_place_index<0>, std::move(value)) {}
  Result(Refusal refusal) : held_(std::in_place_index<1>, std::move(refusal)) {}

  explicit operator bool() const { return held_.index() == 0; }
  Value &operator*() { return *std::get_if<0>(&held_); }
  const Value &operator*() const { return *std::get_if<0>(&held_); }
  Value *operator->() { return std::get_if<0>(&held_); }
  const Value *operator->() const { return std::get_if<0>(&held_); }

  /// Only where there is no value.
  const Refusal &refusal() const { return *std::get_if<1>(&held_); }

 private:
  std::variant<Value, Refusal> held_;
};

}  // namespace e2ee

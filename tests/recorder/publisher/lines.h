/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include <functional>
#include <mutex>
#include <string>

#include "common/elements.h"

namespace publisher {

using Builder = examples::ObjectPtr<JsonBuilder>;

void member(const Builder &builder, const char *name, const std::string &value);

/// Writes lines of JSON to standard output, from any thread.
class Output {
 public:
  void write(JsonBuilder *builder);

 private:
  std::mutex mutex_;
};

/// A request; what is not there has the default of its type.
struct Request {
  JsonObject *object;

  std::string text(const char *name, const char *otherwise = "") const {
    return json_object_get_string_member_with_default(object, name, otherwise);
  }
  unsigned number(const char *name, unsigned otherwise = 0) const {
    return unsigned(json_object_get_int_member_with_default(object, name, otherwise));
  }
  bool flag(const char *name) const {
    return json_object_get_boolean_member_with_default(object, name, FALSE);
  }
  examples::Media media() const {
    return text("media") == "audio" ? examples::Media::kAudio : examples::Media::kVideo;
  }
};

/// Runs a main loop until standard input ends. Each line {"id", "op", ...} is answered by {"id",
/// "result"} or, when `run` throws Failure, {"id", "error"}; `run` adds to the result.
void serve(Output &output,
           const std::function<void(const std::string &operation, const Request &request,
                                    const Builder &result)> &run);

}  // namespace publisher

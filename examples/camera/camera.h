// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/json.h"
#include "common/timer.h"
#include "encoder.h"
#include "options.h"
#include "viewer.h"

namespace camera {

// The camera and its viewers, told what to do by requests. Main thread.
class Camera {
 public:
  // `say` gets lines of JSON, `failed` why the camera is at its end.
  Camera(const Options &options, std::function<void(const std::string &line)> say,
         std::function<void(const std::string &why)> failed);

  // A line of JSON. What is wrong with it is told, and changes nothing.
  void take(const std::string &line);

 private:
  using Request = void (Camera::*)(Viewer &viewer, JsonObject *request);

  void handle(JsonObject *request);
  void open(JsonObject *request);
  void answer(Viewer &viewer, JsonObject *request);
  void candidate(Viewer &viewer, JsonObject *request);
  void update(Viewer &viewer, JsonObject *request);
  void use(Viewer &viewer, JsonObject *request);
  void ratchet(Viewer &viewer, JsonObject *request);
  void stats(Viewer &viewer, JsonObject *request);
  void close(const std::string &name, const std::string &why);
  Viewer::Events events_of(const std::string &name);
  void tell(const char *event, const std::string &viewer, const examples::JsonFields &fields = {});
  void tell_key(const char *event, JsonObject *request, guint64 kid);

  const Options options_;
  const std::function<void(const std::string &)> say_;
  Encoder encoder_;
  std::map<std::string, std::unique_ptr<Viewer>> viewers_;
  std::map<std::string, std::string> failed_;  // of whom the end is told soon, and why
  examples::Timer clean_;
};

}  // namespace camera

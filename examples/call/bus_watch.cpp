// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus_watch.h"

namespace call {
namespace {

[[noreturn]] void throw_error(GstMessage *message) {
  GError *error = nullptr;
  char *detail = nullptr;
  gst_message_parse_error(message, &error, &detail);
  ErrorPtr owned_error(error);
  CharPtr owned_detail(detail);
  std::string text = std::string(GST_MESSAGE_SRC_NAME(message)) + ": " + error->message;
  if (detail)
    text += std::string("\n") + detail;
  throw Failure(text);
}

}  // namespace

void BusWatch::add(GstElement *pipeline) {
  g_object_set(pipeline, "message-forward", TRUE, nullptr);
  watched_.push_back({pipeline, ObjectPtr<GstBus>(gst_element_get_bus(pipeline))});
}

void BusWatch::check() {
  for (const Watched &watched : watched_) {
    while (GstMessage *message = gst_bus_pop(watched.bus.get())) {
      MessagePtr owned(message);
      handle(watched, message);
    }
  }
}

void BusWatch::handle(const Watched &watched, GstMessage *message) {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
    throw_error(message);
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_LATENCY)
    gst_bin_recalculate_latency(GST_BIN(watched.pipeline));
  else if (gst_message_has_name(message, "GstBinForwarded"))
    note_forwarded(message);
}

void BusWatch::note_forwarded(GstMessage *message) {
  GstMessage *inner = nullptr;
  gst_structure_get(gst_message_get_structure(message), "message", GST_TYPE_MESSAGE, &inner,
                    nullptr);
  MessagePtr owned(inner);
  if (inner && GST_MESSAGE_TYPE(inner) == GST_MESSAGE_EOS)
    ended_.insert(GST_MESSAGE_SRC_NAME(inner));
}

}  // namespace call

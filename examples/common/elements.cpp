// SPDX-License-Identifier: LGPL-2.1-or-later
#include "elements.h"

#include <iterator>

namespace examples {

PipelinePtr make_pipeline(const std::string &name) {
  GstElement *pipeline = gst_pipeline_new(name.c_str());
  gst_object_ref_sink(pipeline);
  return PipelinePtr(pipeline);
}

GstElement *add_element(GstElement *bin, const char *factory, const char *name) {
  GstElement *element = gst_element_factory_make(factory, name);
  if (!element)
    throw Failure(std::string("GStreamer has no element \"") + factory +
                  "\"; is its plugin installed and on GST_PLUGIN_PATH?");
  gst_bin_add(GST_BIN(bin), element);
  return element;
}

GstElement *add_queue(GstElement *bin, GstClockTime time) {
  GstElement *queue = add_element(bin, "queue");
  g_object_set(queue, "max-size-buffers", 0u, "max-size-bytes", 0u, "max-size-time", time, nullptr);
  return queue;
}

GstElement *add_caps_filter(GstElement *bin, const std::string &caps) {
  GstElement *filter = add_element(bin, "capsfilter");
  gst_util_set_object_arg(G_OBJECT(filter), "caps", caps.c_str());
  return filter;
}

void link_chain(std::initializer_list<GstElement *> chain) {
  for (auto next = std::next(chain.begin()); next != chain.end(); ++next) {
    GstElement *from = *std::prev(next);
    if (!gst_element_link(from, *next))
      throw Failure(std::string("cannot link ") + GST_OBJECT_NAME(from) + " to " +
                    GST_OBJECT_NAME(*next));
  }
}

void join_running(std::initializer_list<GstElement *> chain) {
  for (auto element = std::rbegin(chain); element != std::rend(chain); ++element) {
    if (!gst_element_sync_state_with_parent(*element))
      throw Failure(std::string("cannot start ") + GST_OBJECT_NAME(*element));
  }
}

ObjectPtr<GstPad> static_pad(GstElement *element, const char *name) {
  return ObjectPtr<GstPad>(gst_element_get_static_pad(element, name));
}

}  // namespace examples

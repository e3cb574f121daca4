// SPDX-License-Identifier: LGPL-2.1-or-later
#include "elements.h"

#include <iterator>
#include <map>
#include <set>

#include "program.h"

namespace examples {
namespace {

struct Package {
  const char *name, *elements;
};
constexpr Package kPackages[] = {
#include "packages.inc"
};

// What whoever runs the program can do about a missing element.
std::string advice_for(const std::string &element) {
  if (element.starts_with("e2ee") || element.starts_with("rtpe2ee"))
    return "export GST_PLUGIN_PATH=" E2EE_PLUGINS_DIR
           " (when installed) or =CHECKOUT/build/plugins/e2ee (when built)";
  for (const Package &package : kPackages) {
    if ((" " + std::string(package.elements) + " ").find(" " + element + " ") != std::string::npos)
      return std::string("install the Debian package ") + package.name;
  }
  return "install the plugin of GStreamer that has it";
}

}  // namespace

void require_elements(const std::vector<std::string> &factories) {
  std::map<std::string, std::set<std::string>> missing;  // by what helps
  for (const std::string &name : factories) {
    const ObjectPtr<GstElementFactory> factory(gst_element_factory_find(name.c_str()));
    if (factory)
      continue;
    missing[advice_for(name)].insert(name);
  }
  if (missing.empty())
    return;
  std::string text = "GStreamer lacks elements that are needed here:";
  for (const auto &[advice, names] : missing) {
    std::string list;
    for (const std::string &name : names)
      list += (list.empty() ? "" : ", ") + name;
    text += "\n  " + list + ": " + advice;
  }
  throw Refused(text);
}

PipelinePtr make_pipeline(const std::string &name) {
  GstElement *pipeline = gst_pipeline_new(name.c_str());
  gst_object_ref_sink(pipeline);
  return PipelinePtr(pipeline);
}

GstElement *add_element(GstElement *bin, const char *factory, const char *name) {
  GstElement *element = gst_element_factory_make(factory, name);
  if (!element)
    throw Refused(std::string("GStreamer lacks the element ") + factory + ": " +
                  advice_for(factory));
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

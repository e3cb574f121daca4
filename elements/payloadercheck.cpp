/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "payloadercheck.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "owned.h"

namespace e2ee {

namespace {

// What docs/compatibility.md leaves out under "What goes with what": these read more of a frame
// than the scheme leaves in the clear.
struct Unfit {
  GstE2EEScheme scheme;
  std::string_view media_type;
  std::string_view payloader;
};
constexpr Unfit kUnfit[] = {
    {GST_E2EE_SCHEME_LIVEKIT, "video/x-vp9", "rtpvp9pay"},
    {GST_E2EE_SCHEME_SFRAME, "video/x-vp8", "rtpvp8pay"},
    {GST_E2EE_SCHEME_SFRAME, "video/x-vp9", "rtpvp9pay"},
};

// They hand frames on as they are.
constexpr std::string_view kPassThrough[] = {
    "capsfilter", "clocksync", "concat", "funnel", "identity",        "input-selector",
    "multiqueue", "queue",     "queue2", "tee",    "output-selector", "valve"};

constexpr std::size_t kMostPads = 100;

std::string_view factory_of(GstElement *element) {
  GstElementFactory *factory = gst_element_get_factory(element);
  return factory ? GST_OBJECT_NAME(factory) : "";
}

// Source pads that are still to be followed, each once.
class Ways {
 public:
  /// Takes the reference; the pad may be null.
  void add(GstPad *src) {
    ObjectPtr<GstPad> held(src);
    const auto is_same = [src](const ObjectPtr<GstPad> &pad) { return pad.get() == src; };
    if (src != nullptr && pads_.size() < kMostPads &&
        std::none_of(pads_.begin(), pads_.end(), is_same))
      pads_.push_back(std::move(held));
  }
  void add_all_behind(GstPad *sink) {
    GstIterator *links = gst_pad_iterate_internal_links(sink);
    if (links == nullptr)
      return;
    const auto take = [](const GValue *pad, gpointer self) {
      static_cast<Ways *>(self)->add(GST_PAD(g_value_dup_object(pad)));
    };
    // Once more if pads come or go meanwhile, which is all the trouble that a warning is worth.
    if (gst_iterator_foreach(links, take, this) == GST_ITERATOR_RESYNC) {
      gst_iterator_resync(links);
      gst_iterator_foreach(links, take, this);
    }
    gst_iterator_free(links);
  }
  GstPad *next() { return next_ < pads_.size() ? pads_[next_++].get() : nullptr; }

 private:
  std::vector<ObjectPtr<GstPad>> pads_;
  std::size_t next_ = 0;
};

std::string find_element(GstPad *src, std::string_view factory) {
  Ways ways;
  ways.add(GST_PAD(gst_object_ref(src)));
  while (GstPad *from = ways.next()) {
    const ObjectPtr<GstPad> to(gst_pad_get_peer(from));
    if (!to)
      continue;
    if (GST_IS_PROXY_PAD(to.get())) {  // into a bin, or out of one
      ways.add(GST_PAD(gst_proxy_pad_get_internal(GST_PROXY_PAD(to.get()))));
      continue;
    }
    const ObjectPtr<GstElement> element(gst_pad_get_parent_element(to.get()));
    if (!element)
      continue;
    const std::string_view kind = factory_of(element.get());
    if (kind == factory)
      return GST_OBJECT_NAME(element.get());
    if (std::find(std::begin(kPassThrough), std::end(kPassThrough), kind) != std::end(kPassThrough))
      ways.add_all_behind(to.get());
  }
  return "";
}

std::string unfit_payloader(GstPad *src, GstE2EEScheme scheme, const char *media_type) {
  for (const Unfit &each : kUnfit) {
    if (each.scheme == scheme && each.media_type == media_type)
      return find_element(src, each.payloader);
  }
  return "";
}

}  // namespace

void check_payloader(GstE2EEBase *self) {
  Base &base = base_of(self);
  const CodecRule *codec = base.codec;
  if (!base.encrypts || !base.enabled || codec == nullptr || codec->whole ||
      !base.checked_payloader_of.insert(codec).second)
    return;
  const GstE2EEScheme scheme = base.settings.options.scheme;  // cannot be set while frames flow
  const std::string found = unfit_payloader(base.src, scheme, codec->media_type);
  if (!found.empty())
    GST_ELEMENT_WARNING(self, STREAM, FORMAT,
                        ("%s cannot read %s frames that are encrypted with scheme %s: use "
                         "rtpe2eepay in its place",
                         found.c_str(), codec->name, nick_of(scheme)),
                        (nullptr));
}

}  // namespace e2ee

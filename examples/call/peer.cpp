// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peer.h"

#include "common.h"
#include "common/webrtc.h"

namespace call {

GstElement *add_peer(GstElement *pipeline, const std::string &name) {
  GstElement *peer = add_element(pipeline, "webrtcbin", name.c_str());
  gst_util_set_object_arg(G_OBJECT(peer), "bundle-policy", "max-bundle");
  ask_for_lost_video(peer);
  keep_to_loopback(peer);
  return peer;
}

Connection::Connection(GstElement *offerer, GstElement *answerer)
    : offerer_(GST_ELEMENT(gst_object_ref(offerer))),
      answerer_(GST_ELEMENT(gst_object_ref(answerer))),
      handlers_{g_signal_connect(offerer, "on-ice-candidate", G_CALLBACK(on_candidate), answerer),
                g_signal_connect(answerer, "on-ice-candidate", G_CALLBACK(on_candidate), offerer)} {
}

Connection::~Connection() {
  g_signal_handler_disconnect(offerer_.get(), handlers_[0]);
  g_signal_handler_disconnect(answerer_.get(), handlers_[1]);
}

void Connection::on_candidate(GstElement *, guint line, char *candidate, gpointer to) {
  if (on_loopback(candidate))
    g_signal_emit_by_name(to, "add-ice-candidate", line, candidate);
}

void Connection::negotiate() {
  DescriptionPtr offer = create_description(offerer_.get(), "offer");
  apply_description(offerer_.get(), "set-local-description", offer.get());
  apply_description(answerer_.get(), "set-remote-description", offer.get());
  DescriptionPtr answer = create_description(answerer_.get(), "answer");
  apply_description(answerer_.get(), "set-local-description", answer.get());
  apply_description(offerer_.get(), "set-remote-description", answer.get());
}

bool Connection::connected() const {
  int up = 0;
  for (GstElement *peer : {offerer_.get(), answerer_.get()}) {
    const std::string state = enum_nick(peer, "connection-state");
    if (state == "failed" || state == "closed")
      throw Failure(std::string(GST_OBJECT_NAME(peer)) + ": ICE or DTLS failed");
    up += state == "connected";
  }
  return up == 2;
}

std::string Connection::srtp_cipher() const {
  std::string cipher;
  std::unique_ptr<GstIterator, FreeWith<&gst_iterator_free>> all(
      gst_bin_iterate_all_by_element_factory_name(GST_BIN(offerer_.get()), "srtpenc"));
  GValue item = G_VALUE_INIT;
  while (gst_iterator_next(all.get(), &item) == GST_ITERATOR_OK) {
    GValue value = G_VALUE_INIT;
    g_object_get_property(G_OBJECT(g_value_get_object(&item)), "rtp-cipher", &value);
    CharPtr text(gst_value_serialize(&value));
    cipher = text.get();
    g_value_unset(&value);
    g_value_reset(&item);
  }
  g_value_unset(&item);
  return cipher == "null" ? "" : cipher;
}

}  // namespace call

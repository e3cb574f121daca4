// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peer.h"

#include <gst/webrtc/webrtc.h>

#include "common.h"

namespace call {
namespace {

constexpr const char *kLoopback = "127.0.0.1";

using DescriptionPtr =
    std::unique_ptr<GstWebRTCSessionDescription, FreeWith<&gst_webrtc_session_description_free>>;
using TokensPtr = std::unique_ptr<char *, FreeWith<&g_strfreev>>;

// "candidate:1 1 UDP 2015363327 127.0.0.1 40000 typ host"
bool on_loopback(const char *candidate) {
  TokensPtr tokens(g_strsplit(candidate, " ", 7));
  return g_strv_length(tokens.get()) == 7 && g_ascii_strcasecmp(tokens.get()[2], "UDP") == 0 &&
         g_str_equal(tokens.get()[4], kLoopback);
}

void wait_for(GstPromise *promise, const char *doing) {
  if (gst_promise_wait(promise) != GST_PROMISE_RESULT_REPLIED)
    throw Failure(std::string(doing) + ": no answer from webrtcbin");
  const GstStructure *reply = gst_promise_get_reply(promise);
  const GValue *value = reply ? gst_structure_get_value(reply, "error") : nullptr;
  if (value && G_VALUE_HOLDS(value, G_TYPE_ERROR))
    throw Failure(std::string(doing) + ": " +
                  static_cast<GError *>(g_value_get_boxed(value))->message);
}

DescriptionPtr create(GstElement *peer, const char *kind) {
  PromisePtr promise(gst_promise_new());
  const std::string signal = std::string("create-") + kind;
  g_signal_emit_by_name(peer, signal.c_str(), nullptr, promise.get());
  wait_for(promise.get(), signal.c_str());
  GstWebRTCSessionDescription *description = nullptr;
  gst_structure_get(gst_promise_get_reply(promise.get()), kind, GST_TYPE_WEBRTC_SESSION_DESCRIPTION,
                    &description, nullptr);
  if (!description)
    throw Failure(signal + ": webrtcbin made none");
  return DescriptionPtr(description);
}

void apply(GstElement *peer, const char *signal, GstWebRTCSessionDescription *description) {
  PromisePtr promise(gst_promise_new());
  g_signal_emit_by_name(peer, signal, description, promise.get());
  wait_for(promise.get(), signal);
}

GstWebRTCPeerConnectionState connection_state(GstElement *peer) {
  GstWebRTCPeerConnectionState state;
  g_object_get(peer, "connection-state", &state, nullptr);
  return state;
}

// Only the receiving side asks for packets again; video alone, since Chromium refuses the group
// of SSRCs that it adds to audio.
void ask_for_retransmission(GstElement *, GstWebRTCRTPTransceiver *transceiver, gpointer) {
  GstWebRTCKind kind;
  g_object_get(transceiver, "kind", &kind, nullptr);
  if (kind == GST_WEBRTC_KIND_VIDEO)
    g_object_set(transceiver, "do-nack", TRUE, nullptr);
}

// Where packets are asked for again, the jitter buffer also guesses when the next one is due, and
// drops what comes later: the first packet after a pause, or of a picture that took long to encode.
void expect_pauses(GstElement *, GstBin *, GstElement *element, gpointer) {
  if (g_str_has_prefix(GST_OBJECT_NAME(element), "rtpjitterbuffer"))
    g_object_set(element, "rtx-next-seqnum", FALSE, nullptr);
}

}  // namespace

GstElement *add_peer(GstElement *pipeline, const std::string &name) {
  GstElement *peer = add_element(pipeline, "webrtcbin", name.c_str());
  gst_util_set_object_arg(G_OBJECT(peer), "bundle-policy", "max-bundle");
  g_signal_connect(peer, "on-new-transceiver", G_CALLBACK(ask_for_retransmission), nullptr);

  g_signal_connect(peer, "deep-element-added", G_CALLBACK(expect_pauses), nullptr);

  GObject *ice = nullptr;
  g_object_get(peer, "ice-agent", &ice, nullptr);
  ObjectPtr<GObject> owned_ice(ice);
  gboolean added = FALSE;
  g_signal_emit_by_name(ice, "add-local-ip-address", kLoopback, &added);
  GObject *agent = nullptr;
  g_object_get(ice, "agent", &agent, nullptr);
  ObjectPtr<GObject> owned_agent(agent);
  g_object_set(agent, "upnp", FALSE, "ice-tcp", FALSE, nullptr);
  if (!added)
    throw Failure("ICE does not take the address 127.0.0.1");
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
  DescriptionPtr offer = create(offerer_.get(), "offer");
  apply(offerer_.get(), "set-local-description", offer.get());
  apply(answerer_.get(), "set-remote-description", offer.get());
  DescriptionPtr answer = create(answerer_.get(), "answer");
  apply(answerer_.get(), "set-local-description", answer.get());
  apply(offerer_.get(), "set-remote-description", answer.get());
}

bool Connection::connected() const {
  int up = 0;
  for (GstElement *peer : {offerer_.get(), answerer_.get()}) {
    const GstWebRTCPeerConnectionState state = connection_state(peer);
    if (state == GST_WEBRTC_PEER_CONNECTION_STATE_FAILED ||
        state == GST_WEBRTC_PEER_CONNECTION_STATE_CLOSED)
      throw Failure(std::string(GST_OBJECT_NAME(peer)) + ": ICE or DTLS failed");
    up += state == GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED;
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

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "webrtc.h"

namespace examples {
namespace {

constexpr const char *kLoopback = "127.0.0.1";

ObjectPtr<GObject> object_of(gpointer owner, const char *property) {
  GObject *object = nullptr;
  g_object_get(owner, property, &object, nullptr);
  return ObjectPtr<GObject>(object);
}

// Only the receiving side asks for packets again; video alone, since Chromium refuses the group
// of SSRCs that it adds to audio.
void ask_for_retransmission(GstElement *, GObject *transceiver, gpointer) {
  if (enum_nick(transceiver, "kind") == "video")
    g_object_set(transceiver, "do-nack", TRUE, nullptr);
}

// Where packets are asked for again, the jitter buffer also guesses when the next one is due. In a
// pause, when someone mutes or a picture takes long to encode, it guesses on, takes that packet for
// lost in the end, and drops it when it comes. Gaps between packets that came are enough.
void expect_pauses(GstElement *, GstBin *, GstElement *element, gpointer) {
  if (g_str_has_prefix(GST_OBJECT_NAME(element), "rtpjitterbuffer"))
    g_object_set(element, "rtx-next-seqnum", FALSE, nullptr);
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

// Registered with the class of webrtcbin.
GType description_type() {
  return g_type_from_name("GstWebRTCSessionDescription");
}

std::string nick_of(const GValue &value) {
  auto *type = static_cast<GEnumClass *>(g_type_class_peek(G_VALUE_TYPE(&value)));
  const GEnumValue *named = g_enum_get_value(type, g_value_get_enum(&value));
  return named ? named->value_nick : "";
}

}  // namespace

void free_description(SessionDescription *description) {
  g_boxed_free(description_type(), description);
}

DescriptionPtr parse_description(SdpType type, const std::string &text) {
  GstSDPMessage *message = nullptr;
  if (text.empty() || gst_sdp_message_new_from_text(text.c_str(), &message) != GST_SDP_OK)
    return nullptr;
  const std::unique_ptr<GstSDPMessage, FreeWith<&gst_sdp_message_free>> owned(message);
  const SessionDescription description{type, message};
  return DescriptionPtr(
      static_cast<SessionDescription *>(g_boxed_copy(description_type(), &description)));
}

DescriptionPtr description_of(const GstStructure *reply, const char *kind) {
  SessionDescription *description = nullptr;
  gst_structure_get(reply, kind, description_type(), &description, nullptr);
  return DescriptionPtr(description);
}

std::string enum_nick(gpointer object, const char *property) {
  GValue value = G_VALUE_INIT;
  g_object_get_property(G_OBJECT(object), property, &value);
  const std::string nick = nick_of(value);
  g_value_unset(&value);
  return nick;
}

guint64 packets_lost_in(const GstStructure *stats) {
  guint64 lost = 0;
  gst_structure_foreach(
      stats,
      [](GQuark, const GValue *value, gpointer sum) -> gboolean {
        const GstStructure *entry =
            GST_VALUE_HOLDS_STRUCTURE(value) ? gst_value_get_structure(value) : nullptr;
        const GValue *type = entry ? gst_structure_get_value(entry, "type") : nullptr;
        int packets = 0;
        if (type && G_VALUE_HOLDS_ENUM(type) && nick_of(*type) == "remote-inbound-rtp" &&
            gst_structure_get_int(entry, "packets-lost", &packets) && packets > 0)
          *static_cast<guint64 *>(sum) += static_cast<guint64>(packets);
        return TRUE;
      },
      &lost);
  return lost;
}

ObjectPtr<GObject> transceiver_of(GstPad *pad) {
  return object_of(pad, "transceiver");
}

void disable_upnp(GstElement *webrtcbin) {
  const auto ice = object_of(webrtcbin, "ice-agent");
  g_object_set(object_of(ice.get(), "agent").get(), "upnp", FALSE, nullptr);
}

void keep_to_loopback(GstElement *webrtcbin) {
  disable_upnp(webrtcbin);
  const auto ice = object_of(webrtcbin, "ice-agent");
  g_object_set(object_of(ice.get(), "agent").get(), "ice-tcp", FALSE, nullptr);
  gboolean added = FALSE;
  g_signal_emit_by_name(ice.get(), "add-local-ip-address", kLoopback, &added);
  if (!added)
    throw Failure("ICE does not take the address 127.0.0.1");
}

bool on_loopback(const std::string &candidate) {
  using TokensPtr = std::unique_ptr<char *, FreeWith<&g_strfreev>>;
  const TokensPtr tokens(g_strsplit(candidate.c_str(), " ", 7));
  return g_strv_length(tokens.get()) == 7 && g_ascii_strcasecmp(tokens.get()[2], "UDP") == 0 &&
         g_str_equal(tokens.get()[4], kLoopback);
}

void ask_for_lost_video(GstElement *webrtcbin) {
  g_signal_connect(webrtcbin, "on-new-transceiver", G_CALLBACK(ask_for_retransmission), nullptr);
  g_signal_connect(webrtcbin, "deep-element-added", G_CALLBACK(expect_pauses), nullptr);
}

void leave_out_fec(GstElement *webrtcbin) {
  const ObjectPtr<GstElement> rtpbin(gst_bin_get_by_name(GST_BIN(webrtcbin), "rtpbin"));
  const guint asked = g_signal_lookup("request-fec-decoder-full", G_OBJECT_TYPE(rtpbin.get()));
  g_signal_handlers_disconnect_matched(
      rtpbin.get(), static_cast<GSignalMatchType>(G_SIGNAL_MATCH_ID | G_SIGNAL_MATCH_DATA), asked,
      0, nullptr, nullptr, webrtcbin);
  g_signal_connect(rtpbin.get(), "new-storage",
                   G_CALLBACK(+[](GstElement *, GstElement *storage, guint, gpointer) {
                     g_object_set(storage, "size-time", guint64{0}, nullptr);
                   }),
                   nullptr);
}

DescriptionPtr create_description(GstElement *webrtcbin, const char *kind) {
  PromisePtr promise(gst_promise_new());
  const std::string signal = std::string("create-") + kind;
  g_signal_emit_by_name(webrtcbin, signal.c_str(), nullptr, promise.get());
  wait_for(promise.get(), signal.c_str());
  DescriptionPtr description = description_of(gst_promise_get_reply(promise.get()), kind);
  if (!description)
    throw Failure(signal + ": webrtcbin made none");
  return description;
}

void apply_description(GstElement *webrtcbin, const char *signal, SessionDescription *description) {
  PromisePtr promise(gst_promise_new());
  g_signal_emit_by_name(webrtcbin, signal, description, promise.get());
  wait_for(promise.get(), signal);
}

}  // namespace examples

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/bus.h"

namespace e2ee::test {

const State *BusLog::find(const char *state) const {
  for (const State &each : states) {
    if (each.state == state)
      return &each;
  }
  return nullptr;
}

guint64 BusLog::total(const char *state) const {
  guint64 sum = 0;
  for (const State &each : states) {
    if (each.state == state)
      sum += each.count;
  }
  return sum;
}

std::string text_of(GstMessage *message) {
  Error error;
  gchar *debug = nullptr;
  const bool is_error = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
  (is_error ? gst_message_parse_error : gst_message_parse_warning)(message, error.at(), &debug);
  const Text owned(debug);
  return error.text() + "\n" + (debug ? debug : "");
}

namespace {

// Asserts the types of all four fields.
State state_of(const GstStructure *content) {
  State state;
  EXPECT_EQ(gst_structure_n_fields(content), 4);
  EXPECT_TRUE(gst_structure_has_field_typed(content, "participant", G_TYPE_STRING));
  EXPECT_TRUE(gst_structure_has_field_typed(content, "state", G_TYPE_STRING));
  EXPECT_TRUE(gst_structure_get_uint64(content, "key-id", &state.key_id));
  EXPECT_TRUE(gst_structure_get_uint64(content, "count", &state.count));
  const gchar *participant = gst_structure_get_string(content, "participant");
  state.participant = participant ? participant : "";
  const gchar *text = gst_structure_get_string(content, "state");
  state.state = text ? text : "";
  return state;
}

}  // namespace

BusLog drain(GstBus *bus) {
  BusLog log;
  while (const MessagePtr owned{gst_bus_pop(bus)}) {
    GstMessage *message = owned.get();
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
      log.errors.push_back(text_of(message));
    else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING)
      log.warnings.push_back(text_of(message));
    else if (gst_message_has_name(message, "GstE2EEState"))
      log.states.push_back(state_of(gst_message_get_structure(message)));
  }
  return log;
}

// ---- counters -----------------------------------------------------------------------------------

Structure stats_of(gconstpointer object) {
  GstStructure *stats = nullptr;
  g_object_get(const_cast<gpointer>(object), "stats", &stats, nullptr);
  EXPECT_NE(stats, nullptr);
  return Structure(stats);
}

guint64 stat_of(gconstpointer object, const char *name) {
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(stats_of(object).get(), name, &value)) << name;
  return value;
}

std::string text_stat_of(gconstpointer object, const char *name) {
  const Structure stats = stats_of(object);
  const gchar *value = gst_structure_get_string(stats.get(), name);
  return value ? value : "";
}

guint64 dropped_of(gconstpointer object) {
  const Structure stats = stats_of(object);
  guint64 sum = 0;
  for (gint i = 0; i < gst_structure_n_fields(stats.get()); ++i) {
    const gchar *name = gst_structure_nth_field_name(stats.get(), static_cast<guint>(i));
    guint64 value = 0;
    if (g_str_has_prefix(name, "dropped-") && gst_structure_get_uint64(stats.get(), name, &value))
      sum += value;
  }
  return sum;
}

}  // namespace e2ee::test

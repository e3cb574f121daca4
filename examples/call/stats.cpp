// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stats.h"

#include "common.h"

namespace call {
namespace {

guint64 counter(const GstStructure *stats, const char *name) {
  guint64 value = 0;
  gst_structure_get_uint64(stats, name, &value);
  return value;
}

}  // namespace

void E2EEStats::add(GstElement *element) {
  GstStructure *structure = nullptr;
  g_object_get(element, "stats", &structure, nullptr);
  StructurePtr stats(structure);
  if (!stats)
    throw Failure(std::string(GST_OBJECT_NAME(element)) + " has no stats");

  in += counter(structure, "frames-in");
  out += counter(structure, "frames-out");
  missing_key += counter(structure, "dropped-missing-key");
  failed += counter(structure, "dropped-auth");
  for (const char *name :
       {"dropped-malformed", "dropped-replayed", "dropped-plaintext", "dropped-unsupported",
        "dropped-limit", "dropped-held", "dropped-internal", "dropped-stream"})
    other += counter(structure, name);
  unprotected += counter(structure, "passed-plaintext");
  const char *text = gst_structure_get_string(structure, "key-fingerprint");
  if (text && *text)
    fingerprint = text;
}

}  // namespace call

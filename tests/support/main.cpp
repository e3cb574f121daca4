/* SPDX-License-Identifier: LGPL-2.1-or-later */
// GoogleTest's main for tests of elements.
#include <gst/gst.h>
#include <gtest/gtest.h>

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  // After GoogleTest has taken its own options; GStreamer complains of what it does not know.
  gst_init(&argc, &argv);
  return RUN_ALL_TESTS();
}

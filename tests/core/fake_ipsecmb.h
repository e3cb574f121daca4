/* SPDX-License-Identifier: LGPL-2.1-or-later */
// A library that calls itself libipsec-mb and does wrong what a test asks for. The test is linked
// with it: who opens libipsec-mb by its soname then gets this one.
#pragma once

#include <intel-ipsec-mb.h>

#include <cstdint>

struct FakeIpsecMb {
  // What it says of itself when it is opened.
  unsigned version = IMB_VERSION_NUM;
  std::uint64_t features = IMB_CPUFLAGS_AVX512_T2 | IMB_FEATURE_SAFE_DATA | IMB_FEATURE_SAFE_PARAM |
                           IMB_FEATURE_SELF_TEST | IMB_FEATURE_SELF_TEST_PASS;
  int error_at_start = 0;
  bool has_memory = true;
  // What it does with a call.
  bool refuses = false;  // touches nothing
  int error = 0;         // that it leaves; 0 after a refused call where another thread cleared it
};

extern FakeIpsecMb fake_ipsec_mb;

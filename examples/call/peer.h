// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <string>

#include "bus_watch.h"
#include "common.h"

namespace call {

// A webrtcbin inside `pipeline` (which owns it) that talks on 127.0.0.1 only.
GstElement *add_peer(GstElement *pipeline, const std::string &name);

// The call between two peers of this process: hands each one's session description and ICE
// candidates to the other, as a signalling server would.
class Connection {
 public:
  Connection(GstElement *offerer, GstElement *answerer);
  ~Connection();
  Connection(const Connection &) = delete;
  Connection &operator=(const Connection &) = delete;

  void negotiate();

  // Whether ICE and DTLS are up on both sides. Throws when they failed.
  bool connected() const;

  // The cipher of the SRTP packets that the offerer sends; empty when they are not encrypted.
  std::string srtp_cipher() const;

 private:
  static void on_candidate(GstElement *from, guint line, char *candidate, gpointer to);

  ObjectPtr<GstElement> offerer_;
  ObjectPtr<GstElement> answerer_;
  gulong handlers_[2];
};

}  // namespace call

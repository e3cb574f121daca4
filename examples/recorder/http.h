// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <libsoup/soup.h>

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "common/json.h"

namespace recorder {

using namespace examples;

// Requests that are answered with JSON, on the main context. Nothing blocks, and once this is gone
// nobody is called back.
class JsonHttp {
 public:
  struct Answer {
    JsonNodePtr json;
    std::string error;    // in words; empty: there is an answer
    bool reached = true;  // false: the server did not answer at all; trying again makes sense
    bool timed_out = false;
    bool no_tls = false;  // https was asked for, and the answer was no TLS, or a refusal of it
    unsigned status = 0;  // of HTTP, where there is one
  };
  using Done = std::function<void(const Answer &)>;

  // `trusted`: whose certificates are accepted with https; null: those that the system trusts.
  explicit JsonHttp(GTlsDatabase *trusted = nullptr);
  ~JsonHttp();
  JsonHttp(const JsonHttp &) = delete;
  JsonHttp &operator=(const JsonHttp &) = delete;

  // Posts `body`, or gets when there is none.
  void request(const std::string &url, const std::string *body, std::chrono::milliseconds within,
               Done done);

 private:
  struct Exchange;
  static void on_headers(GObject *, GAsyncResult *, gpointer);
  static void on_body(GObject *, GAsyncResult *, gpointer);
  static void finish(const std::shared_ptr<Exchange> &exchange, Answer answer);

  examples::ObjectPtr<SoupSession> session_;
  std::set<std::shared_ptr<Exchange>> exchanges_;
};

}  // namespace recorder

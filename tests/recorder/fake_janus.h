// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <libsoup/soup.h>

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/json.h"
#include "support/main_context.h"

namespace fake {

using e2ee::test::run_for;
using e2ee::test::run_until;
using examples::JsonNodePtr;
using examples::member_text;
using examples::parse_json;

/// Answers POSTs by kind of message; holds long polls until there is an event.
class FakeJanus {
 public:
  FakeJanus() { start(0); }
  ~FakeJanus() { stop(); }

  void start(guint port) {
    server_.reset(SOUP_SERVER(g_object_new(SOUP_TYPE_SERVER, nullptr)));
    soup_server_add_handler(server_.get(), nullptr, &FakeJanus::on_request, this, nullptr);
    soup_server_listen_local(server_.get(), port, SOUP_SERVER_LISTEN_IPV4_ONLY, nullptr);
    GSList *uris = soup_server_get_uris(server_.get());
    port_ = static_cast<guint>(g_uri_get_port(static_cast<GUri *>(uris->data)));
    g_slist_free_full(uris, reinterpret_cast<GDestroyNotify>(g_uri_unref));
  }
  void stop() {
    polls_.clear();
    server_.reset();
  }
  void restart() { start(port_); }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/janus"; }

  void event(const std::string &json) {
    events_.push_back(json);
    deliver();
  }

  std::map<std::string, std::string> answers{
      {"create", R"({"janus":"success","transaction":"%T","data":{"id":11}})"},
      {"attach", R"({"janus":"success","transaction":"%T","data":{"id":22}})"},
      {"message", R"({"janus":"ack","transaction":"%T"})"},
      {"trickle", R"({"janus":"ack","transaction":"%T"})"},
      {"keepalive", R"({"janus":"ack","transaction":"%T"})"},
      {"detach", R"({"janus":"success","transaction":"%T"})"},
      {"destroy", R"({"janus":"success","transaction":"%T"})"}};
  std::set<std::string> silent;  // kinds that are never answered
  std::vector<std::string> seen;
  std::vector<std::string> bodies;
  std::string last_transaction;
  std::string poll_query;
  std::function<void(const std::string &kind)> on_message;

 private:
  static void on_request(SoupServer *, SoupServerMessage *message, const char *, GHashTable *,
                         gpointer self) {
    static_cast<FakeJanus *>(self)->take(message);
  }

  static void reply(SoupServerMessage *message, const std::string &text) {
    soup_server_message_set_status(message, SOUP_STATUS_OK, nullptr);
    soup_server_message_set_response(message, "application/json", SOUP_MEMORY_COPY, text.data(),
                                     text.size());
  }

  void take(SoupServerMessage *message) {
    if (std::string(soup_server_message_get_method(message)) == "GET") {
      const char *query = g_uri_get_query(soup_server_message_get_uri(message));
      poll_query = query ? query : "";
      soup_server_message_pause(message);
      polls_.emplace_back(SOUP_SERVER_MESSAGE(g_object_ref(message)));
      return deliver();
    }
    SoupMessageBody *body = soup_server_message_get_request_body(message);
    const std::string text(body->data, static_cast<size_t>(body->length));
    std::string why;
    const JsonNodePtr node = parse_json(text, why);
    JsonObject *object = json_node_get_object(node.get());
    const std::string kind = member_text(object, "janus").value_or("");
    last_transaction = member_text(object, "transaction").value_or("");
    seen.push_back(kind);
    bodies.push_back(text);
    if (silent.contains(kind)) {
      soup_server_message_pause(message);
      polls_hung_.emplace_back(SOUP_SERVER_MESSAGE(g_object_ref(message)));
      return;
    }
    std::string answer = answers[kind];
    if (const auto at = answer.find("%T"); at != std::string::npos)
      answer.replace(at, 2, last_transaction);
    reply(message, answer);
    if (on_message)
      on_message(kind);
  }

  void deliver() {
    if (polls_.empty() || events_.empty())
      return;
    const auto poll = std::move(polls_.back());
    polls_.clear();
    reply(poll.get(), events_.front());
    events_.pop_front();
    soup_server_message_unpause(poll.get());
  }

  guint port_ = 0;
  examples::ObjectPtr<SoupServer> server_;
  std::deque<std::string> events_;
  std::vector<examples::ObjectPtr<SoupServerMessage>> polls_, polls_hung_;
};

}  // namespace fake

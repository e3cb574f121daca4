// SPDX-License-Identifier: LGPL-2.1-or-later
#include "janus.h"

#include <utility>

#include "janus_session.h"

namespace recorder {

JanusHandle::JanusHandle(std::shared_ptr<janus::Handle> handle) : handle_(std::move(handle)) {}

JanusHandle::~JanusHandle() {
  handle_->on_event = nullptr;
  const auto session = handle_->session.lock();
  const janus::Handle gone{
      .session = {}, .plugin = {}, .id = handle_->id, .on_event = {}, .outgoing = {}};
  handle_.reset();
  if (session)
    session->detach(gone);
}

void JanusHandle::on_event(std::function<void(const JanusEvent &)> callback) {
  handle_->on_event = std::move(callback);
}

void JanusHandle::request(JsonObjectPtr body, std::optional<Jsep> jsep, Answered answered) {
  if (const auto session = handle_->session.lock())
    session->request(handle_, std::move(body), jsep, std::move(answered));
}

void JanusHandle::trickle(unsigned mline, const std::string &candidate) {
  JsonObjectPtr object(json_object_new());
  json_object_set_string_member(object.get(), "candidate", candidate.c_str());
  json_object_set_int_member(object.get(), "sdpMLineIndex", mline);
  if (const auto session = handle_->session.lock())
    session->trickle(handle_, std::move(object));
}

void JanusHandle::trickle_completed() {
  JsonObjectPtr object(json_object_new());
  json_object_set_boolean_member(object.get(), "completed", TRUE);
  if (const auto session = handle_->session.lock())
    session->trickle(handle_, std::move(object));
}

JanusSession::JanusSession(Settings settings, Events events)
    : session_(std::make_shared<janus::Session>(std::move(settings), std::move(events))) {
  session_->create();
}

JanusSession::~JanusSession() {
  session_->abandon();
}

std::unique_ptr<JanusHandle> JanusSession::attach(const std::string &plugin) {
  return std::make_unique<JanusHandle>(session_->attach(plugin));
}

void JanusSession::close(std::function<void()> closed) {
  session_->close(std::move(closed));
}

}  // namespace recorder

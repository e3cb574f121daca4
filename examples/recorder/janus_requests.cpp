// SPDX-License-Identifier: LGPL-2.1-or-later
// What is sent on the handles of a session, in order, and how it is answered.
#include <utility>

#include "janus_session.h"

namespace recorder::janus {

namespace {

constexpr int kUnauthorizedPlugin = 405;

}  // namespace

std::shared_ptr<Handle> Session::attach(const std::string &plugin) {
  auto handle = std::make_shared<Handle>();
  handle->session = weak_from_this();
  handle->plugin = plugin;
  if (up_)
    post_attach(handle);
  else
    waiting_.push_back(handle);
  return handle;
}

void Session::post_attach(const std::shared_ptr<Handle> &handle) {
  if (over_)
    return;
  JsonObjectPtr attach = message("attach");
  set(attach.get(), "plugin", handle->plugin);
  post("", attach, settings_.answer_within,
       [this, weak = std::weak_ptr(handle)](const JsonHttp::Answer &answer) {
         on_attached(weak, answer);
       });
}

void Session::on_attached(const std::weak_ptr<Handle> &weak, const JsonHttp::Answer &answer) {
  const auto self = shared_from_this();
  if (over_)
    return;
  JsonObject *object = object_of(answer.json);
  const JanusReply reply = reply_of(object);
  const auto id = member_number(member_object(object, "data"), "id");
  const auto handle = weak.lock();
  if (id) {
    if (!handle)
      return detach({.session = {}, .plugin = {}, .id = *id, .on_event = {}, .outgoing = {}});
    handle->id = *id;
    handles_[*id] = handle;
    return post_next(handle);
  }
  if (!handle)
    return;
  std::string why = answer.error.empty() ? reply.error : answer.error;
  if (why.empty())
    why = "Janus gives no handle";
  const bool refused = reply.code == kUnauthorizedPlugin;
  if (const auto tell = handle->on_event)
    tell({.kind = "detached", .reason = why, .refused = refused, .data = nullptr, .jsep = {}});
}

void Session::request(const std::shared_ptr<Handle> &handle, JsonObjectPtr body,
                      const std::optional<Jsep> &jsep, JanusHandle::Answered answered) {
  if (over_)
    return;
  JsonObjectPtr request = message("message");
  json_object_set_object_member(request.get(), "body", body.release());
  if (jsep) {
    JsonObject *described = json_object_new();
    set(described, "type", jsep->type);
    set(described, "sdp", jsep->sdp);
    if (jsep->e2ee)
      json_object_set_boolean_member(described, "e2ee", TRUE);
    json_object_set_object_member(request.get(), "jsep", described);
  }
  const std::string transaction = *member_text(request.get(), "transaction");
  Pending &pending = pending_[transaction];
  pending.handle = handle;
  pending.answered = std::move(answered);
  pending.timeout.start(settings_.answer_within, [this, transaction] {
    answer(transaction, {.code = 0, .error = "Janus does not answer", .data = nullptr, .jsep = {}});
  });
  handle->outgoing.push_back(std::move(request));
  post_next(handle);
}

// Candidates that wait for an earlier request go together.
void Session::trickle(const std::shared_ptr<Handle> &handle, JsonObjectPtr candidate) {
  if (over_)
    return;
  JsonObject *last = handle->outgoing.empty() ? nullptr : handle->outgoing.back().get();
  if (member_text(last, "janus") != "trickle") {
    JsonObjectPtr trickle = message("trickle");
    json_object_set_array_member(trickle.get(), "candidates", json_array_new());
    last = trickle.get();
    handle->outgoing.push_back(std::move(trickle));
  }
  json_array_add_object_element(json_object_get_array_member(last, "candidates"),
                                candidate.release());
  post_next(handle);
}

void Session::post_next(const std::shared_ptr<Handle> &handle) {
  if (over_ || handle->id == 0 || handle->posting || handle->outgoing.empty())
    return;
  const JsonObjectPtr next = std::move(handle->outgoing.front());
  handle->outgoing.pop_front();
  handle->posting = true;
  post("/" + std::to_string(handle->id), next, settings_.answer_within,
       [this, weak = std::weak_ptr(handle), transaction = *member_text(next.get(), "transaction")](
           const JsonHttp::Answer &answer) { on_posted(weak, transaction, answer); });
}

void Session::on_posted(const std::weak_ptr<Handle> &weak, const std::string &transaction,
                        const JsonHttp::Answer &posted) {
  const auto self = shared_from_this();
  JsonObject *object = object_of(posted.json);
  if (!object)
    answer(transaction, {.code = 0,
                         .error = posted.json ? "the answer is no object" : posted.error,
                         .data = nullptr,
                         .jsep = {}});
  else if (member_text(object, "janus") != "ack")  // the event follows
    answer(transaction, reply_of(object));
  if (const auto handle = weak.lock()) {
    handle->posting = false;
    post_next(handle);
  }
}

// Nothing here when it is answered already, or the handle is gone.
void Session::answer(const std::string &transaction, const JanusReply &reply) {
  const auto self = shared_from_this();
  auto node = pending_.extract(transaction);
  if (over_ || node.empty())
    return;
  if (const auto handle = node.mapped().handle.lock(); handle && node.mapped().answered)
    node.mapped().answered(reply);
}

void Session::detach(const Handle &handle) {
  handles_.erase(handle.id);
  std::erase_if(pending_, [](const auto &entry) { return entry.second.handle.expired(); });
  if (over_ || handle.id == 0)
    return;
  post("/" + std::to_string(handle.id), message("detach"), settings_.answer_within,
       [](const JsonHttp::Answer &) {});
}

}  // namespace recorder::janus

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "roster.h"

#include <utility>

namespace recorder {
namespace {

constexpr std::size_t kMostPast = 10000;

bool is_called(const Participant &who, const std::string &identity) {
  return identity.empty() || who.identity() == identity;
}

}  // namespace

Roster::Roster(Journal &journal, const std::string &output, Make make, std::function<void()> left)
    : journal_(journal), make_(std::move(make)), left_(std::move(left)), withdrawn_(output) {}

void Roster::note_withdrawn() {
  for (const std::string &identity : withdrawn_.identities())
    journal_.note("withdrawn-before", {{"participant", identity}},
                  identity + " is not recorded: withdrawn by command, before this start");
}

std::vector<Participant *> Roster::all() {
  std::vector<Participant *> found;
  for (const Participants *some : {&participants_, &leaving_})
    for (const auto &who : *some)
      found.push_back(who.get());
  return found;
}

void Roster::tick() {
  for (Participant *who : all())
    who->tick();
}

// ---- who comes and goes -------------------------------------------------------------------------

void Roster::join(const Feed &feed) {
  participants_.push_back(make_(feed));
  by_feed_[feed.id] = std::prev(participants_.end());
  if (const char *by = withdrawn_by(feed.identity))
    participants_.back()->withdraw(by);
}

// Someone with another name has other keys, and another file.
void Roster::change(const Feed &feed) {
  const auto found = by_feed_.find(feed.id);
  if (found == by_feed_.end())
    return;
  if ((*found->second)->identity() == feed.identity)
    return (*found->second)->update(feed);
  leave(feed, "renamed");
  join(feed);
}

void Roster::leave(const Feed &feed, const std::string &why) {
  const auto found = by_feed_.find(feed.id);
  if (found == by_feed_.end())
    return;
  send_away(found->second, why);
  by_feed_.erase(found);
}

void Roster::send_all_away(const std::string &reason) {
  by_feed_.clear();
  while (!participants_.empty())
    send_away(participants_.begin(), reason);
}

void Roster::send_away(Participants::iterator who, const std::string &reason) {
  leaving_.splice(leaving_.end(), participants_, who);
  (*who)->leave(reason, [this, who] {
    for (ProgressRow &row : (*who)->rows())
      if (past_.size() < kMostPast)
        past_.push_back(std::move(row));
    past_figures_ += (*who)->figures();
    leaving_.erase(who);
    left_();
  });
}

// ---- who must not be recorded -------------------------------------------------------------------

std::int64_t Roster::withdraw(const std::string &identity, const std::string &by) {
  std::int64_t count = 0;
  for (Participant *who : all())  // before anything waits for the disk
    if (is_called(*who, identity))
      who->withhold();
  for (Participant *who : all())
    if (is_called(*who, identity)) {
      who->withdraw(by);
      ++count;
    }
  return count;
}

// Null when they may be recorded.
const char *Roster::withdrawn_by(const std::string &identity) const {
  if (withdrawn_.contains(identity))
    return "command";
  return keyless_.contains(identity) || keyless_.contains("") ? "keys" : nullptr;
}

std::int64_t Roster::allow(const std::string &identity, const std::string &by) {
  std::int64_t count = 0;
  for (auto &who : participants_)
    if (is_called(*who, identity) && !withdrawn_by(who->identity())) {
      who->allow(by);
      ++count;
    }
  return count;
}

// How many recordings it ended; whoever comes under this name later is not recorded either.
std::int64_t Roster::forbid(const std::string &identity) {
  journal_.note("command", {{"command", "withdraw"}, {"participant", identity}});
  const std::int64_t count = withdraw(identity, "command");
  withdrawn_.insert(identity);
  return count;
}

std::int64_t Roster::permit(const std::string &identity) {
  if (!withdrawn_.contains(identity))
    throw Failure("nobody has withdrawn " + identity);
  withdrawn_.erase(identity);
  journal_.note("command", {{"command", "allow"}, {"participant", identity}});
  return allow(identity, "command");
}

void Roster::lose_key(const std::string &identity) {
  keyless_.insert(identity);
  withdraw(identity, "keys");
}

void Roster::regain_key(const std::string &identity) {
  keyless_.erase(identity);
  allow(identity, "keys");
}

// ---- what others see ----------------------------------------------------------------------------

std::vector<ProgressRow> Roster::rows() {
  std::vector<ProgressRow> rows;
  for (Participant *who : all())
    for (ProgressRow &row : who->rows())
      rows.push_back(std::move(row));
  return rows;
}

Figures Roster::figures() {
  Figures figures = past_figures_;
  for (Participant *who : all())
    figures += who->figures();
  return figures;
}

}  // namespace recorder

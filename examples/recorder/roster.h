// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "figures.h"
#include "journal.h"
#include "participant.h"
#include "withdrawn.h"

namespace recorder {

// The participants that are recorded, those who leave and whose files are closed, and who must not
// be recorded. On the main context.
class Roster {
 public:
  using Make = std::function<std::unique_ptr<Participant>(const Feed &)>;

  // `output`: the folder that keeps who has withdrawn. `left`: one of them is gone for good.
  Roster(Journal &journal, const std::string &output, Make make, std::function<void()> left);
  Roster(const Roster &) = delete;
  Roster &operator=(const Roster &) = delete;

  // Notes who is not recorded since an earlier start.
  void note_withdrawn();

  void join(const Feed &feed);
  void change(const Feed &feed);
  void leave(const Feed &feed, const std::string &why);
  void send_all_away(const std::string &reason);
  bool is_empty() const { return participants_.empty() && leaving_.empty(); }
  void tick();

  // Ends the recordings of one participant, or of all when `identity` is empty. How many there
  // were.
  std::int64_t withdraw(const std::string &identity, const std::string &by);
  // By command, until it is taken back. permit() throws Failure for who has not withdrawn.
  std::int64_t forbid(const std::string &identity);
  std::int64_t permit(const std::string &identity);
  // A participant has no key any more, or has one again; empty: the key that all share.
  void lose_key(const std::string &identity);
  void regain_key(const std::string &identity);
  bool is_withdrawn(const std::string &identity) const { return withdrawn_by(identity) != nullptr; }

  std::vector<ProgressRow> rows();
  const std::vector<ProgressRow> &past_rows() const { return past_; }
  std::size_t size() const { return participants_.size(); }  // who is recorded now
  Figures figures();                                         // of all since the start

 private:
  using Participants = std::list<std::unique_ptr<Participant>>;
  void send_away(Participants::iterator who, const std::string &reason);
  std::int64_t allow(const std::string &identity, const std::string &by);
  const char *withdrawn_by(const std::string &identity) const;
  std::vector<Participant *> all();

  Journal &journal_;
  const Make make_;
  const std::function<void()> left_;
  Withdrawn withdrawn_;
  std::set<std::string> keyless_;  // whose keys were taken away; empty: the key that all share
  std::map<std::string, Participants::iterator> by_feed_;
  Participants participants_;
  Participants leaving_;
  std::vector<ProgressRow> past_;  // of those who left, for the last figures
  Figures past_figures_;
};

}  // namespace recorder

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <mutex>

#include "names.h"
#include "signature.h"

namespace recorder {
namespace audit_format {

std::string signed_text(const std::string &record) {
  return "gst-e2ee audit 1\n" + record;
}

}  // namespace audit_format

namespace {

using Clock = std::chrono::steady_clock;

enum class Signed { kNo, kYes };

constexpr off_t kRoomAhead = 8 * 1024 * 1024;
constexpr off_t kRoomStep = 128 * 1024;
constexpr off_t kPartOfDisk = 8;  // an eighth of what is free, where that is less

int create_log(const std::string &path) {
  const int fd =
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST)
    throw Failure(path +
                  ": there is a file already, and an audit log is never continued; give "
                  "each start of the recorder a log of its own");
  if (fd < 0)
    throw Failure(path + ": cannot create the audit log: " + strerror(errno));
  return fd;
}

}  // namespace

class AuditLog::Log {
 public:
  Log(const std::string &path, SigningKey key, std::chrono::seconds checkpoint_time)
      : path_(path),
        key_(std::move(key)),
        checkpoint_time_(checkpoint_time),
        fd_(create_log(path)) {}
  ~Log() {
    give_room_back();
    ::close(fd_);
  }

  void open(const Fields &about) {
    const PublicKey key = key_.public_key();
    Fields fields = {{"format", std::int64_t{1}},
                     {"public-key", key.hex()},
                     {"public-key-fingerprint", key.fingerprint()}};
    fields.insert(fields.end(), about.begin(), about.end());
    std::lock_guard lock(mutex_);
    claim_room();
    try {
      write("opened", fields, Signed::kYes);
    } catch (...) {
      unlink(path_.c_str());  // a file without a record would only be in the way of the next start
      throw;
    }
    sync_folder(AT_FDCWD, examples::CharPtr(g_path_get_dirname(path_.c_str())).get());
  }

  void add(const std::string &event, const Fields &fields) {
    std::lock_guard lock(mutex_);
    write(event, fields, Signed::kNo);
    if (seq_ - signed_seq_ >= kCheckpointRecords)
      write("checkpoint", {}, Signed::kYes);
  }

  void tick() {
    std::lock_guard lock(mutex_);
    if (closed_)
      return;
    if (!problem_.empty())
      throw Failure(problem_);
    if (seq_ != signed_seq_ && Clock::now() - signed_at_ >= checkpoint_time_)
      write("checkpoint", {}, Signed::kYes);
  }

  void close(const Fields &summary) {
    std::lock_guard lock(mutex_);
    write("closed", summary, Signed::kYes);
    closed_ = true;
    give_room_back();
  }

  // From a signal handler, where nobody catches.
  void add_told(const std::string &event, const Fields &fields) {
    try {
      add(event, fields);
    } catch (const Failure &failure) {
      std::function<void(const std::string &)> tell;
      {
        std::lock_guard lock(mutex_);
        if (!closed_)
          tell = std::exchange(failed_, nullptr);
      }
      if (tell)
        tell(failure.what());
    }
  }

  void on_failure(std::function<void(const std::string &)> failed) {
    std::lock_guard lock(mutex_);
    failed_ = std::move(failed);
  }

 private:
  // Mutex held, here and below.
  void write(const std::string &event, const Fields &fields, Signed with_signature) {
    if (closed_)
      throw Failure(path_ + ": the audit log is closed");
    if (!problem_.empty())
      throw Failure(problem_);
    JsonWriter record;
    record.set("seq", static_cast<std::int64_t>(seq_ + 1));
    record.set("time", time_text(g_get_real_time()));
    record.set("event", event);
    for (const auto &[name, value] : fields)
      record.set(name, value);
    record.set("prev", prev_);
    std::string line = record.line();
    if (with_signature == Signed::kYes) {
      const std::string signature = key_.sign(audit_format::signed_text(line));
      line.pop_back();
      line += audit_format::kSignatureField + signature + "\"}";
    }
    if (line.size() > audit_format::kMaxLine)
      fail("a record of " + std::to_string(line.size()) + " bytes is longer than readers take");
    append(line + "\n");
    prev_ = sha256_hex(line);
    ++seq_;
    if (with_signature == Signed::kYes) {
      signed_seq_ = seq_;
      signed_at_ = Clock::now();
    }
  }

  // Blocks beyond the end of the file: what is written there needs no room any more. In steps, for
  // where there is room for some of it. Where the file system has no such thing the log takes its
  // room record by record.
  void claim_room() {
    struct statvfs disk {};
    if (fstatvfs(fd_, &disk) != 0)
      return;
    const auto free = static_cast<off_t>(disk.f_bavail * disk.f_frsize);
    const off_t wanted = size_ + std::min(kRoomAhead, free / kPartOfDisk);
    for (off_t from = std::max(size_, claimed_to_); from < wanted; from = claimed_to_) {
      if (fallocate(fd_, FALLOC_FL_KEEP_SIZE, from, kRoomStep) != 0)
        return;
      claimed_to_ = from + kRoomStep;
    }
  }

  void give_room_back() {
    if (std::exchange(claimed_to_, 0) != 0 && ftruncate(fd_, size_) != 0)
      return;  // the blocks stay with the file
  }

  void append(const std::string &line) {
    if (claimed_to_ - size_ < kRoomAhead / 2)
      claim_room();
    std::size_t done = 0;
    while (done < line.size()) {  // a disk that fills up takes a part, and then says why
      const ssize_t written = ::write(fd_, line.data() + done, line.size() - done);
      if (written > 0)
        done += static_cast<std::size_t>(written);
      else if (written == 0 || errno != EINTR)
        break;
    }
    if (done == line.size() && fdatasync(fd_) == 0) {
      size_ += static_cast<off_t>(done);
      return;
    }
    const int why = errno;
    if (done > 0 && ftruncate(fd_, size_) == 0)  // if that fails the torn line says what happened
      fdatasync(fd_);
    fail(std::string(strerror(why)) + ": make room and start again");
  }

  [[noreturn]] void fail(const std::string &why) {
    problem_ = path_ + ": cannot write the audit log: " + why +
               "; nothing may be recorded that is not accounted for";
    throw Failure(problem_);
  }

  const std::string path_;
  const SigningKey key_;
  const std::chrono::seconds checkpoint_time_;
  const int fd_;

  std::mutex mutex_;  // held while a record is written and synced
  std::function<void(const std::string &)> failed_;
  std::string problem_;
  std::string prev_ = audit_format::kFirstPrev;
  std::uint64_t seq_ = 0;
  std::uint64_t signed_seq_ = 0;
  off_t size_ = 0;
  off_t claimed_to_ = 0;
  Clock::time_point signed_at_{};
  bool closed_ = false;
};

// ---- what the provider tells --------------------------------------------------------------------

struct AuditLog::Followed {
  Followed(GstE2EEKeyProvider *followed)
      : provider(GST_E2EE_KEY_PROVIDER(g_object_ref(followed))) {}
  ~Followed() {
    for (gulong handler : handlers)
      g_signal_handler_disconnect(provider.get(), handler);
  }

  // Handlers hold the log: one that runs on a worker goes on while the log is taken down.
  void connect(const std::shared_ptr<Log> &log, const char *signal, GCallback handler) {
    handlers.push_back(g_signal_connect_data(
        provider.get(), signal, handler, new std::shared_ptr<Log>(log),
        [](gpointer data, GClosure *) { delete static_cast<std::shared_ptr<Log> *>(data); },
        static_cast<GConnectFlags>(0)));
  }

  static void on_used(GstE2EEKeyProvider *, const GstStructure *use, std::shared_ptr<Log> *log);
  static void on_changed(GstE2EEKeyProvider *, const char *who, guint64 id,
                         std::shared_ptr<Log> *log);
  static void on_removed(GstE2EEKeyProvider *, const char *who, guint64 id,
                         std::shared_ptr<Log> *log);
  static void on_missing(GstE2EEKeyProvider *, const char *who, guint64 id,
                         std::shared_ptr<Log> *log);
  static void on_ratcheted(GstE2EEKeyProvider *, const char *who, guint64 id, guint64 generation,
                           std::shared_ptr<Log> *log);

  examples::ObjectPtr<GstE2EEKeyProvider> provider;
  std::vector<gulong> handlers;
};

namespace {

AuditLog::Fields key_fields(const char *participant, guint64 key_id) {
  return {{"participant", std::string(participant ? participant : "")},
          {"key-id", key_id == GST_E2EE_ALL_KEYS ? AuditLog::Value(std::string("all"))
                                                 : json_unsigned(key_id)}};
}

}  // namespace

void AuditLog::Followed::on_used(GstE2EEKeyProvider *, const GstStructure *use,
                                 std::shared_ptr<Log> *log) {
  const auto text = [use](const char *name) {
    const char *value = gst_structure_get_string(use, name);
    return std::string(value ? value : "");
  };
  const auto number = [use](const char *name) {
    guint64 value = 0;
    gst_structure_get_uint64(use, name, &value);
    return json_unsigned(value);
  };
  const auto time = [use](const char *name) {
    gint64 value = 0;
    gst_structure_get_int64(use, name, &value);
    return time_text(value);
  };
  (*log)->add_told("key-used", {{"participant", text("participant")},
                                {"key-id", number("key-id")},
                                {"generation", number("generation")},
                                {"fingerprint", text("fingerprint")},
                                {"identity", text("identity") == "key" ? "proven" : "asserted"},
                                {"direction", text("direction")},
                                {"first", time("first")},
                                {"last", time("last")},
                                {"frames", number("frames")},
                                {"failures", number("failures")},
                                {"aead", text("aead")}});
}

void AuditLog::Followed::on_changed(GstE2EEKeyProvider *, const char *who, guint64 id,
                                    std::shared_ptr<Log> *log) {
  (*log)->add_told("key-changed", key_fields(who, id));
}

void AuditLog::Followed::on_removed(GstE2EEKeyProvider *, const char *who, guint64 id,
                                    std::shared_ptr<Log> *log) {
  (*log)->add_told("key-removed", key_fields(who, id));
}

void AuditLog::Followed::on_missing(GstE2EEKeyProvider *, const char *who, guint64 id,
                                    std::shared_ptr<Log> *log) {
  (*log)->add_told("key-missing", key_fields(who, id));
}

void AuditLog::Followed::on_ratcheted(GstE2EEKeyProvider *, const char *who, guint64 id,
                                      guint64 generation, std::shared_ptr<Log> *log) {
  Fields fields = key_fields(who, id);
  fields.emplace_back("generation", json_unsigned(generation));
  (*log)->add_told("key-ratcheted", fields);
}

// ---- the log ------------------------------------------------------------------------------------

AuditLog::AuditLog(const std::string &path, const std::string &key_file, const Fields &about,
                   std::chrono::seconds checkpoint_time) {
  SigningKey key = SigningKey::from_file(key_file, notices_);
  log_ = std::make_shared<Log>(path, std::move(key), checkpoint_time);
  log_->open(about);
}

AuditLog::~AuditLog() = default;

void AuditLog::on_failure(std::function<void(const std::string &)> failed) {
  log_->on_failure(std::move(failed));
}

void AuditLog::add(const std::string &event, const Fields &fields) {
  log_->add(event, fields);
}

void AuditLog::follow(GstE2EEKeyProvider *provider) {
  auto followed = std::make_unique<Followed>(provider);
  followed->connect(log_, "key-used", G_CALLBACK(Followed::on_used));
  followed->connect(log_, "key-changed", G_CALLBACK(Followed::on_changed));
  followed->connect(log_, "key-removed", G_CALLBACK(Followed::on_removed));
  followed->connect(log_, "key-missing", G_CALLBACK(Followed::on_missing));
  followed->connect(log_, "key-ratcheted", G_CALLBACK(Followed::on_ratcheted));
  followed_.push_back(std::move(followed));
}

void AuditLog::tick() {
  log_->tick();
}

void AuditLog::close(const Fields &summary) {
  for (const auto &followed : followed_)
    gst_e2ee_key_provider_sync(followed->provider.get());
  followed_.clear();
  log_->close(summary);
}

}  // namespace recorder

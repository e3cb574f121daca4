// SPDX-License-Identifier: LGPL-2.1-or-later
// e2ee-unseal on file systems that refuse what it asks for, and with a report that nothing takes.
#pragma once

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <string>
#include <vector>

#include "sealed.h"

namespace sealed {

class Faults {
 public:
  static bool possible() { return prctl(PR_GET_SECCOMP) >= 0; }

  /// The system call fails; `flag`: only with this one in its third argument.
  Faults &refuse(long call, int error, unsigned flag = 0) {
    const auto number = static_cast<unsigned>(call);
    constexpr unsigned kHigh = G_BYTE_ORDER == G_BIG_ENDIAN ? 4 : 0;
    load(offsetof(seccomp_data, nr));
    const __u8 rest = flag == 0 ? 1 : 3;
    filter_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, rest));
    if (flag != 0) {
      load(offsetof(seccomp_data, args) + 2 * sizeof(__u64) + kHigh);
      filter_.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flag, 0, 1));
    }
    answer(SECCOMP_RET_ERRNO | static_cast<unsigned>(error));
    return *this;
  }

  /// As where files without a name cannot be, nor renamed without overwriting.
  Faults &refuse_nameless() {
    return refuse(SYS_openat, EOPNOTSUPP, O_TMPFILE & ~O_DIRECTORY).refuse(SYS_renameat2, EINVAL);
  }
  Faults &refuse_unlink() {
#ifdef SYS_unlink
    refuse(SYS_unlink, EPERM);
#endif
    return refuse(SYS_unlinkat, EPERM);
  }

  Outcome unseal(const std::vector<std::string> &arguments, const char *report_to = nullptr) {
    answer(SECCOMP_RET_ALLOW);
    report_to_ = report_to;
    std::vector<const char *> argv{UNSEAL};
    for (const std::string &argument : arguments)
      argv.push_back(argument.c_str());
    argv.push_back(nullptr);
    gchar *out = nullptr, *err = nullptr;
    gint status = 0;
    test::Error error;
    EXPECT_TRUE(g_spawn_sync(nullptr, const_cast<gchar **>(argv.data()), nullptr, G_SPAWN_DEFAULT,
                             &set_up, this, &out, &err, &status, error.at()))
        << error.text();
    Outcome run;
    run.out = test::Text(out).get();
    run.err = test::Text(err).get();
    run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return run;
  }

 private:
  void load(std::size_t at) {
    filter_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(at)));
  }
  void answer(unsigned what) {
    filter_.push_back(BPF_STMT(BPF_RET | BPF_K, what));
  }

  // Between fork() and exec().
  static void set_up(gpointer data) {
    auto *self = static_cast<Faults *>(data);
    const int to = self->report_to_ ? open(self->report_to_, O_WRONLY | O_CLOEXEC) : -1;
    if (to >= 0)
      dup2(to, STDOUT_FILENO);
    const sock_fprog program{static_cast<unsigned short>(self->filter_.size()),
                             self->filter_.data()};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
      _exit(99);
  }

  std::vector<sock_filter> filter_;
  const char *report_to_ = nullptr;
};

}  // namespace sealed

// What happens to a process happens in one of its own.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace sotto {

// Whether `holds` did, in a child.
inline bool in_a_child(const std::function<bool()>& holds) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(holds() ? 0 : 1);
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// From now on this system call fails with `error` in this process when its first argument is `argument`, as
// it does on systems that lack what it asks for. False where the system takes no such filter.
inline bool refuse_call(long number, std::uint32_t argument, std::uint32_t error) {
  constexpr auto kNumberAt = static_cast<std::uint32_t>(offsetof(seccomp_data, nr));
  constexpr auto kArgumentAt = static_cast<std::uint32_t>(offsetof(seccomp_data, args));
  std::array<sock_filter, 6> program = {
      {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumberAt),
       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, std::uint32_t(number), 0, 3),
       BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kArgumentAt), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, argument, 0, 1),
       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace sotto

// A process that was started without standard input, as some supervisors do: the next file it opens is 0.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace sotto {

class WithoutStandardInput {
 public:
  WithoutStandardInput() : kept_(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)) {
    EXPECT_GE(kept_, 0);
    ::close(STDIN_FILENO);
  }
  ~WithoutStandardInput() {
    ::dup2(kept_, STDIN_FILENO);
    ::close(kept_);
  }
  WithoutStandardInput(const WithoutStandardInput&) = delete;
  WithoutStandardInput& operator=(const WithoutStandardInput&) = delete;

  // Whether what was opened as 0 has been closed again.
  [[nodiscard]] static bool all_closed() { return ::fcntl(STDIN_FILENO, F_GETFD) < 0; }

 private:
  int kept_;
};

}  // namespace sotto

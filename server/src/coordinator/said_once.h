// What the log was told lately, so that it is not told again at every call of somebody who goes on.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_set>
#include <utility>

#include "sotto/base/clock.h"

namespace sotto::server {

class SaidOnce {
 public:
  static constexpr std::chrono::milliseconds kKept{3'600'000};
  static constexpr std::size_t kMax = 4096;  // whoever makes up names to flood the log only gets so far

  // Whether this is to be said now: true once in kKept, and never while kMax others are remembered.
  [[nodiscard]] bool first(const std::string& what, Time now);

 private:
  std::unordered_set<std::string> said_;
  std::deque<std::pair<Time, std::string>> until_;  // oldest first
};

}  // namespace sotto::server

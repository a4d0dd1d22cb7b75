// SOTTO_CHECK: a bug in this program stops it, in release builds too. Never for anything a peer or a user can
// cause.
#pragma once

namespace sotto {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace sotto

#define SOTTO_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::sotto::check_failed(#condition, __FILE__, __LINE__))

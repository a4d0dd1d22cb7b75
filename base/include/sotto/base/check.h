// SOTTO_CHECK: a bug in this program stops it, in release builds too. Never for anything a peer or a user can
// cause.
#pragma once

namespace sotto {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace sotto

// The name alone of a file: with its folders, what a board's flash holds would depend on where it was built.
#ifdef __FILE_NAME__
#define SOTTO_CHECK_FILE __FILE_NAME__
#else
#define SOTTO_CHECK_FILE __FILE__
#endif

#define SOTTO_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::sotto::check_failed(#condition, SOTTO_CHECK_FILE, __LINE__))

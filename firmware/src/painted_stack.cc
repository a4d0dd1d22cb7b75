#include "painted_stack.h"

extern "C" {
extern std::uint32_t sotto_stack_limit[];  // set by linker/sections.ld
}

namespace sotto::painted_stack {
namespace {

constexpr std::uint32_t kPaint = 0x5ca1ab1e;

}  // namespace

// Below the stack pointer in here lies nothing that anybody still uses.
[[gnu::noinline]] void paint() {
  const std::uint32_t* const end = stack_pointer();
  for (volatile std::uint32_t* word = sotto_stack_limit; word != end; ++word) *word = kPaint;
}

[[gnu::noinline]] std::uint32_t used_bytes_below(const std::uint32_t* frame) {
  const std::uint32_t* deepest = sotto_stack_limit;
  if (*deepest != kPaint) return kBeyondLimit;
  while (deepest != frame && *deepest == kPaint) ++deepest;
  return static_cast<std::uint32_t>(frame - deepest) * sizeof(std::uint32_t);
}

}  // namespace sotto::painted_stack

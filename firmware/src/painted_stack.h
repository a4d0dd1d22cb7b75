// How deep the stack went: paint what is free, run, look how much of the paint is left.
#pragma once

#include <cstdint>

namespace sotto::painted_stack {

// The caller's stack pointer, once it has saved all that it saves: a function of its own, so that no compiler
// moves the reading to before that.
#ifdef __arm__
[[gnu::naked, gnu::noinline]] inline std::uint32_t* stack_pointer() { asm("mov r0, sp\n bx lr"); }
#else
std::uint32_t* stack_pointer();  // a host's, whose stack is not measured: null
#endif

// Fills the free stack, from its limit up.
void paint();

// Bytes of stack used below `frame`, the stack_pointer() of the function that called paint(), since then;
// kBeyondLimit when all that was painted is gone, so that nobody knows how many.
inline constexpr std::uint32_t kBeyondLimit = UINT32_MAX;
std::uint32_t used_bytes_below(const std::uint32_t* frame);

}  // namespace sotto::painted_stack

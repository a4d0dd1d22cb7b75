// What an open front end remembers; it lies at the start of the arena.
#pragma once

#include <cstdint>

#include "front_end/frame_layout.h"

namespace sotto::device::front_end {

// A pointer that takes eight bytes everywhere, so that arenas have one size on hosts and boards.
template <typename Pointee>
struct alignas(8) WidePointer {
  Pointee* pointer;
  std::uint8_t padding[8 - sizeof(Pointee*)];
};
template <typename Pointee>
requires(sizeof(Pointee*) == 8) struct alignas(8) WidePointer<Pointee> {
  Pointee* pointer;
};

}  // namespace sotto::device::front_end

struct sotto_front_end {
  sotto::device::front_end::WidePointer<const sotto_feature_kind> kind;
  sotto::device::front_end::WidePointer<const std::uint8_t> tables;
  std::uint32_t filled;        // samples of each channel in the frame
  std::uint32_t skipped;       // samples still to be skipped before the next frame
  std::uint32_t next_row;      // the row that is written next, which is the oldest when all are there
  std::uint32_t missing_rows;  // until an output is ready
  std::uint32_t ready;
  std::uint32_t padding;
};
static_assert(sizeof(sotto_front_end) == 40);

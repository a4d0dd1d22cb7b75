// What an open front end remembers; it lies at the start of the arena.
#pragma once

#include <cstdint>

#include "core/wide_pointer.h"
#include "front_end/frame_layout.h"

struct sotto_front_end {
  sotto::device::WidePointer<const sotto_feature_kind> kind;
  sotto::device::WidePointer<const std::uint8_t> tables;
  std::uint32_t filled;        // samples of each channel in the frame
  std::uint32_t skipped;       // samples still to be skipped before the next frame
  std::uint32_t next_row;      // the row that is written next, which is the oldest when all are there
  std::uint32_t missing_rows;  // until an output is ready
  std::uint32_t ready;
  std::uint32_t padding;
};
static_assert(sizeof(sotto_front_end) == 40);

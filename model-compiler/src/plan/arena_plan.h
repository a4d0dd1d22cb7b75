// Where every buffer lies in the arena. Buffers alive at the same time are apart, except where an operator's
// output may lie over its input (overlap.h).
//
// Search: buffers are placed one after another, each at the lowest place that what is already placed leaves;
// tried with several orders (size, size times lifetime, first use, busiest operator first), then with random
// changes of the best order. Deterministic.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/overlap.h"

namespace sotto::model_compiler {

struct PlanBuffer {
  std::uint32_t bytes = 0;
  // First and last operator during which it holds a value; -1: before the first operator.
  std::int32_t first = 0;
  std::int32_t last = 0;
};

// The output of operator `step` may lie over its input, which dies there.
struct PlanOverlap {
  std::uint32_t input = 0, output = 0;
  Overlap overlap;
};

struct PlanProblem {
  std::vector<PlanBuffer> buffers;
  std::vector<PlanOverlap> overlaps;
};

struct ArenaPlan {
  std::vector<std::uint32_t> offsets;  // of each buffer, on kActivationAlignment
  std::uint32_t bytes = 0;
  std::uint32_t lower_bound_bytes = 0;  // no placement needs less
  std::uint32_t max_live_bytes = 0;     // nor less than this without overlap
};

// Sums of sizes must fit 32 bits.
[[nodiscard]] ArenaPlan plan_arena(const PlanProblem& problem);

// Whether output at `output` over input at `input` is written from the high end.
[[nodiscard]] bool is_descending(const Overlap& overlap, const PlanBuffer& input_buffer, std::uint32_t input,
                                 const PlanBuffer& output_buffer, std::uint32_t output);

}  // namespace sotto::model_compiler

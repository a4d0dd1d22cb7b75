// The arena's contents as the planner sees them: lifetimes of tensors and scratch, and which outputs may lie
// over which inputs.
#pragma once

#include "lower/lowering.h"
#include "plan/arena_plan.h"

namespace sotto::model_compiler {

// Where everything lies once planned.
struct PlannedArena {
  ArenaPlan plan;
  std::vector<std::uint32_t> tensor_offsets;  // by tensor of the graph; 0 for those that are not in the arena
  std::vector<std::uint32_t> scratch_offsets;  // by operator
  std::vector<bool> descending;                // by operator
};

[[nodiscard]] PlannedArena plan_tensors(const Graph& graph, const std::vector<LoweredOperator>& operators);

}  // namespace sotto::model_compiler

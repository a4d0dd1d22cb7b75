// The image's records behind its constants, and the report that goes with it.
#pragma once

#include "lower/lowering.h"
#include "plan/arena_problem.h"
#include "sotto/model_compiler/model_compiler.h"

namespace sotto::model_compiler {

struct LoweredModel {
  const Graph& graph;
  const std::vector<LoweredOperator>& operators;
  const PlannedArena& arena;
};

// kInvalidArgument when a model input or output has a type or quantisation that an image cannot describe.
// Empties the builder.
[[nodiscard]] Result<CompiledModel> write_image(const LoweredModel& model, std::uint32_t source_crc32,
                                                ImageBuilder& builder);

}  // namespace sotto::model_compiler

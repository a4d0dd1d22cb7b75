// The compiler's steps in their order.
#include "compiler/image_writer.h"
#include "compiler/lower/lowering.h"
#include "compiler/plan/arena_problem.h"
#include "compiler/tflite/reader.h"
#include "core/crc32.h"
#include "sotto/device_runtime/model_compiler.h"

namespace sotto::model_compiler {

Result<CompiledModel> compile(Bytes tflite, const CompileOptions& options) {
  const auto graph = read_tflite(tflite);
  if (!graph) return graph.error();
  ImageBuilder builder;
  const auto operators = lower(*graph, options.target, builder);
  if (!operators) return operators.error();
  const PlannedArena arena = plan_tensors(*graph, *operators);
  return write_image({*graph, *operators, arena}, device::crc32(tflite.data(), tflite.size()), builder);
}

}  // namespace sotto::model_compiler

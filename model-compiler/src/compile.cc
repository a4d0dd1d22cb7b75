// The compiler's steps in their order.
#include "image_writer.h"
#include "lower/lowering.h"
#include "plan/arena_problem.h"
#include "sotto/device_runtime/crc32.h"
#include "sotto/model_compiler/model_compiler.h"
#include "tensor/float_bridges.h"
#include "tensor/padding_folding.h"
#include "tensor/shape_folding.h"
#include "tensor/variables.h"
#include "tflite/reader.h"

namespace sotto::model_compiler {

Result<CompiledModel> compile(Bytes tflite, const CompileOptions& options) {
  auto graph = read_tflite(tflite);
  if (!graph) return graph.error();
  SOTTO_RETURN_IF_ERROR(check_operators(*graph));
  SOTTO_RETURN_IF_ERROR(fold_shapes(*graph));
  fold_float_bridges(*graph);
  fold_padding(*graph);
  SOTTO_RETURN_IF_ERROR(fold_variables(*graph));
  ImageBuilder builder;
  const auto operators = lower(*graph, options.target, builder);
  if (!operators) return operators.error();
  const PlannedArena arena = plan_tensors(*graph, *operators);
  return write_image({*graph, *operators, arena}, crc32(tflite), builder);
}

const char* operator_name(std::uint32_t code) {
  return builtin_operator_name(code > INT32_MAX ? -1 : static_cast<std::int32_t>(code));
}

std::uint32_t crc32(Bytes bytes) { return device::crc32(bytes.data(), bytes.size()); }

}  // namespace sotto::model_compiler

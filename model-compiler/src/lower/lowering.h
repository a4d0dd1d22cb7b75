// From operators of the graph to records of the image: checks, multipliers, folded biases, packed weights,
// and what the planner must know. operators.cc says which function lowers which operator.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "image_builder.h"
#include "kernel_plan.h"
#include "lower/quantization.h"
#include "plan/overlap.h"
#include "sotto/base/result.h"
#include "tflite/graph.h"

namespace sotto::model_compiler {

struct LoweredOperand {
  device::Place place = device::Place::kArena;
  std::uint32_t tensor = 0;           // of the graph, when in the arena
  std::uint32_t constant_offset = 0;  // in the image otherwise
  std::uint32_t bytes = 0;
};

struct LoweredOperator {
  const KernelPlan* kernel = nullptr;
  std::uint16_t source_operator = 0;
  std::uint16_t source_index = 0;
  std::vector<std::uint8_t> parameters;
  std::vector<LoweredOperand> inputs;
  std::vector<LoweredOperand> outputs;
  // How each input may lie over the first output; shorter than inputs: not at all.
  std::vector<Overlap> overlaps;
  // The first output is the first input's bytes under another shape: plan them at one place.
  bool in_place = false;
  // Where `descending` is in the parameters, for a kernel that honours it.
  std::optional<std::size_t> descending_offset;
  std::uint32_t scratch_bytes = 0;
  std::uint32_t multiply_accumulates = 0;
  std::uint32_t constant_bytes = 0;
};

// What a lowering function works with.
class Lowering {
 public:
  Lowering(const Graph& source, Target wanted, ImageBuilder& builder)
      : graph(source), target(wanted), image(builder) {}

  // The operand's tensor, which must be there.
  [[nodiscard]] Result<std::uint32_t> input(const Operator& op, std::uint32_t i) const;
  [[nodiscard]] Result<std::uint32_t> output(const Operator& op, std::uint32_t i) const;
  [[nodiscard]] const Tensor& tensor(std::uint32_t index) const { return graph.tensors[index]; }

  // "tensor 12 "conv/bias": why", the form of every refusal.
  [[nodiscard]] Status refuse(std::uint32_t tensor, const std::string& why) const;
  // What is wrong with a tensor that should be INT8 and is not, and what to do about it.
  [[nodiscard]] Status refuse_type(std::uint32_t tensor) const;
  // An int8 tensor with one scale and one zero point, as activations are.
  [[nodiscard]] Status require_int8_activation(std::uint32_t tensor) const;
  [[nodiscard]] Result<const KernelPlan*> kernel(device::KernelKind kind) const;

  [[nodiscard]] LoweredOperand arena_operand(std::uint32_t tensor) const;
  template <typename Parameters>
  static void set_parameters(LoweredOperator& lowered, const Parameters& parameters) {
    static_assert(std::is_trivially_copyable_v<Parameters>);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&parameters);
    lowered.parameters.assign(bytes, bytes + sizeof parameters);
  }

  const Graph& graph;
  const Target target;
  ImageBuilder& image;
};

// For counts that are told, not used.
[[nodiscard]] inline std::uint32_t saturated_product(std::uint32_t a, std::uint32_t b) {
  const std::uint64_t product = std::uint64_t{a} * b;
  return product > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(product);
}

// Lowers one operator into `lowered`, whose source fields and kernel symbol the caller need not set.
using LowerFunction = Status (*)(const Operator& op, Lowering& lowering, LoweredOperator& lowered);

Status lower_conv_2d(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
Status lower_depthwise_conv_2d(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
Status lower_transpose_conv(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
Status lower_fully_connected(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
Status lower_add(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
// AVERAGE_POOL_2D, MAX_POOL_2D.
Status lower_pool_2d(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
Status lower_reshape(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
// READ_VARIABLE and ASSIGN_VARIABLE as fold_variables() has left them: one tensor's bytes to another.
Status lower_variable(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
Status lower_softmax(const Operator& op, Lowering& lowering, LoweredOperator& lowered);

// Refuses operators that are not known, whatever becomes of them later, and subgraphs that nothing runs.
[[nodiscard]] Status check_operators(const Graph& graph);

// Every operator of the graph, in order, or the first refusal: by operator, version and tensor.
[[nodiscard]] Result<std::vector<LoweredOperator>> lower(const Graph& graph, Target target,
                                                         ImageBuilder& image);

}  // namespace sotto::model_compiler

// UNIDIRECTIONAL_SEQUENCE_LSTM.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "lower/recurrent.h"
#include "lower/tensor_lowering.h"
#include "lower/variable_tensors.h"
#include "lower/weights.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"
#include "sotto/device_runtime/kernels/recurrent/recurrent_operators.h"
#include "sotto/device_runtime/kernels/requantize.h"
#include "tensor/operands.h"

namespace sotto::model_compiler {
namespace {

constexpr std::uint32_t kInput = 0;
// Of the four gates in the order of LstmGateIndex.
constexpr std::uint32_t kInputWeights = 1, kRecurrentWeights = 5, kGateBiases = 12;
constexpr std::uint32_t kHiddenState = 18, kCellState = 19, kInputsAtLeast = 20;
// Numbers between operations: Q3.12 before a sigmoid, Q0.15 behind it.
constexpr float kGateScale = 1.0f / 4096, kActivatedScale = 1.0f / 32768;

struct LstmTensors {
  std::uint32_t input, hidden, cell, output;
  std::uint32_t batches, steps, inputs, units;
  bool time_major;
};

Status refuse_variants(const Operator& op) {
  const auto present = [&op](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to && i < op.inputs.size(); ++i) {
      if (op.inputs[i] != kAbsentTensor) return true;
    }
    return false;
  };
  if (present(9, 12)) return invalid_argument("peepholes are not supported");
  if (present(16, 18)) return invalid_argument("a projection is not supported");
  if (present(20, 24)) return invalid_argument("layer normalisation is not supported");
  for (std::uint32_t i = kInputWeights; i < kInputWeights + 8; ++i) {
    if (op.inputs[i] == kAbsentTensor)
      return invalid_argument(fmt::format("its input {} is absent; coupled gates are not supported", i));
  }
  return {};
}

Result<LstmTensors> lstm_tensors(const Operator& op, const Lowering& lowering) {
  if (op.inputs.size() < kInputsAtLeast) return invalid_argument("it has too few inputs");
  SOTTO_RETURN_IF_ERROR(refuse_variants(op));
  const auto input = lowering.input(op, kInput);
  const auto output = lowering.output(op, 0);
  if (!input) return input.error();
  if (!output) return output.error();
  SOTTO_RETURN_IF_ERROR(lowering.require_int8_activation(*input));
  SOTTO_RETURN_IF_ERROR(lowering.require_int8_activation(*output));
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const std::vector<std::uint32_t>& in = lowering.tensor(*input).shape;
  LstmTensors tensors{};
  tensors.input = *input;
  tensors.output = *output;
  tensors.time_major = op.options.scalar<std::uint8_t>(slot::kLstmTimeMajor, 0) != 0;
  tensors.batches = in[tensors.time_major ? 1 : 0];
  tensors.steps = in[tensors.time_major ? 0 : 1];
  tensors.inputs = in[2];
  tensors.units = (*shapes)[0][2];
  if (std::max({tensors.batches, tensors.steps, tensors.inputs, tensors.units}) > 65535)
    return lowering.refuse(*input, "an LSTM with more than 65535 steps, inputs or units is not supported");
  const std::uint32_t states = tensors.batches * tensors.units;
  const auto hidden = state_operand(op, lowering, kHiddenState, TensorType::kInt8, states);
  const auto cell = state_operand(op, lowering, kCellState, TensorType::kInt16, states);
  if (!hidden) return hidden.error();
  if (!cell) return cell.error();
  tensors.hidden = *hidden;
  tensors.cell = *cell;
  const Tensor& state = lowering.tensor(*hidden);
  const Tensor& out = lowering.tensor(*output);
  if (scale_of(state) != scale_of(out) || zero_point_of(state) != zero_point_of(out))
    return lowering.refuse(*output, "its scale and zero point must be the hidden state's");
  return tensors;
}

// A matrix of a gate with folded biases, and the multiplier to Q3.12.
struct Product {
  std::uint32_t weights = 0, biases = 0;
  Multiplier multiplier;
};

Result<Product> product(Lowering& lowering, LoweredOperator& lowered, std::uint32_t weights,
                        std::uint32_t values, std::vector<std::int32_t> biases) {
  const Tensor& matrix = lowering.tensor(weights);
  const Tensor& input = lowering.tensor(values);
  const std::span<const std::int8_t> weight = int8_values(matrix);
  const std::uint32_t columns = matrix.shape[1];
  for (std::size_t row = 0; row < biases.size(); ++row) {
    std::int32_t sum = 0;
    for (std::uint32_t i = 0; i < columns; ++i) sum += weight[row * columns + i];
    biases[row] = device::wrapping_add(biases[row], device::wrapping_multiply(-zero_point_of(input), sum));
  }
  // The product of scales in single precision, as the reference has it.
  const auto multiplier = multiplier_of(double{scale_of(input) * scale_of(matrix)} / double{kGateScale});
  if (!multiplier) return multiplier.error();
  Product result;
  result.multiplier = *multiplier;
  result.weights = add_constant(lowering, lowered, std::vector<std::int8_t>(weight.begin(), weight.end()));
  result.biases = add_constant(lowering, lowered, biases);
  return result;
}

Result<device::LstmGate> gate_of(const Operator& op, Lowering& lowering, LoweredOperator& lowered,
                                 const LstmTensors& tensors, std::uint32_t index) {
  const auto inputs = matrix_operand(op, lowering, kInputWeights + index, tensors.units, tensors.inputs);
  const auto recurrent =
      matrix_operand(op, lowering, kRecurrentWeights + index, tensors.units, tensors.units);
  auto biases = bias_operand(op, lowering, kGateBiases + index, tensors.units);
  if (!inputs) return inputs.error();
  if (!recurrent) return recurrent.error();
  if (!biases) return biases.error();
  const auto from_input = product(lowering, lowered, *inputs, tensors.input, std::move(*biases));
  const auto from_hidden =
      product(lowering, lowered, *recurrent, tensors.hidden, std::vector<std::int32_t>(tensors.units));
  if (!from_input) return from_input.error();
  if (!from_hidden) return from_hidden.error();
  device::LstmGate gate{};
  gate.input_weights = from_input->weights;
  gate.input_biases = from_input->biases;
  gate.input_multiplier = from_input->multiplier.multiplier;
  gate.input_shift = from_input->multiplier.shift;
  gate.recurrent_weights = from_hidden->weights;
  gate.recurrent_biases = from_hidden->biases;
  gate.recurrent_multiplier = from_hidden->multiplier.multiplier;
  gate.recurrent_shift = from_hidden->multiplier.shift;
  return gate;
}

// tanh takes Q3.12, and the cell is 2^power of its real value.
Status set_cell(device::LstmParameters& p, const Lowering& lowering, std::uint32_t cell, float clip) {
  const float scale = scale_of(lowering.tensor(cell));
  int exponent = 0;
  if (std::frexp(scale, &exponent) != 0.5f)
    return lowering.refuse(cell, "the scale of a cell state must be a power of two");
  const int shift = exponent - 1 + 12;
  if (shift < -15 || shift > 12) return lowering.refuse(cell, "its scale is too far from 2^-12");
  p.tanh_shift = static_cast<std::uint8_t>(std::abs(shift));
  p.tanh_shifts_down = static_cast<std::uint8_t>(shift < 0 ? 1 : 0);
  if (!(clip >= 0)) return invalid_argument("its cell_clip is negative, or no number");
  p.cell_clip = static_cast<std::int32_t>(std::min(double{clip} / double{scale}, 32767.0));
  return {};
}

Status set_products(device::LstmParameters& p, float cell, float hidden) {
  const double activated = double{kActivatedScale};
  const auto forget = multiplier_of(activated * double{cell} / double{cell});
  const auto input = multiplier_of(activated * activated / double{cell});
  const auto output = multiplier_of(activated * activated / double{hidden});
  if (!forget) return forget.error();
  if (!input) return input.error();
  if (!output) return output.error();
  p.forget_multiplier = forget->multiplier;
  p.forget_shift = forget->shift;
  p.input_multiplier = input->multiplier;
  p.input_shift = input->shift;
  p.hidden_multiplier = output->multiplier;
  p.hidden_shift = output->shift;
  return {};
}

}  // namespace

Shapes lstm_shapes(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  const auto weights = input_shape(graph, op, kRecurrentWeights + 1);
  if (!in) return in.error();
  if (!weights) return weights.error();
  if ((*in)->size() != 3 || (*weights)->size() != 2)
    return invalid_argument("its input has not three dimensions, or its weights not two");
  return std::vector<Shape>{{(**in)[0], (**in)[1], (**weights)[0]}};
}

Status lower_lstm(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  constexpr std::int8_t kTanh = 4;  // of ActivationFunctionType
  const auto tensors = lstm_tensors(op, lowering);
  if (!tensors) return tensors.error();
  if (op.options.scalar<std::int8_t>(slot::kLstmActivation, 0) != kTanh)
    return invalid_argument("its activation is not TANH");
  device::LstmParameters p{};
  p.batches = tensors->batches;
  p.steps = tensors->steps;
  p.inputs = tensors->inputs;
  p.units = tensors->units;
  p.time_major = tensors->time_major ? 1 : 0;
  p.hidden_zero_point = static_cast<std::int8_t>(zero_point_of(lowering.tensor(tensors->hidden)));
  SOTTO_RETURN_IF_ERROR(
      set_cell(p, lowering, tensors->cell, op.options.scalar<float>(slot::kLstmCellClip, 0)));
  SOTTO_RETURN_IF_ERROR(
      set_products(p, scale_of(lowering.tensor(tensors->cell)), scale_of(lowering.tensor(tensors->hidden))));
  for (std::uint32_t i = 0; i < device::kLstmGates; ++i) {
    const auto gate = gate_of(op, lowering, lowered, *tensors, i);
    if (!gate) return gate.error();
    p.gates[i] = *gate;
  }
  lowered.scratch_bytes = p.units;
  const std::uint32_t rows = saturated_product(p.batches * p.steps, 4 * p.units);
  lowered.multiply_accumulates = saturated_product(rows, p.inputs + p.units);
  return set_kernel(lowering, lowered, device::KernelKind::kLstm, p,
                    {{tensors->input}, {tensors->output, tensors->hidden, tensors->cell}});
}

}  // namespace sotto::model_compiler

// UNIDIRECTIONAL_SEQUENCE_LSTM with int8 activations and an int16 cell.
#include "kernels/copy_bytes.h"
#include "kernels/recurrent/sigmoid.h"
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"
#include "sotto/device_runtime/kernels/recurrent/recurrent_operators.h"
#include "sotto/device_runtime/kernels/requantize.h"

namespace sotto::device::recurrent {
namespace {

bool is_shift(std::int8_t shift) { return shift >= -31 && shift <= 30; }

bool gate_is_sound(const KernelCheck& check, const LstmParameters& p, const LstmGate& gate) {
  const std::uint64_t bias_bytes = std::uint64_t{p.units} * sizeof(std::int32_t);
  return check.constant_fits(gate.input_weights, std::uint64_t{p.units} * p.inputs) &&
         check.constant_fits(gate.recurrent_weights, std::uint64_t{p.units} * p.units) &&
         check.constant_fits(gate.input_biases, bias_bytes) &&
         check.constant_fits(gate.recurrent_biases, bias_bytes) && is_shift(gate.input_shift) &&
         is_shift(gate.recurrent_shift);
}

bool check(const KernelCheck& check) {
  const auto& p = check.as<LstmParameters>();
  constexpr std::uint32_t kMax = 65535;
  if (!check.has(1, 3) || p.batches == 0 || p.batches > kMax || p.steps == 0 || p.steps > kMax ||
      p.inputs == 0 || p.inputs > kMax || p.units == 0 || p.units > kMax || check.scratch_bytes < p.units) {
    return false;
  }
  const std::uint64_t rows = std::uint64_t{p.batches} * p.steps;
  const std::uint64_t states = std::uint64_t{p.batches} * p.units;
  bool sound = check.input_bytes(0) == rows * p.inputs && check.output_bytes(0) == rows * p.units &&
               check.output_bytes(1) == states && check.output_bytes(2) == states * sizeof(std::int16_t) &&
               p.tanh_shift <= (p.tanh_shifts_down != 0 ? 15 : 12) && is_shift(p.forget_shift) &&
               is_shift(p.input_shift) && is_shift(p.hidden_shift) && p.cell_clip >= 0 &&
               p.cell_clip <= INT16_MAX;
  for (const LstmGate& gate : p.gates) sound = sound && gate_is_sound(check, p, gate);
  return sound;
}

std::int32_t clamp_to_int16(std::int32_t value) {
  return value < INT16_MIN ? INT16_MIN : (value > INT16_MAX ? INT16_MAX : value);
}

// Where one sequence stands.
struct Sequence {
  const std::int8_t* input;
  const std::int8_t* hidden;
};

std::int32_t dot(const std::int8_t* values, const std::int8_t* weights, std::uint32_t count) {
  std::int32_t sum = 0;  // fewer than 2^16 terms of at most 2^14
  for (std::uint32_t i = 0; i < count; ++i) sum += values[i] * weights[i];
  return sum;
}

std::int32_t gate_sum(const KernelCall& call, LstmGateIndex index, const Sequence& at, std::uint32_t unit) {
  const auto& p = call.as<LstmParameters>();
  const LstmGate& gate = p.gates[index];
  const std::int32_t input =
      wrapping_add(dot(at.input, call.constant<std::int8_t>(gate.input_weights) + unit * p.inputs, p.inputs),
                   call.constant<std::int32_t>(gate.input_biases)[unit]);
  const std::int32_t recurrent = wrapping_add(
      dot(at.hidden, call.constant<std::int8_t>(gate.recurrent_weights) + unit * p.units, p.units),
      call.constant<std::int32_t>(gate.recurrent_biases)[unit]);
  return clamp_to_int16(
      clamp_to_int16(multiply_by_quantized_multiplier(input, gate.input_multiplier, gate.input_shift)) +
      clamp_to_int16(
          multiply_by_quantized_multiplier(recurrent, gate.recurrent_multiplier, gate.recurrent_shift)));
}

std::int32_t sigmoid_gate(const KernelCall& call, LstmGateIndex gate, const Sequence& at,
                          std::uint32_t unit) {
  return sigmoid_q15(3 * gate_sum(call, gate, at, unit));
}

std::int32_t cell_tanh(const LstmParameters& p, std::int32_t cell) {
  if (p.tanh_shifts_down == 0) return tanh_q15(cell * (3 << p.tanh_shift));
  const std::int32_t half = p.tanh_shift > 0 ? 1 << (p.tanh_shift - 1) : 0;
  return tanh_q15((cell * 3 + half) >> p.tanh_shift);
}

std::int16_t next_cell(const KernelCall& call, const Sequence& at, std::uint32_t unit, std::int32_t cell) {
  const auto& p = call.as<LstmParameters>();
  const std::int32_t forget = sigmoid_gate(call, kForgetGate, at, unit);
  const std::int32_t let_in = sigmoid_gate(call, kInputGate, at, unit);
  const std::int32_t candidate = tanh_q15(3 * gate_sum(call, kCellGate, at, unit));
  const std::int32_t kept =
      clamp_to_int16(multiply_by_quantized_multiplier(forget * cell, p.forget_multiplier, p.forget_shift));
  const std::int32_t added =
      clamp_to_int16(multiply_by_quantized_multiplier(let_in * candidate, p.input_multiplier, p.input_shift));
  std::int32_t next = clamp_to_int16(kept + added);
  if (p.cell_clip > 0) next = next > p.cell_clip ? p.cell_clip : (next < -p.cell_clip ? -p.cell_clip : next);
  return static_cast<std::int16_t>(next);
}

// One step of one sequence: every gate reads the old hidden state, so the new one is made in scratch.
void run_step(const KernelCall& call, const Sequence& at, std::int16_t* cell) {
  const auto& p = call.as<LstmParameters>();
  auto* next = reinterpret_cast<std::int8_t*>(call.scratch);
  for (std::uint32_t unit = 0; unit < p.units; ++unit) {
    cell[unit] = next_cell(call, at, unit, cell[unit]);
    const std::int32_t product = cell_tanh(p, cell[unit]) * sigmoid_gate(call, kOutputGate, at, unit);
    const std::int32_t value = multiply_by_quantized_multiplier(product, p.hidden_multiplier, p.hidden_shift);
    next[unit] = clamp_to_int8(wrapping_add(value, p.hidden_zero_point), INT8_MIN, INT8_MAX);
  }
}

void run(const KernelCall& call) {
  const auto& p = call.as<LstmParameters>();
  auto* cells = reinterpret_cast<std::int16_t*>(call.output(2));
  for (std::uint32_t batch = 0; batch < p.batches; ++batch) {
    std::int8_t* hidden = call.output(1) + batch * p.units;
    for (std::uint32_t step = 0; step < p.steps; ++step) {
      const std::uint32_t row = p.time_major != 0 ? step * p.batches + batch : batch * p.steps + step;
      run_step(call, {call.input(0) + row * p.inputs, hidden}, cells + batch * p.units);
      const auto* next = reinterpret_cast<const std::int8_t*>(call.scratch);
      copy_bytes(hidden, next, p.units);
      copy_bytes(call.output(0) + row * p.units, next, p.units);
    }
  }
}

}  // namespace
}  // namespace sotto::device::recurrent

extern "C" constinit const sotto_kernel sotto_portable_lstm = {
    sotto::device::KernelKind::kLstm, sotto::device::Layout::kPlain, sizeof(sotto::device::LstmParameters),
    sotto::device::recurrent::check, sotto::device::recurrent::run};

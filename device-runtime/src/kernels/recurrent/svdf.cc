// SVDF: a matrix product whose last `memory` results are remembered, then a weighted sum of each filter's.
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"
#include "sotto/device_runtime/kernels/recurrent/recurrent_operators.h"
#include "sotto/device_runtime/kernels/requantize.h"

namespace sotto::device::recurrent {
namespace {

bool is_shift(std::int8_t shift) { return shift >= -31 && shift <= 30; }

bool sizes_are_sound(const SvdfParameters& p) {
  // Products of two of them have 32 bits, of three 64.
  constexpr std::uint32_t kMax = 65535;
  return p.batches != 0 && p.batches <= kMax && p.input_depth != 0 && p.input_depth <= kMax &&
         p.filters != 0 && p.filters <= kMax && p.memory != 0 && p.memory <= kMax && p.rank != 0 &&
         p.filters % p.rank == 0;
}

bool check(const KernelCheck& check) {
  const auto& p = check.as<SvdfParameters>();
  if (!check.has(1, 2) || !sizes_are_sound(p) || (p.state_bytes != 1 && p.state_bytes != 2)) return false;
  const std::uint64_t states = std::uint64_t{p.filters} * p.memory * p.state_bytes;
  const std::uint32_t units = p.filters / p.rank;
  return check.input_bytes(0) == p.batches * p.input_depth && check.output_bytes(0) == p.batches * units &&
         check.output_bytes(1) == states * p.batches && is_shift(p.feature_shift) && is_shift(p.time_shift) &&
         check.constant_fits(p.feature_weights, std::uint64_t{p.filters} * p.input_depth) &&
         check.constant_fits(p.time_weights, states) &&
         check.constant_fits(p.biases, std::uint64_t{units} * sizeof(std::int32_t));
}

// The row's newest value.
template <typename State>
State feature(const SvdfParameters& p, const std::int8_t* input, const std::int8_t* weights) {
  constexpr std::int32_t kMax = sizeof(State) == 1 ? INT8_MAX : INT16_MAX;
  std::int32_t sum = 0;  // at most 2^16 terms of 2^15
  for (std::uint32_t i = 0; i < p.input_depth; ++i)
    sum = wrapping_add(sum, weights[i] * (input[i] - p.input_zero_point));
  sum = multiply_by_quantized_multiplier(sum, p.feature_multiplier, p.feature_shift);
  sum = sum < -kMax - 1 ? -kMax - 1 : (sum > kMax ? kMax : sum);
  return static_cast<State>(p.state_zero_point + sum);
}

template <typename State>
std::int32_t remembered(const SvdfParameters& p, const State* row, const State* weights) {
  std::int32_t sum = 0;
  for (std::uint32_t i = 0; i < p.memory; ++i)
    sum = wrapping_add(sum, wrapping_multiply(weights[i], row[i] - p.state_zero_point));
  return sum;
}

template <typename State>
void run_batch(const KernelCall& call, const std::int8_t* input, std::int8_t* output, State* state) {
  const auto& p = call.as<SvdfParameters>();
  const auto* feature_weights = call.constant<std::int8_t>(p.feature_weights);
  const auto* time_weights = call.constant<State>(p.time_weights);
  const auto* biases = call.constant<std::int32_t>(p.biases);
  for (std::uint32_t unit = 0; unit < p.filters / p.rank; ++unit) {
    std::int32_t sum = biases[unit];
    for (std::uint32_t i = 0; i < p.rank; ++i) {
      for (std::uint32_t k = 1; k < p.memory; ++k) state[k - 1] = state[k];
      state[p.memory - 1] = feature<State>(p, input, feature_weights);
      sum = wrapping_add(sum, remembered(p, state, time_weights));
      feature_weights += p.input_depth;
      time_weights += p.memory;
      state += p.memory;
    }
    sum = multiply_by_quantized_multiplier(sum, p.time_multiplier, p.time_shift);
    output[unit] = clamp_to_int8(wrapping_add(sum, p.output_zero_point), INT8_MIN, INT8_MAX);
  }
}

template <typename State>
void run_as(const KernelCall& call) {
  const auto& p = call.as<SvdfParameters>();
  auto* states = reinterpret_cast<State*>(call.output(1));
  for (std::uint32_t batch = 0; batch < p.batches; ++batch) {
    run_batch(call, call.input(0) + batch * p.input_depth, call.output(0) + batch * (p.filters / p.rank),
              states + batch * p.filters * p.memory);
  }
}

void run(const KernelCall& call) {
  if (call.as<SvdfParameters>().state_bytes == 1) {
    run_as<std::int8_t>(call);
  } else {
    run_as<std::int16_t>(call);
  }
}

}  // namespace
}  // namespace sotto::device::recurrent

extern "C" constinit const sotto_kernel sotto_portable_svdf = {
    sotto::device::KernelKind::kSvdf, sotto::device::Layout::kPlain, sizeof(sotto::device::SvdfParameters),
    sotto::device::recurrent::check, sotto::device::recurrent::run};

// ADD of two tensors of one shape, four elements at a time.
#include "sotto/device_runtime/kernels/helium/helium.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

#if defined(__ARM_FEATURE_MVE)

#include "kernels/helium/requantizer.h"

namespace sotto::device::helium {
namespace {

struct Operand {
  Operand(const AddParameters& p, int i)
      : zero_point(p.input_zero_point[i]),
        multiplier(p.input_multiplier[i]),
        right(vdupq_n_s32(p.input_shift[i])) {}

  [[nodiscard]] int32x4_t operator()(int32x4_t values, int32x4_t left) const {
    const int32x4_t shifted = vshlq_s32(vsubq_n_s32(values, zero_point), left);
    return rounding_shift(vqrdmulhq_n_s32(shifted, multiplier), right);
  }

  std::int32_t zero_point, multiplier;
  int32x4_t right;
};

bool check(const KernelCheck& check) { return add_is_sound(check); }

void run(const KernelCall& call) {
  const auto& p = call.as<AddParameters>();
  const Operand scale_a(p, 0);
  const Operand scale_b(p, 1);
  const int32x4_t left = vdupq_n_s32(p.left_shift);
  const int32x4_t right = vdupq_n_s32(p.output_shift);
  const int32x4_t min = vdupq_n_s32(p.activation_min);
  const int32x4_t max = vdupq_n_s32(p.activation_max);
  const std::int8_t* a = call.input(0);
  const std::int8_t* b = call.input(1);
  std::int8_t* output = call.output();
  for (std::uint32_t i = 0; i < p.count; i += 4) {
    const mve_pred16_t exists = vctp32q(p.count - i);
    const int32x4_t sum =
        vaddq_s32(scale_a(vldrbq_z_s32(a + i, exists), left), scale_b(vldrbq_z_s32(b + i, exists), left));
    const int32x4_t scaled = rounding_shift(vqrdmulhq_n_s32(sum, p.output_multiplier), right);
    const int32x4_t moved = vaddq_n_s32(scaled, p.output_zero_point);
    vstrbq_p_s32(output + i, vminq_s32(vmaxq_s32(moved, min), max), exists);
  }
}

}  // namespace
}  // namespace sotto::device::helium

extern "C" constinit const sotto_kernel sotto_helium_add = {
    sotto::device::KernelKind::kAdd, sotto::device::Layout::kHelium, sizeof(sotto::device::AddParameters),
    sotto::device::helium::check, sotto::device::helium::run};

#endif

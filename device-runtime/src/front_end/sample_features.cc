// The sample as it is: raw steps of 2^-13.
#include "front_end/frame_layout.h"

namespace sotto::device::front_end {
namespace {

constexpr int kFractionBits = 13;

sotto_front_end_error lay_out_samples(const sotto_front_end_config& config, FrameLayout& layout,
                                      std::uint32_t& work_bytes) {
  if (config.frame_length != 1) return SOTTO_FRONT_END_FRAME_LENGTH;
  if (config.hop_length != 1) return SOTTO_FRONT_END_HOP_LENGTH;
  if (has_spectral_fields(config)) return SOTTO_FRONT_END_UNUSED_FIELD;
  layout.features = 1;
  work_bytes = sizeof(std::int32_t);
  return SOTTO_FRONT_END_OK;
}

void build_nothing(const sotto_front_end_config&, const FrameLayout&, void*) {}

Scaled sample_unit(const FrameLayout&) { return {1 << 30, -30 - kFractionBits}; }

const std::int32_t* extract_sample(const FrameLayout&, const void*, const std::int16_t* samples,
                                   std::int32_t* work) {
  *work = *samples * (1 << kFractionBits);
  return work;
}

}  // namespace
}  // namespace sotto::device::front_end

using namespace sotto::device::front_end;
const sotto_feature_kind sotto_sample_features{lay_out_samples, build_nothing, sample_unit, extract_sample};

// Natural logarithms of mel band energies: raw steps of ln(2) 2^-16.
#include "front_end/logarithm.h"
#include "front_end/mel.h"

namespace sotto::device::front_end {
namespace {

sotto_front_end_error lay_out_log_mel(const sotto_front_end_config& config, FrameLayout& layout,
                                      std::uint32_t& work_bytes) {
  if (const auto error = lay_out_mel(config, layout, work_bytes); error != SOTTO_FRONT_END_OK) return error;
  if (config.coefficients != 0) return SOTTO_FRONT_END_UNUSED_FIELD;
  layout.features = layout.bands;
  return SOTTO_FRONT_END_OK;
}

Scaled log_mel_unit(const FrameLayout&) { return {kLn2Q31, -31 - kLogFractionBits}; }

const std::int32_t* extract_log_mel(const FrameLayout& layout, const void* tables,
                                    const std::int16_t* samples, std::int32_t* work) {
  return extract_log2_mel(layout, tables, samples, work);
}

}  // namespace
}  // namespace sotto::device::front_end

using namespace sotto::device::front_end;
const sotto_feature_kind sotto_log_mel_features{lay_out_log_mel, build_mel, log_mel_unit, extract_log_mel};

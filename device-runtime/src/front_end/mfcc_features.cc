// Mel-frequency cepstral coefficients: the orthonormal DCT-II of log-mel, in raw steps of ln(2) sqrt(2 /
// bands) 2^-16.
#include "front_end/fixed_point.h"
#include "front_end/logarithm.h"
#include "front_end/mel.h"

namespace sotto::device::front_end {
namespace {

constexpr int kCosineBits = 14;

// cos(pi k (b + 1/2) / bands) is even or odd about the middle band as k is, so half the bands suffice.
std::uint32_t half_of(const FrameLayout& layout) { return (layout.bands + 1u) / 2; }

sotto_front_end_error lay_out_mfcc(const sotto_front_end_config& config, FrameLayout& layout,
                                   std::uint32_t& work_bytes) {
  if (const auto error = lay_out_mel(config, layout, work_bytes); error != SOTTO_FRONT_END_OK) return error;
  if (config.coefficients == 0 || config.coefficients > config.mel_bands) return SOTTO_FRONT_END_COEFFICIENTS;
  layout.coefficients = config.coefficients;
  layout.features = config.coefficients;
  layout.cosines = take(layout.tables_bytes, layout.coefficients * half_of(layout) * sizeof(std::int16_t));
  work_bytes += static_cast<std::uint32_t>(layout.coefficients * sizeof(std::int32_t));
  return SOTTO_FRONT_END_OK;
}

std::int16_t cosine_at(std::uint32_t k, std::uint32_t b, std::uint32_t bands) {
  constexpr std::int64_t kRootHalfQ31 = 1518500250;  // the orthonormal transform's factor of k = 0
  const std::int64_t cosine =
      k == 0 ? kRootHalfQ31 : cosine_q31(phase_of(k * (2 * b + 1) % (4 * bands), 4 * bands));
  constexpr int kShift = 31 - kCosineBits;
  return static_cast<std::int16_t>((cosine + (1 << (kShift - 1))) >> kShift);
}

void build_mfcc(const sotto_front_end_config& config, const FrameLayout& layout, void* tables) {
  build_mel(config, layout, tables);
  auto* cosines = table<std::int16_t>(tables, layout.cosines);
  for (std::uint32_t k = 0; k < layout.coefficients; ++k) {
    for (std::uint32_t b = 0; b < half_of(layout); ++b) *cosines++ = cosine_at(k, b, layout.bands);
  }
}

Scaled mfcc_unit(const FrameLayout& layout) {
  return multiply({kLn2Q31, -31 - kLogFractionBits}, square_root_of_ratio(2, layout.bands));
}

// bands[b], bands[last - b] -> their sum and their difference; the middle one of an odd number stays.
void fold(std::int32_t* bands, std::uint32_t count) {
  for (std::uint32_t low = 0, high = count - 1; low < high; ++low, --high) {
    const std::int32_t sum = bands[low] + bands[high];
    bands[high] = bands[low] - bands[high];
    bands[low] = sum;
  }
}

const std::int32_t* extract_mfcc(const FrameLayout& layout, const void* tables, const std::int16_t* samples,
                                 std::int32_t* work) {
  std::int32_t* bands = extract_log2_mel(layout, tables, samples, work);
  fold(bands, layout.bands);
  const std::int16_t* cosines = table<std::int16_t>(tables, layout.cosines);
  std::int32_t* coefficients = bands + layout.bands;
  const std::uint32_t half = half_of(layout);
  const std::uint32_t last = layout.bands - 1u;
  for (std::uint32_t k = 0; k < layout.coefficients; ++k) {
    std::int64_t sum = 1 << (kCosineBits - 1);
    // Of an odd k the middle cosine of an odd number of bands is zero: what bands[half - 1] holds does not
    // matter.
    for (std::uint32_t b = 0; b < half; ++b)
      sum += std::int64_t{bands[k % 2 == 0 ? b : last - b]} * *cosines++;
    coefficients[k] = static_cast<std::int32_t>(sum >> kCosineBits);
  }
  return coefficients;
}

}  // namespace
}  // namespace sotto::device::front_end

using namespace sotto::device::front_end;
const sotto_feature_kind sotto_mfcc_features{lay_out_mfcc, build_mfcc, mfcc_unit, extract_mfcc};

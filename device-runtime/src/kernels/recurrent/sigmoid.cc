#include "kernels/recurrent/sigmoid.h"

namespace sotto::device {

// Figures of the int16 LOGISTIC of TensorFlow Lite and TensorFlow Lite Micro; no rounding of
// 65536 / (1 + e^-x) gives all of them.
constinit const std::uint16_t kSigmoidTable[256] = {
    32768, 33451, 34133, 34813, 35493, 36169, 36843, 37513, 38180, 38841, 39498, 40149, 40794, 41432, 42064,
    42688, 43304, 43912, 44511, 45102, 45683, 46255, 46817, 47369, 47911, 48443, 48964, 49475, 49975, 50464,
    50942, 51409, 51865, 52311, 52745, 53169, 53581, 53983, 54374, 54755, 55125, 55485, 55834, 56174, 56503,
    56823, 57133, 57433, 57724, 58007, 58280, 58544, 58800, 59048, 59288, 59519, 59743, 59959, 60168, 60370,
    60565, 60753, 60935, 61110, 61279, 61441, 61599, 61750, 61896, 62036, 62172, 62302, 62428, 62549, 62666,
    62778, 62886, 62990, 63090, 63186, 63279, 63368, 63454, 63536, 63615, 63691, 63765, 63835, 63903, 63968,
    64030, 64090, 64148, 64204, 64257, 64308, 64357, 64405, 64450, 64494, 64536, 64576, 64614, 64652, 64687,
    64721, 64754, 64786, 64816, 64845, 64873, 64900, 64926, 64950, 64974, 64997, 65019, 65039, 65060, 65079,
    65097, 65115, 65132, 65149, 65164, 65179, 65194, 65208, 65221, 65234, 65246, 65258, 65269, 65280, 65291,
    65301, 65310, 65319, 65328, 65337, 65345, 65352, 65360, 65367, 65374, 65381, 65387, 65393, 65399, 65404,
    65410, 65415, 65420, 65425, 65429, 65433, 65438, 65442, 65445, 65449, 65453, 65456, 65459, 65462, 65465,
    65468, 65471, 65474, 65476, 65479, 65481, 65483, 65485, 65488, 65489, 65491, 65493, 65495, 65497, 65498,
    65500, 65501, 65503, 65504, 65505, 65507, 65508, 65509, 65510, 65511, 65512, 65513, 65514, 65515, 65516,
    65517, 65517, 65518, 65519, 65520, 65520, 65521, 65522, 65522, 65523, 65523, 65524, 65524, 65525, 65525,
    65526, 65526, 65526, 65527, 65527, 65528, 65528, 65528, 65529, 65529, 65529, 65529, 65530, 65530, 65530,
    65530, 65531, 65531, 65531, 65531, 65531, 65532, 65532, 65532, 65532, 65532, 65532, 65533, 65533, 65533,
    65533, 65533, 65533, 65533, 65533, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534, 65534,
    65535};

namespace {

struct Piece {
  std::uint32_t value;  // times 2^bits
  bool saturated;
};

// Between two entries, `bits` fractional bits of the magnitude leading on.
Piece interpolated(std::uint32_t magnitude, std::uint32_t bits) {
  const std::uint32_t index = magnitude >> bits;
  if (index >= 255) return {0, true};
  const std::uint32_t from = kSigmoidTable[index];
  const std::uint32_t step = kSigmoidTable[index + 1] - from;
  return {(from << bits) + (magnitude & ((1u << bits) - 1)) * step, false};
}

std::uint32_t magnitude_of(std::int32_t value) {
  return value < 0 ? 0u - static_cast<std::uint32_t>(value) : static_cast<std::uint32_t>(value);
}

}  // namespace

std::int16_t sigmoid_q15(std::int32_t value) {
  constexpr std::uint32_t kOne = 1u << 25;
  constexpr std::uint32_t kHalf = 1u << 9;
  const Piece piece = interpolated(magnitude_of(value), 9);
  const std::uint32_t above = piece.saturated ? 0x7FFFu << 10 : piece.value;
  const std::uint32_t result = value >= 0 ? above + kHalf : kOne - above + kHalf - 1;
  return static_cast<std::int16_t>(result >> 10);
}

std::int16_t tanh_q15(std::int32_t value) {
  constexpr std::int32_t kOne = 1 << 23;
  constexpr std::int32_t kHalf = 1 << 7;
  const Piece piece = interpolated(magnitude_of(value), 8);
  const auto above = static_cast<std::int32_t>(piece.saturated ? 0xFFFFu << 8 : piece.value);
  const std::int32_t result = value >= 0 ? above - kOne + kHalf : kOne - above + kHalf - 1;
  return static_cast<std::int16_t>(result >> 8);
}

}  // namespace sotto::device

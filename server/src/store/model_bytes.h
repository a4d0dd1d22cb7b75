// A model's parameters as the bytes that are stored, hashed and sent to devices: little-endian float32.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sotto/base/bytes.h"

namespace sotto::server {

[[nodiscard]] std::vector<std::uint8_t> encode_floats(std::span<const float> values);
// Nothing when the length is not a multiple of four.
[[nodiscard]] std::optional<std::vector<float>> decode_floats(Bytes bytes);

}  // namespace sotto::server

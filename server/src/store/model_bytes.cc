#include "store/model_bytes.h"

#include <bit>

namespace sotto::server {

std::vector<std::uint8_t> encode_floats(std::span<const float> values) {
  std::vector<std::uint8_t> bytes(values.size() * sizeof(float));
  for (std::size_t i = 0; i < values.size(); ++i) {
    store_le(bytes.data() + i * sizeof(float), std::bit_cast<std::uint32_t>(values[i]));
  }
  return bytes;
}

std::optional<std::vector<float>> decode_floats(Bytes bytes) {
  if (bytes.size() % sizeof(float) != 0) return std::nullopt;
  std::vector<float> values(bytes.size() / sizeof(float));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = std::bit_cast<float>(load_le<std::uint32_t>(bytes.data() + i * sizeof(float)));
  }
  return values;
}

}  // namespace sotto::server

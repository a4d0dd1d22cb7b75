// The collect message of float sessions (PROTOCOL.md section 7): a head with the declared sums, then the
// values as float32. Freestanding.
#pragma once

#include <array>

#include "sotto/base/bytes.h"
#include "sotto/secagg/update_layout.h"

namespace sotto::proto {

struct FloatHead {
  std::uint32_t weight = 0;
  std::uint32_t examples = 0;
  std::array<std::uint64_t, secagg::kSumsMax> sums{};  // as many as the layout declares
};

[[nodiscard]] inline std::size_t float_head_bytes(const secagg::UpdateLayout& layout) {
  return 2 * sizeof(std::uint32_t) + layout.sum_bytes.size() * sizeof(std::uint64_t);
}
[[nodiscard]] inline std::size_t float_message_bytes(const secagg::UpdateLayout& layout) {
  return float_head_bytes(layout) + sizeof(float) * layout.value_count();
}

inline void write_float_head(ByteWriter& writer, const secagg::UpdateLayout& layout, const FloatHead& head) {
  writer.u32(head.weight);
  writer.u32(head.examples);
  for (std::size_t i = 0; i < layout.sum_bytes.size(); ++i) writer.u64(head.sums[i]);
}

[[nodiscard]] inline FloatHead read_float_head(ByteReader& reader, const secagg::UpdateLayout& layout) {
  FloatHead head;
  head.weight = reader.u32();
  head.examples = reader.u32();
  for (std::size_t i = 0; i < layout.sum_bytes.size(); ++i) head.sums[i] = reader.u64();
  return head;
}

}  // namespace sotto::proto

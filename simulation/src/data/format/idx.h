// IDX files (the format of the MNIST family): uncompressed, unsigned bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"

namespace sotto::simulation {

inline constexpr std::size_t kIdxDimensionsMax = 4;

struct IdxArray {
  std::vector<std::uint64_t> shape;
  std::vector<std::uint8_t> values;  // the last index runs fastest
};

// `name` is for messages. kDataLoss: not such a file, cut off, or longer than its shape.
[[nodiscard]] Result<IdxArray> decode_idx(Bytes file, const std::string& name);
[[nodiscard]] Result<IdxArray> read_idx(const std::filesystem::path& path);

}  // namespace sotto::simulation

// NumPy's .npy files: format 1.0, little-endian, C order. A file from anywhere may be read: every length is
// checked before it is used, and an error names the file and what is wrong with it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"

namespace sotto::simulation {

inline constexpr std::size_t kNpyDimensionsMax = 8;

// values.size() is the product of shape; the last index runs fastest.
template <typename Value>
struct NpyArray {
  std::vector<std::uint64_t> shape;
  std::vector<Value> values;
};

// Value is std::uint8_t ('|u1'), std::int16_t ('<i2'), std::int32_t ('<i4'), float ('<f4') or double ('<f8');
// a file of another type is refused, not converted. `name` is for messages. kDataLoss: not such a file.
template <typename Value>
[[nodiscard]] Result<NpyArray<Value>> decode_npy(Bytes file, const std::string& name);
template <typename Value>
[[nodiscard]] std::vector<std::uint8_t> encode_npy(const NpyArray<Value>& array);

// kNotFound: no such file. kIo: it cannot be read. kDataLoss: it is damaged or of another type.
template <typename Value>
[[nodiscard]] Result<NpyArray<Value>> read_npy(const std::filesystem::path& path);
// Replaces the file as a whole: on failure an older file of that name is as it was.
template <typename Value>
[[nodiscard]] Status write_npy(const std::filesystem::path& path, const NpyArray<Value>& array);

// kDataLoss naming `name` unless the shapes agree; kAnyLength matches every length.
inline constexpr std::uint64_t kAnyLength = UINT64_MAX;
[[nodiscard]] Status expect_shape(const std::vector<std::uint64_t>& shape,
                                  const std::vector<std::uint64_t>& expected, const std::string& name);

}  // namespace sotto::simulation

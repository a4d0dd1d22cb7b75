#include "data/format/idx.h"

#include <fmt/core.h>

#include "data/format/file.h"

namespace sotto::simulation {
namespace {

constexpr std::uint8_t kUnsignedByte = 0x08;

}  // namespace

Result<IdxArray> decode_idx(Bytes file, const std::string& name) {
  const auto damaged = [&](const std::string& what) { return data_loss(fmt::format("'{}' {}", name, what)); };
  if (file.size() >= 2 && file[0] == 0x1f && file[1] == 0x8b) {
    return damaged("is compressed; unpack it with gunzip first");
  }
  ByteReader reader(file);
  const Bytes magic = reader.bytes(4);
  if (magic.empty()) return damaged("is cut off inside its header");
  if (magic[0] != 0 || magic[1] != 0 || magic[2] != kUnsignedByte) {
    return damaged("is not an IDX file of unsigned bytes");
  }
  if (magic[3] == 0 || magic[3] > kIdxDimensionsMax) {
    return damaged(fmt::format("has {} dimensions; 1 to {} are read", magic[3], kIdxDimensionsMax));
  }
  IdxArray array;
  unsigned __int128 count = 1;  // four lengths of 32 bits fit
  for (std::size_t i = 0; i < magic[3]; ++i) {
    const Bytes length = reader.bytes(4);  // big-endian, unlike everything of ours
    if (length.empty()) return damaged("is cut off inside its header");
    array.shape.push_back(std::uint64_t{length[0]} << 24 | std::uint64_t{length[1]} << 16 |
                          std::uint64_t{length[2]} << 8 | std::uint64_t{length[3]});
    count *= array.shape.back();
  }
  if (count != reader.remaining()) {
    return damaged(fmt::format("{}: it has {} value bytes, its shape asks for another number",
                               std::string(count > reader.remaining() ? "is cut off" : "is too long"),
                               reader.remaining()));
  }
  const Bytes values = reader.bytes(reader.remaining());
  array.values.assign(values.begin(), values.end());
  return array;
}

Result<IdxArray> read_idx(const std::filesystem::path& path) {
  const auto file = read_file(path);
  if (!file) return file.error();
  return decode_idx(*file, path.string());
}

}  // namespace sotto::simulation

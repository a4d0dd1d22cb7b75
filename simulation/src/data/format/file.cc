#include "data/format/file.h"

#include <fmt/core.h>

#include <fstream>
#include <system_error>

namespace sotto::simulation {
namespace {

std::string quoted(const std::filesystem::path& path) { return "'" + path.string() + "'"; }

}  // namespace

Result<std::vector<std::uint8_t>> read_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found)
    return not_found(quoted(path) + " does not exist");
  if (error) return io_error(fmt::format("{} cannot be read: {}", quoted(path), error.message()));
  if (!std::filesystem::is_regular_file(status)) return io_error(quoted(path) + " is not a regular file");
  const std::uint64_t size = std::filesystem::file_size(path, error);
  if (error) return io_error(fmt::format("{} cannot be read: {}", quoted(path), error.message()));
  if (size > kDataFileBytesMax) {
    return data_loss(
        fmt::format("{} has {} bytes; at most {} are read", quoted(path), size, kDataFileBytesMax));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return io_error(quoted(path) + " cannot be opened; check its permissions");
  std::vector<std::uint8_t> bytes(size);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (static_cast<std::uint64_t>(file.gcount()) != size) {
    return io_error(fmt::format("{}: only {} of {} bytes could be read", quoted(path), file.gcount(), size));
  }
  return bytes;
}

Status check_directory(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    return not_found("folder " + quoted(path) + " does not exist");
  }
  if (error) return io_error(fmt::format("folder {} cannot be read: {}", quoted(path), error.message()));
  if (!std::filesystem::is_directory(status)) return invalid_argument(quoted(path) + " is not a folder");
  return {};
}

Status make_directory(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return io_error(fmt::format("folder {} cannot be made: {}", quoted(path), error.message()));
  return {};
}

}  // namespace sotto::simulation

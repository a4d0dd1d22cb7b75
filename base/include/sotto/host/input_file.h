// A file that is read: what somebody else may have put there begins here, so that a pipe or a device in the
// place of a file is refused in words and nobody waits for it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"

namespace sotto::host {

// Open for reading from its beginning; closed at the end of its life. One thread at a time.
class InputFile {
 public:
  // Nothing when there is no such file. kPermissionDenied when it may not be read; kIo, also when it is a
  // folder, pipe, socket or device. Never waits for another process. The message names the file.
  [[nodiscard]] static Result<std::optional<InputFile>> open(const std::filesystem::path& path);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;

  // The next bytes: as many as `block` holds, fewer at the end of the file. kIo.
  [[nodiscard]] Result<std::size_t> read(MutableBytes block);

 private:
  InputFile(std::filesystem::path path, int descriptor);

  std::filesystem::path path_;
  int descriptor_;
};

// For those that open a file by themselves, as SQLite does. Also kOk when there is none. kIo.
[[nodiscard]] Status check_regular(const std::filesystem::path& path);
// The same for what is open already; `path` is for the message.
[[nodiscard]] Status check_regular(int descriptor, const std::filesystem::path& path);

}  // namespace sotto::host

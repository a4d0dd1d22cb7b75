// What the tests of the data sets share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "sotto/base/result.h"

namespace sotto::simulation {

// An empty folder, removed with its contents at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sotto-data-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

// Where the published data sets are, when they are.
inline std::filesystem::path shared_data(const std::string& name) {
  const char* directory = std::getenv("SOTTO_DATA_DIR");
  const std::filesystem::path root = directory != nullptr
                                         ? std::filesystem::path(directory)
                                         : std::filesystem::path(SOTTO_SOURCE_DIR) / "../shared/data";
  return root / name;
}

// A failure whose code and message match.
template <typename T>
void expect_error(const Result<T>& result, StatusCode code, const std::string& part_of_message) {
  ASSERT_FALSE(result.has_value()) << "expected an error about " << part_of_message;
  EXPECT_EQ(result.error().code(), code) << result.error().message();
  EXPECT_THAT(result.error().message(), testing::HasSubstr(part_of_message));
}
inline void expect_error(const Status& status, StatusCode code, const std::string& part_of_message) {
  EXPECT_EQ(status.code(), code) << status.message();
  EXPECT_THAT(status.message(), testing::HasSubstr(part_of_message));
}

}  // namespace sotto::simulation

#define SOTTO_SKIP_WITHOUT(path) \
  if (!std::filesystem::exists(path)) GTEST_SKIP() << (path).string() << " is absent"

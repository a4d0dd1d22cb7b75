#include "sotto/host/placed_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/temporary_directory.h"

namespace sotto::host {
namespace {

class PlacedFileTest : public testing::Test {
 protected:
  static void write(const std::filesystem::path& path) { std::ofstream(path) << "text"; }

  TemporaryDirectory folder_;
  const std::filesystem::path file_ = folder_.path() / "file";
};

TEST_F(PlacedFileTest, StaysInPlaceWhateverIsWrittenIntoIt) {
  write(file_);
  const auto placed = PlacedFile::at(file_);
  ASSERT_TRUE(placed.has_value());
  EXPECT_TRUE(placed->is_in_place());
  std::ofstream(file_, std::ios::app) << "more";
  EXPECT_TRUE(placed->is_in_place());
}

TEST_F(PlacedFileTest, IsNotInPlaceWhenRemovedReplacedOrMovedAndIsAgainWhenPutBack) {
  write(file_);
  const auto placed = PlacedFile::at(file_);
  const auto elsewhere = folder_.path() / "elsewhere";
  std::filesystem::rename(file_, elsewhere);
  EXPECT_FALSE(placed->is_in_place()) << "moved";
  write(file_);
  EXPECT_FALSE(placed->is_in_place()) << "replaced by one of the same bytes";
  std::filesystem::rename(elsewhere, file_);
  EXPECT_TRUE(placed->is_in_place()) << "put back";
  std::filesystem::remove(file_);
  EXPECT_FALSE(placed->is_in_place()) << "removed";
}

TEST_F(PlacedFileTest, AFolderThatMovesTakesItsFilesAlong) {
  const auto inner = folder_.path() / "inner";
  std::filesystem::create_directory(inner);
  write(inner / "file");
  const auto placed = PlacedFile::at(inner / "file");
  std::filesystem::rename(inner, folder_.path() / "other");
  EXPECT_FALSE(placed->is_in_place());
}

TEST_F(PlacedFileTest, IsWhatADescriptorHasOpen) {
  write(file_);
  const int descriptor = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC);
  std::filesystem::remove(file_);
  write(file_);
  const auto placed = PlacedFile::of(descriptor, file_);
  ASSERT_TRUE(placed.has_value());
  EXPECT_FALSE(placed->is_in_place());
  ::close(descriptor);
}

TEST_F(PlacedFileTest, WhatIsNotThereIsNamed) {
  const auto none = PlacedFile::at(file_);
  EXPECT_EQ(none.status().code(), StatusCode::kNotFound);
  EXPECT_NE(none.error().message().find(file_.string()), std::string::npos);
  EXPECT_EQ(PlacedFile::of(-1, file_).status().code(), StatusCode::kIo);
}

}  // namespace
}  // namespace sotto::host

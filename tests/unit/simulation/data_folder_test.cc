#include <algorithm>
#include <string>
#include <vector>

#include "data_test_support.h"
#include "sotto/simulation/data_set.h"
#include "sotto/simulation/npy.h"

namespace sotto::simulation {
namespace {

class Folder : public testing::Test {
 protected:
  // Examples of `features` numbers, the first of which is their label.
  void write(const std::string& place, const std::vector<std::uint8_t>& labels, std::uint64_t features = 2) {
    std::vector<float> x(labels.size() * features, 0.5f);
    for (std::size_t i = 0; i < labels.size(); ++i) x[i * features] = labels[i];
    std::filesystem::create_directories(fleet_ / place);
    ASSERT_TRUE(write_npy<float>(fleet_ / place / "x.npy", {{labels.size(), features}, x}).ok());
    ASSERT_TRUE(write_npy<std::uint8_t>(fleet_ / place / "y.npy", {{labels.size()}, labels}).ok());
  }
  void write_fleet() {
    for (const char* name : {"b", "a", "c"}) write(name, {0, 1, 2});
    write("test", {0, 2});
  }
  [[nodiscard]] DataOptions options() const { return {.name = "folder", .directory = fleet_.path()}; }
  [[nodiscard]] FederatedData load() const {
    auto data = load_data_set(options());
    EXPECT_TRUE(data) << data.error().message();
    return data ? *data : FederatedData{};
  }
  TemporaryFolder fleet_;
};

TEST_F(Folder, TakesEveryFolderButTestForADeviceInTheOrderOfNames) {
  write_fleet();
  write_text(fleet_ / "README.md", "no device");
  std::filesystem::create_directory(fleet_ / ".hidden");
  const FederatedData data = load();
  EXPECT_THAT(data.device_names, testing::ElementsAre("a", "b", "c"));
  EXPECT_EQ(data.features, 2u);
  EXPECT_EQ(data.classes, 3u);
  EXPECT_THAT(data.class_names, testing::ElementsAre("0", "1", "2"));
  EXPECT_EQ(data.devices[2].x, (std::vector<float>{0, 0.5f, 1, 0.5f, 2, 0.5f}));
  EXPECT_EQ(data.test.y, (std::vector<std::uint8_t>{0, 2}));
  EXPECT_TRUE(data.device_tests.empty());
}

TEST_F(Folder, IsWhatAnExportReads) {
  const auto motion = load_data_set({.name = "motion", .devices = 3, .seed = 4});
  ASSERT_TRUE(motion);
  FederatedData exported = *motion;
  exported.device_tests = {exported.devices[1], exported.devices[2], exported.devices[0]};
  ASSERT_TRUE(export_data_set(exported, fleet_.path()).ok());
  const FederatedData data = load();
  EXPECT_EQ(data.device_names, exported.device_names);
  EXPECT_EQ(data.class_names, exported.class_names);
  EXPECT_EQ(data.input, exported.input);
  EXPECT_EQ(data.test.x, exported.test.x);
  ASSERT_EQ(data.device_tests.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(data.devices[i].x, exported.devices[i].x);
    EXPECT_EQ(data.device_tests[i].y, exported.device_tests[i].y);
  }
}

TEST_F(Folder, KeepsOwnTestsBesideTheFirstDevicesAndDropsThemWhenDealtAnew) {
  for (const char* name : {"a", "b", "c"}) {
    write(name, {0, 1, 0, 1, 0, 1, 0, 1, 0, 1});
    write(std::string(name) + "/test", {1});
  }
  write("test", {0, 1});
  DataOptions some = options();
  some.devices = 2;
  const auto first = load_data_set(some);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->device_tests.size(), 2u);
  some.partition = Partition::kDirichlet;
  const auto dealt = load_data_set(some);
  ASSERT_TRUE(dealt);
  EXPECT_TRUE(dealt->device_tests.empty());
}

TEST_F(Folder, NamesWhatIsMissing) {
  expect_error(load_data_set(options()), StatusCode::kNotFound, "holds no folder of a device");
  for (const char* name : {"a", "b", "c"}) write(name, {0, 1});
  expect_error(load_data_set(options()), StatusCode::kNotFound, "/test");
  write("test", {0});
  write("b/test", {1});
  expect_error(load_data_set(options()), StatusCode::kDataLoss, "1 of 3 devices");
  std::filesystem::create_directory(fleet_ / "empty");
  expect_error(load_data_set(options()), StatusCode::kNotFound,
               "no file x.npy in '" + (fleet_ / "empty").string() + "'");
}

TEST_F(Folder, RefusesOtherFeaturesUnnamedLabelsAndNamesThatNoDeviceMayHave) {
  write_fleet();
  write("c", {0}, 3);
  expect_error(load_data_set(options()), StatusCode::kDataLoss,
               "c' has 3 features, the folders before it have 2");
  write("c", {7});
  write_text(fleet_ / "labels.txt", "still\nwalking\n");
  expect_error(load_data_set(options()), StatusCode::kDataLoss,
               "names 2 classes, but there are examples with label 7");
  std::string many;
  for (int i = 0; i < 300; ++i) many += "x\n";
  write_text(fleet_ / "labels.txt", many);
  expect_error(load_data_set(options()), StatusCode::kDataLoss, "more than 256 classes");
  std::filesystem::remove(fleet_ / "labels.txt");
  std::filesystem::create_directory(fleet_ / "my watch");
  expect_error(load_data_set(options()), StatusCode::kInvalidArgument,
               "'my watch' cannot be a device's name");
}

}  // namespace
}  // namespace sotto::simulation

// Device::connect(): what a developer got wrong is said before the first round.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "sotto/base/clock.h"
#include "sotto/client/client.h"
#include "sotto/hosting/tls_certificate.h"
#include "support/temporary_directory.h"

namespace sotto::client {
namespace {

class NoTraining final : public Trainer {
 public:
  std::vector<proto::Architecture> architectures() const override { return {proto::Architecture::kSoftmax}; }
  Result<LocalUpdate> train(const TrainingJob&, Random&) override { return aborted("not in this test"); }
};

class DeviceConnect : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(ca_file_); }

  Status connect(const std::string& coordinator, const std::string& ca) {
    std::ofstream(ca_file_) << ca;
    NoTraining trainer;
    return Device::connect({.coordinator = coordinator,
                            .ca_file = ca_file_,
                            .device_id = "kitchen-7",
                            .population = "thermostats"},
                           trainer)
        .status();
  }

  // One for each test: they run side by side.
  const std::filesystem::path ca_file_ =
      std::filesystem::path(testing::TempDir()) /
      (std::string("sotto_device_connect_") + testing::UnitTest::GetInstance()->current_test_info()->name() +
       ".pem");
};

TEST_F(DeviceConnect, NamesAWrongAddress) {
  const Status status = connect("localhost", "-----BEGIN CERTIFICATE-----");
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), testing::HasSubstr("HOST:PORT"));
}

TEST_F(DeviceConnect, NamesACaFileWithoutACertificate) {
  for (const char* text : {"", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    const Status status = connect("localhost:7443", text);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(status.message(), testing::HasSubstr(ca_file_.filename().string())) << text;
  }
}

TEST_F(DeviceConnect, AStoppedDeviceStaysStoppedWhenItIsMoved) {
  const TemporaryDirectory folder("device-");
  const auto certificate =
      hosting::load_or_create_tls_certificate({.directory = folder.path()}, SystemClock().now());
  ASSERT_TRUE(certificate.has_value()) << certificate.status().message();
  NoTraining trainer;
  auto device = Device::connect({.coordinator = "localhost:7443",
                                 .ca_file = certificate->ca_file,
                                 .device_id = "kitchen-7",
                                 .population = "thermostats"},
                                trainer);
  ASSERT_TRUE(device.has_value()) << device.status().message();
  device->stop();
  Device moved = std::move(*device);
  const Participation stopped = moved.take_part();
  EXPECT_FALSE(stopped.counted);
  EXPECT_EQ(stopped.outcome, "stopped");
}

}  // namespace
}  // namespace sotto::client

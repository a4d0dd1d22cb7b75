// An operator's view of a running coordinator, through its administration socket. Blocking; one thread at a
// time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "sotto/base/result.h"
#include "sotto/proto/messages.h"

namespace sotto::client {

class AdminClient final {
 public:
  // kUnavailable when no coordinator listens at `socket`, kPermissionDenied when this user may not talk to
  // it, kInvalidArgument when the path is too long for a socket.
  [[nodiscard]] static Result<std::unique_ptr<AdminClient>> connect(const std::filesystem::path& socket);
  ~AdminClient();

  // Every call: the coordinator's refusal as it stated it, kUnavailable when it went away, kDeadlineExceeded
  // after 15 s.
  [[nodiscard]] Result<proto::TaskStatus> create_task(const proto::TaskSpec& spec);
  // The same, with version 0 of the model given: little-endian float32 values. They go up in chunks first; an
  // upload that broke off goes on where it was when the same model is given again. `origin`: where the model
  // is from, for the record.
  [[nodiscard]] Result<proto::TaskStatus> create_task(const proto::TaskSpec& spec, Bytes initial_model,
                                                      const std::string& origin = "");
  [[nodiscard]] Result<proto::TaskStatus> set_task_state(const std::string& task, proto::TaskState state);
  // The task as it is from then on; a deleted one as it was last.
  [[nodiscard]] Result<proto::TaskStatus> steer_task(const proto::SteerTaskRequest& act);
  // Seen last first. kNotFound when a device is named and neither seen nor banned.
  [[nodiscard]] Result<std::vector<proto::DeviceStatus>> list_devices(
      const proto::ListDevicesRequest& request);
  // Those that go by the name, as they are from then on.
  [[nodiscard]] Result<std::vector<proto::DeviceStatus>> ban_device(const proto::BanDeviceRequest& request);
  [[nodiscard]] Result<proto::FleetStatus> show_fleet();
  [[nodiscard]] Result<std::vector<proto::TaskStatus>> list_tasks();
  // Newest first.
  [[nodiscard]] Result<std::vector<proto::RoundRecord>> list_rounds(const std::string& task,
                                                                    std::uint32_t count_max);
  [[nodiscard]] Result<std::vector<proto::ModelRecord>> list_models(const std::string& task);
  // The whole model as little-endian float32 values, checked against model.bytes and model.digest
  // (kDataLoss).
  [[nodiscard]] Result<std::vector<std::uint8_t>> fetch_model(const proto::ModelRecord& model);
  // Brings an update of boards' models: the content goes up in chunks first. All updates, as they are then.
  [[nodiscard]] Result<std::vector<proto::UpdateStatus>> publish_update(proto::PublishUpdateRequest request,
                                                                        Bytes content);
  [[nodiscard]] Result<std::vector<proto::UpdateStatus>> share_update(
      const proto::ShareUpdateRequest& request);
  // By task and class, the newest first.
  [[nodiscard]] Result<std::vector<proto::UpdateStatus>> list_updates();
  // Has the coordinator write a backup into a new file of its machine: how many bytes it has. Waits an hour.
  [[nodiscard]] Result<std::uint64_t> backup(const std::filesystem::path& file);

 private:
  class Impl;
  explicit AdminClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sotto::client

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

class AdminClient {
 public:
  // kUnavailable when no coordinator listens at `socket`, kPermissionDenied when this user may not talk to
  // it, kInvalidArgument when the path is too long for a socket.
  [[nodiscard]] static Result<std::unique_ptr<AdminClient>> connect(const std::filesystem::path& socket);
  virtual ~AdminClient() = default;

  // Every call: the coordinator's refusal as it stated it, kUnavailable when it went away, kDeadlineExceeded
  // after 15 s.
  [[nodiscard]] virtual Result<proto::TaskStatus> create_task(const proto::TaskSpec& spec) = 0;
  [[nodiscard]] virtual Result<proto::TaskStatus> set_task_state(const std::string& task,
                                                                 proto::TaskState state) = 0;
  [[nodiscard]] virtual Result<std::vector<proto::TaskStatus>> list_tasks() = 0;
  // Newest first.
  [[nodiscard]] virtual Result<std::vector<proto::RoundRecord>> list_rounds(const std::string& task,
                                                                            std::uint32_t count_max) = 0;
  [[nodiscard]] virtual Result<std::vector<proto::ModelRecord>> list_models(const std::string& task) = 0;
  // The whole model as little-endian float32 values, checked against model.bytes and model.digest
  // (kDataLoss).
  [[nodiscard]] virtual Result<std::vector<std::uint8_t>> fetch_model(const proto::ModelRecord& model) = 0;
};

}  // namespace sotto::client

// A model and its head on this machine, in memory of their own. Hosts only: devices' trainers, the exporter,
// the command line.
#pragma once

#include <memory>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"
#include "sotto/device_runtime/head.h"
#include "sotto/model_compiler/host_model.h"

namespace sotto::device {

// kInvalidArgument, in the head's own words.
[[nodiscard]] Status to_status(sotto_head_error error);

// One thread at a time.
class HostHead {
 public:
  // Copies the image. kInvalidArgument: HostModel::open() refuses it, or sotto_head_open() does.
  [[nodiscard]] static Result<HostHead> open(Bytes image, const sotto_head_options& options);

  [[nodiscard]] HostModel& host() { return model_; }
  [[nodiscard]] sotto_model* model() const { return model_.model(); }
  [[nodiscard]] sotto_head* head() const { return head_; }
  [[nodiscard]] const sotto_head_sizes& sizes() const { return sizes_; }

 private:
  struct alignas(SOTTO_ALIGNMENT) Block {
    std::uint8_t bytes[SOTTO_ALIGNMENT];
  };
  explicit HostHead(HostModel model) : model_(std::move(model)) {}

  HostModel model_;
  std::vector<Block> memory_;  // its place is fixed: the head has pointers into itself
  sotto_head* head_ = nullptr;
  sotto_head_sizes sizes_{};
};

}  // namespace sotto::device

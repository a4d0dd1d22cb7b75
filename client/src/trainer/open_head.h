// A model and its head in memory of their own, opened for one use by one thread.
#pragma once

#include <memory>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"
#include "sotto/device_runtime/head.h"
#include "sotto/model_compiler/host_model.h"

namespace sotto::client {

// kInvalidArgument, in the head's own words.
[[nodiscard]] Status to_status(sotto_head_error error);

class OpenHead {
 public:
  [[nodiscard]] static Result<OpenHead> open(Bytes image, const sotto_head_options& options);

  [[nodiscard]] sotto_model* model() const { return model_.model(); }
  [[nodiscard]] sotto_head* head() const { return head_; }
  [[nodiscard]] const sotto_head_sizes& sizes() const { return sizes_; }

 private:
  struct alignas(SOTTO_ALIGNMENT) Block {
    std::uint8_t bytes[SOTTO_ALIGNMENT];
  };
  explicit OpenHead(device::HostModel model) : model_(std::move(model)) {}

  device::HostModel model_;
  std::vector<Block> memory_;  // its place is fixed: the head has pointers into itself
  sotto_head* head_ = nullptr;
  sotto_head_sizes sizes_{};
};

}  // namespace sotto::client

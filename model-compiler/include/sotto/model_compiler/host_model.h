// A model image opened on this machine, in memory of its own. Hosts only:
// the Linux client, the command line, tests.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"
#include "sotto/device_runtime/sotto_device.h"

namespace sotto::device {

// Every kernel that this processor can run. Of one operator and layout the fastest comes first.
[[nodiscard]] const sotto_kernel_table& host_kernels();

// One thread at a time.
class HostModel {
 public:
  // Copies the image. kInvalidArgument when it is none, is damaged,
  // or was compiled for kernels that this machine lacks.
  [[nodiscard]] static Result<HostModel> open(Bytes image);

  HostModel(HostModel&& other) noexcept;
  HostModel& operator=(HostModel&& other) noexcept;
  ~HostModel();

  // Of one run: all inputs or outputs of the model one after the other.
  [[nodiscard]] std::size_t input_bytes() const;
  [[nodiscard]] std::size_t output_bytes() const;

  // Requires input.size() == input_bytes() and output.size() == output_bytes(). What a streaming model
  // remembers runs on from call to call, until reset().
  void run(Bytes input, MutableBytes output);
  void reset();

  // Called after each operator from now on; an empty function stops it. `now`,
  // when given, counts the ticks that are reported.
  using Observer = std::function<void(const sotto_operator_profile& profile)>;
  void observe(Observer observer, std::uint32_t (*now)(void* context) = nullptr);

  [[nodiscard]] sotto_model* model() const;

 private:
  struct State;
  explicit HostModel(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sotto::device

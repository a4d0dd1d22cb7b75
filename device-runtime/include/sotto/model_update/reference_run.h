// A model run on its reference inputs: on boards in the start that tries an update, on hosts that sign one or
// stand in for a board. Freestanding, no heap.
#pragma once

#include <cstdint>

#include "sotto/base/bytes.h"
#include "sotto/crypto/primitives.h"
#include "sotto/device_runtime/sotto_device.h"

namespace sotto::model_update {

//   ReferenceRun run(model);
//   for each test: fill input(0), input(1), ... with the bytes of the test; run.invoke();
//   run.finish() == manifest.self_test_outputs
class ReferenceRun {
 public:
  // The model, opened, must outlive this.
  explicit ReferenceRun(sotto_model* model) : model_(model) {}

  // Of one test: all inputs of the model one after the other.
  [[nodiscard]] std::uint32_t input_bytes() const;
  [[nodiscard]] std::uint32_t input_count() const { return sotto_model_input_count(model_); }
  // Where input `index` is to be put before each invoke(). Requires index < input_count().
  [[nodiscard]] MutableBytes input(std::uint32_t index) const;

  // False when the model does not run.
  [[nodiscard]] bool invoke();
  // Of the outputs of every test so far. Once.
  [[nodiscard]] crypto::Digest finish() { return outputs_.finish(); }

 private:
  sotto_model* model_;
  crypto::Sha256 outputs_;
};

}  // namespace sotto::model_update

// The head of the board's model as what is learned in rounds: examples from flash, training by
// sotto/device_runtime/head.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "journal/journal.h"
#include "learner.h"
#include "sotto/device_runtime/head.h"

namespace sotto::board {

class HeadLearner final : public Learner {
 public:
  static constexpr std::size_t kFeaturesMax = 256;

  // `arena` is where model and head live, on a SOTTO_ALIGNMENT boundary; all must outlive the learner.
  // Examples are value kExamplesNumber of the journal.
  HeadLearner(Bytes image, MutableBytes arena, const Journal& journal)
      : image_(image), arena_(arena), journal_(journal) {}

  // Opens model and head and reads the examples; a sentence when that fails, else nullptr.
  [[nodiscard]] const char* open(const sotto_kernel_table& kernels);

  // From open() on.
  [[nodiscard]] sotto_model* model() const { return model_; }

  // "head-" and the CRC-32 of the .tflite file in hexadecimal, whatever the image was compiled for: what
  // client/head_trainer.h calls it.
  [[nodiscard]] std::string_view model_name() const override { return {name_.data(), name_.size()}; }
  [[nodiscard]] std::uint32_t parameter_count() const override { return sizes_.parameters; }
  // Tasks whose batches are at most SOTTO_HEAD_BATCH_MAX and whose metrics are "correct" and "loss" at most.
  [[nodiscard]] bool agrees(const proto::Plan& plan) const override;
  // Draws eight bytes, little-endian the seed of the round, as the trainer of hosts does.
  [[nodiscard]] bool learn(const proto::Plan& plan, std::span<float> parameters, Random& random,
                           secagg::UpdateMetrics& metrics) override;

 private:
  static constexpr std::size_t kPrefix = 5;  // "head-"

  void take_name();
  [[nodiscard]] const char* read_examples();

  const Bytes image_;
  const MutableBytes arena_;
  const Journal& journal_;
  sotto_model* model_ = nullptr;
  sotto_head* head_ = nullptr;
  sotto_head_sizes sizes_{};
  std::uint32_t examples_ = 0;
  std::array<char, kPrefix + 8> name_{'h', 'e', 'a', 'd', '-'};
};

}  // namespace sotto::board

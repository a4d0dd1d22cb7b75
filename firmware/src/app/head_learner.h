// The head of the board's model: it answers for windows of samples, keeps those that have a label, and is
// what is learned in rounds, by sotto/device_runtime/head.h. head_watch.h keeps it from doing harm: an answer
// that it is not sure of is none, and what was learned goes back when it does worse on examples held out.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "journal/journal.h"
#include "learner.h"
#include "profile.h"
#include "samples.h"
#include "sotto/device_runtime/head.h"
#include "sotto/device_runtime/head_round.h"
#include "sotto/device_runtime/head_watch.h"

namespace sotto::board {

class HeadLearner final : public Learner, public WindowTaker {
 public:
  static constexpr std::size_t kFeaturesMax = profile::kFeaturesMax;
  static constexpr std::uint32_t kHeldOutOneIn = 5;  // of the labelled windows
  static constexpr std::uint32_t kHeldOutMin = 8;    // fewer are too few to judge by
  static constexpr std::uint32_t kFallMax = 50;      // thousandths of them that may be lost

  // `arena` is where model, head and examples held out live, on a SOTTO_ALIGNMENT boundary; all must outlive
  // the learner. The journal holds examples that the board was made with (kExamplesNumber), and what this
  // keeps there: examples that it has collected, and the head.
  HeadLearner(Bytes image, MutableBytes arena, Journal& journal)
      : image_(image), arena_(arena), journal_(journal) {}

  // Opens model and head and reads what the journal holds; a sentence when that fails, else nullptr.
  // `scratch` is for floats of that moment: a head that has more of them begins as the image's.
  [[nodiscard]] const char* open(const sotto_kernel_table& kernels, std::span<float> scratch);

  [[nodiscard]] std::uint32_t examples() const { return sotto_head_remembered(head_); }
  // Whether the labelled window of this number, counted from 1 since the start, is held out. By a hash: a
  // stream in which every fifth window has the same label would else hold out that label alone.
  [[nodiscard]] static constexpr bool holds_out(std::uint32_t number) {
    return (number * 2654435761u >> 16) % kHeldOutOneIn == 0;
  }
  [[nodiscard]] std::uint32_t held_out() const { return held_out_count_; }
  // Answers since the start, and how many of them it was not sure of or were of strange windows.
  [[nodiscard]] const sotto_head_counts& counts() const { return watch_.counts; }
  // Of the last round.
  [[nodiscard]] sotto_head_verdict verdict() const { return verdict_; }

  [[nodiscard]] WindowForm form() const override;
  [[nodiscard]] MutableBytes window() override;
  [[nodiscard]] bool take_window(const std::uint8_t* label, SampleAnswer& answer,
                                 SampleRefusal& why) override;

  // From open() on.
  [[nodiscard]] sotto_model* model() const { return model_; }

  // "head-" and the CRC-32 of the .tflite file in hexadecimal, whatever the image was compiled for: what
  // client/head_trainer.h calls it.
  [[nodiscard]] std::string_view model_name() const override { return {name_.data(), name_.size()}; }
  [[nodiscard]] std::uint32_t parameter_count() const override { return sizes_.parameters; }
  // Tasks whose batches are at most SOTTO_HEAD_BATCH_MAX and whose metrics are at most "correct", "loss",
  // "unsure" and "strange": what client/head_trainer.h reports under these names.
  [[nodiscard]] bool agrees(const proto::Plan& plan) const override;
  // Draws eight bytes, little-endian the seed of the round, as the trainer of hosts does. What did worse on
  // the examples held out is no difference at all, and the head is the received one again.
  [[nodiscard]] bool learn(const proto::Plan& plan, std::span<float> parameters, Random& random,
                           secagg::UpdateMetrics& metrics) override;

 private:
  static constexpr std::size_t kPrefix = 5;  // "head-"

  void take_name();
  [[nodiscard]] std::uint32_t each() const { return sizes_.features + 1; }
  [[nodiscard]] const char* open_head();
  [[nodiscard]] bool is_ours(std::uint8_t number) const;
  [[nodiscard]] const char* read_examples(std::uint8_t number, std::uint32_t offset);
  void read_head(std::span<float> scratch);
  [[nodiscard]] bool remember(const std::int8_t* features, std::uint8_t label);
  [[nodiscard]] std::uint8_t keep(const std::int8_t* features, std::uint8_t label);
  void save(std::uint8_t number, Bytes value);
  [[nodiscard]] sotto_head_samples held_out_samples() const;
  [[nodiscard]] sotto_head_error count_doubts(sotto_head_counts& counts);
  [[nodiscard]] sotto_head_error train(const sotto_head_training& training, std::span<float> parameters,
                                       sotto_head_round& round, sotto_head_counts& counts);
  [[nodiscard]] std::uint64_t sum_of(std::string_view metric, const sotto_head_round& round,
                                     const sotto_head_counts& counts) const;

  const Bytes image_;
  const MutableBytes arena_;
  Journal& journal_;
  sotto_model* model_ = nullptr;
  sotto_head* head_ = nullptr;
  sotto_head_sizes sizes_{};
  sotto_head_watch watch_{};
  sotto_head_verdict verdict_ = SOTTO_HEAD_UNJUDGED;
  std::uint32_t source_crc32_ = 0;
  std::uint32_t stored_ = 0;    // examples that the board was made with, or had collected
  std::uint32_t capacity_ = 0;  // of the replay
  std::uint32_t labelled_ = 0;  // windows since the start
  MutableBytes held_out_{};
  std::uint32_t held_out_count_ = 0;
  std::uint32_t held_out_next_ = 0;
  bool changed_ = false;  // the replay, since it was saved
  std::array<char, kPrefix + 8> name_{'h', 'e', 'a', 'd', '-'};
};

}  // namespace sotto::board

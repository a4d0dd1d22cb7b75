// Training the last layer of a real model in rounds, on a host as on a board: the model's int8 layers run
// once over the device's examples, and what they leave is learned from by device_runtime/head_round.h. The
// same plan, examples and draws give the same update as on any board, bit for bit.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"
#include "sotto/client/trainer.h"

namespace sotto::client {

// How weights are kept while they learn; numbers are those of sotto_head_form.
enum class HeadForm : std::uint8_t { kFloat32 = 0, kInt8 = 1, kBiases = 2 };

// Features that a head learns from, int8, each followed by its label.
struct HeadSamples {
  std::vector<std::uint8_t> bytes{};
  std::uint32_t count = 0;
};

// The custom model that the head of a .tflite file is, by that file's CRC-32: "head-" and eight hexadecimal
// digits. Boards say the same.
[[nodiscard]] std::string head_model_name(std::uint32_t crc32);

// A model whose head learns. Immutable: any thread may use it, several at once.
class HeadModel {
 public:
  // An int8 .tflite file, or a model image that this machine can run. kInvalidArgument says what is wrong
  // with it: no such file, no head, an input that is not int8, other than 2 to 256 classes.
  [[nodiscard]] static Result<HeadModel> open(Bytes file, HeadForm form);

  [[nodiscard]] std::uint32_t inputs() const { return inputs_; }      // values of an example
  [[nodiscard]] std::uint32_t features() const { return features_; }  // that the head sees
  [[nodiscard]] std::uint32_t classes() const { return classes_; }
  // What a task says of it: custom, weights [classes][features] and then biases [classes]. Its name follows
  // from the .tflite file, whatever it was compiled for: head_model_name().
  [[nodiscard]] proto::ModelSpec spec() const;
  // The head of the file, in that order: where a task begins.
  [[nodiscard]] const std::vector<float>& initial() const { return initial_; }

  // Runs the layers before the head. Values are rounded to the steps of the model's input and clamped to its
  // range. kInvalidArgument when the examples are not what the model takes; kFailedPrecondition: there are
  // none, or more than 65,535.
  [[nodiscard]] Result<HeadSamples> prepare(const Examples& examples) const;

  // What a head of these parameters makes of samples; they are in the model's form while it is asked.
  [[nodiscard]] Result<Evaluation> evaluate(std::span<const float> parameters,
                                            const HeadSamples& samples) const;

 private:
  friend class HeadTrainer;
  HeadModel() = default;

  std::vector<std::uint8_t> image_;
  HeadForm form_ = HeadForm::kFloat32;
  std::uint32_t inputs_ = 0, features_ = 0, classes_ = 0, source_ = 0;
  std::vector<float> initial_;
};

// Of the metrics "unsure" and "strange"; head_watch.h says what they mean.
inline constexpr std::uint32_t kHeadConfidenceMin = 600;  // thousandths
inline constexpr std::uint32_t kHeadDeviationsMax = 4;

// Both must outlive the trainer; what samples hold may change between calls. Each call of train() draws eight
// bytes, little-endian the seed of the round, and reports "correct", "loss" and, where the task declares
// them, "unsure": examples of which the received head is less sure than kHeadConfidenceMin, and "strange":
// those further than kHeadDeviationsMax from the first ones that this trainer saw. Tasks whose batches are
// larger than 16 are refused with a sentence.
[[nodiscard]] std::unique_ptr<Trainer> make_head_trainer(const HeadModel& model, const HeadSamples& samples);

}  // namespace sotto::client

// The plan: everything a device needs to know to train and to take part, as canonical bytes whose SHA-256
// both sides bind into every key (PROTOCOL.md "Plan"). A plan is fixed for one round.
#pragma once

#include <cstdint>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/ids.h"
#include "sotto/base/result.h"
#include "sotto/crypto/primitives.h"
#include "sotto/secagg/identity.h"
#include "sotto/secagg/ring.h"
#include "sotto/secagg/update.h"

namespace sotto::proto {

enum class Architecture : std::uint8_t {
  kSoftmax = 1,  // softmax regression: weights [features][classes], then bias [classes]
  // One hidden ReLU layer: w1 [features][hidden], b1 [hidden], w2 [hidden][classes], b2 [classes].
  kDense = 2,
};

// The global model is parameter_count() little-endian float32 values, row-major in the order given above.
struct ModelSpec {
  Architecture architecture = Architecture::kSoftmax;
  std::uint32_t features = 0;
  std::uint32_t classes = 0;
  std::uint32_t hidden = 0;  // 0 for kSoftmax

  [[nodiscard]] std::uint64_t parameter_count() const;
  friend bool operator==(const ModelSpec&, const ModelSpec&) = default;
};

struct TrainingSpec {
  std::uint32_t local_epochs = 1;
  std::uint32_t batch_size = 32;
  float learning_rate = 0.01f;
  float momentum = 0;
  float proximal_mu = 0;  // FedProx (Li et al. 2020): adds mu * (w - w_global) to the gradient
  friend bool operator==(const TrainingSpec&, const TrainingSpec&) = default;
};

enum class Aggregation : std::uint8_t {
  kSecure = 1,  // int8, masked: the coordinator learns the sum only
  // int8 without masks: for measuring what masking costs; devices refuse it unless told otherwise.
  kPlain = 2,
  kFloat = 3,  // float32 without masks: the yardstick; devices refuse it unless told otherwise
  // int8, masked, one message for devices that sleep: coordinator and helper together would see the update,
  // neither does alone.
  kOneShot = 4,
};

using secagg::Adversary;
using secagg::Packing;

struct AggregationSpec {
  Aggregation kind = Aggregation::kSecure;
  Adversary adversary = Adversary::kSemiMalicious;
  crypto::Prg prg = crypto::Prg::kChaCha20;
  std::uint16_t cohort_min = 3;          // devices refuse smaller cohorts
  std::uint16_t participants_max = 257;  // sizes the ring
  float corrupt_fraction = 0.1f;         // gamma
  float dropout_fraction = 0.1f;         // delta
  float clip = 1.0f;                     // quantiser, see secagg/update.h
  std::uint32_t weight_max = 1024;       // examples above this do not add weight
  Packing packing = Packing::kWords;     // how vectors travel, see secagg/ring.h
  friend bool operator==(const AggregationSpec&, const AggregationSpec&) = default;
};

struct Plan {
  TaskId task;
  RoundId round;
  ModelVersion model_version;
  crypto::Digest model_digest{};  // SHA-256 of the model's bytes
  ModelSpec model;
  TrainingSpec training;
  AggregationSpec aggregation;
  std::uint32_t report_within_ms = 0;  // a device that is not READY by then need not come back this round
  crypto::Digest helper_digest{};      // kOneShot: SHA-256 of the helper's X25519 key; otherwise zero

  [[nodiscard]] secagg::QuantizerOptions quantizer() const {
    return {.clip = aggregation.clip, .weight_max = aggregation.weight_max};
  }
  friend bool operator==(const Plan&, const Plan&) = default;
};

[[nodiscard]] std::vector<std::uint8_t> encode_plan(const Plan& plan);
// Checks every field's range; kInvalidArgument names the field.
[[nodiscard]] Result<Plan> decode_plan(Bytes bytes);
[[nodiscard]] Status validate_plan(const Plan& plan);
// Ranges of a model alone: used when a task is created.
[[nodiscard]] Status validate_model(const ModelSpec& model);

}  // namespace sotto::proto

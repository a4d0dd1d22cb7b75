// Values that fill every field of what a store keeps.
#pragma once

#include "sotto/crypto/primitives.h"
#include "sotto/server/store.h"

namespace sotto::server::testing {

inline proto::TaskSpec sample_spec(const std::string& name) {
  proto::TaskSpec spec;
  spec.name = name;
  spec.population = "watches";
  spec.model = {.architecture = proto::Architecture::kDense, .features = 2, .classes = 2, .hidden = {1}};
  spec.training = {
      .local_epochs = 3, .batch_size = 7, .learning_rate = 0.1f, .momentum = 0.9f, .proximal_mu = 0.01f};
  spec.aggregation.kind = proto::Aggregation::kPlain;
  spec.aggregation.adversary = proto::Adversary::kCurious;
  spec.aggregation.packing = proto::Packing::kBits;
  spec.aggregation.prg = crypto::Prg::kAes128Ctr;
  spec.aggregation.cohort_min = 4;
  spec.aggregation.honest_min = 3;
  spec.aggregation.participants_max = 300;
  spec.aggregation.corrupt_fraction = 0.2f;
  spec.aggregation.dropout_fraction = 0.3f;
  spec.aggregation.clip = 0.7f;
  spec.aggregation.weight_max = 99;
  spec.rounds = 12;
  spec.participants = 20;
  spec.participants_min = 5;
  spec.cohort_max = 10;
  spec.over_selection = 1.3f;
  spec.patience = 4.5f;
  spec.share = 7;
  spec.report_within_ms = 1234;
  spec.phase_deadline_ms = 2345;
  spec.straggler_grace_ms = 345;
  spec.server_learning_rate = 0.8f;
  spec.server_momentum = 0.6f;
  spec.adaptive_clip = false;
  spec.clip_max = 4096;
  spec.update_norm_max = 0.5f;
  spec.metrics_max = {1, 20};
  spec.model_seed = 0xfedcba9876543210u;
  return spec;
}

inline crypto::Digest digest_of(const std::vector<float>& parameters) {
  std::vector<std::uint8_t> bytes(parameters.size() * 4);
  ByteWriter writer(bytes);
  for (const float value : parameters) writer.f32(value);
  return crypto::sha256({bytes});
}

// A model of sample_spec()'s shape (7 parameters).
inline StoredModel sample_model(std::uint64_t version) {
  StoredModel model;
  model.version = ModelVersion{version};
  for (int i = 0; i < 7; ++i) {
    model.parameters.push_back(0.1f * static_cast<float>(i) - static_cast<float>(version));
    if (version > 0) model.optimizer_state.push_back(static_cast<std::uint8_t>(250 + i));
  }
  model.digest = digest_of(model.parameters);
  model.clip = 0.3f;
  model.segment_clips = {0.5f, 0.25f, 1e-3f};
  model.committed_ms = 1'700'000'000'000 + static_cast<std::int64_t>(version);
  return model;
}

inline proto::RoundRecord sample_round(TaskId task, std::uint64_t round, bool committed) {
  proto::RoundRecord record;
  record.task = task;
  record.round = RoundId{round};
  record.outcome = committed ? proto::RoundOutcome::kCommitted : proto::RoundOutcome::kAbandoned;
  record.reason = committed ? "" : "only 2 of 3 devices";
  record.base_version = ModelVersion{round - 1};
  record.committed_version = ModelVersion{committed ? round : round - 1};
  record.started_ms = 100;
  record.finished_ms = 200;
  record.cohorts = 1;
  record.plans_given = 2;
  record.joined = 3;
  record.shared = 4;
  record.collected = 5;
  record.confirmed = 13;
  record.unmasked = 6;
  record.uplink_bytes = 1ull << 40;
  record.metrics = {.count = 7,
                    .weight = 8,
                    .examples = 9,
                    .sums = {10, 1ull << 50, 20, 21, 22, 23, 24, 25},
                    .clipped = 12};
  record.clip = 0.3f;
  return record;
}

inline void expect_equal(const StoredModel& a, const StoredModel& b) {
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.digest, b.digest);
  EXPECT_EQ(a.parameters, b.parameters);
  EXPECT_EQ(a.optimizer_state, b.optimizer_state);
  EXPECT_EQ(a.clip, b.clip);
  EXPECT_EQ(a.segment_clips, b.segment_clips);
  EXPECT_EQ(a.committed_ms, b.committed_ms);
}

inline void expect_equal(const StoredTask& a, const StoredTask& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.spec, b.spec);
  EXPECT_EQ(a.state, b.state);
  EXPECT_EQ(a.rounds_committed, b.rounds_committed);
  EXPECT_EQ(a.rounds_abandoned, b.rounds_abandoned);
  EXPECT_EQ(a.last_round, b.last_round);
  EXPECT_EQ(a.rounds_reserved, b.rounds_reserved);
  expect_equal(a.model, b.model);
}

}  // namespace sotto::server::testing

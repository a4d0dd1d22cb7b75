// A cohort of real participants whose messages are recorded once and can then be played to any number of
// fresh sessions: what a session does with them is what is measured, and making them is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sotto/aggregator/cohort_session.h"
#include "sotto/secagg/graph.h"
#include "sotto/secagg/identity.h"
#include "sotto/secagg/ring.h"

namespace sotto::bench {

struct CohortOptions {
  std::uint16_t devices = 0;
  std::uint32_t parameters = 0;  // even
  double dropout_fraction = 0;   // of the devices, after they have shared: the costliest time to go
  crypto::Prg prg = crypto::Prg::kAes128Ctr;
  std::uint16_t ring_participants = 0;  // sizes the ring; `devices` when 0
  proto::Adversary adversary = proto::Adversary::kCurious;
  proto::Packing packing = proto::Packing::kWords;
};

// What one device that stays to the end did and sent.
struct ParticipantCost {
  double seconds = 0;     // all of its steps, encoding included
  std::size_t bytes = 0;  // of all its messages
};

class RecordedCohort {
 public:
  // Plays one session and checks its sum.
  explicit RecordedCohort(const CohortOptions& options);

  // A session that has been given all messages of the steps before `step`, which is open.
  [[nodiscard]] std::unique_ptr<aggregator::CohortSession> session_at(proto::Step step) const;
  // Gives `session` all recorded messages of its open step.
  void submit(aggregator::CohortSession& session) const;
  // Whether `sum` is that of the devices that stayed.
  [[nodiscard]] bool sum_is_right(const aggregator::CohortSum& sum) const;

  [[nodiscard]] const secagg::RingLayout& layout() const { return layout_; }
  [[nodiscard]] const secagg::GraphParameters& graph() const { return graph_; }
  // Masks that stay in the sum of the vectors.
  [[nodiscard]] std::size_t masks() const { return masks_; }
  // The median of the devices that stayed to the end.
  [[nodiscard]] ParticipantCost participant_cost() const;
  // Signatures that one participant verifies: none against a curious server.
  [[nodiscard]] std::size_t signatures() const;

 private:
  struct Device;
  using Message = std::vector<std::uint8_t>;

  [[nodiscard]] bool drops(std::size_t device) const;
  [[nodiscard]] std::unique_ptr<aggregator::CohortSession> new_session() const;
  [[nodiscard]] Message answer(Device& device, proto::Step step, const Message& received);
  [[nodiscard]] Message masked_vector(Device& device, const Message& delivery);
  void record();
  void count_masks(const std::vector<std::vector<std::uint16_t>>& neighbours);

  CohortOptions options_;
  secagg::KeySigner authority_;
  proto::Plan plan_;
  Message plan_bytes_;
  secagg::RingLayout layout_;
  secagg::GraphParameters graph_;
  std::vector<std::vector<Message>> messages_;  // by step, then by device; empty when it had gone
  std::vector<std::int64_t> expected_;
  std::vector<ParticipantCost> costs_;
  std::size_t masks_ = 0;
};

}  // namespace sotto::bench

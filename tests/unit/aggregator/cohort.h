// A cohort of real participants played against a session, with drop-outs and dishonest messages on request.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "sotto/aggregator/cohort_session.h"
#include "sotto/secagg/parameters.h"
#include "sotto/secagg/participant.h"
#include "sotto/secagg/ring.h"

namespace sotto::aggregator {

// How far a device goes before it is gone.
enum class Leaves : std::uint8_t {
  kBeforeKeys,
  kAfterKeys,
  kAfterShares,
  kAfterVector,
  kAfterConfirming,
  kNever
};

// A message the session did not accept. Its sender goes on as if it had been lost.
struct Refusal {
  proto::Step step;
  std::size_t device;
  Rejection reason;
  friend bool operator==(const Refusal&, const Refusal&) = default;
};

struct Outcome {
  Status status;  // of the step or the finish that ended the session
  CohortSum sum;
  std::vector<ParticipantIndex> dishonest;
  std::vector<Refusal> refusals;
};

struct Play {
  std::vector<Leaves> leaves{};        // by device; kNever for those beyond its end
  std::vector<std::size_t> arrival{};  // the order in which devices speak in every step; by number when empty
  std::size_t threads = 1;
  // Changes what a device is about to send.
  std::function<void(proto::Step, std::size_t device, std::vector<std::uint8_t>& payload)> tamper{};
  // Sees what a device received for a step.
  std::function<void(proto::Step, std::size_t device, Bytes received)> received{};
  // Runs after a device's message was accepted.
  std::function<void(CohortSession&, ParticipantIndex, proto::Step, Bytes payload)> sent{};
};

class Cohort {
 public:
  // Devices have random deltas, weights and metrics drawn from `seed`.
  Cohort(const proto::Plan& plan, std::size_t devices, std::uint64_t seed);

  // Plays a whole session of the plan's kind (secure or plain) from new session keys on.
  [[nodiscard]] Outcome play(const Play& play);
  // What the sum over these devices must be, worked out from their lanes alone.
  [[nodiscard]] CohortSum expected(const std::function<bool(std::size_t device)>& counted) const;
  [[nodiscard]] CohortSum expected(const Play& play) const;

  [[nodiscard]] std::vector<std::uint8_t> ring_vector(std::size_t device) const;
  [[nodiscard]] std::vector<std::uint8_t>& lanes(std::size_t device) { return lanes_[device]; }
  [[nodiscard]] const secagg::RingLayout& layout() const { return layout_; }

 private:
  struct Device;

  [[nodiscard]] std::unique_ptr<Device> make_device(std::size_t number) const;
  void speak(CohortSession& session, const Play& play, Device& device, std::size_t number,
             Outcome& outcome) const;
  [[nodiscard]] std::vector<std::uint8_t> message(Device& device, std::size_t number, proto::Step step,
                                                  const std::vector<std::uint8_t>& received) const;

  proto::Plan plan_;
  std::vector<std::uint8_t> plan_bytes_;
  secagg::RingLayout layout_;
  std::uint64_t seed_;
  std::vector<std::vector<std::uint8_t>> lanes_;
};

// A softmax plan of (features + 1) * 2 parameters.
[[nodiscard]] proto::Plan small_plan(std::uint32_t features, std::uint16_t participants_max);
// One of 20.
[[nodiscard]] proto::Plan plan_for(std::uint16_t participants_max);
// One in `every` of `devices` leaves at `when`.
[[nodiscard]] std::vector<Leaves> leaving(std::size_t devices, std::size_t every, Leaves when);

// Equal in every field.
void expect_equal(const CohortSum& actual, const CohortSum& expected);
// Nobody is refused or named, and the sum is that of the devices that stayed.
void expect_exact(Cohort& cohort, const Play& play);

}  // namespace sotto::aggregator

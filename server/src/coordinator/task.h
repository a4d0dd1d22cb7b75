// A task and its round in flight, as the coordinator holds them in memory.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "coordinator/cohort.h"
#include "sotto/aggregator/cohort_session.h"
#include "sotto/base/clock.h"
#include "sotto/proto/messages.h"
#include "sotto/server/store.h"

namespace sotto::server {

// Refusals by Rejection.
class RefusalCounts {
 public:
  void add(Rejection rejection) { ++counts_[static_cast<std::size_t>(rejection)]; }
  [[nodiscard]] std::uint64_t total() const;
  // "3 wrong length, 1 duplicate"
  [[nodiscard]] std::string summary() const;

 private:
  std::array<std::uint64_t, number_of(last_of<Rejection>()) + 1> counts_{};
};

struct Round {
  RoundId id;
  proto::Plan plan;
  std::vector<std::uint8_t> plan_bytes;
  crypto::Digest plan_digest{};
  std::optional<secagg::Credential> plan_credential;  // made with the first plan that is given
  std::uint32_t plans_max = 0;
  std::uint32_t plans_given = 0;

  bool joining = true;            // until the cohorts form
  Time joining_until = kNever;    // from the first plan on
  std::uint32_t outstanding = 0;  // devices with a plan that have neither joined nor left
  std::uint32_t joined = 0;
  std::vector<SessionToken> planned;          // every session of this round
  std::vector<SessionToken> joiners;          // in order of joining; some may have left since
  std::vector<std::string> one_shot_devices;  // by participant: their sessions are over before the round is
  std::unordered_set<std::string> departed;   // devices that left their session: no second plan in this round

  std::vector<Cohort> cohorts;
  std::uint32_t cohorts_open = 0;  // neither summed nor abandoned
  std::uint32_t cohorts_abandoned = 0;
  std::string first_failure;
  aggregator::CohortSum sum;

  proto::RoundRecord record;
  RefusalCounts refusals;

  [[nodiscard]] bool one_shot() const { return plan.aggregation.kind == proto::Aggregation::kOneShot; }
};

struct Task {
  StoredTask stored;
  std::vector<std::uint8_t> model_bytes;  // of stored.model
  crypto::Digest helper_digest{};
  std::unique_ptr<Round> round;  // none while paused, complete, or pausing between rounds
  Time next_round_at = kNever;   // while pausing between rounds
  std::uint32_t abandoned_in_a_row = 0;
  std::int64_t round_ms = 0;      // how long rounds take, averaged; 0: not known yet
  std::uint64_t turned_away = 0;  // check-ins since the present round began that found no place

  // Takes over what the store loaded and caches the model's bytes. The digest is of the helper's key that
  // plans of one-shot sessions name.
  Task(StoredTask loaded, const crypto::Digest& helper);

  [[nodiscard]] bool active() const { return stored.state == proto::TaskState::kActive; }
  [[nodiscard]] bool selecting() const;
  // Until the next round opens: from how long rounds took so far; `horizon_ms` when none is coming up.
  [[nodiscard]] std::int64_t next_round_in_ms(Time now, std::int64_t horizon_ms) const;
  // The next round, open for check-in.
  void begin_round();
  // Replaces the model by a newer one.
  void publish(StoredModel model);
};

// The plan of the task's next round.
[[nodiscard]] proto::Plan make_plan(const StoredTask& task, const crypto::Digest& helper);

// What the task waits for now, in one sentence, and until when (0: no deadline).
struct Waiting {
  std::string what;
  std::int64_t until_ms = 0;
};
[[nodiscard]] Waiting describe_waiting(const Task& task);
// The same for one device of the cohort, in constant time.
[[nodiscard]] std::string describe_waiting(const Round& round, const Cohort& cohort);

// "2026-03-01T12:00:03Z"
[[nodiscard]] std::string utc(std::int64_t ms);

}  // namespace sotto::server

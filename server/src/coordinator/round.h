// A round in flight: a machine that is told what happens and says what comes next. It knows no visit, no
// store and no clock, and it ends nothing: whoever drives it asks next() and acts.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "coordinator/visit_table.h"
#include "sotto/aggregator/cohort_sum.h"
#include "sotto/base/clock.h"
#include "sotto/proto/messages.h"
#include "sotto/secagg/identity.h"
#include "sotto/secagg/one_shot.h"
#include "sotto/server/cohort_messages.h"
#include "sotto/server/store.h"

namespace sotto::server {

// How J joined devices are split: into ceil(J / cohort_max) cohorts whose sizes differ by at most one. When
// those would be smaller than cohort_min, into as many of at least cohort_min as there can be; devices that
// then fit in none are left over. Empty when J < cohort_min. Requires 1 <= cohort_min <= cohort_max.
[[nodiscard]] std::vector<std::uint32_t> cohort_sizes(std::uint32_t joined, std::uint32_t cohort_min,
                                                      std::uint32_t cohort_max);

// SHA-256 of the mask helpers' keys, in the order of the plan.
using HelperDigests = InlineList<crypto::Digest, secagg::kHelpersMax>;

// The plan of a round of the task, on its last model; without the times that it gets when it is issued.
[[nodiscard]] proto::Plan make_plan(const StoredTask& task, RoundId round, const HelperDigests& helpers);

// A model as it is sent: shared by the rounds that train on it, for as long as they last.
using ModelBytes = std::shared_ptr<const std::vector<std::uint8_t>>;

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

// What the coordinator knows of a cohort, which lives elsewhere.
struct Cohort {
  enum class State : std::uint8_t { kRunning, kFinishing, kSummed, kAbandoned };
  struct Place {
    SessionToken token;
    std::string device_id;
    DeviceKey device;
    bool in_sum = false;  // its vector was taken
  };

  CohortId id;
  State state = State::kRunning;
  std::vector<Place> places{};            // by seat
  proto::Step step = proto::Step::kJoin;  // the open one
  std::uint32_t awaited = 0;
  std::uint32_t answered = 0;
  Time step_until = kNever;
  std::optional<aggregator::CohortSum> sum{};  // kSummed
};

class Round {
 public:
  enum class Phase : std::uint8_t {
    kJoining,  // devices train and join
    kSumming,  // its cohorts are at work
    kEnded,    // nothing can change its outcome any more
  };

  // What comes next.
  struct Wait {};
  struct Vanish {};  // nobody was ever at work, and nobody is to begin
  struct CloseJoining {
    std::vector<std::uint32_t> cohort_sizes;
  };
  struct Commit {};
  struct Abandon {
    std::string reason;
  };
  using Next = std::variant<Wait, Vanish, CloseJoining, Commit, Abandon>;

  // The round with this number of the task, on its last model, open for check-in.
  Round(const StoredTask& task, RoundId id, const HelperDigests& helpers);

  [[nodiscard]] RoundId id() const { return id_; }
  // The task's when the round began: what is edited since holds for later rounds.
  [[nodiscard]] const proto::TaskSpec& spec() const { return *spec_; }
  // Complete, and with bytes, once it is issued: with the first plan that is given.
  [[nodiscard]] const proto::Plan& plan() const { return plan_; }
  [[nodiscard]] bool issued() const { return !plan_bytes_.empty(); }
  [[nodiscard]] const std::vector<std::uint8_t>& plan_bytes() const { return plan_bytes_; }
  [[nodiscard]] const crypto::Digest& plan_digest() const { return plan_digest_; }
  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] bool joining() const { return phase_ == Phase::kJoining; }
  [[nodiscard]] bool one_shot() const { return plan_.aggregation.kind == proto::Aggregation::kOneShot; }
  [[nodiscard]] bool has_plans_left() const { return joining() && places_taken() < plans_max_; }
  [[nodiscard]] std::uint32_t plans_max() const { return plans_max_; }
  [[nodiscard]] std::uint32_t plans_given() const { return plans_given_; }
  // Of plans_max() places those whose holders are training or have joined, or are not given on any more.
  [[nodiscard]] std::uint32_t places_taken() const { return plans_given_ - places_freed_; }
  [[nodiscard]] std::uint32_t outstanding() const { return outstanding_; }
  [[nodiscard]] std::uint32_t joined() const { return joined_; }
  // When joining ends at the latest: counted from the first plan. kNever while there is none.
  [[nodiscard]] Time joining_until() const { return joining_until_; }

  // `active`: the task gives plans. Changes nothing.
  [[nodiscard]] Next next(bool active) const;

  // ---- while joining ----
  // The plan holds from now until the round's last deadline. Once, before the first plan is given.
  void issue(Time now);
  void plan_given(const SessionToken& token);
  // Whether the place of a plan had been given on before, as that of a device that is late.
  enum class Place : std::uint8_t { kItsOwn, kGivenOn };
  void plan_returned(const SessionToken& token, Place place);  // as if it had never been given
  void device_joined(const SessionToken& token);
  // Another may have its place.
  void joiner_left(const std::string& device_id, std::string_view reason, Place place);
  // ... and another may have the plan.
  void joiner_returned(const SessionToken& token, Place place);
  // It has a plan and will not join: another may have its place. `reason`: its own, or empty.
  void plan_lost(const std::string& device_id, std::string_view reason, Place place);
  // The same, and its plan counts as if it had never been given.
  void plan_unused(const std::string& device_id, std::string_view reason, Place place);
  // Another may have the place of a device that still trains. False: no more places are given on.
  bool free_place();
  // Those that it waits for are late: it goes on without them as soon as it has enough.
  void others_are_late(bool late) { late_ = late; }
  // As many have joined as a commit needs.
  [[nodiscard]] bool has_enough() const;
  // All but the fraction of its participants have joined.
  [[nodiscard]] bool waits_for_few(float fraction) const;
  void joining_is_over() { overdue_ = true; }
  // It has waited for those that have not joined for as long as it does.
  [[nodiscard]] bool has_waited() const { return overdue_ || late_; }
  // The cohorts form: kSumming.
  void close_joining(std::uint32_t cohorts);
  [[nodiscard]] const std::vector<SessionToken>& joiners() const { return joiners_; }
  // Every session of this round that has its plan still, in order, and no more than plans_max() that gave it
  // back.
  [[nodiscard]] const std::vector<SessionToken>& planned() const { return planned_; }

  // ---- cohorts ----
  Cohort& add_cohort();
  [[nodiscard]] Cohort* find_cohort(CohortId id);
  [[nodiscard]] const std::vector<Cohort>& cohorts() const { return cohorts_; }
  [[nodiscard]] std::uint32_t cohorts_open() const { return cohorts_open_; }
  void step_closed(proto::Step step, std::uint32_t answered);
  // `sum` is of this round's form, its mean update of this norm.
  void cohort_summed(Cohort& cohort, aggregator::CohortSum sum, double norm);
  void cohort_failed(Cohort& cohort, const std::string& reason);
  [[nodiscard]] bool fits(const aggregator::CohortSum& sum) const;

  // Of its cohorts' mean updates, the largest.
  [[nodiscard]] double update_norm() const { return update_norm_; }

  // ---- its end ----
  void end() { phase_ = Phase::kEnded; }
  // Of all cohorts that were summed.
  [[nodiscard]] aggregator::CohortSum merged_sum() const;
  // Its record so far, with `outcome` undecided.
  [[nodiscard]] proto::RoundRecord record() const;
  [[nodiscard]] std::int64_t started_ms() const { return record_.started_ms; }

  // ---- books that others keep in it ----
  void count_uplink(std::size_t bytes) { record_.uplink_bytes += bytes; }
  RefusalCounts refusals{};
  std::optional<secagg::Credential> plan_credential{};  // made with the first plan that is given
  std::vector<std::uint8_t> check_key{};  // drawn with it when there are two mask helpers; else empty
  bool helper_restarted = false;  // since the plan was signed: the round is lost, and nobody is to blame
  // Devices that are done with this round, or were refused in it: no second plan.
  std::unordered_set<DeviceKey> departed{};
  // How often devices have begun anew in this round.
  struct BegunAnew {
    std::uint32_t times = 0;
    std::string first_peer{};  // where it had begun
  };
  std::unordered_map<DeviceKey, BegunAnew> begun_anew{};
  ModelBytes model_bytes{};         // that its plan names
  Time last_progress{0};            // when a device last took a plan or joined
  Time few_missing_since = kNever;  // when all but a few had joined
  bool late_places_given_on = false;

 private:
  [[nodiscard]] Next next_of_joining(bool active) const;
  [[nodiscard]] std::uint32_t needed() const;
  void note_leaving(const std::string& device_id, std::string_view reason);
  [[nodiscard]] Next next_of_summing() const;

  RoundId id_;
  std::shared_ptr<const proto::TaskSpec> spec_;
  proto::Plan plan_;
  std::vector<std::uint8_t> plan_bytes_;
  crypto::Digest plan_digest_{};
  // What the task asks of a round.
  std::uint32_t participants_ = 0;
  std::uint32_t participants_min_ = 0;
  std::uint32_t cohort_max_ = 0;
  std::uint32_t report_within_ms_ = 0;
  std::uint32_t phase_deadline_ms_ = 0;
  std::uint32_t plans_max_ = 0;
  std::uint32_t places_freed_max_ = 0;

  Phase phase_ = Phase::kJoining;
  std::uint32_t plans_given_ = 0;
  std::uint32_t places_freed_ = 0;  // of plans whose holders left before they were READY
  std::uint32_t outstanding_ = 0;   // devices with a plan that have neither joined nor left
  std::uint32_t joined_ = 0;
  bool overdue_ = false;
  bool late_ = false;
  std::string left_;  // the first that left with a plan, and why, for people
  std::uint32_t left_count_ = 0;
  Time joining_until_ = kNever;
  std::vector<SessionToken> planned_;
  std::set<SessionToken> returned_;    // of planned_
  std::vector<SessionToken> joiners_;  // in order of joining; some may have left since

  std::vector<Cohort> cohorts_;
  std::uint32_t cohorts_open_ = 0;  // neither summed nor abandoned
  std::uint32_t cohorts_abandoned_ = 0;
  double update_norm_ = 0;
  std::string first_failure_;
  proto::RoundRecord record_;
};

}  // namespace sotto::server

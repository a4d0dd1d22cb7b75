#include "coordinator/round.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "coordinator/clips.h"
#include "sotto/base/check.h"
#include "sotto/proto/plan.h"
#include "sotto/proto/plan_facts.h"

namespace sotto::server {
namespace {

// Places of a round that are given on, at least: however small it is, some devices may fail in it.
constexpr std::uint32_t kPlacesFreedMin = 16;

std::uint32_t plans_for(const proto::TaskSpec& spec) {
  // over_selection is a float: 10 * 1.1f is a hair above 11 and means 11.
  const double plans = static_cast<double>(spec.participants) * static_cast<double>(spec.over_selection);
  return static_cast<std::uint32_t>(std::ceil(plans * (1 - 1e-6)));
}

}  // namespace

std::vector<std::uint32_t> cohort_sizes(std::uint32_t joined, std::uint32_t cohort_min,
                                        std::uint32_t cohort_max) {
  const std::uint32_t count = std::min((joined + cohort_max - 1) / cohort_max, joined / cohort_min);
  if (count == 0) return {};
  const std::uint32_t placed =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(joined, std::uint64_t{count} * cohort_max));
  std::vector<std::uint32_t> sizes(count, placed / count);
  for (std::uint32_t i = 0; i < placed % count; ++i) ++sizes[i];
  return sizes;
}

proto::Plan make_plan(const StoredTask& task, RoundId round, const HelperDigests& helpers) {
  proto::Plan plan;
  plan.task = task.id;
  plan.round = round;
  plan.model_version = task.model.version;
  plan.model_digest = task.model.digest;
  plan.model = task.spec.model;
  plan.training = task.spec.training;
  plan.aggregation = task.spec.aggregation;
  put_clips(task.spec, task.model, plan);
  plan.report_within_ms = task.spec.report_within_ms;
  if (plan.aggregation.kind == proto::Aggregation::kOneShot) {
    if (!helpers.empty()) plan.helper_digest = helpers[0];
    if (helpers.size() > 1) plan.second_helper_digest = helpers[1];
  }
  return plan;
}

std::uint64_t RefusalCounts::total() const {
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts_) total += count;
  return total;
}

std::string RefusalCounts::summary() const {
  std::string text;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", counts_[i], word_of(static_cast<Rejection>(i)));
  }
  return text;
}

Round::Round(const StoredTask& task, RoundId id, const HelperDigests& helpers)
    : id_(id),
      spec_(std::make_shared<const proto::TaskSpec>(task.spec)),
      plan_(make_plan(task, id, helpers)),
      participants_(task.spec.participants),
      participants_min_(task.spec.participants_min),
      cohort_max_(task.spec.cohort_max),
      report_within_ms_(task.spec.report_within_ms),
      phase_deadline_ms_(task.spec.phase_deadline_ms),
      plans_max_(plans_for(task.spec)),
      places_freed_max_(std::max(plans_max_, kPlacesFreedMin)) {
  record_.task = task.id;
  record_.round = id;
  record_.base_version = task.model.version;
  record_.committed_version = task.model.version;
  record_.clip = plan_.aggregation.clip;
}

Round::Next Round::next(bool active) const {
  switch (phase_) {
    case Phase::kJoining:
      return next_of_joining(active);
    case Phase::kSumming:
      return next_of_summing();
    case Phase::kEnded:
      break;
  }
  return Wait{};
}

Round::Next Round::next_of_joining(bool active) const {
  if (one_shot() && !cohorts_.empty() && cohorts_open() == 0) return Abandon{first_failure_};
  // Nobody is at work: paused before anybody was, or the only device went elsewhere.
  // A plan that came back is not given to others: its time runs already.
  if (plans_given_ == 0) return active && !issued() ? Next(Wait{}) : Next(Vanish{});
  const bool enough = has_enough();
  // A place that came free is offered to others, and waited for only while it is needed.
  const bool place_left = enough ? plans_given_ < plans_max_ : has_plans_left();
  const bool all_heard = outstanding_ == 0 && !(active && place_left);
  const bool waited = overdue_ || (late_ && enough);
  if (joined_ < participants_ && !all_heard && !waited) return Wait{};
  if (enough) return CloseJoining{cohort_sizes(joined_, plan_.aggregation.cohort_min, cohort_max_)};
  const std::string left =
      left_count_ == 0 ? "" : fmt::format("; {} left with a plan, the first of them {}", left_count_, left_);
  return Abandon{fmt::format("{} of {} devices with a plan joined, {} are needed{}", joined_, plans_given_,
                             needed(), left)};
}

std::uint32_t Round::needed() const {
  return std::max<std::uint32_t>(participants_min_, plan_.aggregation.cohort_min);
}

bool Round::has_enough() const {
  return joined_ >= needed() && !cohort_sizes(joined_, plan_.aggregation.cohort_min, cohort_max_).empty();
}

bool Round::waits_for_few(float fraction) const {
  const std::uint32_t missing = participants_ - std::min(joined_, participants_);
  return static_cast<float>(missing) <= fraction * static_cast<float>(participants_);
}

Round::Next Round::next_of_summing() const {
  if (cohorts_open() > 0) return Wait{};
  std::uint32_t devices = 0;
  std::uint64_t weight = 0;
  for (const Cohort& cohort : cohorts_) {
    if (!cohort.sum) continue;
    devices += cohort.sum->devices;
    weight += cohort.sum->metrics.weight;
  }
  if (devices >= participants_min_ && weight > 0) return Commit{};
  std::string reason = "the devices trained on no examples";
  if (devices < participants_min_) {
    reason = fmt::format("{} devices in the sum, {} are needed", devices, participants_min_);
  }
  if (cohorts_abandoned_ > 0) {
    reason += fmt::format("; {} of {} cohorts were abandoned: {}", cohorts_abandoned_, record_.cohorts,
                          first_failure_);
  }
  return Abandon{std::move(reason)};
}

void Round::issue(Time now) {
  SOTTO_CHECK(!issued());
  record_.started_ms = now.ms;
  joining_until_ = now + std::chrono::milliseconds(report_within_ms_);
  // Share, collect, confirm and unmask follow the joining.
  const std::uint64_t longest_ms = report_within_ms_ + 4 * std::uint64_t{phase_deadline_ms_};
  plan_.issued_at = static_cast<std::uint64_t>(std::max<std::int64_t>(now.ms, 0)) / 1000;
  plan_.not_after = plan_.issued_at + longest_ms / 1000 + 1 + proto::kPlanSlackS;
  plan_bytes_ = proto::encode_plan(plan_);
  plan_digest_ = crypto::sha256({plan_bytes_});
}

void Round::plan_given(const SessionToken& token) {
  SOTTO_CHECK(issued());
  ++plans_given_;
  ++outstanding_;
  planned_.push_back(token);
}

// A device may check in anew as often as it likes, and each time it is another session.
void Round::plan_returned(const SessionToken& token, Place place) {
  if (place == Place::kGivenOn) --places_freed_;
  returned_.insert(token);
  if (returned_.size() > plans_max_) {
    std::erase_if(planned_, [this](const SessionToken& planned) { return returned_.contains(planned); });
    returned_.clear();
  }
  --plans_given_;
  --outstanding_;
}

void Round::joiner_returned(const SessionToken& token, Place place) {
  --joined_;
  ++outstanding_;
  plan_returned(token, place);
}

void Round::note_leaving(const std::string& device_id, std::string_view reason) {
  if (left_count_++ > 0) return;
  left_ = fmt::format("'{}'{}{}", device_id, reason.empty() ? "" : ": ", reason);
}

// Within a bound, so that devices that leave one after the other do not take plans for ever.
bool Round::free_place() {
  if (!joining() || places_freed_ >= std::min(places_freed_max_, plans_given_)) return false;
  ++places_freed_;
  return true;
}

void Round::plan_lost(const std::string& device_id, std::string_view reason, Place place) {
  note_leaving(device_id, reason);
  --outstanding_;
  if (place == Place::kItsOwn) free_place();
}

void Round::plan_unused(const std::string& device_id, std::string_view reason, Place place) {
  note_leaving(device_id, reason);
  --outstanding_;
  --plans_given_;
  if (place == Place::kGivenOn) --places_freed_;
}

void Round::joiner_left(const std::string& device_id, std::string_view reason, Place place) {
  note_leaving(device_id, reason);
  --joined_;
  if (place == Place::kItsOwn) free_place();
}

void Round::device_joined(const SessionToken& token) {
  --outstanding_;
  ++joined_;
  if (!one_shot()) joiners_.push_back(token);
}

void Round::close_joining(std::uint32_t cohorts) {
  phase_ = Phase::kSumming;
  record_.cohorts = cohorts;
}

Cohort& Round::add_cohort() {
  ++cohorts_open_;
  return cohorts_.emplace_back(Cohort{.id = CohortId{static_cast<std::uint32_t>(cohorts_.size())}});
}

Cohort* Round::find_cohort(CohortId id) { return id.value < cohorts_.size() ? &cohorts_[id.value] : nullptr; }

void Round::step_closed(proto::Step step, std::uint32_t answered) {
  if (step == proto::Step::kShare) record_.shared += answered;
  if (step == proto::Step::kCollect || one_shot()) record_.collected += answered;
  if (step == proto::Step::kConfirm) record_.confirmed += answered;
  if (step == proto::Step::kUnmask) record_.unmasked += answered;
}

bool Round::fits(const aggregator::CohortSum& sum) const {
  const auto same_form = [](const secagg::Segment& segment, const aggregator::SumSegment& summed) {
    return segment.length == summed.length && segment.weighting == summed.weighting;
  };
  if (sum.sum.size() != plan_.model.parameter_count()) return false;
  if (!std::ranges::equal(plan_.update_layout().segments, sum.segments, same_form)) return false;
  const auto other =
      std::ranges::find_if(cohorts_, [](const Cohort& cohort) { return cohort.sum.has_value(); });
  return other == cohorts_.end() || other->sum->mergeable_with(sum);
}

void Round::cohort_summed(Cohort& cohort, aggregator::CohortSum sum, double norm) {
  cohort.state = Cohort::State::kSummed;
  --cohorts_open_;
  cohort.sum = std::move(sum);
  update_norm_ = std::max(update_norm_, norm);
}

void Round::cohort_failed(Cohort& cohort, const std::string& reason) {
  cohort.state = Cohort::State::kAbandoned;
  --cohorts_open_;
  ++cohorts_abandoned_;
  if (first_failure_.empty()) first_failure_ = reason;
}

// Sums are integers: neither the order in which cohorts finish nor that in which they merge changes the
// result.
aggregator::CohortSum Round::merged_sum() const {
  aggregator::CohortSum merged;
  for (const Cohort& cohort : cohorts_) {
    if (cohort.sum) merged.merge(*cohort.sum);
  }
  return merged;
}

proto::RoundRecord Round::record() const {
  proto::RoundRecord record = record_;
  record.plans_given = plans_given_;
  record.joined = joined_;
  return record;
}

}  // namespace sotto::server

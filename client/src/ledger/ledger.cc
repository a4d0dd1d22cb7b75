// Which plans a device may follow, by what it has done before.
#include "sotto/client/ledger.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "sotto/base/check.h"
#include "sotto/host/utc_text.h"

namespace sotto::client {
namespace {

using proto::LedgerRefusal;

std::string utc(std::uint64_t unix_s) { return host::utc_time_of_seconds(unix_s); }

LedgerVerdict refuse(const proto::LedgerReport& report, std::string sentence) {
  return {.refusal = report, .sentence = std::move(sentence)};
}

Ledger::Model model_of(const LedgerPlan& plan) {
  Ledger::Model model{.version = plan.version};
  std::copy_n(plan.model.begin(), model.digest.size(), model.digest.begin());
  return model;
}

bool same_model(const Ledger::Model& a, const Ledger::Model& b) {
  return a.version == b.version && a.digest == b.digest;
}

std::uint32_t epoch_of(RoundId round) { return round_number(round).epoch; }

// Whether a vector may have left for the model, although it is not in the list: that of an older version, or
// one of so many of its version that the list has no room for another.
bool may_have_been_forgotten(const Ledger::Task& task, const LedgerPlan& plan) {
  if (task.newest && epoch_of(plan.round) == epoch_of(task.round) && plan.version < *task.newest) return true;
  return task.models.size() == Ledger::kModelsMax && task.models.front().version == plan.version;
}

LedgerVerdict model_spent(const LedgerPlan& plan) {
  return refuse(
      {.refusal = LedgerRefusal::kModelSpent},
      fmt::format("this device's vector for version {} of the model of task {} has left already, and "
                  "its owner allows no other: until the task has a newer version",
                  plan.version.value, plan.task.value));
}

}  // namespace

const Ledger::Task* Ledger::find(const LedgerPlan& plan) const {
  const auto found = std::ranges::find_if(tasks_, [&](const Task& task) {
    return task.task == plan.task && task.coordinator == plan.coordinator;
  });
  return found == tasks_.end() ? nullptr : &*found;
}

Ledger::Task* Ledger::find(const LedgerPlan& plan) {
  return const_cast<Task*>(std::as_const(*this).find(plan));
}

std::uint64_t Ledger::vectors() const {
  std::uint64_t vectors = folded_vectors_;
  for (const Task& task : tasks_) vectors += task.vectors;
  return vectors;
}

// A clock that was set back does not begin a period.
bool Ledger::period_is_over(const LedgerBudgets& budgets, std::optional<std::uint64_t> now_s) const {
  if (period_vectors_ == 0) return true;
  return now_s && *now_s >= period_start_s_ && *now_s - period_start_s_ >= budgets.period_s;
}

LedgerVerdict Ledger::look_at_task(const Task& task, const LedgerPlan& plan,
                                   const LedgerBudgets& budgets) const {
  const bool joined_before = plan.round == task.round && plan.plan == task.plan;
  if (plan.round < task.round || (plan.round == task.round && (!joined_before || task.sent))) {
    return refuse(
        {.refusal = LedgerRefusal::kRoundUsed, .last_round = task.round},
        fmt::format("round {} of task {} is not above round {}, which this device has taken part in: "
                    "an old plan, or a coordinator whose database was set back",
                    plan.round.value, plan.task.value, task.round.value));
  }
  const Model model = model_of(plan);
  const auto known =
      std::ranges::find_if(task.models, [&](const Model& other) { return same_model(other, model); });
  if (known != task.models.end()) {
    if (known->vectors >= budgets.vectors_per_model) return model_spent(plan);
  } else if (budgets.vectors_per_model != UINT32_MAX && may_have_been_forgotten(task, plan)) {
    return model_spent(plan);
  }
  if (task.vectors < budgets.vectors_per_task) return {};
  return refuse({.refusal = LedgerRefusal::kTaskSpent},
                fmt::format("{} vectors of this device have left for task {}, as many as its owner allows",
                            task.vectors, plan.task.value));
}

LedgerVerdict Ledger::look(const LedgerPlan& plan, const LedgerBudgets& budgets,
                           std::optional<std::uint64_t> now_s) const {
  if (const Task* task = find(plan)) {
    LedgerVerdict verdict = look_at_task(*task, plan, budgets);
    if (!verdict.allowed()) return verdict;
  }
  if (period_is_over(budgets, now_s) || period_vectors_ < budgets.vectors_per_period) return {};
  const std::string sentence =
      fmt::format("{} vectors of this device have left, as many as its owner allows", period_vectors_);
  if (!now_s) {
    return refuse({.refusal = LedgerRefusal::kPeriodSpent}, sentence + " a device without a clock");
  }
  const std::uint64_t until_s = period_start_s_ + budgets.period_s;
  return refuse({.refusal = LedgerRefusal::kPeriodSpent, .until_s = until_s},
                fmt::format("{} in {} s: until {}", sentence, budgets.period_s, utc(until_s)));
}

void Ledger::fold_longest_unused() {
  const auto oldest = std::ranges::min_element(tasks_, {}, &Task::used);
  ++folded_tasks_;
  folded_vectors_ += oldest->vectors;
  tasks_.erase(oldest);
}

void Ledger::join(const LedgerPlan& plan) {
  Task* task = find(plan);
  if (task == nullptr) {
    if (tasks_.size() == kTasksMax) fold_longest_unused();
    task = &tasks_.emplace_back(Task{.coordinator = plan.coordinator, .task = plan.task});
  }
  SOTTO_CHECK(plan.round >= task->round);
  task->used = ++uses_;
  if (epoch_of(plan.round) > epoch_of(task->round)) task->newest.reset();
  task->round = plan.round;
  task->plan = plan.plan;
  task->sent = false;
}

void Ledger::charge(const LedgerPlan& plan, const LedgerBudgets& budgets,
                    std::optional<std::uint64_t> now_s) {
  Task* task = find(plan);
  SOTTO_CHECK(task != nullptr && task->round == plan.round && task->plan == plan.plan && !task->sent);
  task->used = ++uses_;
  task->sent = true;
  ++task->vectors;
  task->newest = plan.version;
  task->last_vector_s = now_s.value_or(0);
  Model model = model_of(plan);
  const auto known =
      std::ranges::find_if(task->models, [&](const Model& other) { return same_model(other, model); });
  if (known != task->models.end()) {
    ++known->vectors;
  } else {
    if (task->models.size() == kModelsMax) task->models.erase(task->models.begin());
    model.vectors = 1;
    task->models.push_back(model);
  }
  if (period_is_over(budgets, now_s)) {
    period_start_s_ = now_s.value_or(0);
    period_vectors_ = 0;
  }
  ++period_vectors_;
}

// ---- with a place behind it ----

namespace {

class KeptLedger final : public DeviceLedger {
 public:
  KeptLedger(Ledger ledger, const LedgerBudgets& budgets, std::unique_ptr<LedgerPlace> place)
      : ledger_(std::move(ledger)), budgets_(budgets), place_(std::move(place)) {}

  Result<LedgerVerdict> look(const LedgerPlan& plan, std::optional<std::uint64_t> now_s) override {
    const Result<bool> stopped = place_->stopped();
    if (!stopped) return stopped.error();
    if (*stopped) {
      return refuse({.refusal = LedgerRefusal::kStopped},
                    "this device's owner has stopped it; `sotto device ledger FILE --allow` takes that back");
    }
    return ledger_.look(plan, budgets_, now_s);
  }
  Result<LedgerVerdict> join(const LedgerPlan& plan, std::optional<std::uint64_t> now_s) override {
    return change(plan, now_s, [&](Ledger& ledger) { ledger.join(plan); });
  }
  Result<LedgerVerdict> charge(const LedgerPlan& plan, std::optional<std::uint64_t> now_s) override {
    return change(plan, now_s, [&](Ledger& ledger) { ledger.charge(plan, budgets_, now_s); });
  }

 private:
  // What could not be written has not happened, and nothing leaves.
  template <typename Change>
  Result<LedgerVerdict> change(const LedgerPlan& plan, std::optional<std::uint64_t> now_s, Change make) {
    Result<LedgerVerdict> verdict = look(plan, now_s);
    if (!verdict || !verdict->allowed()) return verdict;
    Ledger changed = ledger_;
    make(changed);
    SOTTO_RETURN_IF_ERROR(place_->write(changed.encode()));
    ledger_ = std::move(changed);
    return verdict;
  }

  Ledger ledger_;
  const LedgerBudgets budgets_;
  const std::unique_ptr<LedgerPlace> place_;
};

class Nowhere final : public LedgerPlace {
 public:
  Status write(Bytes) override { return {}; }
  Result<bool> stopped() override { return false; }
};

}  // namespace

std::unique_ptr<DeviceLedger> keep_ledger(Ledger ledger, const LedgerBudgets& budgets,
                                          std::unique_ptr<LedgerPlace> place) {
  return std::make_unique<KeptLedger>(std::move(ledger), budgets, std::move(place));
}

std::unique_ptr<DeviceLedger> make_memory_ledger(const LedgerBudgets& budgets) {
  return keep_ledger({}, budgets, std::make_unique<Nowhere>());
}

}  // namespace sotto::client

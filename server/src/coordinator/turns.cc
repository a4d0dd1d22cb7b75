// Several tasks of one population: whose turn it is, and which of them there are devices for.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <tuple>

#include "coordinator/core.h"

namespace sotto::server {
namespace {

// What a plan costs a task of share 1 when it is its turn; one of share n pays an n-th.
constexpr std::uint64_t kTurnUnit = 1'000'000;
// A round that no device has come to or joined for this part of its time, within these bounds, is stalled.
constexpr std::int64_t kStalledPart = 60;
constexpr std::int64_t kStalledMinMs = 2'000;
constexpr std::int64_t kStalledMaxMs = 60'000;

DeadlineKey stalled_of(const Task& task, const Round& round) {
  return {.task = task.stored.id, .kind = DeadlineKey::Kind::kStalled, .round = round.id()};
}

std::chrono::milliseconds stalled_after(const Task& task) {
  return std::chrono::milliseconds(std::clamp<std::int64_t>(task.stored.spec.report_within_ms / kStalledPart,
                                                            kStalledMinMs, kStalledMaxMs));
}

}  // namespace

Core::Population& Core::population_of(const Task& task) {
  return populations_.find(task.stored.spec.population)->second;
}

void Core::mark_population(const Task& task) {
  marked_.insert(population_of(task).tasks.begin(), population_of(task).tasks.end());
}

void Core::saw(const std::string& population, const std::string& device_id) {
  const auto found = populations_.find(population);
  (found == populations_.end() ? without_task_ : found->second.census).seen(device_id, now_);
}

bool Core::has_devices_for(const Task& task) {
  return population_of(task).census.at_least(task.devices_needed(), now_);
}

bool Core::yields(const Task& task) {
  const Population& population = population_of(task);
  if (population.tasks.size() < 2 || has_devices_for(task)) return false;
  return std::ranges::any_of(population.tasks, [&](TaskId id) {
    const Task& other = *find_task(id);
    return id != task.stored.id && other.active() && !other.helper_away() && has_devices_for(other);
  });
}

// A round that has begun is filled first. Then comes the task that has had the least for its share; of those
// that have had the same the one that needs the fewest devices.
std::vector<Task*> Core::tasks_in_turn(const Population& population) {
  std::vector<Task*> tasks;
  tasks.reserve(population.tasks.size());
  for (const TaskId id : population.tasks) tasks.push_back(find_task(id));
  const auto place = [](Task* task) {
    const Round* round = task->selecting();
    const bool begun = round != nullptr && round->places_taken() > 0;
    return std::tuple(!begun, task->turn, task->devices_needed(), task->stored.id);
  };
  if (tasks.size() > 1) {
    std::ranges::sort(tasks, [&](Task* a, Task* b) { return place(a) < place(b); });
  }
  return tasks;
}

// Start-time fair queuing: a task that had no use for devices for a while has no turns saved up. What a round
// takes beyond its first plan is its task's own and puts nobody's turn off.
void Core::count_turn(Task& task, bool begins_round) {
  Population& population = population_of(task);
  if (begins_round) {
    task.turn = std::max(task.turn, population.turn);
    population.turn = task.turn;
  }
  task.turn += kTurnUnit / task.stored.spec.share;
}

// One-shot rounds keep what they have: their devices are free again anyway.
bool Core::gives_way(Task& task, Round& round) {
  if (!round.joining() || !round.issued() || round.one_shot() || round.places_taken() == 0 || !yields(task)) {
    deadlines_.clear(stalled_of(task, round));
    return false;
  }
  const Time stalled_at = round.last_progress + stalled_after(task);
  if (stalled_at > now_) {
    deadlines_.set(stalled_of(task, round), stalled_at);
    return false;
  }
  end_round(task, round,
            {.round = round.id(),
             .reason = shortage(task) + ": its devices are let go, because other tasks can use them",
             .nobodys_fault = true});
  return true;
}

std::string Core::shortage(const Task& task) {
  return fmt::format("needs {} devices; {} have been seen lately", task.devices_needed(),
                     population_of(task).census.count(now_));
}

}  // namespace sotto::server

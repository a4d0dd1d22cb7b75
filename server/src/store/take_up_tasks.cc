// Round numbers are never given twice: a block is on disk before the first of it is used, and whoever starts
// on a store goes on above the last block.
#include <algorithm>

#include "coordinator/stop_rule.h"
#include "sotto/base/limits.h"
#include "sotto/server/store.h"

namespace sotto::server {

FirstRounds first_rounds(std::uint32_t epoch) {
  return {.last = round_id({.epoch = epoch, .counter = 0}),
          .reserved = round_id({.epoch = epoch, .counter = limits::kRoundsReserved})};
}

std::uint32_t versions_kept(const proto::TaskSpec& spec) {
  constexpr std::uint32_t kFetchedMax = limits::kRoundsOpenMax + 1;
  return spec.keep_versions == 0 ? 0 : std::max(spec.keep_versions, kFetchedMax);
}

Result<std::vector<StoredTask>> take_up_tasks(Store& store) {
  Result<std::vector<StoredTask>> tasks = store.load_tasks();
  if (!tasks) return tasks.error();
  for (StoredTask& task : *tasks) {
    if (task.spec.stop_on_fall > 0) {
      const auto rounds = store.rounds(task.id, UINT32_MAX);
      if (!rounds) return rounds.error();
      for (const proto::RoundRecord& round : *rounds) {
        if (round.outcome != proto::RoundOutcome::kCommitted) continue;
        task.best_mean = better(task.spec, task.best_mean, watched_mean(task.spec, round.metrics));
      }
    }
    task.last_round = task.rounds_reserved;
    if (task.state == proto::TaskState::kComplete) continue;
    const RoundId through{task.rounds_reserved.value + limits::kRoundsReserved};
    SOTTO_RETURN_IF_ERROR(store.reserve_rounds(task.id, through));
    task.rounds_reserved = through;
  }
  return tasks;
}

}  // namespace sotto::server

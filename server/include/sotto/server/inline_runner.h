// Runs a coordinator with its cohorts and its store in the caller's thread, one thing after the other: equal
// events give equal actions. For experiments and tests; CoordinatorLoop is for servers.
#pragma once

#include <vector>

#include "sotto/base/executor.h"
#include "sotto/server/cohort_host.h"
#include "sotto/server/coordinator.h"
#include "sotto/server/store.h"

namespace sotto::server {

class InlineRunner {
 public:
  // All must outlive the runner. `executor` removes masks.
  InlineRunner(Coordinator& coordinator, CohortHost& cohorts, Store& store, Executor& executor)
      : coordinator_(coordinator), cohorts_(cohorts), store_(store), executor_(executor) {}

  // Hands the event in, carries out what it asks for, and so on until nothing is left but the replies and
  // notices that it returns, in order.
  [[nodiscard]] std::vector<Action> step(Event event, Time now);

 private:
  Coordinator& coordinator_;
  CohortHost& cohorts_;
  Store& store_;
  Executor& executor_;
};

}  // namespace sotto::server

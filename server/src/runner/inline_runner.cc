#include "sotto/server/inline_runner.h"

#include <deque>
#include <iterator>
#include <utility>

namespace sotto::server {

std::vector<Action> InlineRunner::step(Event event, Time now) {
  std::vector<Action> left;
  std::deque<Event> events;
  events.push_back(std::move(event));
  while (!events.empty()) {
    std::vector<Action> actions = coordinator_.step(std::move(events.front()), now);
    events.pop_front();
    for (Action& action : actions) {
      if (const auto* command = std::get_if<CohortAction>(&action)) {
        for (CohortEvent& came : cohorts_.step(command->cohort, command->command, now)) {
          events.push_back(std::move(came));
        }
      } else if (const auto* finish = std::get_if<FinishCohortAction>(&action)) {
        events.push_back(cohorts_.finish(finish->cohort, executor_));
      } else if (auto* request = std::get_if<StoreAction>(&action)) {
        StoreReply reply = answer_request({store_}, request->request);
        events.push_back(StoreAnsweredEvent{request->call, std::move(request->request), std::move(reply)});
      } else if (auto* check = std::get_if<VerifyAction>(&action)) {
        const Verdict verdict = verify(check->verification);
        events.push_back(VerifiedEvent{check->id, std::move(check->verification), verdict});
      } else {
        left.push_back(std::move(action));
      }
    }
  }
  return left;
}

}  // namespace sotto::server

// The coordinator's thread: everybody else posts events to a bounded queue and gets answers through
// callbacks.
//
//   gRPC threads --submit()--> [queue] --> coordinator thread: step() --> notices
//                                 ^            |  ^                 |
//                                 |            v  | cohorts         +-- answering thread: callbacks
//                                 +-- CohortFinished ------ finishing thread <- FinishCohortAction
//                                 +-- VerifiedEvent ------- verifying thread <- VerifyAction
//                                 +-- StoreAnsweredEvent -- store thread <----- StoreAction
//
// Cohorts are carried along in the coordinator's thread: vectors are added at memory speed. The store has a
// thread of its own, so a slow disk keeps nobody waiting but whoever asked for what is on it. Answers are
// serialised and sent on another: a fleet that fetches its model does not hold up the round.
//
// Thread-safe unless noted. An exception that escapes from a library below the coordinator ends the loop:
// every call is answered with kUnavailable from then on and status() says why.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "sotto/base/clock.h"
#include "sotto/base/executor.h"
#include "sotto/base/limits.h"
#include "sotto/server/cohort_host.h"
#include "sotto/server/coordinator.h"
#include "sotto/server/store.h"

namespace sotto::server {

// The events that somebody outside waits for: each is answered once.
template <typename Event>
concept CallEvent = std::same_as<Event, CheckInEvent> || std::same_as<Event, FetchModelEvent> ||
    std::same_as<Event, ReadModelEvent> || std::same_as<Event, ExchangeEvent> ||
    std::same_as<Event, AbandonEvent> || std::same_as<Event, CreateTaskEvent> ||
    std::same_as<Event, SetTaskStateEvent> || std::same_as<Event, SteerTaskEvent> ||
    std::same_as<Event, ListDevicesEvent> || std::same_as<Event, BanDeviceEvent> ||
    std::same_as<Event, ShowFleetEvent> || std::same_as<Event, ListTasksEvent> ||
    std::same_as<Event, ListRoundsEvent> || std::same_as<Event, ListModelsEvent> ||
    std::same_as<Event, OfferUpdateEvent> || std::same_as<Event, FetchUpdateEvent> ||
    std::same_as<Event, PublishUpdateEvent> || std::same_as<Event, ShareUpdateEvent> ||
    std::same_as<Event, ListUpdatesEvent>;

// What the loop runs. All must outlive it, and nobody else may use them while it does.
struct CoordinatorParts {
  Coordinator& coordinator;
  CohortHost& cohorts;
  Store& store;
  const Clock& clock;
  AuditLog* audit = nullptr;        // where operators' acts are recorded; null: nowhere
  ModelUpdates* updates = nullptr;  // of boards' models; null: none are kept
};

struct CoordinatorLoopOptions {
  std::size_t finish_threads = 1;                  // threads that remove masks, beside the coordinator's own
  std::size_t queue_max = limits::kEventQueueMax;  // events that wait, beside the few that it has taken
  // Called on the coordinator's thread with every notice; must be quick. May be empty.
  hosting::NoticeSink notice{};
};

class CoordinatorLoop {
 public:
  using ReplyBody = decltype(ReplyAction::body);
  using Done = std::function<void(const ReplyBody&)>;

  // Starts the threads.
  CoordinatorLoop(const CoordinatorParts& parts, CoordinatorLoopOptions options);
  ~CoordinatorLoop();  // stop()
  CoordinatorLoop(const CoordinatorLoop&) = delete;
  CoordinatorLoop& operator=(const CoordinatorLoop&) = delete;

  // Posts the event under a new CallId (event.call is overwritten). `done` is called once, unless cancel()
  // succeeds first: on the answering thread, or before submit() returns with kResourceExhausted when the
  // queue is full and kUnavailable when the loop has stopped. It must be quick and must not throw.
  template <CallEvent Event>
  CallId submit(Event event, Done done) {
    event.call = next_call();
    const CallId call = event.call;
    post(call, std::move(event), std::move(done));
    return call;
  }
  // What nobody waits for. Ignored when the loop has stopped.
  void tell(BulletinEvent event);
  void tell(HelperEvent event);
  // As Coordinator::is_done_with_helpers(), when it was last told of them. Any thread.
  [[nodiscard]] bool is_done_with_helpers() const;
  // Runs `work` on the store's thread, after all that the store was asked for before; must not throw. False
  // when the loop has stopped: it will not run.
  [[nodiscard]] bool with_store(std::function<void(Store&)> work);
  // Nobody waits for this answer any more. True: `done` will not be called. False: it has been or is being
  // called.
  bool cancel(CallId call);

  // Ends its threads after what they are at, and the store's after all that it was asked for; answers every
  // open call with kUnavailable. From the owning thread only.
  void stop();
  // kOk while events are being handled; kUnavailable after stop(); kIo with the reason after an exception.
  [[nodiscard]] Status status() const;
  // For how long the coordinator's thread has been at the event that it handles now; zero when it waits.
  [[nodiscard]] std::chrono::milliseconds busy_for() const;

 private:
  struct State;

  void start_threads();
  CallId next_call();
  void post(CallId call, Event event, Done done);

  std::unique_ptr<State> state_;
  std::thread coordinator_thread_;
  std::thread finish_thread_;
  std::thread ask_thread_;  // finishes cohorts that ask a helper, one after the other
  std::thread verify_thread_;
  std::thread store_thread_;
  std::thread answer_thread_;
};

}  // namespace sotto::server

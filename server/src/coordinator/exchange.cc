// What devices send within their session.
#include "coordinator/core.h"
#include "sotto/secagg/wire.h"

namespace sotto::server {
namespace {

// After these the device can go on: its first answer stands, or it only spoke out of turn.
bool recoverable(Rejection rejection) {
  return rejection == Rejection::kDuplicate || rejection == Rejection::kWrongPhase;
}

// Whether a join payload has the form the round's aggregation asks for. Keys are judged when the cohort
// forms.
bool well_formed_join(const proto::Plan& plan, Bytes payload) {
  if (plan.aggregation.kind == proto::Aggregation::kOneShot) return true;  // judged at once, as a whole
  const bool secure = plan.aggregation.kind == proto::Aggregation::kSecure;
  return payload.size() == (secure ? secagg::join_bytes(plan.aggregation.adversary) : 0);
}

bool vector_in_sum(const Round& round, const Session& session) {
  return session.stage == Session::Stage::kInCohort &&
         round.cohorts[session.cohort.value].members()[session.index.value].in_sum;
}

}  // namespace

void Core::handle(ExchangeEvent& event) {
  const proto::ExchangeRequest& request = event.request;
  Session* session = sessions_.find(request.token);
  if (session == nullptr) {
    ++unknown_sessions_;
    const proto::RetryWindow window = retry_window(options_, {.expected_ms = 0, .devices = sessions_.size()},
                                                   "the session is unknown: check in again");
    return reply(event.call, proto::ExchangeReply(proto::Refused{Rejection::kUnknownSession, window}));
  }
  // A device has one call outstanding: it has given up the older one.
  if (session->held) answer_held(*session, keep_waiting(*session));
  if (session->stage == Session::Stage::kEnded) return reply(event.call, session->end);
  Task& task = *find_task(session->task);
  Round& round = *round_of(*session);
  round.record.uplink_bytes += request.payload.size();
  if (request.poll && !request.payload.empty())
    return refuse(task, *session, event.call, Rejection::kMalformed);
  switch (session->stage) {
    case Session::Stage::kTraining:
      return take_join(task, *session, event);
    case Session::Stage::kJoined:
      return repeat_join(task, *session, event);
    case Session::Stage::kInCohort:
      return take_step(task, *session, event);
    case Session::Stage::kEnded:
      return;
  }
}

void Core::take_join(Task& task, Session& session, ExchangeEvent& event) {
  Round& round = *task.round;
  if (!round.joining) {
    const std::string name = "round " + std::to_string(round.id.value);
    end_session(session,
                proto::SessionEnd{.counted = false,
                                  .outcome = name + " went on without this device: it joined too late",
                                  .window = window_for(task, "waiting for the round after " + name)});
    return reply(event.call, session.end);
  }
  if (event.request.step != proto::Step::kJoin || event.request.poll) {
    return refuse(task, session, event.call, Rejection::kWrongPhase);
  }
  if (!well_formed_join(round.plan, event.request.payload)) {
    return refuse(task, session, event.call, Rejection::kMalformed);
  }
  if (event.request.plan_digest != round.plan_digest) {
    return refuse(task, session, event.call, Rejection::kWrongModel);
  }
  if (round.one_shot()) return take_one_shot(task, session, event);
  session.stage = Session::Stage::kJoined;
  session.join_payload = std::move(event.request.payload);
  --round.outstanding;
  ++round.joined;
  round.joiners.push_back(session.token);
  hold(session, event.call);
  check_joining(task);
}

void Core::repeat_join(Task& task, Session& session, const ExchangeEvent& event) {
  const proto::ExchangeRequest& request = event.request;
  if (request.step != proto::Step::kJoin) return refuse(task, session, event.call, Rejection::kWrongPhase);
  if (!request.poll && request.payload != session.join_payload) {
    return refuse(task, session, event.call, Rejection::kDuplicate);
  }
  hold(session, event.call);
}

void Core::take_step(Task& task, Session& session, const ExchangeEvent& event) {
  const proto::ExchangeRequest& request = event.request;
  Cohort& cohort = task.round->cohorts[session.cohort.value];
  const bool open = cohort.state() == Cohort::State::kRunning && request.step == cohort.open_step() &&
                    cohort.awaited(session.index);
  if (!open) return repeat_step(task, session, event);
  if (request.poll) {
    if (!cohort.answered(session.index)) return refuse(task, session, event.call, Rejection::kWrongPhase);
    return hold(session, event.call);
  }
  const Rejection rejection = cohort.receive(session.index, request.step, request.payload);
  if (!accepted(rejection)) return refuse(task, session, event.call, rejection);
  session.answered = request.step;
  hold(session, event.call);
  advance_cohort(task, cohort);
}

// A step that is over, or none is open any more: the device missed an answer, or comes late.
void Core::repeat_step(Task& task, Session& session, const ExchangeEvent& event) {
  const proto::ExchangeRequest& request = event.request;
  Cohort& cohort = task.round->cohorts[session.cohort.value];
  // Its vector counts whether or not it still answers.
  const bool after_vector = request.step == proto::Step::kConfirm || request.step == proto::Step::kUnmask;
  const bool late = after_vector && vector_in_sum(*task.round, session);
  if (request.step != session.answered && !late) {
    return refuse(task, session, event.call, Rejection::kWrongPhase);
  }
  const bool running = cohort.state() == Cohort::State::kRunning;
  if (running && !request.poll && request.step == session.answered) {
    const bool other_bytes =
        request.step == proto::Step::kJoin
            ? request.payload != session.join_payload
            : cohort.receive(session.index, request.step, request.payload) == Rejection::kDuplicate;
    if (other_bytes) return refuse(task, session, event.call, Rejection::kDuplicate);
  }
  if (running && cohort.awaited(session.index) && !cohort.answered(session.index)) {
    const proto::NextStep next{.next = cohort.open_step(), .payload = cohort.message_for(session.index)};
    return reply(event.call, proto::ExchangeReply(next));
  }
  hold(session, event.call);
}

void Core::refuse(Task& task, Session& session, CallId call, Rejection rejection) {
  task.round->refusals.add(rejection);
  const proto::Refused refused{rejection, window_for(task, describe(rejection))};
  reply(call, proto::ExchangeReply(refused));
  if (!recoverable(rejection)) depart(session, refused);
}

void Core::handle(AbandonEvent& event) {
  reply(event.call, AbandonReply{});
  Session* session = sessions_.find(event.request.token);
  if (session == nullptr || session->stage == Session::Stage::kEnded) return;
  const bool counted = vector_in_sum(*round_of(*session), *session);
  const std::string outcome =
      std::string("the device left its session") + (counted ? "; its update is in the sum" : "");
  const proto::RetryWindow window = window_for(*find_task(session->task), "waiting for the next round");
  depart(*session, proto::SessionEnd{.counted = counted, .outcome = outcome, .window = window});
}

void Core::depart(Session& session, proto::ExchangeReply answer) {
  const Session::Stage stage = session.stage;
  end_session(session, std::move(answer));
  Task& task = *find_task(session.task);
  Round* round = round_of(session);
  if (round == nullptr) return;
  round->departed.insert(session.device_id);
  switch (stage) {
    case Session::Stage::kTraining:
      --round->outstanding;
      return check_joining(task);
    case Session::Stage::kJoined:
      --round->joined;
      return check_joining(task);
    case Session::Stage::kInCohort:
      return drop_from_cohort(task, round->cohorts[session.cohort.value], session.index);
    case Session::Stage::kEnded:
      return;
  }
}

}  // namespace sotto::server

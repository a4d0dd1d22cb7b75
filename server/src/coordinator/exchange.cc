// What devices send within their session.
#include <fmt/core.h>

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

bool vector_in_sum(Round& round, const Session& session) {
  return session.stage == Session::Stage::kInCohort &&
         round.find_cohort(session.cohort)->places[session.seat.value].in_sum;
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
  round.count_uplink(request.payload.size());
  if (request.poll && !request.payload.empty()) {
    return refuse(task, round, *session, event.call, Rejection::kMalformed);
  }
  switch (session->stage) {
    case Session::Stage::kTraining:
      return take_join(task, round, *session, event);
    case Session::Stage::kContributing:
    case Session::Stage::kJoined:
      return repeat_join(task, round, *session, event);
    case Session::Stage::kInCohort:
      return pass_to_cohort(round, *session, event);
    case Session::Stage::kEnded:
      return;
  }
}

void Core::take_join(Task& task, Round& round, Session& session, ExchangeEvent& event) {
  if (!round.joining()) {
    const std::string name = fmt::format("round {}", round.id().value);
    end_session(session,
                proto::SessionEnd{.counted = false,
                                  .outcome = name + " went on without this device: it joined too late",
                                  .window = window_for(task, "waiting for the round after " + name)});
    return reply(event.call, session.end);
  }
  if (event.request.step != proto::Step::kJoin || event.request.poll) {
    return refuse(task, round, session, event.call, Rejection::kWrongPhase);
  }
  if (!well_formed_join(round.plan(), event.request.payload)) {
    return refuse(task, round, session, event.call, Rejection::kMalformed);
  }
  if (event.request.plan_digest != round.plan_digest()) {
    return refuse(task, round, session, event.call, Rejection::kWrongModel);
  }
  mark(task);
  if (round.one_shot()) return take_contribution(round, session, event);
  session.stage = Session::Stage::kJoined;
  session.join_payload = std::move(event.request.payload);
  round.device_joined(session.token);
  hold(session, event.call);
}

// One-shot rounds (PROTOCOL.md section 10): a device's join is its whole contribution. It goes into the sum
// of the round's one cohort at once, and the device is let go when the cohort says so.
void Core::take_contribution(Round& round, Session& session, ExchangeEvent& event) {
  if (round.cohorts().empty()) open_cohort(round, round.add_cohort());
  Cohort& cohort = *round.find_cohort(CohortId{0});
  session.stage = Session::Stage::kContributing;
  session.cohort = cohort.id;
  session.seat = Seat{static_cast<std::uint32_t>(cohort.places.size())};
  cohort.places.push_back({.token = session.token, .device_id = session.device_id});
  hold(session, event.call);
  session.asking = true;
  command(round, cohort.id, AdmitToCohort{session.seat, std::move(event.request.payload)});
}

void Core::repeat_join(Task& task, Round& round, Session& session, const ExchangeEvent& event) {
  const proto::ExchangeRequest& request = event.request;
  const bool contributing = session.stage == Session::Stage::kContributing;
  if (request.step != proto::Step::kJoin) {
    return refuse(task, round, session, event.call, Rejection::kWrongPhase);
  }
  // A contribution is masked anew each time, so that its bytes tell nothing.
  if (!contributing && !request.poll && request.payload != session.join_payload) {
    return refuse(task, round, session, event.call, Rejection::kDuplicate);
  }
  hold(session, event.call);
  session.asking = contributing;
}

void Core::pass_to_cohort(const Round& round, Session& session, ExchangeEvent& event) {
  hold(session, event.call);
  session.asking = true;
  command(round, session.cohort,
          CohortMessage{.seat = session.seat,
                        .call = event.call,
                        .step = event.request.step,
                        .poll = event.request.poll,
                        .payload = std::move(event.request.payload)});
}

void Core::refuse(Task& task, Round& round, Session& session, std::optional<CallId> call,
                  Rejection rejection) {
  round.refusals.add(rejection);
  const proto::Refused refused{rejection, window_for(task, describe(rejection))};
  if (call) reply(*call, proto::ExchangeReply(refused));
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
  Round* round = round_of(session);
  if (round == nullptr) return;
  mark(*find_task(session.task));
  round->departed.insert(session.device_id);
  switch (stage) {
    case Session::Stage::kTraining:
      return round->plan_lost();
    case Session::Stage::kContributing:
      return;  // its cohort will say whether it joined
    case Session::Stage::kJoined:
      return round->joiner_left();
    case Session::Stage::kInCohort:
      return command(*round, session.cohort, LeaveCohort{session.seat});
    case Session::Stage::kEnded:
      return;
  }
}

}  // namespace sotto::server

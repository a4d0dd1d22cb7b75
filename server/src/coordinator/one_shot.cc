// One-shot rounds (PROTOCOL.md section 10): a device's join is its whole contribution. Its vector goes into
// the sum of the round's one cohort at once and the device is let go.
#include "coordinator/core.h"

namespace sotto::server {

crypto::Digest Core::helper_digest() const {
  return options_.helper.link == nullptr ? crypto::Digest{} : crypto::sha256({options_.helper.key});
}

Result<std::unique_ptr<aggregator::CohortSession>> Core::make_session(
    const proto::Plan& plan, Bytes plan_bytes, const secagg::Credential& plan_credential) {
  if (plan.aggregation.kind != proto::Aggregation::kOneShot) {
    return aggregator::make_cohort_session(plan, plan_bytes, random_, authority());
  }
  if (options_.helper.link == nullptr) {
    return failed_precondition(
        "aggregation one_shot needs a helper, which this coordinator does not have: restart it with the "
        "helper's "
        "address and key (sotto serve --helper)");
  }
  if (!authority()) {
    return failed_precondition(
        "aggregation one_shot needs enrolled devices, and this coordinator has no authority");
  }
  return aggregator::make_one_shot_session(
      plan, plan_bytes,
      {.authority = *authority(), .plan_credential = plan_credential, .helper = *options_.helper.link},
      random_);
}

Status Core::open_one_shot(Round& round) {
  if (!round.cohorts.empty()) return {};
  auto session =
      make_session(round.plan, round.plan_bytes, round.plan_credential.value_or(secagg::Credential{}));
  if (!session) return session.error();
  round.cohorts.emplace_back(CohortId{0}, std::move(*session));
  round.cohorts_open = 1;
  round.record.cohorts = 1;
  return {};
}

void Core::take_one_shot(Task& task, Session& session, const ExchangeEvent& event) {
  Round& round = *task.round;
  if (const Status status = open_one_shot(round); !status.ok()) {
    hold(session, event.call);  // answered with everybody else
    return abandon_round(task, status.message());
  }
  const Rejection rejection =
      round.cohorts.front().admit(session.token, event.request.payload, session.index);
  if (!accepted(rejection)) return refuse(task, session, event.call, rejection);
  --round.outstanding;
  ++round.joined;
  round.departed.insert(session.device_id);  // it has given what it had
  round.one_shot_devices.push_back(session.device_id);
  end_session(session,
              proto::SessionEnd{.counted = true,
                                .outcome = "round " + std::to_string(round.id.value) +
                                           " counts this device's update; nothing more is needed of it",
                                .window = window_for(task, "waiting for the next round")});
  reply(event.call, session.end);
  check_joining(task);
}

}  // namespace sotto::server

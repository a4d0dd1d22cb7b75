// The session machine's saved form.
#include <fmt/core.h>

#include <utility>

#include "machine.h"
#include "plan_policy.h"
#include "sotto/proto/plan_facts.h"
#include "wiping.h"

namespace sotto::client {
namespace {

std::vector<std::uint8_t> to_bytes(std::span<const float> values) {
  std::vector<std::uint8_t> bytes(values.size_bytes());
  ByteWriter writer(bytes);
  for (const float value : values) writer.f32(value);
  return bytes;
}

}  // namespace

std::vector<std::uint8_t> Session::Impl::save() const {
  SavedSession saved{.stage = SavedSession::Stage::kModel,
                     .device_id = options_.device_id,
                     .population = options_.population,
                     .token = token_.value_or(SessionToken{}),
                     .accepted_at = accepted_at_,
                     .coordinator = coordinator_,
                     .plan = plan_bytes_,
                     .check_key = {},
                     .content = {}};
  if (plan_ && plan_->helper_count() > 1) {
    saved.check_key.assign(check_key_.reveal().begin(), check_key_.reveal().end());
  }
  const bool join_is_out =
      phase_ == Phase::kExchanging && contribution_->steps().state() == proto::StepMachine::State::kJoined;
  if (phase_ == Phase::kDownloading) {
    saved.content.assign(download_->bytes().begin(), download_->bytes().end());
  } else if (phase_ == Phase::kTraining) {
    saved.content = to_bytes(model_);
  } else if (join_is_out) {
    saved.stage = SavedSession::Stage::kUpdate;
    saved.content = contribution_->update();
  } else {
    return {};
  }
  const WipedAtEnd wiped(saved.content);
  return encode_saved_session(saved);
}

Result<Session::Action> Session::Impl::restore(Bytes bytes, Time now) {
  SOTTO_CHECK(phase_ == Phase::kIdle);
  auto saved = decode_saved_session(bytes);
  if (!saved) return saved.error();
  const WipedAtEnd wiped(saved->content);
  if (saved->device_id != options_.device_id || saved->population != options_.population) {
    return failed_precondition(
        fmt::format("the saved session is that of device {} in population {}: start anew", saved->device_id,
                    saved->population));
  }
  auto plan = proto::decode_plan(saved->plan);
  if (!plan) return data_loss("the saved plan does not decode: " + plan.error().message());
  // On this side of the comparison, because the file may say any time.
  if (now + -std::chrono::milliseconds(plan->report_within_ms) > saved->accepted_at) {
    return failed_precondition("the saved session's round is over: start anew");
  }
  ModelDownload download(*plan);
  const bool has_update = saved->stage == SavedSession::Stage::kUpdate;
  if (has_update ? saved->content.size() != proto::update_bytes(*plan) : !download.resume(saved->content)) {
    return data_loss("the saved session does not fit its plan: start anew");
  }
  if (!take_check_key(*plan, saved->check_key)) {
    return data_loss("the saved session has no check key for its plan: start anew");
  }
  if (!has_update && download.complete()) {
    auto parameters = download.parameters();
    if (!parameters) return parameters.error();
    model_ = std::move(*parameters);
  }

  token_ = saved->token;
  plan_ = std::move(*plan);
  plan_bytes_ = std::move(saved->plan);
  accepted_at_ = saved->accepted_at;
  coordinator_ = saved->coordinator;
  if (const Status policy = check_plan_policy(*plan_, options_, now); !policy.ok()) {
    return refuse_plan(policy, now);
  }
  if (auto left = ask_ledger(LedgerEntry::kLook, now)) return *left;
  if (has_update) return send_join(std::exchange(saved->content, {}), now);
  if (!model_.empty()) return begin_training(now);
  download_ = std::move(download);
  return fetch_model();
}

}  // namespace sotto::client

// The session machine's states and parts; session.h is its contract.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "contribution.h"
#include "download.h"
#include "saved_session.h"
#include "sotto/client/session.h"
#include "sotto/secagg/checked_mask.h"

namespace sotto::client {

class Session::Impl {
 public:
  Impl(const SessionOptions& options, SessionRandomness randomness);

  Action start(Time now);
  Action on_reply(Result<Reply> reply, Time now);
  Action on_timer(Time now);
  Action on_trained(Result<LocalUpdate> update, Time now);
  Action abandon(const std::string& reason, Time now);
  std::optional<proto::Step> step() const { return step_; }
  const proto::Plan* plan() const { return plan_ ? &*plan_ : nullptr; }
  const std::vector<std::uint8_t>& bulletin() const { return bulletin_; }
  const std::vector<std::uint8_t>& pass() const { return pass_; }
  std::vector<std::uint8_t> save() const;
  Result<Action> restore(Bytes saved, Time now);

 private:
  enum class Phase : std::uint8_t {
    kIdle,         // before start() or restore()
    kCheckingIn,   // the request is a check-in
    kDownloading,  // the request asks for a chunk of the model
    kTraining,     // the caller trains
    kExchanging,   // the request is a step or its poll
    kLeaving,      // the request is the abandon; done_ says why
    kDone,
  };
  struct Pause {
    std::uint32_t min_ms = 0;
    std::uint32_t max_ms = 0;
  };

  // Calls: request_ is what is sent, again and again with the same bytes, until it is answered.
  Action call(Request request);
  Action transmit();
  Action on_lost_call(const Status& error, Time now);
  Action wait(Pause pause, std::string reason, Time now);
  [[nodiscard]] Time draw(Pause pause, Time now);
  [[nodiscard]] std::string call_name() const;

  [[nodiscard]] proto::CheckInRequest check_in() const;

  // What the coordinator answers.
  Action on_check_in_reply(const proto::CheckInReply& reply, Time now);
  Action on_challenge(const proto::Challenge& challenge, Time now);
  Action accept_plan(const proto::PlanOffer& offer, Time now);
  [[nodiscard]] Status take_bulletin(const proto::PlanOffer& offer);
  // False when the plan has two mask helpers and this is no check key.
  [[nodiscard]] bool take_check_key(const proto::Plan& plan, Bytes check_key);
  Action on_chunk(const proto::ModelChunk& chunk, Time now);
  Action on_exchange_reply(const proto::ExchangeReply& reply, Time now);
  Action on_next_step(const proto::NextStep& next, Time now);
  Action on_session_end(const proto::SessionEnd& end, Time now);
  Action on_refused(const proto::Refused& refused, Time now);

  Action fetch_model();
  Action begin_training(Time now);
  Action send_join(std::vector<std::uint8_t> update, Time now);
  Action send_step(proto::Step step, std::vector<std::uint8_t> payload);

  // Nothing when the ledger lets the session go on; otherwise the session leaves.
  enum class LedgerEntry : std::uint8_t { kLook, kJoin, kCharge };
  std::optional<Action> ask_ledger(LedgerEntry entry, Time now);

  // The end. leave() tells the coordinator first when it knows this session.
  Action finish(Done done);
  Action leave(Status status, Time check_in_after, std::optional<proto::LedgerReport> ledger = std::nullopt);
  // The owner's rules are against the plan, and against the next ones of its task.
  Action refuse_plan(const Status& policy, Time now);
  Action reject(Rejection rejection, const std::string& message, Time now);
  // When to check in after an end for which the coordinator gave no window.
  [[nodiscard]] Time own_pause(Time now);

  std::vector<std::uint8_t> bulletin_;
  std::optional<secagg::Identity> identity_;  // the caller's, with what bulletin_ has made of its trust
  const SessionOptions options_;
  Random& keys_;
  Random& rounding_;

  Phase phase_ = Phase::kIdle;
  Request request_;
  std::uint32_t attempts_ = 0;  // of request_
  bool waiting_ = false;
  Wait wait_;
  bool refuses_plan_ = false;
  Done done_;
  std::uint64_t uplink_bytes_ = 0;

  std::vector<std::uint8_t> pass_;
  std::uint32_t challenges_ = 0;                // since the last wait
  std::optional<crypto::Digest> signed_for_{};  // the coordinator that the last check-in was signed for
  std::optional<SessionToken> token_;
  Time accepted_at_;
  std::vector<std::uint8_t> plan_bytes_;
  crypto::Digest coordinator_{};  // of the key that signed the plan; zero when nobody did
  std::optional<proto::Plan> plan_;
  std::optional<ModelDownload> download_;
  bool download_restarted_ = false;
  std::vector<float> model_;                      // while training
  std::vector<crypto::X25519PublicKey> helpers_;  // of a one-shot plan, in its order
  secagg::CheckKey check_key_;                    // of a plan with two of them
  std::optional<Contribution> contribution_;
  std::optional<proto::Step> step_;
};

}  // namespace sotto::client

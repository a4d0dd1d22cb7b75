#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fleet/backend.h"
#include "fleet/enrolled_fleet.h"
#include "fleet/local_mask_helper.h"
#include "sotto/crypto/primitives.h"
#include "sotto/server/cohort_host.h"
#include "sotto/server/coordinator.h"
#include "sotto/server/inline_runner.h"
#include "sotto/server/store.h"

namespace sotto::simulation {
namespace {

using server::ReplyAction;

class InProcessBackend;

class InProcessTransport final : public client::Transport {
 public:
  explicit InProcessTransport(InProcessBackend& backend) : backend_(backend) {}
  void send(const client::Request& request, Callback done) override;

 private:
  InProcessBackend& backend_;
};

// Runs the coordinator in the caller's thread. Calls complete inside step(), held ones in a later step.
class InProcessBackend final : public Backend {
 public:
  InProcessBackend(Executor& executor, std::uint64_t seed) : executor_(executor), randomness_(seed) {}

  Status open(std::size_t mask_helpers) {
    start_helpers(mask_helpers);
    const server::CoordinatorOptions options{
        .identity = &fleet_.coordinator(), .helper_keys = helper_keys(), .failing_wait_ms = 0};
    auto coordinator = server::Coordinator::open({}, *coordinator_random_, options, clock_.now());
    if (!coordinator) return coordinator.error();
    coordinator_ = std::move(*coordinator);
    runner_.emplace(*coordinator_, *cohorts_, *store_, executor_);
    return {};
  }

  Result<proto::TaskStatus> create_task(const proto::TaskSpec& spec,
                                        std::span<const float> initial) override {
    return administer<proto::TaskStatus>([&](CallId call) {
      return server::CreateTaskEvent{call, spec, {initial.begin(), initial.end()}};
    });
  }
  Result<std::vector<proto::RoundRecord>> rounds(const std::string& task, std::uint32_t count_max) override {
    return administer<std::vector<proto::RoundRecord>>([&](CallId call) {
      return server::ListRoundsEvent{call, task, count_max};
    });
  }
  Result<std::vector<std::uint8_t>> model(const std::string& task, ModelVersion version) override {
    auto models = administer<std::vector<proto::ModelRecord>>([&](CallId call) {
      return server::ListModelsEvent{call, task};
    });
    if (!models) return models.error();
    if (models->empty()) return not_found("task " + task + " has no model");
    std::vector<std::uint8_t> bytes;
    for (;;) {
      auto chunk = administer<proto::ModelChunk>([&](CallId call) {
        return server::ReadModelEvent{
            call, {.task = models->front().task, .version = version, .offset = bytes.size()}};
      });
      if (!chunk) return chunk.error();
      bytes.insert(bytes.end(), chunk->bytes.begin(), chunk->bytes.end());
      if (bytes.size() >= chunk->total_bytes) return bytes;
    }
  }

  client::Transport& transport(std::size_t device) override {
    auto& transport = transports_[device];
    if (!transport) transport = std::make_unique<InProcessTransport>(*this);
    return *transport;
  }

  const secagg::Identity& identity(std::size_t device) override { return fleet_.device(device); }

  const PartyRandomness& randomness() const override { return randomness_; }

  std::vector<crypto::X25519PublicKey> helper_keys() const override {
    std::vector<crypto::X25519PublicKey> keys;
    for (const auto& helper : helpers_) keys.push_back(helper->public_key());
    return keys;
  }

  Time now() const override { return clock_.now(); }

  void wait(Time until, Mailbox& mailbox) override {
    (void)mailbox;  // one step of time may or may not bring replies; the driver looks
    const Time next = std::min(until, coordinator_->next_deadline());
    SOTTO_CHECK(next != kNever);  // otherwise nothing could ever happen again
    clock_.advance_to(next);
    step(server::TickEvent{});
  }

  void call(const client::Request& request, client::Transport::Callback done) {
    const CallId call{++last_call_};
    callbacks_.emplace(call.value, std::move(done));
    struct ToEvent {
      CallId call;
      server::Event operator()(const proto::CheckInRequest& r) const { return server::CheckInEvent{call, r}; }
      server::Event operator()(const proto::FetchModelRequest& r) const {
        return server::FetchModelEvent{call, r};
      }
      server::Event operator()(const proto::ExchangeRequest& r) const {
        return server::ExchangeEvent{call, r};
      }
      server::Event operator()(const proto::AbandonRequest& r) const { return server::AbandonEvent{call, r}; }
      server::Event operator()(const proto::OfferUpdateRequest& r) const {
        return server::OfferUpdateEvent{call, r};
      }
      server::Event operator()(const proto::FetchUpdateRequest& r) const {
        return server::FetchUpdateEvent{call, r};
      }
    };
    step(std::visit(ToEvent{call}, request));
  }

 private:
  // Two are asked by the executor, which they cannot use then.
  void start_helpers(std::size_t count) {
    server::CohortHostOptions options{.authority = fleet_.coordinator().trust,
                                      .coordinator = &fleet_.coordinator().signer};
    Executor& executor = count == 1 ? executor_ : inline_executor_;
    for (std::size_t i = 0; i < count; ++i) {
      const char* purpose = i == 0 ? "mask helper" : "second mask helper";
      helpers_.push_back(std::make_unique<LocalMaskHelper>(
          fleet_.coordinator().trust, *randomness_.stream({.purpose = purpose}), executor, clock_));
      SOTTO_CHECK(options.helpers.push_back(helpers_.back().get()));
    }
    cohorts_.emplace(*coordinator_random_, options);
  }

  template <typename Answer, typename MakeEvent>
  Result<Answer> administer(MakeEvent make_event) {
    const CallId call{++last_call_};
    step(make_event(call));
    const auto found = administrative_.find(call.value);
    SOTTO_CHECK(found != administrative_.end());  // a store in memory answers administration at once
    ReplyAction reply = std::move(found->second);
    administrative_.erase(found);
    if (auto* status = std::get_if<Status>(&reply.body)) return *status;
    return std::get<Answer>(std::move(reply.body));
  }

  void step(server::Event event) {
    for (server::Action& action : runner_->step(std::move(event), clock_.now())) {
      if (auto* reply = std::get_if<ReplyAction>(&action)) deliver(std::move(*reply));
    }
  }

  void deliver(ReplyAction reply) {
    const auto found = callbacks_.find(reply.call.value);
    if (found == callbacks_.end()) {
      administrative_.emplace(reply.call.value, std::move(reply));
      return;
    }
    const auto done = std::move(found->second);
    callbacks_.erase(found);
    if (auto* status = std::get_if<Status>(&reply.body)) return done(*status);
    if (auto* check_in = std::get_if<proto::CheckInReply>(&reply.body))
      return done(client::Reply(std::move(*check_in)));
    if (auto* chunk = std::get_if<proto::ModelChunk>(&reply.body))
      return done(client::Reply(std::move(*chunk)));
    if (auto* exchange = std::get_if<proto::ExchangeReply>(&reply.body)) {
      return done(client::Reply(std::move(*exchange)));
    }
    if (auto* update = std::get_if<proto::OfferUpdateReply>(&reply.body)) {
      return done(client::Reply(std::move(*update)));
    }
    done(client::Reply(client::Abandoned{}));
  }

  Executor& executor_;
  VirtualClock clock_;
  const ReplayedRandomness randomness_;
  const std::shared_ptr<Random> coordinator_random_ = randomness_.stream({.purpose = "coordinator"});
  std::unique_ptr<server::Store> store_ = server::make_memory_store();
  EnrolledFleet fleet_{randomness_};
  InlineExecutor inline_executor_;
  std::vector<std::unique_ptr<LocalMaskHelper>> helpers_;
  std::optional<server::CohortHost> cohorts_;
  std::unique_ptr<server::Coordinator> coordinator_;
  std::optional<server::InlineRunner> runner_;
  std::uint64_t last_call_ = 0;
  std::unordered_map<std::uint64_t, client::Transport::Callback> callbacks_;
  std::unordered_map<std::uint64_t, ReplyAction> administrative_;
  std::unordered_map<std::size_t, std::unique_ptr<InProcessTransport>> transports_;
};

void InProcessTransport::send(const client::Request& request, Callback done) {
  backend_.call(request, std::move(done));
}

}  // namespace

Result<std::unique_ptr<Backend>> make_in_process_backend(Executor& executor, std::uint64_t seed,
                                                         std::size_t mask_helpers) {
  auto backend = std::make_unique<InProcessBackend>(executor, seed);
  SOTTO_RETURN_IF_ERROR(backend->open(mask_helpers));
  return std::unique_ptr<Backend>(std::move(backend));
}

}  // namespace sotto::simulation

// A device's session against a hostile coordinator: sound replies that the input changes, replies of other
// calls, lost calls. The session ends within its bounds, never repeats a step with other bytes, and saves
// only what it can read again.
#include <map>

#include "fuzz_input.h"
#include "hostile_coordinator.h"
#include "sotto/base/check.h"

namespace {

using namespace sotto;
using namespace sotto::client;

class Game {
 public:
  Game(fuzz::FuzzInput& input, std::size_t size)
      : actions_max_(400 + 4 * size),
        input_(input),
        coordinator_(static_cast<proto::Aggregation>(1 + input.below(3)), input),
        session_(Session::create(fuzz::device_options(input.chance(224)), {keys_, rounding_})) {}

  void play() {
    Session::Action action = session_.start(now_);
    // A coordinator may say "wait" as often as the input does; after that the session's own limits end it.
    for (std::size_t actions = 0; !std::holds_alternative<Session::Done>(action); ++actions) {
      SOTTO_CHECK(actions < actions_max_);
      if (input_.chance(4)) {
        check_saved();
        action = session_.abandon("battery", now_);
        continue;
      }
      action = next(action);
    }
    const auto& done = std::get<Session::Done>(action);
    SOTTO_CHECK(!done.counted || coordinator_.counted());
    SOTTO_CHECK(done.counted ? done.status.ok() : true);
    SOTTO_CHECK(session_.save().empty());
  }

 private:
  Session::Action next(const Session::Action& action) {
    if (const auto* wait = std::get_if<Session::Wait>(&action)) {
      SOTTO_CHECK(wait->until >= now_);
      SOTTO_CHECK(!wait->reason.empty());
      now_ = wait->until;
      return session_.on_timer(now_);
    }
    if (const auto* train = std::get_if<Session::Train>(&action)) {
      if (input_.chance(16)) return session_.on_trained(unavailable("no battery"), now_);
      return session_.on_trained(fuzz::update_for(train->job, input_), now_);
    }
    const Request& request = std::get<Session::Send>(action).request;
    check_request(request);
    if (input_.chance(16)) check_saved();
    // Lost calls and refusing transports; once the input is used up the coordinator is gone for good.
    const unsigned fate = input_.empty() && coordinator_.tampered() ? 255 : input_.u8();
    if (fate >= 248) return session_.on_reply(Status(StatusCode::kUnavailable, "no answer"), now_);
    if (fate >= 246) return session_.on_reply(Status(StatusCode::kPermissionDenied, "certificate"), now_);
    return session_.on_reply(coordinator_.answer(request), now_);
  }

  // A step has one answer: every repetition of it is the same bytes or a poll without any.
  void check_request(const Request& request) {
    const auto* exchange = std::get_if<proto::ExchangeRequest>(&request);
    if (exchange == nullptr) return;
    SOTTO_CHECK(session_.step().has_value());
    if (exchange->poll) {
      SOTTO_CHECK(exchange->payload.empty());
      return;
    }
    const auto [sent, first] = sent_.emplace(exchange->step, exchange->payload);
    SOTTO_CHECK(first || sent->second == exchange->payload);
  }

  void check_saved() {
    const std::vector<std::uint8_t> saved = session_.save();
    if (saved.empty()) return;
    auto other = Session::create(fuzz::device_options(true), {keys_again_, rounding_});
    const auto restored = other.restore(saved, now_);
    // Too late.
    SOTTO_CHECK(restored.has_value() || restored.error().code() == StatusCode::kFailedPrecondition);
  }

  std::size_t actions_max_;
  fuzz::FuzzInput& input_;
  crypto::SeededRandom keys_{std::uint64_t{5}};
  crypto::SeededRandom keys_again_{std::uint64_t{6}};
  crypto::SeededRandom rounding_{std::uint64_t{7}};
  fuzz::HostileCoordinator coordinator_;
  Session session_;
  Time now_{1'000};
  std::map<proto::Step, std::vector<std::uint8_t>> sent_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::FuzzInput input(data, size);
  Game(input, size).play();
  return 0;
}

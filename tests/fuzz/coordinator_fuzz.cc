// The coordinator under arbitrary events in virtual time, with sound devices and hostile ones in the same
// rounds. Every call is answered once or cancelled, sound devices are never refused a step, and nothing
// stops.
#include "unit/server/coordinator_harness.h"

#include "fuzz_input.h"

namespace {

using namespace sotto;
using namespace sotto::server;
using proto::Step;

// Failed expectations of the harness count as findings.
class StopAtFailures final : public ::testing::EmptyTestEventListener {
  void OnTestPartResult(const ::testing::TestPartResult& result) override { SOTTO_CHECK(!result.failed()); }
};

void stop_at_failures() {
  static const bool once = [] {
    ::testing::UnitTest::GetInstance()->listeners().Append(new StopAtFailures);
    return true;
  }();
  static_cast<void>(once);
}

struct Somebody {
  explicit Somebody(std::size_t number) : device("d" + std::to_string(number), number + 1) {}
  server::testing::Device device;
  std::optional<CallId> call;
  Step step = Step::kJoin;
  bool has_session = false;
  bool sound = true;  // has sent nothing in this session that the protocol does not ask for
};

class Game {
 public:
  explicit Game(fuzz::FuzzInput& input)
      : input_(input), harness_({.hold_call_ms = 900, .retry_min_ms = 100, .retry_max_ms = 1'000}) {
    const auto kind = static_cast<proto::Aggregation>(1 + input.below(3));
    auto spec = server::testing::task_spec(kind, 3 + static_cast<std::uint32_t>(input.below(2)));
    if (input.chance(64)) spec.aggregation.adversary = proto::Adversary::kCurious;
    if (input.chance(64)) spec.aggregation.packing = proto::Packing::kBits;
    spec.over_selection = 1.4f;
    spec.straggler_grace_ms = input.chance(64) ? 300 : 0;
    spec.phase_deadline_ms = 2'000;
    spec.report_within_ms = 4'000;
    spec.rounds = 3;
    harness_.create(spec);
    for (std::size_t i = 0; i < 6; ++i) devices_.push_back(std::make_unique<Somebody>(i));
  }

  void play() {
    // What is left when the input is used up: a few rounds of sound devices.
    for (int events = 0; events < 600 && (!input_.empty() || events < 60); ++events) {
      if (input_.chance(48)) {
        disturb();
      } else {
        move(*devices_[(static_cast<std::size_t>(events) + input_.below(6)) % devices_.size()]);
      }
    }
    settle();
  }

 private:
  void move(Somebody& somebody) {
    if (!somebody.has_session) {
      check_in(somebody);
    } else if (somebody.call && harness_.answered(*somebody.call)) {
      react(somebody);
    } else {
      harness_.advance(static_cast<std::int64_t>(10 * input_.below(256)));
    }
  }

  void check_in(Somebody& somebody) {
    const CallId call =
        harness_.call(CheckInEvent{{}, server::testing::Harness::request(somebody.device.name)});
    const auto reply = harness_.take<proto::CheckInReply>(call);
    const auto* offer = std::get_if<proto::PlanOffer>(&reply);
    if (offer == nullptr) {
      harness_.advance(50);
      return;
    }
    somebody.device.take_plan(*offer);
    somebody.has_session = true;
    somebody.sound = true;
    submit(somebody, Step::kJoin, somebody.device.join_payload());
  }

  void submit(Somebody& somebody, Step step, std::vector<std::uint8_t> payload) {
    if (fuzz::mutate(input_, payload)) somebody.sound = false;
    somebody.step = step;
    proto::ExchangeRequest request{
        .token = somebody.device.token, .step = step, .poll = false, .payload = std::move(payload)};
    if (step == Step::kJoin) request.plan_digest = harness_.plan_digest(request.token);
    if (input_.chance(8)) {
      request.plan_digest = crypto::sha256({request.payload});
      somebody.sound = false;
    }
    exchange(somebody, std::move(request));
  }

  void exchange(Somebody& somebody, proto::ExchangeRequest request) {
    somebody.call = harness_.call(ExchangeEvent{{}, std::move(request)});
    calls_.push_back(*somebody.call);
  }

  void react(Somebody& somebody) {
    const auto reply = harness_.take<proto::ExchangeReply>(*somebody.call);
    std::erase(calls_, *somebody.call);
    somebody.call.reset();
    if (const auto* next = std::get_if<proto::NextStep>(&reply)) {
      // Whose keys or shares were changed on the way cannot follow the protocol any more.
      const bool follows = somebody.sound;
      submit(somebody, next->next, follows ? somebody.device.answer(*next) : input_.bytes(input_.below(256)));
    } else if (std::holds_alternative<proto::KeepWaiting>(reply)) {
      harness_.advance(100);
      exchange(somebody,
               {.token = somebody.device.token, .step = somebody.step, .poll = true, .payload = {}});
    } else {
      if (const auto* refused = std::get_if<proto::Refused>(&reply)) {
        SOTTO_CHECK(!somebody.sound || refused->reason == Rejection::kUnknownSession);
      }
      somebody.has_session = false;
    }
  }

  void disturb() {
    Somebody& somebody = *devices_[input_.below(devices_.size())];
    switch (input_.below(14)) {
      case 0:
        harness_.abandon(somebody.device.token);
        somebody.sound = false;
        return;
      case 1:
        if (!somebody.call) return;
        if (!harness_.answered(*somebody.call)) cancelled_.push_back(*somebody.call);
        harness_.step(CallCancelledEvent{*somebody.call});
        somebody.has_session = harness_.answered(*somebody.call);
        return;
      case 2:
        harness_.call(SetTaskStateEvent{
            {}, "gait", input_.chance(128) ? proto::TaskState::kPaused : proto::TaskState::kActive});
        return;
      case 3:
        harness_.store.broken = input_.chance(128);
        return;
      case 4:
        harness_.lose_sums = input_.chance(128);
        return;
      case 5:
        return restart();
      case 6:
        harness_.advance(input_.u16());
        return;
      case 7:
        return wrong_exchange(somebody);
      case 8:
        harness_.call(ReadModelEvent{
            {}, {.task = TaskId{input_.u8()}, .version = ModelVersion{input_.u8()}, .offset = input_.u64()}});
        return;
      case 9:
        harness_.step(invented_event());
        return;
      case 10:
        return administer();
      case 11:
        harness_.store_is_late = input_.chance(128);
        return;
      case 12:
        if (!harness_.late.empty()) harness_.answer_store();
        return;
      default:
        harness_.step(TickEvent{});
        return;
    }
  }

  // Of a cohort that may be there; but never a word that only the cohort itself could give away.
  CohortEvent invented_event() {
    const CohortAddress address{TaskId{input_.u8()}, RoundId{input_.u8()}, CohortId{input_.u8()}};
    const Seat seat{input_.u16()};
    switch (input_.below(3)) {
      case 0:
        return {address, CohortFinished{aborted("invented"), {seat}}};
      case 1:
        return {address, CohortFinished{aggregator::CohortSum{}, {seat}}};
      default:
        return {address, CohortAnswered{.seat = seat, .call = CallId{1u << 30}, .answer = StillWaiting{}}};
    }
  }

  // The same token again with another step, a poll, or a token nobody was given.
  void wrong_exchange(Somebody& somebody) {
    proto::ExchangeRequest request;
    request.token = somebody.device.token;
    request.step = static_cast<Step>(input_.below(6));
    request.poll = input_.chance(64);
    if (input_.chance(128)) request.plan_digest = harness_.plan_digest(request.token);
    if (input_.chance(64)) request.token.value[input_.below(16)] ^= 1;
    if (!request.poll) request.payload = input_.bytes(input_.u16() % 600);
    somebody.sound = false;
    calls_.push_back(harness_.call(ExchangeEvent{{}, std::move(request)}));
  }

  void administer() {
    auto spec = server::testing::task_spec(static_cast<proto::Aggregation>(input_.below(4)),
                                           static_cast<std::uint32_t>(input_.below(9)));
    const std::vector<std::uint8_t> name = input_.bytes(1 + input_.below(4));
    spec.name.assign(name.begin(), name.end());
    spec.participants_min = input_.u8();
    spec.cohort_max = input_.u16();
    spec.population = "elsewhere";
    harness_.call(CreateTaskEvent{{}, spec});
    harness_.call(SetTaskStateEvent{{}, spec.name, static_cast<proto::TaskState>(input_.below(5))});
    const std::vector<std::uint8_t> edit = input_.bytes(input_.below(16));
    harness_.call(SteerTaskEvent{
        {},
        {.task = spec.name, .reason = {}, .act = proto::EditTask{std::string(edit.begin(), edit.end())}}});
    harness_.call(
        SteerTaskEvent{{}, {.task = spec.name, .reason = {}, .act = proto::DeleteTask{input_.chance(128)}}});
    harness_.call(BanDeviceEvent{{}, {.device = "nobody", .reason = {}, .lift = input_.chance(128)}});
    harness_.call(ListDevicesEvent{{}, {.device = spec.name}});
    harness_.call(ShowFleetEvent{});
    harness_.call(ListTasksEvent{});
    harness_.call(ListRoundsEvent{{}, spec.name, input_.u16()});
    harness_.call(ListModelsEvent{{}, "gait"});
  }

  void restart() {
    harness_.restart();
    calls_.clear();
    cancelled_.clear();
    for (auto& somebody : devices_) {
      somebody->has_session = false;
      somebody->call.reset();
    }
  }

  // Whatever was going on ends by itself.
  void settle() {
    harness_.store.broken = false;
    harness_.lose_sums = false;
    harness_.store_is_late = false;
    while (!harness_.late.empty()) harness_.answer_store();
    harness_.advance(400'000);
    for (const CallId call : calls_) {
      const bool cancelled = std::ranges::find(cancelled_, call) != cancelled_.end();
      SOTTO_CHECK(harness_.answered(call) != cancelled);
    }
    SOTTO_CHECK(!harness_.status().waiting_for.empty());
  }

  fuzz::FuzzInput& input_;
  server::testing::Harness harness_;
  std::vector<std::unique_ptr<Somebody>> devices_;
  std::vector<CallId> calls_;
  std::vector<CallId> cancelled_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stop_at_failures();
  fuzz::FuzzInput input(data, size);
  Game(input).play();
  return 0;
}

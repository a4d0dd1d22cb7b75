// Device on a transport in memory: waits, stop(), the state file, and the checks of its options.
#include "device/device_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <thread>

#include "cohort_coordinator.h"
#include "device/device_options.h"
#include "replayable_random.h"
#include "session_script.h"
#include "sotto/base/clock.h"
#include "sotto/base/limits.h"
#include "sotto/client/ledger.h"
#include "support/bulletins.h"
#include "support/enrolment.h"
#include "support/fresh_key.h"

namespace sotto::client {
namespace {

using proto::Aggregation;
using testing::HasSubstr;
using Answer = std::function<std::optional<Result<Reply>>(const Request&)>;

// Answers before send() returns, or never when the answer is empty.
class TransportInMemory final : public Transport {
 public:
  explicit TransportInMemory(Answer answer) : answer_(std::move(answer)) {}
  ~TransportInMemory() override {
    if (unanswered_) unanswered_(Status(unavailable("cancelled")));
  }
  void send(const Request& request, Callback done) override {
    auto reply = answer_(request);
    if (reply) {
      done(std::move(*reply));
    } else {
      unanswered_ = std::move(done);
    }
  }

 private:
  Answer answer_;
  Callback unanswered_;
};

// Answers each request on a thread of its own, which the owner of `threads` joins.
class TransportOnThreads final : public Transport {
 public:
  TransportOnThreads(std::function<Result<Reply>(const Request&)> answer, std::vector<std::thread>& threads)
      : answer_(std::move(answer)), threads_(threads) {}
  void send(const Request& request, Callback done) override {
    threads_.emplace_back([answer = answer_, request, done = std::move(done)] { done(answer(request)); });
  }

 private:
  std::function<Result<Reply>(const Request&)> answer_;
  std::vector<std::thread>& threads_;
};

class OneUpdate final : public Trainer {
 public:
  std::vector<proto::Architecture> architectures() const override { return {proto::Architecture::kSoftmax}; }
  Result<LocalUpdate> train(const TrainingJob&, Random&) override {
    ++trainings;
    if (during_training) during_training();
    return good_update();
  }
  int trainings = 0;
  std::function<void()> during_training;
};

class DeviceLoopTest : public testing::Test {
 protected:
  DeviceLoopTest() {
    std::filesystem::create_directories(folder_);
    options_.coordinator = "localhost:7443";
    options_.device_id = "kitchen-7";
    options_.cohort_min = 3;
    options_.corrupt_fraction_min = 0;
    options_.honest_min = 2;
    options_.population = "thermostats";
    options_.state_file = folder_ / "state";
    options_.allow_unmasked = true;
    options_.progress = [this](const std::string& text) { said_.push_back(text); };
    next_round();
  }
  ~DeviceLoopTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<DeviceLoop> make_device(std::uint32_t attempts_max = DeviceLoop::kAttemptsMax) {
    return std::move(DeviceLoop::create(
                         options_, trainer_,
                         [this]() -> Result<std::unique_ptr<Transport>> {
                           return std::unique_ptr<Transport>(
                               new TransportInMemory([this](const Request& request) {
                                 requests_.push_back(request);
                                 return answer_(request);
                               }));
                         },
                         attempts_max)
                         .value());
  }
  // The task goes on, as a device's ledger wants it: another round, now, on another version of the model.
  void next_round() {
    ++task_.plan.round.value;
    ++task_.plan.model_version.value;
    task_.plan.issued_at = static_cast<std::uint64_t>(SystemClock().now().ms) / 1000;
    task_.plan.not_after = task_.plan.issued_at + 3600;
    task_.plan_bytes = proto::encode_plan(task_.plan);
  }
  // A coordinator that counts this device alone, in a plain session.
  Result<Reply> serve(const Request& request) {
    if (std::holds_alternative<proto::CheckInRequest>(request)) {
      if (goes_on_) next_round();
      return Reply(proto::CheckInReply(proto::PlanOffer{kToken, task_.plan_bytes}));
    }
    if (const auto* fetch = std::get_if<proto::FetchModelRequest>(&request))
      return Reply(chunk_of(task_, *fetch));
    const auto* exchange = std::get_if<proto::ExchangeRequest>(&request);
    if (exchange == nullptr) return Reply(Abandoned{});
    if (exchange->step == proto::Step::kJoin) {
      return Reply(proto::ExchangeReply(proto::NextStep{proto::Step::kCollect, {}}));
    }
    return Reply(proto::ExchangeReply(proto::SessionEnd{true, "counted", {0, 1, ""}}));
  }
  template <typename Kind>
  [[nodiscard]] int count_requests() const {
    return static_cast<int>(std::count_if(requests_.begin(), requests_.end(), [](const Request& request) {
      return std::holds_alternative<Kind>(request);
    }));
  }

  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) /
      (std::string("sotto_") + testing::UnitTest::GetInstance()->current_test_info()->name());
  Task task_{Aggregation::kPlain};
  bool goes_on_ = true;
  OneUpdate trainer_;
  DeviceOptions options_;
  Answer answer_ = [this](const Request& request) { return serve(request); };
  std::vector<Request> requests_;
  std::vector<std::string> said_;
};

TEST_F(DeviceLoopTest, TakesPartRoundAfterRound) {
  const auto device = make_device();
  for (int round = 0; round < 3; ++round) {
    const Participation participation = device->take_part();
    EXPECT_TRUE(participation.counted) << participation.outcome;
    EXPECT_TRUE(participation.status.ok());
    EXPECT_EQ(participation.outcome, "counted");
    EXPECT_GT(participation.uplink_bytes, 56u);
    EXPECT_LE(participation.check_in_after.count(), 1);
  }
  EXPECT_EQ(trainer_.trainings, 3);
  EXPECT_EQ(count_requests<proto::CheckInRequest>(), 3);
}

TEST_F(DeviceLoopTest, KeepsTheStateFileUntilTheJoinIsAnswered) {
  bool during_training = false;
  bool during_join = false;
  bool during_collect = true;
  trainer_.during_training = [&] { during_training = std::filesystem::exists(options_.state_file); };
  answer_ = [&](const Request& request) {
    if (const auto* exchange = std::get_if<proto::ExchangeRequest>(&request)) {
      (exchange->step == proto::Step::kJoin ? during_join : during_collect) =
          std::filesystem::exists(options_.state_file);
    }
    return serve(request);
  };
  (void)make_device()->take_part();
  EXPECT_TRUE(during_training);
  EXPECT_TRUE(during_join);
  EXPECT_FALSE(during_collect);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(DeviceLoopTest, ADeviceStoppedInTrainingGoesOnWithItsJoin) {
  const auto first = make_device();
  trainer_.during_training = [&] { first->stop(); };
  const Participation stopped = first->take_part();
  EXPECT_EQ(stopped.status.code(), StatusCode::kAborted);
  EXPECT_EQ(count_requests<proto::AbandonRequest>(), 0);
  EXPECT_FALSE(first->take_part().counted) << "stop() holds for later calls";

  requests_.clear();
  EXPECT_TRUE(make_device()->take_part().counted);
  EXPECT_EQ(count_requests<proto::CheckInRequest>(), 0);
  EXPECT_EQ(trainer_.trainings, 1);
}

TEST_F(DeviceLoopTest, WithoutAStateFileAStoppedDeviceSaysGoodbye) {
  options_.state_file.clear();
  const auto device = make_device();
  trainer_.during_training = [&] { device->stop(); };
  EXPECT_EQ(device->take_part().status.code(), StatusCode::kAborted);
  EXPECT_EQ(count_requests<proto::AbandonRequest>(), 1);
}

// Says "tomorrow" and stops the device from another thread, once it has begun to wait.
TEST_F(DeviceLoopTest, StopEndsALongWait) {
  answer_ = [](const Request&) {
    return Reply(proto::CheckInReply(proto::RetryWindow{3'600'000, 3'600'000, "tomorrow"}));
  };
  DeviceLoop* waiting = nullptr;
  std::thread stopper;
  options_.progress = [&](const std::string& text) {
    if (text.find("tomorrow") != std::string::npos) stopper = std::thread([&] { waiting->stop(); });
  };
  const auto device = make_device();
  waiting = device.get();
  const Participation participation = device->take_part();
  EXPECT_EQ(participation.status.code(), StatusCode::kAborted);
  ASSERT_TRUE(stopper.joinable()) << "it waited";
  stopper.join();
}

TEST_F(DeviceLoopTest, WaitsOutItsWindowBeforeItChecksInAgain) {
  const SystemClock clock;
  std::vector<Time> check_ins;
  answer_ = [&](const Request& request) -> std::optional<Result<Reply>> {
    if (std::holds_alternative<proto::CheckInRequest>(request)) check_ins.push_back(clock.now());
    const auto* exchange = std::get_if<proto::ExchangeRequest>(&request);
    if (exchange == nullptr || exchange->step == proto::Step::kJoin) return serve(request);
    return Reply(proto::ExchangeReply(proto::SessionEnd{true, "counted", {30, 30, ""}}));
  };
  const auto device = make_device();
  const Participation first = device->take_part();
  EXPECT_TRUE(first.counted);
  EXPECT_GT(first.check_in_after.count(), 0);
  EXPECT_LE(first.check_in_after.count(), 30);
  EXPECT_TRUE(device->take_part().counted);
  ASSERT_EQ(check_ins.size(), 2u);
  EXPECT_GE((check_ins[1] - check_ins[0]).count(), 29) << "two clocks may round differently";
  EXPECT_THAT(said_, testing::Contains(HasSubstr("ms before the next check-in")));
}

TEST_F(DeviceLoopTest, StopEndsTheWaitForTheNextCheckIn) {
  answer_ = [&](const Request& request) -> std::optional<Result<Reply>> {
    const auto* exchange = std::get_if<proto::ExchangeRequest>(&request);
    if (exchange == nullptr || exchange->step == proto::Step::kJoin) return serve(request);
    return Reply(proto::ExchangeReply(proto::SessionEnd{true, "counted", {3'600'000, 3'600'000, ""}}));
  };
  DeviceLoop* waiting = nullptr;
  std::thread stopper;
  options_.progress = [&](const std::string& text) {
    if (text.find("before the next") != std::string::npos) stopper = std::thread([&] { waiting->stop(); });
  };
  const auto device = make_device();
  waiting = device.get();
  EXPECT_TRUE(device->take_part().counted);
  const Participation stopped = device->take_part();
  EXPECT_EQ(stopped.outcome, "stopped");
  EXPECT_GT(stopped.check_in_after.count(), 3'000'000) << "the window holds after the stop";
  EXPECT_EQ(count_requests<proto::CheckInRequest>(), 1);
  ASSERT_TRUE(stopper.joinable()) << "it waited";
  stopper.join();
}

// Answers every request and then answers the one before it again.
class RepeatingTransport final : public Transport {
 public:
  explicit RepeatingTransport(Answer answer) : answer_(std::move(answer)) {}
  void send(const Request& request, Callback done) override {
    Result<Reply> reply = *answer_(request);
    done(reply);
    if (last_) last_(std::move(*last_reply_));
    last_ = std::move(done);
    last_reply_.emplace(std::move(reply));
  }

 private:
  Answer answer_;
  Callback last_;
  std::optional<Result<Reply>> last_reply_;
};

TEST_F(DeviceLoopTest, ALateAnswerToAnEarlierCallIsIgnored) {
  auto device = std::move(DeviceLoop::create(options_, trainer_, [&]() -> Result<std::unique_ptr<Transport>> {
                            return std::unique_ptr<Transport>(new RepeatingTransport(answer_));
                          }).value());
  EXPECT_TRUE(device->take_part().counted);
}

// The one test that takes its time: the two seconds that a stopped device waits to say that it leaves.
TEST_F(DeviceLoopTest, AFarewellThatNobodyAnswersEnds) {
  options_.state_file.clear();
  const auto device = make_device();
  trainer_.during_training = [&] { device->stop(); };
  answer_ = [&](const Request& request) -> std::optional<Result<Reply>> {
    if (std::holds_alternative<proto::AbandonRequest>(request)) return std::nullopt;
    return serve(request);
  };
  const Participation participation = device->take_part();
  EXPECT_EQ(participation.status.code(), StatusCode::kAborted);
  EXPECT_EQ(count_requests<proto::AbandonRequest>(), 1);
}

TEST_F(DeviceLoopTest, StopEndsACallThatIsNeverAnswered) {
  const auto device = make_device();
  answer_ = [&](const Request& request) -> std::optional<Result<Reply>> {
    const auto* exchange = std::get_if<proto::ExchangeRequest>(&request);
    if (exchange == nullptr || exchange->step == proto::Step::kJoin) return serve(request);
    device->stop();
    return std::nullopt;
  };
  EXPECT_EQ(device->take_part().status.code(), StatusCode::kAborted);
  EXPECT_EQ(count_requests<proto::AbandonRequest>(), 1);
}

TEST_F(DeviceLoopTest, ATrainedUpdateOutlivesACoordinatorOutOfReach) {
  answer_ = [&](const Request& request) -> Result<Reply> {
    if (std::holds_alternative<proto::ExchangeRequest>(request)) return unavailable("nobody answers");
    return serve(request);
  };
  EXPECT_EQ(make_device(1)->take_part().status.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(std::filesystem::exists(options_.state_file));
  answer_ = [this](const Request& request) { return serve(request); };
  EXPECT_TRUE(make_device()->take_part().counted);
  EXPECT_EQ(trainer_.trainings, 1);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(DeviceLoopTest, AnswersMayComeFromAnotherThread) {
  std::vector<std::thread> threads;
  auto device = std::move(DeviceLoop::create(options_, trainer_, [&]() -> Result<std::unique_ptr<Transport>> {
                            return std::unique_ptr<Transport>(new TransportOnThreads(
                                [this](const Request& request) { return serve(request); }, threads));
                          }).value());
  EXPECT_TRUE(device->take_part().counted);
  EXPECT_GE(threads.size(), 5u);
  for (std::thread& thread : threads) thread.join();
}

TEST_F(DeviceLoopTest, StopMayComeFromAnotherThread) {
  const auto device = make_device();
  std::thread stopper;
  answer_ = [&](const Request&) -> std::optional<Result<Reply>> {
    stopper = std::thread([&] { device->stop(); });
    return std::nullopt;
  };
  EXPECT_EQ(device->take_part().status.code(), StatusCode::kAborted);
  stopper.join();
}

TEST_F(DeviceLoopTest, ADamagedStateFileIsReportedAndIgnored) {
  std::ofstream(options_.state_file) << "not a session, but long enough to have a digest at its end";
  EXPECT_TRUE(make_device()->take_part().counted);
  EXPECT_THAT(said_, testing::Contains(HasSubstr("damaged")));
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(DeviceLoopTest, ASessionThatFailedLeavesNoState) {
  answer_ = [&](const Request& request) -> Result<Reply> {
    if (std::holds_alternative<proto::FetchModelRequest>(request)) return not_found("no such model");
    return serve(request);
  };
  EXPECT_EQ(make_device()->take_part().status.code(), StatusCode::kNotFound);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(DeviceLoopTest, AStateFileThatCannotBeWrittenDoesNotStopTraining) {
  options_.state_file = folder_ / "gone" / "state";
  EXPECT_TRUE(make_device()->take_part().counted);
  EXPECT_THAT(said_, testing::Contains(HasSubstr("cannot create")));
}

TEST_F(DeviceLoopTest, WithoutALedgerFileItSaysSoOnceAtItsStart) {
  const auto warnings = [this] {
    return std::count_if(said_.begin(), said_.end(), [](const std::string& text) {
      return text.find("warning: no ledger_file: what leaves this device is forgotten") != std::string::npos;
    });
  };
  const auto device = make_device();
  EXPECT_EQ(warnings(), 1);
  EXPECT_TRUE(device->take_part().counted);
  EXPECT_TRUE(device->take_part().counted);
  EXPECT_EQ(warnings(), 1);
  said_.clear();
  options_.ledger_file = folder_ / "ledger";
  make_device();
  EXPECT_EQ(warnings(), 0);
}

TEST_F(DeviceLoopTest, ItsLedgerOutlivesIt) {
  options_.ledger_file = folder_ / "ledger";
  goes_on_ = false;  // the same plan for ever
  EXPECT_TRUE(make_device()->take_part().counted);
  EXPECT_EQ(read_ledger(options_.ledger_file)->vectors(), 1u);
  const Participation again = make_device()->take_part();
  EXPECT_EQ(again.status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(again.outcome, HasSubstr("which this device has taken part in"));
  EXPECT_EQ(read_ledger(options_.ledger_file)->vectors(), 1u);
}

TEST_F(DeviceLoopTest, WaitsForAnotherPlanThanOneItsOwnerForbids) {
  options_.allow_unmasked = false;
  options_.state_file.clear();
  const auto device = make_device();
  const Participation refused = device->take_part();
  EXPECT_TRUE(refused.plan_refused);
  EXPECT_THAT(refused.status.message(), HasSubstr("allow_unmasked is off"));
  EXPECT_GE(refused.check_in_after.count(), 2'500);
}

TEST_F(DeviceLoopTest, RefusesNoPlanWhenTheCoordinatorRefusesTheDevice) {
  answer_ = [](const Request&) { return Result<Reply>(Status(StatusCode::kPermissionDenied, "revoked")); };
  const Participation refused = make_device()->take_part();
  EXPECT_FALSE(refused.plan_refused);
  EXPECT_EQ(refused.status.code(), StatusCode::kPermissionDenied);
}

TEST(WaitAfterRefusals, DoublesWithinABound) {
  ReplayableRandom random(1);
  EXPECT_EQ(wait_after_refusals(0, random).count(), 0);
  std::int64_t longest = 5'000;
  for (std::uint32_t in_a_row = 1; in_a_row < 100; ++in_a_row) {
    const std::int64_t wait_ms = wait_after_refusals(in_a_row, random).count();
    EXPECT_GE(wait_ms, longest / 2);
    EXPECT_LE(wait_ms, longest);
    longest = std::min<std::int64_t>(2 * longest, 600'000);
  }
}

TEST_F(DeviceLoopTest, KeepsItsOwnersBudgets) {
  options_.budgets.vectors_per_task = 1;
  const auto device = make_device();
  EXPECT_TRUE(device->take_part().counted);
  EXPECT_EQ(device->take_part().status.code(), StatusCode::kResourceExhausted);
}

TEST_F(DeviceLoopTest, DoesNotStartWithADamagedLedger) {
  options_.ledger_file = folder_ / "ledger";
  std::ofstream(options_.ledger_file)
      << "not a ledger, but long enough to have a digest at its end, and a head";
  const auto device = DeviceLoop::create(
      options_, trainer_, []() -> Result<std::unique_ptr<Transport>> { return unavailable("not needed"); });
  EXPECT_EQ(device.status().code(), StatusCode::kDataLoss);
}

// Of the authority that endorses the coordinator of these tests.
identity::EnrolledKey enroll(const crypto::Es256PublicKey& key) {
  return {.role = secagg::Role::kDevice,
          .key = std::nullopt,
          .public_key = key,
          .endorsement = secagg::endorse(secagg::fleet_authority(), secagg::Role::kDevice, key, {}),
          .authority = secagg::fleet_authority().public_key()};
}

TEST_F(DeviceLoopTest, WithAnIdentityItTakesPlansOfItsAuthorityOnly) {
  options_.identity_file = folder_ / "identity.pem";
  identity::EnrolledKey enrolled = enroll(secagg::numbered_key(5).public_key());
  enrolled.key = secagg::numbered_key(5);
  ASSERT_TRUE(identity::save_enrolled_key(options_.identity_file, enrolled, "").ok());
  const auto device = make_device();
  EXPECT_EQ(device->take_part().status.code(), StatusCode::kPermissionDenied);  // serve() signs nothing
  answer_ = [this](const Request& request) -> std::optional<Result<Reply>> {
    if (std::holds_alternative<proto::CheckInRequest>(request)) {
      return Reply(proto::CheckInReply(task_.offer(kToken)));
    }
    return serve(request);
  };
  options_.state_file.clear();
  EXPECT_TRUE(make_device()->take_part().counted);
}

TEST_F(DeviceLoopTest, TheNewestBulletinIsKeptOverRestarts) {
  options_.identity_file = folder_ / "identity.pem";
  identity::EnrolledKey enrolled = enroll(secagg::numbered_key(5).public_key());
  enrolled.key = secagg::numbered_key(5);
  ASSERT_TRUE(identity::save_enrolled_key(options_.identity_file, enrolled, "").ok());
  std::vector<std::uint8_t> shown = secagg::signed_bulletin(secagg::fleet_authority(), {.edition = 2});
  answer_ = [&](const Request& request) -> std::optional<Result<Reply>> {
    if (!std::holds_alternative<proto::CheckInRequest>(request)) return serve(request);
    proto::PlanOffer offer = task_.offer(kToken);
    offer.bulletin = shown;
    return Reply(proto::CheckInReply(offer));
  };
  const auto edition_of = [&](std::size_t request) {
    return std::get<proto::CheckInRequest>(requests_.at(request)).bulletin_edition;
  };
  EXPECT_TRUE(make_device()->take_part().counted);
  EXPECT_EQ(edition_of(0), 0u);
  requests_.clear();
  EXPECT_TRUE(make_device()->take_part().counted);
  EXPECT_EQ(edition_of(0), 2u) << "a restarted device has it beside its state";
  shown = secagg::signed_bulletin(secagg::fleet_authority(), {.edition = 1});
  const Participation set_back = make_device()->take_part();
  EXPECT_EQ(set_back.status.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(set_back.outcome, HasSubstr("set it back"));
  // Somebody brings a newer one by hand, which takes this device out.
  shown.clear();
  options_.bulletin_file = folder_ / "bulletin.pem";
  const crypto::Digest own = secagg::identity_of(enrolled.public_key);
  ASSERT_TRUE(identity::save_bulletin(
                  options_.bulletin_file,
                  secagg::signed_bulletin(secagg::fleet_authority(), {.edition = 3, .revoked = {own}}))
                  .ok());
  const Participation revoked = make_device()->take_part();
  EXPECT_EQ(revoked.status.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(revoked.outcome, HasSubstr("has revoked this device"));
}

TEST_F(DeviceLoopTest, AnIdentityFileThatIsNoneIsNamed) {
  const auto create = [this] {
    return DeviceLoop::create(
               options_, trainer_,
               []() -> Result<std::unique_ptr<Transport>> { return unavailable("not in this test"); })
        .status();
  };
  options_.identity_file = folder_ / "identity.pem";
  EXPECT_EQ(create().code(), StatusCode::kNotFound);
  std::ofstream(options_.identity_file) << "hello";
  EXPECT_EQ(create().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(create().message(), HasSubstr("identity.pem"));
}

TEST_F(DeviceLoopTest, AKeyInASecureElementTakesPart) {
  secagg::KeySigner element(crypto::fresh_key());
  options_.identity_file = folder_ / "identity.pem";
  ASSERT_TRUE(identity::save_enrolled_key(options_.identity_file, enroll(element.public_key()), "").ok());
  options_.signer = &element;
  answer_ = [this](const Request& request) -> std::optional<Result<Reply>> {
    if (std::holds_alternative<proto::CheckInRequest>(request)) {
      return Reply(proto::CheckInReply(task_.offer(kToken)));
    }
    return serve(request);
  };
  EXPECT_TRUE(make_device()->take_part().counted);
}

TEST_F(DeviceLoopTest, OptionsThatMakeNoSenseAreNamed) {
  EXPECT_TRUE(check_device_options(options_, trainer_).ok());
  const struct {
    void (*edit)(DeviceOptions&);
    const char* what;
  } cases[] = {
      {[](DeviceOptions& options) { options.coordinator = "localhost"; }, "coordinator"},
      {[](DeviceOptions& options) { options.coordinator = ":7443"; }, "coordinator"},
      {[](DeviceOptions& options) { options.coordinator = "localhost:"; }, "coordinator"},
      {[](DeviceOptions& options) { options.coordinator = "localhost:99999"; }, "coordinator"},
      {[](DeviceOptions& options) { options.coordinator = "localhost:0"; }, "coordinator"},
      {[](DeviceOptions& options) { options.device_id = "kitchen 7"; }, "device_id"},
      {[](DeviceOptions& options) { options.device_id = std::string(65, 'a'); }, "device_id"},
      {[](DeviceOptions& options) { options.population = ""; }, "population"},
      {[](DeviceOptions& options) { options.parameters_max = 0; }, "parameters_max"},
      {[](DeviceOptions& options) { options.cohort_min = 2; }, "cohort_min"},
      {[](DeviceOptions& options) { options.corrupt_fraction_min = 0.5f; }, "corrupt_fraction_min"},
      {[](DeviceOptions& options) { options.corrupt_fraction_min = std::nanf(""); }, "corrupt_fraction_min"},
      {[](DeviceOptions& options) {
         static secagg::KeySigner element(crypto::fresh_key());
         options.signer = &element;
       },
       "identity_file"},
      {[](DeviceOptions& options) { options.state_file = "/no/such/folder/state"; }, "/no/such/folder"},
      {[](DeviceOptions& options) { options.ledger_file = "/no/such/folder/ledger"; }, "ledger_file"},
      {[](DeviceOptions& options) { options.budgets.vectors_per_model = 0; }, "vectors_per_model"},
      {[](DeviceOptions& options) { options.budgets.vectors_per_task = 0; }, "vectors_per_task"},
      {[](DeviceOptions& options) { options.budgets.vectors_per_period = 0; }, "vectors_per_period"},
      {[](DeviceOptions& options) { options.budgets.period_s = 0; }, "period_s"},
  };
  for (const auto& wrong : cases) {
    DeviceOptions options = options_;
    wrong.edit(options);
    const Status status = check_device_options(options, trainer_);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << wrong.what;
    EXPECT_THAT(status.message(), HasSubstr(wrong.what));
  }
}

TEST_F(DeviceLoopTest, OptionsReachToTheEndsOfTheirRanges) {
  const struct {
    void (*edit)(DeviceOptions&);
    bool taken;
  } cases[] = {
      {[](DeviceOptions& options) { options.device_id = std::string(64, 'a'); }, true},
      {[](DeviceOptions& options) { options.population = std::string(65, 'a'); }, false},
      {[](DeviceOptions& options) { options.parameters_max = 1; }, true},
      {[](DeviceOptions& options) { options.parameters_max = limits::kParametersMax; }, true},
      {[](DeviceOptions& options) { options.parameters_max = limits::kParametersMax + 1; }, false},
      {[](DeviceOptions& options) { options.cohort_min = limits::kParticipantsMin; }, true},
      {[](DeviceOptions& options) { options.cohort_min = limits::kParticipantsMax; }, true},
      {[](DeviceOptions& options) { options.cohort_min = limits::kParticipantsMax + 1; }, false},
      {[](DeviceOptions& options) { options.corrupt_fraction_min = 0; }, true},
      {[](DeviceOptions& options) { options.corrupt_fraction_min = -0.01f; }, false},
      {[](DeviceOptions& options) { options.corrupt_fraction_min = std::nextafter(0.5f, 0.0f); }, true},
      {[](DeviceOptions& options) { options.state_file = "state"; }, true},
      {[](DeviceOptions& options) { options.state_file.clear(); }, true},
  };
  for (const auto& c : cases) {
    DeviceOptions options = options_;
    c.edit(options);
    EXPECT_EQ(check_device_options(options, trainer_).ok(), c.taken) << &c - cases;
  }
}

// Names so much and trains nothing.
class NamingTrainer final : public Trainer {
 public:
  NamingTrainer(std::vector<proto::Architecture> architectures, std::vector<std::string> models)
      : architectures_(std::move(architectures)), models_(std::move(models)) {}
  std::vector<proto::Architecture> architectures() const override { return architectures_; }
  std::vector<std::string> custom_models() const override { return models_; }
  Result<LocalUpdate> train(const TrainingJob&, Random&) override { return aborted("it trains nothing"); }

 private:
  std::vector<proto::Architecture> architectures_;
  std::vector<std::string> models_;
};

TEST_F(DeviceLoopTest, ATrainerNamesWhatItTrains) {
  using proto::Architecture;
  constexpr std::size_t kMost = limits::kTrainersPerDeviceMax;
  const auto said = [&](std::vector<Architecture> architectures, std::vector<std::string> models) {
    const Status status =
        check_device_options(options_, NamingTrainer(std::move(architectures), std::move(models)));
    EXPECT_TRUE(status.ok() || status.code() == StatusCode::kInvalidArgument);
    return status.message();
  };
  const auto softmax = [](std::size_t count) {
    return std::vector<Architecture>(count, Architecture::kSoftmax);
  };
  EXPECT_EQ(said(softmax(1), {}), "");
  EXPECT_EQ(said(softmax(kMost), {}), "");
  EXPECT_THAT(said(softmax(0), {}), HasSubstr("names 0 architectures"));
  EXPECT_THAT(said(softmax(kMost + 1), {}), HasSubstr("architectures: it must name 1 to"));

  EXPECT_EQ(said({Architecture::kSoftmax, Architecture::kCustom}, {"thermo-2"}), "");
  EXPECT_THAT(said({Architecture::kCustom}, {}), HasSubstr("names 0 custom models"));
  EXPECT_THAT(said(softmax(1), {"thermo-2"}), HasSubstr("names 1 custom models"));
  EXPECT_THAT(said({Architecture::kCustom}, {"thermo-2", "two words"}),
              HasSubstr("a custom model is \"two words\""));
  std::vector<std::string> many(kMost, "thermo");
  EXPECT_EQ(said({Architecture::kCustom}, many), "");
  many.push_back("thermo");
  EXPECT_THAT(said({Architecture::kCustom}, many), HasSubstr("custom models: 1 to"));
}

TEST_F(DeviceLoopTest, CaFilesMustHoldACertificate) {
  EXPECT_EQ(read_ca_file("").status().code(), StatusCode::kInvalidArgument);
  const auto missing = read_ca_file(folder_ / "ca.pem").status();
  EXPECT_EQ(missing.code(), StatusCode::kNotFound);
  EXPECT_THAT(missing.message(), HasSubstr("ca.pem"));
  std::ofstream(folder_ / "ca.pem") << "hello";
  EXPECT_EQ(read_ca_file(folder_ / "ca.pem").status().code(), StatusCode::kInvalidArgument);
  std::ofstream(folder_ / "ca.pem") << "-----BEGIN CERTIFICATE-----\n";
  EXPECT_EQ(*read_ca_file(folder_ / "ca.pem"), "-----BEGIN CERTIFICATE-----\n");
}

}  // namespace
}  // namespace sotto::client

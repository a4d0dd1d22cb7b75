// A coordinator of one round and one cohort in memory, with the real aggregator, and a loop that drives
// sessions against it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "replayable_random.h"
#include "sotto/aggregator/cohort_session.h"
#include "sotto/client/session.h"

namespace sotto::client {

// A softmax model of 3 features and 2 classes with its plan.
struct Task {
  explicit Task(proto::Aggregation kind, std::vector<float> parameters = {1, -2, 0.5f, 0, 3, 0.25f, -1, 4});
  proto::Plan plan;
  std::vector<std::uint8_t> model_bytes;
  std::vector<std::uint8_t> plan_bytes;
  std::vector<std::uint8_t> check_key{};  // of a plan with two helpers
  // Signed by the coordinator of enrolled.h.
  [[nodiscard]] proto::PlanOffer offer(const SessionToken& token) const;
};

class CohortCoordinator {
 public:
  CohortCoordinator(const Task& task, std::size_t devices);

  [[nodiscard]] Reply answer(const Request& request);
  // After every device is Done.
  [[nodiscard]] Result<aggregator::CohortSum> sum();

 private:
  struct Member {
    ParticipantIndex index;
    bool joined = false;
  };

  [[nodiscard]] proto::ExchangeReply exchange(const proto::ExchangeRequest& request);
  void take(Member& member, const proto::ExchangeRequest& request);

  const Task& task_;
  const std::size_t devices_;
  ReplayableRandom random_{99};
  std::unique_ptr<aggregator::CohortSession> cohort_;
  std::map<SessionToken, Member> members_;
  std::size_t joined_ = 0;
  bool collected_ = false;
};

// One device: its session and what the session wants next.
struct TestDevice {
  explicit TestDevice(std::uint64_t seed);
  // Performs the pending action once; returns the request when it was a Send.
  const Request* pending_request() const;
  void step(CohortCoordinator& coordinator);
  [[nodiscard]] bool done() const { return std::holds_alternative<Session::Done>(action); }
  [[nodiscard]] LocalUpdate update() const;

  std::uint64_t seed;
  ReplayableRandom keys;
  ReplayableRandom rounding;
  Session session;
  Time now;
  Session::Action action;
};

// Of the enrolled device of this name.
[[nodiscard]] SessionOptions device_options(const std::string& name = "kitchen-7");
[[nodiscard]] proto::ModelChunk chunk_of(const Task& task, const proto::FetchModelRequest& request);

}  // namespace sotto::client

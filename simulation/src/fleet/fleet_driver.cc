#include "fleet/fleet_driver.h"

#include <functional>
#include <queue>
#include <utility>

namespace sotto::simulation {
namespace {

using client::Session;

class FleetDriver {
 public:
  FleetDriver(std::vector<Member>& members, Backend& backend, Executor& executor,
              const FleetDriverOptions& options)
      : members_(members),
        backend_(backend),
        executor_(executor),
        options_(options),
        mailbox_(std::make_shared<Mailbox>()),
        transcripts_(members.size()),
        outcomes_(members.size()) {}

  std::vector<MemberOutcome> run() {
    open_ = members_.size();
    for (std::size_t i = 0; i < members_.size(); ++i) perform(i, members_[i].session.start(backend_.now()));
    while (open_ > 0) {
      const bool progressed = deliver_replies() | fire_timers() | train();
      if (!progressed) backend_.wait(timers_.empty() ? kNever : timers_.top().at, *mailbox_);
    }
    for (std::size_t i = 0; i < members_.size(); ++i) outcomes_[i].transcript = transcripts_[i].finish();
    return std::move(outcomes_);
  }

 private:
  struct Timer {
    Time at;
    std::size_t member = 0;
    bool operator>(const Timer& other) const { return at > other.at; }
  };
  struct Training {
    std::size_t member = 0;
    client::TrainingJob job;
  };

  bool deliver_replies() {
    auto deliveries = mailbox_->take();
    for (Delivery& delivery : deliveries) {
      transcripts_[delivery.member].received(delivery.reply);
      perform(delivery.member,
              members_[delivery.member].session.on_reply(std::move(delivery.reply), backend_.now()));
    }
    return !deliveries.empty();
  }

  bool fire_timers() {
    bool fired = false;
    while (!timers_.empty() && timers_.top().at <= backend_.now()) {
      const std::size_t member = timers_.top().member;
      timers_.pop();
      perform(member, members_[member].session.on_timer(backend_.now()));
      fired = true;
    }
    return fired;
  }

  bool train() {
    const auto trainings = std::exchange(trainings_, {});
    std::vector<std::optional<Result<client::LocalUpdate>>> updates(trainings.size());
    executor_.parallel_for(trainings.size(), [&](std::size_t i) {
      Member& member = members_[trainings[i].member];
      updates[i].emplace(member.trainer->train(trainings[i].job, *member.training_random));
    });
    for (std::size_t i = 0; i < trainings.size(); ++i) {
      const std::size_t member = trainings[i].member;
      perform(member, members_[member].session.on_trained(std::move(*updates[i]), backend_.now()));
    }
    return !trainings.empty();
  }

  void perform(std::size_t i, Session::Action action) {
    if (drops_out(i, action)) {
      outcomes_[i].dropped = true;
      if (options_.silent_dropout) return finish(i, {});
      action = members_[i].session.abandon("simulated drop-out", backend_.now());
    }
    if (auto* send = std::get_if<Session::Send>(&action)) {
      transcripts_[i].sent(send->request);
      backend_.transport(members_[i].device)
          .send(send->request, [mailbox = mailbox_, i](Result<client::Reply> reply) {
            mailbox->post({i, std::move(reply)});
          });
    } else if (auto* wait = std::get_if<Session::Wait>(&action)) {
      timers_.push({wait->until, i});
    } else if (auto* training = std::get_if<Session::Train>(&action)) {
      trainings_.push_back({i, training->job});
    } else {
      finish(i, std::get<Session::Done>(std::move(action)));
    }
  }

  bool drops_out(std::size_t i, const Session::Action& action) const {
    const auto* send = std::get_if<Session::Send>(&action);
    if (send == nullptr || outcomes_[i].dropped || !members_[i].drop_before) return false;
    const auto* exchange = std::get_if<proto::ExchangeRequest>(&send->request);
    return exchange != nullptr && exchange->step == *members_[i].drop_before;
  }

  void finish(std::size_t i, Session::Done done) {
    outcomes_[i].done = std::move(done);
    --open_;
  }

  std::vector<Member>& members_;
  Backend& backend_;
  Executor& executor_;
  const FleetDriverOptions options_;
  // Shared with callbacks that may outlive the drive (a silent drop-out's last call).
  std::shared_ptr<Mailbox> mailbox_;
  std::vector<VisitTranscript> transcripts_;
  std::vector<MemberOutcome> outcomes_;
  std::size_t open_ = 0;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::vector<Training> trainings_;
};

}  // namespace

std::vector<MemberOutcome> drive_fleet(std::vector<Member>& members, Backend& backend, Executor& executor,
                                       const FleetDriverOptions& options) {
  return FleetDriver(members, backend, executor, options).run();
}

}  // namespace sotto::simulation

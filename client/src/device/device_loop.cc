#include "device_loop.h"

#include <fmt/core.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

#include "sotto/base/limits.h"
#include "sotto/host/file.h"
#include "sotto/identity/x25519_key_file.h"
#include "sotto/secagg/one_shot.h"

namespace sotto::client {
namespace {

constexpr std::chrono::milliseconds kFarewell{
    2'000};  // how long a stopped device waits to say that it leaves
constexpr std::int64_t kPollMsMax = 60'000;
constexpr std::uint64_t kRefusedWaitMs = 5'000;  // after a plan that is refused; doubles
constexpr std::uint64_t kRefusedWaitMsMax = 600'000;

int poll_timeout_ms(Time now, Time deadline) {
  return static_cast<int>(std::clamp<std::int64_t>(deadline.ms - now.ms, 0, kPollMsMax));
}

crypto::SecretBuffer saved_form(const Session& session) {
  std::vector<std::uint8_t> bytes = session.save();
  crypto::SecretBuffer kept{Bytes(bytes)};
  crypto::wipe(bytes);
  return kept;
}

bool is_out_of_reach(const Status& status) {
  return status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kDeadlineExceeded;
}

}  // namespace

std::chrono::milliseconds wait_after_refusals(std::uint32_t in_a_row, Random& random) {
  if (in_a_row == 0) return std::chrono::milliseconds(0);
  const std::uint64_t longest = std::min(kRefusedWaitMs << std::min(in_a_row - 1, 16u), kRefusedWaitMsMax);
  return std::chrono::milliseconds(longest / 2 + random.below(longest / 2 + 1));
}

// Something that happened once, to be waited for with poll(). signal() is safe in a signal handler.
class DeviceLoop::Event {
 public:
  Event() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Event() {
    if (fd_ >= 0) close(fd_);
  }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void signal() {
    const std::uint64_t one = 1;
    // Fails only when the count is at its maximum: then the event is signalled already.
    [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof one);
  }
  void clear() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t ignored = read(fd_, &count, sizeof count);  // fails when not signalled
  }
  [[nodiscard]] bool is_signalled() const { return wait({fd_, -1}, 0); }
  [[nodiscard]] int fd() const { return fd_; }

  // True when one of the descriptors is signalled within the time. Negative ones are ignored.
  static bool wait(std::array<int, 2> fds, int timeout_ms) {
    std::array<pollfd, 2> polled = {pollfd{fds[0], POLLIN, 0}, pollfd{fds[1], POLLIN, 0}};
    // An interrupted wait counts as its end: callers loop.
    return poll(polled.data(), polled.size(), timeout_ms) > 0;
  }

 private:
  int fd_;
};

// Where the transport's callback leaves the answer to call number `expected`; answers to others come too
// late.
struct DeviceLoop::Mailbox {
  std::mutex mutex;
  std::uint64_t expected = 0;
  std::optional<Result<Reply>> reply;
  Event event;
};

Result<std::unique_ptr<DeviceLoop>> DeviceLoop::create(const DeviceOptions& options, Trainer& trainer,
                                                       MakeTransport make_transport,
                                                       std::uint32_t attempts_max) {
  Keys keys;
  SOTTO_RETURN_IF_ERROR(load_keys(options, keys));
  Result<std::unique_ptr<DeviceLedger>> ledger = options.ledger_file.empty()
                                                     ? make_memory_ledger(options.budgets)
                                                     : open_ledger(options.ledger_file, options.budgets);
  if (!ledger) return ledger.error();
  std::unique_ptr<DeviceLoop> loop(new DeviceLoop(options, std::move(keys), std::move(*ledger), trainer,
                                                  std::move(make_transport), attempts_max));
  if (loop->stop_event_->fd() < 0 || loop->mailbox_->event.fd() < 0) {
    return io_error("the system gives no event descriptor; raise the limit on open files");
  }
  if (options.ledger_file.empty()) {
    loop->say(
        "warning: no ledger_file: what leaves this device is forgotten when it stops, so that neither old "
        "plans nor the owner's budgets bind it after a restart");
  }
  return loop;
}

Status DeviceLoop::load_keys(const DeviceOptions& options, Keys& keys) {
  if (!options.identity_file.empty()) {
    auto loaded = identity::load_identity(options.identity_file, secagg::Role::kDevice, options.signer);
    if (!loaded) return loaded.error();
    keys.identity.emplace(std::move(*loaded));
    std::filesystem::path kept = options.state_file;
    if (!kept.empty()) kept += ".bulletin";
    auto believed = identity::Believed::open(keys.identity->get().trust.authority, kept);
    if (!believed) return believed.error();
    keys.bulletin.emplace(options.bulletin_file, std::move(*believed));
  }
  for (const std::filesystem::path& file : options.helper_key_files) {
    const auto loaded = identity::load_x25519_public_key(file);
    if (!loaded) return loaded.error();
    if (std::find(keys.helpers.begin(), keys.helpers.end(), *loaded) != keys.helpers.end()) {
      return invalid_argument(
          "the mask helpers' keys are the same: two helpers are two parties, each with a "
          "key of its own");
    }
    keys.helpers.push_back(*loaded);
  }
  if (keys.helpers.size() > secagg::kHelpersMax) {
    return invalid_argument("there are more mask helpers than two");
  }
  return {};
}

DeviceLoop::DeviceLoop(const DeviceOptions& options, Keys keys, std::unique_ptr<DeviceLedger> ledger,
                       Trainer& trainer, MakeTransport make_transport, std::uint32_t attempts_max)
    : options_(options),
      keys_(std::move(keys)),
      ledger_(std::move(ledger)),
      trainer_(trainer),
      make_transport_(std::move(make_transport)),
      attempts_max_(attempts_max),
      stop_event_(std::make_unique<Event>()),
      mailbox_(std::make_shared<Mailbox>()) {
  if (keys_.identity) keys_.identity->remember_in(verified_);
}

DeviceLoop::~DeviceLoop() = default;

void DeviceLoop::stop() { stop_event_->signal(); }

Participation DeviceLoop::take_part() {
  leaving_ = false;
  if (next_check_in_ > clock_.now()) {
    say(fmt::format("waiting {} ms before the next check-in", (next_check_in_ - clock_.now()).count()));
  }
  if (!wait_until(next_check_in_)) {
    return conclude({.status = aborted("stopped"), .outcome = "stopped", .check_in_after = next_check_in_});
  }
  look_for_bulletin();
  auto session = Session::create({.device_id = options_.device_id,
                                  .population = options_.population,
                                  .trainers = trainer_.architectures(),
                                  .custom_models = trainer_.custom_models(),
                                  .input = options_.input,
                                  .features = trainer_.features(),
                                  .parameters_max = options_.parameters_max,
                                  .cohort_min = options_.cohort_min,
                                  .identity = keys_.identity ? &keys_.identity->get() : nullptr,
                                  .pass = pass_,
                                  .helper_keys = keys_.helpers,
                                  .corrupt_fraction_min = options_.corrupt_fraction_min,
                                  .honest_min = options_.honest_min,
                                  .allow_curious = options_.allow_curious,
                                  .allow_unmasked = options_.allow_unmasked,
                                  .ledger = ledger_.get(),
                                  .attempts_max = attempts_max_},
                                 {random_, random_});
  Session::Action action = begin(session);
  for (;;) {
    keep_bulletin(session);
    pass_ = session.pass();
    const auto* done = std::get_if<Session::Done>(&action);
    // A session that ended because nobody answered may go on when the coordinator is back.
    if (done == nullptr || !is_out_of_reach(done->status)) persist(session);
    if (done != nullptr) return conclude(*done);
    action = perform(session, action);
  }
}

// Empty when there is no such file. In one piece, so that no part of an update stays where it outgrew a
// buffer.
Status DeviceLoop::read_state(crypto::SecretBuffer& state) const {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(options_.state_file, error);
  if (error == std::errc::no_such_file_or_directory) return {};
  if (!error && size > limits::kMessageBytesMax) {
    return data_loss(options_.state_file.string() + " is larger than any session");
  }
  // Of what has no size, a folder for one, reading says what is wrong.
  crypto::SecretBuffer bytes(error ? 0 : static_cast<std::size_t>(size));
  const auto read = host::read_file(options_.state_file, bytes.reveal_mutable());
  if (!read) return read.error();
  if (!*read) return {};
  bytes.truncate(**read);
  state = std::move(bytes);
  return {};
}

void DeviceLoop::look_for_bulletin() {
  if (!keys_.bulletin) return;
  if (const Result<bool> changed = keys_.bulletin->look(); !changed) say(changed.error().message());
  keys_.identity->believe(keys_.bulletin->believed().trust());
}

// A session goes on with its own copy; the next one begins with this.
void DeviceLoop::keep_bulletin(const Session& session) {
  if (!keys_.bulletin || session.bulletin().empty()) return;
  const auto verdict = keys_.bulletin->believed().take(session.bulletin());
  if (!verdict) return say(verdict.error().message());
  keys_.identity->believe(keys_.bulletin->believed().trust());
  if (*verdict == secagg::BulletinVerdict::kTaken) {
    say(fmt::format("edition {} of the authority's bulletin is in force",
                    keys_.bulletin->believed().trust().edition));
  }
}

Session::Action DeviceLoop::begin(Session& session) {
  if (options_.state_file.empty()) return session.start(clock_.now());
  crypto::SecretBuffer saved;
  Status status = read_state(saved);
  if (status.ok() && !saved.empty()) {
    auto action = session.restore(saved.reveal(), clock_.now());
    if (action) {
      say("going on with the session in " + options_.state_file.string());
      return *action;
    }
    status = action.error();
  }
  if (!status.ok()) say(fmt::format("ignoring {}: {}", options_.state_file.string(), status.message()));
  return session.start(clock_.now());
}

Session::Action DeviceLoop::perform(Session& session, const Session::Action& action) {
  if (!leaving_ && stop_event_->is_signalled()) return leave(session);
  if (const auto* send = std::get_if<Session::Send>(&action)) return perform_send(session, send->request);
  if (const auto* train = std::get_if<Session::Train>(&action)) return perform_train(session, train->job);
  const auto& wait = std::get<Session::Wait>(action);
  say(fmt::format("waiting {} ms: {}", (wait.until - clock_.now()).count(), wait.reason));
  if (!wait_until(wait.until)) return leave(session);
  return session.on_timer(clock_.now());
}

void DeviceLoop::post(const Request& request) {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mailbox_->mutex);
    number = ++mailbox_->expected;
    mailbox_->reply.reset();
    mailbox_->event.clear();
  }
  transport_->send(request, [mailbox = mailbox_, number](Result<Reply> reply) {
    const std::lock_guard lock(mailbox->mutex);
    if (number != mailbox->expected) return;
    mailbox->reply = std::move(reply);
    mailbox->event.signal();
  });
}

Session::Action DeviceLoop::perform_send(Session& session, const Request& request) {
  if (!transport_) {
    auto made = make_transport_();
    if (!made) return session.on_reply(made.error(), clock_.now());
    transport_ = std::move(*made);
  }
  post(request);
  auto reply = await_reply(leaving_ ? clock_.now() + kFarewell : kNever);
  if (reply) {
    look_whether_reached(*reply);
    return session.on_reply(std::move(*reply), clock_.now());
  }
  transport_.reset();  // cancels the call
  if (leaving_) return session.on_reply(unavailable("no answer to the farewell"), clock_.now());
  return leave(session);
}

Session::Action DeviceLoop::perform_train(Session& session, const TrainingJob& job) {
  say(fmt::format("training on round {} of task {}", session.plan()->round.value,
                  session.plan()->task.value));
  auto update = trainer_.train(job, random_);
  return session.on_trained(std::move(update), clock_.now());
}

Session::Action DeviceLoop::leave(Session& session) {
  if (!options_.state_file.empty() && !saved_form(session).empty()) {
    return Session::Done{.status = aborted("stopped"),
                         .outcome = "stopped; " + options_.state_file.string() + " keeps the session",
                         .check_in_after = clock_.now()};
  }
  leaving_ = true;
  return session.abandon("the device was stopped", clock_.now());
}

bool DeviceLoop::wait_until(Time time) {
  while (!stop_event_->is_signalled()) {
    const Time now = clock_.now();
    if (now >= time) return true;
    Event::wait({stop_event_->fd(), -1}, poll_timeout_ms(now, time));
  }
  return false;
}

std::optional<Result<Reply>> DeviceLoop::await_reply(Time deadline) {
  const int stop_fd = leaving_ ? -1 : stop_event_->fd();
  for (;;) {
    {
      const std::lock_guard lock(mailbox_->mutex);
      if (mailbox_->reply) return std::move(mailbox_->reply);
    }
    if (stop_fd >= 0 && stop_event_->is_signalled()) return std::nullopt;
    const Time now = clock_.now();
    if (now >= deadline) return std::nullopt;
    Event::wait({stop_fd, mailbox_->event.fd()}, poll_timeout_ms(now, deadline));
  }
}

// Keeps the state file what session.save() is.
void DeviceLoop::persist(const Session& session) {
  if (options_.state_file.empty()) return;
  const crypto::SecretBuffer state = saved_form(session);
  if (state.empty()) {
    saved_digest_.reset();
    if (const Status status = host::remove_file(options_.state_file); !status.ok()) say(status.message());
    return;
  }
  const crypto::Digest digest = crypto::sha256({state.reveal()});
  if (digest == saved_digest_) return;
  if (const Status status = host::write_file(options_.state_file, state.reveal(), host::kSecretFile);
      !status.ok()) {
    say(status.message() + "; a restart would begin anew");
    return;
  }
  saved_digest_ = digest;
}

// An answer of any kind shows that the address is right.
void DeviceLoop::look_whether_reached(const Result<Reply>& reply) {
  if (std::exchange(first_call_judged_, true)) return;
  if (!reply && is_out_of_reach(reply.error()) && options_.unreachable) options_.unreachable(reply.error());
}

void DeviceLoop::say(const std::string& text) const {
  if (options_.progress) options_.progress(text);
}

Participation DeviceLoop::conclude(const Session::Done& done) {
  const Time now = clock_.now();
  plans_refused_in_a_row_ = done.plan_refused ? plans_refused_in_a_row_ + 1 : 0;
  next_check_in_ = std::max(done.check_in_after, now + wait_after_refusals(plans_refused_in_a_row_, random_));
  return {.counted = done.counted,
          .status = done.status,
          .outcome = done.outcome,
          .uplink_bytes = done.uplink_bytes,
          .plan_refused = done.plan_refused,
          .check_in_after = std::max(next_check_in_ - now, std::chrono::milliseconds(0))};
}

}  // namespace sotto::client

// What a Device is on any transport: drives sessions, waits, keeps the state file. The gRPC shell
// (grpc/device.cc) supplies the transport. client.h is its contract.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "sotto/base/clock.h"
#include "sotto/client/client.h"
#include "sotto/client/ledger.h"
#include "sotto/client/session.h"
#include "sotto/client/transport.h"
#include "sotto/crypto/primitives.h"
#include "sotto/crypto/secret_buffer.h"
#include "sotto/identity/bulletin_file.h"
#include "sotto/identity/identity_file.h"

namespace sotto::client {

// After so many plans in a row that were refused, so that a task's mistake is told and not repeated every
// second: doubles, up to ten minutes; nothing after none.
[[nodiscard]] std::chrono::milliseconds wait_after_refusals(std::uint32_t in_a_row, Random& random);

class DeviceLoop final {
 public:
  // Called for the first request and again after stop(): a transport's destructor cancels its outstanding
  // request.
  using MakeTransport = std::function<Result<std::unique_ptr<Transport>>()>;
  // Of one call, about a minute in all: a device that has trained for hours is patient.
  static constexpr std::uint32_t kAttemptsMax = 10;
  // Options must have been checked; the key files are read and the ledger opened. `trainer` must outlive the
  // loop. kIo when the system gives no event descriptor, else the files' errors.
  [[nodiscard]] static Result<std::unique_ptr<DeviceLoop>> create(const DeviceOptions& options,
                                                                  Trainer& trainer,
                                                                  MakeTransport make_transport,
                                                                  std::uint32_t attempts_max = kAttemptsMax);
  ~DeviceLoop();

  [[nodiscard]] Participation take_part();
  void stop();

 private:
  class Event;
  struct Mailbox;

  // From the files that the options name.
  struct Keys {
    std::optional<identity::OwnedIdentity> identity;
    std::optional<identity::BulletinWatch> bulletin;  // of that identity's authority
    std::vector<crypto::X25519PublicKey> helpers;
  };
  [[nodiscard]] static Status load_keys(const DeviceOptions& options, Keys& keys);

  DeviceLoop(const DeviceOptions& options, Keys keys, std::unique_ptr<DeviceLedger> ledger, Trainer& trainer,
             MakeTransport make_transport, std::uint32_t attempts_max);

  [[nodiscard]] Status read_state(crypto::SecretBuffer& state) const;
  [[nodiscard]] Session::Action begin(Session& session);
  [[nodiscard]] Session::Action perform(Session& session, const Session::Action& action);
  void post(const Request& request);
  [[nodiscard]] Session::Action perform_send(Session& session, const Request& request);
  [[nodiscard]] Session::Action perform_train(Session& session, const TrainingJob& job);
  [[nodiscard]] Session::Action leave(Session& session);
  // False when stop() came first.
  [[nodiscard]] bool wait_until(Time time);
  // The answer, or nothing when stop() (unless the device is leaving already) or the deadline came first.
  [[nodiscard]] std::optional<Result<Reply>> await_reply(Time deadline);
  void persist(const Session& session);
  // What the authority makes known: by a file, and by what a session was shown.
  void look_for_bulletin();
  void keep_bulletin(const Session& session);
  void say(const std::string& text) const;
  void look_whether_reached(const Result<Reply>& reply);
  [[nodiscard]] Participation conclude(const Session::Done& done);

  static constexpr std::size_t kVerifiedMax = 1024;  // endorsements: the neighbours of some ten sessions

  const DeviceOptions options_;
  std::vector<crypto::Digest> verified_room_ = std::vector<crypto::Digest>(kVerifiedMax);
  secagg::EndorsementMemory verified_{verified_room_};  // over sessions; a restart verifies anew
  Keys keys_;
  const std::unique_ptr<DeviceLedger> ledger_;
  Trainer& trainer_;
  const MakeTransport make_transport_;
  const std::uint32_t attempts_max_;
  const std::unique_ptr<Event> stop_event_;
  const std::shared_ptr<Mailbox> mailbox_;  // shared with callbacks, which may outlive the loop
  SystemClock clock_;
  crypto::SystemRandom random_;
  std::unique_ptr<Transport> transport_;
  std::vector<std::uint8_t> pass_{};  // what the coordinator lets in without another signature
  Time next_check_in_;
  std::uint32_t plans_refused_in_a_row_ = 0;
  bool leaving_ = false;
  bool first_call_judged_ = false;
  std::optional<crypto::Digest> saved_digest_;  // of what the state file holds
};

}  // namespace sotto::client

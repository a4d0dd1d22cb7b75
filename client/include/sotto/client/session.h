// A device's part in one round as a machine without I/O: check in, fetch the model, train, join, take part,
// end. Feed it replies, timers and training results; do what it returns. One thread at a time.
//
//   start() -> Send(check-in) -> [Wait until the retry window, or Send(check-in) once more, signed]
//           -> Send(fetch model)* -> Train -> Send(join)
//           -> Send(share) -> Send(collect) -> Send(confirm) -> Send(unmask) -> Done
//
// Lost and refused calls are retried with exponential back-off and full jitter inside the machine, up to a
// limit.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/clock.h"
#include "sotto/base/random.h"
#include "sotto/client/trainer.h"
#include "sotto/client/transport.h"
#include "sotto/proto/messages.h"
#include "sotto/secagg/identity.h"

namespace sotto::client {

class DeviceLedger;

struct SessionOptions {
  std::string device_id;
  std::string population;
  std::vector<proto::Architecture> trainers;
  std::vector<std::string> custom_models{};  // that it has a trainer for
  proto::InputSchema input{};  // refuse plans that say otherwise; what is empty here or there is not compared
  std::uint32_t features = 0;  // of an example; 0: any
  std::uint64_t parameters_max = 1 << 20;
  std::uint16_t cohort_min = 8;  // refuse plans and cohorts smaller than this, whatever the plan says
  // Who this device is, and whom it believes; must outlive the session with what it borrows. Null: it can
  // take part in curious and unmasked tasks only, as far as these are allowed. With one, every plan must
  // carry a credential by the identity's authority.
  const secagg::Identity* identity = nullptr;
  // What the coordinator gave an earlier session to show instead of a signature; empty: nothing.
  std::vector<std::uint8_t> pass{};
  // The public keys of the mask helpers that the owner trusts: of one, or of two if there must be two.
  // One-shot tasks that name others, more or fewer are refused, and without helpers or an identity all.
  std::vector<crypto::X25519PublicKey> helper_keys{};
  float corrupt_fraction_min = 0.1f;  // refuse plans that withstand fewer colluding devices
  std::uint16_t honest_min = 4;       // refuse plans that promise fewer honest devices in every sum
  bool allow_curious = false;         // take part in tasks that trust the coordinator not to lie
  bool allow_unmasked = false;        // take part in plain and float tasks
  // What has left this device, and what may; must outlive the session. Null: nobody counts.
  DeviceLedger* ledger = nullptr;
  // `now` is the time of day, by which old plans are refused. Without a clock the ledger alone does that.
  bool has_clock = true;
  std::uint32_t attempts_max = 6;  // of one call before the session gives up
  std::uint32_t backoff_first_ms = 200;
  std::uint32_t backoff_max_ms = 30'000;
};

// Both must outlive the session.
struct SessionRandomness {
  Random& keys;      // session keys, shares, jitter: the system's generator unless all is simulated
  Random& rounding;  // stochastic rounding of the update: seeded in simulations
};

// Moved from, a session may only be assigned to or destroyed.
class Session final {
 public:
  struct Send {
    Request request;
  };
  struct Wait {
    Time until;
    std::string reason;
  };
  // Run the trainer on this job (the spans live in the session) and call on_trained().
  struct Train {
    TrainingJob job;
  };
  struct Done {
    bool counted = false;            // the update reached the sum
    Status status;                   // kOk, or why the session ended early
    std::string outcome;             // a sentence for logs
    Time check_in_after;             // when to start the next session
    std::uint64_t uplink_bytes = 0;  // payload bytes of Exchange requests sent (encoded size)
    bool plan_refused = false;       // by the owner's rules, or as nothing to be trained here: another may do
  };
  using Action = std::variant<Send, Wait, Train, Done>;

  [[nodiscard]] static Session create(const SessionOptions& options, SessionRandomness randomness);
  ~Session();
  Session(Session&& other) noexcept;
  Session& operator=(Session&& other) noexcept;

  [[nodiscard]] Action start(Time now);
  [[nodiscard]] Action on_reply(Result<Reply> reply, Time now);
  [[nodiscard]] Action on_timer(Time now);
  [[nodiscard]] Action on_trained(Result<LocalUpdate> update, Time now);
  // Leaves at any point between actions: returns Send(AbandonRequest) when the coordinator knows the session,
  // else Done.
  [[nodiscard]] Action abandon(const std::string& reason, Time now);

  // The step whose message the machine sends next or has just sent; nullopt before READY.
  [[nodiscard]] std::optional<proto::Step> step() const;
  [[nodiscard]] const proto::Plan* plan() const;  // nullptr before a plan was accepted

  // The bulletin of its authority that the coordinator has shown and the session has taken; empty: none.
  // Whoever holds the identity takes it in as well and keeps it, so that nobody can bring an older one.
  [[nodiscard]] const std::vector<std::uint8_t>& bulletin() const;

  // What to show the same coordinator when the next session begins. Whoever has it can take this device's
  // places, so it is kept as keys are. Empty: nothing.
  [[nodiscard]] const std::vector<std::uint8_t>& pass() const;

  // What survives a restart: token, plan, downloaded model bytes, trained update. Keys never do: once the
  // join is answered there is nothing to save and a restarted device checks in again. Empty when there is
  // nothing worth saving. Wipe it: a trained update is in it in the clear.
  [[nodiscard]] std::vector<std::uint8_t> save() const;
  // Instead of start(). kDataLoss when the bytes are damaged or of another version, kFailedPrecondition when
  // they are another device's or their round is over; start() is still possible then.
  [[nodiscard]] Result<Action> restore(Bytes saved, Time now);

 private:
  class Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sotto::client

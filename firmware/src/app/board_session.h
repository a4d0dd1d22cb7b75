// A board's part in one round, over its line to a gateway: check in, fetch the model, learn, join, take part.
// What client/session.h is on hosts, in fixed memory: it waits where that returns actions, and it takes part
// in semi-malicious secure sessions only. Freestanding.
//
// The ledger is in flash before a message leaves. Keys are drawn for each session and live in memory alone:
// a board that was cut off joins with others.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "bulletin_keeper.h"
#include "draws.h"
#include "journal/board_ledger.h"
#include "learner.h"
#include "port.h"
#include "profile.h"
#include "sotto/base/random.h"
#include "sotto/proto/link_board.h"
#include "sotto/proto/link_message.h"
#include "sotto/proto/step_machine.h"
#include "sotto/secagg/identity.h"

namespace sotto::board {

struct BoardSessionOptions {
  std::string_view device_id;
  std::string_view population;
  // Plans that promise less are refused.
  std::uint16_t cohort_min = 8;
  std::uint16_t honest_min = 4;
  float corrupt_fraction_min = 0.1f;
  // Waits for a plan no longer than that, since a board has other things to ask for; 0: for ever.
  std::uint32_t plan_within_ms = 0;
};

class BoardSession {
 public:
  static constexpr std::size_t kNeighboursMax = 32;
  static constexpr std::size_t kParticipantsMax = 257;
  static constexpr std::size_t kParametersMax = profile::kParametersMax;

  enum class End : std::uint8_t {
    kCounted,    // the update is in the sum
    kUncounted,  // the round came to nothing, or the coordinator refused a message
    kDeclined,   // the plan: the board has left
    kFailed,     // the gateway or the coordinator cannot be reached or breaks the protocol
    kNoPlan,     // within the time that the board had for that
  };

  // All must outlive the session. `keys` is the system's generator; what a bulletin changes, the keeper's and
  // the identity's trust, stays changed.
  struct Parts {
    Port& port;
    BoardLedger& ledger;
    Learner& learner;
    secagg::Identity& identity;
    BulletinKeeper& bulletins;
    Random& keys;
    Draws& draws;
  };
  BoardSession(const Parts& parts, const BoardSessionOptions& options, std::uint32_t first_call);

  // Takes part in one round, whenever the coordinator begins it.
  [[nodiscard]] End run();

 private:
  static constexpr std::size_t kLanesMax = kParametersMax + 128;
  static constexpr std::size_t kMessageBytesMax = 64 + 2 * kLanesMax;
  static constexpr std::size_t kRoomBytes = 4 * kParametersMax + 1024;

  // The parameters are there from when they have been fetched until lanes are made of them: no message then.
  struct Messages {
    std::array<std::uint8_t, kMessageBytesMax> payload;
    std::array<std::uint8_t, kMessageBytesMax + 64> message;
  };
  union Work {
    Messages messages{};
    std::array<float, kParametersMax> values;
  };

  [[nodiscard]] bool carry(const proto::link::Call& call, proto::link::Answer& answer);
  [[nodiscard]] bool send();
  [[nodiscard]] bool pump();
  [[nodiscard]] bool read_on(std::uint32_t offset);
  void pause(const proto::link::Window& window);

  [[nodiscard]] std::optional<End> check_in();
  [[nodiscard]] bool answer_challenge(const proto::link::ChallengeAnswer& challenge,
                                      proto::link::Answer& answer);
  [[nodiscard]] std::optional<End> take_offer(const proto::link::Offer& offer);
  class ShownBulletin;
  [[nodiscard]] const char* take_bulletin(std::uint32_t offset);
  [[nodiscard]] bool is_revoked() const;
  [[nodiscard]] bool is_by_coordinator(const secagg::Credential& credential) const;
  [[nodiscard]] bool agrees() const;
  [[nodiscard]] bool fetch_model();
  [[nodiscard]] std::optional<End> learn();
  [[nodiscard]] End take_part();
  [[nodiscard]] Rejection step(proto::StepMachine& steps, const proto::link::Next& next,
                               std::size_t& written);
  [[nodiscard]] Rejection take_roster(proto::StepMachine& steps);
  [[nodiscard]] End decline(const char* why, BoardLedger::Verdict verdict = BoardLedger::Verdict::kAllowed);
  [[nodiscard]] proto::link::CheckIn greeting() const;

  const Parts parts_;
  const BoardSessionOptions options_;
  proto::LinkBoard link_;
  BoardLedger::Plan entry_{};
  SessionToken token_{};
  proto::Plan plan_{};
  std::array<std::uint8_t, limits::kPlanBytesMax> plan_bytes_{};
  std::size_t plan_size_ = 0;
  std::array<std::uint8_t, kLanesMax> lanes_{};
  Work work_{};
  std::size_t message_size_ = 0;
  std::array<std::uint8_t, kRoomBytes> room_{};
  std::array<std::uint8_t, proto::kLinkEncodedBytesMax> frame_{};
  std::array<secagg::NeighbourSlot, kNeighboursMax> slots_{};
  std::array<std::uint16_t, kParticipantsMax> order_{};
};

}  // namespace sotto::board

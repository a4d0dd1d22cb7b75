// Which rounds a board has taken part in and which vectors have left it, in its journal: what the device
// library's ledger (client/ledger.h) is on hosts, in the memory of a board, and stricter where that makes it
// smaller. A round that was joined is used up, whatever came of it, and one vector leaves for each version of
// a model. So a board that was cut off draws fresh keys in a later round and shows no mask twice.
//
//   plan -> look()    join message -> join()    masked vector -> charge()    each before the message leaves
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "journal.h"
#include "sotto/base/ids.h"
#include "sotto/crypto/primitives.h"
#include "sotto/proto/enumerations.h"

namespace sotto::board {

class BoardLedger {
 public:
  static constexpr std::size_t kTasksMax = 4;  // a further task is refused: nothing is ever forgotten

  struct Plan {
    crypto::Digest coordinator{};  // SHA-256 of the key that signed it
    TaskId task{};
    RoundId round{};
    ModelVersion version{};
  };
  enum class Verdict : std::uint8_t {
    kAllowed,
    kRoundUsed,   // not above a round that the board has joined
    kModelSpent,  // a vector has left for this version, or for a newer one
    kNoRoom,      // kTasksMax others are there
    kNotJoined,   // charge(): the round is not the one that was joined last, or its vector has left
    kFailed,      // the journal failed or was damaged: nothing may leave
  };
  // `number` is that of its value in the journal, which must outlive this and be open.
  BoardLedger(Journal& journal, std::uint8_t number) : journal_(journal), number_(number) {}

  // From the journal; false when it fails or holds something else: then everything is refused.
  [[nodiscard]] bool load();
  [[nodiscard]] Verdict look(const Plan& plan) const;
  // In the journal when they return kAllowed. After kFailed everything is refused until load().
  [[nodiscard]] Verdict join(const Plan& plan);
  [[nodiscard]] Verdict charge(const Plan& plan);

  [[nodiscard]] RoundId last_round(const Plan& plan) const;  // that was joined; 0: none
  [[nodiscard]] std::uint64_t vectors() const;               // that have left

  // What the coordinator is told.
  [[nodiscard]] static proto::LedgerRefusal refusal(Verdict verdict);

 private:
  struct Task {
    crypto::Digest coordinator{};
    TaskId task{};
    RoundId round{};
    bool sent = false;  // the vector of `round`
    bool any = false;   // a vector has left in the round's epoch: within one, versions only grow
    ModelVersion newest{};
    std::uint64_t vectors = 0;
  };
  static constexpr std::size_t kTaskBytes = 32 + 8 + 8 + 1 + 1 + 8 + 8;

  [[nodiscard]] const Task* find(const Plan& plan) const;
  [[nodiscard]] Verdict save(Task& place, const Task& changed);

  Journal& journal_;
  const std::uint8_t number_;
  bool usable_ = false;
  std::array<Task, kTasksMax> tasks_{};
  std::size_t count_ = 0;
};

}  // namespace sotto::board

// Two slots in flash for one thing that is updated (a model image, or a trained head): one runs while the
// other one takes the next. Whose update it is and whether it is meant for this board is for
// model_update::check_image() and check_head() to say, before begin(). Freestanding: no heap.
//
//   idle --begin--> receiving --stage--> staged --boot--> trial --confirm--> idle, the other slot runs
//                       |                   |               |
//                       +-------------------+--revert, or too many starts--> idle, as before
//
// What is true stands in one value of the journal, which a power cut leaves old or new; slots are written and
// read beside it. So after a cut in any operation boot() finds a whole model, and sequence() never falls.
#pragma once

#include <cstdint>

#include "journal/journal.h"
#include "sotto/base/flash.h"
#include "sotto/model_update/manifest.h"

namespace sotto::board {

class ModelSlots {
 public:
  static constexpr std::uint32_t kNone = 2;          // a slot's number is 0 or 1
  static constexpr std::uint8_t kTrialsMax = 3;      // starts without a confirmation, then it goes back
  static constexpr std::uint32_t kStateBytes = 170;  // of the value in the journal

  enum class Phase : std::uint8_t { kIdle = 0, kReceiving = 1, kStaged = 2, kTrial = 3 };

  enum class Result : std::uint8_t {
    kOk,
    kWrongPhase,   // not now: nothing was changed
    kStale,        // begin(): the sequence is not above sequence()
    kTooLarge,     // begin(): larger than a slot, or too many tests; write(): more than was announced
    kUneven,       // write(): neither whole words nor the end
    kIncomplete,   // stage(): bytes are missing
    kWrongDigest,  // stage(): other bytes than those that were signed; the update is dropped
    kFlash,        // the memory failed or the power went: open() again says what is true
  };

  // Slot 0 is pages first_page .. first_page + slot_pages - 1, slot 1 the same number behind it. Requires
  // that they lie in the flash and outside the journal. Flash and journal must outlive this; the journal
  // keeps the state under `number`, its own. open() comes next.
  ModelSlots(Flash& flash, Journal& journal, std::uint8_t number, std::uint32_t first_page,
             std::uint32_t slot_pages);

  // Reads what is true. False when the memory fails or the value is none of this version's. The journal is
  // open.
  [[nodiscard]] bool open();

  [[nodiscard]] Phase phase() const { return state_.phase; }
  // The highest that was ever staged: what Recipient::sequence wants.
  [[nodiscard]] std::uint64_t sequence() const { return state_.sequence; }
  [[nodiscard]] std::uint32_t slot_bytes() const { return slot_pages_ * geometry_.page_bytes; }
  // Of the manifest's bytes, how many are there: where the sender goes on. After a restart whole pages,
  // or all.
  [[nodiscard]] std::uint32_t received() const { return state_.received; }
  // Whether this is the update that is being received, so that it goes on instead of beginning again.
  [[nodiscard]] bool receives(const model_update::Manifest& manifest) const;

  // Makes room for the update; one that was being received or staged is dropped.
  [[nodiscard]] Result begin(const model_update::Manifest& manifest);
  // The bytes behind received(): whole words, but for the end.
  [[nodiscard]] Result write(Bytes bytes);
  // All bytes are there and are those that were signed: the next boot() tries them.
  [[nodiscard]] Result stage();

  struct Boot {
    std::uint32_t slot = kNone;  // kNone: no update was ever confirmed, or none is whole
    std::uint32_t offset = 0;    // in the flash
    std::uint32_t size = 0;
    bool trial = false;           // to be confirmed or reverted after a self-test: conclude_trial()
    bool reverted = false;        // what was on trial did not last; the model of before runs
    std::uint8_t self_tests = 0;  // reference inputs at the end of the slot's content
    crypto::Digest self_test_outputs{};
  };
  // At every start: which slot runs. Its digest was checked just now. kFlash when the memory fails.
  [[nodiscard]] Result boot(Boot& boot);
  // What is on trial runs from now on.
  [[nodiscard]] Result confirm();
  // What is received, staged or on trial is dropped. Its sequence stays used once it was staged.
  [[nodiscard]] Result revert();

 private:
  struct Slot {
    std::uint64_t sequence = 0;
    std::uint32_t size = 0;  // 0: nothing that may run
    crypto::Digest digest{};
    std::uint8_t self_tests = 0;
    crypto::Digest self_test_outputs{};
  };
  struct State {
    Phase phase = Phase::kIdle;
    std::uint8_t active = kNone;
    std::uint8_t trials = 0;
    std::uint64_t sequence = 0;
    std::uint32_t received = 0;
    Slot slots[2];
  };

  [[nodiscard]] bool keep(const State& state);
  [[nodiscard]] std::uint32_t target() const { return state_.active == 0 ? 1 : 0; }
  [[nodiscard]] std::uint32_t offset_of(std::uint32_t slot) const;
  [[nodiscard]] bool digest_of(std::uint32_t slot, crypto::Digest& digest) const;
  [[nodiscard]] bool is_whole(std::uint32_t slot, bool& whole) const;
  [[nodiscard]] bool write_part(Bytes part);
  [[nodiscard]] Result boot_confirmed(Boot& boot);
  [[nodiscard]] Boot boot_of(std::uint32_t slot) const;

  Flash& flash_;
  Journal& journal_;
  const FlashGeometry geometry_;
  const std::uint8_t number_;
  const std::uint32_t first_page_;
  const std::uint32_t slot_pages_;
  State state_;
};

}  // namespace sotto::board

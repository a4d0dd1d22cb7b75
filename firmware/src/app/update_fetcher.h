// Updates of the board's model: which image runs in this start, and newer ones from the coordinator into the
// slots, page by page over the board's line. Freestanding.
//
//   start   open() -> image() -> the application opens it -> conclude(): it runs, or the board starts anew
//   later   is_due() -> look(): asks, fetches from where the last cut left it, stages for the next start
//
// What counts is in the journal (model_slots.h), so the power may go at any time.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "link_caller.h"
#include "port.h"
#include "sotto/base/random.h"
#include "sotto/device_runtime/sotto_device.h"
#include "sotto/secagg/identity.h"
#include "update/model_slots.h"
#include "update_trust.h"

namespace sotto::board {

class UpdateFetcher {
 public:
  // Bytes of an image that are asked for at a time.
  static constexpr std::uint32_t kPieceBytes = 4096;

  enum class Start : std::uint8_t {
    kRuns,   // the image that image() gave
    kAnew,   // it is dropped: with the next start the one of before runs
    kFlash,  // the memory failed
  };
  enum class Look : std::uint8_t {
    kNothing,  // nothing newer, or not now: is_due() says when to ask again
    kStaged,   // an update is whole: start anew
    kRefused,  // what was offered is not for this board, or not what was signed
    kFailed,   // the line, the coordinator or the memory: the next look goes on
  };

  // What look() needs while it runs.
  class Room {
   public:
    Room(Port& port, std::uint32_t first_call) : caller_(port, first_call) {}

   private:
    friend class UpdateFetcher;
    // A call with a proof; an answer with a piece of an image and what is before it.
    static constexpr std::size_t kMessageBytes = 1024;
    LinkCaller<kMessageBytes, kPieceBytes + 32> caller_;
    std::array<std::uint8_t, limits::kUpdateManifestBytesMax> message_{};
    std::array<std::uint8_t, limits::kPassBytesMax> pass_{};
    std::size_t message_size_ = 0;
    std::size_t pass_size_ = 0;
  };

  struct Parts {
    Port& port;
    Journal& journal;
    const secagg::Identity& identity;
    Random& keys;  // the system's generator
    std::string_view device_id;
    std::uint32_t ram_bytes;  // of the arena
  };
  // All must outlive it.
  explicit UpdateFetcher(const Parts& parts);

  // A sentence when what the flash holds of updates is damaged, else nullptr. A board that was told of no
  // owner takes none: image() is what was built in, and is_due() is never true.
  [[nodiscard]] const char* open();
  // The image that runs in this start. Empty when the flash fails.
  [[nodiscard]] Bytes image(Bytes built_in);
  // After the application has opened it: `model` is null when it could not.
  [[nodiscard]] Start conclude(sotto_model* model);

  [[nodiscard]] bool takes_updates() const { return takes_updates_; }
  [[nodiscard]] bool is_due() const;
  [[nodiscard]] Look look(Room& room);

 private:
  [[nodiscard]] bool ask(Room& room, Look& look);
  [[nodiscard]] bool answer_challenge(Room& room, const proto::link::UpdateChallenge& challenge,
                                      proto::link::Answer& answer);
  [[nodiscard]] Look take(Room& room);
  [[nodiscard]] Look fetch(Room& room, const model_update::Manifest& manifest);
  [[nodiscard]] bool fetch_piece(Room& room, const model_update::Manifest& manifest, bool& asked_again);
  [[nodiscard]] proto::link::OfferUpdate question(const Room& room) const;
  void wait(std::uint64_t ms);

  const Parts parts_;
  ModelSlots slots_;
  UpdateTrust trust_;
  ModelSlots::Boot boot_;
  bool takes_updates_ = false;
  std::uint32_t asked_at_ms_ = 0;
  std::uint32_t wait_ms_ = 0;  // from then on
};

}  // namespace sotto::board

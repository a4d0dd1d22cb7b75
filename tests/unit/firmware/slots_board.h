// A board that was just switched on: a journal in the first four pages of its flash, and two slots behind it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "support/nor_flash.h"
#include "update/model_slots.h"

namespace sotto::board {

inline constexpr std::uint8_t kSlotsNumber = 5;

struct SlotsBoard {
  SlotsBoard(support::NorFlash& memory, std::uint32_t slot_pages)
      : flash(memory), slots(memory, journal, kSlotsNumber, 4, slot_pages) {
    const Journal::Result opened = journal.open();
    EXPECT_TRUE(opened == Journal::Result::kOk || opened == Journal::Result::kBlank);
    EXPECT_TRUE(slots.open());
  }

  // Takes the update from where it stands, in pieces of so many bytes at most.
  [[nodiscard]] ModelSlots::Result receive(const model_update::Manifest& manifest, Bytes content,
                                           std::size_t piece) {
    using Result = ModelSlots::Result;
    if (!slots.receives(manifest)) {
      if (const Result begun = slots.begin(manifest); begun != Result::kOk) return begun;
    }
    while (slots.received() < content.size()) {
      const Bytes rest = content.subspan(slots.received());
      const Result written = slots.write(rest.first(std::min(piece, rest.size())));
      if (written != Result::kOk) return written;
    }
    return slots.stage();
  }

  support::NorFlash& flash;
  Journal journal{flash, 0, 4};
  ModelSlots slots;
};

}  // namespace sotto::board

// What a board is before it has done anything, as it lies in its flash: key, endorsement, whom it believes,
// its names, and its examples. Written when the board is made (tests/unit/firmware/provision_board.cc), read
// by the application. Freestanding.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "journal/journal.h"
#include "sotto/base/flash.h"
#include "sotto/crypto/secret_bytes.h"
#include "sotto/secagg/identity.h"

namespace sotto::board {

// Of boards whose flash is a file of a host: whatever provisions, runs or emulates them agrees on it.
inline constexpr FlashGeometry kFlashFileGeometry{.pages = 64, .page_bytes = 4096, .word_bytes = 8};
// Pages of the flash that are the journal's: the first ones. Behind them stand the two slots of models.
inline constexpr std::uint32_t kJournalPages = 16;
inline constexpr std::uint32_t kModelSlotPages = 24;
static_assert(kJournalPages + 2 * kModelSlotPages <= kFlashFileGeometry.pages);

// Numbers of values in the journal.
inline constexpr std::uint8_t kEnrolmentNumber = 0;
inline constexpr std::uint8_t kLedgerNumber = 1;
// Examples one after the other: the head's features, int8, and the label, a byte.
inline constexpr std::uint8_t kExamplesNumber = 2;
inline constexpr std::uint8_t kUpdateTrustNumber = 3;  // update_trust.h
inline constexpr std::uint8_t kModelSlotsNumber = 4;   // update/model_slots.h
// The authority's newest bulletin, as it came.
inline constexpr std::uint8_t kBulletinNumber = 5;
// CRC-32 of the model's .tflite file, u32, and behind it: examples as above, of windows with a label; the
// head's parameters, f32, as they were learned here last.
inline constexpr std::uint8_t kCollectedNumber = 6;
inline constexpr std::uint8_t kHeadNumber = 7;

// scalar (32) || endorsement (100) || authority (65) || cohort_min u16 || honest_min u16 ||
// corrupt_fraction_min f32 || id, population, each as u8 length and text
struct Enrolment {
  static constexpr std::size_t kBytesMax = 32 + secagg::kEndorsementBytes + 65 + 8 + 2 * (1 + 64);

  crypto::SecretBytes<crypto::kEs256ScalarBytes> scalar;
  secagg::Endorsement endorsement{};
  crypto::Es256PublicKey authority{};
  std::uint16_t cohort_min = 8;
  std::uint16_t honest_min = 4;
  float corrupt_fraction_min = 0.1f;
  std::array<char, 64> id{};
  std::array<char, 64> population{};
  std::uint8_t id_size = 0;
  std::uint8_t population_size = 0;

  [[nodiscard]] std::string_view id_text() const { return {id.data(), id_size}; }
  [[nodiscard]] std::string_view population_text() const { return {population.data(), population_size}; }
};

// How many bytes of `out` (Enrolment::kBytesMax suffice) it takes.
[[nodiscard]] std::size_t encode_enrolment(const Enrolment& enrolment, MutableBytes out);
// False when the bytes are no enrolment.
[[nodiscard]] bool decode_enrolment(Bytes bytes, Enrolment& enrolment);

}  // namespace sotto::board

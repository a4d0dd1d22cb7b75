// What a board must not forget, as values under small numbers in flash: a log in one of two areas. A value is
// replaced by appending the new one; when an area is full, the newest of each number goes to the other area.
// Freestanding: no heap.
//
//   area    header (magic, generation, checksum; programmed last of all) | record | record | ... | erased
//   record  magic, number, length, checksum | value | checksum of all before | 0xff up to a whole word
//
// A power cut in any operation of the flash leaves the value of before or the new one, whole: an area counts
// once its header is programmed, a record once its last checksum is; the area that counts is never erased.
// What a cut left behind the last whole record is not programmed over: the next value goes to the other area.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sotto/base/bytes.h"
#include "sotto/base/flash.h"

namespace sotto::board {

// Bytes of a value that is nowhere in memory as a whole.
class ValueSource {
 public:
  [[nodiscard]] virtual std::uint32_t size() const = 0;
  // The next bytes, from the first one on: all of `out`. False when they cannot be had, or are not what they
  // should be.
  [[nodiscard]] virtual bool next(MutableBytes out) = 0;

 protected:
  ~ValueSource() = default;
};

class Journal {
 public:
  static constexpr std::uint8_t kNumbers = 8;  // values have numbers below this

  enum class Result : std::uint8_t {
    kOk,
    kBlank,   // open(): no area counts, as in a memory that was never used. put() makes one
    kFull,    // the values are larger than an area; nothing was changed
    kFlash,   // the memory failed: the value may be the old or the new one. open() says which
    kSource,  // put(): its source failed; the value is the old one
  };

  // Pages first_page .. first_page + pages - 1 of the flash, which must outlive this; `pages` is even.
  // Requires that they lie in the flash. open() comes next.
  Journal(Flash& flash, std::uint32_t first_page, std::uint32_t pages);

  // Finds what the last power cut left. Changes nothing in the flash.
  [[nodiscard]] Result open();
  // Durable when it returns kOk. An empty value removes what was there.
  [[nodiscard]] Result put(std::uint8_t number, Bytes value);
  [[nodiscard]] Result put(std::uint8_t number, ValueSource& value);
  // Of the value in bytes; 0: there is none.
  [[nodiscard]] std::uint32_t size(std::uint8_t number) const { return places_[number].bytes; }
  // Part of the value, whose size the caller knows. False when the memory fails.
  [[nodiscard]] bool read(std::uint8_t number, std::uint32_t offset, MutableBytes out) const;

 private:
  struct Place {
    std::uint32_t offset = 0;  // of the value, in the flash
    std::uint32_t bytes = 0;   // 0: absent
  };
  class Appender;

  [[nodiscard]] std::uint32_t area_start(std::uint32_t area) const;
  [[nodiscard]] std::uint32_t record_bytes(std::uint32_t value_bytes) const;
  [[nodiscard]] std::uint32_t header_bytes() const;
  [[nodiscard]] bool read_header(std::uint32_t area, std::uint32_t& generation) const;
  [[nodiscard]] bool scan();
  [[nodiscard]] bool take_record(std::uint32_t offset, std::uint32_t& next, bool& whole);
  [[nodiscard]] bool value_is_whole(std::uint32_t offset, std::uint32_t value_bytes, bool& whole) const;
  [[nodiscard]] bool is_erased(std::uint32_t from, std::uint32_t to, bool& erased) const;
  [[nodiscard]] Result move(std::uint8_t number, ValueSource& value);
  [[nodiscard]] bool copy_record(std::uint8_t number, Appender& appender) const;
  [[nodiscard]] bool begin_area(std::uint32_t area, std::uint32_t generation);

  Flash& flash_;
  const FlashGeometry geometry_;
  const std::uint32_t first_page_;
  const std::uint32_t area_pages_;
  std::uint32_t area_ = 0;
  std::uint32_t generation_ = 0;  // of the area that counts; 0: none does
  std::uint32_t end_ = 0;         // where the next record goes, in the flash
  bool clean_ = false;            // whether everything from there to the area's end is erased
  std::array<Place, kNumbers> places_{};
};

}  // namespace sotto::board

#include "journal.h"

#include <algorithm>
#include <cstring>

#include "sotto/base/check.h"
#include "sotto/proto/link_frame.h"

namespace sotto::board {
namespace {

constexpr std::uint32_t kAreaMagic = 0x314a4253;  // "SBJ1"
constexpr std::uint8_t kRecordMagic = 0x5a;
constexpr std::uint32_t kAreaHeaderBytes = 12;
constexpr std::uint32_t kRecordHeaderBytes = 12;
constexpr std::uint32_t kChecksumBytes = 4;
constexpr std::uint32_t kChunkBytes = 64;  // read and programmed at a time
static_assert(kChunkBytes % kFlashWordBytesMax == 0);

using RecordHeader = std::array<std::uint8_t, kRecordHeaderBytes>;

RecordHeader record_header(std::uint8_t number, std::uint32_t bytes) {
  RecordHeader header{kRecordMagic, number, 0, 0};
  store_le(header.data() + 4, bytes);
  store_le(header.data() + 8, proto::crc32c(Bytes(header).first(8)));
  return header;
}

std::uint32_t rounded_up(std::uint32_t bytes, std::uint32_t word) { return (bytes + word - 1) / word * word; }

class InMemory final : public ValueSource {
 public:
  explicit InMemory(Bytes value) : value_(value) {}
  [[nodiscard]] std::uint32_t size() const override { return static_cast<std::uint32_t>(value_.size()); }
  [[nodiscard]] bool next(MutableBytes out) override {
    std::copy_n(value_.begin() + static_cast<std::ptrdiff_t>(at_), out.size(), out.begin());
    at_ += out.size();
    return true;
  }

 private:
  const Bytes value_;
  std::size_t at_ = 0;
};

}  // namespace

// Bytes into words: programs whole chunks, and keeps the checksum of what it was given.
class Journal::Appender {
 public:
  Appender(Flash& flash, std::uint32_t offset) : flash_(flash), offset_(offset) {}

  [[nodiscard]] bool add(Bytes bytes) {
    crc_ = proto::crc32c(bytes, crc_);
    while (!bytes.empty()) {
      const std::size_t count = std::min(bytes.size(), chunk_.size() - filled_);
      std::copy_n(bytes.begin(), count, chunk_.begin() + static_cast<std::ptrdiff_t>(filled_));
      filled_ += count;
      bytes = bytes.subspan(count);
      if (filled_ == chunk_.size() && !flush(chunk_.size())) return false;
    }
    return true;
  }
  // The checksum of everything so far.
  [[nodiscard]] bool add_checksum() {
    std::array<std::uint8_t, kChecksumBytes> bytes;
    store_le(bytes.data(), crc_);
    return add(bytes);
  }
  [[nodiscard]] bool finish(std::uint32_t word_bytes) {
    const std::size_t whole = rounded_up(static_cast<std::uint32_t>(filled_), word_bytes);
    std::fill(chunk_.begin() + static_cast<std::ptrdiff_t>(filled_),
              chunk_.begin() + static_cast<std::ptrdiff_t>(whole), kErasedByte);
    return whole == 0 || flush(whole);
  }
  [[nodiscard]] Result add_record(std::uint8_t number, ValueSource& value, std::uint32_t word_bytes) {
    if (!add(record_header(number, value.size()))) return Result::kFlash;
    std::array<std::uint8_t, kChunkBytes> part;
    for (std::uint32_t left = value.size(); left > 0;) {
      const MutableBytes here = MutableBytes(part).first(std::min(left, kChunkBytes));
      if (!value.next(here)) return Result::kSource;
      if (!add(here)) return Result::kFlash;
      left -= static_cast<std::uint32_t>(here.size());
    }
    return add_checksum() && finish(word_bytes) ? Result::kOk : Result::kFlash;
  }
  // Where the next word goes.
  [[nodiscard]] std::uint32_t offset() const { return offset_; }

 private:
  [[nodiscard]] bool flush(std::size_t count) {
    const bool ok = flash_.program(offset_, Bytes(chunk_).first(count));
    offset_ += static_cast<std::uint32_t>(count);
    filled_ = 0;
    return ok;
  }

  Flash& flash_;
  std::uint32_t offset_;
  std::uint32_t crc_ = 0;
  std::array<std::uint8_t, kChunkBytes> chunk_{};
  std::size_t filled_ = 0;
};

Journal::Journal(Flash& flash, std::uint32_t first_page, std::uint32_t pages)
    : flash_(flash), geometry_(flash.geometry()), first_page_(first_page), area_pages_(pages / 2) {
  SOTTO_CHECK(pages >= 2 && pages % 2 == 0 && first_page <= geometry_.pages &&
              pages <= geometry_.pages - first_page);
  SOTTO_CHECK(geometry_.word_bytes >= 1 && geometry_.word_bytes <= kFlashWordBytesMax);
  SOTTO_CHECK(area_pages_ * geometry_.page_bytes > header_bytes());
}

std::uint32_t Journal::area_start(std::uint32_t area) const {
  return (first_page_ + area * area_pages_) * geometry_.page_bytes;
}
std::uint32_t Journal::header_bytes() const { return rounded_up(kAreaHeaderBytes, geometry_.word_bytes); }
std::uint32_t Journal::record_bytes(std::uint32_t value_bytes) const {
  return rounded_up(kRecordHeaderBytes + value_bytes + kChecksumBytes, geometry_.word_bytes);
}

bool Journal::read_header(std::uint32_t area, std::uint32_t& generation) const {
  generation = 0;
  std::array<std::uint8_t, kAreaHeaderBytes> header;
  if (!flash_.read(area_start(area), header)) return false;
  const bool counts = load_le<std::uint32_t>(header.data()) == kAreaMagic &&
                      load_le<std::uint32_t>(header.data() + 8) == proto::crc32c(Bytes(header).first(8));
  if (counts) generation = load_le<std::uint32_t>(header.data() + 4);
  return true;
}

Journal::Result Journal::open() {
  places_ = {};
  generation_ = 0;
  for (std::uint32_t area = 0; area < 2; ++area) {
    std::uint32_t generation = 0;
    if (!read_header(area, generation)) return Result::kFlash;
    if (generation > generation_) generation_ = generation, area_ = area;
  }
  if (generation_ == 0) return Result::kBlank;
  return scan() ? Result::kOk : Result::kFlash;
}

bool Journal::scan() {
  const std::uint32_t area_end = area_start(area_) + area_pages_ * geometry_.page_bytes;
  end_ = area_start(area_) + header_bytes();
  for (bool whole = true; whole && area_end - end_ >= record_bytes(0);) {
    std::uint32_t next = end_;
    if (!take_record(end_, next, whole)) return false;
    end_ = next;
  }
  return is_erased(end_, area_end, clean_);
}

// `whole` says whether there is one; `next` is then where the one after it begins.
bool Journal::take_record(std::uint32_t offset, std::uint32_t& next, bool& whole) {
  const std::uint32_t area_end = area_start(area_) + area_pages_ * geometry_.page_bytes;
  RecordHeader header;
  if (!flash_.read(offset, header)) return false;
  const std::uint8_t number = header[1];
  const auto bytes = load_le<std::uint32_t>(header.data() + 4);
  whole = number < kNumbers && header == record_header(number, bytes) && bytes <= area_end - offset &&
          record_bytes(bytes) <= area_end - offset;
  if (!whole) return true;
  if (!value_is_whole(offset, bytes, whole)) return false;
  if (!whole) return true;
  places_[number] = {.offset = offset + kRecordHeaderBytes, .bytes = bytes};
  next = offset + record_bytes(bytes);
  return true;
}

bool Journal::value_is_whole(std::uint32_t offset, std::uint32_t value_bytes, bool& whole) const {
  std::uint32_t crc = 0;
  std::array<std::uint8_t, kChunkBytes> chunk;
  for (std::uint32_t left = kRecordHeaderBytes + value_bytes; left > 0;) {
    const std::uint32_t count = std::min(left, kChunkBytes);
    if (!flash_.read(offset, MutableBytes(chunk).first(count))) return false;
    crc = proto::crc32c(Bytes(chunk).first(count), crc);
    offset += count;
    left -= count;
  }
  if (!flash_.read(offset, MutableBytes(chunk).first(kChecksumBytes))) return false;
  whole = load_le<std::uint32_t>(chunk.data()) == crc;
  return true;
}

bool Journal::is_erased(std::uint32_t from, std::uint32_t to, bool& erased) const {
  erased = true;
  std::array<std::uint8_t, kChunkBytes> chunk;
  while (from < to && erased) {
    const MutableBytes part = MutableBytes(chunk).first(std::min(to - from, kChunkBytes));
    if (!flash_.read(from, part)) return false;
    erased = std::ranges::all_of(part, [](std::uint8_t byte) { return byte == kErasedByte; });
    from += static_cast<std::uint32_t>(part.size());
  }
  return true;
}

bool Journal::read(std::uint8_t number, std::uint32_t offset, MutableBytes out) const {
  SOTTO_CHECK(number < kNumbers && offset <= places_[number].bytes &&
              out.size() <= places_[number].bytes - offset);
  return out.empty() || flash_.read(places_[number].offset + offset, out);
}

Journal::Result Journal::put(std::uint8_t number, Bytes value) {
  InMemory source(value);
  return put(number, source);
}

Journal::Result Journal::put(std::uint8_t number, ValueSource& value) {
  SOTTO_CHECK(number < kNumbers);
  const std::uint32_t area_bytes = area_pages_ * geometry_.page_bytes;
  const std::uint32_t bytes = value.size();
  if (bytes > area_bytes) return Result::kFull;
  const std::uint32_t left = generation_ == 0 ? 0 : area_start(area_) + area_bytes - end_;
  if (!clean_ || record_bytes(bytes) > left) return move(number, value);
  clean_ = false;  // until the record is whole
  Appender appender(flash_, end_);
  const Result written = appender.add_record(number, value, geometry_.word_bytes);
  if (written != Result::kOk) return written;
  bool whole = false;
  if (!take_record(end_, end_, whole) || !whole) return Result::kFlash;
  clean_ = true;
  return Result::kOk;
}

// The newest values and this one, in the other area; its header, last, makes it the one that counts.
Journal::Result Journal::move(std::uint8_t number, ValueSource& value) {
  std::uint64_t needed = header_bytes();
  for (std::uint8_t other = 0; other < kNumbers; ++other) {
    const std::uint32_t bytes = other == number ? value.size() : places_[other].bytes;
    if (bytes > 0) needed += record_bytes(bytes);
  }
  if (needed > std::uint64_t{area_pages_} * geometry_.page_bytes) return Result::kFull;
  const std::uint32_t area = generation_ == 0 ? 0 : 1 - area_;
  for (std::uint32_t page = 0; page < area_pages_; ++page) {
    if (!flash_.erase(first_page_ + area * area_pages_ + page)) return Result::kFlash;
  }
  std::uint32_t end = area_start(area) + header_bytes();
  for (std::uint8_t other = 0; other < kNumbers; ++other) {
    const std::uint32_t bytes = other == number ? value.size() : places_[other].bytes;
    if (bytes == 0) continue;
    Appender appender(flash_, end);
    Result written = Result::kOk;
    if (other == number) {
      written = appender.add_record(number, value, geometry_.word_bytes);
    } else if (!copy_record(other, appender)) {
      written = Result::kFlash;
    }
    if (written != Result::kOk) return written;
    end = appender.offset();
  }
  if (!begin_area(area, generation_ + 1)) return Result::kFlash;
  return open();
}

bool Journal::copy_record(std::uint8_t number, Appender& appender) const {
  const std::uint32_t bytes = places_[number].bytes;
  if (!appender.add(record_header(number, bytes))) return false;
  std::array<std::uint8_t, kChunkBytes> chunk;
  for (std::uint32_t done = 0; done < bytes;) {
    const MutableBytes part = MutableBytes(chunk).first(std::min(bytes - done, kChunkBytes));
    if (!read(number, done, part) || !appender.add(part)) return false;
    done += static_cast<std::uint32_t>(part.size());
  }
  return appender.add_checksum() && appender.finish(geometry_.word_bytes);
}

bool Journal::begin_area(std::uint32_t area, std::uint32_t generation) {
  std::array<std::uint8_t, kAreaHeaderBytes> header;
  store_le(header.data(), kAreaMagic);
  store_le(header.data() + 4, generation);
  store_le(header.data() + 8, proto::crc32c(Bytes(header).first(8)));
  Appender appender(flash_, area_start(area));
  return appender.add(header) && appender.finish(geometry_.word_bytes);
}

}  // namespace sotto::board

#include "update/model_slots.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "sotto/base/check.h"

namespace sotto::board {
namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::uint32_t kReadBytes = 256;  // at a time, on the stack

}  // namespace

ModelSlots::ModelSlots(Flash& flash, Journal& journal, std::uint8_t number, std::uint32_t first_page,
                       std::uint32_t slot_pages)
    : flash_(flash),
      journal_(journal),
      geometry_(flash.geometry()),
      number_(number),
      first_page_(first_page),
      slot_pages_(slot_pages) {
  SOTTO_CHECK(slot_pages > 0 && first_page <= geometry_.pages);
  SOTTO_CHECK(slot_pages <= (geometry_.pages - first_page) / 2 && number < Journal::kNumbers);
}

std::uint32_t ModelSlots::offset_of(std::uint32_t slot) const {
  return (first_page_ + slot * slot_pages_) * geometry_.page_bytes;
}

bool ModelSlots::open() {
  state_ = {};
  if (journal_.size(number_) == 0) return true;
  std::array<std::uint8_t, kStateBytes> bytes;
  if (journal_.size(number_) != bytes.size() || !journal_.read(number_, 0, bytes)) return false;
  ByteReader in(bytes);
  State state;
  const std::uint8_t version = in.u8();
  const std::uint8_t phase = in.u8();
  state.active = in.u8();
  state.trials = in.u8();
  state.sequence = in.u64();
  state.received = in.u32();
  for (Slot& slot : state.slots) {
    slot.sequence = in.u64();
    slot.size = in.u32();
    in.copy(slot.digest);
    slot.self_tests = in.u8();
    in.copy(slot.self_test_outputs);
  }
  const bool known = version == kVersion && phase <= static_cast<std::uint8_t>(Phase::kTrial);
  const bool fits = state.slots[0].size <= slot_bytes() && state.slots[1].size <= slot_bytes();
  if (!in.finished() || !known || !fits || state.active > kNone) return false;
  state.phase = static_cast<Phase>(phase);
  if (state.received > state.slots[state.active == 0 ? 1 : 0].size) return false;
  state_ = state;
  return true;
}

bool ModelSlots::keep(const State& state) {
  std::array<std::uint8_t, kStateBytes> bytes;
  ByteWriter out(bytes);
  out.u8(kVersion);
  out.u8(static_cast<std::uint8_t>(state.phase));
  out.u8(state.active);
  out.u8(state.trials);
  out.u64(state.sequence);
  out.u32(state.received);
  for (const Slot& slot : state.slots) {
    out.u64(slot.sequence);
    out.u32(slot.size);
    out.bytes(slot.digest);
    out.u8(slot.self_tests);
    out.bytes(slot.self_test_outputs);
  }
  SOTTO_CHECK(out.ok() && out.written() == bytes.size());
  if (journal_.put(number_, bytes) != Journal::Result::kOk) return false;
  state_ = state;
  return true;
}

bool ModelSlots::receives(const model_update::Manifest& manifest) const {
  const Slot& slot = state_.slots[target()];
  return state_.phase == Phase::kReceiving && slot.sequence == manifest.sequence &&
         slot.size == manifest.size && slot.digest == manifest.digest &&
         slot.self_tests == manifest.self_tests && slot.self_test_outputs == manifest.self_test_outputs;
}

ModelSlots::Result ModelSlots::begin(const model_update::Manifest& manifest) {
  if (state_.phase == Phase::kTrial) return Result::kWrongPhase;
  if (manifest.sequence <= state_.sequence) return Result::kStale;
  if (manifest.size == 0 || manifest.size > slot_bytes()) return Result::kTooLarge;
  if (manifest.self_tests > model_update::kSelfTestsMax) return Result::kTooLarge;
  State next = state_;
  next.phase = Phase::kReceiving;
  next.received = 0;
  next.slots[target()] = {manifest.sequence, manifest.size, manifest.digest,
                          static_cast<std::uint8_t>(manifest.self_tests), manifest.self_test_outputs};
  return keep(next) ? Result::kOk : Result::kFlash;
}

// Within a page. Erases it first when this is its beginning.
bool ModelSlots::write_part(Bytes part) {
  State next = state_;
  const std::uint32_t at = offset_of(target()) + next.received;
  if (at % geometry_.page_bytes == 0 && !flash_.erase(at / geometry_.page_bytes)) return false;
  const std::size_t whole = part.size() - part.size() % geometry_.word_bytes;
  if (whole != 0 && !flash_.program(at, part.first(whole))) return false;
  if (whole != part.size()) {
    std::array<std::uint8_t, kFlashWordBytesMax> last;
    last.fill(kErasedByte);
    std::memcpy(last.data(), part.data() + whole, part.size() - whole);
    const auto offset = static_cast<std::uint32_t>(at + whole);
    if (!flash_.program(offset, Bytes(last).first(geometry_.word_bytes))) return false;
  }
  next.received += static_cast<std::uint32_t>(part.size());
  const bool page_ends = next.received % geometry_.page_bytes == 0;
  if (page_ends || next.received == next.slots[target()].size) return keep(next);
  state_ = next;
  return true;
}

ModelSlots::Result ModelSlots::write(Bytes bytes) {
  if (state_.phase != Phase::kReceiving) return Result::kWrongPhase;
  const std::uint32_t left = state_.slots[target()].size - state_.received;
  if (bytes.size() > left) return Result::kTooLarge;
  if (bytes.size() != left && bytes.size() % geometry_.word_bytes != 0) return Result::kUneven;
  while (!bytes.empty()) {
    const std::uint32_t room = geometry_.page_bytes - state_.received % geometry_.page_bytes;
    const std::size_t part = std::min<std::size_t>(room, bytes.size());
    if (!write_part(bytes.first(part))) {
      // Words of this page may be programmed: it is erased again.
      state_.received -= state_.received % geometry_.page_bytes;
      return Result::kFlash;
    }
    bytes = bytes.subspan(part);
  }
  return Result::kOk;
}

bool ModelSlots::digest_of(std::uint32_t slot, crypto::Digest& digest) const {
  crypto::Sha256 hash;
  std::array<std::uint8_t, kReadBytes> buffer;
  std::uint32_t done = 0;
  while (done < state_.slots[slot].size) {
    const std::uint32_t count = std::min(kReadBytes, state_.slots[slot].size - done);
    const MutableBytes part = MutableBytes(buffer).first(count);
    if (!flash_.read(offset_of(slot) + done, part)) return false;
    hash.update(part);
    done += count;
  }
  digest = hash.finish();
  return true;
}

bool ModelSlots::is_whole(std::uint32_t slot, bool& whole) const {
  crypto::Digest digest;
  if (!digest_of(slot, digest)) return false;
  whole = state_.slots[slot].size != 0 && digest == state_.slots[slot].digest;
  return true;
}

ModelSlots::Result ModelSlots::stage() {
  if (state_.phase != Phase::kReceiving) return Result::kWrongPhase;
  if (state_.received != state_.slots[target()].size) return Result::kIncomplete;
  bool whole = false;
  if (!is_whole(target(), whole)) return Result::kFlash;
  if (!whole) {
    const Result dropped = revert();
    return dropped == Result::kOk ? Result::kWrongDigest : dropped;
  }
  State next = state_;
  next.phase = Phase::kStaged;
  next.trials = 0;
  next.sequence = next.slots[target()].sequence;
  return keep(next) ? Result::kOk : Result::kFlash;
}

ModelSlots::Result ModelSlots::boot(Boot& boot) {
  boot = {};
  if (state_.phase == Phase::kStaged || state_.phase == Phase::kTrial) {
    bool whole = false;
    if (!is_whole(target(), whole)) return Result::kFlash;
    if (whole && state_.trials < kTrialsMax) {
      // Counted before it runs: a model that stops the board is left in the end.
      State next = state_;
      next.phase = Phase::kTrial;
      ++next.trials;
      if (!keep(next)) return Result::kFlash;
      boot = boot_of(target());
      boot.trial = true;
      return Result::kOk;
    }
    const Result reverted = revert();
    if (reverted != Result::kOk) return reverted;
    boot.reverted = true;
  }
  return boot_confirmed(boot);
}

ModelSlots::Result ModelSlots::boot_confirmed(Boot& boot) {
  if (state_.active == kNone) return Result::kOk;
  bool whole = false;
  if (!is_whole(state_.active, whole)) return Result::kFlash;
  if (!whole && state_.phase == Phase::kIdle) {
    // Its cells have failed. What was confirmed before it may still be there.
    if (!is_whole(target(), whole)) return Result::kFlash;
    if (whole) {
      State next = state_;
      next.active = static_cast<std::uint8_t>(target());
      next.slots[state_.active] = {};
      if (!keep(next)) return Result::kFlash;
      boot.reverted = true;
    }
  }
  if (!whole) return Result::kOk;
  const bool reverted = boot.reverted;
  boot = boot_of(state_.active);
  boot.reverted = reverted;
  return Result::kOk;
}

ModelSlots::Boot ModelSlots::boot_of(std::uint32_t slot) const {
  const Slot& content = state_.slots[slot];
  return {.slot = slot,
          .offset = offset_of(slot),
          .size = content.size,
          .self_tests = content.self_tests,
          .self_test_outputs = content.self_test_outputs};
}

ModelSlots::Result ModelSlots::confirm() {
  if (state_.phase != Phase::kTrial) return Result::kWrongPhase;
  State next = state_;
  next.phase = Phase::kIdle;
  next.active = static_cast<std::uint8_t>(target());
  next.trials = 0;
  next.received = 0;
  return keep(next) ? Result::kOk : Result::kFlash;
}

ModelSlots::Result ModelSlots::revert() {
  if (state_.phase == Phase::kIdle) return Result::kWrongPhase;
  State next = state_;
  next.phase = Phase::kIdle;
  next.slots[target()] = {};
  next.trials = 0;
  next.received = 0;
  return keep(next) ? Result::kOk : Result::kFlash;
}

}  // namespace sotto::board

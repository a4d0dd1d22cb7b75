// What the devices of an experiment and its coordinator said to one another, as one SHA-256: two runs with
// equal transcripts exchanged the same bytes.
//
//   transcript = SHA-256("sotto transcript 1" || visit || visit || ...)
//   visit      = round (u32) || device (u64) || number of messages (u64) || SHA-256(message || ...)
//   message    = direction (1: to the coordinator, 2: back) || kind (1) || length (u64) || bytes on the wire
//
// Integers are little-endian. Visits stand by round, those of a round by the device's number. A visit is one
// device's stay in one round, its messages in the order in which the device sent and received them: by step,
// each request before its reply. So the transcript does not depend on which visits ran at the same time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sotto/base/result.h"
#include "sotto/client/transport.h"
#include "sotto/crypto/primitives.h"

namespace sotto::simulation {

class VisitTranscript {
 public:
  void sent(const client::Request& request);
  void received(const Result<client::Reply>& reply);
  struct Total {
    std::uint64_t messages = 0;
    crypto::Digest digest{};
  };
  // May be called once.
  [[nodiscard]] Total finish();

 private:
  enum class Direction : std::uint8_t { kToCoordinator = 1, kToDevice = 2 };
  void add(Direction direction, std::uint8_t kind, Bytes bytes);

  crypto::Sha256 hash_;
  std::uint64_t messages_ = 0;
};

class Transcript {
 public:
  Transcript();
  // In ascending order of (round, device).
  void add(std::uint32_t round, std::size_t device, const VisitTranscript::Total& visit);
  // May be called once.
  [[nodiscard]] crypto::Digest finish() { return hash_.finish(); }

 private:
  crypto::Sha256 hash_;
};

}  // namespace sotto::simulation

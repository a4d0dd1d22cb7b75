// What the machine allows a secure session: the primitives alone, through EVP, with nothing around them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <vector>

#include "sotto/crypto/primitives.h"

namespace sotto::bench {

// Processor seconds of the calling thread: what one core takes, whoever else wants it meanwhile.
template <typename Work>
double processor_seconds_of(Work&& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  work();
  return now() - start;
}

// Processor seconds for the raw keystream of `streams` keys, `bytes` each, in a first-level cache.
[[nodiscard]] double keystream_seconds(crypto::Prg prg, std::size_t streams, std::size_t bytes);
// Processor seconds for `count` X25519 agreements of one key object with one peer.
[[nodiscard]] double agreement_seconds(std::size_t count);
// Processor seconds to verify one ES256 signature `count` times, with a key that is ready.
[[nodiscard]] double verification_seconds(std::size_t count);
// Processor seconds to add all vectors to one of their size, 64 bits at a time.
[[nodiscard]] double addition_seconds(const std::vector<std::vector<std::uint8_t>>& vectors);

}  // namespace sotto::bench

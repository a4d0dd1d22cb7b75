// A host in the place of a board: its entropy is the operating system's. A test may have it fail, or stop.
#include "host_entropy.h"

#include <sys/random.h>

#include <cstring>

#include "sotto/crypto/entropy.h"

namespace sotto::crypto {

Entropy entropy_of_this_host = Entropy::kWorks;

}  // namespace sotto::crypto

int sotto_board_entropy(std::uint8_t* out, std::size_t count) {
  using sotto::crypto::Entropy;
  if (sotto::crypto::entropy_of_this_host == Entropy::kFails) return 0;
  if (sotto::crypto::entropy_of_this_host == Entropy::kStuck) {
    std::memset(out, 0xa5, count);
    return 1;
  }
  return getentropy(out, count) == 0 ? 1 : 0;
}

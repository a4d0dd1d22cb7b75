// Decoders of the secure session's messages on their own: advertise, roster, shares. The participant's use of
// roster, delivery and unmask request is participant_fuzz's.
#include <array>
#include <vector>

#include "fuzz_input.h"
#include "sotto/base/check.h"
#include "sotto/base/limits.h"
#include "sotto/secagg/shamir.h"
#include "sotto/secagg/wire.h"

namespace {

using namespace sotto;
using namespace sotto::secagg;

void advertise(fuzz::FuzzInput& input) {
  std::vector<std::uint8_t> message(kAdvertiseBytes, 0x11);
  fuzz::mutate(input, message);
  AdvertisedKeys keys;
  const Rejection rejection = decode_advertise(message, keys);
  SOTTO_CHECK(accepted(rejection) == (message.size() == kAdvertiseBytes));
  if (!accepted(rejection)) return;
  std::array<std::uint8_t, kAdvertiseBytes> again{};
  encode_advertise(keys, again);
  SOTTO_CHECK(std::equal(again.begin(), again.end(), message.begin()));
}

std::vector<std::uint8_t> valid_roster(std::uint16_t participants) {
  std::vector<std::uint8_t> entries(participants * kAdvertiseBytes);
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i] = static_cast<std::uint8_t>(i * 37 + i / 64);
  const Roster roster{.ring_bits = 16,
                      .graph = {.participants = participants,
                                .neighbours = static_cast<std::uint16_t>(participants - 1),
                                .threshold = static_cast<std::uint16_t>(participants / 2 + 1)},
                      .entries = entries};
  std::vector<std::uint8_t> message(roster_bytes(participants));
  encode_roster(roster, message);
  return message;
}

void roster(fuzz::FuzzInput& input) {
  std::vector<std::uint8_t> message = valid_roster(static_cast<std::uint16_t>(3 + input.below(6)));
  fuzz::mutate(input, message);
  Roster roster;
  if (!accepted(decode_roster(message, roster))) return;
  std::vector<std::uint8_t> again(roster_bytes(roster.graph.participants));
  encode_roster(roster, again);
  SOTTO_CHECK(again == message);
  const crypto::Digest root = roster_root(roster);
  const auto [participants, neighbours, threshold] = roster.graph;
  if (participants == 0 || participants > limits::kParticipantsMax) return;
  const auto last = static_cast<std::uint16_t>(participants - 1);
  static_cast<void>(roster.keys_of({last}));
  std::vector<std::uint16_t> order(participants);
  permute(graph_seed(roster, root), order);
  if (neighbours != last && (neighbours % 2 != 0 || neighbours > last)) return;
  std::vector<std::uint16_t> list(neighbours);
  neighbours_of({last}, order, list);
  SOTTO_CHECK(std::is_sorted(list.begin(), list.end()));
}

// Shares from anybody: they combine to a seed or are refused; nothing else happens.
void shares(fuzz::FuzzInput& input) {
  Seed secret;
  secret.reveal_mutable()[0] = 1;
  crypto::SeededRandom random(std::uint64_t{4});
  const std::size_t threshold = 1 + input.below(6);
  SeedSharing sharing(secret, threshold, random);
  std::vector<std::uint32_t> xs;
  std::vector<Share> held;
  bool sound = true;
  for (std::uint32_t i = 0; i < threshold; ++i) {
    std::uint32_t x = i + 1;
    if (input.chance(16)) x = static_cast<std::uint32_t>(input.u64());
    const Share honest = sharing.share_at(i + 1);
    std::vector<std::uint8_t> bytes(honest.begin(), honest.end());
    sound = sound && !fuzz::mutate(input, bytes) && x == i + 1;
    bytes.resize(kShareBytes);
    xs.push_back(x);
    std::copy(bytes.begin(), bytes.end(), held.emplace_back().begin());
  }
  std::vector<std::uint64_t> weights(threshold);
  const bool distinct = lagrange_at_zero(xs, weights);
  Seed rebuilt;
  const bool combined = distinct && combine_shares(held, weights, rebuilt);
  if (sound) SOTTO_CHECK(combined && rebuilt == secret);
  if (distinct && !combined) SOTTO_CHECK(rebuilt == Seed());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::FuzzInput input(data, size);
  switch (input.below(3)) {
    case 0:
      roster(input);
      break;
    case 1:
      shares(input);
      break;
    default:
      advertise(input);
      break;
  }
  return 0;
}

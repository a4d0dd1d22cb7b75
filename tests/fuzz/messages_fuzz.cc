// Decoders of the secure session's messages on their own: join, roster, shares, packed vectors,
// an authority's bulletin. The participant's use of roster, delivery and requests is participant_fuzz's.
#include <array>
#include <vector>

#include "fuzz_input.h"
#include "sotto/base/check.h"
#include "sotto/base/limits.h"
#include "sotto/secagg/shamir.h"
#include "sotto/secagg/wire.h"
#include "support/bulletins.h"
#include "support/enrolment.h"

namespace {

using namespace sotto;
using namespace sotto::secagg;

Adversary any_adversary(fuzz::FuzzInput& input) {
  return input.chance(128) ? Adversary::kSemiMalicious : Adversary::kCurious;
}

void join(fuzz::FuzzInput& input) {
  const Adversary adversary = any_adversary(input);
  std::vector<std::uint8_t> message(join_bytes(adversary), 0x11);
  fuzz::mutate(input, message);
  JoinMessage join;
  const Rejection rejection = decode_join(message, adversary, join);
  SOTTO_CHECK(accepted(rejection) == (message.size() == join_bytes(adversary)));
  if (!accepted(rejection)) return;
  std::vector<std::uint8_t> again(message.size());
  encode_advertise(join.keys, std::span(again).first<kAdvertiseBytes>());
  if (is_signed(adversary)) {
    encode_credential(join.credential, std::span(again).subspan(kAdvertiseBytes).first<kCredentialBytes>());
  }
  SOTTO_CHECK(again == message);
}

std::vector<std::uint8_t> counting(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 37 + i / 64);
  return bytes;
}

std::vector<std::uint8_t> valid_roster(std::uint16_t participants, Adversary adversary) {
  const GraphParameters graph{.participants = participants,
                              .neighbours = static_cast<std::uint16_t>(participants - 1),
                              .threshold = static_cast<std::uint16_t>(participants / 2 + 1)};
  const std::vector<std::uint8_t> entries = counting(participants * entry_bytes(adversary));
  const std::vector<std::uint8_t> credentials =
      counting(is_signed(adversary) ? graph.neighbours * kCredentialBytes : 0);
  const Roster roster{.adversary = adversary,
                      .ring_bits = 16,
                      .graph = graph,
                      .entries = entries,
                      .credentials = credentials};
  std::vector<std::uint8_t> message(roster_bytes(adversary, graph));
  encode_roster(roster, message);
  return message;
}

void roster(fuzz::FuzzInput& input) {
  const auto size = static_cast<std::uint16_t>(3 + input.below(6));
  std::vector<std::uint8_t> message = valid_roster(size, any_adversary(input));
  fuzz::mutate(input, message);
  Roster roster;
  if (!accepted(decode_roster(message, roster))) return;
  std::vector<std::uint8_t> again(roster_bytes(roster.adversary, roster.graph));
  encode_roster(roster, again);
  SOTTO_CHECK(again == message);
  const crypto::Digest root = roster_root(roster);
  const auto [participants, neighbours, threshold] = roster.graph;
  if (participants == 0 || participants > limits::kParticipantsMax) return;
  const auto last = static_cast<std::uint16_t>(participants - 1);
  static_cast<void>(roster.keys_of({last}));
  if (is_signed(roster.adversary)) {
    SOTTO_CHECK(roster.identity_of({last}).size() == kIdentityBytes);
    if (neighbours > 0) static_cast<void>(roster.credential_of_rank(neighbours - 1u));
  }
  std::vector<std::uint16_t> order(participants);
  permute(graph_seed(roster, root), order);
  if (neighbours != last && (neighbours % 2 != 0 || neighbours > last)) return;
  std::vector<std::uint16_t> list(neighbours);
  neighbours_of({last}, order, list);
  SOTTO_CHECK(std::is_sorted(list.begin(), list.end()));
}

// A bulletin from anybody: what does not decode, or was not signed, changes nobody's trust.
void bulletin(fuzz::FuzzInput& input) {
  KeySigner& authority = fleet_authority();
  static KeySigner newer(numbered_key(1));
  static const Rotation rotation = rotate(authority, newer, 3);
  static const std::vector<std::uint8_t> sound =
      signed_bulletin(newer, {.rotations = {rotation}, .edition = 7, .revoked = {crypto::Digest{}}});
  std::vector<std::uint8_t> message = sound;
  fuzz::mutate(input, message);
  Trust trust = authority.public_key();
  if (take_bulletin(message, trust) == BulletinVerdict::kTaken) {
    SOTTO_CHECK(message == sound && trust.authority == newer.public_key() && trust.edition == 7);
    return;
  }
  SOTTO_CHECK(message != sound && trust.authority == authority.public_key() && trust.edition == 0);
}

// A vector as it travels, from anybody: added bit by bit as sent, or refused without a trace.
void packed_vector(fuzz::FuzzInput& input) {
  const std::size_t participants = input.chance(128) ? 3 + input.below(255) : 258 + input.below(767);
  const RingLayout layout(participants, 1 + input.below(600), Packing::kBits);
  std::vector<std::uint8_t> ring = counting(layout.byte_count());
  ring.resize(ring_pack(layout, ring).size());
  const std::vector<std::uint8_t> sound = ring;
  fuzz::mutate(input, ring);
  std::vector<std::uint8_t> sum(layout.byte_count(), 0);
  if (!accepted(ring_add_message(layout, sum, ring))) {
    SOTTO_CHECK(ring != sound && std::all_of(sum.begin(), sum.end(), [](std::uint8_t b) { return b == 0; }));
    return;
  }
  sum.resize(ring_pack(layout, sum).size());
  SOTTO_CHECK(sum == ring);
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
  switch (input.below(5)) {
    case 0:
      roster(input);
      break;
    case 1:
      shares(input);
      break;
    case 2:
      join(input);
      break;
    case 3:
      bulletin(input);
      break;
    default:
      packed_vector(input);
      break;
  }
  return 0;
}

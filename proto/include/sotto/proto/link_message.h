// A device's calls and the coordinator's answers as they travel in frames (PROTOCOL.md section 11.3): the
// contents of the gRPC messages, in canonical bytes. Freestanding: texts and bytes are borrowed, from the
// message on the way in and from whoever sends on the way out.
//
// Decoders check every length, number and character, as the conversion from protobuf does on hosts; what they
// accept encodes to the same bytes. kMalformed says only that: a board cannot do more with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "sotto/base/bytes.h"
#include "sotto/base/ids.h"
#include "sotto/base/inline_list.h"
#include "sotto/base/limits.h"
#include "sotto/base/rejection.h"
#include "sotto/proto/enumerations.h"
#include "sotto/proto/plan.h"
#include "sotto/secagg/identity.h"

namespace sotto::proto::link {

struct Window {
  std::uint32_t delay_min_ms = 0;
  std::uint32_t delay_max_ms = 0;
  std::string_view reason{};
};

// ---- calls ----
struct Proof {
  TaskId task{};
  Bytes challenge;   // 1 .. secagg::kChallengeBytesMax
  Bytes credential;  // secagg::kCredentialBytes
};
struct CheckIn {
  std::uint32_t protocol_version = 0;
  std::uint64_t parameters_max = 0;
  std::uint32_t bulletin_edition = 0;
  bool enrolled = false;
  std::string_view device_id{};
  std::string_view population{};
  InlineList<Architecture, limits::kTrainersPerDeviceMax> trainers{};
  InlineList<std::string_view, limits::kTrainersPerDeviceMax> custom_models{};
  Bytes pass{};
  std::optional<Proof> proof{};
};
struct FetchModel {
  SessionToken token{};
  TaskId task{};
  ModelVersion version{};
  std::uint64_t offset = 0;
};
struct Exchange {
  SessionToken token{};
  Step step = Step::kJoin;
  bool poll = false;
  Bytes plan_digest{};  // 32 bytes, or none
  Bytes payload{};
};
struct Abandon {
  SessionToken token{};
  bool has_ledger = false;  // what it says, if it refuses the plan; else these are zero
  LedgerRefusal refusal = LedgerRefusal::kStopped;
  std::uint64_t until_s = 0;
  RoundId last_round{};
  std::string_view reason{};
  bool plan_refused = false;  // by its owner's rules, which hold for the task's next plans, too
};
// Signed updates of the board's model.
struct UpdateProof {
  Bytes challenge;   // 1 .. secagg::kChallengeBytesMax
  Bytes credential;  // secagg::kCredentialBytes
};
struct OfferUpdate {
  std::uint32_t protocol_version = 0;
  std::uint64_t sequence = 0;  // the highest that the board ever took
  bool enrolled = false;
  std::string_view device_id{};
  std::string_view task{};
  std::string_view device_class{};
  Bytes pass{};
  std::optional<UpdateProof> proof{};
};
struct FetchUpdate {
  std::uint64_t sequence = 0;  // of the update
  std::uint64_t offset = 0;
  std::uint32_t bytes_max = 0;  // 1 .. limits::kUpdateChunkBytes
  std::string_view device_id{};
  std::string_view task{};
  std::string_view device_class{};
  Bytes pass{};
};
using Call = std::variant<CheckIn, FetchModel, Exchange, Abandon, OfferUpdate, FetchUpdate>;

// ---- answers ----
struct Offer {
  SessionToken token{};
  Bytes credential{};  // secagg::kCredentialBytes, or none
  Bytes plan{};
  Bytes pass{};
  Bytes check_key{};  // secagg::kCheckKeyBytes, or none
  Bytes bulletin{};
};
struct Retry {
  Window window{};
};
struct ChallengeAnswer {
  TaskId task{};
  Bytes coordinator{};  // 32 bytes
  Bytes challenge{};
};
struct Chunk {
  std::uint64_t total_bytes = 0;
  std::uint64_t offset = 0;
  Bytes bytes{};
};
struct Next {
  Step next = Step::kShare;
  Bytes payload{};
};
struct Wait {
  Window window{};
};
struct End {
  bool counted = false;
  std::string_view outcome{};
  Window window{};
};
struct RefusedAnswer {
  Rejection reason = Rejection::kMalformed;
  Window window{};
};
struct Left {};
// The gateway has no answer of the coordinator: the number of a StatusCode, and a sentence.
struct Failed {
  std::uint8_t code = 0;
  std::string_view reason{};
};
struct UpdateOffered {
  Bytes pass{};
  Bytes manifest{};  // 1 .. limits::kUpdateManifestBytesMax
};
struct NoUpdate {
  Window window{};
};
struct UpdateChallenge {
  Bytes coordinator{};  // 32 bytes
  Bytes challenge{};
};
using Answer = std::variant<Offer, Retry, ChallengeAnswer, Chunk, Next, Wait, End, RefusedAnswer, Left,
                            Failed, UpdateOffered, NoUpdate, UpdateChallenge>;

// How long the message is that the functions below write.
[[nodiscard]] std::size_t encoded_bytes(const Call& call);
[[nodiscard]] std::size_t encoded_bytes(const Answer& answer);
// False, with part of the message written, when `out` is too small. What is written is what decode_*()
// accepts only if the values are within the bounds above.
[[nodiscard]] bool encode(const Call& call, ByteWriter& out);
[[nodiscard]] bool encode(const Answer& answer, ByteWriter& out);
[[nodiscard]] Rejection decode_call(Bytes bytes, Call& call);
[[nodiscard]] Rejection decode_answer(Bytes bytes, Answer& answer);

}  // namespace sotto::proto::link

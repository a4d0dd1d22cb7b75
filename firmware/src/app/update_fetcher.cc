#include "update_fetcher.h"

#include <algorithm>
#include <variant>

#include "enrolment.h"
#include "sotto/proto/protocol_version.h"
#include "update/self_test.h"

namespace sotto::board {
namespace {

namespace link = proto::link;
using model_update::Manifest;
using model_update::Refusal;

constexpr int kChallengesMax = 3;
constexpr std::uint32_t kAgainMs = 60'000;        // after a failure, up to twice that
constexpr std::uint32_t kRefusedMs = 3'600'000;   // what was refused may have been replaced by then
constexpr std::uint32_t kWaitMsMax = 86'400'000;  // whatever the coordinator says

}  // namespace

UpdateFetcher::UpdateFetcher(const Parts& parts)
    : parts_(parts),
      slots_(parts.port.flash(), parts.journal, kModelSlotsNumber, kJournalPages, kModelSlotPages) {}

const char* UpdateFetcher::open() {
  const std::uint32_t size = parts_.journal.size(kUpdateTrustNumber);
  if (size == 0) return nullptr;
  std::array<std::uint8_t, UpdateTrust::kBytesMax> bytes;
  const bool read = size <= bytes.size() &&
                    parts_.journal.read(kUpdateTrustNumber, 0, MutableBytes(bytes).first(size)) &&
                    decode_update_trust(Bytes(bytes).first(size), trust_);
  if (!read) return "what the flash holds of updates' owner is damaged";
  if (!slots_.open()) return "what the flash holds of updates is damaged";
  takes_updates_ = true;
  return nullptr;
}

Bytes UpdateFetcher::image(Bytes built_in) {
  if (!takes_updates_) return built_in;
  if (slots_.boot(boot_) != ModelSlots::Result::kOk) return {};
  if (boot_.reverted) parts_.port.say("the update of the model did not last", slots_.sequence());
  if (boot_.slot == ModelSlots::kNone) return built_in;
  parts_.port.say(boot_.trial ? "a model is on trial" : "the model is of an update", slots_.sequence());
  return parts_.port.mapped_flash(boot_.offset, boot_.size);
}

UpdateFetcher::Start UpdateFetcher::conclude(sotto_model* model) {
  if (!boot_.trial) return Start::kRuns;
  Trial trial = conclude_trial(slots_, boot_, parts_.port.flash(), model);
  // Without reference inputs it is kept when the application can use it.
  if (trial == Trial::kUntested) {
    trial = slots_.confirm() == ModelSlots::Result::kOk ? Trial::kConfirmed : Trial::kFlash;
  }
  if (trial == Trial::kFlash) return Start::kFlash;
  boot_.trial = false;
  const bool kept = trial == Trial::kConfirmed;
  parts_.port.say(kept ? "the update is kept" : "the update failed its test", slots_.sequence());
  return kept ? Start::kRuns : Start::kAnew;
}

bool UpdateFetcher::is_due() const {
  return takes_updates_ && (wait_ms_ == 0 || parts_.port.now_ms() - asked_at_ms_ >= wait_ms_);
}

void UpdateFetcher::wait(std::uint64_t ms) {
  asked_at_ms_ = parts_.port.now_ms();
  wait_ms_ = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(ms, 1, kWaitMsMax));
}

UpdateFetcher::Look UpdateFetcher::look(Room& room) {
  Look look = Look::kFailed;
  if (ask(room, look)) look = take(room);
  if (look == Look::kFailed) wait(kAgainMs + parts_.keys.below(kAgainMs));
  if (look == Look::kRefused) wait(kRefusedMs + parts_.keys.below(kRefusedMs));
  return look;
}

link::OfferUpdate UpdateFetcher::question(const Room& room) const {
  return {.protocol_version = proto::kProtocolVersion,
          .sequence = slots_.sequence(),
          .enrolled = true,
          .device_id = parts_.device_id,
          .task = trust_.task.view(),
          .device_class = trust_.device_class.view(),
          .pass = Bytes(room.pass_).first(room.pass_size_)};
}

bool UpdateFetcher::answer_challenge(Room& room, const link::UpdateChallenge& challenge,
                                     link::Answer& answer) {
  crypto::Digest coordinator;
  std::copy(challenge.coordinator.begin(), challenge.coordinator.end(), coordinator.begin());
  std::array<std::uint8_t, secagg::kChallengeBytesMax> kept;
  std::copy(challenge.challenge.begin(), challenge.challenge.end(), kept.begin());
  const Bytes shown = Bytes(kept).first(challenge.challenge.size());
  std::array<std::uint8_t, secagg::kCredentialBytes> credential;
  secagg::encode_credential(
      secagg::make_credential(parts_.identity.signer, parts_.identity.endorsement,
                              secagg::update_statement(coordinator, shown, parts_.device_id).bytes()),
      credential);
  link::OfferUpdate call = question(room);
  call.proof = link::UpdateProof{.challenge = shown, .credential = credential};
  return room.caller_.carry(call, answer);
}

// True when there is an offer, which is in the room from then on.
bool UpdateFetcher::ask(Room& room, Look& look) {
  link::Answer answer;
  if (!room.caller_.carry(question(room), answer)) return false;
  for (int challenges = 0; std::get_if<link::UpdateChallenge>(&answer) != nullptr;) {
    const link::UpdateChallenge asked = std::get<link::UpdateChallenge>(answer);
    if (++challenges > kChallengesMax || !answer_challenge(room, asked, answer)) return false;
  }
  if (const auto* none = std::get_if<link::NoUpdate>(&answer)) {
    const std::uint64_t width = none->window.delay_max_ms - none->window.delay_min_ms;
    wait(none->window.delay_min_ms + parts_.keys.below(width + 1));
    look = Look::kNothing;
    return false;
  }
  const auto* offer = std::get_if<link::UpdateOffered>(&answer);
  if (offer == nullptr) return false;
  room.message_size_ = offer->manifest.size();
  std::copy(offer->manifest.begin(), offer->manifest.end(), room.message_.begin());
  if (!offer->pass.empty()) {
    room.pass_size_ = offer->pass.size();
    std::copy(offer->pass.begin(), offer->pass.end(), room.pass_.begin());
  }
  return true;
}

UpdateFetcher::Look UpdateFetcher::take(Room& room) {
  Manifest manifest;
  const Refusal refusal = check_image(Bytes(room.message_).first(room.message_size_),
                                      {.owner = trust_.owner,
                                       .device_class = trust_.device_class.view(),
                                       .task = trust_.task.view(),
                                       .sequence = slots_.sequence(),
                                       .slot_bytes = slots_.slot_bytes(),
                                       .ram_bytes = parts_.ram_bytes},
                                      manifest);
  if (refusal != Refusal::kNone) {
    parts_.port.say(model_update::describe(refusal), static_cast<std::uint64_t>(refusal));
    return Look::kRefused;
  }
  return fetch(room, manifest);
}

UpdateFetcher::Look UpdateFetcher::fetch(Room& room, const Manifest& manifest) {
  if (slots_.receives(manifest)) {
    parts_.port.say("fetching an update goes on from", slots_.received());
  } else {
    if (slots_.begin(manifest) != ModelSlots::Result::kOk) return Look::kFailed;
    parts_.port.say("fetching update", manifest.sequence);
  }
  for (bool asked_again = false; slots_.received() < manifest.size;) {
    if (!fetch_piece(room, manifest, asked_again)) return Look::kFailed;
  }
  const ModelSlots::Result staged = slots_.stage();
  if (staged == ModelSlots::Result::kWrongDigest) {
    parts_.port.say(model_update::describe(Refusal::kWrongDigest), manifest.sequence);
    return Look::kRefused;
  }
  if (staged != ModelSlots::Result::kOk) return Look::kFailed;
  parts_.port.say("update is whole", manifest.sequence);
  return Look::kStaged;
}

// A coordinator that was started anew knows no pass of before: it is asked for another one, once.
bool UpdateFetcher::fetch_piece(Room& room, const Manifest& manifest, bool& asked_again) {
  link::Answer answer;
  const std::uint32_t from = slots_.received();
  const link::FetchUpdate call{.sequence = manifest.sequence,
                               .offset = from,
                               .bytes_max = kPieceBytes,
                               .device_id = parts_.device_id,
                               .task = trust_.task.view(),
                               .device_class = trust_.device_class.view(),
                               .pass = Bytes(room.pass_).first(room.pass_size_)};
  if (!room.caller_.carry(call, answer)) return false;
  const auto* chunk = std::get_if<link::Chunk>(&answer);
  if (chunk == nullptr) {
    Look ignored;
    const bool asks = std::get_if<link::Failed>(&answer) != nullptr && !asked_again;
    asked_again = true;
    return asks && ask(room, ignored);
  }
  asked_again = false;
  return chunk->total_bytes == manifest.size && chunk->offset == from && !chunk->bytes.empty() &&
         slots_.write(chunk->bytes) == ModelSlots::Result::kOk;
}

}  // namespace sotto::board

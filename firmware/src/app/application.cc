#include "application.h"

#include <new>

#include "board_session.h"
#include "enrolment.h"
#include "head_learner.h"
#include "sampling_port.h"
#include "sotto/crypto/primitives.h"
#include "update_fetcher.h"

namespace sotto::board {
namespace {

constexpr std::uint32_t kPauseMs = 300;          // after a session that came to nothing
constexpr std::uint32_t kPlanWithinMs = 60'000;  // then a board looks whether there is an update

// Kept from session to session: of the neighbours, and of the coordinator.
std::array<crypto::Digest, BoardSession::kNeighboursMax + 1> endorsements;
// Too large for a stack. A session, or between two of them what fetches an update.
union Errand {
  std::array<std::byte, sizeof(BoardSession)> session;
  std::array<std::byte, sizeof(UpdateFetcher::Room)> update;
};
alignas(std::max_align_t) Errand errand_memory;
alignas(UpdateFetcher) std::array<std::byte, sizeof(UpdateFetcher)> fetcher_memory;

const char* load_enrolment(const Journal& journal, Enrolment& enrolment) {
  std::array<std::uint8_t, Enrolment::kBytesMax> bytes;
  const std::uint32_t size = journal.size(kEnrolmentNumber);
  if (size == 0 || size > bytes.size()) return "the flash holds no enrolment";
  const bool loaded = journal.read(kEnrolmentNumber, 0, MutableBytes(bytes).first(size)) &&
                      decode_enrolment(Bytes(bytes).first(size), enrolment);
  crypto::wipe(bytes);
  return loaded ? nullptr : "the enrolment in flash is damaged";
}

void rest(Port& port, std::uint32_t wait_ms) {
  const std::uint32_t from = port.now_ms();
  std::uint8_t byte = 0;
  while (port.now_ms() - from < wait_ms) static_cast<void>(port.read_line(byte, wait_ms));
}

// Whether an update is there to be tried.
bool look_for_update(UpdateFetcher& updates, Port& port, Random& random) {
  const auto first_call = static_cast<std::uint32_t>(random.u64());
  auto* const room =
      ::new (static_cast<void*>(errand_memory.update.data())) UpdateFetcher::Room(port, first_call);
  const UpdateFetcher::Look look = updates.look(*room);
  room->~Room();
  return look == UpdateFetcher::Look::kStaged;
}

// One session after the other. A first call's number is drawn, so that a gateway never takes those of before
// a restart for these.
int take_part(UpdateFetcher& updates, const BoardSession::Parts& parts, const HeadLearner& learner,
              const BoardSessionOptions& options, std::uint32_t rounds) {
  Port& port = parts.port;
  for (std::uint32_t counted = 0; counted < rounds;) {
    if (updates.is_due() && look_for_update(updates, port, parts.keys)) return kStartAnew;
    if (learner.examples() == 0) {
      rest(port, kPauseMs);
      continue;
    }
    const auto first_call = static_cast<std::uint32_t>(parts.keys.u64());
    auto* const session =
        ::new (static_cast<void*>(errand_memory.session.data())) BoardSession(parts, options, first_call);
    const BoardSession::End end = session->run();
    session->~BoardSession();
    if (end == BoardSession::End::kCounted) {
      port.say("counted", ++counted);
      if (learner.verdict() == SOTTO_HEAD_WENT_BACK) port.say("the head went back", counted);
    } else {
      port.say("session ended", static_cast<std::uint64_t>(end));
      rest(port, kPauseMs);
    }
  }
  return 0;
}

}  // namespace

int run_application(const ApplicationParts& parts, std::uint32_t rounds) {
  const auto fail = [&](const char* why) {
    parts.port.say(why, 0);
    return 1;
  };
  Journal journal(parts.port.flash(), 0, kJournalPages);
  if (journal.open() != Journal::Result::kOk) return fail("the flash holds no journal");
  Enrolment enrolment;
  if (const char* why = load_enrolment(journal, enrolment)) return fail(why);
  auto key = crypto::Es256PrivateKey::from_scalar(enrolment.scalar);
  if (!key) return fail("the enrolment in flash is damaged");
  secagg::KeySigner signer(std::move(*key));
  secagg::EndorsementMemory verified(endorsements);
  BulletinKeeper bulletins(journal, kBulletinNumber, enrolment.authority);
  if (!bulletins.load()) return fail("the bulletin in flash is damaged");
  secagg::Identity identity{.signer = signer,
                            .endorsement = enrolment.endorsement,
                            .trust = bulletins.trust(),
                            .verified = &verified};
  BoardLedger ledger(journal, kLedgerNumber);
  if (!ledger.load()) return fail("the ledger in flash is damaged");
  crypto::SystemRandom random;
  SystemDraws system(random);
  UpdateFetcher& updates = *::new (static_cast<void*>(fetcher_memory.data()))
                               UpdateFetcher({.port = parts.port,
                                              .journal = journal,
                                              .identity = identity,
                                              .keys = random,
                                              .device_id = enrolment.id_text(),
                                              .ram_bytes = static_cast<std::uint32_t>(parts.arena.size())});
  if (const char* why = updates.open()) return fail(why);
  HeadLearner learner(updates.image(parts.image), parts.arena, journal);
  const std::span scratch(reinterpret_cast<float*>(errand_memory.session.data()),
                          errand_memory.session.size() / sizeof(float));
  const char* const unusable = learner.open(parts.kernels, scratch);
  if (updates.conclude(unusable == nullptr ? learner.model() : nullptr) == UpdateFetcher::Start::kAnew) {
    return kStartAnew;
  }
  if (unusable != nullptr) return fail(unusable);
  if (learner.examples() == 0 && !parts.port.has_samples()) return fail("there are no examples in flash");
  SamplingPort sampling(parts.port, learner);
  parts.port.say("examples", learner.examples());
  parts.port.say("vectors that have left", ledger.vectors());
  return take_part(updates,
                   {.port = sampling,
                    .ledger = ledger,
                    .learner = learner,
                    .identity = identity,
                    .bulletins = bulletins,
                    .keys = random,
                    .draws = parts.draws != nullptr ? *parts.draws : system},
                   learner,
                   {.device_id = enrolment.id_text(),
                    .population = enrolment.population_text(),
                    .cohort_min = enrolment.cohort_min,
                    .honest_min = enrolment.honest_min,
                    .corrupt_fraction_min = enrolment.corrupt_fraction_min,
                    .plan_within_ms = updates.takes_updates() ? kPlanWithinMs : 0},
                   rounds);
}

}  // namespace sotto::board

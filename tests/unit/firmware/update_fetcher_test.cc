// A board that fetches updates of its model over a line, behind a gateway and a coordinator that may lie,
// with its power cut in any operation of the flash.
#include "app/update_fetcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "app/enrolment.h"
#include "scripted_line.h"
#include "sotto/model_compiler/host_model.h"
#include "sotto/model_compiler/model_compiler.h"
#include "support/enrolment.h"
#include "support/nor_flash.h"
#include "unit/device-runtime/update/update_cases.h"
#include "unit/model-compiler/head_models.h"

namespace sotto::board {
namespace {

namespace link = proto::link;
using model_update::Manifest;
using support::Cut;
using support::NorFlash;
using Buffer = std::vector<std::uint8_t>;
using Look = UpdateFetcher::Look;
using Start = UpdateFetcher::Start;

const crypto::Es256PrivateKey kOwner = model_update::key_number(1);
const crypto::Es256PrivateKey kStranger = model_update::key_number(2);
constexpr std::uint32_t kRamBytes = 64 * 1024;

Buffer image_of(std::uint64_t sequence) {
  model_compiler::HeadModelSpec spec{.features = 96, .outputs = 64};
  spec.output_scale = 0.1f + 0.01f * static_cast<float>(sequence);
  auto compiled = model_compiler::compile(model_compiler::head_model(spec), {});
  EXPECT_TRUE(compiled);
  return std::move(compiled->image);
}

Manifest manifest_of(std::uint64_t sequence, const Buffer& content) {
  Manifest manifest;
  manifest.sequence = sequence;
  EXPECT_TRUE(manifest.device_class.assign(std::string_view("m4")));
  EXPECT_TRUE(manifest.task.assign(std::string_view("activity")));
  manifest.size = static_cast<std::uint32_t>(content.size());
  manifest.digest = crypto::sha256({content});
  manifest.runtime = model_update::kRuntimeVersion;
  manifest.ram_bytes = 1;
  return manifest;
}

// A coordinator that is honest, if nobody says otherwise.
struct Coordinator {
  Buffer content = image_of(1);
  Buffer message = model_update::signed_by(kOwner, manifest_of(1, content));
  bool asks_for_signatures = true;
  Buffer pass = Buffer(100, 5);
  int offers = 0, pieces = 0, challenges = 0, refusals_left = 0;
  std::vector<std::uint64_t> offsets;
  std::function<void(link::Chunk&)> spoil = [](link::Chunk&) {};

  Buffer answer(const link::Call& call) {
    if (const auto* offer = std::get_if<link::OfferUpdate>(&call)) return offer_to(*offer);
    if (const auto* fetch = std::get_if<link::FetchUpdate>(&call)) return piece_of(*fetch);
    return encoded(link::Failed{.code = 1, .reason = "what is this?"});
  }

  Buffer offer_to(const link::OfferUpdate& call) {
    ++offers;
    if (asks_for_signatures && call.pass.empty() && !call.proof) {
      ++challenges;
      return encoded(link::UpdateChallenge{.coordinator = digest, .challenge = Bytes(digest)});
    }
    if (call.proof) {
      secagg::Credential credential;
      EXPECT_TRUE(accepted(secagg::decode_credential(call.proof->credential, credential)));
      const secagg::Statement statement =
          secagg::update_statement(digest, call.proof->challenge, call.device_id);
      EXPECT_TRUE(
          accepted(secagg::check_credential(credential, {.role = secagg::Role::kDevice,
                                                         .trust = secagg::enrolled_device("board-1").trust,
                                                         .message = statement.bytes()})));
    }
    Manifest manifest;
    static_cast<void>(model_update::read_signed(message, kOwner.public_key(), manifest));
    if (call.sequence >= manifest.sequence && manifest.sequence != 0) {
      return encoded(link::NoUpdate{.window = {.delay_min_ms = 1000, .delay_max_ms = 2000}});
    }
    return encoded(link::UpdateOffered{.pass = call.proof ? Bytes(pass) : Bytes(), .manifest = message});
  }

  Buffer piece_of(const link::FetchUpdate& call) {
    if (refusals_left > 0) {
      --refusals_left;
      pass[0] ^= 1;
      return encoded(link::Failed{.code = 4, .reason = "the pass does not hold"});
    }
    ++pieces;
    offsets.push_back(call.offset);
    const std::size_t from = std::min<std::size_t>(call.offset, content.size());
    link::Chunk chunk{.total_bytes = content.size(), .offset = from};
    chunk.bytes = Bytes(content).subspan(from, std::min<std::size_t>(call.bytes_max, content.size() - from));
    spoil(chunk);
    return encoded(chunk);
  }

  static Buffer encoded(const link::Answer& answer) {
    Buffer bytes(link::encoded_bytes(answer));
    ByteWriter out(bytes);
    EXPECT_TRUE(link::encode(answer, out));
    return bytes;
  }

  crypto::Digest digest{1, 2, 3};
};

// One start of a board.
class Board {
 public:
  Board(NorFlash& flash, Coordinator& coordinator)
      : line(flash, [&coordinator](const link::Call& call) { return coordinator.answer(call); }),
        journal_(flash, 0, kJournalPages) {
    opened = journal_.open() != Journal::Result::kFlash;
    fetcher.emplace(UpdateFetcher::Parts{.port = line,
                                         .journal = journal_,
                                         .identity = secagg::enrolled_device("board-1"),
                                         .keys = random_,
                                         .device_id = "board-1",
                                         .ram_bytes = kRamBytes});
    opened = opened && fetcher->open() == nullptr;
  }

  Look look() {
    UpdateFetcher::Room room(line, 7);
    return fetcher->look(room);
  }
  // Runs what image() gives; whether it is the one that was built in.
  std::optional<bool> runs_built_in() {
    const Bytes image = fetcher->image(kBuiltIn);
    if (image.data() == nullptr) return std::nullopt;
    return image.data() == kBuiltIn.data();
  }

  static inline const Buffer kBuiltIn = Buffer(16);
  ScriptedLine line;
  std::optional<UpdateFetcher> fetcher;
  bool opened = false;

 private:
  Journal journal_;
  crypto::SystemRandom random_;
};

NorFlash provisioned() {
  NorFlash flash(kFlashFileGeometry);
  Journal journal(flash, 0, kJournalPages);
  EXPECT_EQ(journal.open(), Journal::Result::kBlank);
  UpdateTrust trust;
  trust.owner = kOwner.public_key();
  EXPECT_TRUE(trust.device_class.assign(std::string_view("m4")) &&
              trust.task.assign(std::string_view("activity")));
  Buffer bytes(UpdateTrust::kBytesMax);
  bytes.resize(encode_update_trust(trust, bytes));
  EXPECT_EQ(journal.put(kUpdateTrustNumber, bytes), Journal::Result::kOk);
  return flash;
}

TEST(UpdateFetcher, ABoardThatWasToldOfNoOwnerTakesNothing) {
  NorFlash flash(kFlashFileGeometry);
  Coordinator coordinator;
  Board board(flash, coordinator);
  EXPECT_TRUE(board.opened);
  EXPECT_FALSE(board.fetcher->is_due());
  EXPECT_EQ(board.runs_built_in(), true);
  EXPECT_EQ(coordinator.offers, 0);
}

TEST(UpdateFetcher, ShowsWhoItIsFetchesStagesAndRunsItInTheNextStart) {
  NorFlash flash = provisioned();
  Coordinator coordinator;
  {
    Board board(flash, coordinator);
    EXPECT_EQ(board.runs_built_in(), true);
    EXPECT_TRUE(board.fetcher->is_due());
    EXPECT_EQ(board.look(), Look::kStaged) << board.line.said();
    EXPECT_EQ(coordinator.challenges, 1);
    EXPECT_GT(coordinator.pieces, 1) << "a test of pieces";
  }
  Board again(flash, coordinator);
  EXPECT_EQ(again.runs_built_in(), false);
  auto model = device::HostModel::open(coordinator.content);
  ASSERT_TRUE(model);
  EXPECT_EQ(again.fetcher->conclude(model->model()), Start::kRuns) << "no tests came with it: it opens";
  EXPECT_EQ(again.look(), Look::kNothing);
  EXPECT_FALSE(again.fetcher->is_due()) << "the coordinator has said how long to wait";
}

TEST(UpdateFetcher, AnImageThatTheApplicationCannotOpenIsDroppedAndNeverAskedForAgain) {
  NorFlash flash = provisioned();
  Coordinator coordinator;
  EXPECT_EQ(Board(flash, coordinator).look(), Look::kStaged);
  {
    Board trial(flash, coordinator);
    EXPECT_EQ(trial.runs_built_in(), false);
    EXPECT_EQ(trial.fetcher->conclude(nullptr), Start::kAnew);
  }
  Board after(flash, coordinator);
  EXPECT_EQ(after.runs_built_in(), true);
  EXPECT_EQ(after.look(), Look::kNothing);
}

TEST(UpdateFetcher, WhatIsForeignUnsignedStaleOrTooLargeIsRefusedBeforeAByteIsFetched) {
  const Buffer content = image_of(1);
  std::vector<Buffer> refused;
  refused.push_back(model_update::signed_by(kStranger, manifest_of(1, content)));
  Manifest foreign = manifest_of(1, content);
  EXPECT_TRUE(foreign.device_class.assign(std::string_view("m55")));
  refused.push_back(model_update::signed_by(kOwner, foreign));
  foreign = manifest_of(1, content);
  EXPECT_TRUE(foreign.task.assign(std::string_view("keywords")));
  refused.push_back(model_update::signed_by(kOwner, foreign));
  Manifest large = manifest_of(1, content);
  large.size = kModelSlotPages * kFlashFileGeometry.page_bytes + 1;
  refused.push_back(model_update::signed_by(kOwner, large));
  large = manifest_of(1, content);
  large.ram_bytes = kRamBytes + 1;
  refused.push_back(model_update::signed_by(kOwner, large));
  refused.push_back(Buffer{1, 2, 3});
  for (const Buffer& message : refused) {
    NorFlash flash = provisioned();
    Coordinator coordinator;
    coordinator.message = message;
    Board board(flash, coordinator);
    EXPECT_EQ(board.look(), Look::kRefused);
    EXPECT_EQ(coordinator.pieces, 0);
    EXPECT_FALSE(board.fetcher->is_due()) << "a liar is not asked again at once";
    EXPECT_EQ(board.runs_built_in(), true);
  }
}

TEST(UpdateFetcher, OtherBytesThanThoseThatWereSignedNeverRun) {
  NorFlash flash = provisioned();
  Coordinator coordinator;
  coordinator.content[5000] ^= 1;
  EXPECT_EQ(Board(flash, coordinator).look(), Look::kRefused);
  Board after(flash, coordinator);
  EXPECT_EQ(after.runs_built_in(), true);
  coordinator.content[5000] ^= 1;
  EXPECT_EQ(after.look(), Look::kStaged) << "the sequence is not used up by a lie";
}

TEST(UpdateFetcher, AnAnswerThatIsNoPieceOfItEndsTheLookAndTheNextGoesOn) {
  using Spoil = std::function<void(link::Chunk&)>;
  const std::vector<Spoil> lies = {[](link::Chunk& c) { c.total_bytes += 8; },
                                   [](link::Chunk& c) { c.bytes = {}; },
                                   [](link::Chunk& c) { c.bytes = c.bytes.first(c.bytes.size() - 1); },
                                   [](link::Chunk& c) { c.offset += 8, c.total_bytes += 8; }};
  for (std::size_t lie = 0; lie < lies.size(); ++lie) {
    NorFlash flash = provisioned();
    Coordinator coordinator;
    coordinator.spoil = [&](link::Chunk& chunk) {
      if (chunk.offset != 0) lies[lie](chunk);
    };
    Board board(flash, coordinator);
    EXPECT_EQ(board.look(), Look::kFailed) << lie;
    coordinator.spoil = [](link::Chunk&) {};
    EXPECT_EQ(board.look(), Look::kStaged) << lie;
    EXPECT_EQ(coordinator.offsets.back() / UpdateFetcher::kPieceBytes,
              coordinator.content.size() / UpdateFetcher::kPieceBytes);
    EXPECT_EQ(std::ranges::count(coordinator.offsets, 0u), 1) << "what was there is not fetched again";
  }
}

TEST(UpdateFetcher, APassThatHoldsNoLongerIsAskedForAnewOnceForEachPiece) {
  NorFlash flash = provisioned();
  Coordinator coordinator;
  coordinator.refusals_left = 1;
  Board board(flash, coordinator);
  EXPECT_EQ(board.look(), Look::kStaged);
  EXPECT_EQ(coordinator.offers, 3) << "asked, signed, and asked again";
  NorFlash other = provisioned();
  coordinator.refusals_left = 2;
  EXPECT_EQ(Board(other, coordinator).look(), Look::kFailed);
}

TEST(UpdateFetcher, ACoordinatorThatChallengesForEverIsLeft) {
  NorFlash flash = provisioned();
  Coordinator coordinator;
  ScriptedLine line(flash, [&](const link::Call&) {
    return Coordinator::encoded(
        link::UpdateChallenge{.coordinator = coordinator.digest, .challenge = Bytes(coordinator.digest)});
  });
  Journal journal(flash, 0, kJournalPages);
  ASSERT_EQ(journal.open(), Journal::Result::kOk);
  crypto::SystemRandom random;
  UpdateFetcher fetcher({.port = line,
                         .journal = journal,
                         .identity = secagg::enrolled_device("board-1"),
                         .keys = random,
                         .device_id = "board-1",
                         .ram_bytes = kRamBytes});
  ASSERT_EQ(fetcher.open(), nullptr);
  UpdateFetcher::Room room(line, 1);
  EXPECT_EQ(fetcher.look(room), Look::kFailed);
}

// Whatever operation of the flash the power is cut in, the board starts with a whole model, and in the end
// with the new one; pages that were there are not fetched again.
TEST(UpdateFetcher, APowerCutInAnyOperationCostsNoMoreThanAPage) {
  Coordinator counted;
  NorFlash whole = provisioned();
  const std::uint64_t before = whole.operations();
  EXPECT_EQ(Board(whole, counted).look(), Look::kStaged);
  const std::uint64_t operations = whole.operations() - before;
  ASSERT_GT(operations, 10u);
  for (std::uint64_t at = 0; at < operations; ++at) {
    NorFlash flash = provisioned();
    Coordinator coordinator;
    coordinator.asks_for_signatures = false;
    flash.cut_at(at, at % 2 == 0 ? Cut::kBefore : Cut::kTorn, static_cast<std::uint32_t>(at));
    static_cast<void>(Board(flash, coordinator).look());
    flash.power_on();
    for (int starts = 0; starts < 3; ++starts) {
      Board board(flash, coordinator);
      ASSERT_TRUE(board.opened) << at;
      if (board.runs_built_in() == false) break;
      ASSERT_EQ(board.look(), Look::kStaged) << "operation " << at;
    }
    EXPECT_EQ(Board(flash, coordinator).runs_built_in(), false) << "operation " << at;
    EXPECT_LE(coordinator.pieces, counted.pieces + 1) << "operation " << at;
  }
}

}  // namespace
}  // namespace sotto::board

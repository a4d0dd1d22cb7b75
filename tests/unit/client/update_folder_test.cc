// The newest update as files: only what the owner signed, whole or not at all, over kills and lies.
#include "sotto/client/update_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>

#include "sotto/base/limits.h"
#include "sotto/host/file.h"
#include "support/enrolment.h"
#include "support/temporary_directory.h"
#include "unit/device-runtime/update/update_cases.h"

namespace sotto::client {
namespace {

using ::testing::HasSubstr;
using Buffer = std::vector<std::uint8_t>;

constexpr std::uint64_t kNow = 1'900'000'000;
const crypto::Es256PrivateKey kOwner = model_update::key_number(1);

Buffer content_of(std::uint64_t sequence) {
  Buffer content(3 * limits::kUpdateChunkBytes + sequence);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::uint8_t>(i * 7 + sequence);
  return content;
}

model_update::Manifest manifest_of(std::uint64_t sequence) {
  const Buffer content = content_of(sequence);
  model_update::Manifest manifest = model_update::image_manifest();
  manifest.sequence = sequence;
  manifest.size = static_cast<std::uint32_t>(content.size());
  manifest.digest = crypto::sha256({content});
  return manifest;
}

// A coordinator that is honest, if nobody says otherwise.
class Coordinator final : public Transport {
 public:
  void send(const Request& request, Callback done) override {
    if (const auto* ask = std::get_if<proto::OfferUpdateRequest>(&request)) return done(offer(*ask));
    done(piece(std::get<proto::FetchUpdateRequest>(request)));
  }

  std::uint64_t sequence = 1;  // that it offers
  Buffer message = model_update::signed_by(kOwner, manifest_of(1));
  Buffer content = content_of(1);
  int offers = 0, pieces = 0, pieces_left = 1000, passes_refused = 0;
  std::vector<std::uint64_t> offsets;
  std::function<void(proto::ModelChunk&)> spoil = [](proto::ModelChunk&) {};

  void publish(std::uint64_t number) {
    sequence = number;
    message = model_update::signed_by(kOwner, manifest_of(number));
    content = content_of(number);
  }

 private:
  Result<Reply> offer(const proto::OfferUpdateRequest& ask) {
    ++offers;
    if (ask.enrolled && ask.pass.empty() && !ask.proof) {
      return Reply(proto::OfferUpdateReply(proto::UpdateChallenge{{1, 2, 3}, digest_}));
    }
    if (ask.proof) {
      EXPECT_TRUE(accepted(secagg::check_credential(
          ask.proof->credential,
          {.role = secagg::Role::kDevice,
           .trust = secagg::enrolled_device("watch-1").trust,
           .message = secagg::update_statement(digest_, ask.proof->challenge, "watch-1").bytes()})));
    }
    if (ask.sequence >= sequence) {
      return Reply(proto::OfferUpdateReply(proto::NoUpdate{{1000, 2000, "newest"}}));
    }
    return Reply(proto::OfferUpdateReply(proto::UpdateOffer{message, ask.proof ? Buffer{9} : Buffer{}}));
  }
  Result<Reply> piece(const proto::FetchUpdateRequest& ask) {
    EXPECT_EQ(ask.sequence, sequence);
    if (passes_refused > 0) {
      --passes_refused;
      return Status(StatusCode::kFailedPrecondition, "the pass does not hold");
    }
    if (pieces_left-- == 0) return Status(StatusCode::kUnavailable, "gone");
    ++pieces;
    offsets.push_back(ask.offset);
    const std::size_t from = std::min<std::size_t>(ask.offset, content.size());
    const auto begin = content.begin() + static_cast<std::ptrdiff_t>(from);
    const std::size_t bytes = std::min<std::size_t>(ask.bytes_max, content.size() - from);
    proto::ModelChunk chunk{content.size(), from, Buffer(begin, begin + static_cast<std::ptrdiff_t>(bytes))};
    spoil(chunk);
    return Reply(chunk);
  }

  crypto::Digest digest_{4, 5};
};

class UpdateFolderTest : public ::testing::Test {
 protected:
  UpdateFolderOptions options() const {
    return {.folder = scratch_.path() / "updates",
            .device_id = "watch-1",
            .task = "activity",
            .device_class = "m4-wearable",
            .owner = kOwner.public_key(),
            .identity = &secagg::enrolled_device("watch-1")};
  }
  // As after a start.
  UpdateFolder open() {
    auto opened = UpdateFolder::open(options());
    EXPECT_TRUE(opened) << opened.error().message();
    return std::move(*opened);
  }
  Result<UpdateFolder::Looked> look(UpdateFolder& folder) { return folder.look(coordinator_, random_, kNow); }
  std::size_t files() const {
    const std::filesystem::directory_iterator all(options().folder);
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }
  static Buffer bytes_of(const std::filesystem::path& file) { return **host::read_file(file, 1 << 24); }

  TemporaryDirectory scratch_;
  Coordinator coordinator_;
  crypto::SystemRandom random_;
};

TEST_F(UpdateFolderTest, TakesWhatIsOfferedAndThenTheNextOne) {
  UpdateFolder folder = open();
  EXPECT_FALSE(folder.newest());
  auto looked = look(folder);
  ASSERT_TRUE(looked) << looked.error().message();
  EXPECT_TRUE(looked->taken);
  EXPECT_EQ(bytes_of(folder.newest_file()), content_of(1));
  EXPECT_EQ(files(), 2u);
  looked = look(folder);
  EXPECT_FALSE(looked->taken);
  EXPECT_GE(looked->ask_again.count(), 1000);
  EXPECT_LE(looked->ask_again.count(), 2000);
  EXPECT_EQ(coordinator_.offers, 3) << "signed once: then it has a pass";
  coordinator_.publish(2);
  EXPECT_TRUE(look(folder)->taken);
  EXPECT_EQ(files(), 2u) << "the old one is gone";
  const UpdateFolder again = open();
  ASSERT_TRUE(again.newest());
  EXPECT_EQ(again.newest()->sequence, 2u);
  EXPECT_EQ(bytes_of(again.newest_file()), content_of(2));
}

TEST_F(UpdateFolderTest, AFetchThatBreaksOffGoesOnAfterARestart) {
  UpdateFolder first = open();
  coordinator_.pieces_left = 2;
  EXPECT_EQ(look(first).error().code(), StatusCode::kUnavailable);
  EXPECT_FALSE(first.newest());
  coordinator_.pieces_left = 1000;
  UpdateFolder second = open();
  EXPECT_TRUE(look(second)->taken);
  EXPECT_EQ(std::ranges::count(coordinator_.offsets, 0u), 1);
  EXPECT_EQ(bytes_of(second.newest_file()), content_of(1));
  // What was begun of another one is left.
  coordinator_.publish(2);
  coordinator_.pieces_left = 1;
  EXPECT_FALSE(look(second));
  coordinator_.publish(3);
  coordinator_.pieces_left = 1000;
  EXPECT_TRUE(look(second)->taken);
  EXPECT_EQ(bytes_of(second.newest_file()), content_of(3));
}

TEST_F(UpdateFolderTest, OtherBytesThanThoseThatWereSignedAreDroppedAndTheOldOnesStay) {
  UpdateFolder folder = open();
  ASSERT_TRUE(look(folder));
  coordinator_.publish(2);
  coordinator_.content[70'000] ^= 1;
  EXPECT_EQ(look(folder).error().code(), StatusCode::kDataLoss);
  EXPECT_EQ(folder.newest()->sequence, 1u);
  EXPECT_EQ(bytes_of(open().newest_file()), content_of(1));
  coordinator_.content[70'000] ^= 1;
  EXPECT_TRUE(look(folder)->taken) << "the lie has used nothing up";
}

TEST_F(UpdateFolderTest, WhatIsForeignUnsignedStaleOrExpiredIsRefusedBeforeAByteIsFetched) {
  const auto refused = [&](const Buffer& message, const char* why) {
    coordinator_.message = message;
    UpdateFolder folder = open();
    const auto looked = look(folder);
    ASSERT_FALSE(looked);
    EXPECT_THAT(looked.error().message(), HasSubstr(why));
    EXPECT_EQ(coordinator_.pieces, 0);
  };
  refused(model_update::signed_by(model_update::key_number(2), manifest_of(1)), "another key");
  model_update::Manifest other = manifest_of(1);
  other.task = "keywords";
  refused(model_update::signed_by(kOwner, other), "another task");
  other = manifest_of(1);
  other.expires_at = kNow;
  refused(model_update::signed_by(kOwner, other), "expired");
  refused({1, 2, 3}, "");
}

TEST_F(UpdateFolderTest, PiecesThatDoNotFitEndTheLook) {
  const std::vector<std::function<void(proto::ModelChunk&)>> lies = {
      [](proto::ModelChunk& c) { c.total_bytes += 1; }, [](proto::ModelChunk& c) { c.offset += 1; },
      [](proto::ModelChunk& c) { c.bytes.clear(); }};
  for (const auto& lie : lies) {
    UpdateFolder folder = open();
    coordinator_.spoil = lie;
    EXPECT_EQ(look(folder).error().code(), StatusCode::kDataLoss);
  }
}

TEST_F(UpdateFolderTest, AFileThatWasDamagedIsFetchedAgainAndAnOlderOneIsNot) {
  {
    UpdateFolder folder = open();
    coordinator_.publish(5);
    ASSERT_TRUE(look(folder));
    std::ofstream(folder.newest_file(), std::ios::binary) << "x";
  }
  UpdateFolder folder = open();
  EXPECT_FALSE(folder.newest());
  coordinator_.message = model_update::signed_by(kOwner, manifest_of(4));
  coordinator_.content = content_of(4);
  EXPECT_THAT(look(folder).error().message(), HasSubstr("sequence number"));
  coordinator_.publish(5);
  EXPECT_TRUE(look(folder)->taken);
  EXPECT_EQ(bytes_of(folder.newest_file()), content_of(5));
}

TEST_F(UpdateFolderTest, APassThatHoldsNoLongerIsReplacedOnceForEachPiece) {
  UpdateFolder folder = open();
  coordinator_.passes_refused = 1;
  EXPECT_TRUE(look(folder)->taken);
  coordinator_.publish(2);
  coordinator_.passes_refused = 2;
  EXPECT_EQ(look(folder).error().code(), StatusCode::kFailedPrecondition);
}

TEST_F(UpdateFolderTest, NamesThatAreNoneAreRefused) {
  UpdateFolderOptions wrong = options();
  wrong.task = "../activity";
  EXPECT_EQ(UpdateFolder::open(wrong).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sotto::client

// What the coordinator keeps of boards' updates: only what their owner signed, to the share that the operator
// said, over restarts.
#include "sotto/server/model_updates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "support/temporary_directory.h"
#include "unit/device-runtime/update/update_cases.h"

namespace sotto::server {
namespace {

using model_update::Manifest;
using testing::HasSubstr;
using Buffer = std::vector<std::uint8_t>;

constexpr std::uint64_t kNow = 1'900'000'000;
constexpr std::string_view kTask = "activity", kClass = "m4-wearable";
const crypto::Es256PrivateKey kOwner = model_update::key_number(1);
const crypto::Es256PublicKey kOwnerPublic = kOwner.public_key();

Buffer content_of(std::uint64_t sequence) {
  Buffer content(5000 + static_cast<std::size_t>(sequence));
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::uint8_t>(i * 7 + sequence);
  return content;
}

Manifest manifest_of(std::uint64_t sequence) {
  const Buffer content = content_of(sequence);
  Manifest manifest = model_update::image_manifest();
  manifest.sequence = sequence;
  manifest.size = static_cast<std::uint32_t>(content.size());
  manifest.digest = crypto::sha256({content});
  return manifest;
}

class Updates : public testing::Test {
 protected:
  Updates() { start(); }

  // As after a restart.
  void start() {
    auto opened = ModelUpdates::open(folder());
    ASSERT_TRUE(opened) << opened.error().message();
    updates_.emplace(std::move(*opened));
  }
  [[nodiscard]] std::filesystem::path folder() const { return scratch_.path() / "updates"; }
  [[nodiscard]] std::size_t files() const {
    const std::filesystem::directory_iterator all(folder());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  Status publish(const Manifest& manifest, const Buffer& content, std::uint32_t share = kWholeShare,
                 const crypto::Es256PrivateKey& key = kOwner) {
    const Buffer message = model_update::signed_by(key, manifest);
    const crypto::Es256PublicKey owner = key.public_key();
    const auto published = updates_->publish({message, content, owner, share}, kNow);
    return published ? Status() : published.error();
  }
  Status publish(std::uint64_t sequence, std::uint32_t share = kWholeShare) {
    return publish(manifest_of(sequence), content_of(sequence), share);
  }
  // The sequence that a device is offered; 0 for none.
  [[nodiscard]] std::uint64_t offered(std::string_view id, std::uint64_t sequence = 0,
                                      std::uint64_t now = kNow) const {
    const PublishedUpdate* update = updates_->offer({kTask, kClass, id, sequence}, now);
    return update == nullptr ? 0 : update->manifest.sequence;
  }

  TemporaryDirectory scratch_;
  std::optional<ModelUpdates> updates_;
};

TEST_F(Updates, AreOfferedWithTheirContentOverARestart) {
  ASSERT_TRUE(publish(7).ok());
  for (int starts = 0; starts < 2; ++starts) {
    const PublishedUpdate* update = updates_->offer({kTask, kClass, "watch-1", 6}, kNow);
    ASSERT_NE(update, nullptr);
    Manifest read;
    EXPECT_EQ(model_update::read_signed(update->message, kOwnerPublic, read), model_update::Refusal::kNone);
    EXPECT_EQ(read, manifest_of(7));
    Buffer content;
    while (true) {
      const auto chunk = updates_->content(*update, content.size(), 999);
      ASSERT_TRUE(chunk);
      if (chunk->empty()) break;
      content.insert(content.end(), chunk->begin(), chunk->end());
    }
    EXPECT_EQ(content, content_of(7));
    EXPECT_TRUE(updates_->content(*update, UINT64_MAX, 10)->empty());
    start();
  }
}

TEST_F(Updates, GoToBoardsThatHaveNotTakenThemOnly) {
  ASSERT_TRUE(publish(7).ok());
  EXPECT_EQ(offered("watch-1", 6), 7u);
  EXPECT_EQ(offered("watch-1", 7), 0u);
  EXPECT_EQ(offered("watch-1", UINT64_MAX), 0u);
  EXPECT_EQ(updates_->offer({"keywords", kClass, "watch-1", 0}, kNow), nullptr);
  EXPECT_EQ(updates_->offer({kTask, "m55-door", "watch-1", 0}, kNow), nullptr);
  EXPECT_EQ(offered("watch-1", 0, 2'000'000'000), 0u) << "it has expired";
}

TEST_F(Updates, GoToAShareFirstAndTheOthersKeepTheOneBefore) {
  ASSERT_TRUE(publish(7).ok());
  ASSERT_TRUE(publish(8, 100).ok());
  const auto first_boards = [&] {
    int count = 0;
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t sequence = offered("watch-" + std::to_string(i));
      EXPECT_GE(sequence, 7u);
      count += sequence == 8 ? 1 : 0;
    }
    return count;
  };
  const int tenth = first_boards();
  EXPECT_NEAR(tenth, 100, 40);
  start();
  EXPECT_EQ(first_boards(), tenth) << "the same boards after a restart";
  ASSERT_TRUE(updates_->set_share(kTask, kClass, kWholeShare).ok());
  EXPECT_EQ(first_boards(), 1000);
  ASSERT_TRUE(updates_->set_share(kTask, kClass, 0).ok());
  start();
  EXPECT_EQ(first_boards(), 0) << "taken back; who has not taken it stays with the one before";
}

TEST_F(Updates, TheNewestOneAndTheNewestForAllAreKept) {
  ASSERT_TRUE(publish(3).ok());
  for (const std::uint64_t sequence : {4, 5, 9}) ASSERT_TRUE(publish(sequence, 50).ok());
  std::vector<std::uint64_t> kept;
  for (const PublishedUpdate& update : updates_->all()) kept.push_back(update.manifest.sequence);
  EXPECT_THAT(kept, testing::ElementsAre(9, 3));
  EXPECT_EQ(files(), 2u);
  ASSERT_TRUE(publish(10).ok());
  ASSERT_TRUE(publish(11).ok());
  EXPECT_EQ(files(), 2u);
}

TEST_F(Updates, WhatBoardsWouldRefuseIsRefusedWithASentence) {
  ASSERT_TRUE(publish(7).ok());
  const auto refusal = [](const Status& status) {
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return status.message();
  };
  EXPECT_THAT(refusal(publish(7)), HasSubstr("this sequence number or a higher one was taken before"));
  EXPECT_THAT(refusal(publish(6)), HasSubstr("sign with a higher one"));
  EXPECT_THAT(refusal(publish(manifest_of(8), content_of(9))), HasSubstr("not those that were signed"));
  EXPECT_THAT(refusal(publish(manifest_of(8), Buffer(3))), HasSubstr("ends early"));
  EXPECT_THAT(refusal(publish(manifest_of(8), content_of(8), 1000, model_update::key_number(2))),
              HasSubstr("another key signed the updates before it"));
  Manifest old = manifest_of(8);
  old.expires_at = kNow;
  EXPECT_THAT(refusal(publish(old, content_of(8))), HasSubstr("has expired"));
  Manifest head = model_update::head_manifest();
  EXPECT_THAT(refusal(publish(head, Buffer(head.size))), HasSubstr("of no image"));
  EXPECT_THAT(refusal(publish(8, 0)), HasSubstr("1 to 1000 thousandths"));
  EXPECT_THAT(refusal(publish(8, 1001)), HasSubstr("1 to 1000 thousandths"));
  EXPECT_THAT(refusal(publish(manifest_of(8), Buffer(kPublishedBytesMax + 1))),
              HasSubstr("at most 16777216"));
  const Buffer content = content_of(8);
  const auto unsigned_one = updates_->publish({content, content, kOwnerPublic, 1000}, kNow);
  ASSERT_FALSE(unsigned_one);
  EXPECT_THAT(refusal(unsigned_one.error()), HasSubstr("no manifest"));
  EXPECT_EQ(updates_->all().size(), 1u);
  EXPECT_EQ(files(), 1u) << "what is refused leaves nothing";
  EXPECT_EQ(offered("watch-1"), 7u);
}

TEST_F(Updates, OfClassesAndTasksAreBounded) {
  for (std::size_t i = 0; i < kUpdateLinesMax; ++i) {
    Manifest manifest = manifest_of(1);
    const std::string name = "class-" + std::to_string(i);
    ASSERT_TRUE(manifest.device_class.assign(name));
    ASSERT_TRUE(publish(manifest, content_of(1)).ok());
  }
  EXPECT_EQ(publish(1).code(), StatusCode::kResourceExhausted);
  Manifest known = manifest_of(2);
  ASSERT_TRUE(known.device_class.assign(std::string("class-0")));
  EXPECT_TRUE(publish(known, content_of(2)).ok());
}

TEST_F(Updates, AShareOfNothingIsNotFound) {
  EXPECT_EQ(updates_->set_share(kTask, kClass, 10).code(), StatusCode::kNotFound);
  ASSERT_TRUE(publish(7).ok());
  EXPECT_EQ(updates_->set_share(kTask, kClass, 1001).code(), StatusCode::kInvalidArgument);
}

TEST_F(Updates, AFileThatWasChangedIsNamed) {
  ASSERT_TRUE(publish(7).ok());
  const std::filesystem::path path = std::filesystem::directory_iterator(folder())->path();
  const auto size = std::filesystem::file_size(path);
  for (const std::uintmax_t at : {std::uintmax_t{0}, std::uintmax_t{40}, size / 10, size - 1}) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(at));
    const int byte = file.peek();
    file.seekp(static_cast<std::streamoff>(at)).put(static_cast<char>(byte ^ 0x10)).flush();
    const auto opened = ModelUpdates::open(folder());
    ASSERT_FALSE(opened) << at;
    EXPECT_EQ(opened.error().code(), StatusCode::kDataLoss);
    EXPECT_THAT(opened.error().message(), HasSubstr(path.string()));
    file.seekp(static_cast<std::streamoff>(at)).put(static_cast<char>(byte)).flush();
  }
  std::filesystem::resize_file(path, size / 2);
  EXPECT_FALSE(ModelUpdates::open(folder()));
  std::filesystem::resize_file(path, 0);
  EXPECT_FALSE(ModelUpdates::open(folder()));
}

// Whoever writes a coordinator of his own must choose the same boards after a change of it.
TEST(Share, FollowsFromTheIdAndTheSequence) {
  for (std::uint32_t share = 1; share < kWholeShare; share *= 3) {
    int now = 0, wider = 0, other = 0;
    for (int i = 0; i < 2000; ++i) {
      const std::string id = "board-" + std::to_string(i);
      const bool is_in = is_in_share(id, 5, share);
      now += is_in ? 1 : 0;
      EXPECT_FALSE(is_in && !is_in_share(id, 5, share + 1)) << "wider shares hold narrower ones";
      wider += is_in_share(id, 5, share + 1) ? 1 : 0;
      other += is_in && is_in_share(id, 6, share) ? 1 : 0;
    }
    EXPECT_NEAR(now, 2 * static_cast<int>(share), 10 + static_cast<int>(share) / 3);
    EXPECT_GE(wider, now);
    EXPECT_LE(other, now);
  }
  EXPECT_FALSE(is_in_share("watch-1", 8, 917)) << "its place is 917";
  EXPECT_TRUE(is_in_share("watch-1", 8, 918));
  EXPECT_FALSE(is_in_share("kitchen-7", std::uint64_t{1} << 40, 782));
  EXPECT_TRUE(is_in_share("kitchen-7", std::uint64_t{1} << 40, 783));
  EXPECT_FALSE(is_in_share("board-1", 5, 0));
  EXPECT_TRUE(is_in_share("board-1", 5, kWholeShare));
}

}  // namespace
}  // namespace sotto::server

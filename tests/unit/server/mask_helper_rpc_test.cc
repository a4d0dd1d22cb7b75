// A mask helper as a process serves it, and the coordinator's way to it, over loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "sotto/base/clock.h"
#include "sotto/identity/bulletin_file.h"
#include "sotto/identity/identity_file.h"
#include "sotto/identity/x25519_key_file.h"
#include "sotto/server/mask_helper_client.h"
#include "sotto/server/mask_helper_server.h"
#include "support/bulletins.h"
#include "unit/mask-helper/one_shot_fleet.h"

namespace sotto::server {
namespace {

using std::filesystem::path;
using ::testing::HasSubstr;

class MaskHelperOverGrpc : public ::testing::Test {
 protected:
  MaskHelperOverGrpc() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sotto-helper.XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    EXPECT_TRUE(create_mask_helper(data_dir()).ok());
    fleet_.emplace(6, *identity::load_x25519_public_key(mask_helper_public_file(data_dir())),
                   static_cast<std::uint64_t>(SystemClock().now().ms) / 1000);
    EXPECT_TRUE(identity::save_public_key(folder_ / "authority.pem", fleet_->authority()).ok());
  }
  ~MaskHelperOverGrpc() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] path data_dir() const { return folder_ / "helper"; }
  void serve(const std::string& listen = "127.0.0.1:0") {
    server_.reset();
    auto server = MaskHelperServer::start(
        {.data_dir = data_dir(),
         .listen = listen,
         .authority_file = folder_ / "authority.pem",
         .bulletin_file = folder_ / "brought.pem",
         .notice = [this](const hosting::Notice& notice) { notices_.push_back(notice.text); }});
    ASSERT_TRUE(server.has_value()) << server.error().message();
    server_ = std::move(*server);
    ca_pem_ = server_->certificate().ca_pem;
  }
  [[nodiscard]] std::unique_ptr<MaskHelperClient> client(const std::string& address,
                                                         std::int64_t deadline_ms = 20'000) const {
    auto client =
        MaskHelperClient::connect({.address = address, .ca_pem = ca_pem_, .deadline_ms = deadline_ms});
    EXPECT_TRUE(client.has_value());
    return std::move(*client);
  }
  void expect_sum(const Result<proto::HelperReply>& reply, const std::vector<std::size_t>& devices) const {
    ASSERT_TRUE(reply.has_value()) << reply.error().message();
    ASSERT_TRUE(std::holds_alternative<proto::MaskSum>(*reply));
    EXPECT_TRUE(std::get<proto::MaskSum>(*reply).ring == fleet_->sum_of_masks(devices));
  }

  path folder_;
  std::optional<mask_helper::OneShotFleet> fleet_;
  std::unique_ptr<MaskHelperServer> server_;
  std::string ca_pem_;
  std::vector<std::string> notices_;  // read between calls only
};

TEST_F(MaskHelperOverGrpc, AnswersOneSetAlsoAfterARestart) {
  const std::vector<std::size_t> set = {0, 1, 2, 3, 4};
  for (int start = 0; start < 2; ++start) {
    serve();
    const auto link = client(server_->address());
    expect_sum(link->sum_masks(fleet_->request(set)), set);
    const auto second = link->sum_masks(fleet_->request({0, 1, 2, 3}));
    ASSERT_TRUE(second.has_value()) << second.error().message();
    EXPECT_THAT(std::get<proto::HelperRefusal>(*second).reason, HasSubstr("another set of devices"));
  }
}

TEST_F(MaskHelperOverGrpc, ARevokedDeviceIsRefusedFromTheNextAnswerOnAndAfterARestart) {
  using testing::Contains;
  serve();
  const auto bring = [&](std::uint32_t edition, std::vector<crypto::Digest> revoked) {
    EXPECT_TRUE(
        identity::save_bulletin(folder_ / "brought.pem",
                                secagg::signed_bulletin(fleet_->authority_signer(),
                                                        {.edition = edition, .revoked = std::move(revoked)}))
            .ok());
  };
  const auto reason = [&] {
    const auto reply = client(server_->address())->sum_masks(fleet_->request({0, 1, 2, 3}));
    EXPECT_TRUE(reply.has_value());
    const auto* refusal = std::get_if<proto::HelperRefusal>(&*reply);
    return refusal == nullptr ? std::string() : refusal->reason;
  };
  bring(5, {fleet_->identity(2)});
  EXPECT_THAT(reason(), HasSubstr("1 of 4 masks are not signed"));
  EXPECT_THAT(notices_, Contains("edition 5 of the authority's bulletin is in force"));
  serve();
  bring(4, {});  // set back
  EXPECT_THAT(reason(), HasSubstr("1 of 4 masks are not signed"));
  EXPECT_THAT(notices_, Contains(HasSubstr("set it back")));
  bring(6, {fleet_->identity(5)});
  EXPECT_EQ(reason(), "");
}

TEST_F(MaskHelperOverGrpc, IsWaitedFor) {
  serve();
  const std::string address = server_->address();
  server_.reset();
  const auto link = client(address);
  auto reply = std::async(std::launch::async, [&] { return link->sum_masks(fleet_->request({0, 1, 2, 3})); });
  serve(address);
  expect_sum(reply.get(), {0, 1, 2, 3});
}

TEST_F(MaskHelperOverGrpc, IsGivenUpAtTheDeadlineOrWhenCancelled) {
  serve();
  const std::string address = server_->address();
  server_.reset();
  const auto silent = client(address, 700)->sum_masks(fleet_->request({0, 1, 2, 3}));
  EXPECT_EQ(silent.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(silent.status().message(), HasSubstr("helper " + address));
  const auto link = client(address, 3'600'000);
  auto reply = std::async(std::launch::async, [&] { return link->sum_masks(fleet_->request({0, 1, 2, 3})); });
  link->cancel();
  EXPECT_EQ(reply.get().status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(link->sum_masks(fleet_->request({0, 1, 2, 3})).status().code(), StatusCode::kUnavailable);
}

TEST_F(MaskHelperOverGrpc, IsTheOneWithTheRightCertificate) {
  serve();
  const auto stranger =
      hosting::load_or_create_tls_certificate({.directory = folder_ / "other-tls"}, SystemClock().now());
  ASSERT_TRUE(stranger.has_value());
  ca_pem_ = stranger->ca_pem;
  EXPECT_EQ(client(server_->address(), 700)->sum_masks(fleet_->request({0, 1, 2, 3})).status().code(),
            StatusCode::kUnavailable);
}

TEST_F(MaskHelperOverGrpc, DoesNotStartWithoutItsKeyOrItsRecord) {
  EXPECT_EQ(create_mask_helper(data_dir()).code(), StatusCode::kAlreadyExists);
  const MaskHelperServerOptions options{
      .data_dir = data_dir(), .listen = "127.0.0.1:0", .authority_file = folder_ / "authority.pem"};
  std::filesystem::rename(data_dir() / "answered.db", folder_ / "lost.db");
  const auto forgetful = MaskHelperServer::start(options);
  EXPECT_EQ(forgetful.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(forgetful.status().message(), HasSubstr("cannot know what it has answered"));
  std::filesystem::rename(folder_ / "lost.db", data_dir() / "answered.db");
  std::filesystem::remove(data_dir() / "helper-key.hex");
  const auto keyless = MaskHelperServer::start(options);
  EXPECT_EQ(keyless.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(keyless.status().message(), HasSubstr("sotto helper init"));
}

}  // namespace
}  // namespace sotto::server

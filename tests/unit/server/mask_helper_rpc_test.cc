// A mask helper as a process serves it, and the coordinator's way to it, over loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "sotto/base/clock.h"
#include "sotto/host/address.h"
#include "sotto/identity/bulletin_file.h"
#include "sotto/identity/identity_file.h"
#include "sotto/identity/step.h"
#include "sotto/identity/x25519_key_file.h"
#include "sotto/server/mask_helper_client.h"
#include "sotto/server/mask_helper_server.h"
#include "support/bulletins.h"
#include "unit/mask-helper/one_shot_fleet.h"

namespace sotto::server {
namespace {

using std::filesystem::path;
using ::testing::HasSubstr;

int connected_to(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  return descriptor;
}

// Stands where it is put. The helper reads it on threads of its own.
class StandingClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override { return Time{ms.load()}; }
  std::atomic<std::int64_t> ms = 1'700'000'000'000;
};

class MaskHelperOverGrpc : public ::testing::Test {
 protected:
  MaskHelperOverGrpc() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sotto-helper.XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    EXPECT_TRUE(create_mask_helper(data_dir()).ok());
    fleet_.emplace(6, *identity::load_x25519_public_key(mask_helper_public_file(data_dir())),
                   unix_seconds(clock_.now()) + kPlanAfterS);
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
         .clock = &clock_,
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

  // The plan is of this long after the helper's first start.
  static constexpr std::uint64_t kPlanAfterS = 10;
  void let_the_plans_time_come() { clock_.ms += 2000 * static_cast<std::int64_t>(kPlanAfterS); }

  path folder_;
  StandingClock clock_;
  std::optional<mask_helper::OneShotFleet> fleet_;
  std::unique_ptr<MaskHelperServer> server_;
  std::string ca_pem_;
  std::vector<std::string> notices_;  // read between calls only
};

TEST_F(MaskHelperOverGrpc, AnswersOneSet) {
  const std::vector<std::size_t> set = {0, 1, 2, 3, 4};
  serve();
  let_the_plans_time_come();
  const auto link = client(server_->address());
  expect_sum(link->sum_masks(fleet_->request(set)), set);
  const auto second = link->sum_masks(fleet_->request({0, 1, 2, 3}));
  ASSERT_TRUE(second.has_value()) << second.error().message();
  EXPECT_THAT(std::get<proto::HelperRefusal>(*second).reason, HasSubstr("another set of devices"));
  expect_sum(link->sum_masks(fleet_->request(set)), set);
}

// With the record that it had, and with a whole copy from before it answered, which nothing can tell from
// the newest: neither makes a difference.
TEST_F(MaskHelperOverGrpc, AnswersNoPlanOfBeforeItsStart) {
  const path record = data_dir() / "answered.db";
  const path step = identity::step_path(record);
  std::filesystem::copy_file(record, folder_ / "copy.db");
  std::filesystem::copy_file(step, folder_ / "copy.step");
  serve();
  let_the_plans_time_come();
  expect_sum(client(server_->address())->sum_masks(fleet_->request({0, 1, 2, 3, 4})), {0, 1, 2, 3, 4});
  for (const bool set_back : {false, true}) {
    server_.reset();
    if (set_back) {
      using std::filesystem::copy_options;
      std::filesystem::copy_file(folder_ / "copy.db", record, copy_options::overwrite_existing);
      std::filesystem::copy_file(folder_ / "copy.step", step, copy_options::overwrite_existing);
    }
    notices_.clear();
    serve();
    EXPECT_THAT(notices_,
                ::testing::Contains(HasSubstr("plans that were signed before are refused, so rounds "
                                              "that were under way are lost")));
    for (const auto& set : {std::vector<std::size_t>{0, 1, 2, 3}, {0, 1, 2, 3, 4}}) {
      const auto reply = client(server_->address())->sum_masks(fleet_->request(set));
      ASSERT_TRUE(reply.has_value()) << reply.error().message();
      ASSERT_TRUE(std::holds_alternative<proto::HelperRefusal>(*reply));
      EXPECT_EQ(std::get<proto::HelperRefusal>(*reply).kind, proto::HelperRefusal::Kind::kBeforeStart);
    }
  }
}

// Whoever opens connections without end has its own few, and the operator is told.
TEST_F(MaskHelperOverGrpc, AnAddressHasItsConnectionsAndNoMore) {
  serve();
  let_the_plans_time_come();
  const auto link = client(server_->address());
  expect_sum(link->sum_masks(fleet_->request({0, 1, 2, 3, 4})), {0, 1, 2, 3, 4});
  const auto place = host::parse_host_port(server_->address());
  std::vector<int> sockets;
  for (int i = 0; i < 40; ++i) sockets.push_back(connected_to(place->port));
  const auto refused = [&] {
    return std::count_if(sockets.begin(), sockets.end(), [](int socket) {
      char byte = 0;
      return ::recv(socket, &byte, 1, MSG_DONTWAIT) == 0;
    });
  };
  for (int i = 0; i < 200 && refused() < 25; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(refused(), 25);  // 16 are let in, of which one is the link
  expect_sum(link->sum_masks(fleet_->request({0, 1, 2, 3, 4})), {0, 1, 2, 3, 4});
  for (const int socket : sockets) ::close(socket);
}

TEST_F(MaskHelperOverGrpc, IsAskedAgainWhileItsClockIsBehind) {
  serve();
  const auto hurried = client(server_->address(), 300)->sum_masks(fleet_->request({0, 1, 2, 3}));
  ASSERT_TRUE(hurried.has_value()) << hurried.error().message();
  EXPECT_EQ(std::get<proto::HelperRefusal>(*hurried).kind, proto::HelperRefusal::Kind::kNotYet);
  const auto link = client(server_->address());
  auto reply = std::async(std::launch::async, [&] { return link->sum_masks(fleet_->request({0, 1, 2, 3})); });
  let_the_plans_time_come();
  expect_sum(reply.get(), {0, 1, 2, 3});
}

TEST_F(MaskHelperOverGrpc, ARevokedDeviceIsRefusedFromTheNextAnswerOnAndAfterARestart) {
  using testing::Contains;
  serve();
  let_the_plans_time_come();
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
  clock_.ms = StandingClock().ms.load();  // so that the restarted one takes the plan, too
  serve();
  let_the_plans_time_come();
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
  let_the_plans_time_come();
  expect_sum(reply.get(), {0, 1, 2, 3});
}

TEST_F(MaskHelperOverGrpc, SaysThatItStopsAndAnswersOn) {
  serve();
  let_the_plans_time_come();
  const auto link = client(server_->address());
  constexpr std::chrono::seconds kPatience{20};
  EXPECT_FALSE(link->state(kPatience)->stopping);
  EXPECT_EQ(link->state(kPatience)->key, server_->public_key());
  server_->drain();
  EXPECT_TRUE(link->state(kPatience)->stopping);
  expect_sum(link->sum_masks(fleet_->request({0, 1, 2, 3})), {0, 1, 2, 3});
  server_.reset();
  const auto silent = link->state(std::chrono::milliseconds(300));
  EXPECT_EQ(silent.status().code(), StatusCode::kUnavailable);
}

TEST_F(MaskHelperOverGrpc, IsDrainedOnceEveryCoordinatorIsDone) {
  serve();
  EXPECT_FALSE(server_->drained()) << "it does not drain";
  server_->drain();
  EXPECT_TRUE(server_->drained()) << "nobody has ever asked";
  server_.reset();
  serve();
  constexpr std::chrono::seconds kPatience{20};
  const auto one = client(server_->address());
  const auto two = client(server_->address());
  EXPECT_TRUE(one->state(kPatience, /*done=*/true).has_value());
  EXPECT_TRUE(two->state(kPatience).has_value());
  server_->drain();
  EXPECT_FALSE(server_->drained());
  EXPECT_TRUE(two->state(kPatience, /*done=*/true).has_value());
  EXPECT_FALSE(server_->drained()) << "the other one was done with something else";
  EXPECT_TRUE(one->state(kPatience).has_value());
  EXPECT_FALSE(server_->drained()) << "it has a round under way";
  EXPECT_TRUE(one->state(kPatience, /*done=*/true).has_value());
  EXPECT_TRUE(server_->drained());
  EXPECT_TRUE(two->state(kPatience).has_value());
  EXPECT_FALSE(server_->drained()) << "it has taken it back";
}

TEST_F(MaskHelperOverGrpc, SaysWhenItsRecordIsNotInItsPlace) {
  serve();
  ASSERT_TRUE(server_->status().ok());
  const auto record = data_dir() / "answered.db";
  std::filesystem::rename(record, data_dir() / "elsewhere.db");
  EXPECT_EQ(server_->status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(server_->status().message(), HasSubstr("answered.db"));
  std::filesystem::rename(data_dir() / "elsewhere.db", record);
  EXPECT_TRUE(server_->status().ok());
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
  EXPECT_THAT(forgetful.status().message(), HasSubstr("make a helper with a new key"));
  std::filesystem::rename(folder_ / "lost.db", data_dir() / "answered.db");
  std::filesystem::remove(data_dir() / "helper-key.hex");
  const auto keyless = MaskHelperServer::start(options);
  EXPECT_EQ(keyless.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(keyless.status().message(), HasSubstr("sotto helper init"));
}

}  // namespace
}  // namespace sotto::server

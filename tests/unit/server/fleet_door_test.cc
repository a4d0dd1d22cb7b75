// The door in front of a scripted coordinator: real calls over loopback.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <future>

#include "door/doorkeeper.h"
#include "scripted_coordinator.h"
#include "sotto.pb.h"
#include "sotto/base/rejection.h"
#include "sotto/hosting/tls_certificate.h"
#include "sotto/proto/convert.h"
#include "sotto/server/coordinator_loop.h"
#include "sotto/server/grpc_server.h"
#include "support/enrolment.h"

namespace sotto::server {
namespace {

using ::testing::HasSubstr;

constexpr double kHardlyEver = 0.001;  // a second

SessionToken token(std::uint8_t number) {
  SessionToken made;
  made.value.fill(number);
  return made;
}

class FleetDoorTest : public ::testing::Test {
 protected:
  FleetDoorTest() {
    coordinator_.on_check_in = [this](const CheckInEvent& event) -> std::vector<Action> {
      ++check_ins_;
      if (event.request.device_id != "wanted") {
        return {ReplyAction{event.call, proto::CheckInReply(proto::RetryWindow{7, 9, "not now"})}};
      }
      return {ReplyAction{event.call, proto::CheckInReply(proto::PlanOffer{.token = token(1), .plan = {1}})}};
    };
  }
  ~FleetDoorTest() override {
    channel_.reset();
    server_.reset();
    loop_.reset();
  }

  void start(DoorOptions door, std::int64_t hold_ms = 0) {
    door.hold_ms = hold_ms;
    loop_ = std::make_unique<CoordinatorLoop>(CoordinatorParts{coordinator_, cohorts_, *store_, clock_},
                                              CoordinatorLoopOptions{});
    auto made =
        hosting::load_or_create_tls_certificate({.directory = directory_.path() / "tls"}, clock_.now());
    ASSERT_TRUE(made.has_value()) << made.status().message();
    certificate_ = std::move(*made);
    auto server =
        GrpcServer::start({.address = "127.0.0.1:0",
                           .certificate_pem = certificate_.certificate_pem,
                           .private_key_pem = certificate_.private_key_pem.reveal_text(),
                           .admin_socket = directory_.path() / "admin.sock",
                           .door = door,
                           .valid_pass = [](Bytes pass) { return bytes_text(pass) == "a valid pass"; },
                           .notice =
                               [this](const hosting::Notice& notice) {
                                 const std::lock_guard lock(mutex_);
                                 lines_ += notice.text + "\n";
                                 said_.notify_all();
                               }},
                          *loop_);
    ASSERT_TRUE(server.has_value()) << server.status().message();
    server_ = std::move(*server);
    channel_ = connect();
  }
  // A connection of its own.
  std::shared_ptr<grpc::Channel> connect() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server_->port()),
                                     grpc::SslCredentials({certificate_.ca_pem, "", ""}), arguments);
  }

  struct Answer {
    grpc::Status status;
    std::string bytes;
  };
  // As raw bytes, with the header x-forwarded-for unless it is empty.
  Answer call(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
              const std::string& bytes, const std::string& forwarded = "",
              std::chrono::milliseconds deadline = kPatience) {
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + deadline);
    if (!forwarded.empty()) context.AddMetadata("x-forwarded-for", forwarded);
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    std::promise<grpc::Status> status;
    stub.UnaryCall(&context, "/sotto.v1.Fleet/" + method, {}, &request, &response,
                   [&](grpc::Status result) { status.set_value(std::move(result)); });
    Answer answer{status.get_future().get(), {}};
    grpc::Slice whole;
    if (answer.status.ok() && response.DumpToSingleSlice(&whole).ok()) {
      answer.bytes = std::string(whole.begin(), whole.end());
    }
    return answer;
  }
  static std::string check_in_bytes(const std::string& device) {
    v1::CheckInRequest wire;
    wire.set_protocol_version(proto::kProtocolVersion);
    wire.set_device_id(device);
    wire.set_population("watches");
    return wire.SerializeAsString();
  }
  // The window's reason, or "plan".
  std::string check_in(const std::string& device = "d", const std::string& forwarded = "",
                       const std::string& more = "") {
    const Answer answer = call(channel_, "CheckIn", check_in_bytes(device) + more, forwarded);
    v1::CheckInReply reply;
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
    EXPECT_TRUE(reply.ParseFromString(answer.bytes));
    return reply.has_offer() ? "plan" : reply.retry().reason();
  }
  static std::string exchange_bytes(const SessionToken& of, proto::Step step, std::size_t payload) {
    v1::ExchangeRequest wire;
    proto::to_wire(proto::ExchangeRequest{of, step, false, std::vector<std::uint8_t>(payload)}, wire);
    return wire.SerializeAsString();
  }
  Answer exchange(const SessionToken& of, std::size_t payload = 0, proto::Step step = proto::Step::kShare,
                  std::chrono::milliseconds deadline = kPatience) {
    return call(channel_, "Exchange", exchange_bytes(of, step, payload), "", deadline);
  }
  bool wait_line(const std::string& words) {
    std::unique_lock lock(mutex_);
    return said_.wait_for(lock, kPatience, [&] { return lines_.find(words) != std::string::npos; });
  }

  TemporaryDirectory directory_;
  SystemClock clock_;
  hosting::TlsCertificate certificate_;
  crypto::SystemRandom random_;
  CohortHost cohorts_{random_, {.authority = secagg::fleet_authority().public_key()}};
  std::unique_ptr<Store> store_ = make_memory_store();
  ScriptedCoordinator coordinator_;
  std::atomic<int> check_ins_{0};
  std::mutex mutex_;
  std::condition_variable said_;
  std::string lines_;
  std::unique_ptr<CoordinatorLoop> loop_;
  std::unique_ptr<GrpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

constexpr const char* kTooMany = "too many calls without a session come from this address: try again later";

TEST_F(FleetDoorTest, SendsStrangersAwayWhoCallTooOftenAndSaysSoInTheLog) {
  start({.calls_per_second = kHardlyEver, .calls_burst = 3});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(check_in(), "not now");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(check_in(), kTooMany);
  EXPECT_EQ(check_ins_, 3) << "the coordinator does not hear of them";
  EXPECT_EQ(call(channel_, "FetchModel", "").status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(call(channel_, "Abandon", "").status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(exchange(token(9)).status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(wait_line(" of them from 127.0.0.1: their addresses made more than --calls-per-second"));
}

TEST_F(FleetDoorTest, LetsWhomItTurnsAwayWait) {
  start({.calls_per_second = kHardlyEver, .calls_burst = 1}, 300);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(check_in(), "not now");
  EXPECT_LT(std::chrono::steady_clock::now() - before, kPatience);
  const auto asked = std::chrono::steady_clock::now();
  EXPECT_EQ(check_in(), kTooMany);
  EXPECT_GE(std::chrono::steady_clock::now() - asked, std::chrono::milliseconds(290));
  // Who does not want to wait, or who waits when the server ends, keeps nothing.
  EXPECT_EQ(call(channel_, "FetchModel", "", "", std::chrono::milliseconds(20)).status.error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  auto waiting = std::async(std::launch::async, [&] { return call(channel_, "FetchModel", "").status; });
  server_->shutdown(std::chrono::milliseconds(0));
  EXPECT_FALSE(waiting.get().ok());
}

TEST_F(FleetDoorTest, NeverKeepsASessionOutWhateverItsAddressDoes) {
  start({.calls_per_second = kHardlyEver, .calls_burst = 2});
  EXPECT_EQ(check_in("wanted"), "plan");
  EXPECT_EQ(check_in(), "not now");
  EXPECT_EQ(check_in(), kTooMany);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(exchange(token(1), 1000).status.ok()) << i;
  EXPECT_EQ(exchange(token(2), 1000).status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(FleetDoorTest, LetsAValidPassInAndNoOther) {
  start({.calls_per_second = kHardlyEver, .calls_burst = 1});
  EXPECT_EQ(check_in(), "not now");
  // In field 8.
  const std::string pass(
      "\x42\x0c"
      "a valid pass");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(check_in("d", "", pass), "not now");
  EXPECT_EQ(check_in("d", "",
                     "\x42\x0c"
                     "another pass"),
            kTooMany);
}

TEST_F(FleetDoorTest, CountsByTheAddressThatATrustedProxyNames) {
  start({.trusted_proxies = {"127.0.0.1"},
         .gateways = {"203.0.113.0/24"},
         .calls_per_second = kHardlyEver,
         .calls_burst = 1});
  EXPECT_EQ(check_in("d", "192.0.2.1"), "not now");
  EXPECT_EQ(check_in("d", "192.0.2.1"), kTooMany);
  EXPECT_EQ(check_in("d", "192.0.2.2, 192.0.2.1"), kTooMany);
  EXPECT_EQ(check_in("d", "192.0.2.2"), "not now");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(check_in("d", "203.0.113.7"), "not now");
  EXPECT_EQ(check_in(), "not now") << "no address: the proxy's own";
  EXPECT_EQ(check_in("d", "rubbish"), kTooMany);
}

TEST_F(FleetDoorTest, IgnoresTheHeaderOfAnybodyElse) {
  start({.trusted_proxies = {"10.0.0.1"}, .calls_per_second = kHardlyEver, .calls_burst = 1});
  EXPECT_EQ(check_in("d", "192.0.2.1"), "not now");
  EXPECT_EQ(check_in("d", "192.0.2.2"), kTooMany);
}

TEST_F(FleetDoorTest, RefusesSmallCallsThatAreLarge) {
  start({});
  for (const char* method : {"CheckIn", "FetchModel", "Abandon"}) {
    const grpc::Status status =
        call(channel_, method, std::string(limits::kSmallRequestBytesMax + 1, 'x')).status;
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << method;
    EXPECT_THAT(status.error_message(), HasSubstr("a message of 4097 bytes is larger than any")) << method;
  }
}

TEST_F(FleetDoorTest, AnswersALargeMessageWithoutASessionItself) {
  start({});
  const Answer answer = exchange(token(9), 100'000);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  v1::ExchangeReply reply;
  ASSERT_TRUE(reply.ParseFromString(answer.bytes));
  ASSERT_TRUE(reply.has_refused()) << "the script would have sent it back";
  EXPECT_EQ(reply.refused().reason(), static_cast<std::uint32_t>(Rejection::kUnknownSession));
  EXPECT_EQ(check_in("wanted"), "plan");
  EXPECT_TRUE(exchange(token(1), 100'000).status.ok());
}

TEST_F(FleetDoorTest, GivesRoomBackWhenCallsAreAnsweredAndWhenTheyAreGivenUp) {
  // For a few: gRPC lets go of a call a moment after its answer is there.
  start({.bytes_max = 5 << 20});
  EXPECT_EQ(check_in("wanted"), "plan");
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(exchange(token(1), 1 << 20).status.ok()) << i;
  for (int i = 0; i < 8; ++i) {  // the script holds joins
    const Answer held = exchange(token(1), 1 << 20, proto::Step::kJoin, std::chrono::milliseconds(100));
    ASSERT_EQ(held.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << held.status.error_message();
    coordinator_.wait_cancelled(static_cast<std::size_t>(i) + 1);
  }
  const auto until = std::chrono::steady_clock::now() + kPatience;
  // gRPC lets go of a call a moment after the coordinator has heard.
  while (!exchange(token(1), 1 << 20).status.ok() && std::chrono::steady_clock::now() < until) {
  }
  EXPECT_TRUE(exchange(token(1), 1 << 20).status.ok());
}

TEST_F(FleetDoorTest, TurnsAwayWhatIsTooMuchAtOnce) {
  start({.bytes_max = 2 << 20});
  EXPECT_EQ(check_in("wanted"), "plan");
  std::vector<std::future<Answer>> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(std::async(std::launch::async, [&] {
      return exchange(token(1), 900'000, proto::Step::kJoin, std::chrono::milliseconds(2000));
    }));
  }
  int turned_away = 0;
  for (auto& each : held) {
    turned_away += each.get().status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED ? 1 : 0;
  }
  EXPECT_EQ(turned_away, 1);
  EXPECT_TRUE(wait_line("turned away 1 calls"));
}

TEST_F(FleetDoorTest, BoundsTheConnectionsOfAnAddress) {
  start({.connections_per_address_max = 2});
  EXPECT_EQ(check_in(), "not now");
  const auto second = connect();
  EXPECT_TRUE(call(second, "CheckIn", check_in_bytes("d")).status.ok());
  const auto third = connect();
  EXPECT_EQ(call(third, "CheckIn", check_in_bytes("d")).status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(check_in(), "not now") << "those that were there go on";
  EXPECT_TRUE(wait_line("connections in "));
}

TEST_F(FleetDoorTest, RefusesOptionsThatCannotBeByName) {
  start({});
  GrpcServerOptions options{.address = "127.0.0.1:0", .admin_socket = directory_.path() / "second.sock"};
  options.door.trusted_proxies = {"proxy.example"};
  EXPECT_THAT(GrpcServer::start(options, *loop_).status().message(),
              HasSubstr("trusted-proxy: \"proxy.example\""));
  options.door = {.calls_per_second = 0};
  EXPECT_EQ(GrpcServer::start(options, *loop_).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sotto::server

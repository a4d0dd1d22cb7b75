// The gRPC shells of both sides against each other, over loopback.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <thread>

#include "rpc/rpc_status.h"
#include "scripted_coordinator.h"
#include "sotto.grpc.pb.h"
#include "sotto/client/admin_client.h"
#include "sotto/client/grpc_transport.h"
#include "sotto/hosting/tls_certificate.h"
#include "sotto/proto/convert.h"
#include "sotto/server/coordinator_loop.h"
#include "sotto/server/grpc_server.h"
#include "support/enrolment.h"

namespace sotto::server {
namespace {

using client::Reply;
using client::Transport;
using std::chrono::milliseconds;
using std::filesystem::path;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr std::int64_t kDayMs = 86'400'000;

hosting::TlsCertificate make_certificate(const path& directory, Time now) {
  Result<hosting::TlsCertificate> certificate =
      hosting::load_or_create_tls_certificate({.directory = directory}, now);
  if (!certificate) throw std::runtime_error(certificate.error().message());
  return std::move(*certificate);
}

// What a call would bring, as a future, so that a test can do other things meanwhile.
std::future<Result<Reply>> post(Transport& transport, const client::Request& request) {
  auto promise = std::make_shared<std::promise<Result<Reply>>>();
  transport.send(request, [promise](Result<Reply> reply) { promise->set_value(std::move(reply)); });
  return promise->get_future();
}
Result<Reply> get(std::future<Result<Reply>> future) {
  if (future.wait_for(kPatience) != std::future_status::ready) {
    throw std::runtime_error("no answer");  // ends the test: the callback may still come
  }
  return future.get();
}
Result<Reply> call(Transport& transport, const client::Request& request) {
  return get(post(transport, request));
}

proto::CheckInRequest check_in(const std::string& device) {
  return {.device_id = device,
          .population = "watches",
          .trainers = {proto::Architecture::kSoftmax},
          .parameters_max = 100};
}
proto::ExchangeRequest exchange(proto::Step step, std::vector<std::uint8_t> payload = {}) {
  return {{}, step, false, std::move(payload)};
}

void expect_window(const Result<Reply>& reply, const std::string& reason) {
  ASSERT_TRUE(reply.has_value()) << reply.status().message();
  const auto& window = std::get<proto::RetryWindow>(std::get<proto::CheckInReply>(*reply));
  EXPECT_EQ(window.reason, reason);
}
void expect_error(const Result<Reply>& reply, StatusCode code, const std::string& text) {
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code(), code) << reply.error().message();
  EXPECT_THAT(reply.error().message(), HasSubstr(text));
}

class RpcTest : public ::testing::Test {
 protected:
  RpcTest() { run(coordinator_); }
  ~RpcTest() override {
    server_.reset();
    loop_.reset();
  }

  void run(Coordinator& coordinator, const CoordinatorLoopOptions& options = {}) {
    loop_ =
        std::make_unique<CoordinatorLoop>(CoordinatorParts{coordinator, cohorts_, *store_, clock_}, options);
  }
  GrpcServerOptions server_options(const std::string& address = "127.0.0.1:0") {
    return {.address = address,
            .certificate_pem = certificate_.certificate_pem,
            .private_key_pem = certificate_.private_key_pem.reveal_text(),
            .admin_socket = directory_.path() / "admin.sock"};
  }
  void start(const GrpcServerOptions& options) {
    Result<std::unique_ptr<GrpcServer>> server = GrpcServer::start(options, *loop_);
    ASSERT_TRUE(server.has_value()) << server.status().message();
    server_ = std::move(*server);
    ASSERT_NE(server_->port(), 0);
  }
  void start() { start(server_options()); }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(server_->port()); }
  client::GrpcTransportOptions transport_options() {
    return {.coordinator = address(), .ca_pem = certificate_.ca_pem, .ca_name = "ca.pem"};
  }
  static std::unique_ptr<Transport> transport(const client::GrpcTransportOptions& options) {
    Result<std::unique_ptr<Transport>> made = client::make_grpc_transport(options);
    if (!made) throw std::runtime_error(made.error().message());
    return std::move(*made);
  }
  std::unique_ptr<Transport> transport() { return transport(transport_options()); }

  // Sends raw bytes to a method, without any of our client code.
  grpc::Status raw_call(const std::string& method, const std::string& bytes, std::string* reply = nullptr) {
    return raw_call(grpc::SslCredentials({certificate_.ca_pem, "", ""}), method, bytes, reply);
  }
  grpc::Status raw_call(const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                        const std::string& method, const std::string& bytes, std::string* reply = nullptr) {
    grpc::GenericStub stub(grpc::CreateChannel(address(), credentials));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    std::promise<grpc::Status> status;
    stub.UnaryCall(&context, method, {}, &request, &response,
                   [&](grpc::Status result) { status.set_value(std::move(result)); });
    grpc::Status result = status.get_future().get();
    grpc::Slice whole;
    if (reply != nullptr && response.DumpToSingleSlice(&whole).ok()) {
      *reply = std::string(whole.begin(), whole.end());
    }
    return result;
  }

  TemporaryDirectory directory_;
  SystemClock clock_;
  hosting::TlsCertificate certificate_ = make_certificate(directory_.path() / "tls", clock_.now());
  crypto::SystemRandom random_;
  CohortHost cohorts_{random_, {.authority = secagg::fleet_authority().public_key()}};
  std::unique_ptr<Store> store_ = make_memory_store();
  ScriptedCoordinator coordinator_;
  std::unique_ptr<CoordinatorLoop> loop_;
  std::unique_ptr<GrpcServer> server_;
};

// ---- the calls ----

TEST_F(RpcTest, CarriesEveryCallThereAndBack) {
  start();
  const auto device = transport();
  expect_window(call(*device, check_in("kitchen-7")), "kitchen-7");
  coordinator_.on_check_in = [](const CheckInEvent& event) -> std::vector<Action> {
    return {ReplyAction{event.call, proto::CheckInReply(proto::PlanOffer{.token = {}, .plan = {1}})}};
  };
  ASSERT_TRUE(call(*device, check_in("kitchen-7")).has_value());  // whose session may send much
  const Result<Reply> chunk =
      call(*device, proto::FetchModelRequest{.task = TaskId{1}, .version = ModelVersion{2}, .offset = 40});
  ASSERT_TRUE(chunk.has_value()) << chunk.status().message();
  EXPECT_EQ(std::get<proto::ModelChunk>(*chunk).offset, 40u);
  EXPECT_EQ(std::get<proto::ModelChunk>(*chunk).bytes, (std::vector<std::uint8_t>{1, 2, 3}));
  std::vector<std::uint8_t> vector(1 << 20);
  for (std::size_t i = 0; i < vector.size(); ++i) vector[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  const Result<Reply> next = call(*device, exchange(proto::Step::kCollect, vector));
  ASSERT_TRUE(next.has_value()) << next.status().message();
  EXPECT_EQ(std::get<proto::NextStep>(std::get<proto::ExchangeReply>(*next)).payload, vector);
  const Result<Reply> gone = call(*device, proto::AbandonRequest{{}, "battery"});
  ASSERT_TRUE(gone.has_value()) << gone.status().message();
  EXPECT_TRUE(std::holds_alternative<client::Abandoned>(*gone));
}

TEST_F(RpcTest, AnswersOnEveryLocalName) {
  start(server_options("localhost:0"));
  client::GrpcTransportOptions options = transport_options();
  options.coordinator = "localhost:" + std::to_string(server_->port());
  expect_window(call(*transport(options), check_in("d")), "d");
}

TEST_F(RpcTest, PassesRefusalsOnAndHidesTheServersDisk) {
  start();
  const auto device = transport();
  expect_error(call(*device, proto::FetchModelRequest{.task = TaskId{404}, .version = {}}),
               StatusCode::kNotFound, "no task 404");
  const Result<Reply> broken = call(*device, proto::FetchModelRequest{.task = TaskId{500}, .version = {}});
  expect_error(broken, StatusCode::kIo, "its log says why");
  EXPECT_THAT(broken.error().message(), ::testing::Not(HasSubstr("/var/lib")));
}

TEST(RpcStatus, KeepsEveryCodeApart) {
  std::set<grpc::StatusCode> codes;
  for (int code = 0; code <= static_cast<int>(StatusCode::kIo); ++code) {
    const Status status(static_cast<StatusCode>(code), "text");
    codes.insert(to_rpc_status(status, Audience::kOperator).error_code());
  }
  EXPECT_EQ(codes.size(), static_cast<std::size_t>(StatusCode::kIo) + 1);
  const Status io = io_error("/var/lib/sotto: " + std::string(5000, 'x'));
  EXPECT_THAT(to_rpc_status(io, Audience::kOperator).error_message(), HasSubstr("/var/lib/sotto"));
  EXPECT_EQ(to_rpc_status(io, Audience::kOperator).error_message().size(), 1024u);
}

TEST(RpcStatus, EndsALongMessageWithAWholeCharacter) {
  for (const std::string character : {"x", "é", "€", "😀"}) {
    for (const std::string before : {"", "a", "ab", "abc"}) {
      std::string text = before;
      while (text.size() < 5000) text += character;
      const std::string message = to_rpc_status(invalid_argument(text), Audience::kOperator).error_message();
      EXPECT_LE(message.size(), 1024u);
      EXPECT_GE(message.size(), 1021u);
      ASSERT_TRUE(message.ends_with("..."));
      EXPECT_EQ((message.size() - 3 - before.size()) % character.size(), 0u) << character << before.size();
    }
  }
  const std::string whole(1024, 'x');
  EXPECT_EQ(to_rpc_status(invalid_argument(whole), Audience::kOperator).error_message(), whole);
}

// ---- bad input ----

TEST_F(RpcTest, RefusesBytesThatDoNotDecode) {
  start();
  for (const char* method : {"CheckIn", "FetchModel", "Exchange", "Abandon"}) {
    const grpc::Status status =
        raw_call(std::string("/sotto.v1.Fleet/") + method, "\xff\xff\xff\xff not protobuf");
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << method;
    EXPECT_THAT(status.error_message(), HasSubstr("do not decode")) << method;
  }
  expect_window(call(*transport(), check_in("still-there")), "still-there");
}

TEST_F(RpcTest, RefusesMessagesWithFieldsOutsideTheirBounds) {
  start();
  v1::ExchangeRequest request;
  request.set_token("short");
  request.set_step(1);
  grpc::Status status = raw_call("/sotto.v1.Fleet/Exchange", request.SerializeAsString());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("ExchangeRequest.token has 5 bytes: must have 16"));
  status = raw_call("/sotto.v1.Fleet/CheckIn", "");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("CheckInRequest.device_id"));
}

TEST_F(RpcTest, RefusesAnOversizedMessageBeforeReadingIt) {
  GrpcServerOptions options = server_options();
  options.message_bytes_max = 64 * 1024;
  start(options);
  const auto device = transport();
  expect_error(call(*device, exchange(proto::Step::kCollect, std::vector<std::uint8_t>(100'000))),
               StatusCode::kResourceExhausted, "larger than max");
  expect_window(call(*device, check_in("still-there")), "still-there");
}

TEST_F(RpcTest, DoesNotServeAdministrationOrReflectionToTheFleet) {
  start();
  EXPECT_EQ(raw_call("/sotto.v1.Admin/ListTasks", "").error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(raw_call("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "").error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(RpcTest, ReportsHealthPerService) {
  start();
  std::string reply;
  EXPECT_TRUE(raw_call("/grpc.health.v1.Health/Check", "\x0a\x0esotto.v1.Fleet", &reply).ok());
  EXPECT_EQ(reply, "\x08\x01");  // status: SERVING
  EXPECT_EQ(raw_call("/grpc.health.v1.Health/Check", "\x0a\x0esotto.v1.Admin").error_code(),
            grpc::StatusCode::NOT_FOUND);
}

// ---- TLS ----

TEST_F(RpcTest, RefusesAPlaintextClientAndGoesOn) {
  start();
  EXPECT_EQ(raw_call(grpc::InsecureChannelCredentials(), "/sotto.v1.Fleet/CheckIn", "").error_code(),
            grpc::StatusCode::UNAVAILABLE);
  expect_window(call(*transport(), check_in("still-there")), "still-there");
}

TEST_F(RpcTest, SaysThatTheCertificateIsOfAnotherCa) {
  start();
  client::GrpcTransportOptions options = transport_options();
  options.ca_pem = make_certificate(directory_.path() / "other", clock_.now()).ca_pem;
  options.ca_name = "/etc/device/ca.pem";
  const auto device = transport(options);
  const Result<Reply> reply = call(*device, check_in("d"));
  expect_error(reply, StatusCode::kPermissionDenied, "signed by another CA than /etc/device/ca.pem");
  EXPECT_THAT(reply.error().message(), AllOf(HasSubstr(address()), HasSubstr("copy ca.pem")));
}

TEST_F(RpcTest, SaysThatTheCertificateHasExpired) {
  certificate_ = make_certificate(directory_.path() / "old", Time{clock_.now().ms - 500 * kDayMs});
  start();
  const Result<Reply> reply = call(*transport(), check_in("d"));
  expect_error(reply, StatusCode::kPermissionDenied, " expired on 20");
  EXPECT_THAT(reply.error().message(), HasSubstr("restart the coordinator"));
}

TEST_F(RpcTest, SaysThatTheCaHasExpired) {
  certificate_ = make_certificate(directory_.path() / "ancient", Time{clock_.now().ms - 4000 * kDayMs});
  start();
  const Result<Reply> reply = call(*transport(), check_in("d"));
  expect_error(reply, StatusCode::kPermissionDenied, "the CA certificate of " + address() + " expired on 20");
  EXPECT_THAT(reply.error().message(), HasSubstr("copy the coordinator's new ca.pem"));
}

TEST_F(RpcTest, SaysThatTheCertificateIsNotValidYet) {
  certificate_ = make_certificate(directory_.path() / "future", Time{clock_.now().ms + 500 * kDayMs});
  start();
  expect_error(call(*transport(), check_in("d")), StatusCode::kPermissionDenied, "check this device's clock");
}

TEST_F(RpcTest, SaysThatTheCertificateDoesNotNameTheHost) {
  start(server_options("0.0.0.0:0"));
  client::GrpcTransportOptions options = transport_options();
  // Loopback too, but not in the certificate.
  options.coordinator = "127.0.0.2:" + std::to_string(server_->port());
  expect_error(call(*transport(options), check_in("d")), StatusCode::kPermissionDenied,
               "does not name 127.0.0.2");
}

TEST_F(RpcTest, SaysThatThePortDoesNotSpeakTls) {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  v1::Fleet::Service service;
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> plain = builder.BuildAndStart();
  const auto device =
      transport({.coordinator = "127.0.0.1:" + std::to_string(port), .ca_pem = certificate_.ca_pem});
  const Result<Reply> reply = call(*device, check_in("d"));
  ASSERT_FALSE(reply.has_value());
  EXPECT_THAT(reply.error().message(), AnyOf(HasSubstr("does not speak TLS"), HasSubstr("TLS handshake")));
  plain->Shutdown();
}

TEST_F(RpcTest, RefusesUnusableTransportOptions) {
  for (const char* bad :
       {"", "host", "host:", ":7443", "host:0", "host:70000", "host:12a", "a:b:1", "http://h:1"}) {
    const auto made = client::make_grpc_transport({.coordinator = bad, .ca_pem = certificate_.ca_pem});
    EXPECT_EQ(made.status().code(), StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(made.status().message(), HasSubstr("HOST:PORT")) << bad;
  }
  EXPECT_TRUE(
      client::make_grpc_transport({.coordinator = "[::1]:7443", .ca_pem = certificate_.ca_pem}).has_value());
  const auto no_ca =
      client::make_grpc_transport({.coordinator = "h:1", .ca_pem = "rubbish", .ca_name = "x.pem"});
  EXPECT_EQ(no_ca.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(no_ca.status().message(), HasSubstr("x.pem holds no certificate"));
}

// ---- addresses ----

TEST_F(RpcTest, RefusesAPortInUse) {
  start();
  GrpcServerOptions second = server_options(address());
  second.admin_socket = directory_.path() / "second.sock";
  const auto refused = GrpcServer::start(second, *loop_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), StatusCode::kIo);
  EXPECT_THAT(refused.error().message(),
              AllOf(HasSubstr(address()), HasSubstr("in use"), HasSubstr("choose another port")));
  EXPECT_FALSE(std::filesystem::exists(second.admin_socket));
}

TEST_F(RpcTest, RefusesAddressesItCannotHave) {
  for (const char* bad : {"", "127.0.0.1", "127.0.0.1:", ":1", "127.0.0.1:99999", "127.0.0.1:x"}) {
    const auto refused = GrpcServer::start(server_options(bad), *loop_);
    EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument) << bad;
  }
  const auto foreign = GrpcServer::start(server_options("192.0.2.1:0"), *loop_);
  EXPECT_EQ(foreign.status().code(), StatusCode::kIo);
  EXPECT_THAT(foreign.status().message(), HasSubstr("this machine does not have that address"));
  GrpcServerOptions no_key = server_options();
  no_key.private_key_pem = "rubbish";
  EXPECT_THAT(GrpcServer::start(no_key, *loop_).status().message(),
              HasSubstr("the key of the server's certificate is none"));
}

// ---- held calls, overload, the end ----

TEST_F(RpcTest, TellsTheCoordinatorWhenADeviceGoesAwayWhileHeld) {
  start();
  auto device = transport();
  auto held = post(*device, exchange(proto::Step::kJoin));
  const CallId call_id = coordinator_.wait_held();
  device.reset();
  expect_error(get(std::move(held)), StatusCode::kUnavailable, "");
  EXPECT_EQ(coordinator_.wait_cancelled(1).front(), call_id);
}

TEST_F(RpcTest, GivesUpAtTheDeadline) {
  start();
  client::GrpcTransportOptions options = transport_options();
  options.exchange_deadline_ms = 200;
  const auto device = transport(options);
  expect_error(call(*device, exchange(proto::Step::kJoin)), StatusCode::kDeadlineExceeded, "in time");
  coordinator_.wait_cancelled(1);
}

TEST_F(RpcTest, SendsDevicesAwayWhenTheQueueIsFull) {
  run(coordinator_, {.queue_max = 1});
  start();
  const auto blocking = transport();
  const auto waiting = transport();
  auto first = post(*blocking, check_in("block"));
  coordinator_.wait_blocked();
  std::promise<void> second;  // fills the queue
  loop_->submit(ListTasksEvent{}, [&](const CoordinatorLoop::ReplyBody&) { second.set_value(); });
  const Result<Reply> away = call(*waiting, check_in("late"));
  expect_window(away, "the coordinator is overloaded");
  EXPECT_EQ(std::get<proto::RetryWindow>(std::get<proto::CheckInReply>(*away)).delay_min_ms, 5'000u);
  expect_error(call(*waiting, exchange(proto::Step::kShare)), StatusCode::kResourceExhausted, "try again");
  coordinator_.open_gate();
  expect_window(get(std::move(first)), "block");
  second.get_future().get();
}

TEST_F(RpcTest, ShutsDownWhileCallsAreHeld) {
  start();
  const auto device = transport();
  auto held = post(*device, exchange(proto::Step::kJoin));
  coordinator_.wait_held();
  const auto before = std::chrono::steady_clock::now();
  server_->shutdown(milliseconds(50));
  EXPECT_LT(std::chrono::steady_clock::now() - before, kPatience);
  expect_error(get(std::move(held)), StatusCode::kUnavailable, "");
  server_->shutdown(milliseconds(0));  // again does no harm
  EXPECT_FALSE(std::filesystem::exists(directory_.path() / "admin.sock"));
}

TEST_F(RpcTest, AnswersHeldCallsWhenTheLoopStopsFirst) {
  start();
  const auto device = transport();
  auto held = post(*device, exchange(proto::Step::kJoin));
  coordinator_.wait_held();
  loop_->stop();
  expect_error(get(std::move(held)), StatusCode::kUnavailable, "shutting down");
}

TEST_F(RpcTest, SaysThatNobodyAnswersAndReconnectsAfterARestartOnTheSamePort) {
  start();
  const std::string same_address = address();
  const auto device = transport();
  expect_window(call(*device, check_in("d")), "d");
  server_.reset();
  expect_error(call(*device, check_in("d")), StatusCode::kUnavailable, same_address);
  start(server_options(same_address));
  const auto until = std::chrono::steady_clock::now() + kPatience;
  Result<Reply> reply = call(*device, check_in("d"));
  while (!reply && std::chrono::steady_clock::now() < until) {
    EXPECT_EQ(reply.error().code(), StatusCode::kUnavailable);
    std::this_thread::sleep_for(milliseconds(20));  // the channel waits before it connects again
    reply = call(*device, check_in("d"));
  }
  expect_window(reply, "d");
}

TEST_F(RpcTest, ServesManyDevicesAtOnce) {
  start();
  std::vector<std::unique_ptr<Transport>> devices;
  std::vector<std::future<Result<Reply>>> replies;
  for (int i = 0; i < 40; ++i) devices.push_back(transport());
  for (std::size_t i = 0; i < devices.size(); ++i) {
    replies.push_back(post(*devices[i], check_in("device-" + std::to_string(i))));
  }
  for (std::size_t i = 0; i < replies.size(); ++i) {
    expect_window(get(std::move(replies[i])), "device-" + std::to_string(i));
  }
}

TEST_F(RpcTest, LetsACallbackSendTheNextRequest) {
  start();
  const auto device = transport();
  std::promise<int> finished;
  int count = 0;
  const std::function<void(Result<Reply>)> next = [&](Result<Reply> reply) {
    if (!reply || ++count == 5) return finished.set_value(count);
    device->send(check_in("d"), next);
  };
  device->send(check_in("d"), next);
  EXPECT_EQ(finished.get_future().get(), 5);
}

// ---- administration ----

proto::TaskSpec task_spec() {
  proto::TaskSpec spec;
  spec.name = "steps";
  spec.population = "watches";
  spec.model = {.architecture = proto::Architecture::kSoftmax, .features = 100'000, .classes = 2};
  return spec;
}

// The real coordinator behind both shells.
class AdministrationTest : public RpcTest {
 protected:
  AdministrationTest() {
    Result<std::unique_ptr<Coordinator>> opened =
        Coordinator::open({}, random_, {.identity = &secagg::enrolled_coordinator()}, clock_.now());
    if (!opened) throw std::runtime_error(opened.error().message());
    real_ = std::move(*opened);
    run(*real_);
    start();
  }
  ~AdministrationTest() override {
    server_.reset();
    loop_.reset();
  }
  std::unique_ptr<client::AdminClient> admin() {
    Result<std::unique_ptr<client::AdminClient>> made =
        client::AdminClient::connect(directory_.path() / "admin.sock");
    if (!made) throw std::runtime_error(made.error().message());
    return std::move(*made);
  }

  std::unique_ptr<Coordinator> real_;
};

TEST_F(AdministrationTest, CreatesPausesAndListsTasksAndFetchesTheModel) {
  const auto operator_client = admin();
  const Result<proto::TaskStatus> created = operator_client->create_task(task_spec());
  ASSERT_TRUE(created.has_value()) << created.status().message();
  EXPECT_EQ(created->spec, task_spec());
  const auto tasks = operator_client->list_tasks();
  ASSERT_TRUE(tasks.has_value()) << tasks.status().message();
  ASSERT_EQ(tasks->size(), 1u);
  EXPECT_EQ(tasks->front().id, created->id);
  EXPECT_FALSE(tasks->front().waiting_for.empty());
  EXPECT_EQ(operator_client->set_task_state("steps", proto::TaskState::kPaused)->state,
            proto::TaskState::kPaused);
  EXPECT_TRUE(operator_client->list_rounds("steps", 10)->empty());
  const auto models = operator_client->list_models("steps");
  ASSERT_TRUE(models.has_value()) << models.status().message();
  ASSERT_EQ(models->size(), 1u);
  const auto bytes = operator_client->fetch_model(models->front());
  ASSERT_TRUE(bytes.has_value()) << bytes.status().message();
  EXPECT_EQ(bytes->size(), 4u * 200'002);  // several chunks
  proto::ModelRecord other = models->front();
  other.digest[0] ^= 1;
  EXPECT_EQ(operator_client->fetch_model(other).status().code(), StatusCode::kDataLoss);
}

TEST_F(AdministrationTest, UploadsTheModelThatATaskBeginsWith) {
  const auto operator_client = admin();
  std::vector<float> initial(task_spec().model.parameter_count());  // several chunks
  for (std::size_t i = 0; i < initial.size(); ++i) initial[i] = static_cast<float>(i % 1000) * -0.125f;
  std::vector<std::uint8_t> bytes(initial.size() * sizeof(float));
  std::memcpy(bytes.data(), initial.data(), bytes.size());
  const auto created = operator_client->create_task(task_spec(), bytes);
  ASSERT_TRUE(created.has_value()) << created.status().message();
  const auto models = operator_client->list_models("steps");
  ASSERT_TRUE(models.has_value());
  EXPECT_EQ(models->front().digest, crypto::sha256({bytes}));
  EXPECT_EQ(*operator_client->fetch_model(models->front()), bytes);
  proto::TaskSpec other = task_spec();
  other.name = "other";
  EXPECT_EQ(operator_client->create_task(other, Bytes(bytes).first(8)).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(operator_client->create_task(other, Bytes(bytes).first(7)).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(operator_client->create_task(other, Bytes()).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(AdministrationTest, PassesTheCoordinatorsRefusalsOn) {
  const auto operator_client = admin();
  proto::TaskSpec bad = task_spec();
  bad.participants = 1;
  const Status invalid = operator_client->create_task(bad).status();
  EXPECT_EQ(invalid.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(invalid.message(), HasSubstr("participants = 1"));
  ASSERT_TRUE(operator_client->create_task(task_spec()).has_value());
  EXPECT_EQ(operator_client->create_task(task_spec()).status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(operator_client->list_models("absent").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(operator_client->list_rounds("not a name", 1).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(AdministrationTest, TakesADeviceFromCheckInToAHeldJoin) {
  ASSERT_TRUE(admin()->create_task(task_spec()).has_value());
  const auto device = transport();
  proto::CheckInRequest request = check_in("watch-1");
  request.parameters_max = 1 << 20;
  request.enrolled = true;
  const Result<Reply> challenged = call(*device, request);
  ASSERT_TRUE(challenged.has_value()) << challenged.status().message();
  const auto* challenge = std::get_if<proto::Challenge>(&std::get<proto::CheckInReply>(*challenged));
  ASSERT_NE(challenge, nullptr);
  const secagg::Identity& identity = secagg::enrolled_device("watch-1");
  request.proof = proto::CheckInProof{
      challenge->challenge, challenge->task,
      secagg::make_credential(identity.signer, identity.endorsement,
                              secagg::check_in_statement(challenge->coordinator, challenge->task,
                                                         challenge->challenge, request.device_id))};
  const Result<Reply> checked_in = call(*device, request);
  ASSERT_TRUE(checked_in.has_value()) << checked_in.status().message();
  const auto* offer = std::get_if<proto::PlanOffer>(&std::get<proto::CheckInReply>(*checked_in));
  ASSERT_NE(offer, nullptr);
  const Result<proto::Plan> plan = proto::decode_plan(offer->plan);
  ASSERT_TRUE(plan.has_value()) << plan.status().message();

  std::vector<std::uint8_t> model;
  do {
    const Result<Reply> reply = call(*device, proto::FetchModelRequest{.token = offer->token,
                                                                       .task = plan->task,
                                                                       .version = plan->model_version,
                                                                       .offset = model.size()});
    ASSERT_TRUE(reply.has_value()) << reply.status().message();
    const auto& chunk = std::get<proto::ModelChunk>(*reply);
    ASSERT_FALSE(chunk.bytes.empty());
    model.insert(model.end(), chunk.bytes.begin(), chunk.bytes.end());
  } while (model.size() < 4 * plan->model.parameter_count());
  EXPECT_EQ(crypto::sha256({model}), plan->model_digest);

  const Result<Reply> unknown = call(*device, exchange(proto::Step::kShare));
  ASSERT_TRUE(unknown.has_value()) << unknown.status().message();
  EXPECT_EQ(std::get<proto::Refused>(std::get<proto::ExchangeReply>(*unknown)).reason,
            Rejection::kUnknownSession);
  const Result<Reply> gone = call(*device, proto::AbandonRequest{offer->token, "battery"});
  ASSERT_TRUE(gone.has_value()) << gone.status().message();
  EXPECT_TRUE(std::holds_alternative<client::Abandoned>(*gone));
}

void make_stale_socket(const path& socket) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strncpy(name.sun_path, socket.c_str(), sizeof name.sun_path - 1);
  ASSERT_EQ(::bind(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  ::close(descriptor);
}

TEST_F(RpcTest, GivesTheAdministrationSocketToItsOwnerOnlyAndRemovesIt) {
  const path socket = directory_.path() / "admin.sock";
  start();
  struct stat found {};
  ASSERT_EQ(::stat(socket.c_str(), &found), 0);
  EXPECT_TRUE(S_ISSOCK(found.st_mode));
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(socket));
}

TEST_F(RpcTest, ReplacesAStaleSocketButNothingElse) {
  const path socket = directory_.path() / "admin.sock";
  make_stale_socket(socket);
  start();
  EXPECT_TRUE(client::AdminClient::connect(socket).has_value());
  const auto second = GrpcServer::start(server_options(), *loop_);
  EXPECT_EQ(second.status().code(), StatusCode::kIo);
  EXPECT_THAT(second.status().message(), HasSubstr("another coordinator listens on " + socket.string()));
  EXPECT_TRUE(client::AdminClient::connect(socket).has_value());  // the first still has its socket
  server_.reset();
  std::ofstream(socket) << "precious";
  const auto third = GrpcServer::start(server_options(), *loop_);
  EXPECT_EQ(third.status().code(), StatusCode::kIo);
  EXPECT_THAT(third.status().message(), HasSubstr("is in the way"));
  EXPECT_TRUE(std::filesystem::exists(socket));
}

TEST_F(RpcTest, AcceptsAnyCharacterInTheSocketsPath) {
  const TemporaryDirectory odd("100% odd #?");
  GrpcServerOptions options = server_options();
  options.admin_socket = odd.path() / "admin.sock";
  start(options);
  ASSERT_TRUE(std::filesystem::exists(options.admin_socket));
  const auto operator_client = client::AdminClient::connect(options.admin_socket);
  ASSERT_TRUE(operator_client.has_value()) << operator_client.status().message();
  EXPECT_THAT((*operator_client)->list_tasks().status().message(), HasSubstr("not in this script"));
}

TEST_F(RpcTest, SaysWhenNoCoordinatorListens) {
  const path socket = directory_.path() / "admin.sock";
  const Status absent = client::AdminClient::connect(socket).status();
  EXPECT_EQ(absent.code(), StatusCode::kUnavailable);
  EXPECT_THAT(absent.message(),
              AllOf(HasSubstr("no coordinator listens at " + socket.string()), HasSubstr("sotto serve")));
  make_stale_socket(socket);
  EXPECT_EQ(client::AdminClient::connect(socket).status().code(), StatusCode::kUnavailable);
  const Status too_long = client::AdminClient::connect("/" + std::string(200, 'x')).status();
  EXPECT_EQ(too_long.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(too_long.message(), HasSubstr("the system allows 107"));
  std::filesystem::remove(socket);
  start();
  const auto operator_client = client::AdminClient::connect(socket);
  ASSERT_TRUE(operator_client.has_value());
  server_.reset();
  EXPECT_EQ((*operator_client)->list_tasks().status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace sotto::server

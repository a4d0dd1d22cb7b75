// Check-ins a second through the whole shell (TLS, parsing, the coordinator's queue and thread, a memory
// store without an open task, so that every answer is a RetryWindow) beside a raw gRPC service that returns
// the same bytes for the same request: same process, TLS, connections, calls in flight and client code. The
// ratio is what the coordinator costs.
//
//   check_in_bench [SECONDS PER MEASUREMENT, default 2]
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "sotto.grpc.pb.h"
#include "sotto/crypto/primitives.h"
#include "sotto/hosting/tls_certificate.h"
#include "sotto/proto/convert.h"
#include "sotto/proto/grpc_locks.h"
#include "sotto/server/coordinator_loop.h"
#include "sotto/server/grpc_server.h"

namespace sotto {
namespace {

constexpr std::size_t kConnections = 16;
constexpr std::size_t kInFlight = 8;  // on each connection
constexpr std::size_t kRuns = 3;
constexpr const char* kMethod = "/sotto.v1.Fleet/CheckIn";

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}

grpc::ByteBuffer to_buffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

// Answers every check-in with the same bytes, unread.
class RawService final : public v1::Fleet::WithRawCallbackMethod_CheckIn<v1::Fleet::Service> {
 public:
  explicit RawService(const std::string& reply) : reply_(to_buffer(reply)) {}
  grpc::ServerUnaryReactor* CheckIn(grpc::CallbackServerContext* context, const grpc::ByteBuffer*,
                                    grpc::ByteBuffer* response) override {
    *response = reply_;
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  const grpc::ByteBuffer reply_;
};

// What all callers of one measurement share.
struct Measurement {
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> calls{0};
  std::atomic<std::uint64_t> failures{0};
  std::mutex mutex;
  std::condition_variable idle;
  std::size_t active = 0;
};

// Keeps one call in flight until told to stop.
class Caller {
 public:
  Caller(const std::shared_ptr<grpc::Channel>& channel, const std::string& request, Measurement& measurement)
      : stub_(channel), request_(to_buffer(request)), measurement_(measurement) {}

  void next() {
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    stub_.UnaryCall(context_.get(), kMethod, {}, &request_, &response_,
                    [this](const grpc::Status& status) { finished(status); });
  }

 private:
  void finished(const grpc::Status& status) {
    ++(status.ok() ? measurement_.calls : measurement_.failures);
    if (status.ok() && !measurement_.stop) return next();
    const std::lock_guard lock(measurement_.mutex);
    --measurement_.active;
    measurement_.idle.notify_all();
  }

  grpc::GenericStub stub_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  std::unique_ptr<grpc::ClientContext> context_;
  Measurement& measurement_;
};

using Channels = std::vector<std::shared_ptr<grpc::Channel>>;

Channels connect(int port, const std::string& ca_pem) {
  Channels channels;
  for (std::size_t i = 0; i < kConnections; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channels.push_back(grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port),
                                                 grpc::SslCredentials({ca_pem, "", ""}), arguments));
    if (!channels.back()->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
      throw std::runtime_error("no connection to the server under test");
    }
  }
  return channels;
}

double calls_per_second(const Channels& channels, const std::string& request, double seconds) {
  Measurement measurement;
  std::vector<std::unique_ptr<Caller>> callers;
  for (const auto& channel : channels) {
    for (std::size_t i = 0; i < kInFlight; ++i) {
      callers.push_back(std::make_unique<Caller>(channel, request, measurement));
    }
  }
  measurement.active = callers.size();
  const auto start = std::chrono::steady_clock::now();
  for (const auto& caller : callers) caller->next();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const std::uint64_t calls = measurement.calls;
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  measurement.stop = true;
  std::unique_lock lock(measurement.mutex);
  measurement.idle.wait(lock, [&] { return measurement.active == 0; });
  if (measurement.failures > 0) throw std::runtime_error("calls failed: the figures would mean nothing");
  return static_cast<double>(calls) / elapsed.count();
}

std::string one_reply(const std::shared_ptr<grpc::Channel>& channel, const std::string& request) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  const grpc::ByteBuffer bytes = to_buffer(request);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, kMethod, {}, &bytes, &response,
                 [&](grpc::Status status) { done.set_value(std::move(status)); });
  grpc::Slice whole;
  if (!done.get_future().get().ok() || !response.DumpToSingleSlice(&whole).ok()) {
    throw std::runtime_error("the check-in failed");
  }
  return {whole.begin(), whole.end()};
}

std::string check_in_request() {
  v1::CheckInRequest wire;
  proto::to_wire(
      proto::CheckInRequest{.device_id = "device-0000001",
                            .population = "benchmark",
                            .trainers = {proto::Architecture::kSoftmax, proto::Architecture::kDense},
                            .parameters_max = 1 << 20},
      wire);
  return wire.SerializeAsString();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void run(double seconds, const std::filesystem::path& directory) {
  const SystemClock clock;
  const auto certificate =
      must(hosting::load_or_create_tls_certificate({.directory = directory / "tls"}, clock.now()));
  const auto store = server::make_memory_store();
  crypto::SystemRandom random;
  const auto coordinator = must(server::Coordinator::open({}, random, {}, clock.now()));
  server::CohortHost cohorts(random, {});
  server::CoordinatorLoop loop({*coordinator, cohorts, *store, clock}, {});
  const auto shell =
      must(server::GrpcServer::start({.address = "127.0.0.1:0",
                                      .certificate_pem = certificate.certificate_pem,
                                      .private_key_pem = certificate.private_key_pem.reveal_text(),
                                      .admin_socket = directory / "admin.sock",
                                      .door = {.gateways = {"127.0.0.0/8"}}},
                                     loop));
  const std::string request = check_in_request();
  const Channels to_shell = connect(shell->port(), certificate.ca_pem);
  const std::string reply = one_reply(to_shell.front(), request);

  RawService service(reply);
  grpc::ServerBuilder builder;
  int raw_port = 0;
  grpc::SslServerCredentialsOptions tls;
  tls.pem_key_cert_pairs.push_back(
      {std::string(certificate.private_key_pem.reveal_text()), certificate.certificate_pem});
  builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &raw_port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> raw = builder.BuildAndStart();
  const Channels to_raw = connect(raw_port, certificate.ca_pem);

  std::vector<double> through_shell;
  std::vector<double> through_raw;
  calls_per_second(to_raw, request, seconds / 4);  // warm up
  calls_per_second(to_shell, request, seconds / 4);
  for (std::size_t i = 0; i < kRuns; ++i) {
    through_raw.push_back(calls_per_second(to_raw, request, seconds));
    through_shell.push_back(calls_per_second(to_shell, request, seconds));
  }
  std::printf("%zu connections x %zu calls in flight over TLS, %zu-byte request, %zu-byte reply\n",
              kConnections, kInFlight, request.size(), reply.size());
  std::printf("client and server share %u processors; median of %zu runs of %.1f s\n\n",
              std::thread::hardware_concurrency(), kRuns, seconds);
  std::printf("%-36s %12s\n", "", "calls/s");
  std::printf("%-36s %12.0f\n", "raw gRPC service, same bytes", median(through_raw));
  std::printf("%-36s %12.0f\n", "check-in through the coordinator", median(through_shell));
  std::printf("%-36s %12.2f\n", "ratio", median(through_shell) / median(through_raw));
  shell->shutdown(std::chrono::milliseconds(0));
  raw->Shutdown(std::chrono::system_clock::now());
}

}  // namespace
}  // namespace sotto

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2.0;
  if (argc > 2 || !(seconds >= 0.1 && seconds <= 60)) {
    std::fprintf(stderr, "usage: check_in_bench [SECONDS PER MEASUREMENT, 0.1 .. 60]\n");
    return 2;
  }
  sotto::proto::skip_grpc_lock_checks();  // as `sotto` does
  std::string name = (std::filesystem::temp_directory_path() / "sotto-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    std::perror(name.c_str());
    return 1;
  }
  int status = 0;
  try {
    sotto::run(seconds, name);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "check_in_bench: %s\n", exception.what());
    status = 1;
  }
  std::error_code ignored;
  std::filesystem::remove_all(name, ignored);
  return status;
}

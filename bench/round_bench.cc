// What rounds of many devices cost a coordinator, in processor time and memory: a real `sotto serve` process
// with a fleet of `sotto simulate` beside a bare gRPC server that answers the same calls (one connection for
// each device, TLS, the same bytes each way) with fixed bytes. Server and fleet are processes of their own;
// what is printed is the servers'.
//
//   round_bench SOTTO [DEVICES, default 10000] [SECURE DEVICES, default 1000] [ROUNDS, default 3]
#include <fcntl.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "sotto.grpc.pb.h"
#include "sotto/base/clock.h"
#include "sotto/hosting/tls_certificate.h"
#include "sotto/proto/grpc_locks.h"

extern char** environ;

namespace sotto {
namespace {

using std::filesystem::path;

// A round of the motion example without masks: check-in, model, join, vector. Bytes as they travel.
struct Call {
  const char* method;
  std::size_t request_bytes;
  std::size_t reply_bytes;
};
constexpr Call kRound[] = {
    {"/sotto.v1.Fleet/CheckIn", 60, 460},
    {"/sotto.v1.Fleet/FetchModel", 40, 2060},
    {"/sotto.v1.Fleet/Exchange", 60, 10},
    {"/sotto.v1.Fleet/Exchange", 1110, 10},
};

grpc::ByteBuffer zeros(std::size_t size) {
  const grpc::Slice slice(std::string(size, '\0'));
  return {&slice, 1};
}

// ---- the bare server, and its fleet ----

using AllCalls = v1::Fleet::WithRawCallbackMethod_CheckIn<v1::Fleet::WithRawCallbackMethod_FetchModel<
    v1::Fleet::WithRawCallbackMethod_Exchange<v1::Fleet::Service>>>;

class BareService final : public AllCalls {
 public:
  grpc::ServerUnaryReactor* CheckIn(grpc::CallbackServerContext* context, const grpc::ByteBuffer*,
                                    grpc::ByteBuffer* response) override {
    return answer(*context, *response, kRound[0].reply_bytes);
  }
  grpc::ServerUnaryReactor* FetchModel(grpc::CallbackServerContext* context, const grpc::ByteBuffer*,
                                       grpc::ByteBuffer* response) override {
    return answer(*context, *response, kRound[1].reply_bytes);
  }
  grpc::ServerUnaryReactor* Exchange(grpc::CallbackServerContext* context, const grpc::ByteBuffer*,
                                     grpc::ByteBuffer* response) override {
    return answer(*context, *response, kRound[2].reply_bytes);
  }

 private:
  static grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext& context, grpc::ByteBuffer& response,
                                          std::size_t size) {
    response = zeros(size);
    grpc::ServerUnaryReactor* const reactor = context.DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

int run_bare_server(const path& folder) {
  auto certificate =
      hosting::load_or_create_tls_certificate({.directory = folder / "tls"}, SystemClock().now());
  if (!certificate) throw std::runtime_error(certificate.error().message());
  grpc::SslServerCredentialsOptions tls;
  tls.pem_key_cert_pairs.push_back(
      {std::string(certificate->private_key_pem.reveal_text()), certificate->certificate_pem});
  BareService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  std::ofstream(folder / "listening") << "listening on 127.0.0.1:" << port << std::endl;
  server->Wait();
  return 0;
}

// One device: its calls one after the other, round by round.
class BareDevice {
 public:
  BareDevice(const std::string& address, const std::string& ca_pem, std::size_t rounds,
             std::atomic<std::size_t>& left)
      : rounds_(rounds), left_(left) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ = std::make_unique<grpc::GenericStub>(
        grpc::CreateCustomChannel(address, grpc::SslCredentials({ca_pem, "", ""}), arguments));
  }

  void next() {
    if (call_ == std::size(kRound)) {
      call_ = 0;
      --rounds_;
    }
    if (rounds_ == 0) {
      --left_;
      return;
    }
    const Call& call = kRound[call_++];
    request_ = zeros(call.request_bytes);
    context_ = std::make_unique<grpc::ClientContext>();
    stub_->UnaryCall(
        context_.get(), call.method, {}, &request_, &response_, [this](const grpc::Status& status) {
          if (!status.ok()) {
            std::fprintf(stderr, "a call of the bare fleet failed: %s\n", status.error_message().c_str());
            std::_Exit(1);
          }
          next();
        });
  }

 private:
  std::unique_ptr<grpc::GenericStub> stub_;
  std::size_t rounds_;
  std::size_t call_ = 0;
  std::atomic<std::size_t>& left_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  std::unique_ptr<grpc::ClientContext> context_;
};

int run_bare_fleet(const std::string& address, const path& ca_file, std::size_t count, std::size_t rounds) {
  std::stringstream ca;
  ca << std::ifstream(ca_file).rdbuf();
  std::atomic<std::size_t> left = count;
  std::vector<std::unique_ptr<BareDevice>> devices;
  for (std::size_t i = 0; i < count; ++i) {
    devices.push_back(std::make_unique<BareDevice>(address, ca.str(), rounds, left));
  }
  for (const auto& device : devices) device->next();
  while (left > 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return 0;
}

// ---- processes ----

class Process {
 public:
  Process(std::vector<std::string> command, const path& log) {
    std::vector<char*> arguments;
    for (std::string& word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    const int error = posix_spawn(&id_, arguments[0], &files, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    if (error != 0) throw std::runtime_error("cannot start " + command[0]);
  }
  ~Process() {
    if (id_ > 0) ::kill(id_, SIGTERM);
    wait();
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  int wait() {
    int status = 0;
    if (id_ > 0) ::waitpid(id_, &status, 0);
    id_ = -1;
    return status;
  }
  [[nodiscard]] double processor_seconds() const {
    std::ifstream file("/proc/" + std::to_string(id_) + "/stat");
    std::string line;
    std::getline(file, line);
    std::istringstream fields(line.substr(line.rfind(')') + 2));
    std::string field;
    double ticks = 0;
    for (int i = 3; i <= 15 && fields >> field; ++i) {
      if (i >= 14) ticks += std::stod(field);  // utime, stime
    }
    return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
  [[nodiscard]] double memory_kb(const std::string& row) const {  // "VmHWM:", "VmRSS:"
    std::ifstream file("/proc/" + std::to_string(id_) + "/status");
    for (std::string word; file >> word;) {
      double kb = 0;
      if (word == row && file >> kb) return kb;
    }
    return 0;
  }

 private:
  pid_t id_ = -1;
};

std::string listening_address(const path& log) {
  for (int i = 0; i < 600; ++i) {
    std::ifstream file(log);
    for (std::string word; file >> word;) {
      if (word.starts_with("127.0.0.1:")) return word;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  throw std::runtime_error("the server under test does not come up: " + log.string());
}

struct Cost {
  double seconds = 0;  // of the processor, for all rounds
  double kb_at_start = 0;
  double kb_at_most = 0;
  double kb_afterwards = 0;
};

Cost cost_of(Process& server, std::vector<std::string> fleet, const path& folder) {
  Cost cost;
  cost.kb_at_start = server.memory_kb("VmRSS:");
  const double before = server.processor_seconds();
  if (Process(std::move(fleet), folder / "fleet.log").wait() != 0) {
    throw std::runtime_error("the fleet failed: " + (folder / "fleet.log").string());
  }
  cost.seconds = server.processor_seconds() - before;
  cost.kb_at_most = server.memory_kb("VmHWM:");
  cost.kb_afterwards = server.memory_kb("VmRSS:");
  return cost;
}

Cost of_coordinator(const std::string& sotto, const path& folder, const std::string& aggregation,
                    std::size_t devices, std::size_t rounds) {
  std::filesystem::create_directories(folder);
  const path data = folder / "coordinator";
  Process server({sotto, "serve", "--data-dir", data, "--listen", "127.0.0.1:0", "--local-authority",
                  "--gateway", "127.0.0.0/8"},
                 folder / "serve.log");
  const std::string address = listening_address(folder / "serve.log");
  return cost_of(server,
                 {sotto,
                  "simulate",
                  "motion",
                  "--devices",
                  std::to_string(devices),
                  "--rounds",
                  std::to_string(rounds),
                  "--transport",
                  "grpc",
                  "--aggregation",
                  aggregation,
                  "--coordinator",
                  address,
                  "--ca",
                  data / "tls" / "ca.pem",
                  "--admin",
                  data / "admin.sock",
                  "--authority",
                  data / "authority",
                  "--quiet"},
                 folder);
}

Cost of_bare_server(const std::string& self, const path& folder, std::size_t devices, std::size_t rounds) {
  std::filesystem::create_directories(folder);
  Process server({self, "--bare-server", folder}, folder / "serve.log");
  const std::string address = listening_address(folder / "listening");
  return cost_of(server,
                 {self, "--bare-fleet", address, folder / "tls" / "ca.pem", std::to_string(devices),
                  std::to_string(rounds)},
                 folder);
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// What further rounds cost once everybody is connected, and what the first one does.
struct Rows {
  Cost first;
  double seconds_a_round = 0;
};
template <typename Run>
Rows measure(std::size_t rounds, Run run) {
  Rows rows{run("first", std::size_t{1}), 0};
  const Cost all = run("all", rounds + 1);
  rows.seconds_a_round = (all.seconds - rows.first.seconds) / static_cast<double>(rounds);
  return rows;
}

void run(const std::string& self, const std::string& sotto, std::size_t devices, std::size_t secure_devices,
         std::size_t rounds) {
  raise_descriptor_limit();
  const path folder = std::filesystem::temp_directory_path() / ("round_bench-" + std::to_string(::getpid()));
  const auto kb = [](const Rows& rows, std::size_t of) {
    return (rows.first.kb_at_most - rows.first.kb_at_start) / static_cast<double>(of);
  };
  std::printf("server processes: processor time of a round, memory of a connection at its most\n\n");
  std::printf("%-44s %10s %10s %12s %12s\n", "", "first, s", "further, s", "KB/device", "kept, KB");
  const auto row = [&](const std::string& name, const Rows& rows, std::size_t of) {
    std::printf("%-44s %10.2f %10.2f %12.1f %12.1f\n", name.c_str(), rows.first.seconds, rows.seconds_a_round,
                kb(rows, of), (rows.first.kb_afterwards - rows.first.kb_at_start) / static_cast<double>(of));
    std::fflush(stdout);  // the next takes minutes
  };
  const Rows bare = measure(rounds, [&](const char* name, std::size_t count) {
    return of_bare_server(self, folder / "bare" / name, devices, count);
  });
  row("bare gRPC, " + std::to_string(devices) + " connections", bare, devices);
  const Rows plain = measure(rounds, [&](const char* name, std::size_t count) {
    return of_coordinator(sotto, folder / "plain" / name, "plain", devices, count);
  });
  row("plain round, " + std::to_string(devices) + " devices", plain, devices);
  std::printf("%-44s %10.2f %10.2f %12.2f\n", "plain round / bare gRPC",
              plain.first.seconds / bare.first.seconds, plain.seconds_a_round / bare.seconds_a_round,
              kb(plain, devices) / kb(bare, devices));
  const Rows secure = measure(rounds, [&](const char* name, std::size_t count) {
    return of_coordinator(sotto, folder / "secure" / name, "secure", secure_devices, count);
  });
  row("secure round, " + std::to_string(secure_devices) + " devices", secure, secure_devices);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sotto

int main(int argc, char** argv) {
  sotto::proto::skip_grpc_lock_checks();  // as `sotto` does
  const std::vector<std::string> words(argv, argv + argc);
  const auto number = [&](std::size_t at, std::size_t otherwise) {
    return words.size() > at ? std::stoul(words[at]) : otherwise;
  };
  try {
    if (words.size() == 3 && words[1] == "--bare-server") return sotto::run_bare_server(words[2]);
    if (words.size() == 6 && words[1] == "--bare-fleet") {
      sotto::raise_descriptor_limit();
      return sotto::run_bare_fleet(words[2], words[3], number(4, 0), number(5, 0));
    }
    if (words.size() < 2) {
      std::fprintf(stderr, "usage: round_bench SOTTO [DEVICES] [SECURE DEVICES] [ROUNDS]\n");
      return 2;
    }
    sotto::run(std::filesystem::read_symlink("/proc/self/exe"), words[1], number(2, 10'000), number(3, 1'000),
               number(4, 3));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "round_bench: %s\n", error.what());
    return 1;
  }
}

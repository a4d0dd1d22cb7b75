#include "tls_probe.h"

#include <fmt/core.h>

#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <memory>
#include <system_error>
#include <utility>

#include "sotto/base/result.h"

namespace sotto::client {
namespace {

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Connection = std::unique_ptr<SSL, decltype(&SSL_free)>;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookAtStop{50};

class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

// How long to go on, and whether anybody still wants to know.
struct Patience {
  Clock::time_point until;
  const std::atomic<bool>& stop;

  // Waits until the socket is ready for `events`; false when patience has ended.
  [[nodiscard]] bool wait(int descriptor, short events) const {
    while (!stop.load() && Clock::now() < until) {
      pollfd entry{descriptor, events, 0};
      if (::poll(&entry, 1, static_cast<int>(kLookAtStop.count())) > 0) return true;
    }
    return false;
  }
};

std::string peer(const TlsProbe& probe) { return probe.host + ":" + probe.port; }

Status no_connection(const TlsProbe& probe, const std::string& why) {
  return unavailable(fmt::format("cannot connect to {} ({}): check the address and that the coordinator runs",
                                 peer(probe), why));
}

int connect_one(const addrinfo& info, const Patience& patience, Socket& connected) {
  Socket socket(::socket(info.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) return errno;
  if (::connect(socket.get(), info.ai_addr, info.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return errno;
    if (!patience.wait(socket.get(), POLLOUT)) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return error;
  }
  connected = std::move(socket);
  return 0;
}

Status connect(const TlsProbe& probe, const Patience& patience, Socket& socket) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(probe.host.c_str(), probe.port.c_str(), &hints, &found); error != 0) {
    return no_connection(probe, ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, ::freeaddrinfo);
  int error = EHOSTUNREACH;
  for (const addrinfo* info = list.get(); info != nullptr; info = info->ai_next) {
    error = connect_one(*info, patience, socket);
    if (error == 0) return {};
  }
  return no_connection(probe, std::error_code(error, std::generic_category()).message());
}

// The certificate that was refused. OpenSSL forgets it with the failed handshake, so verification notes it
// down.
struct RefusedCertificate {
  std::string valid_until;  // "2031-05-17"
  bool is_authority = false;
};

int note_refusal(int accepted, X509_STORE_CTX* store) {
  if (accepted == 1) return 1;
  const auto* connection =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* refused = static_cast<RefusedCertificate*>(SSL_get_app_data(connection));
  const X509* certificate = X509_STORE_CTX_get_current_cert(store);
  std::tm parts{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) return 0;
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
  refused->valid_until = text.data();
  refused->is_authority = X509_STORE_CTX_get_error_depth(store) > 0;
  return 0;
}

// Null when `pem` holds no certificate.
Context make_context(const std::string& pem) {
  Context context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free_all);
  std::size_t certificates = 0;
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), certificate);
    X509_free(certificate);
    ++certificates;
  }
  ERR_clear_error();
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, note_refusal);
  if (certificates == 0) context.reset();
  return context;
}

Connection make_connection(SSL_CTX& context, const TlsProbe& probe, int descriptor,
                           RefusedCertificate& refused) {
  Connection connection(SSL_new(&context), SSL_free);
  constexpr std::array<unsigned char, 3> kHttp2 = {2, 'h', '2'};
  SSL_set_alpn_protos(connection.get(), kHttp2.data(), kHttp2.size());
  X509_VERIFY_PARAM* expected = SSL_get0_param(connection.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, probe.host.c_str()) != 1) {
    ERR_clear_error();
    SSL_set1_host(connection.get(), probe.host.c_str());
    SSL_set_tlsext_host_name(connection.get(), probe.host.c_str());
  }
  SSL_set_fd(connection.get(), descriptor);
  SSL_set_app_data(connection.get(), &refused);
  return connection;
}

std::string explain_certificate(SSL& connection, const TlsProbe& probe) {
  const auto& refused = *static_cast<const RefusedCertificate*>(SSL_get_app_data(&connection));
  const long error = SSL_get_verify_result(&connection);
  const std::string certificate = "the certificate of " + peer(probe);
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      if (refused.is_authority) {
        return fmt::format(
            "the CA certificate of {} expired on {}: copy the coordinator's new ca.pem, or check this "
            "device's clock",
            peer(probe), refused.valid_until);
      }
      return fmt::format(
          "{} expired on {}: restart the coordinator, which renews it, or check this device's clock",
          certificate, refused.valid_until);
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return certificate + " is not valid yet: check this device's clock";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format(
          "{} does not name {}: start the coordinator with that name among its own, or use one of those",
          certificate, probe.host);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return fmt::format(
          "{} is signed by another CA than {}: copy ca.pem from the coordinator's data directory, or check "
          "that this is the right coordinator",
          certificate, probe.ca_name);
    default:
      return fmt::format("{} is refused: {}", certificate, X509_verify_cert_error_string(error));
  }
}

Status handshake(SSL& connection, const TlsProbe& probe, const Patience& patience, int descriptor) {
  for (;;) {
    ERR_clear_error();
    const int result = SSL_connect(&connection);
    if (result == 1) return {};
    const int error = SSL_get_error(&connection, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
      if (patience.wait(descriptor, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT)) continue;
      return no_connection(probe, "it does not finish the TLS handshake");
    }
    if (SSL_get_verify_result(&connection) != X509_V_OK) {
      return {StatusCode::kPermissionDenied, explain_certificate(connection, probe)};
    }
    if (error == SSL_ERROR_SSL && ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL) {
      const char* reason = ERR_reason_error_string(ERR_peek_error());
      return {StatusCode::kPermissionDenied,
              fmt::format("{} does not speak TLS as a coordinator does ({}): check the port, and that "
                          "nothing between rewrites the connection",
                          peer(probe), reason == nullptr ? "unknown reason" : reason)};
    }
    return no_connection(probe, "it closed the connection during the TLS handshake");
  }
}

}  // namespace

Status probe_tls(const TlsProbe& probe, const std::atomic<bool>& stop) {
  const Patience patience{Clock::now() + probe.timeout, stop};
  Socket socket;
  SOTTO_RETURN_IF_ERROR(connect(probe, patience, socket));
  const Context context = make_context(probe.ca_pem);
  if (context == nullptr) return check_ca_pem(probe.ca_pem, probe.ca_name);
  RefusedCertificate refused;
  const Connection connection = make_connection(*context, probe, socket.get(), refused);
  const Status status = handshake(*connection, probe, patience, socket.get());
  ERR_clear_error();
  return status;
}

Status check_ca_pem(const std::string& ca_pem, const std::string& ca_name) {
  if (make_context(ca_pem) != nullptr) return {};
  return invalid_argument(
      ca_name + " holds no certificate in PEM form: copy ca.pem from the coordinator's data directory");
}

}  // namespace sotto::client

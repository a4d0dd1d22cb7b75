#include "rpc/tls_credentials.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "sotto/crypto/secret_bytes.h"

namespace sotto::server {
namespace {

constexpr unsigned kRereadSeconds = 1;

}  // namespace

std::shared_ptr<grpc::ServerCredentials> tls_credentials(const std::filesystem::path& file) {
  auto provider = std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      file.string(), file.string(), kRereadSeconds);
  grpc::experimental::TlsServerCredentialsOptions options(std::move(provider));
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  return grpc::experimental::TlsServerCredentials(options);
}

std::shared_ptr<grpc::ServerCredentials> tls_credentials(const std::string& certificate_pem,
                                                         std::string_view private_key_pem) {
  grpc::SslServerCredentialsOptions tls;
  tls.pem_key_cert_pairs.push_back({std::string(private_key_pem), certificate_pem});
  auto credentials = grpc::SslServerCredentials(tls);
  std::string& key = tls.pem_key_cert_pairs.front().private_key;
  crypto::wipe({reinterpret_cast<std::uint8_t*>(key.data()), key.size()});
  return credentials;
}

}  // namespace sotto::server

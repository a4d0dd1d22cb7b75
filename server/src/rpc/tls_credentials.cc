#include "rpc/tls_credentials.h"

#include "sotto/crypto/secret_bytes.h"

namespace sotto::server {

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

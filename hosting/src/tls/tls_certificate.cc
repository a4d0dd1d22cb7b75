#include "sotto/hosting/tls_certificate.h"

#include <fmt/core.h>

#include <openssl/x509v3.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <set>
#include <system_error>

#include "certificate.h"
#include "sotto/host/utc_text.h"
#include "sotto/identity/key_file.h"

namespace sotto::hosting {
namespace {

using std::filesystem::path;

struct Authority {
  Certificate certificate;
  Key key;  // null when ca-key.pem is kept elsewhere
  bool created = false;
};
struct Server {
  Certificate certificate;
  Key key;
  bool created = false;
};

Status damaged(const path& file, const std::string& how) {
  return data_loss(fmt::format(
      "{} {}: restore it from a backup, or remove {} to start anew (devices then need the new ca.pem)",
      file.string(), how, file.parent_path().string()));
}

// Null when the file does not exist.
Result<Key> load_ca_key(const path& file) {
  const Result<std::optional<crypto::SecretBuffer>> pem = identity::read_key_file(file);
  if (!pem) return pem.error();
  if (!pem->has_value()) return Key();
  Key key = key_from_pem((*pem)->reveal_text());
  if (key == nullptr) return damaged(file, "holds no private key, or one whose halves do not fit");
  return key;
}

Status check_validity(X509& certificate, const path& file, Time now) {
  if (now >= valid_until(certificate)) {
    return {
        StatusCode::kPermissionDenied,
        fmt::format("the CA certificate {} expired on {}: move {} away, start again, and give the new ca.pem "
                    "to all devices",
                    file.string(), host::utc_date(valid_until(certificate).ms), file.parent_path().string())};
  }
  if (now < valid_from(certificate)) {
    return {StatusCode::kPermissionDenied,
            fmt::format("the CA certificate {} is not valid before {}: check this machine's clock",
                        file.string(), host::utc_date(valid_from(certificate).ms))};
  }
  return {};
}

// The key is written first: after a crash between the two files the next start makes the certificate from it.
Result<Authority> create_authority(const TlsCertificateOptions& options, Key key, Time now) {
  const path file = options.directory / "ca.pem";
  const path key_file = options.directory / "ca-key.pem";
  Authority authority{nullptr, std::move(key), true};
  if (authority.key == nullptr) {
    authority.key = generate_key();
    SOTTO_RETURN_IF_ERROR(
        identity::write_key_file(key_file, key_to_pem(*authority.key).reveal_text(), identity::kSecretFile));
  }
  authority.certificate = make_ca_certificate(*authority.key, options.owner, now);
  SOTTO_RETURN_IF_ERROR(
      identity::write_key_file(file, certificate_to_pem(*authority.certificate), identity::kPublicFile));
  return authority;
}

// Without a certificate when there is none, and without a key when that is kept elsewhere.
Result<Authority> load_authority(const path& directory, Time now) {
  const path file = directory / "ca.pem";
  const path key_file = directory / "ca-key.pem";
  Result<Key> key = load_ca_key(key_file);
  if (!key) return key.error();
  const Result<std::optional<crypto::SecretBuffer>> pem = identity::read_key_file(file);
  if (!pem) return pem.error();
  if (!pem->has_value()) return Authority{nullptr, std::move(*key), false};

  Authority authority{certificate_from_pem((*pem)->reveal_text()), std::move(*key), false};
  if (authority.certificate == nullptr) return damaged(file, "holds no certificate");
  if (X509_check_ca(authority.certificate.get()) != 1) return damaged(file, "is not a CA's certificate");
  if (signs_itself_falsely(*authority.certificate)) return damaged(file, "does not match its own signature");
  SOTTO_RETURN_IF_ERROR(check_validity(*authority.certificate, file, now));
  if (authority.key != nullptr &&
      X509_check_private_key(authority.certificate.get(), authority.key.get()) != 1) {
    return damaged(key_file, "is not the key of " + file.string());
  }
  return authority;
}

Result<Authority> load_or_create_authority(const TlsCertificateOptions& options, Time now) {
  Result<Authority> loaded = load_authority(options.directory, now);
  if (!loaded || loaded->certificate != nullptr) return loaded;
  return create_authority(options, std::move(loaded->key), now);
}

// An empty Server when the file does not exist.
Result<Server> load_server(const path& file) {
  const Result<std::optional<crypto::SecretBuffer>> pem = identity::read_key_file(file);
  if (!pem) return pem.error();
  if (!pem->has_value()) return Server();
  Server server{certificate_from_pem((*pem)->reveal_text()), key_from_pem((*pem)->reveal_text()), false};
  const std::string advice = ": remove this file, a new one is made at the next start";
  if (server.certificate == nullptr || server.key == nullptr) {
    return data_loss(fmt::format("{} does not hold a key and a certificate{}", file.string(), advice));
  }
  if (X509_check_private_key(server.certificate.get(), server.key.get()) != 1) {
    return data_loss(
        fmt::format("{} holds a key that does not belong to its certificate{}", file.string(), advice));
  }
  return server;
}

enum class Renewal { kNotDue, kAdvisable, kNecessary };

Renewal renewal_due(const Server& server, X509& authority, const std::set<std::string>& names, Time now) {
  if (server.certificate == nullptr) return Renewal::kNecessary;
  X509& certificate = *server.certificate;
  const Time until = valid_until(certificate);
  if (now >= until || now < valid_from(certificate)) return Renewal::kNecessary;
  if (subject_names(certificate) != names) return Renewal::kNecessary;
  if (X509_verify(&certificate, X509_get0_pubkey(&authority)) != 1) return Renewal::kNecessary;
  if (until == valid_until(authority)) return Renewal::kNotDue;  // a new one would not last longer
  return until.ms - now.ms < kRenewBeforeMs ? Renewal::kAdvisable : Renewal::kNotDue;
}

Result<Server> load_or_create_server(const path& directory, const Authority& authority,
                                     const std::set<std::string>& names, Time now) {
  const path file = directory / "server.pem";
  Result<Server> loaded = load_server(file);
  if (!loaded) return loaded;
  const Renewal renewal = renewal_due(*loaded, *authority.certificate, names, now);
  if (renewal == Renewal::kNotDue) return loaded;
  if (authority.key == nullptr) {
    if (renewal == Renewal::kAdvisable) return loaded;
    return failed_precondition("the server's certificate must be renewed, but " +
                               (directory / "ca-key.pem").string() +
                               " is not there: put it back for this start");
  }
  Server server{nullptr, generate_key(), true};
  server.certificate =
      make_server_certificate(*server.key, {*authority.certificate, *authority.key}, names, now);
  crypto::SecretBuffer contents = key_to_pem(*server.key);
  contents.append(certificate_to_pem(*server.certificate));
  SOTTO_RETURN_IF_ERROR(identity::write_key_file(file, contents.reveal_text(), identity::kSecretFile));
  return server;
}

// Clients take it in one handshake, and its file is read back at every start.
constexpr std::size_t kExtraNamesMax = 100;

Result<std::set<std::string>> wanted_names(const std::vector<std::string>& extra_names) {
  std::set<std::string> names;
  if (extra_names.size() > kExtraNamesMax) {
    return invalid_argument(
        fmt::format("{} names are given: a certificate has at most {}", extra_names.size(), kExtraNamesMax));
  }
  for (const char* local : {"localhost", "127.0.0.1", "::1"}) names.insert(subject_name(local));
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) {
    if (std::string name = subject_name(host.data()); !name.empty()) names.insert(std::move(name));
  }
  for (const std::string& extra : extra_names) {
    std::string name = subject_name(extra);
    if (name.empty()) {
      return invalid_argument(
          "\"" + extra +
          "\" is neither a host name nor an address: name the coordinator as devices reach it");
    }
    names.insert(std::move(name));
  }
  return names;
}

}  // namespace

Result<TlsCertificate> load_or_create_tls_certificate(const TlsCertificateOptions& options, Time now) {
  const Result<std::set<std::string>> names = wanted_names(options.extra_names);
  if (!names) return names.error();
  std::error_code error;
  std::filesystem::create_directories(options.directory, error);
  if (error) {
    return io_error(fmt::format("cannot create {}: {}", options.directory.string(), error.message()));
  }

  const Result<Authority> authority = load_or_create_authority(options, now);
  if (!authority) return authority.error();
  const Result<Server> server = load_or_create_server(options.directory, *authority, *names, now);
  if (!server) return server.error();

  TlsCertificate tls;
  tls.ca_file = options.directory / "ca.pem";
  tls.server_file = options.directory / "server.pem";
  tls.ca_pem = certificate_to_pem(*authority->certificate);
  tls.certificate_pem = certificate_to_pem(*server->certificate);
  tls.private_key_pem = key_to_pem(*server->key);
  tls.ca_fingerprint = fingerprint(*authority->certificate);
  tls.ca_key = public_key_digest(*authority->certificate);
  tls.certificate_expires = valid_until(*server->certificate);
  tls.ca_created = authority->created;
  tls.certificate_created = server->created;
  return tls;
}

Status check_tls_files(const path& directory, Time now) {
  const Result<Authority> authority = load_authority(directory, now);
  if (!authority) return authority.error();
  return load_server(directory / "server.pem").status();
}

Status check_certificate_names(const std::vector<std::string>& extra_names) {
  return wanted_names(extra_names).status();
}

Status check_key_of_certificate(std::string_view certificate_pem, std::string_view private_key_pem) {
  const Certificate certificate = certificate_from_pem(certificate_pem);
  if (certificate == nullptr) return data_loss("the server's certificate is none: renew it");
  const Key key = key_from_pem(private_key_pem);
  if (key == nullptr || X509_check_private_key(certificate.get(), key.get()) != 1) {
    return data_loss("the key of the server's certificate is none, or another's: renew the certificate");
  }
  return {};
}

}  // namespace sotto::hosting

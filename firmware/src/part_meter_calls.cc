#include "part_meter.h"
#include "sotto/crypto/primitives.h"
#include "sotto/secagg/shamir.h"

// The linker's names, and what this firmware calls them: a call of F goes to __wrap_F, and __real_F is F.
// A member function is a function whose first argument is its object.
#define SOTTO_WRAPPED(result, name, mangled, parameters)           \
  extern "C" result real_##name parameters asm("__real_" mangled); \
  extern "C" result wrap_##name parameters asm("__wrap_" mangled); \
  extern "C" [[gnu::used]] result wrap_##name parameters

using namespace sotto;
using board::Part;
using Within = board::PartMeter::Within;
using X25519Secret = crypto::SecretBytes<crypto::kX25519Bytes>;

SOTTO_WRAPPED(bool, verify,
              "_ZN5sotto6crypto13Es256Verifier6verifyERKSt5arrayIhLj65EESt4spanIKhLj4294967295EE"
              "RKS2_IhLj64EE",
              (void* self, const crypto::Es256PublicKey& key, Bytes message,
               const crypto::Es256Signature& signature)) {
  const Within part(Part::kVerify);
  return real_verify(self, key, message, signature);
}

SOTTO_WRAPPED(crypto::Es256Signature, sign,
              "_ZNK5sotto6crypto15Es256PrivateKey4signESt4spanIKhLj4294967295EE",
              (const void* self, Bytes message)) {
  const Within part(Part::kSign);
  return real_sign(self, message);
}

SOTTO_WRAPPED(bool, agree,
              "_ZNK5sotto6crypto16X25519PrivateKey5agreeERKSt5arrayIhLj32EERNS0_11SecretBytesILj32EEE",
              (const void* self, const crypto::X25519PublicKey& peer, X25519Secret& shared)) {
  const Within part(Part::kX25519);
  return real_agree(self, peer, shared);
}

SOTTO_WRAPPED(void*, make_x25519_key, "_ZN5sotto6crypto16X25519PrivateKeyC1ERKNS0_11SecretBytesILj32EEE",
              (void* self, const X25519Secret& scalar)) {
  const Within part(Part::kX25519);
  return real_make_x25519_key(self, scalar);
}

SOTTO_WRAPPED(void, read, "_ZN5sotto6crypto9Keystream4readESt4spanIhLj4294967295EE",
              (void* self, MutableBytes out)) {
  const Within part(Part::kKeystream);
  real_read(self, out);
}

SOTTO_WRAPPED(secagg::Share, share_at, "_ZN5sotto6secagg11SeedSharing8share_atEm",
              (void* self, std::uint32_t x)) {
  const Within part(Part::kShamir);
  return real_share_at(self, x);
}

SOTTO_WRAPPED(void, seal,
              "_ZN5sotto6crypto9aead_sealERKNS0_9AeadInputESt4spanIKhLj4294967295EES4_IhLj4294967295EE",
              (const crypto::AeadInput& input, Bytes plaintext, MutableBytes out)) {
  const Within part(Part::kSeal);
  real_seal(input, plaintext, out);
}

SOTTO_WRAPPED(bool, open,
              "_ZN5sotto6crypto9aead_openERKNS0_9AeadInputESt4spanIKhLj4294967295EES4_IhLj4294967295EE",
              (const crypto::AeadInput& input, Bytes sealed, MutableBytes out)) {
  const Within part(Part::kSeal);
  return real_open(input, sealed, out);
}

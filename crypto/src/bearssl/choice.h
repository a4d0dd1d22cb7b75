// Which of BearSSL's implementations this core can run in constant time, private to this backend.
//
// Cores whose 32 x 32 -> 64 multiplication takes a time that depends on its operands (Cortex-M3), or that
// have none (Cortex-M0+), get those that are built of 15-bit words. SOTTO_BEARSSL_15_BITS asks for them
// elsewhere, for tests on hosts.
#pragma once

#include <bearssl.h>

namespace sotto::crypto::bear {

#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_7M__) || defined(SOTTO_BEARSSL_15_BITS)
inline constexpr const br_ec_impl& kP256 = br_ec_p256_m15;
inline constexpr const br_ec_impl& kCurve25519 = br_ec_c25519_m15;
inline constexpr br_ecdsa_sign kSign = br_ecdsa_i15_sign_raw;
inline constexpr br_ecdsa_vrfy kVerify = br_ecdsa_i15_vrfy_raw;
inline constexpr br_poly1305_run kPoly1305 = br_poly1305_ctmul32_run;
#else
inline constexpr const br_ec_impl& kP256 = br_ec_p256_m31;
inline constexpr const br_ec_impl& kCurve25519 = br_ec_c25519_m31;
inline constexpr br_ecdsa_sign kSign = br_ecdsa_i31_sign_raw;
inline constexpr br_ecdsa_vrfy kVerify = br_ecdsa_i31_vrfy_raw;
inline constexpr br_poly1305_run kPoly1305 = br_poly1305_ctmul_run;
#endif

}  // namespace sotto::crypto::bear

# BearSSL 0.6 for a board: of its source (scripts/fetch-bearssl) what src/bearssl/ of crypto uses, compiled
# for the core. There is no target bearssl when the source is absent: what needs it is then not built.
set(SOTTO_BEARSSL_SOURCE "${PROJECT_SOURCE_DIR}/build/bearssl/source" CACHE PATH "Source of BearSSL 0.6")
if(NOT EXISTS "${SOTTO_BEARSSL_SOURCE}/inc/bearssl.h")
  message(NOTICE "No source of BearSSL in ${SOTTO_BEARSSL_SOURCE}: no firmware that takes part in sessions; "
    "run scripts/fetch-bearssl")
  return()
endif()
enable_language(C)

set(bearssl_bits 31)
set(bearssl_poly1305 ctmul)
if(SOTTO_DEVICE_CORE MATCHES "^cortex-m(0plus|3)$") # as crypto/src/bearssl/choice.h
  set(bearssl_bits 15)
  set(bearssl_poly1305 ctmul32)
endif()
set(bearssl_words i${bearssl_bits})
set(bearssl_multiplier m${bearssl_bits})
set(bearssl_sources
  codec/ccopy.c codec/dec32be.c codec/dec32le.c codec/enc32be.c codec/enc32le.c
  ec/ec_c25519_${bearssl_multiplier}.c ec/ec_p256_${bearssl_multiplier}.c ec/ec_secp256r1.c
  ec/ec_secp384r1.c ec/ec_secp521r1.c # curves that ECDSA can name
  ec/ecdsa_${bearssl_words}_bits.c ec/ecdsa_${bearssl_words}_sign_raw.c ec/ecdsa_${bearssl_words}_vrfy_raw.c
  hash/sha2small.c int/i32_div32.c mac/hmac.c rand/hmac_drbg.c
  symcipher/aes_ct.c symcipher/aes_ct_ctr.c symcipher/aes_ct_enc.c symcipher/aes_common.c
  symcipher/chacha20_ct.c symcipher/poly1305_${bearssl_poly1305}.c)
foreach(operation IN ITEMS add bitlen decmod decode decred encode fmont iszero modpow montmul muladd
    ninv${bearssl_bits} rshift sub tmont)
  list(APPEND bearssl_sources int/${bearssl_words}_${operation}.c)
endforeach()
list(TRANSFORM bearssl_sources PREPEND "${SOTTO_BEARSSL_SOURCE}/src/")

add_library(bearssl STATIC ${bearssl_sources})
target_include_directories(bearssl SYSTEM PUBLIC "${SOTTO_BEARSSL_SOURCE}/inc"
  PRIVATE "${SOTTO_BEARSSL_SOURCE}/src")
target_compile_options(bearssl PRIVATE -w)
# Field arithmetic is loops of 9 or 20 words: unrolled, and left in the order in which it is written,
# a signature is verified in a third fewer instructions, for 5 KB of flash.
set_source_files_properties("${SOTTO_BEARSSL_SOURCE}/src/ec/ec_c25519_${bearssl_multiplier}.c"
  "${SOTTO_BEARSSL_SOURCE}/src/ec/ec_p256_${bearssl_multiplier}.c" PROPERTIES COMPILE_OPTIONS
  "-fpeel-loops;-fno-schedule-insns;--param=max-completely-peeled-insns=400")

/* The one thing that a board's cryptography asks of the board: unpredictable bytes. C99 and C++.
 *
 * Whoever links the BearSSL backend and draws from SystemRandom defines this function; a firmware without it
 * does not link. It is called once for every request to SystemRandom, which stretches what it gets with
 * HMAC-DRBG (SP 800-90A) and keeps nothing.
 */
#ifndef SOTTO_CRYPTO_ENTROPY_H
#define SOTTO_CRYPTO_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Fills `count` bytes, at most 64, from the board's generator of true random numbers. Four bits of entropy in
 * each byte are enough; bytes that an attacker may know, such as a serial number or a counter, are none.
 * Waits until the generator is ready and passes its own tests of health. Returns 1, or 0 when it cannot: the
 * program then stops (SOTTO_CHECK), since keys that can be guessed are worse than none.
 * Called from the thread that runs the session, never from an interrupt. */
int sotto_board_entropy(uint8_t* out, size_t count);

#ifdef __cplusplus
}
#endif

#endif

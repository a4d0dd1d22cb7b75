// inner_loops.h for processors with the DSP extension. Each function is assembly as a whole, so that no
// compiler runs out of registers at any level of optimisation.
#include "kernels/cortex_m_dsp/inner_loops.h"

#if defined(__ARM_FEATURE_DSP)

#include <cstddef>

namespace sotto::device::dsp {

// Three windows times two rows of weights: r0 weights, r1 widened, r2 quads, r4..r9 sums, r10..r12 a pair of
// steps of each window, lr and r3 weights of a and b. Ten instructions for twelve products. A round is four
// quads; the first one is entered where as many are left as the depth is above a multiple of four quads.
// Every instruction of a quad has four bytes, and a branch by register counts from four bytes behind itself.
#define SOTTO_MULTIPLY_WINDOWS       \
  "rsb     lr, r2, #0            \n" \
  "and     lr, lr, #3            \n" \
  "add     lr, lr, lr, lsl #2    \n" \
  "lsl     lr, lr, #4            \n" \
  "add     r2, r2, #3            \n" \
  "lsr     r2, r2, #2            \n" \
  ".balign 4                     \n" \
  "add     pc, lr                \n" \
  "nop                           \n" \
  "1:                            \n" \
  ".rept 8                       \n" \
  "ldr     r3, [r0], #4          \n" \
  "ldm     r1!, {r10, r11, r12}  \n" \
  "sxtb16  lr, r3                \n" \
  "sxtb16  r3, r3, ror #8        \n" \
  "smlad   r4, lr, r10, r4       \n" \
  "smlad   r5, r3, r10, r5       \n" \
  "smlad   r6, lr, r11, r6       \n" \
  "smlad   r7, r3, r11, r7       \n" \
  "smlad   r8, lr, r12, r8       \n" \
  "smlad   r9, r3, r12, r9       \n" \
  ".endr                         \n" \
  "subs    r2, r2, #1            \n" \
  "bne     1b                    \n"

[[gnu::naked]] const std::uint32_t* multiply_windows(const std::uint32_t*, const std::uint32_t*,
                                                     std::uint32_t, std::int32_t*) {
  asm(R"(
    .syntax unified
    push    {r3-r11, lr}
    ldm     r3, {r4-r9}
  )" SOTTO_MULTIPLY_WINDOWS R"(
    pop     {r3}
    stm     r3, {r4-r9}
    pop     {r4-r11, pc}
  )");
}

static_assert(offsetof(WindowBlock, biases) == 4 && offsetof(WindowBlock, multipliers) == 8 &&
              offsetof(WindowBlock, outputs) == 16 && offsetof(WindowBlock, channel_pairs) == 28 &&
              offsetof(WindowBlock, widened) == 32 && offsetof(WindowBlock, quads) == 36);

// The block's address is on the stack.
[[gnu::naked]] void compute_block(WindowBlock&) {
  asm(R"(
    .syntax unified
    .macro  sotto_requantize sum, multiplier, shift, offset
    lsl     \sum, \sum, #1
    smmlar  \sum, \sum, \multiplier, \offset
    asr     \sum, \sum, \shift
    ssat    \sum, #8, \sum, asr #1
    .endm
    push    {r0, r4-r11, lr}
    mov     lr, r0
    ldr     r0, [lr]
  2:
    ldr     r3, [lr, #4]           @ biases
    ldrd    r4, r5, [r3], #8
    str     r3, [lr, #4]
    mov     r6, r4
    mov     r7, r5
    mov     r8, r4
    mov     r9, r5
    ldrd    r1, r2, [lr, #32]      @ widened, quads
  )" SOTTO_MULTIPLY_WINDOWS R"(
    ldr     lr, [sp]
    ldrd    r1, r2, [lr, #8]       @ multipliers, shifts
    ldrd    r10, r11, [r1], #8
    ldrsb   r3, [r2], #1
    ldrsb   r12, [r2], #1
    strd    r1, r2, [lr, #8]
    mvn     r1, #254               @ -255
    mvn     r3, r3
    lsl     r2, r1, r3
    sotto_requantize r4, r10, r3, r2
    sotto_requantize r6, r10, r3, r2
    sotto_requantize r8, r10, r3, r2
    mvn     r12, r12
    lsl     r2, r1, r12
    sotto_requantize r5, r11, r12, r2
    sotto_requantize r7, r11, r12, r2
    sotto_requantize r9, r11, r12, r2
    add     r10, lr, #16
    ldm     r10, {r1-r3}           @ outputs
    strb    r8, [r3], #1
    strb    r9, [r3], #1
    strb    r6, [r2], #1
    strb    r7, [r2], #1
    strb    r4, [r1], #1
    strb    r5, [r1], #1
    stm     r10, {r1-r3}
    ldr     r1, [lr, #28]
    subs    r1, r1, #1
    str     r1, [lr, #28]
    bne     2b
    str     r0, [lr]
    pop     {r0, r4-r11, pc}
    .purgem sotto_requantize
  )");
}

// r0 weights, r1 input, r2 quads, r4..r7 sums, r8..r11 a quad of four rows, r3 and lr steps (0, 2) and (1, 3)
// of the input. Twenty instructions for sixteen products.
[[gnu::naked]] const std::uint32_t* multiply_rows(const std::uint32_t*, const std::int8_t*, std::uint32_t,
                                                  std::int32_t*) {
  asm(R"(
    .syntax unified
    .macro  sotto_multiply_quad_of_rows
    ldr     lr, [r1], #4
    ldm     r0!, {r8-r11}
    sxtb16  r3, lr
    sxtb16  lr, lr, ror #8
    sxtb16  r12, r8
    sxtb16  r8, r8, ror #8
    smlad   r4, r12, r3, r4
    smlad   r5, r8, r3, r5
    sxtb16  r12, r9
    sxtb16  r9, r9, ror #8
    smlad   r6, r12, r3, r6
    smlad   r7, r9, r3, r7
    sxtb16  r12, r10
    sxtb16  r10, r10, ror #8
    smlad   r4, r12, lr, r4
    smlad   r5, r10, lr, r5
    sxtb16  r12, r11
    sxtb16  r11, r11, ror #8
    smlad   r6, r12, lr, r6
    smlad   r7, r11, lr, r7
    .endm
    push    {r3-r11, lr}
    ldm     r3, {r4-r7}
    lsrs    r2, r2, #1
    bcc     1f
    sotto_multiply_quad_of_rows
    cmp     r2, #0
    beq     2f
  1:
    sotto_multiply_quad_of_rows
    sotto_multiply_quad_of_rows
    subs    r2, r2, #1
    bne     1b
  2:
    pop     {r3}
    stm     r3, {r4-r7}
    pop     {r4-r11, pc}
    .purgem sotto_multiply_quad_of_rows
  )");
}

// r0 base, r1 offsets, r2 weights, r3 pairs, r4..r7 sums, r8 and r9 the taps, r12 and r9 the taps side by
// side: low and high channels.
[[gnu::naked]] void multiply_taps(const DepthwiseTaps&, std::int32_t*) {
  asm(R"(
    .syntax unified
    push    {r1, r4-r11, lr}
    ldm     r1, {r4-r7}
    ldm     r0, {r0-r3}
  1:
    ldrd    r8, r9, [r1], #8
    ldr     r8, [r0, r8]
    ldr     r9, [r0, r9]
    pkhbt   r12, r8, r9, lsl #16
    pkhtb   r9, r9, r8, asr #16
    ldrd    r10, r11, [r2], #8
    sxtb16  r8, r12
    sxtb16  r12, r12, ror #8
    smlad   r4, r8, r10, r4
    smlad   r5, r12, r11, r5
    ldrd    r10, r11, [r2], #8
    sxtb16  r8, r9
    sxtb16  r9, r9, ror #8
    subs    r3, r3, #1
    smlad   r6, r8, r10, r6
    smlad   r7, r9, r11, r7
    bne     1b
    pop     {r3}
    stm     r3, {r4-r7}
    pop     {r4-r11, pc}
  )");
}

static_assert(offsetof(DepthwiseRow, column_bytes) == 12 && offsetof(DepthwiseRow, weights) == 16 &&
              offsetof(DepthwiseRow, step_bytes) == 20 && offsetof(DepthwiseRow, output) == 24 &&
              offsetof(DepthwiseRow, output_end) == 32 && offsetof(DepthwiseRow, biases) == 36 &&
              offsetof(DepthwiseRow, channels) == 52);

// r0..r2 kernel rows, r3 bytes from tap to tap, r4..r7 sums, lr weights and then channels; the row's address
// is on the stack.
[[gnu::naked]] void compute_depthwise_row(DepthwiseRow&) {
  asm(R"(
    .syntax unified
    .macro  sotto_multiply_tap_pair weights
    pkhbt   r12, r8, r9, lsl #16
    pkhtb   r9, r9, r8, asr #16
    ldrd    r10, r11, [lr, #\weights]
    sxtb16  r8, r12
    sxtb16  r12, r12, ror #8
    smlad   r4, r8, r10, r4
    smlad   r5, r12, r11, r5
    ldrd    r10, r11, [lr, #(\weights + 8)]
    sxtb16  r8, r9
    sxtb16  r9, r9, ror #8
    smlad   r6, r8, r10, r6
    smlad   r7, r9, r11, r7
    .endm
    .macro  sotto_requantize sum
    ldm     lr!, {r8, r9, r10}
    lsl     \sum, \sum, #1
    smmlar  \sum, \sum, r8, r10
    asr     \sum, \sum, r9
    ssat    \sum, #8, \sum, asr #1
    .endm
    push    {r0, r4-r11, lr}
    mov     lr, r0
    ldm     r0, {r0-r3}
  1:
    add     r8, lr, #36
    ldm     r8, {r4-r7}
    ldr     lr, [lr, #16]
    ldr     r8, [r0]
    ldr     r9, [r0, r3]
    sotto_multiply_tap_pair 0
    ldr     r8, [r0, r3, lsl #1]
    ldr     r9, [r1]
    sotto_multiply_tap_pair 16
    ldr     r8, [r1, r3]
    ldr     r9, [r1, r3, lsl #1]
    sotto_multiply_tap_pair 32
    ldr     r8, [r2]
    ldr     r9, [r2, r3]
    sotto_multiply_tap_pair 48
    ldr     r8, [r2, r3, lsl #1]
    ldrd    r10, r11, [lr, #64]
    sxtb16  r9, r8
    sxtb16  r8, r8, ror #8
    smlabb  r4, r9, r10, r4
    smlabb  r5, r8, r11, r5
    ldrd    r10, r11, [lr, #72]
    smlatb  r6, r9, r10, r6
    smlatb  r7, r8, r11, r7
    ldr     lr, [sp]
    ldrd    r11, r12, [lr, #20]    @ step, output
    add     r0, r0, r11
    add     r1, r1, r11
    add     r2, r2, r11
    add     lr, lr, #52
    sotto_requantize r4
    strb    r4, [r12]
    sotto_requantize r5
    strb    r5, [r12, #1]
    sotto_requantize r6
    strb    r6, [r12, #2]
    sotto_requantize r7
    strb    r7, [r12, #3]
    ldr     lr, [sp]
    ldrd    r8, r9, [lr, #28]      @ output step, output's end
    add     r12, r12, r8
    str     r12, [lr, #24]
    cmp     r12, r9
    bne     1b
    pop     {r0, r4-r11, pc}
    .purgem sotto_multiply_tap_pair
    .purgem sotto_requantize
  )");
}

}  // namespace sotto::device::dsp

#endif

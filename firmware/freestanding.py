"""What a linked firmware must not hold:
a heap, exceptions, type information, streams, static constructors, double precision.
"""
import pathlib
import re
import subprocess

# What is absent -> symbols whose presence proves the contrary.
FORBIDDEN_SYMBOLS = {
    "heap": r"_*(malloc|calloc|realloc|free|memalign|sbrk)(_r)?|_Z(nw|na|dl|da)[A-Za-z0-9_]*",
    "exceptions": r"__cxa_(allocate_exception|throw|rethrow|begin_catch|end_cleanup|call_unexpected)"
                  r"|_Unwind_\w+"
                  r"|__gxx_personality_\w+|_ZSt\d+(__throw_\w+|terminate\w*)",
    "type information": r"_ZT[IS]\w+|__dynamic_cast|__cxa_bad_(cast|typeid)",
    "streams": r"_ZNSt8ios_base\w*|_ZSt4(cout|cerr)|_?(printf|fprintf|sprintf|snprintf|vfprintf)(_r)?",
    "static constructors and destructors": r"_GLOBAL__sub_I_\w+|__cxa_atexit|__cxa_guard_\w+|atexit"
                                           r"|__libc_init_array",
    "double precision": r"__aeabi_(d[a-z0-9]+|cd[a-z]+|cdr[a-z]+|[a-z0-9]+2d)"
                        r"|__(add|sub|mul|div|cmp|neg)df[23]|__\w+df2"
                        r"|__(float|fix|extend|trunc)\w*df\w*"
                        r"|(exp|log|log2|log10|pow|sqrt|sin|cos|tan|tanh|floor|ceil|round)",
}

# Cores with a double-precision unit need no helper:
# the instruction itself is the proof. Moves of 64-bit registers are none.
DOUBLE_INSTRUCTION = re.compile(r"\b(v(?:add|sub|mul|nmul|mla|mls|nmla|nmls|fma|fms|fnma|fnms|div|sqrt"
                                r"|cmp|cmpe|cvt\w*"
                                r"|rint\w*|neg|abs|sel\w*|maxnm|minnm)\.(?:\w+\.)?f64(?:\.\w+)?)\b")


def symbols(firmware: pathlib.Path) -> list[str]:
    listing = subprocess.run(["arm-none-eabi-nm", str(firmware)], capture_output=True, text=True,
                             check=True).stdout
    return [line.split()[-1] for line in listing.splitlines() if line]


def double_instructions(firmware: pathlib.Path) -> set[str]:
    listing = subprocess.run(["arm-none-eabi-objdump", "--disassemble", "--no-show-raw-insn", str(firmware)],
                             capture_output=True, text=True, check=True).stdout
    return set(DOUBLE_INSTRUCTION.findall(listing))


def problems(firmware: pathlib.Path) -> list[str]:
    """One sentence for each thing that is there and must not be."""
    found = []
    names = symbols(firmware)
    if not names:
        return [f"{firmware}: no symbols, so nothing can be said about it"]
    for absent, pattern in FORBIDDEN_SYMBOLS.items():
        present = sorted(name for name in set(names) if re.fullmatch(pattern, name))
        if present:
            found.append(f"{firmware}: {absent}: {', '.join(present)}; "
                         f"the cross references in {firmware.name}.map say "
                         "who asks for it")
    instructions = double_instructions(firmware)
    if instructions:
        found.append(f"{firmware}: double precision: instructions {', '.join(sorted(instructions))}")
    return found

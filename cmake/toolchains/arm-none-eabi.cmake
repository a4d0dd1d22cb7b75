# Bare-metal Arm with Debian's gcc-arm-none-eabi. SOTTO_DEVICE_CORE names the core;
# the presets device-* set it.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY) # a program would need a board's start-up code
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SOTTO_DEVICE_CORE)

# core -> code generation flags. A Cortex-M4, M7 or M33 has its single-precision unit,
# as nearly every one that is sold.
set(sotto_flags_cortex-m0plus "-mcpu=cortex-m0plus -mfloat-abi=soft")
set(sotto_flags_cortex-m3 "-mcpu=cortex-m3 -mfloat-abi=soft")
set(sotto_flags_cortex-m4 "-mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard")
set(sotto_flags_cortex-m7 "-mcpu=cortex-m7 -mfpu=fpv5-sp-d16 -mfloat-abi=hard")
set(sotto_flags_cortex-m33 "-mcpu=cortex-m33 -mfpu=fpv5-sp-d16 -mfloat-abi=hard")
set(sotto_flags_cortex-m55 "-mcpu=cortex-m55 -mfloat-abi=hard")
if(NOT DEFINED sotto_flags_${SOTTO_DEVICE_CORE})
  message(FATAL_ERROR
    "SOTTO_DEVICE_CORE is '${SOTTO_DEVICE_CORE}'; one of "
    "cortex-m0plus, cortex-m3, cortex-m4, cortex-m7, cortex-m33, cortex-m55")
endif()

# What a board cannot pay for: unwinding, type information, guards around statics, destructors that never run.
# Without notes on what GCC 7 changed for whoever links older objects.
string(JOIN " " CMAKE_CXX_FLAGS_INIT -mthumb ${sotto_flags_${SOTTO_DEVICE_CORE}}
  -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-use-cxa-atexit -fno-unwind-tables
  -fno-asynchronous-unwind-tables
  -ffunction-sections -fdata-sections -Wno-psabi)
string(JOIN " " CMAKE_C_FLAGS_INIT -mthumb ${sotto_flags_${SOTTO_DEVICE_CORE}}
  -fno-unwind-tables -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-nostartfiles -Wl,--gc-sections -Wl,--fatal-warnings")
set(CMAKE_EXECUTABLE_SUFFIX_CXX .elf)

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# Installs the build tree into an empty prefix, then configures, builds and runs the consumer against that
# prefix. Variables: COMPONENT INSTALLED CONSUMER BUILD SOURCE WORK COMPILER FLAGS GENERATOR.
function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${what} failed (${result}):\n${output}")
  endif()
  message(STATUS "${what}: ok")
endfunction()

file(REMOVE_RECURSE "${WORK}")
foreach(component IN LISTS INSTALLED)
  if(component)
    run("install ${component}" "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/prefix" --component
      ${component})
  endif()
endforeach()

file(GLOB_RECURSE package_files "${WORK}/prefix/*/cmake/sotto/*.cmake")
if(NOT package_files)
  message(FATAL_ERROR "no package files were installed below ${WORK}/prefix")
endif()
foreach(file IN LISTS package_files)
  file(READ "${file}" content)
  foreach(leak IN ITEMS "${BUILD}" "${SOURCE}" sotto_build_flags)
    string(FIND "${content}" "${leak}" found)
    if(NOT found EQUAL -1)
      message(FATAL_ERROR "${file} mentions '${leak}', which exists in the build tree only")
    endif()
  endforeach()
endforeach()

# Private header-only libraries, and gRPC for core, must not be asked of a user of the package.
set(absent -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON -DCMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON)
if(COMPONENT STREQUAL "core")
  list(APPEND absent -DCMAKE_DISABLE_FIND_PACKAGE_gRPC=ON -DCMAKE_DISABLE_FIND_PACKAGE_Protobuf=ON)
endif()
run("configure the consumer" "${CMAKE_COMMAND}" -S "${CONSUMER}" -B "${WORK}/consumer" -G "${GENERATOR}"
  ${absent}
  "-DCMAKE_PREFIX_PATH=${WORK}/prefix" "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_FLAGS=${FLAGS}"
  -DCONSUMER_COMPONENT=${COMPONENT})
run("build the consumer" "${CMAKE_COMMAND}" --build "${WORK}/consumer")
run("run the consumer" "${WORK}/consumer/consumer")

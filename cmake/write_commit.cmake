# Writes FILE, C++ that says which commit SOURCE is at: cmake -DSOURCE=... -DFILE=... -P write_commit.cmake
#
# In this order: what whoever builds says in the environment (a container has no .git), what git says of this
# very tree, what git archive wrote into a tarball. A file whose content would not change is left alone, so
# that nothing is compiled anew.
function(git result)
  execute_process(COMMAND "${CMAKE_COMMAND}" -E env GIT_OPTIONAL_LOCKS=0 git -C "${SOURCE}" ${ARGN}
    RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(failed)
    set(output "")
  endif()
  set(${result} "${output}" PARENT_SCOPE)
  set(git_failed "${failed}" PARENT_SCOPE)
endfunction()

set(commit "$ENV{SOTTO_COMMIT}")
if(NOT commit)
  # The prefix is empty at the top of a work tree only:
  # a tarball unpacked inside another repository is not at its commit.
  git(prefix rev-parse --show-prefix)
  if(NOT git_failed AND prefix STREQUAL "")
    git(commit rev-parse --short=12 HEAD)
    git(changes status --porcelain --untracked-files=no)
    if(commit AND (git_failed OR changes))
      string(APPEND commit "+changes")
    endif()
  endif()
endif()
if(NOT commit)
  file(STRINGS "${SOURCE}/cmake/archive_commit.txt" archived LIMIT_COUNT 1)
  if(archived MATCHES "^[0-9a-f]+$")
    string(SUBSTRING "${archived}" 0 12 commit)
  endif()
endif()
if(NOT commit)
  set(commit "unknown commit")
endif()

set(content
  "namespace sotto::cli {\nconst char* commit_text() { return \"${commit}\"; }\n}  // namespace sotto::cli\n")
set(before "")
if(EXISTS "${FILE}")
  file(READ "${FILE}" before)
endif()
if(NOT content STREQUAL before)
  file(WRITE "${FILE}" "${content}")
endif()

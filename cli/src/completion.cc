// `sotto completion`: a script for the shell, made of the commands and options that there are.
#include <cstdio>
#include <memory>
#include <string>

#include "commands.h"

namespace sotto::cli {
namespace {

// What may follow the command: its subcommands and the long forms of its options.
std::string words_after(const CLI::App& command) {
  std::string words;
  const auto add = [&](const std::string& word) { words += (words.empty() ? "" : " ") + word; };
  for (const CLI::App* sub : command.get_subcommands({})) add(sub->get_name());
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) add("--" + name);
  }
  return words;
}

// A branch of each case for every command below, by its path: " task create".
void add_cases(const CLI::App& command, const std::string& path, std::string& paths, std::string& words) {
  words += "    \"" + path + "\") words=\"" + words_after(command) + "\" ;;\n";
  for (const CLI::App* sub : command.get_subcommands({})) {
    const std::string below = path + " " + sub->get_name();
    paths += (paths.empty() ? "\"" : " | \"") + below + "\"";
    add_cases(*sub, below, paths, words);
  }
}

// Options' values and whatever is no command of ours are left to the shell: file names.
std::string bash_script(const CLI::App& app) {
  std::string paths;
  std::string words;
  add_cases(app, "", paths, words);
  return "_sotto() {\n"
         "  local path=\"\" words=\"\" i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case \"$path ${COMP_WORDS[i]}\" in\n      " +
         paths +
         ")\n        path=\"$path ${COMP_WORDS[i]}\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$path\" in\n" +
         words +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -o default -F _sotto sotto\n";
}

}  // namespace

void add_completion_command(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("completion", "A script that completes commands and options: source it in a shell");
  command->add_option("shell", *shell, "bash or zsh")->required()->check(CLI::IsMember({"bash", "zsh"}));
  command->callback([shell, &app] {
    if (*shell == "zsh") std::printf("autoload -U +X bashcompinit && bashcompinit\n");
    std::printf("%s", bash_script(app).c_str());
  });
}

}  // namespace sotto::cli

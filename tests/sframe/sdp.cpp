// SPDX-License-Identifier: LGPL-2.1-or-later
//
// e2ee-sframe-sdp OFFER ANSWER: files with session descriptions. Ends with 0 when media may flow,
// else prints why not and ends with 1. The rule of the examples, for peers in other languages.
#include <fstream>
#include <iostream>
#include <iterator>

#include "common/program.h"
#include "common/sframe_sdp.h"

namespace {

std::string read_file(const char *path) {
  std::ifstream file(path);
  if (!file)
    throw examples::Refused(std::string("cannot read ") + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int argc, char **argv) {
  return examples::run_program("e2ee-sframe-sdp", [&] {
    if (argc != 3)
      throw examples::WrongUsage("two files are wanted: offer and answer");
    const std::string why = examples::sframe_disagreement(read_file(argv[1]), read_file(argv[2]));
    if (why.empty())
      return examples::kDone;
    std::cout << why << '\n';
    return examples::kFailed;
  });
}

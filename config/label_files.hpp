// The names that the user has given to accounts: [[watch]] rows and the CSV files of [labels].
//
// Blocking; reads whole files. Problems are sentences with file, line and column; rows with one are
// left out, a file that cannot be read is left out whole.
#pragma once

#include "config/config.hpp"
#include "stages/labels.hpp"

namespace config {

struct LoadedLabels {
    stages::LabelBook book;
    std::vector<std::string> problems; // and contradictions
};
LoadedLabels read_labels(Config const& config);

} // namespace config

// Reads a list of the richest accounts as the corpus has it (subscan/origin/*-top1000-*.json.gz):
// {"accounts":[{"address":"1…","balance":"123.45","locked":"0","accountType":"exchange"},…]}.
// Tolerant: no file, or a text that is not JSON, is an empty list; rows without a readable address
// or balance are left out. Amounts are exact.
#pragma once

#include "tests/traffic/traffic.hpp"

#include <filesystem>
#include <string_view>

namespace traffic {

// $SPYHOP_CORPUS, or ../shared/corpus beside the project; the first of its snapshots, by name.
std::filesystem::path snapshot_file(); // empty: there is none

std::vector<Holding> read_snapshot(std::filesystem::path const& file); // gzip or plain
std::vector<Holding> parse_snapshot(std::string_view json);

} // namespace traffic

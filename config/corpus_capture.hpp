// A folder of recorded real blocks (events/*.json, blocks/*.json, metadata/*.scale) as captures,
// one per chain, that the stand-in node can play.
//
// Blocks are sorted by number and are not contiguous. Where blocks/ has a block's header, it is the
// real one and its hash is verified; elsewhere the header is made up (real number, zero parent)
// with a hash of its own, and `notes` says so once per chain. In front of the first block stands
// an empty one, two heights below it, so that every recorded block is new to a client that follows
// heads.
//
// Blocking reads; for tools, start-up and tests. Fails with a sentence that names the file.
#pragma once

#include "stages/standin_chain.hpp"

#include <expected>
#include <string>
#include <vector>

namespace config {

struct CorpusCaptures {
    std::vector<stages::ChainCapture> chains;
    std::vector<std::string> notes; // for the log: what is made up
};

[[nodiscard]] std::expected<CorpusCaptures, std::string> load_corpus(std::string const& directory);

} // namespace config

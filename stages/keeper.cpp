#include "stages/keeper.hpp"

#include "decoders/hex.hpp"
#include "decoders/value_json.hpp"
#include "stages/runtime_cache.hpp"

#include <fmt/format.h>

namespace stages {
namespace {

// A chain may have any name, a file may not.
std::string file_safe(std::string name) {
    for (char& c : name)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            c = '_';
    return name;
}

} // namespace

std::string dead_letter_json(std::string_view chain, Hash const& genesis, DeadLetter const& letter,
                             pipeline::Bytes events) {
    std::string name, fault;
    decoders::append_json_text(chain, name);
    decoders::append_json_text(letter.fault.view(), fault);
    return fmt::format(R"({{"chain":{},"genesis":"{}","block":{{"number":{},"hash":"{}"}},)"
                       R"("spec_version":{},"metadata":"{}","events_read":{},"fault":{},)"
                       R"("events":"{}"}})"
                       "\n",
                       name, decoders::hex_text(genesis), letter.block.number,
                       decoders::hex_text(letter.block.hash), letter.spec_version,
                       metadata_file_name(genesis, letter.spec_version), letter.events, fault,
                       decoders::hex_text(events));
}

Keeper::Keeper(std::vector<std::string> chains, std::unique_ptr<StateFiles> files,
               pipeline::Log& log, pipeline::MetricsPage& metrics)
    : chains_(std::move(chains))
    , files_(std::move(files))
    , log_(log)
    , metrics_(metrics) {}

void Keeper::on(pipeline::Part<Keep> const& part, pipeline::Turn const&) {
    Keep const& record = part.message;
    CHECK(record.chain < chains_.size());
    metrics_.add(KeeperMetric::not_kept, record.header.sequence - expected_);
    expected_ = record.header.sequence + 1;
    std::visit([&](auto const& body) { keep(record, body, part.payload); }, record.body);
}

void Keeper::keep(Keep const& record, RuntimeBytes const& runtime, pipeline::Bytes metadata) {
    if (is_kept(record, runtime)) return;
    auto const name = metadata_file_name(record.genesis, runtime.spec_version);
    // The code comes last: until it is there, nobody takes the metadata for that of this code.
    if (!write(name, pipeline::as_text(metadata))) return;
    metrics_.add(KeeperMetric::runtimes);
    if (runtime.code_hash == Hash{}) return;
    write(code_file_name(record.genesis, runtime.spec_version),
          code_text(runtime.code_hash, metadata));
}

// A runtime whose code nobody could name is kept once, like any other; what is there of a named one
// is better than that.
bool Keeper::is_kept(Keep const& record, RuntimeBytes const& runtime) const {
    if (!files_->exists(metadata_file_name(record.genesis, runtime.spec_version))) return false;
    if (runtime.code_hash == Hash{}) return true;
    auto const kept =
        files_->read(code_file_name(record.genesis, runtime.spec_version), code_file_bytes_max);
    return kept && kept->starts_with(decoders::hex_text(runtime.code_hash));
}

void Keeper::keep(Keep const& record, DeadLetter const& letter, pipeline::Bytes events) {
    if (letters_ == dead_letters_max) {
        metrics_.add(KeeperMetric::not_kept);
        return;
    }
    std::string const& chain = chains_[record.chain];
    auto const name =
        fmt::format("dead-letters/{}-{}-{}.json", file_safe(chain), letter.block.number,
                    decoders::hex_text(letter.block.hash).substr(2, 8));
    if (!write(name, dead_letter_json(chain, record.genesis, letter, events))) return;
    metrics_.add(KeeperMetric::dead_letters);
    if (++letters_ == dead_letters_max)
        log_.write(
            pipeline::Level::warning, "keeper",
            fmt::format("{} dead letters written; no more until the next start", dead_letters_max));
}

bool Keeper::write(std::string const& name, std::string_view bytes) {
    auto const written = files_->write(name, bytes);
    if (written) return true;
    metrics_.add(KeeperMetric::not_kept);
    log_.write(pipeline::Level::error, "keeper", written.error());
    return false;
}

} // namespace stages

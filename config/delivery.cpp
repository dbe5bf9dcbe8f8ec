#include "config/delivery.hpp"

#include "config/exit_codes.hpp"
#include "io/append_file.hpp"
#include "io/files.hpp"

#include <filesystem>
#include <fmt/format.h>

namespace config {

namespace {

// Lines into a file or to stdout. A reader of alerts that went away for good ends the service.
class FileSink final : public stages::Sink {
  public:
    FileSink(std::unique_ptr<io::AppendFile> file, std::string path, pipeline::Log& log,
             pipeline::StopRequest* stop)
        : file_(std::move(file))
        , path_(std::move(path))
        , log_(log)
        , stop_(stop) {}

    bool append(std::string_view line) override { return file_->append(line); }
    std::size_t pending() const override { return file_->pending(); }
    std::size_t room() const override {
        return file_->broken() ? 0 : io::limits::append_buffer_bytes_max - file_->pending();
    }
    void advance() override {
        file_->advance();
        io::Error const* const error = file_->error();
        if ((error != nullptr) == troubled_) return;
        troubled_ = error != nullptr;
        log_.write(troubled_ ? pipeline::Level::error : pipeline::Level::info, "sink",
                   troubled_ ? io::describe(*error) : path_ + ": writing again");
        if (file_->broken() && stop_ != nullptr) stop_->request(exit_failed, 0);
    }
    pipeline::Nanoseconds next_deadline() const override { return file_->next_deadline(); }

  private:
    std::unique_ptr<io::AppendFile> const file_;
    std::string const path_;
    pipeline::Log& log_;
    pipeline::StopRequest* const stop_; // null: the service goes on without it
    bool troubled_ = false;
};

class FileStream final : public stages::StreamFile {
  public:
    explicit FileStream(std::string path)
        : path_(std::move(path)) {}
    std::expected<std::uint64_t, io::Error> size() override { return io::file_size(path_); }
    std::expected<std::size_t, io::Error> read(std::uint64_t offset,
                                               pipeline::MutableBytes out) override {
        return io::read_piece(path_, offset, out);
    }
    std::expected<void, io::Error> cut(std::uint64_t size) override {
        return io::cut_file(path_, size);
    }

  private:
    std::string const path_;
};

// stdout may be a file, too (spyhop run >> alerts.ndjson).
std::string path_of(SinkConfig const& sink) {
    return sink.path == "-" ? "/proc/self/fd/1" : sink.path;
}

std::expected<stages::Outlet, std::string>
open_outlet(SinkConfig const& sink, stages::Journal& journal, DeliveryWorld const& world) {
    stages::Outlet outlet;
    outlet.name = "ndjson:" + sink.path;
    FileStream stream(path_of(sink));
    auto const start = stages::reconcile(stream, journal, outlet.name);
    if (!start) return std::unexpected(start.error());
    bool const worth_saying =
        start->cut != 0 || start->found == stages::StreamStart::Found::foreign;
    world.log.write(worth_saying ? pipeline::Level::warning : pipeline::Level::info, "sink",
                    stages::describe(*start, sink.path == "-" ? "stdout" : sink.path));
    auto file = io::AppendFile::open(world.proactor, world.random, sink.path);
    if (!file) return std::unexpected(io::describe(file.error()));
    outlet.after = start->after;
    outlet.sink = std::make_unique<FileSink>(std::move(*file), sink.path, world.log, &world.stop);
    if (start->newline_first && !outlet.sink->append("\n"))
        return std::unexpected(sink.path + ": takes no bytes");
    return outlet;
}

} // namespace

std::string journal_path(Config const& config) { return config.service.state_dir + "/alerts.db"; }

std::expected<std::unique_ptr<stages::Journal>, std::string> open_journal(Config const& config) {
    std::error_code ignored; // a directory that cannot be made shows in the next step
    std::filesystem::create_directories(config.service.state_dir, ignored);
    auto journal = stages::Journal::open(journal_path(config));
    if (journal) return std::move(*journal);
    return std::unexpected(
        to_text(config, {config.service.state_dir_where, io::describe(journal.error()), false}));
}

std::expected<std::vector<stages::Outlet>, std::string>
open_outlets(Config const& config, stages::Journal& journal, DeliveryWorld const& world) {
    std::vector<stages::Outlet> outlets;
    for (SinkConfig const& sink : config.sinks) {
        if (sink.level != 0) continue;
        auto outlet = open_outlet(sink, journal, world);
        if (!outlet) return std::unexpected(to_text(config, {sink.where, outlet.error(), false}));
        outlets.push_back(std::move(*outlet));
    }
    return outlets;
}

std::expected<stages::OperatorSinks, std::string> open_operator_sinks(Config const& config,
                                                                      DeliveryWorld const& world) {
    stages::OperatorSinks sinks;
    for (SinkConfig const& sink : config.sinks) {
        if (sink.level == 0) continue;
        auto file = io::AppendFile::open(world.proactor, world.random, sink.path);
        if (!file)
            return std::unexpected(
                to_text(config, {sink.where, io::describe(file.error()), false}));
        sinks.add(sink.level,
                  std::make_unique<FileSink>(std::move(*file), sink.path, world.log, nullptr));
    }
    return sinks;
}

} // namespace config

#include "config/label_files.hpp"

#include "io/files.hpp"

#include <fmt/format.h>

namespace config {

LoadedLabels read_labels(Config const& config) {
    LoadedLabels loaded;
    stages::LabelLimits const limits;
    std::vector<stages::LabelFile> files;
    for (std::string const& path : config.labels.files) {
        auto const text = io::read_file(path, limits.file_bytes_max);
        if (!text) {
            loaded.problems.push_back("labels.files: " + io::describe(text.error()));
            continue;
        }
        files.push_back(stages::parse_labels(*text, path, limits));
        stages::LabelFile const& file = files.back();
        for (stages::LabelProblem const& problem : file.problems)
            loaded.problems.push_back(stages::to_text(file.name, problem));
        if (file.problems_untold != 0)
            loaded.problems.push_back(
                fmt::format("{}: {} further problems", file.name, file.problems_untold));
    }
    std::vector<stages::WatchLabel> watches;
    for (WatchConfig const& watch : config.watches)
        if (!watch.label.empty())
            watches.push_back(
                {watch.account, watch.label,
                 fmt::format("{}:{}:{}", config.file, watch.where.line, watch.where.column)});
    auto built = stages::LabelBook::build(watches, files, limits);
    loaded.book = std::move(built.book);
    for (std::string& warning : built.warnings) loaded.problems.push_back(std::move(warning));
    if (built.warnings_untold != 0)
        loaded.problems.push_back(
            fmt::format("labels: {} further contradictions", built.warnings_untold));
    return loaded;
}

} // namespace config

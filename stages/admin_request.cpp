#include "stages/admin_request.hpp"

#include "pipeline/types.hpp"

#include <algorithm>
#include <simdjson.h>

namespace stages {

namespace {

// Splits like a shell: blanks separate, quotes keep together, a backslash keeps the next character.
std::expected<std::vector<std::string>, std::string> split(std::string_view line) {
    std::vector<std::string> words;
    std::string word;
    bool inside = false;
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        char const c = line[i];
        if (quote == 0 && (c == ' ' || c == '\t')) {
            if (inside) words.push_back(std::exchange(word, {}));
            inside = false;
            continue;
        }
        inside = true;
        if (quote != 0 && c == quote)
            quote = 0;
        else if (quote == 0 && (c == '"' || c == '\''))
            quote = c;
        else if (c == '\\' && quote != '\'' && i + 1 < line.size())
            word += line[++i];
        else
            word += c;
    }
    if (quote != 0) return std::unexpected("a quote is not closed");
    if (inside) words.push_back(word);
    return words;
}

std::expected<AdminRequest, std::string> from_words(std::string_view line) {
    auto const words = split(line);
    if (!words) return std::unexpected(words.error());
    AdminRequest request;
    for (std::size_t i = 0; i < words->size(); ++i) {
        std::string const& word = (*words)[i];
        if (!word.starts_with("--")) {
            request.words.push_back(word);
            continue;
        }
        std::size_t const equals = word.find('=');
        if (equals != std::string::npos)
            request.args[word.substr(2, equals - 2)] = word.substr(equals + 1);
        else if (i + 1 < words->size() && !(*words)[i + 1].starts_with("--"))
            request.args[word.substr(2)] = (*words)[++i];
        else
            request.args[word.substr(2)] = "true";
    }
    return request;
}

std::expected<AdminRequest, std::string> from_json(std::string_view line) {
    simdjson::padded_string const padded(line);
    simdjson::ondemand::parser parser;
    simdjson::ondemand::document document;
    auto const bad = [](std::string_view what) {
        return std::unexpected(std::string(what) +
                               R"(; write {"command":["status"],"args":{}} on one line)");
    };
    if (parser.iterate(padded).get(document)) return bad("that is not JSON");
    simdjson::ondemand::object object;
    if (document.get_object().get(object)) return bad("that is no JSON object");
    AdminRequest request;
    request.json = true;
    for (auto field : object) {
        std::string_view key;
        if (field.unescaped_key().get(key)) return bad("that is not JSON");
        if (key == "command") {
            simdjson::ondemand::array words;
            if (field.value().get_array().get(words)) return bad("`command` is no array");
            for (auto word : words) {
                std::string_view text;
                if (word.get_string().get(text)) return bad("`command` is no array of strings");
                request.words.emplace_back(text);
                if (request.words.size() > admin_words_max) return bad("too many words");
            }
        } else if (key == "args") {
            simdjson::ondemand::object args;
            if (field.value().get_object().get(args)) return bad("`args` is no object");
            for (auto arg : args) {
                std::string_view name, text;
                if (arg.unescaped_key().get(name)) return bad("that is not JSON");
                std::string const owned(name);
                simdjson::ondemand::value value;
                if (arg.value().get(value)) return bad("that is not JSON");
                if (value.get_string().get(text)) {
                    simdjson::ondemand::json_type type;
                    if (value.type().get(type) || type == simdjson::ondemand::json_type::array ||
                        type == simdjson::ondemand::json_type::object)
                        return bad("an argument is neither text nor number nor switch");
                    text = value.raw_json_token(); // 10, true
                }
                request.args[owned] = std::string(text.substr(0, text.find_last_not_of(' ') + 1));
                if (request.args.size() > admin_args_max) return bad("too many arguments");
            }
        } else {
            return bad("`" + std::string(key) + "` is not known here");
        }
    }
    if (!document.current_location().error()) return bad("something follows the object");
    return request;
}

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0]++;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t const replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[b.size()];
}

} // namespace

std::expected<AdminRequest, std::string> parse_admin_request(std::string_view line) {
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    auto request = line.starts_with('{') ? from_json(line) : from_words(line);
    if (!request) return request;
    if (request->words.empty()) return std::unexpected("an empty command; try: status");
    if (request->words.size() > admin_words_max || request->args.size() > admin_args_max)
        return std::unexpected("too many words");
    return request;
}

std::expected<RollbackOrder, std::string> parse_rollback_order(std::string_view body) {
    RollbackOrder order;
    if (body.empty()) return order;
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    simdjson::dom::object object;
    if (parser.parse(simdjson::padded_string(body)).get(document) || document.get(object))
        return std::unexpected(R"(the body is no JSON object; write {"reason":"..."})");
    for (auto const field : object) {
        std::string_view text;
        bool const known = field.key == "reason" || field.key == "operator";
        if (!known || field.value.get(text))
            return std::unexpected('`' + std::string(field.key.substr(0, 40)) +
                                   "`: `reason` and `operator`, both texts, are known");
        (field.key == "reason" ? order.reason : order.operator_name) = text;
    }
    if (order.reason.empty()) order.reason = "emergency";
    return order;
}

std::string_view nearest(std::string_view typed, std::vector<std::string_view> const& known) {
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(3, typed.size() / 2);
    if (typed.size() > 64) return {};
    for (std::string_view name : known) {
        std::size_t const apart = distance(typed, name);
        if (apart >= best_distance) continue;
        best_distance = apart;
        best = name;
    }
    return best;
}

} // namespace stages

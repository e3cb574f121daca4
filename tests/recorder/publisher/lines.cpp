// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lines.h"

#include <unistd.h>

#include <iostream>

namespace publisher {
namespace {

using namespace examples;

using Run = std::function<void(const std::string &, const Request &, const Builder &)>;

struct Service {
  Output &output;
  const Run &run;
  GMainLoop *loop;
};

void answer(Service &service, const char *line) {
  const Builder answer(json_builder_new());
  json_builder_begin_object(answer.get());
  const ObjectPtr<JsonParser> parser(json_parser_new());
  try {
    Error error;
    json_parser_load_from_data(parser.get(), line, -1, error.out());
    error.check("standard input");
    const Request request{json_node_get_object(json_parser_get_root(parser.get()))};
    json_builder_set_member_name(answer.get(), "id");
    json_builder_add_int_value(answer.get(), request.number("id"));
    json_builder_set_member_name(answer.get(), "result");
    json_builder_begin_object(answer.get());
    try {
      service.run(request.text("op"), request, answer);
      json_builder_end_object(answer.get());
    } catch (const Failure &failure) {
      json_builder_end_object(answer.get());
      member(answer, "error", failure.what());
    }
  } catch (const Failure &failure) {
    member(answer, "error", failure.what());
  }
  json_builder_end_object(answer.get());
  service.output.write(answer.get());
}

gboolean on_input(GIOChannel *input, GIOCondition, gpointer data) {
  auto *service = static_cast<Service *>(data);
  char *line = nullptr;
  const GIOStatus status = g_io_channel_read_line(input, &line, nullptr, nullptr, nullptr);
  const CharPtr owned(line);
  if (status == G_IO_STATUS_NORMAL)
    answer(*service, line);
  else if (status != G_IO_STATUS_AGAIN)
    g_main_loop_quit(service->loop);
  return status == G_IO_STATUS_NORMAL || status == G_IO_STATUS_AGAIN;
}

}  // namespace

void member(const Builder &builder, const char *name, const std::string &value) {
  json_builder_set_member_name(builder.get(), name);
  json_builder_add_string_value(builder.get(), value.c_str());
}

void Output::write(JsonBuilder *builder) {
  const std::unique_ptr<JsonNode, FreeWith<&json_node_unref>> root(json_builder_get_root(builder));
  const CharPtr text(json_to_string(root.get(), FALSE));
  const std::lock_guard lock(mutex_);
  std::cout << text.get() << std::endl;
}

void serve(Output &output, const Run &run) {
  const std::unique_ptr<GMainLoop, FreeWith<&g_main_loop_unref>> loop(
      g_main_loop_new(nullptr, FALSE));
  const std::unique_ptr<GIOChannel, FreeWith<&g_io_channel_unref>> input(
      g_io_channel_unix_new(STDIN_FILENO));
  Service service{output, run, loop.get()};
  g_io_add_watch(input.get(), static_cast<GIOCondition>(G_IO_IN | G_IO_HUP), &on_input, &service);
  g_main_loop_run(loop.get());
}

}  // namespace publisher

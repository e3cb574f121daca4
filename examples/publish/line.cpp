// SPDX-License-Identifier: LGPL-2.1-or-later
#include "line.h"

#include <gst/app/app.h>

#include <cstring>
#include <mutex>
#include <utility>

#include "common/callback.h"
#include "common/program.h"
#include "common/secrets.h"
#include "valve.h"

namespace publish {

using examples::call;
using examples::CapsPtr;
using examples::CharPtr;
using examples::ErrorPtr;
using examples::ObjectPtr;
using examples::Refused;
using examples::static_pad;

namespace {

// Application messages, with which streaming threads reach the main one.
constexpr const char *kCaps = "e2ee-publish-caps";        // of what the line ends in
constexpr const char *kNothing = "e2ee-publish-nothing";  // the end, before anything came
constexpr const char *kFormat = "e2ee-publish-format";    // of what is sent
constexpr const char *kTrouble = "e2ee-publish-trouble";  // number: Trouble
constexpr const char *kField = "value";

constexpr const char *kEnd = "e2ee-publish-end";  // name of the element behind a line

GstClockTime system_time() {
  const ObjectPtr<GstClock> clock(gst_system_clock_obtain());
  return gst_clock_get_time(clock.get());
}

}  // namespace

class Line::Core {
 public:
  Core(const LineSettings &settings, Outlet &outlet, Events events);
  ~Core();

  void start();
  void set_wanted(bool wanted);
  void ask_for_key_frame();

  bool is_live = false;
  guint64 frames_seen() const;
  Gate::Status gate() const;
  examples::StructurePtr stats() const;

 private:
  void add_source();
  std::string words_for_ending() const;
  static GstPadProbeReturn on_first_caps(GstPad *pad, GstPadProbeInfo *info, gpointer self);
  static GstPadProbeReturn on_format(GstPad *pad, GstPadProbeInfo *info, gpointer self);
  static GstFlowReturn on_frame(GstAppSink *sink, gpointer self);
  static gboolean on_message(GstBus *bus, GstMessage *message, gpointer self);
  void take(GstMessage *message);
  void take_own(const GstStructure *structure);
  void take_error(GstMessage *message);
  void go_on_from(const GstCaps *caps);
  GstElement *add_encryptor();
  GstElement *add_sink();
  void post(GstStructure *structure);  // takes it
  void post_caps(const char *name, const GstCaps *caps);
  void post_trouble(Trouble trouble);
  void refuse(const std::string &why);

  const LineSettings settings_;
  Outlet &outlet_;
  Events events_;
  const GstClockTime base_time_ = system_time();
  examples::PipelinePtr pipeline_;
  guint watch_ = 0;
  ObjectPtr<GstPad> end_;  // of the source, which waits there until it is known what comes
  GstElement *tail_ = nullptr;
  gulong block_ = 0;
  Codec codec_ = Codec::kVp8;
  GstElement *encryptor_ = nullptr;
  mutable std::mutex mutex_;  // of gate_ alone, for ask_for_key_frame()
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<Valve> valve_;
  bool wanted_ = false;
};

Line::Core::Core(const LineSettings &settings, Outlet &outlet, Events events)
    : settings_(settings),
      outlet_(outlet),
      events_(std::move(events)),
      pipeline_(examples::make_pipeline("source")) {
  add_source();
  const ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline_.get()));
  watch_ = gst_bus_add_watch(bus.get(), &Core::on_message, this);
}

Line::Core::~Core() {
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  const ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline_.get()));
  gst_bus_remove_watch(bus.get());
}

// ---- The source

// With an element behind it a line may end in caps, or in an element whose pads come later.
void Line::Core::add_source() {
  const std::string quoted = '"' + examples::without_passwords(settings_.text) + '"';
  examples::Error error;
  const std::string text = settings_.text + " ! identity silent=true name=" + kEnd;
  GstElement *bin = gst_parse_bin_from_description_full(text.c_str(), FALSE, nullptr,
                                                        GST_PARSE_FLAG_FATAL_ERRORS, error.out());
  if (error)
    throw Refused(quoted + ", which has to end without a sink: " +
                  examples::without_passwords(error.message()));
  gst_bin_add(GST_BIN(pipeline_.get()), bin);
  if (!GST_OBJECT_FLAG_IS_SET(bin, GST_ELEMENT_FLAG_SOURCE))
    throw Refused(quoted + " has no source element");
  const ObjectPtr<GstElement> end(gst_bin_get_by_name(GST_BIN(bin), kEnd));
  end_.reset(gst_ghost_pad_new("src", static_pad(end.get(), "src").get()));
  gst_object_ref(end_.get());
  gst_element_add_pad(bin, end_.get());
  tail_ = examples::add_caps_filter(pipeline_.get(), accepted_caps());
  if (gst_pad_link(end_.get(), static_pad(tail_, "sink").get()) != GST_PAD_LINK_OK)
    throw Refused(quoted + " " + words_for_ending());
  block_ = gst_pad_add_probe(
      end_.get(),
      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                                   GST_PAD_PROBE_TYPE_BUFFER),
      &Core::on_first_caps, this, nullptr);
}

// Where that is none of what is accepted.
std::string Line::Core::words_for_ending() const {
  const CapsPtr caps(gst_pad_query_caps(end_.get(), nullptr));
  try {
    if (!gst_caps_is_any(caps.get()) && !gst_caps_is_empty(caps.get()))
      ending_of(caps.get());
  } catch (const Refused &refused) {
    return refused.what();
  }
  return "ends in something of a kind that nobody knows: add a parser, as h264parse";
}

void Line::Core::start() {
  const ObjectPtr<GstClock> clock(gst_system_clock_obtain());
  gst_pipeline_use_clock(GST_PIPELINE(pipeline_.get()), clock.get());
  gst_element_set_start_time(pipeline_.get(), GST_CLOCK_TIME_NONE);
  gst_element_set_base_time(pipeline_.get(), base_time_);
  is_live = gst_element_set_state(pipeline_.get(), GST_STATE_PAUSED) == GST_STATE_CHANGE_NO_PREROLL;
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);  // what fails posts an error
}

// What comes before, as STREAM_START, is kept by the pad.
GstPadProbeReturn Line::Core::on_first_caps(GstPad *, GstPadProbeInfo *info, gpointer self) {
  const bool is_frame = GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER;
  GstEvent *event = is_frame ? nullptr : gst_pad_probe_info_get_event(info);
  if (event && GST_EVENT_TYPE(event) == GST_EVENT_EOS)
    static_cast<Core *>(self)->post(gst_structure_new_empty(kNothing));
  if (event && GST_EVENT_TYPE(event) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_PASS;
  GstCaps *caps = nullptr;  // none: a frame came without any
  if (event)
    gst_event_parse_caps(event, &caps);
  static_cast<Core *>(self)->post_caps(kCaps, caps);
  return GST_PAD_PROBE_OK;  // the source waits
}

// ---- From there on

void Line::Core::go_on_from(const GstCaps *caps) {
  const Ending ending = ending_of(caps);
  codec_ = codec_of(ending, settings_.encode);
  const Chain chain = add_chain(pipeline_.get(), ending, settings_.encode, !is_live);
  GstElement *encryptor = add_encryptor();
  GstElement *sink = add_sink();
  examples::link_chain({chain.last, encryptor, sink});
  const ObjectPtr<GstPad> before = static_pad(encryptor, "sink");
  gst_pad_add_probe(static_pad(chain.encoder ? chain.encoder : encryptor, "sink").get(),
                    GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, &Core::on_format, this, nullptr);
  {
    const std::lock_guard lock(mutex_);
    gate_ = std::make_unique<Gate>(before.get(), codec_,
                                   [this](Trouble trouble) { post_trouble(trouble); });
  }
  if (chain.raw)
    valve_ = std::make_unique<Valve>(static_pad(chain.raw, "sink").get(),
                                     [this] { post_trouble(Trouble::kNoTimestamps); });
  examples::join_running({encryptor, sink});
  for (auto element = chain.elements.rbegin(); element != chain.elements.rend(); ++element)
    examples::join_running({*element});
  examples::link_chain({tail_, chain.first});
  set_wanted(wanted_);
  gst_pad_remove_probe(end_.get(), std::exchange(block_, 0));
}

GstElement *Line::Core::add_encryptor() {
  encryptor_ = examples::add_element(pipeline_.get(), "e2eeencrypt");
  g_object_set(encryptor_, "key-provider", settings_.provider, "participant",
               settings_.participant.c_str(), nullptr);
  gst_util_set_object_arg(G_OBJECT(encryptor_), "scheme", settings_.scheme.c_str());
  return encryptor_;
}

// Not `async`: while nobody wants frames, none comes to preroll with.
GstElement *Line::Core::add_sink() {
  GstElement *sink = examples::add_element(pipeline_.get(), "appsink");
  g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = &Core::on_frame;
  gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, this, nullptr);
  return sink;
}

GstPadProbeReturn Line::Core::on_format(GstPad *, GstPadProbeInfo *info, gpointer self) {
  GstEvent *event = gst_pad_probe_info_get_event(info);
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    GstCaps *caps = nullptr;
    gst_event_parse_caps(event, &caps);
    static_cast<Core *>(self)->post_caps(kFormat, caps);
  }
  return GST_PAD_PROBE_OK;
}

GstFlowReturn Line::Core::on_frame(GstAppSink *sink, gpointer data) {
  const auto *self = static_cast<Core *>(data);
  const std::unique_ptr<GstSample, examples::Unref> sample(gst_app_sink_pull_sample(sink));
  if (!sample)
    return GST_FLOW_OK;
  const GstClockTime running =
      gst_segment_to_running_time(gst_sample_get_segment(sample.get()), GST_FORMAT_TIME,
                                  GST_BUFFER_PTS(gst_sample_get_buffer(sample.get())));
  if (GST_CLOCK_TIME_IS_VALID(running))
    self->outlet_.push(sample.get(), self->base_time_ + running);
  return GST_FLOW_OK;
}

// ---- Messages

void Line::Core::post(GstStructure *structure) {
  gst_element_post_message(pipeline_.get(),
                           gst_message_new_application(GST_OBJECT(pipeline_.get()), structure));
}

void Line::Core::post_caps(const char *name, const GstCaps *caps) {
  post(gst_structure_new(name, kField, GST_TYPE_CAPS, const_cast<GstCaps *>(caps), nullptr));
}

void Line::Core::post_trouble(Trouble trouble) {
  post(gst_structure_new(kTrouble, kField, G_TYPE_INT, static_cast<int>(trouble), nullptr));
}

gboolean Line::Core::on_message(GstBus *, GstMessage *message, gpointer self) {
  static_cast<Core *>(self)->take(message);
  return G_SOURCE_CONTINUE;
}

void Line::Core::take(GstMessage *message) {
  const GstStructure *structure = gst_message_get_structure(message);
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_APPLICATION:
      return take_own(structure);
    case GST_MESSAGE_EOS:
      return call(events_.ended);
    case GST_MESSAGE_ERROR:
      return take_error(message);
    case GST_MESSAGE_WARNING: {
      GError *error = nullptr;
      gst_message_parse_warning(message, &error, nullptr);
      const ErrorPtr owned(error);
      return call(events_.warned, examples::without_passwords(error->message));
    }
    case GST_MESSAGE_ELEMENT:
      if (gst_structure_has_name(structure, "GstE2EEState"))
        call(events_.encryption, structure);
      return;
    default:
      return;
  }
}

void Line::Core::take_own(const GstStructure *structure) {
  try {
    if (gst_structure_has_name(structure, kNothing))
      return call(events_.failed, std::string("it ended before its first frame"));
    const GValue *value = gst_structure_get_value(structure, kField);
    if (gst_structure_has_name(structure, kTrouble))
      return refuse(words_for(static_cast<Trouble>(g_value_get_int(value))));
    const GstCaps *caps = gst_value_get_caps(value);
    if (!caps)
      refuse(words_for_ending());
    else if (gst_structure_has_name(structure, kCaps))
      go_on_from(caps);
    else
      call(events_.known, format_of(codec_, caps));
  } catch (const Refused &refused) {
    refuse(refused.what());
  } catch (const examples::Failure &failure) {
    call(events_.failed, std::string(failure.what()));
  }
}

void Line::Core::refuse(const std::string &why) {
  call(events_.refused, why);
}

// Where nothing acceptable came yet, what the source has is the more useful thing to tell.
void Line::Core::take_error(GstMessage *message) {
  GError *error = nullptr;
  char *debug = nullptr;
  gst_message_parse_error(message, &error, &debug);
  const ErrorPtr owned(error);
  const CharPtr details(debug);
  if (block_ && debug && strstr(debug, "not-negotiated"))
    return refuse(words_for_ending());
  if (encryptor_ && GST_MESSAGE_SRC(message) == GST_OBJECT(encryptor_))
    return refuse(error->message);
  const CharPtr name(GST_MESSAGE_SRC(message) ? gst_object_get_name(GST_MESSAGE_SRC(message))
                                              : nullptr);
  call(events_.failed,
       (name ? std::string(name.get()) + ": " : "") + examples::without_passwords(error->message));
}

// ---- Wanted or not

void Line::Core::set_wanted(bool wanted) {
  wanted_ = wanted;
  if (!gate_)
    return;
  if (valve_)
    valve_->set_open(wanted);
  wanted ? gate_->open() : gate_->close();
}

void Line::Core::ask_for_key_frame() {
  const std::lock_guard lock(mutex_);
  if (gate_)
    gate_->ask_for_key_frame();
}

guint64 Line::Core::frames_seen() const {
  return valve_ ? valve_->seen() : gate_ ? gate_->status().seen : 0;
}

Gate::Status Line::Core::gate() const {
  return gate_ ? gate_->status() : Gate::Status();
}

examples::StructurePtr Line::Core::stats() const {
  GstStructure *stats = nullptr;
  if (encryptor_)
    g_object_get(encryptor_, "stats", &stats, nullptr);
  return examples::StructurePtr(stats);
}

// ---- Line

Line::Line(const LineSettings &settings, Outlet &outlet, Events events)
    : core_(std::make_unique<Core>(settings, outlet, std::move(events))) {
  core_->start();
}

Line::~Line() = default;

void Line::set_wanted(bool wanted) {
  core_->set_wanted(wanted);
}

void Line::ask_for_key_frame() {
  core_->ask_for_key_frame();
}

bool Line::is_live() const {
  return core_->is_live;
}

guint64 Line::frames_seen() const {
  return core_->frames_seen();
}

Gate::Status Line::gate() const {
  return core_->gate();
}

examples::StructurePtr Line::stats() const {
  return core_->stats();
}

}  // namespace publish

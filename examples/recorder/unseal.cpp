// SPDX-License-Identifier: LGPL-2.1-or-later
#include "unseal.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>

#include "mapped.h"

namespace recorder {

namespace {

constexpr std::uint64_t kIvLength = 12;
constexpr char kZero[1] = {0};

// The year 2200: nanoseconds in 64 bits end some decades after it.
constexpr std::int64_t kLatestStart = 7'258'118'400;

// The file says when; what cannot be is as good as nothing.
std::int64_t unix_ns(const std::string &rfc3339) {
  GDateTime *time = g_date_time_new_from_iso8601(rfc3339.c_str(), nullptr);
  const std::int64_t seconds = time ? g_date_time_to_unix(time) : -1;
  g_clear_pointer(&time, g_date_time_unref);
  if (seconds < 0 || seconds > kLatestStart)
    return g_get_real_time() * 1000;
  return seconds * static_cast<std::int64_t>(GST_SECOND);
}

bool fits_webm(const std::vector<SealedFile::Track> &tracks) {
  for (const auto &track : tracks) {
    const Codec *codec = codec_named(track.codec);
    if (codec && !codec->in_webm)
      return false;
  }
  return true;
}

std::string default_output(const std::string &input, bool webm) {
  return std::filesystem::path(input).replace_extension(webm ? ".open.webm" : ".open.mkv").string();
}

const char *media_type(const GstCaps *caps) {
  return gst_structure_get_name(gst_caps_get_structure(caps, 0));
}

class Unsealer {
 public:
  explicit Unsealer(const UnsealOptions &options)
      : file_(options.input, options.sidecar),
        sealing_{file_.seal(),
                 options.participant.empty() ? file_.seal().identity : options.participant},
        scheme_(static_cast<GstE2EEScheme>(enum_of(GST_TYPE_E2EE_SCHEME, sealing_.seal.scheme))),
        clear_header_(static_cast<GstE2EEClearHeader>(
            enum_of(GST_TYPE_E2EE_CLEAR_HEADER, sealing_.seal.clear_header))),
        keys_(options.providers, sealing_, options.max_ratchet),
        no_keys_(GST_E2EE_KEY_PROVIDER(gst_e2ee_shared_key_provider_new())),
        is_sframe_(sealing_.seal.is_sframe()),
        tells_server_frames_(sealing_.seal.tells_server_frames()),
        server_frames_(options.server_frames),
        webm_(fits_webm(file_.tracks())) {
    out_ = std::make_unique<OutFile>(
        options.output.empty() ? default_output(options.input, webm_) : options.output, webm_,
        unix_ns(sealing_.seal.started));
    if (options.participant != "" && sealing_.seal.identity != "" &&
        options.participant != sealing_.seal.identity)
      report_.notes.push_back("the recording is of " + sealing_.seal.identity +
                              ", the keys used are those of " + options.participant);
    if (server_frames_ != "drop" && !tells_server_frames_)
      report_.notes.push_back(
          "frames of the server cannot be told: the recording does not name their trailer");
    for (std::size_t i = 0; i < file_.tracks().size(); ++i)
      add_track(static_cast<unsigned>(i), file_.tracks()[i]);
  }

  UnsealReport run(const std::function<void(const UnsealProgress &)> &progress) {
    const auto begin = std::chrono::steady_clock::now();
    report_.complete = file_.read([this](unsigned track, GstBuffer *frame) { take(track, frame); },
                                  [&] { tell(progress); });
    for (const auto &chain : chains_)
      chain->end();
    if (report_.frames() == 0)
      throw Failure("there is no whole frame in the recording");
    if (report_.opened() == 0 && !all_from_server())
      throw Failure(why_nothing());
    tell(progress);  // the last moment to give up
    out_->commit();
    report_.outputs = out_->paths();
    for (const std::string &name : out_->spare_names())
      report_.notes.push_back(name + " could not be removed: it is a second name of the output");
    if (report_.outputs.size() > 1)
      report_.notes.push_back(
          "pictures change their parameters on the way, which one file cannot "
          "hold: there are " +
          std::to_string(report_.outputs.size()) + " files, one after the other");
    report_.seal = sealing_.seal;
    report_.participant = sealing_.participant;
    report_.replays = ivs_.replays();
    report_.reused_ivs = ivs_.reused();
    report_.repeats = ivs_.first_ones();
    report_.notes.insert(report_.notes.begin(), file_.notes().begin(), file_.notes().end());
    report_.derivations = keys_.derivations();
    report_.bytes = bytes_;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    report_.seconds = took.count();
    return std::move(report_);
  }

 private:
  void tell(const std::function<void(const UnsealProgress &)> &progress) {
    try {
      progress({bytes_, file_.size(), frames_});
    } catch (...) {
      keys_.cancel();
      throw;
    }
  }

  void add_track(unsigned track, const SealedFile::Track &about) {
    TrackReport report;
    report.media = about.media;
    report.codec = about.codec;
    const Codec *codec = codec_named(about.codec);
    report.has_layers = codec && codec->merger;
    report_.tracks.push_back(std::move(report));
    chains_.push_back(
        std::make_unique<FrameChain>(about.codec, [this, track](GstCaps *caps, GstBuffer *frame) {
          out_->write(track, caps, frame);
          ++report_.tracks[track].written;
        }));
    keyless_.emplace_back();
  }

  // Of those that a server made, the same are kept as by the recorder in open mode with the same
  // --server-frames: a decryptor says which, and has no key for anything else.
  bool take_from_server(unsigned track, GstCaps *caps, GstBuffer *frame) {
    if (!tells_server_frames_)
      return false;
    auto &decryptor = keyless_[track];
    if (!decryptor)
      decryptor = std::make_unique<Decryptor>(sealing_, no_keys_.get(), caps, server_frames_);
    const guint64 before = decryptor->count("server-frames");
    BufferPtr passed = decryptor->open(frame);
    if (decryptor->count("server-frames") == before)
      return false;
    TrackReport &report = report_.tracks[track];
    ++report.from_server;
    if (!passed)
      return true;
    ++report.passed;
    report.count_due(static_cast<std::int64_t>(GST_BUFFER_PTS(frame)));
    chains_[track]->push(decryptor->caps(), std::move(passed));
    return true;
  }

  void take(unsigned track, GstBuffer *frame) {
    TrackReport &report = report_.tracks[track];
    GstCaps *caps = file_.tracks()[track].caps.get();
    const auto time = static_cast<std::int64_t>(GST_BUFFER_PTS(frame));
    ++report.read;
    ++frames_;
    bytes_ += gst_buffer_get_size(frame);
    if (report.first_ns < 0)
      report.first_ns = time;
    report.last_ns = time;
    if (take_from_server(track, caps, frame))
      return;
    Look look;
    if (!peek(caps, frame, look)) {
      ++report.malformed;
      return;
    }
    KeyHistory::Match match = keys_.open(track, caps, frame, look.kid);
    if (!match.frame && may_lack_zero(caps, look.kid))
      match = open_with_zero(track, caps, frame, look, std::move(match));
    const std::uint64_t key_id = match.key_index;
    note_iv(match, look.iv.get(), frame, {time, track, key_id, false});
    if (!match.frame) {
      if (!KeyHistory::is_possible(key_id))
        ++report.impossible_key;
      else
        ++(match.has_key ? report.no_match : report.no_key)[key_id];
      return;
    }
    ++report.opened;
    KeyUse &use = report.keys[{key_id, match.entry, match.generation}];
    if (use.frames++ == 0) {
      use.first_ns = time;
      use.fingerprint = match.fingerprint;
    }
    use.last_ns = time;
    report.count_due(time);
    chains_[track]->push(match.caps.get(), std::move(match.frame));
  }

  struct Look {
    guint64 kid = 0;
    std::unique_ptr<GBytes, examples::FreeWith<&g_bytes_unref>> iv;
  };
  bool peek(GstCaps *caps, GstBuffer *frame, Look &look) const {
    GBytes *iv = nullptr;
    const bool found =
        gst_e2ee_peek_frame(scheme_, media_type(caps), clear_header_, frame, &look.kid, &iv);
    look.iv.reset(iv);
    return found;
  }

  // What handles NAL units cuts zeros off their ends, and so key index 0. When the IV's last byte
  // is its length as well, the frame seems to be one of key index 12.
  bool may_lack_zero(GstCaps *caps, std::uint64_t kid) const {
    const Codec *codec = codec_of(caps);
    return kid == kIvLength && codec && codec->nal_units && !is_sframe_;
  }

  KeyHistory::Match open_with_zero(unsigned track, GstCaps *caps, GstBuffer *frame, Look &look,
                                   KeyHistory::Match without) {
    const BufferPtr whole(gst_buffer_copy(frame));
    gst_buffer_append_memory(
        whole.get(), gst_memory_new_wrapped(GST_MEMORY_FLAG_READONLY, const_cast<char *>(kZero), 1,
                                            0, 1, nullptr, nullptr));
    Look other;
    if (!peek(caps, whole.get(), other))
      return without;
    KeyHistory::Match match = keys_.open(track, caps, whole.get(), other.kid);
    if (!match.frame)
      return without;
    look = std::move(other);
    return match;
  }

  // The same index may be of another key later, and a frame that does not open may have been
  // damaged on its way: IVs are compared among those that verified under one key.
  void note_iv(const KeyHistory::Match &match, GBytes *iv, GstBuffer *frame,
               const IvCheck::Repeat &where) {
    const Mapped mapped(match.frame ? match.frame.get() : frame);
    if (!match.frame) {
      ivs_.add_closed(mapped.bytes(), where);
      return;
    }
    const std::string key = std::to_string(where.key_id) + "/" + std::to_string(match.entry) + "/" +
                            std::to_string(match.generation);
    gsize size = 0;
    const auto *data = static_cast<const std::uint8_t *>(g_bytes_get_data(iv, &size));
    ivs_.add(key, {data, size}, mapped.bytes(), where);
  }

  // Who was muted all the time; without keys the server's frames alone are no success.
  bool all_from_server() const {
    const auto &tracks = report_.tracks;
    return report_.passed() > 0 &&
           std::all_of(tracks.begin(), tracks.end(), [](const auto &t) { return t.closed() == 0; });
  }

  std::string why_nothing() const {
    bool key = false, shape = true;
    std::string indices;
    for (const TrackReport &track : report_.tracks) {
      key = key || !track.no_match.empty();
      shape = shape && track.malformed + track.from_server == track.read;
      for (const auto &[index, count] : track.no_key) {
        if (indices.size() < 60)
          indices += (indices.empty() ? "" : ", ") + std::to_string(index);
      }
      if (track.impossible_key > 0 && indices.size() < 60)
        indices += (indices.empty() ? "" : ", ") + std::string("above 255");
    }
    if (shape)
      return "no frame is laid out as scheme " + sealing_.seal.scheme +
             " lays out encrypted frames: is this a sealed recording?";
    if (key)
      return "none of the keys opens any frame: are they those of this meeting" +
             (sealing_.has_own_keys ? " and of " + sealing_.participant : std::string()) + "?";
    return "there is no key for the key indices that the frames name (" + indices +
           "): give the key providers that the meeting used";
  }

  SealedFile file_;
  Sealing sealing_;
  GstE2EEScheme scheme_;
  GstE2EEClearHeader clear_header_;
  KeyHistory keys_;
  ProviderPtr no_keys_;
  const bool is_sframe_, tells_server_frames_;
  std::string server_frames_;
  bool webm_;
  std::unique_ptr<OutFile> out_;
  std::vector<std::unique_ptr<FrameChain>> chains_;
  std::vector<std::unique_ptr<Decryptor>> keyless_;
  IvCheck ivs_;
  UnsealReport report_;
  std::atomic<std::uint64_t> bytes_{0}, frames_{0};
};

}  // namespace

void TrackReport::count_due(std::int64_t time_ns) {
  const bool joins = has_layers && time_ns >= 0 && time_ns == last_due_ns;
  due += joins ? 0 : 1;
  last_due_ns = time_ns;
}

std::uint64_t UnsealReport::frames() const {
  std::uint64_t sum = 0;
  for (const TrackReport &track : tracks)
    sum += track.read;
  return sum;
}

std::uint64_t UnsealReport::opened() const {
  std::uint64_t sum = 0;
  for (const TrackReport &track : tracks)
    sum += track.opened;
  return sum;
}

std::uint64_t UnsealReport::passed() const {
  std::uint64_t sum = 0;
  for (const TrackReport &track : tracks)
    sum += track.passed;
  return sum;
}

bool UnsealReport::all_opened() const {
  std::uint64_t closed = 0;
  for (const TrackReport &track : tracks)
    closed += track.closed();
  return complete && closed == 0;
}

bool UnsealReport::whole() const {
  const bool lost = std::any_of(tracks.begin(), tracks.end(),
                                [](const TrackReport &track) { return track.lost() > 0; });
  return all_opened() && !lost;
}

UnsealReport unseal(const UnsealOptions &options,
                    const std::function<void(const UnsealProgress &)> &progress) {
  return Unsealer(options).run(progress);
}

}  // namespace recorder

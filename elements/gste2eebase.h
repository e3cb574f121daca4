/* SPDX-License-Identifier: LGPL-2.1-or-later */
// What e2eeencrypt and e2eedecrypt share: pads, keys, counters, messages. GObject glue only.
#pragma once

#include <gst/e2ee/e2ee.h>
#include <gst/gst.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <set>

#include "buffers/counters.h"
#include "buffers/framesettings.h"
#include "capsrefusal.h"
#include "dropwarnings.h"
#include "framecryptor.h"
#include "h26xcaps.h"
#include "reporter.h"

G_BEGIN_DECLS

#define GST_TYPE_E2EE_BASE (gst_e2ee_base_get_type())
G_DECLARE_DERIVABLE_TYPE(GstE2EEBase, gst_e2ee_base, GST, E2EE_BASE, GstElement)

struct _GstE2EEBaseClass {
  GstElementClass parent_class;

  /// Works on one frame, on the streaming thread, and counts it. Takes the buffer.
  GstFlowReturn (*frame)(GstE2EEBase *self, GstBuffer *buffer);

  /// The cryptor is there and no pad takes frames yet; may be null.
  void (*start)(GstE2EEBase *self);

  /// The rule for frames of `caps`; null when there is none. The default is codec_of_caps().
  const e2ee::CodecRule *(*codec_of)(GstE2EEBase *self, GstCaps *caps);

  /// The caps to send for frames of `caps`, which were accepted; null, with an error posted, when
  /// they cannot be read.
  GstCaps *(*output_caps)(GstE2EEBase *self, GstCaps *caps);

  /// Handles an event of the sink pad; takes it. The default checks caps and passes it on.
  gboolean (*sink_event)(GstE2EEBase *self, GstEvent *event);
};

G_END_DECLS

namespace e2ee {

/// What users set, on either element. What frames depend on is fixed while they flow.
struct Settings : FrameSettings {
  static constexpr guint kDefaultKeyWaitBytes = 8 * 1024 * 1024;
  GstClockTime key_wait = 0;
  guint key_wait_bytes = kDefaultKeyWaitBytes;
};

/// The C++ side of a GstE2EEBase.
struct Base {
  explicit Base(GstElement *element) : reporter(std::make_shared<StateReporter>(element)) {}

  GstPad *sink = nullptr;
  GstPad *src = nullptr;
  NalFormats formats = NalFormats::byte_stream_only;  // that leave the element
  bool encrypts = false;                              // or decrypts
  std::atomic<bool> enabled{true};

  std::mutex mutex;  // of the three below, of `accepted`, and of the reference on the cryptor
  Settings settings;
  GstE2EEKeyProvider *provider = nullptr;      // as set
  GstE2EEKeyProvider *from_context = nullptr;  // as found in the pipeline

  // Made in a state change while nothing streams, used by the streaming thread; other threads take
  // the reference under the mutex.
  std::shared_ptr<FrameCryptor> cryptor;
  std::shared_ptr<AcceptedFrames> accepted;       // by the cryptor before; under the mutex
  std::atomic<const CodecRule *> codec{nullptr};  // of the caps; null: refused
  Counters counters;
  std::shared_ptr<StateReporter> reporter;
  DropWarnings warnings;
  std::atomic<bool> recalls{false};                  // see recall_frame()
  std::set<const CodecRule *> checked_payloader_of;  // streaming thread
  CapsRefusal refusal;
};

Base &base_of(GstE2EEBase *self);
const char *nick_of(GstE2EEScheme scheme);
std::string participant_of(Base &base);

/// Handles a frame that is neither to be encrypted nor decrypted: when the user had switched the
/// element off (`enabled`) as it came, an empty one, one that there are no keys or no rules for.
/// Then it takes the buffer, sets `flow` and returns true.
bool handle_special(GstE2EEBase *self, GstBuffer *buffer, bool enabled, GstFlowReturn &flow);

enum class Report { usual, rarely, already_done };

/// Drops `buffer`, counts and reports why: `rarely` when it has gone on like this for long. Warns
/// when this is for the user to mend.
GstFlowReturn drop_frame(GstE2EEBase *self, GstBuffer *buffer, Reason reason, guint64 key_id,
                         Report report = Report::usual);

/// Drops a frame that the server made, as the user wants it.
GstFlowReturn drop_server_frame(GstE2EEBase *self, GstBuffer *buffer);

/// Warns if nothing of the stream that ends came through.
void warn_of_lost_stream(GstE2EEBase *self);

/// Pushes a frame that was encrypted or decrypted, and reports what changed.
GstFlowReturn push_frame(GstE2EEBase *self, GstBuffer *buffer, const FrameCryptor::Result &result);

/// Keys of `cryptor` were taken away, and the call that did so is about to return: a frame of such
/// a key that a blocked pad holds is dropped when the pad is free. Any thread.
void recall_frame(GstE2EEBase *self, FrameCryptor &cryptor);

/// Pushes a frame in the clear because the user asked for that, marked and counted.
GstFlowReturn push_unprotected(GstE2EEBase *self, GstBuffer *buffer);

/// For class_init: all codecs. One that the scheme does not support is refused at the CAPS event,
/// where the error can say why; a caps query could only say no.
GstCaps *media_caps();

/// For init of a class that has its pad templates.
void add_base_pads(GstE2EEBase *self);

/// Answers a query of either pad.
gboolean base_query(GstPad *pad, GstObject *parent, GstQuery *query);

}  // namespace e2ee

/* SPDX-License-Identifier: LGPL-2.1-or-later */
// Handlers of an application that call back into element and provider while frames flow.
#include <atomic>
#include <future>
#include <thread>

#include "support/element.h"
#include "support/waiting.h"

namespace e2ee::test {
namespace {

constexpr std::chrono::seconds kPatience{60};

/// A thread that waits for itself cannot be ended: the process does, with a word about it.
void run_bounded(const std::function<void()> &work) {
  std::packaged_task<void()> task(work);
  std::future<void> done = task.get_future();
  std::thread thread(std::move(task));
  if (done.wait_for(kPatience) != std::future_status::ready) {
    std::fprintf(stderr, "a handler has waited for %d s: deadlock\n", int(kPatience.count()));
    std::abort();
  }
  thread.join();
}

/// Looks at everything an element has, and sets what can be set while it runs.
class Handlers {
 public:
  Handlers(Element &element, const Provider &provider) : element_(element), provider_(provider) {
    bus_ = gst_element_get_bus(element.get());
    gst_bus_set_sync_handler(
        bus_,
        [](GstBus *, GstMessage *, gpointer self) {
          static_cast<Handlers *>(self)->from_bus();
          return GST_BUS_PASS;
        },
        this, nullptr);
    const auto on_used =
        +[](GstE2EEKeyProvider *, GstStructure *, Handlers *self) { self->from_key_used(); };
    used_ = g_signal_connect(provider.get(), "key-used", G_CALLBACK(on_used), this);
    for (const char *name : {"sink", "src"}) {
      GstPad *pad = gst_element_get_static_pad(element.get(), name);
      gst_pad_add_probe(
          pad,
          static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER |
                                       GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
          [](GstPad *, GstPadProbeInfo *, gpointer self) {
            static_cast<Handlers *>(self)->from_probe();
            return GST_PAD_PROBE_OK;
          },
          this, nullptr);
      gst_object_unref(pad);
    }
  }
  ~Handlers() {
    g_signal_handler_disconnect(provider_.get(), used_);
    gst_e2ee_key_provider_sync(provider_.get());  // one may be running
    gst_bus_set_sync_handler(bus_, nullptr, nullptr, nullptr);
    gst_object_unref(bus_);
  }

  std::atomic<unsigned> bus_calls{0};
  std::atomic<unsigned> used_calls{0};
  std::atomic<unsigned> probe_calls{0};

 private:
  void read_everything() {
    guint count = 0;
    GParamSpec **all = g_object_class_list_properties(G_OBJECT_GET_CLASS(element_.get()), &count);
    for (guint i = 0; i < count; ++i) {
      if ((all[i]->flags & G_PARAM_READABLE) == 0)
        continue;
      GValue value = G_VALUE_INIT;
      g_value_init(&value, all[i]->value_type);
      g_object_get_property(G_OBJECT(element_.get()), all[i]->name, &value);
      g_value_unset(&value);
    }
    g_free(all);
    EXPECT_LE(element_.stat("frames-out"), element_.stat("frames-in"));
    const Text fingerprint(
        gst_e2ee_key_provider_get_fingerprint(provider_.get(), nullptr, element_.stat("key-id")));
  }

  void from_bus() {
    // What is set here may tell of itself, on the same bus.
    static thread_local bool inside = false;
    if (std::exchange(inside, true))
      return;
    read_everything();
    g_object_set(element_.get(), "enabled", TRUE, "participant", "refused-while-it-runs", nullptr);
    set_raw(provider_, 0x62, 9);
    inside = false;
    ++bus_calls;
  }

  // On a worker of the library.
  void from_key_used() {
    read_everything();
    g_object_set(element_.get(), "enabled", TRUE, "participant", "refused-while-it-runs", nullptr);
    ++used_calls;
  }

  // No frame of this thread's is being worked on, so that none passes in the clear.
  void from_probe() {
    read_everything();
    g_object_set(element_.get(), "enabled", FALSE, nullptr);
    g_object_set(element_.get(), "enabled", TRUE, nullptr);
    ++probe_calls;
  }

  Element &element_;
  Provider provider_;
  GstBus *bus_;
  gulong used_ = 0;
};

class Callbacks : public testing::TestWithParam<const char *> {
 protected:
  const bool encrypts_ = std::string(GetParam()) == "e2eeencrypt";
  const Provider provider_ = raw_provider(0x61);
};

}  // namespace

TEST_P(Callbacks, R12_HandlersMayReadAndSetWhatTheyLikeWhileFramesFlow) {
  constexpr unsigned kFrames = 200;
  const Bytes plain = vp8_delta(300);
  const Bytes input = encrypts_ ? plain : seal(provider_, kVp8, plain);
  Bytes bad = input;
  bad.back() = 13;
  run_bounded([&] {
    Element element(GetParam(), provider_);
    Handlers handlers(element, provider_);
    element.start(kVp8);
    unsigned passed = 0;
    for (unsigned i = 0; i < kFrames; ++i) {
      passed += element.pass(input).has_value() ? 1 : 0;
      if (!encrypts_ && i % 10 == 0) {
        EXPECT_EQ(element.pass(bad), std::nullopt) << "no key: told on the bus";
      }
      if (i % 20 == 10) {
        // A key of another index takes over: what the last one was used for is told.
        const guint index = i / 20 % 2;
        set_raw(provider_, static_cast<guint8>(0x61 + 0x40 * index), index);
        EXPECT_TRUE(
            gst_e2ee_shared_key_provider_set_current_index(shared(provider_), index, nullptr));
      }
    }
    EXPECT_EQ(passed, kFrames);
    EXPECT_EQ(element.stat("passed-plaintext"), 0U);
    EXPECT_TRUE(wait_for([&] { return !encrypts_ || handlers.used_calls >= 2; }));
    gst_element_set_state(element.get(), GST_STATE_READY);
    EXPECT_TRUE(wait_for([&] { return handlers.used_calls >= 1; }));
    EXPECT_GT(handlers.bus_calls, 0U);
    EXPECT_GE(handlers.probe_calls, 2 * kFrames);
  });
}

// Whoever sees a provider go may look at the element that let it go.
TEST_P(Callbacks, R24_AProviderThatIsReplacedGoesWithoutALock) {
  unsigned calls = 0;
  run_bounded([&] {
    Element element(GetParam(), raw_provider(0x62));
    GObject *provider = nullptr;
    g_object_get(element.get(), "key-provider", &provider, nullptr);
    struct Watch {
      Element &element;
      unsigned &calls;
    } watch{element, calls};
    g_object_weak_ref(
        provider,
        [](gpointer data, GObject *) {
          auto *self = static_cast<Watch *>(data);
          self->element.stat("frames-in");
          GObject *now = nullptr;
          g_object_get(self->element.get(), "key-provider", &now, nullptr);
          g_clear_object(&now);
          ++self->calls;
        },
        &watch);
    g_object_unref(provider);
    g_object_set(element.get(), "key-provider", provider_.get(), nullptr);
  });
  EXPECT_EQ(calls, 1U);
}

INSTANTIATE_TEST_SUITE_P(Elements, Callbacks, testing::Values("e2eeencrypt", "e2eedecrypt"),
                         [](const auto &test) { return std::string(test.param); });

}  // namespace e2ee::test

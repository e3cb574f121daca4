/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames without a pipeline, in C++: what a bot with a media path of its own does.
 *
 *  g++ -DGST_USE_UNSTABLE_API frames.cpp -o frames $(pkg-config --cflags --libs gstreamer-e2ee-1.0)
 */
#include <gst/e2ee/e2ee.h>

#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

struct Unref {
  void operator()(gpointer object) const { g_object_unref(object); }
  void operator()(GstBuffer *buffer) const { gst_buffer_unref(buffer); }
  void operator()(GstCaps *caps) const { gst_caps_unref(caps); }
  void operator()(GError *error) const { g_error_free(error); }
};
template <typename Type>
using Ref = std::unique_ptr<Type, Unref>;

void check(bool done, GError *error) {
  const Ref<GError> owner(error);
  if (!done)
    throw std::runtime_error(error != nullptr ? error->message : "kept for the next frame");
}

/// The keys of one participant, at work on the frames of one stream.
class Cryptor {
 public:
  Cryptor(GstE2EEKeyProvider *keys, GstCaps *caps)
      : cryptor_(gst_e2ee_frame_cryptor_new(keys, GST_E2EE_SCHEME_LIVEKIT, nullptr)) {
    GError *error = nullptr;
    check(gst_e2ee_frame_cryptor_set_caps(cryptor_.get(), caps, nullptr, nullptr, &error), error);
    check(gst_e2ee_frame_cryptor_prepare(cryptor_.get(), 5 * GST_SECOND, &error), error);
  }

  Ref<GstBuffer> encrypt(Ref<GstBuffer> frame) {
    return run(gst_e2ee_frame_cryptor_encrypt, std::move(frame));
  }
  Ref<GstBuffer> decrypt(Ref<GstBuffer> frame) {
    return run(gst_e2ee_frame_cryptor_decrypt, std::move(frame));
  }

 private:
  template <typename Method>
  Ref<GstBuffer> run(Method method, Ref<GstBuffer> frame) {
    GError *error = nullptr;
    Ref<GstBuffer> result(method(cryptor_.get(), frame.release(), &error));
    check(result != nullptr, error);
    return result;
  }

  Ref<GstE2EEFrameCryptor> cryptor_;
};

void run() {
  const Ref<GstE2EESharedKeyProvider> keys(gst_e2ee_shared_key_provider_new());
  GError *error = nullptr;
  check(gst_e2ee_shared_key_provider_set_passphrase(keys.get(), "for this example only", 0, &error),
        error);
  const Ref<GstCaps> caps(gst_caps_new_empty_simple("audio/x-opus"));
  Cryptor sender(GST_E2EE_KEY_PROVIDER(keys.get()), caps.get());
  Cryptor receiver(GST_E2EE_KEY_PROVIDER(keys.get()), caps.get());
  constexpr int kFrames = 100;
  for (int i = 0; i < kFrames; ++i) {
    Ref<GstBuffer> frame(gst_buffer_new_allocate(nullptr, 80, nullptr));  // as of an encoder
    gst_buffer_memset(frame.get(), 0, static_cast<guint8>(i), 80);
    receiver.decrypt(sender.encrypt(std::move(frame)));  // the network is in between
  }
  std::cout << "decrypted " << kFrames << " frames\n";
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc > 1) {
    std::cout << "Usage: " << argv[0]
              << "\nEncrypts and decrypts frames without a pipeline, in C++.\n";
    return std::string(argv[1]) == "--help" ? 0 : 2;
  }
  try {
    run();
  } catch (const std::exception &failure) {
    std::cerr << failure.what() << '\n';
    return 1;
  }
  return 0;
}

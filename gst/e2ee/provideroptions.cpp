/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "provideroptions.h"

#include <gst/e2ee/e2ee-enums.h>

#include <string_view>

#include "errors.h"
#include "errortext.h"

namespace e2ee {

namespace {

bool set_number(GValue *value, GParamSpec *pspec, const char *text) {
  guint64 number = 0;
  if (G_IS_PARAM_SPEC_UINT(pspec)) {
    const auto *range = G_PARAM_SPEC_UINT(pspec);
    if (!g_ascii_string_to_unsigned(text, 10, range->minimum, range->maximum, &number, nullptr))
      return false;
    g_value_set_uint(value, static_cast<guint>(number));
    return true;
  }
  if (G_IS_PARAM_SPEC_UINT64(pspec)) {
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &number, nullptr))
      return false;
    g_value_set_uint64(value, number);
    return true;
  }
  gint64 signed_number = 0;
  const auto *range = G_PARAM_SPEC_INT(pspec);
  if (!g_ascii_string_to_signed(text, 10, range->minimum, range->maximum, &signed_number, nullptr))
    return false;
  g_value_set_int(value, static_cast<gint>(signed_number));
  return true;
}

// What a field of this property takes, for people.
std::string values_of(GParamSpec *pspec) {
  if (G_IS_PARAM_SPEC_BOOLEAN(pspec))
    return "true or false";
  if (G_IS_PARAM_SPEC_ENUM(pspec)) {
    const GEnumClass *klass = G_PARAM_SPEC_ENUM(pspec)->enum_class;
    std::vector<std::string> nicks;
    for (guint i = 0; i < klass->n_values; ++i)
      nicks.emplace_back(klass->values[i].value_nick);
    return joined(nicks);
  }
  const std::string blurb = std::string(" (") + g_param_spec_get_blurb(pspec) + ")";
  if (G_IS_PARAM_SPEC_UINT(pspec)) {
    const auto *range = G_PARAM_SPEC_UINT(pspec);
    return "a whole number from " + std::to_string(range->minimum) + " to " +
           std::to_string(range->maximum) + blurb;
  }
  return "a whole number" + blurb;
}

// Sets a property of a provider from the text of the field of the same name.
bool set_option(GObject *provider, const char *field, const char *text, GError **error) {
  GParamSpec *pspec = g_object_class_find_property(G_OBJECT_GET_CLASS(provider), field);
  GValue value = G_VALUE_INIT;
  g_value_init(&value, pspec->value_type);
  bool valid = false;
  if (G_IS_PARAM_SPEC_STRING(pspec)) {
    g_value_set_string(&value, text);
    valid = true;
  } else if (G_IS_PARAM_SPEC_ENUM(pspec)) {
    const GEnumValue *found = g_enum_get_value_by_nick(G_PARAM_SPEC_ENUM(pspec)->enum_class, text);
    if ((valid = found != nullptr))
      g_value_set_enum(&value, found->value);
  } else if (G_IS_PARAM_SPEC_BOOLEAN(pspec)) {
    valid = std::string_view(text) == "true" || std::string_view(text) == "false";
    g_value_set_boolean(&value, std::string_view(text) == "true");
  } else {
    valid = set_number(&value, pspec, text);
  }
  if (valid)
    g_object_set_property(provider, field, &value);
  else
    fail(error, GST_E2EE_ERROR_INVALID_OPTION, "%s: must be %s", field, values_of(pspec).c_str());
  g_value_unset(&value);
  return valid;
}

}  // namespace

bool set_options(gpointer provider, GHashTable *fields, GError **error) {
  GHashTableIter iter;
  gpointer field;
  gpointer text;
  g_hash_table_iter_init(&iter, fields);
  while (g_hash_table_iter_next(&iter, &field, &text)) {
    const auto *name = static_cast<const char *>(field);
    const GParamSpec *property = g_object_class_find_property(G_OBJECT_GET_CLASS(provider), name);
    if (property != nullptr && (property->flags & G_PARAM_WRITABLE) != 0 &&
        !set_option(G_OBJECT(provider), name, static_cast<const char *>(text), error))
      return false;
  }
  return true;
}

}  // namespace e2ee

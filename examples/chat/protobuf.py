# SPDX-License-Identifier: LGPL-2.1-or-later
"""The wire format of Protocol Buffers, as far as LiveKit's messages need it.

A schema is a dict: field name -> (field number, type). A type is int, bytes, str, another schema, or a
list with one of these for a repeated field. Messages are dicts. A decoded message holds the fields that
came; fields that the schema does not name are skipped.
"""

if __name__ == "__main__":
    print(__doc__)
    raise SystemExit

VARINT, FIXED_64, LENGTH, FIXED_32 = 0, 1, 2, 5
MASK_64 = (1 << 64) - 1


class DecodeError(ValueError):
    pass


# ---- writing --------------------------------------------------------------------------------------


def varint(number):
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def encode_field(number, kind, value):
    if kind is int:
        return varint(number << 3 | VARINT) + varint(value & MASK_64)
    if kind is str:
        value = value.encode()
    elif kind is not bytes:
        value = encode(kind, value)
    return varint(number << 3 | LENGTH) + varint(len(value)) + value


def encode(schema, message):
    encoded = b""
    for name, value in message.items():
        number, kind = schema[name]
        repeated = isinstance(kind, list)
        for one in value if repeated else [value]:
            encoded += encode_field(number, kind[0] if repeated else kind, one)
    return encoded


# ---- reading --------------------------------------------------------------------------------------


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, size):
        if size > len(self.data) - self.at:
            raise DecodeError("the message is truncated")
        self.at += size
        return self.data[self.at - size : self.at]

    def varint(self):
        number = 0
        for shift in range(0, 70, 7):
            (byte,) = self.take(1)
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number & MASK_64
        raise DecodeError("a number is longer than 64 bits")

    def value(self, wire_type):
        if wire_type == VARINT:
            return self.varint()
        if wire_type == LENGTH:
            return self.take(self.varint())
        if wire_type in (FIXED_64, FIXED_32):
            return self.take(8 if wire_type == FIXED_64 else 4)
        raise DecodeError(f"wire type {wire_type} is unknown")

    def fields(self):
        """Pairs of field number and raw value: int for a varint, otherwise bytes."""
        while self.at < len(self.data):
            key = self.varint()
            yield key >> 3, self.value(key & 7)


def decode_value(kind, raw):
    if isinstance(raw, int) != (kind is int):
        raise DecodeError("a field has another type than the schema says")
    if kind is str:
        return raw.decode(errors="replace")
    return raw if kind in (int, bytes) else decode(kind, raw)


def decode(schema, data):
    names = {number: (name, kind) for name, (number, kind) in schema.items()}
    message = {}
    for number, raw in Reader(data).fields():
        if number not in names:
            continue
        name, kind = names[number]
        if isinstance(kind, list):
            message.setdefault(name, []).append(decode_value(kind[0], raw))
        else:
            message[name] = decode_value(kind, raw)
    return message

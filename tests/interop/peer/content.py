# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the calls show and sound like, and how it is recognised after a codec's losses.

The picture: four squares of four colours, which move on by one square eight frames at a time, above
a strip of coarse noise that gives frames some size. The pages (recognise.js, content.js) draw and
read the same.
"""

import array
import math
import random
import time

COLOURS = ((200, 40, 40), (40, 180, 40), (40, 40, 200), (200, 200, 40))
PHASES = len(COLOURS)
FRAMES_PER_PHASE = 8
TOLERANCE = 70  # of 255 and channel: codecs, and the browser's choice of colour matrix
RATE = 20  # frames a second

# What a received picture is scaled down to before anyone looks at it.
PROBE_WIDTH, PROBE_HEIGHT = 16, 12
SQUARES = ((4, 2), (12, 2), (4, 7), (12, 7))

TONE_HZ = 600
TONE_RATE = 8000  # what received sound is resampled to
TONES_IN_A_ROW = 5


def colour_of(square, phase):
    return COLOURS[(square + phase) % PHASES]


def make_picture(width, height, phase, seed):
    """RGB bytes."""
    rows = []
    noise_top = height * 5 // 6
    for top in range(2):
        row = bytes(colour_of(2 * top, phase)) * (width // 2)
        row += bytes(colour_of(2 * top + 1, phase)) * (width - width // 2)
        rows.append(row * (noise_top // 2))
    dice = random.Random(seed)
    left = height - noise_top // 2 * 2
    while left > 0:
        row = b"".join(bytes([dice.randrange(256)] * 24) for _ in range((width + 7) // 8))
        rows.append(row[: width * 3] * min(8, left))
        left -= 8
    return b"".join(rows)


class Pictures:
    """The frames to send, made once."""

    def __init__(self, width, height):
        self.frames = [
            make_picture(width, height, index // FRAMES_PER_PHASE, index)
            for index in range(PHASES * FRAMES_PER_PHASE)
        ]

    def at(self, number):
        return self.frames[number % len(self.frames)]


class Seen:
    """Counts what was decoded, and what of it is the picture or the tone.

    Sound is decoded from noise now and then so that a moment of it is like the tone: it counts when
    it is the tone for a while.
    """

    def __init__(self, in_a_row=1):
        self.in_a_row = in_a_row
        self.row = 0
        self.frames = 0
        self.matches = 0
        self.phases = set()
        self.first_match = None  # seconds since the epoch

    def add(self, phase):
        self.frames += 1
        self.row = 0 if phase is None else self.row + 1
        if self.row < self.in_a_row:
            return
        if self.first_match is None:
            self.first_match = time.time()
        self.matches += 1
        self.phases.add(phase)

    def report(self):
        return {
            "frames": self.frames,
            "matches": self.matches,
            "phases": len(self.phases),
            "firstMatch": self.first_match,
        }


def phase_of_picture(rgb, stride):
    """The phase of a probe (RGB, PROBE_WIDTH x PROBE_HEIGHT), or None: not the picture."""
    pixels = [rgb[y * stride + x * 3 : y * stride + x * 3 + 3] for x, y in SQUARES]
    for phase in range(PHASES):
        if all(
            abs(got - want) <= TOLERANCE
            for square, pixel in enumerate(pixels)
            for got, want in zip(pixel, colour_of(square, phase))
        ):
            return phase
    return None


def phase_of_sound(data):
    """0 when 16-bit mono samples are mostly the tone, else None. Goertzel's algorithm."""
    samples = array.array("h", data)
    energy = sum(sample * sample for sample in samples)
    if len(samples) < 80 or energy < len(samples) * 300 * 300:
        return None
    coefficient = 2 * math.cos(2 * math.pi * TONE_HZ / TONE_RATE)
    last = before = 0.0
    for sample in samples:
        last, before = sample + coefficient * last - before, last
    power = last * last + before * before - coefficient * last * before
    # A pure tone has power = energy * samples / 2.
    return 0 if power > 0.6 * energy * len(samples) / 2 else None

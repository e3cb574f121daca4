# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is expected of recordings, in words that say what was found instead."""

import os
import stat

from process import MeetingError, expect
from recordings import compare, read

CLIP_KEY_FRAMES = 60  # what is sent has at least one among so many
TAIL_SECONDS = 1.0  # sent so shortly before the end that it may not have arrived


def describe(identity, media, match):
    return f"{identity} {media}: {match}"


def matches(publishers, name, path, which="plain", tracks=("video", "audio"), video="video"):
    """Compares a file with what was sent in a stay; its matches by medium.

    `video`: which of two it is, video or screen; that is its name in the answer as well.
    """
    found = read(path)
    expect(set(found) == set(tracks), f"{path} has {sorted(found)}, not {sorted(tracks)}")
    result = {}
    for media, track in found.items():
        source = video if media == "video" else media
        result[source] = compare(track.frames, publishers.manifest(name, source), which)
    return result


def expect_whole(
    publishers, name, path, which="plain", tracks=("video", "audio"), key_within=0, video="video"
):
    """Equal, in order, none missing in between, from a key frame on. Answers the matches.

    `key_within`: of a file that goes on in the middle of a stream, how many frames may come before.
    """
    found = matches(publishers, name, path, which, tracks, video)
    for media, match in found.items():
        expect(match.whole, f"{os.path.basename(path)}, {describe(name, media, match)}")
        first = publishers.manifest(name, media)[match.first : match.first + key_within + 1]
        keys = any(entry["key"] for entry in first)
        expect(keys, f"{os.path.basename(path)}: {media} does not begin with a key frame")
    return found


def expect_until(publishers, name, found, time, slack=TAIL_SECONDS):
    """Recorded up to shortly before that time."""
    for media, match in found.items():
        sent = [e for e in publishers.manifest(name, media) if e["time"] < time - slack]
        if not sent:
            raise MeetingError(f"{name} sent no {media} before")
        missing = sent[-1]["n"] - match.last
        expect(missing <= 0, f"{name} {media}: the last {missing} frames before the end are missing")


def expect_none_after(publishers, name, found, time):
    """Nothing that was sent later than that, at which the recorder had said that it has stopped."""
    for media, match in found.items():
        last = publishers.manifest(name, media)[match.last]["time"]
        expect(last <= time, f"{name} {media}: recorded {last - time:.2f} s longer")


def expect_none_before(publishers, name, found, time):
    """Nothing that was sent earlier. Answers how much later it begins."""
    begins = {}
    for media, match in found.items():
        begins[media] = publishers.manifest(name, media)[match.first]["time"] - time
        expect(begins[media] > 0, f"{name} {media}: sent {-begins[media]:.2f} s before it was allowed")
    return min(begins.values())


def expect_private(path):
    mode = stat.S_IMODE(os.stat(path).st_mode)
    expect(mode == 0o600, f"{path} has mode {mode:o}")


def total(found):
    return sum(match.frames for match in found.values())


def common(ours, theirs, what):
    """How many frames two recorders both have; those are the same, one after the other."""
    first = theirs.index(ours[0]) if ours[0] in theirs else 0
    skip = ours.index(theirs[0]) if first == 0 and theirs[0] in ours else 0
    length = min(len(ours) - skip, len(theirs) - first)
    expect(length > 50, f"{what}: only {length} frames in common")
    same = ours[skip : skip + length] == theirs[first : first + length]
    expect(same, f"{what}: not the same frames")
    return length

// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/livekit/server-sdk-go/v2/e2ee"
)

// Of the clips that media/clip.py makes.
const (
	width  = 320
	height = 192
)

// How often a key frame is asked for at most while frames cannot be decrypted.
const keyFrameInterval = time.Second

var durations = map[string]time.Duration{"h264": 50 * time.Millisecond, "opus": 20 * time.Millisecond}

// player sends a clip again and again.
type player struct {
	lksdk.BaseSampleProvider
	frames   [][]byte
	duration time.Duration
	next     int
}

func newPlayer(codec, clip string) (*player, error) {
	data, err := os.ReadFile(clip)
	if err != nil {
		return nil, err
	}
	sizes, err := os.ReadFile(clip + ".sizes")
	if err != nil {
		return nil, err
	}
	p := &player{duration: durations[codec]}
	for _, line := range strings.Fields(string(sizes)) {
		var size int
		if _, err := fmt.Sscan(line, &size); err != nil || size > len(data) {
			return nil, fmt.Errorf("%s.sizes does not fit", clip)
		}
		p.frames, data = append(p.frames, data[:size]), data[size:]
	}
	return p, nil
}

func (p *player) NextSample(context.Context) (media.Sample, error) {
	frame := p.frames[p.next]
	p.next = (p.next + 1) % len(p.frames)
	return media.Sample{Data: frame, Duration: p.duration}, nil
}

// receiver writes what it decrypts of a track as a clip.
type receiver struct {
	client      *client
	track       *webrtc.TrackRemote
	publication *lksdk.RemoteTrackPublication
	from        *lksdk.RemoteParticipant
	decryptor   *e2ee.TrackDecryptor
	data, sizes *os.File

	asked time.Time // for a key frame

	lock   sync.Mutex
	frames int
}

func (c *client) newReceiver(
	track *webrtc.TrackRemote, publication *lksdk.RemoteTrackPublication, from *lksdk.RemoteParticipant,
) (*receiver, error) {
	name := strings.ToLower(filepath.Base(track.Codec().MimeType))
	codec, ok := codecs[name]
	if !ok {
		return nil, fmt.Errorf("no decryption of %s", name)
	}
	decryptor, err := lksdk.NewFrameDecryptor(c.keys, codec, c.room.SifTrailer())
	if err != nil {
		return nil, err
	}
	r := &receiver{client: c, track: track, publication: publication, from: from}
	r.decryptor = e2ee.NewTrackDecryptor(track, decryptor)
	if r.data, err = os.CreateTemp(c.folder, "received-*."+name); err != nil {
		return nil, err
	}
	r.sizes, err = os.Create(r.data.Name() + ".sizes")
	return r, err
}

// run ends with the track.
func (r *receiver) run() {
	defer r.data.Close()
	defer r.sizes.Close()
	for {
		sample, err := r.decryptor.ReadSample()
		switch {
		case err == nil:
			if err := r.write(sample.Data); err != nil {
				r.client.complain(err)
				return
			}
		case errors.Is(err, io.EOF) || strings.HasPrefix(err.Error(), "read RTP"):
			return
		default:
			r.client.complain(err)
			r.askForKeyFrame()
		}
	}
}

func (r *receiver) askForKeyFrame() {
	if r.track.Kind() == webrtc.RTPCodecTypeVideo && time.Since(r.asked) > keyFrameInterval {
		r.asked = time.Now()
		r.from.WritePLI(r.track.SSRC())
	}
}

func (r *receiver) write(frame []byte) error {
	if _, err := r.data.Write(frame); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(r.sizes, len(frame)); err != nil {
		return err
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	r.frames++
	return nil
}

func (r *receiver) report() any {
	r.lock.Lock()
	defer r.lock.Unlock()
	return map[string]any{
		"participant": r.from.Identity(), "sid": r.publication.SID(), "kind": r.track.Kind().String(),
		"frames": r.frames, "clip": r.data.Name(),
	}
}

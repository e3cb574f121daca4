// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/livekit/server-sdk-go/v2/e2ee"
	"github.com/livekit/server-sdk-go/v2/pkg/samplebuilder"
)

// Of the clips that media/clip.py makes.
const (
	width  = 320
	height = 192
)

// How often a key frame is asked for at most while frames cannot be decrypted.
const keyFrameInterval = time.Second

// For how many packets what is missing of a frame is waited for. Nothing is lost on 127.0.0.1, but
// the first packets of a track may be of a frame that began earlier.
const mostLate = 30

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
	frames      *samplebuilder.SampleBuilder
	decryptor   *e2ee.GCMFrameDecryptor
	data, sizes *os.File

	asked time.Time // for a key frame

	lock    sync.Mutex
	written int
}

// accessUnits keeps the packets of a picture together. The SDK's own TrackDecryptor takes each unit
// of H.264 for a frame, and can verify no key frame that comes in several packets.
type accessUnits struct{ codecs.H264Packet }

func (*accessUnits) IsPartitionHead(payload []byte) bool {
	const sps, aggregation = 7, 24
	unit := payload[0] & 31
	return unit == sps || unit == aggregation
}

func depacketizer(codec lksdk.Codec) rtp.Depacketizer {
	if codec == lksdk.CodecH264 {
		return &accessUnits{}
	}
	return &codecs.OpusPacket{}
}

func (c *client) newReceiver(
	track *webrtc.TrackRemote, publication *lksdk.RemoteTrackPublication, from *lksdk.RemoteParticipant,
) (*receiver, error) {
	name := strings.ToLower(filepath.Base(track.Codec().MimeType))
	codec, ok := encryptions[name]
	if !ok {
		return nil, fmt.Errorf("no decryption of %s", name)
	}
	decryptor, err := lksdk.NewFrameDecryptor(c.keys, codec, c.room.SifTrailer())
	if err != nil {
		return nil, err
	}
	r := &receiver{client: c, track: track, publication: publication, from: from, decryptor: decryptor}
	r.frames = samplebuilder.New(mostLate, depacketizer(codec), track.Codec().ClockRate)
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
		packet, _, err := r.track.ReadRTP()
		if err != nil {
			return
		}
		r.frames.Push(packet)
		for sample := r.frames.Pop(); sample != nil; sample = r.frames.Pop() {
			if err := r.take(sample.Data); err != nil {
				r.client.complain(err)
				r.askForKeyFrame()
			}
		}
	}
}

func (r *receiver) take(frame []byte) error {
	plain, err := r.decryptor.DecryptFrame(frame)
	if err != nil || plain == nil { // nil: made by the server
		return err
	}
	return r.write(plain)
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
	r.written++
	return nil
}

func (r *receiver) report() any {
	r.lock.Lock()
	defer r.lock.Unlock()
	return map[string]any{
		"participant": r.from.Identity(), "sid": r.publication.SID(), "kind": r.track.Kind().String(),
		"frames": r.written, "clip": r.data.Name(),
	}
}

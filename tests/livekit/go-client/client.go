// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"errors"
	"fmt"
	"sync"

	"github.com/livekit/protocol/livekit"
	"github.com/pion/webrtc/v4"

	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/livekit/server-sdk-go/v2/e2ee"
)

const chatTopic = "chat"

var (
	encryptions = map[string]lksdk.Codec{"h264": lksdk.CodecH264, "opus": lksdk.CodecOpus}
	mimes       = map[string]webrtc.RTPCodecCapability{
		"h264": {MimeType: webrtc.MimeTypeH264, ClockRate: 90000},
		"opus": {MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2},
	}
)

type key struct {
	Index      uint32 `json:"index"`
	Passphrase string `json:"passphrase"`
}

type message struct {
	From string `json:"from"`
	Text string `json:"text"`
}

type client struct {
	folder    string
	keys      *e2ee.ExternalKeyProvider
	room      *lksdk.Room
	left      bool
	published *lksdk.LocalTrackPublication

	lock      sync.Mutex
	receivers []*receiver
	messages  []message
	errors    []string
}

func newClient(folder string) *client {
	// Empty lists, not null, in JSON.
	return &client{
		folder: folder, keys: e2ee.NewExternalKeyProvider(), messages: []message{}, errors: []string{},
	}
}

func (c *client) do(asked request) (any, error) {
	switch asked.Op {
	case "join":
		return nil, c.join(asked)
	case "publish":
		return c.publish(asked.Codec, asked.Clip)
	case "set-key":
		return nil, c.setKey(asked.Key)
	case "mute", "unmute":
		c.published.SetMuted(asked.Op == "mute")
		return nil, nil
	case "chat":
		return nil, c.room.LocalParticipant.PublishDataPacket(lksdk.UserData([]byte(asked.Text)),
			lksdk.WithDataPublishTopic(chatTopic), lksdk.WithDataPublishReliable(true))
	case "stats":
		return c.stats(), nil
	case "leave":
		c.leave()
		return nil, nil
	}
	return nil, fmt.Errorf("cannot %s", asked.Op)
}

func (c *client) join(asked request) error {
	for _, given := range asked.Given {
		if err := c.setKey(given.Key); err != nil {
			return err
		}
	}
	room := lksdk.NewRoom(c.callbacks())
	c.room = room // callbacks come before JoinWithToken returns
	return room.JoinWithToken(asked.URL, asked.Token,
		lksdk.WithDataEncryption(&lksdk.EncryptionOptions{KeyProvider: c.keys}))
}

func (c *client) setKey(key key) error {
	if key.Passphrase == "" {
		return errors.New("only passphrases are derived as the other clients do")
	}
	return c.keys.SetKeyFromPassphrase(key.Passphrase, key.Index)
}

func (c *client) callbacks() *lksdk.RoomCallback {
	return &lksdk.RoomCallback{ParticipantCallback: lksdk.ParticipantCallback{
		OnTrackSubscribed: func(
			track *webrtc.TrackRemote, publication *lksdk.RemoteTrackPublication,
			from *lksdk.RemoteParticipant,
		) {
			receiver, err := c.newReceiver(track, publication, from)
			if err != nil {
				c.complain(err)
				return
			}
			c.lock.Lock()
			c.receivers = append(c.receivers, receiver)
			c.lock.Unlock()
			go receiver.run()
		},
		OnDataPacket: func(packet lksdk.DataPacket, from lksdk.DataReceiveParams) {
			user, ok := packet.(*lksdk.UserDataPacket)
			if !ok || user.Topic != chatTopic {
				return
			}
			c.lock.Lock()
			defer c.lock.Unlock()
			c.messages = append(c.messages, message{From: from.SenderIdentity, Text: string(user.Payload)})
		},
	}}
}

func (c *client) complain(err error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if len(c.errors) < 20 {
		c.errors = append(c.errors, err.Error())
	}
}

func (c *client) publish(codec, clip string) (any, error) {
	encryptor, err := lksdk.NewFrameEncryptor(c.keys, encryptions[codec])
	if err != nil {
		return nil, err
	}
	player, err := newPlayer(codec, clip)
	if err != nil {
		return nil, err
	}
	track, err := lksdk.NewLocalTrack(mimes[codec], lksdk.WithFrameEncryptor(encryptor))
	if err != nil {
		return nil, err
	}
	track.OnBind(func() {
		if err := track.StartWrite(player, nil); err != nil {
			c.complain(err)
		}
	})
	c.published, err = c.room.LocalParticipant.PublishTrack(track, &lksdk.TrackPublicationOptions{
		Name: codec, Encryption: livekit.Encryption_GCM, DisableDTX: true,
		VideoWidth: width, VideoHeight: height,
	})
	if err != nil {
		return nil, err
	}
	return map[string]string{"sid": c.published.SID()}, nil
}

func (c *client) stats() any {
	c.lock.Lock()
	defer c.lock.Unlock()
	tracks := []any{}
	for _, receiver := range c.receivers {
		tracks = append(tracks, receiver.report())
	}
	others := []string{}
	for _, participant := range c.room.GetRemoteParticipants() {
		others = append(others, participant.Identity())
	}
	return map[string]any{
		"recording": c.room.IsRecording(), "others": others, "errors": c.errors,
		"messages": c.messages, "tracks": tracks,
	}
}

func (c *client) leave() {
	if c.room != nil && !c.left {
		c.left = true
		c.room.Disconnect()
	}
}

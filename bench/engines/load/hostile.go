package main

// Those who come in with a good token and behave badly.
//
// Lives here: one part, hostile, with -kind. Not here: strangers (flood.go), what the others notice (main.go).
//
//	rtp      a publisher whose packets hold anything at all: payloads, sequence numbers, times, extensions, reports
//	silent   a publisher who announces tracks and never sends
//	data     data packets, reliable, as fast as the channel takes them
//	lossy    the same, not reliable
//	signals  signal messages as fast as the socket takes them, back as soon as it is closed
//	large    signal messages that are too large, likewise
//	deaf     a signal socket that never reads, and pings
//	slow     a signal socket whose every byte comes on its own
//
//	{"event":"hostile"}  it begins; a line on the input ends it
//	{"event":"over", "sent": …, "refused": …}

import (
	"bufio"
	crand "crypto/rand"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"google.golang.org/protobuf/proto"
)

var (
	kind     = flag.String("kind", "rtp", "hostile: how")
	identity = flag.String("identity", "hostile", "hostile: who")
)

type mischief struct {
	Workload
	over          atomic.Bool
	sent, refused int
}

func hostile(w Workload) error {
	m := &mischief{Workload: w}
	acts := map[string]func() error{
		"rtp": m.rtp, "silent": m.silent, "data": m.data(true), "lossy": m.data(false),
		"signals": m.signals(8), "large": m.signals(2 << 20), "deaf": m.deaf, "slow": m.slow,
	}
	act, known := acts[*kind]
	if !known {
		return fmt.Errorf("no such kind: %s", *kind)
	}
	go func() {
		bufio.NewScanner(os.Stdin).Scan()
		m.over.Store(true)
	}()
	say(map[string]any{"event": "hostile"})
	if err := act(); err != nil {
		return err
	}
	say(map[string]any{"event": "over", "sent": m.sent, "refused": m.refused})
	return nil
}

func (m *mischief) come() (*Hall, *lksdk.Room, error) {
	hall := newHall(m.Workload)
	if err := hall.enter(*identity, nil, true); err != nil {
		return nil, nil, err
	}
	return hall, hall.rooms[0], nil
}

func (m *mischief) rtp() error {
	hall, room, err := m.come()
	if err != nil {
		return err
	}
	defer hall.leave()
	var tracks []*Sender
	for _, video := range []bool{false, true} {
		s := newSender(hall.pace, 0, video, 8, 1042)
		if _, err := room.LocalParticipant.PublishTrack(s.track, &lksdk.TrackPublicationOptions{Name: s.kind()}); err != nil {
			return err
		}
		tracks = append(tracks, s)
	}
	reports := room.LocalParticipant.GetPublisherPeerConnection()
	for !m.over.Load() {
		packet := rtp.Packet{
			Header: rtp.Header{
				Version: 2, Marker: rand.IntN(2) == 0, SequenceNumber: uint16(rand.Uint32()), Timestamp: rand.Uint32(),
			},
			Payload: noise(rand.IntN(1200)),
		}
		for range rand.IntN(4) {
			_ = packet.Header.SetExtension(uint8(1+rand.IntN(14)), noise(1+rand.IntN(16)))
		}
		_ = tracks[m.sent%len(tracks)].track.WriteRTP(&packet, nil)
		if m.sent%4 == 0 {
			report := rtcp.RawPacket(noise(8 + rand.IntN(200)))
			report[0] = 0x80 | report[0]&0x3f
			report[1] = uint8(200 + rand.IntN(8)) // whose length, too, is whatever comes
			_ = reports.WriteRTCP([]rtcp.Packet{&report})
		}
		m.sent++
		time.Sleep(time.Millisecond)
	}
	return nil
}

func noise(length int) []byte {
	bytes := make([]byte, length)
	_, _ = crand.Read(bytes)
	return bytes
}

func (m *mischief) silent() error {
	hall, room, err := m.come()
	if err != nil {
		return err
	}
	defer hall.leave()
	for _, video := range []bool{false, true} {
		s := newSender(hall.pace, 0, video, 8, 1042)
		if _, err := room.LocalParticipant.PublishTrack(s.track, &lksdk.TrackPublicationOptions{Name: s.kind()}); err != nil {
			return err
		}
		m.sent++
	}
	m.wait()
	return nil
}

// data sends 14 kB at a time, 2000 times a second: what the client has not sent waits in its own memory.
func (m *mischief) data(reliable bool) func() error {
	return func() error {
		hall, room, err := m.come()
		if err != nil {
			return err
		}
		defer hall.leave()
		for !m.over.Load() {
			err := room.LocalParticipant.PublishDataPacket(lksdk.UserData(make([]byte, 14_000)), lksdk.WithDataPublishReliable(reliable))
			if m.sent++; err != nil {
				m.refused++
			}
			time.Sleep(500 * time.Microsecond)
		}
		return nil
	}
}

func (m *mischief) signals(size int) func() error {
	return func() error {
		request := &livekit.SignalRequest{Message: &livekit.SignalRequest_Ping{Ping: 1}}
		if size > 1000 {
			request = &livekit.SignalRequest{Message: &livekit.SignalRequest_Simulate{}}
		}
		data, err := proto.Marshal(request)
		if err != nil {
			return err
		}
		data = append(data, make([]byte, max(0, size-1000))...)
		for !m.over.Load() {
			h, err := m.reach(m.room, *identity)
			if err != nil {
				m.refused++
				time.Sleep(10 * time.Millisecond)
				continue
			}
			go func() { // what comes back is read, so that only the flood is at fault
				for {
					if _, _, err := h.socket.ReadMessage(); err != nil {
						return
					}
				}
			}()
			for !m.over.Load() {
				if h.socket.WriteMessage(websocket.BinaryMessage, data) != nil {
					break
				}
				m.sent++
			}
			m.refused++
			h.socket.Close()
		}
		return nil
	}
}

func (m *mischief) deaf() error {
	h, err := m.reach(m.room, *identity)
	if err != nil {
		return err
	}
	defer h.socket.Close()
	ping := &livekit.SignalRequest{Message: &livekit.SignalRequest_Ping{Ping: 1}}
	for !m.over.Load() {
		if h.send(ping) != nil {
			m.refused++
			break
		}
		m.sent++
		time.Sleep(50 * time.Millisecond)
	}
	m.wait()
	return nil
}

// slow says a message whose 60 000 bytes come ten a second.
func (m *mischief) slow() error {
	h, err := m.reach(m.room, *identity)
	if err != nil {
		return err
	}
	defer h.socket.Close()
	go h.stay()
	plain := h.socket.NetConn()
	_, _ = plain.Write([]byte{0x82, 0x80 | 126, 0xea, 0x60, 0, 0, 0, 0})
	for !m.over.Load() {
		if _, err := plain.Write([]byte{0}); err != nil {
			m.refused++
			break
		}
		m.sent++
		time.Sleep(100 * time.Millisecond)
	}
	m.wait()
	return nil
}

func (m *mischief) wait() {
	for !m.over.Load() {
		time.Sleep(20 * time.Millisecond)
	}
}

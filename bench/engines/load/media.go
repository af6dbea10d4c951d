package main

// What a packet looks like, and when it is sent.
//
//	Opus  |TOC| stamp 8 | number 4 | filler              |
//	VP8   |descriptor 6| frame head 10 | stamp 8 | number 4 | filler |
//
// stamp:  nanoseconds of the machine's monotonic clock at sending, big endian.
// number: of the packet in the window, from 0; outside if it is not in the window.
// The head is a real VP8 key frame's (RFC 6386 §9.1) in a frame's first packet, and filler in the others; servers
// read it to begin at a key frame, and rewrite the descriptor (RFC 7741 §4.2).

import (
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"
	"time"

	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"golang.org/x/sys/unix"
)

const (
	audioEvery   = 20 * time.Millisecond
	videoEvery   = time.Second / 30
	trickleEvery = 500 * time.Millisecond // before the full rate: enough to be subscribed to

	audioBytes          = 100
	tocHybrid20ms       = 0x78 // Opus: hybrid, full band, 20 ms, mono, one frame (RFC 6716 §3.1)
	vp8HeadBytes        = 10
	width, height       = 1280, 720
	outside             = ^uint32(0)
	spokenLevel   uint8 = 30 // -30 dBov, a person who speaks
)

// Pace is what all senders and receivers of a room share: the rate, and the window that counts.
type Pace struct {
	full         atomic.Bool
	begins, ends atomic.Int64
}

func newPace() *Pace { return &Pace{} }

func (p *Pace) begin(window time.Duration) {
	at := monotonic()
	p.ends.Store(at + int64(window))
	p.begins.Store(at)
}

// counts says whether a packet of this stamp is in the window.
func (p *Pace) counts(stamp int64) bool {
	begins := p.begins.Load()
	return begins != 0 && stamp >= begins && stamp < p.ends.Load()
}

// Sender sends one track.
type Sender struct {
	pace         *Pace
	phase        float64 // of its period, 0 to 1, at which it sends
	video        bool
	framePackets int
	packetBytes  int
	track        *lksdk.LocalTrack
	wantKey      atomic.Bool
	sent         uint32  // in the window
	late         []int64 // ns after its due time, of each frame in the window

	sequence uint16
	picture  uint16
	base     uint32
}

func newSender(pace *Pace, phase float64, video bool, framePackets, packetBytes int) *Sender {
	s := &Sender{pace: pace, phase: phase, video: video, framePackets: framePackets, packetBytes: packetBytes, base: rand.Uint32()}
	codec := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	if video {
		codec = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}
	}
	track, err := lksdk.NewLocalTrack(codec, lksdk.WithRTCPHandler(s.heard))
	if err != nil {
		panic(err) // both codecs are known
	}
	s.track = track
	s.wantKey.Store(true)
	return s
}

func (s *Sender) kind() string {
	if s.video {
		return "video"
	}
	return "audio"
}

func (s *Sender) heard(packet rtcp.Packet) {
	switch packet.(type) {
	case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
		s.wantKey.Store(true)
	}
}

// run sends until stop, each frame at its due time, which is this sender's phase on a grid of the machine's clock.
func (s *Sender) run(stop chan struct{}) {
	every := audioEvery
	if s.video {
		every = videoEvery
	}
	begun := monotonic()
	next := func() int64 { // the first due time from now on
		now, phase := monotonic(), int64(s.phase*float64(every))
		return now + int64(every) - (now-phase)%int64(every)
	}
	due := next()
	for {
		full := s.pace.full.Load()
		if wait := due - monotonic(); wait > 0 {
			time.Sleep(time.Duration(wait))
		}
		select {
		case <-stop:
			return
		default:
		}
		if now := monotonic(); s.pace.counts(now) {
			s.late = append(s.late, now-due)
		}
		if s.video {
			s.frame(full, due-begun)
		} else {
			s.sound(due - begun)
		}
		if full {
			due += int64(every)
		} else {
			// In short steps, so that the full rate begins at once.
			for until := due + int64(trickleEvery); monotonic() < until && !s.pace.full.Load(); {
				time.Sleep(every)
			}
			due = next()
		}
	}
}

func (s *Sender) sound(since int64) {
	payload := make([]byte, audioBytes)
	payload[0] = tocHybrid20ms
	s.stamp(payload[1:])
	level := spokenLevel
	s.write(payload, uint32(since*48/1e6), false, &lksdk.SampleWriteOptions{AudioLevel: &level})
}

// frame sends the packets of a frame in one burst, as encoders do; while trickling one packet, always a key frame.
func (s *Sender) frame(full bool, since int64) {
	packets, key := s.framePackets, s.wantKey.Swap(false)
	if !full {
		packets, key = 1, true
	}
	s.picture = (s.picture + 1) & 0x7fff
	for n := range packets {
		payload := make([]byte, s.packetBytes)
		payload[0] = 0x80 // X
		if n == 0 {
			payload[0] |= 0x10 // S: a partition begins
			vp8Head(payload[6:], key)
		}
		payload[1] = 0xe0 // I, L, T
		binary.BigEndian.PutUint16(payload[2:], 0x8000|s.picture)
		payload[4] = byte(s.picture) // TL0PICIDX: every frame is of the lowest layer
		payload[5] = 0               // TID 0
		s.stamp(payload[6+vp8HeadBytes:])
		s.write(payload, uint32(since*90/1e6), n == packets-1, nil)
	}
}

func vp8Head(head []byte, key bool) {
	head[0] = 0x11 // shown, not a key frame
	if key {
		head[0] = 0x10
		copy(head[3:], []byte{0x9d, 0x01, 0x2a})
		binary.LittleEndian.PutUint16(head[6:], width)
		binary.LittleEndian.PutUint16(head[8:], height)
	}
}

func (s *Sender) stamp(room []byte) {
	now, number := monotonic(), outside
	if s.pace.counts(now) {
		number = s.sent
		s.sent++
	}
	binary.BigEndian.PutUint64(room, uint64(now))
	binary.BigEndian.PutUint32(room[8:], number)
}

func (s *Sender) write(payload []byte, timestamp uint32, marker bool, options *lksdk.SampleWriteOptions) {
	s.sequence++
	packet := rtp.Packet{
		Header:  rtp.Header{Version: 2, Marker: marker, SequenceNumber: s.sequence, Timestamp: s.base + timestamp},
		Payload: payload,
	}
	_ = s.track.WriteRTP(&packet, options) // what is not sent is missed at the other end
}

// readStamp is the other end of stamp; ok is false where there is no payload (padding).
func readStamp(packet []byte, video bool) (stamp int64, number uint32, ok bool) {
	if len(packet) < 12 {
		return
	}
	at := 12 + 4*int(packet[0]&0x0f)
	if packet[0]&0x10 != 0 {
		if len(packet) < at+4 {
			return
		}
		at += 4 + 4*int(binary.BigEndian.Uint16(packet[at+2:]))
	}
	end := len(packet)
	if packet[0]&0x20 != 0 {
		end -= int(packet[end-1])
	}
	if at >= end {
		return
	}
	payload := packet[at:end]
	if video {
		payload = payload[min(len(payload), descriptorBytes(payload)+vp8HeadBytes):]
	} else {
		payload = payload[1:]
	}
	if len(payload) < 12 {
		return
	}
	return int64(binary.BigEndian.Uint64(payload)), binary.BigEndian.Uint32(payload[8:]), true
}

// descriptorBytes is the length of a VP8 payload descriptor, which a server may have rewritten (RFC 7741 §4.2).
func descriptorBytes(payload []byte) int {
	if payload[0]&0x80 == 0 || len(payload) < 3 {
		return 1
	}
	n := 2
	if payload[1]&0x80 != 0 { // I
		n++
		if payload[2]&0x80 != 0 { // M
			n++
		}
	}
	if payload[1]&0x40 != 0 { // L
		n++
	}
	if payload[1]&0x30 != 0 { // T, K
		n++
	}
	return n
}

// monotonic is the machine's clock, the same in every process; nanoseconds.
func monotonic() int64 {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &at); err != nil {
		panic(err)
	}
	return at.Nano()
}

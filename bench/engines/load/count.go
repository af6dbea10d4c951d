package main

// What arrived: one Stream a subscription, and the sum of all.

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
)

// Stream counts what one subscription brings. Its slices are read after the window only.
type Stream struct {
	pace    *Pace
	source  string // publisher/kind
	mime    string
	packets atomic.Int64
	padding atomic.Int64
	doubled atomic.Int64

	seen   []uint64 // one bit a packet of the window
	delays []int64  // ns, of each packet's first arrival
	last   int64    // newest stamp
}

func newStream(pace *Pace, source, mime string, window time.Duration, framePackets int) *Stream {
	packets := int(window.Seconds()*50) + 64
	if mime == webrtc.MimeTypeVP8 {
		packets = int(window.Seconds()*30+2)*framePackets + 64
	}
	return &Stream{
		pace: pace, source: source, mime: mime,
		seen: make([]uint64, packets/64+1), delays: make([]int64, 0, packets),
	}
}

func (s *Stream) run(track *webrtc.TrackRemote) {
	video := track.Kind() == webrtc.RTPCodecTypeVideo
	buffer := make([]byte, 1500)
	for {
		n, _, err := track.Read(buffer)
		if err != nil {
			return
		}
		at := monotonic()
		stamp, number, ok := readStamp(buffer[:n], video)
		if !ok {
			s.padding.Add(1)
			continue
		}
		s.packets.Add(1)
		s.last = max(s.last, stamp)
		if word := int(number / 64); number != outside && word < len(s.seen) {
			if bit := uint64(1) << (number % 64); s.seen[word]&bit != 0 {
				s.doubled.Add(1)
			} else {
				s.seen[word] |= bit
				s.delays = append(s.delays, at-stamp)
			}
		}
	}
}

// Result is what came of the window.
type Result struct {
	Event     string   `json:"event"`
	Wanted    int      `json:"wanted"`    // subscriptions
	Live      int      `json:"live"`      // of them, those that still delivered in the window's last second
	Sent      int      `json:"sent"`      // packets of the publishers
	Due       int      `json:"due"`       // packets that the subscribers should have had
	Delivered int      `json:"delivered"` // packets that they had, each once
	Worst     float64  `json:"worst"`     // share that the worst subscription had
	Padding   int64    `json:"padding"`   // empty packets, in the whole run
	Doubled   int64    `json:"doubled"`   // packets that came twice
	Cuts      int64    `json:"cuts"`      // disconnections and reconnections
	P50       float64  `json:"p50_ms"`
	P99       float64  `json:"p99_ms"`
	Late      float64  `json:"late_p99_ms"` // how late the client itself sent
	ClientCPU float64  `json:"client_cpu"`  // CPU-seconds a second
	JoinMS    float64  `json:"join_ms"`     // median, until connected
	JoinWorst float64  `json:"join_worst_ms"`
	Codecs    []string `json:"codecs"`
}

func (h *Hall) result() Result {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := Result{Event: "result", Wanted: h.wanted(), Worst: 1, Cuts: h.cuts.Load()}
	var delays, late []int64
	for _, t := range h.tracks {
		r.Sent += int(t.sent)
		late = append(late, t.late...)
	}
	due := r.Sent * h.subscribers
	if h.subscribers == 0 {
		due = r.Sent * (h.publishers - 1)
	}
	r.Due = due
	if len(h.streams) < r.Wanted {
		r.Worst = 0
	}
	for _, s := range h.streams {
		r.Delivered += len(s.delays)
		r.Padding += s.padding.Load()
		r.Doubled += s.doubled.Load()
		delays = append(delays, s.delays...)
		if t := h.tracks[s.source]; t != nil && t.sent > 0 {
			r.Worst = min(r.Worst, float64(len(s.delays))/float64(t.sent))
		}
		if s.last >= h.pace.ends.Load()-int64(time.Second) {
			r.Live++
		}
		if !slices.Contains(r.Codecs, s.mime) {
			r.Codecs = append(r.Codecs, s.mime)
		}
	}
	r.P50, r.P99, r.Late = share(delays, 0.5), share(delays, 0.99), share(late, 0.99)
	slices.Sort(h.joinMS)
	r.JoinMS, r.JoinWorst = h.joinMS[len(h.joinMS)/2], h.joinMS[len(h.joinMS)-1]
	return r
}

// share is the value below which this share lies, in ms; nearest rank, 0 of nothing.
func share(ns []int64, of float64) float64 {
	if len(ns) == 0 {
		return 0
	}
	slices.Sort(ns)
	return float64(ns[min(len(ns)-1, int(of*float64(len(ns))))]) / 1e6
}

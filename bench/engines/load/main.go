// Command load is the client of the engines' benches: real participants with synthetic Opus and VP8.
//
// Lives here: the run's phases and the participants' joining.
// Not here: what a packet looks like (media.go), counting (count.go), crowds that come and go (crowd.go), strangers'
// packets (flood.go), participants who behave badly (hostile.go), starting servers (bench/engine.py, bench/robustness.py).
//
//	load [flags]        a call, measured
//	load meet [flags]   two participants meet, and that is all
//	load crowd [flags]  many come in, stay and leave
//	load churn [flags]  participants by hand, who come and leave again and again
//	load flood [flags]  packets of strangers
//	load hostile [flags]  a participant who behaves badly
//
// It prints one JSON object a line and waits for a line on its input after each phase, so that its caller can
// read the server's processor time and memory in between:
//
//	{"event":"met"}     two participants in a room of their own have met, and left
//	{"event":"warm"}    a second later
//	{"event":"live"}    everybody is in, every subscription has had a packet; all tracks trickle
//	{"event":"steady"}  all tracks flow at their full rate since -settle; the window begins
//	{"event":"over"}    the window has ended
//	{"event":"result"}  what came of it; then everybody leaves
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/logger"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"
)

// Workload says who is in the room and what they send.
type Workload struct {
	url, key, secret string

	room         string
	publishers   int           // they do not receive, unless everybody is one
	subscribers  int           // 0: every publisher receives all others
	audio, video bool          // what each publisher sends
	framePackets int           // packets of a video frame
	packetBytes  int           // payload of a video packet
	together     bool          // all publishers send at the same moments; else their moments are evenly spread
	joinsPerS    float64       // how fast people come in
	settle       time.Duration // full rate before the window
	window       time.Duration
	limit        time.Duration // until every subscription is live
}

func main() {
	w := Workload{}
	flag.StringVar(&w.url, "url", "ws://127.0.0.1:7880", "the server")
	flag.StringVar(&w.key, "key", "devkey", "API key")
	flag.StringVar(&w.secret, "secret", "secret", "API secret")
	flag.StringVar(&w.room, "room", "hall", "its name")
	flag.IntVar(&w.publishers, "publishers", 5, "participants who send")
	flag.IntVar(&w.subscribers, "subscribers", 50, "participants who only receive; 0: the publishers receive each other")
	flag.BoolVar(&w.audio, "audio", true, "publishers send Opus, 50 packets/s")
	flag.BoolVar(&w.video, "video", false, "publishers send VP8, 30 frames/s")
	flag.IntVar(&w.framePackets, "frame-packets", 8, "packets of a video frame")
	flag.IntVar(&w.packetBytes, "packet-bytes", 1042, "payload bytes of a video packet")
	flag.BoolVar(&w.together, "together", false, "all publishers send at the same moments, not evenly spread")
	flag.Float64Var(&w.joinsPerS, "joins-per-s", 10, "joins a second")
	flag.DurationVar(&w.settle, "settle", 3*time.Second, "full rate before the window")
	flag.DurationVar(&w.window, "window", 10*time.Second, "the steady window")
	flag.DurationVar(&w.limit, "limit", 60*time.Second, "until every subscription is live")
	parts := map[string]func(Workload) error{"": run, "meet": meet, "crowd": crowd, "churn": churn, "flood": flood, "hostile": hostile}
	part, rest := "", os.Args[1:]
	if len(rest) > 0 && rest[0][0] != '-' {
		part, rest = rest[0], rest[1:]
	}
	act, known := parts[part]
	_ = flag.CommandLine.Parse(rest) // it ends the program itself
	lksdk.SetLogger(logger.GetDiscardLogger())
	if !known {
		act = func(Workload) error { return fmt.Errorf("no such part: %s", part) }
	}
	if err := act(w); err != nil {
		say(map[string]any{"event": "failed", "reason": err.Error()})
		os.Exit(1)
	}
}

func run(w Workload) error {
	told := bufio.NewScanner(os.Stdin)
	if err := meet(w); err != nil {
		return err
	}
	time.Sleep(time.Second) // what the server still has to clear away
	say(map[string]any{"event": "warm"})
	told.Scan()

	hall, begun := newHall(w), time.Now()
	defer hall.leave()
	if err := hall.fill(); err != nil {
		return err
	}
	alive := hall.await(w.limit)
	say(map[string]any{"event": "live", "live": alive, "wanted": hall.wanted(), "took_s": time.Since(begun).Seconds()})
	told.Scan()

	hall.pace.full.Store(true)
	time.Sleep(w.settle)
	hall.pace.begin(w.window)
	cpu := processorTime()
	say(map[string]any{"event": "steady"})
	time.Sleep(w.window)
	say(map[string]any{"event": "over"})
	cpu = processorTime() - cpu
	time.Sleep(time.Second) // stragglers and repairs
	result := hall.result()
	result.ClientCPU = cpu.Seconds() / w.window.Seconds()
	say(result)
	told.Scan()
	return nil
}

// meet has two people meet in a room of their own: what a server does once in its life is then done.
func meet(w Workload) error {
	w.room, w.publishers, w.subscribers, w.audio, w.video = "warm", 1, 1, true, true
	hall, begun := newHall(w), time.Now()
	if err := hall.fill(); err != nil {
		return fmt.Errorf("the first two did not meet: %w", err)
	}
	alive, took := hall.await(w.limit), time.Since(begun)
	hall.leave()
	if alive < hall.wanted() {
		return fmt.Errorf("the first two did not meet: %d of %d tracks within %s", alive, hall.wanted(), w.limit)
	}
	say(map[string]any{"event": "met", "took_s": took.Seconds()})
	return nil
}

// Hall is the room with everybody in it.
type Hall struct {
	Workload
	pace  *Pace
	stop  chan struct{}
	sends sync.WaitGroup

	mu      sync.Mutex
	rooms   []*lksdk.Room
	tracks  map[string]*Sender // publisher/kind
	streams map[string]*Stream // subscriber/publisher/kind
	joinMS  []float64
	cuts    atomic.Int64 // disconnections and reconnections
}

func newHall(w Workload) *Hall {
	return &Hall{
		Workload: w, pace: newPace(), stop: make(chan struct{}),
		tracks: map[string]*Sender{}, streams: map[string]*Stream{},
	}
}

// wanted is how many subscriptions there shall be.
func (h *Hall) wanted() int {
	kinds := 0
	if h.audio {
		kinds++
	}
	if h.video {
		kinds++
	}
	if h.subscribers == 0 {
		return h.publishers * (h.publishers - 1) * kinds
	}
	return h.publishers * h.subscribers * kinds
}

// fill brings everybody in at the given pace, publishers first.
func (h *Hall) fill() error {
	n := h.publishers + h.subscribers
	errs := make(chan error, n)
	for i := range n {
		go func() {
			time.Sleep(time.Duration(float64(i) / h.joinsPerS * float64(time.Second)))
			if i < h.publishers {
				errs <- h.enter(fmt.Sprintf("p%d", i), h.phase(i), h.subscribers == 0)
			} else {
				errs <- h.enter(fmt.Sprintf("s%d", i-h.publishers), nil, true)
			}
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

// phase is when in its period the publisher of this number sends.
func (h *Hall) phase(number int) *float64 {
	phase := 0.0
	if !h.together {
		phase = float64(number) / float64(h.publishers)
	}
	return &phase
}

// enter is one participant's join, and its publishing at that phase if it does.
func (h *Hall) enter(identity string, publishes *float64, subscribes bool) error {
	return h.enterRoom(h.room, identity, publishes, subscribes)
}

func (h *Hall) enterRoom(name, identity string, publishes *float64, subscribes bool) error {
	token, err := auth.NewAccessToken(h.key, h.secret).
		SetIdentity(identity).
		SetVideoGrant(&auth.VideoGrant{RoomJoin: true, Room: name}).
		SetValidFor(9 * time.Minute).
		ToJWT()
	if err != nil {
		return err
	}
	callback := lksdk.NewRoomCallback()
	callback.OnTrackSubscribed = func(track *webrtc.TrackRemote, _ *lksdk.RemoteTrackPublication, p *lksdk.RemoteParticipant) {
		h.listen(identity, p.Identity(), track)
	}
	callback.OnReconnecting = func() { h.cuts.Add(1) }
	callback.OnDisconnected = func() { h.cuts.Add(1) }
	room := lksdk.NewRoom(callback)
	begun := time.Now()
	err = room.JoinWithToken(h.url, token, lksdk.WithAutoSubscribe(subscribes), lksdk.WithDisableRegionDiscovery())
	if err != nil {
		return fmt.Errorf("%s did not get in: %w", identity, err)
	}
	h.mu.Lock()
	h.rooms = append(h.rooms, room)
	h.joinMS = append(h.joinMS, time.Since(begun).Seconds()*1000)
	h.mu.Unlock()
	if publishes == nil {
		return nil
	}
	for _, kind := range []struct {
		on    bool
		video bool
	}{{h.audio, false}, {h.video, true}} {
		if kind.on {
			if err := h.publish(room, identity, *publishes, kind.video); err != nil {
				return fmt.Errorf("%s could not publish: %w", identity, err)
			}
		}
	}
	return nil
}

func (h *Hall) publish(room *lksdk.Room, identity string, phase float64, video bool) error {
	s := newSender(h.pace, phase, video, h.framePackets, h.packetBytes)
	options := &lksdk.TrackPublicationOptions{Name: s.kind()}
	if video {
		options.VideoWidth, options.VideoHeight = width, height
	}
	if _, err := room.LocalParticipant.PublishTrack(s.track, options); err != nil {
		return err
	}
	h.mu.Lock()
	h.tracks[identity+"/"+s.kind()] = s
	h.mu.Unlock()
	h.sends.Add(1)
	go func() {
		defer h.sends.Done()
		s.run(h.stop)
	}()
	return nil
}

// listen reads one subscription until it ends. What a stranger to this hall publishes is read and not counted.
func (h *Hall) listen(subscriber, publisher string, track *webrtc.TrackRemote) {
	if !strings.HasPrefix(publisher, "p") {
		go newStream(h.pace, publisher, track.Codec().MimeType, h.window, h.framePackets).run(track)
		return
	}
	kind := track.Kind().String()
	key := subscriber + "/" + publisher + "/" + kind
	h.mu.Lock()
	stream := h.streams[key]
	if stream == nil {
		stream = newStream(h.pace, publisher+"/"+kind, track.Codec().MimeType, h.window, h.framePackets)
		h.streams[key] = stream
	}
	h.mu.Unlock()
	go stream.run(track)
}

// await waits until every subscription has had a packet; how many have.
func (h *Hall) await(limit time.Duration) int {
	until := time.Now().Add(limit)
	for {
		live := 0
		h.mu.Lock()
		for _, s := range h.streams {
			if s.packets.Load() > 0 {
				live++
			}
		}
		h.mu.Unlock()
		if live >= h.wanted() || time.Now().After(until) {
			return live
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (h *Hall) leave() {
	close(h.stop)
	h.sends.Wait()
	var all sync.WaitGroup
	for _, room := range h.rooms {
		all.Go(room.Disconnect)
	}
	all.Wait()
}

func say(line any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(append(text, '\n'))
}

// processorTime is this process's own, user and system.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

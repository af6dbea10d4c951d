package main

// Crowds that come and go.
//
// Lives here: crowd (real participants, or sockets with nothing behind them, who come in at a pace and stay), churn
// (participants by hand: a socket, a scripted offer and a scripted answer, no packet; who leave again at once).
// Not here: a participant's join (main.go).
//
//	crowd: {"event":"in", …}    all have tried; then a line is awaited, and they leave
//	churn: {"event":"gone", …}  so many more have come and gone; a line is awaited before the next

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"
)

var (
	sockets = flag.Bool("sockets", false, "crowd: signal sockets only, that read and ping")
	receive = flag.Bool("receive", true, "crowd: subscribe to what the others publish")
	rooms   = flag.Int("rooms", 1, "crowd, churn: over how many rooms they are spread")
	abrupt  = flag.Bool("abrupt", false, "churn: by hand, and gone without a word")
	media   = flag.Bool("media", false, "churn: real participants, ten a room who send and receive, not by hand")
	total   = flag.Int("total", 10_000, "churn: how many come and go")
	every   = flag.Int("every", 1000, "churn: how many of them between two lines")
	atOnce  = flag.Int("at-once", 8, "churn: how many are in at the same time")
)

func crowd(w Workload) error {
	hall := newHall(w)
	var (
		mu    sync.Mutex
		took  []float64
		fails []string
		held  []*hand
		all   sync.WaitGroup
		begun = time.Now()
	)
	for i := range w.subscribers {
		all.Go(func() {
			time.Sleep(time.Duration(float64(i) / w.joinsPerS * float64(time.Second)))
			at, name := time.Now(), fmt.Sprintf("c%d", i)
			room := w.room
			if *rooms > 1 {
				room = fmt.Sprintf("%s-%d", w.room, i%*rooms)
			}
			var err error
			if *sockets {
				var h *hand
				if h, err = w.reach(room, name); err == nil {
					go h.stay()
					mu.Lock()
					held = append(held, h)
					mu.Unlock()
				}
			} else {
				err = hall.enterRoom(room, name, nil, *receive)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				fails = append(fails, err.Error())
			} else {
				took = append(took, time.Since(at).Seconds()*1000)
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	in := map[string]any{"event": "in", "in": len(took), "failed": fails, "took_s": time.Since(begun).Seconds()}
	if len(took) > 0 {
		in["join_ms"], in["join_p99_ms"] = took[len(took)/2], took[len(took)*99/100]
	}
	say(in)
	bufio.NewScanner(os.Stdin).Scan()
	cut := hall.cuts.Load()
	for _, h := range held {
		if h.ended.Load() {
			cut++
		}
	}
	say(map[string]any{"event": "over", "cuts": cut})
	for _, h := range held {
		h.leave()
	}
	hall.leave()
	return nil
}

func churn(w Workload) error {
	told := bufio.NewScanner(os.Stdin)
	for gone := 0; gone < *total; {
		begun, batch := time.Now(), min(*every, *total-gone)
		var err error
		if *media {
			err = w.meetings(gone, batch)
		} else {
			err = w.passers(gone, batch)
		}
		if err != nil {
			return err
		}
		gone += batch
		say(map[string]any{"event": "gone", "gone": gone, "took_s": time.Since(begun).Seconds()})
		told.Scan()
	}
	return nil
}

// meetings are calls of ten, audio and video, each ended once every subscription has had a packet.
func (w Workload) meetings(from, count int) error {
	w.publishers, w.subscribers, w.audio, w.video, w.joinsPerS = 10, 0, true, true, 1000
	for n := 0; n < count; n += w.publishers {
		w.room = fmt.Sprintf("meeting-%d", (from+n)/w.publishers%*rooms)
		hall := newHall(w)
		err := hall.fill()
		if alive := hall.await(w.limit); err == nil && alive < hall.wanted() {
			err = fmt.Errorf("%d of %d tracks within %s", alive, hall.wanted(), w.limit)
		}
		hall.leave()
		if err != nil {
			return err
		}
	}
	return nil
}

// passers come by hand, and go once the server has answered everything.
func (w Workload) passers(from, count int) error {
	var next atomic.Int64
	errs := make(chan error, *atOnce)
	for range *atOnce {
		go func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= count {
					errs <- nil
					return
				}
				if err := w.pass(fmt.Sprintf("%s-%d", w.room, (from+n)%*rooms), fmt.Sprintf("h%d", from+n)); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	var all []error
	for range *atOnce {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

func (w Workload) pass(room, name string) error {
	h, err := w.reach(room, name)
	if err != nil {
		return fmt.Errorf("%s did not get in: %w", name, err)
	}
	defer h.socket.Close()
	offer, err := h.await(func(m *livekit.SignalResponse) bool { return m.GetOffer() != nil })
	if err != nil {
		return err
	}
	for _, request := range []*livekit.SignalRequest{
		{Message: &livekit.SignalRequest_Answer{Answer: &livekit.SessionDescription{
			Type: "answer", Sdp: scriptedAnswer(offer.GetOffer().Sdp), Id: offer.GetOffer().Id,
		}}},
		{Message: &livekit.SignalRequest_AddTrack{AddTrack: &livekit.AddTrackRequest{
			Cid: "sound", Name: "sound", Type: livekit.TrackType_AUDIO, Source: livekit.TrackSource_MICROPHONE,
		}}},
		{Message: &livekit.SignalRequest_Offer{Offer: &livekit.SessionDescription{
			Type: "offer", Sdp: scriptedOffer, Id: 1,
		}}},
	} {
		if err := h.send(request); err != nil {
			return err
		}
	}
	if _, err := h.await(func(m *livekit.SignalResponse) bool { return m.GetAnswer() != nil }); err != nil {
		return err
	}
	if *abrupt {
		return nil
	}
	h.leave()
	_, _ = h.await(func(*livekit.SignalResponse) bool { return false }) // until the server has closed the socket
	return nil
}

// hand is a participant by hand: its socket.
type hand struct {
	socket *websocket.Conn
	mu     sync.Mutex
	ended  atomic.Bool
}

// reach opens a socket and reads the server's first word.
func (w Workload) reach(room, name string) (*hand, error) {
	token, err := auth.NewAccessToken(w.key, w.secret).
		SetIdentity(name).
		SetVideoGrant(&auth.VideoGrant{RoomJoin: true, Room: room}).
		SetValidFor(9 * time.Minute).
		ToJWT()
	if err != nil {
		return nil, err
	}
	query := url.Values{"access_token": {token}, "protocol": {"16"}, "sdk": {"go"}, "auto_subscribe": {"1"}}
	socket, response, err := websocket.DefaultDialer.Dial(w.url+"/rtc?"+query.Encode(), nil)
	if err != nil {
		if response != nil {
			err = fmt.Errorf("%w: %s", err, response.Status)
		}
		return nil, err
	}
	h := &hand{socket: socket}
	_, err = h.await(func(m *livekit.SignalResponse) bool { return m.GetJoin() != nil })
	return h, err
}

func (h *hand) await(matches func(*livekit.SignalResponse) bool) (*livekit.SignalResponse, error) {
	_ = h.socket.SetReadDeadline(time.Now().Add(time.Minute))
	for {
		_, data, err := h.socket.ReadMessage()
		if err != nil {
			return nil, err
		}
		told := &livekit.SignalResponse{}
		if err := proto.Unmarshal(data, told); err != nil {
			return nil, err
		}
		if matches(told) {
			return told, nil
		}
	}
}

func (h *hand) send(request *livekit.SignalRequest) error {
	data, err := proto.Marshal(request)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.socket.WriteMessage(websocket.BinaryMessage, data)
}

// stay reads and pings until the socket ends.
func (h *hand) stay() {
	_ = h.socket.SetReadDeadline(time.Time{})
	go func() {
		ping := &livekit.SignalRequest{Message: &livekit.SignalRequest_Ping{Ping: 1}}
		for h.send(ping) == nil {
			time.Sleep(5 * time.Second)
		}
	}()
	for {
		if _, _, err := h.socket.ReadMessage(); err != nil {
			h.ended.Store(true)
			return
		}
	}
}

func (h *hand) leave() {
	_ = h.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Leave{Leave: &livekit.LeaveRequest{}}})
}

const scripted = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n" +
	"a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 "

var (
	fingerprint   = strings.TrimSuffix(strings.Repeat("AB:", 32), ":") + "\r\n"
	scriptedOffer = scripted + fingerprint +
		"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=setup:actpass\r\na=rtcp-mux\r\n" +
		"a=sendonly\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n" +
		"a=msid:stream sound\r\na=ssrc:1234 cname:c\r\na=ssrc:1234 msid:stream sound\r\n"
)

// scriptedAnswer takes the data channels of an offer and declines everything else.
func scriptedAnswer(offer string) string {
	answer := scripted + fingerprint
	for n, section := range strings.Split(offer, "\r\nm=")[1:] {
		mid := fmt.Sprint(n)
		for line := range strings.SplitSeq(section, "\r\n") {
			if rest, ok := strings.CutPrefix(line, "a=mid:"); ok {
				mid = rest
			}
		}
		head, _, _ := strings.Cut(section, "\r\n")
		answer += "m=" + head + "\r\nc=IN IP4 0.0.0.0\r\na=mid:" + mid + "\r\na=setup:active\r\n"
		if strings.HasPrefix(head, "application") {
			answer += "a=sctp-port:5000\r\n"
		} else {
			answer += "a=rtcp-mux\r\na=inactive\r\n"
			for line := range strings.SplitSeq(section, "\r\n") {
				if strings.HasPrefix(line, "a=rtpmap:") || strings.HasPrefix(line, "a=fmtp:") {
					answer += line + "\r\n"
				}
			}
		}
	}
	return answer
}
